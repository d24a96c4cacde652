"""Parts of a recording: of one long piece, and of many short trials."""

import numpy as np
import pytest

from driftmatch.inference.stretches import Stretches


@pytest.mark.parametrize(("count", "length"), [(1, 100_000), (5000, 20), (100, 1000), (3, 33_333)])
def test_a_part_is_even_and_serves_every_lag(count, length):
    pieces = [np.full((length, 1), float(i)) for i in range(count)]
    whole = Stretches(pieces, [np.arange(length) * 0.1] * count)
    part = whole.part(10_000)
    total = sum(map(len, part.pieces))
    assert 0.5 * 10_000 <= total <= 1.1 * 10_000
    for lag in (1, 2, 16):
        transitions, follows = part.apart(lag)
        assert len(transitions.states) == len(follows) > 100
        np.testing.assert_allclose(transitions.intervals, 0.1 * lag)
    assert np.ptp(np.concatenate(part.pieces)) >= 0.9 * (count - 1)
    assert whole.part(count * length) is whole
