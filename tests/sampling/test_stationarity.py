"""What tells a run that has settled from one that has not."""

import numpy as np
import pytest

from driftmatch.sampling.stationarity import Stationarity, are_resting, slowest_relaxation

SPACING = 0.1


def relaxing(rng, rates, start, num_trajectories, num_samples):
    """dz_i = −λ_i z_i dt + √(2λ_i) dB_i, sampled exactly; of variance 1 when stationary."""
    keep = np.exp(-np.asarray(rates) * SPACING)
    z = np.empty((num_trajectories, num_samples, len(keep)))
    z[:, 0] = start(rng, (num_trajectories, len(keep)))
    kicks = np.sqrt(1 - keep**2) * rng.standard_normal(z.shape)
    for t in range(1, num_samples):
        z[:, t] = keep * z[:, t - 1] + kicks[:, t]
    return z


def stationary_start(rng, shape):
    return rng.standard_normal(shape)


def far_start(rng, shape):
    return np.full(shape, 6.0)


@pytest.mark.parametrize("rates", [[0.5], [0.2, 2.0], [0.5, 1.0, 3.0]])
def test_the_slowest_relaxation(rates):
    """1/λ of the slowest coordinate, whatever the coordinates: to 20 %, four errors or so."""
    run = relaxing(np.random.default_rng(0), rates, stationary_start, 256, 400)
    mix = np.random.default_rng(1).normal(size=(len(rates),) * 2)
    for states in (run, run @ mix, 1e200 * run, 1e-200 * run):
        assert slowest_relaxation(states, SPACING) == pytest.approx(1 / min(rates), rel=0.2)


def test_what_never_forgets_relaxes_slowly():
    steps = np.random.default_rng(0).standard_normal((16, 400, 1))
    assert slowest_relaxation(np.cumsum(steps, axis=1), SPACING) > 100 * SPACING
    assert slowest_relaxation(np.zeros((16, 400, 1)), SPACING) > 0


SETTLED = relaxing(np.random.default_rng(0), [1.0, 3.0], stationary_start, 64, 4000)
DRIFTING = relaxing(np.random.default_rng(0), [0.05, 3.0], far_start, 64, 400)
APART = relaxing(np.random.default_rng(0), [1e-9, 3.0], stationary_start, 64, 4000)


@pytest.mark.parametrize("unit", [1.0, 1e100, 1e-100])
def test_what_has_settled_and_what_has_not(unit):
    """Of 12 800 independent states means agree to 0.01, and trajectories' scatter is 0.005."""
    settled = Stationarity.of(unit * SETTLED, [None, None])
    assert settled.halves_agree
    assert settled.is_mixed
    drifting = Stationarity.of(unit * DRIFTING, [None, None])
    assert not drifting.halves_agree
    assert drifting.axis == 0
    apart = Stationarity.of(unit * APART, [None, None])
    assert apart.halves_agree
    assert not apart.is_mixed
    assert apart.axis == 0
    assert apart.effective_number < 100 < settled.effective_number


def test_an_angle_that_goes_round_has_settled():
    turns = np.linspace(0, 40, 800)[None, :, None] + np.random.default_rng(0).random((64, 1, 1))
    assert Stationarity.of(turns, [1.0]).halves_agree
    assert not Stationarity.of(turns, [None]).halves_agree


def test_what_rests():
    rng = np.random.default_rng(0)
    gone = np.exp(-np.linspace(0, 100, 400))[None, :, None] * rng.standard_normal((8, 1, 2)) + 5
    moving = rng.standard_normal((8, 400, 2))
    resting = are_resting(np.concatenate([gone, moving]), np.ones(2))
    np.testing.assert_array_equal(resting, [True] * 8 + [False] * 8)
