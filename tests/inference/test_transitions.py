"""Steps between samples: none crosses a border, a gap or a sample that is missing."""

from itertools import pairwise

import numpy as np
import pytest

from driftmatch.inference.transitions import NUM_BLOCKS, Scaling, Transitions, block_numbers
from driftmatch.recordings.recording import Recording


def numbered(lengths, *, missing=(), dropped=()):
    """Segments of samples (place, place²), some of them NaN, some not there at all."""
    places = np.arange(sum(lengths))
    states = np.stack([places, places**2], axis=1).astype(float)
    states[list(missing), 1] = np.nan
    kept = ~np.isin(places, dropped)
    segment = np.repeat(np.arange(len(lengths)), lengths)[kept]
    starts = np.flatnonzero(np.diff(segment, prepend=-1))
    return Recording(states[kept], 0.5 * places[kept], starts)


@pytest.mark.parametrize("lag", [1, 2, 5])
def test_no_step_crosses_what_is_missing(lag):
    """By brute force: a step is there if all samples from its begin to its end are."""
    lengths, missing, dropped = [70, 60, 80], [10, 100, 101, 150], [30, 31, 32, 180]
    recording = numbered(lengths, missing=missing, dropped=dropped)
    slices = recording.pieces
    pieces = [recording.states[piece] for piece in slices if piece.stop - piece.start > lag]
    times = [recording.times[piece] for piece in slices if piece.stop - piece.start > lag]
    steps = Transitions.of(pieces, times, lag)
    borders, gone = np.cumsum([0, *lengths]), {*missing, *dropped}
    wanted = [
        place
        for first, end in pairwise(borders)
        for place in range(first, end - lag)
        if not gone & set(range(place, place + lag + 1))
    ]
    np.testing.assert_array_equal(steps.states[:, 0], wanted)
    np.testing.assert_array_equal(steps.steps[:, 0], lag)
    np.testing.assert_allclose(steps.intervals, 0.5 * lag)
    assert np.all(steps.weights == 1)


@pytest.mark.parametrize("N", [1, 63, 64, 1000])
def test_blocks_follow_one_another(N):
    blocks = block_numbers(N)
    assert blocks[0] == 0
    assert blocks[-1] == min(N, NUM_BLOCKS) - 1
    assert set(np.diff(blocks)) <= {0, 1}
    assert np.ptp(np.bincount(blocks)) <= 1


def test_a_part_is_of_all_blocks():
    piece = np.random.default_rng(0).standard_normal((1001, 2))
    steps = Transitions.of([piece], [np.arange(1001.0)])
    steps = steps._replace(spreads=np.zeros((1000, 2, 2)))
    part = steps.part(640)
    assert len(part.states) == len(part.spreads) == 640
    assert set(part.blocks) == set(steps.blocks)
    counts = np.bincount(part.blocks)
    assert counts.min() == counts.max() == 10
    assert steps.part(1000) is steps


UNITS = [np.ones(3), np.array([1e-9, 1e6, 1.0])]


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("periodic", [None, (None, None, 360.0)])
def test_scales_are_those_of_the_states(units, periodic):
    rng = np.random.default_rng(1)
    states = (rng.standard_normal((500, 3)) @ rng.standard_normal((3, 3)) + [5, -40, 1]) * units
    recording = Recording(states, np.arange(500.0), np.array([0]), periodic=periodic)
    scaling = Scaling.of(recording, [states])
    z = scaling.scale(states)
    straight = ~np.array(scaling.angles)
    np.testing.assert_allclose(z[:, straight].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.cov(z[:, straight].T), np.eye(straight.sum()), atol=2e-3)
    if periodic is not None:
        np.testing.assert_allclose(z[:, 2], np.radians(states[:, 2]))
    np.testing.assert_allclose(z @ scaling.factor.T + scaling.mean, states, rtol=1e-9)
    D = scaling.unscale_matrices(np.eye(3)[None])
    np.testing.assert_allclose(D[0], scaling.factor @ scaling.factor.T)
