"""How long a region is stayed in, although recordings end."""

import math

import numpy as np
import pytest
from chains import recording, regions, walk
from scipy import stats

from driftmatch.memory.dwell import dwell


def cut_recordings(seed, number=400, duration=5.0):
    """Two states with a mean dwell time of 2, recorded for 5."""
    rng = np.random.default_rng(seed)
    paths = [walk(np.array([[-0.5, 0.5], [0.5, -0.5]]), duration, rng) for _ in range(number)]
    # All trajectories of a recording share their times: a sample at every jump of any
    times = np.unique(np.concatenate([times for _, times in paths]))
    labels = [states[np.searchsorted(began, times, side="right") - 1] for states, began in paths]
    return dwell(recording(np.array(labels), times), regions(2))


def test_survival_is_exponential_although_recordings_end():
    """50 recordings at three times: 150 intervals, of which 95 % hold up to 1.8 %; those of the
    complete visits alone hold hardly ever."""
    held, naive = [], []
    at = np.array([0.5, 1.5, 3.0])
    for seed in range(50):
        d = cut_recordings(seed, 100)
        times, S, interval = d.survival()
        assert np.all(np.diff(S) < 0)
        assert np.all((interval[:, 0] <= S) & (interval[:, 1] >= S))
        row = np.searchsorted(times, at, side="right") - 1
        truth = np.exp(-0.5 * at)
        held.append((interval[row, 0] <= truth) & (truth <= interval[row, 1]))
        complete = d.dwell_times()
        fraction = np.mean(complete[:, None] > at, axis=0)
        error = np.sqrt(fraction * (1 - fraction) / len(complete))
        naive.append(np.abs(fraction - truth) <= 1.96 * error)
    assert np.mean(held) > 0.9
    assert np.mean(naive) < 0.5


def test_survival_of_one_region():
    d = cut_recordings(0)
    times, S, _ = d.survival(1)
    np.testing.assert_array_equal(times, np.unique(d.dwell_times(1)))
    assert S[np.searchsorted(times, 2.0)] == pytest.approx(math.exp(-1), abs=0.1)


def test_survival_against_another_implementation():
    """SciPy's product-limit estimator, with censoring and ties."""
    labels = np.random.default_rng(0).integers(0, 2, (30, 12))
    d = dwell(recording(labels), regions(2))
    times, S, interval = d.survival()
    cut = (d.left - d.entered)[d.is_last & ~d.is_first]
    curve = stats.ecdf(stats.CensoredData(uncensored=d.dwell_times(), right=cut)).sf
    np.testing.assert_allclose(S, curve.evaluate(times), rtol=1e-12)
    with pytest.warns(RuntimeWarning, match="undefined at some observations"):
        other = curve.confidence_interval(0.95, method="log-log")
    some = S > 0
    for column, end in enumerate((other.low, other.high)):
        np.testing.assert_allclose(interval[some, column], end.evaluate(times)[some], rtol=1e-4)


def test_survival_when_the_longest_visit_is_complete():
    """S ends at 0, where the formula for its variance does not hold: the interval is that before
    it, down to 0."""
    d = dwell(recording([0, 1, 1, 0, 1, 1, 1, 0]), regions(2))
    times, S, interval = d.survival()
    np.testing.assert_array_equal(times, [1, 2, 3])
    np.testing.assert_allclose(S, [2 / 3, 1 / 3, 0])
    assert interval[2, 0] == 0
    assert interval[2, 1] == interval[1, 1] < 1
    d = dwell(recording([0, 1, 0]), regions(2))
    times, S, interval = d.survival()
    np.testing.assert_array_equal(interval, [[0, 1]])
