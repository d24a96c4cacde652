"""Chunks put together: in a file no more of them is held than one."""

import gc
import weakref

import numpy as np
import pytest

import driftmatch as dm
from driftmatch.recordings.collect import Chunk, collected


@pytest.mark.parametrize("in_memory", [True, False])
def test_how_many_chunks_are_held(in_memory):
    held, most = [], 0

    class Owned(np.ndarray):
        pass

    def chunks():
        nonlocal most
        for i in range(10):
            states = np.full((100, 2), float(i)).view(Owned)
            held.append(weakref.ref(states))
            yield Chunk(states)
            del states
            gc.collect()
            most = max(most, sum(states() is not None for states in held))

    found = collected("a file", chunks(), in_memory=in_memory)
    np.testing.assert_array_equal(found.states[::100, 0], range(10))
    assert most == (10 if in_memory else 1)


def test_no_room(monkeypatch):
    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("driftmatch.recordings.collect.scratch", Full)
    with pytest.raises(dm.ComputationError, match=r"No space left .* TMPDIR"):
        collected("a file", [Chunk(np.ones((3, 2)))], in_memory=False)
