"""What recordings dissipate."""

import jax
import numpy as np
import pytest
import scipy.linalg

import driftmatch as dm
from driftmatch.outcomes import Outcome
from driftmatch.simulation.trajectory import Trajectory

B = np.array([[2.0, -1.0], [1.0, 2.0]])
OU = dm.systems.ornstein_uhlenbeck(B)  # covariance ½ and σ̇ = 1


def exact_recording(seed, spacing, num_samples, num_trajectories):
    """Of `OU`, sampled without any error of steps."""
    rng = np.random.default_rng(seed)
    keep = scipy.linalg.expm(-B * spacing)
    root = np.linalg.cholesky(0.5 * (np.eye(2) - keep @ keep.T))
    z = np.empty((num_trajectories, num_samples, 2))
    z[:, 0] = 0.5**0.5 * rng.standard_normal((num_trajectories, 2))
    kicks = rng.standard_normal(z.shape) @ root.T
    for t in range(1, num_samples):
        z[:, t] = z[:, t - 1] @ keep.T + kicks[:, t]
    return Trajectory(spacing * np.arange(num_samples), z, Outcome.SUCCESS, OU.name, spacing)


def rate_of(run):
    return dm.irreversibility(OU, method="path", trajectory=run)


@pytest.mark.parametrize("num_trajectories", [1, 2, 16])
def test_standard_errors_cover(num_trajectories):
    """Of 40 seeds at most 9 are more than two errors off, which is by chance 1 in 4000 at the
    6 % of Student's t with 15 degrees; the errors are not idle either."""
    length = 2001 if num_trajectories < 8 else 401
    runs = [rate_of(exact_recording(s, 0.02, length, num_trajectories)) for s in range(40)]
    off = np.array([run.entropy_production - 1 for run in runs])
    errors = np.array([run.standard_error for run in runs])
    assert np.sum(np.abs(off) > 2 * errors) <= 9
    assert 0.6 < np.sqrt(np.mean((off / errors) ** 2)) < 1.6
    # Of the total entropy the variance is 2σ̇t, and a little more.
    least = np.sqrt(2 / (num_trajectories * length * 0.02))
    assert least < np.median(errors) < 2 * least


def test_the_error_of_the_sampling_is_extrapolated_away():
    """Sums at a spacing Δ give sin(Δ)e^{−2Δ}/Δ of the rate here: 10 % and 19 % too little."""
    run = exact_recording(0, 0.05, 4001, 64)
    record = rate_of(run)
    assert abs(record.entropy_production - 1) < 4 * record.standard_error + 0.012
    assert record.standard_error < 0.03
    assert record.outcome is Outcome.SUCCESS


@pytest.mark.parametrize("spacing", [0.2, 0.5, 2.0])
def test_samples_too_far_apart_are_told(spacing):
    """Even so far apart that neither sum is left with a current to see."""
    assert rate_of(exact_recording(0, spacing, 2000, 16)).outcome is Outcome.COARSE_SAMPLING


@pytest.mark.parametrize(("dt", "outcome"), [(0.2, "COARSE_SAMPLING"), (0.5, "OVERSHOT")])
def test_steps_too_long_are_told(dt, outcome):
    record = dm.irreversibility(OU, key=jax.random.key(0), method=dm.PathRoute(dt=dt, burn_in=20.0))
    assert record.outcome is Outcome[outcome]


def test_frozen_recordings_are_told():
    run = exact_recording(0, 0.02, 100, 16)
    still = Trajectory(run.times, np.repeat(run.states[:, :1], 100, axis=1), run.outcome, "", 0.02)
    assert not rate_of(still).outcome.ok


def test_odd_and_even_numbers_of_steps():
    run = exact_recording(0, 0.02, 1000, 16)
    odd = Trajectory(run.times[:999], run.states[:, :999], run.outcome, run.name, run.dt)
    assert rate_of(run).entropy_production == rate_of(odd).entropy_production


def test_gradients_leave_only_their_ends():
    """A double well: at most the heat of one path from end to end, though σ̇ scatters by much."""
    sde = dm.systems.double_well()
    run = dm.simulate(sde, duration=50.0, dt=0.02, key=jax.random.key(0), num_trajectories=16)
    record = dm.irreversibility(sde, method="path", trajectory=run)
    x = run.states[..., 0]
    potential = (x**4 / 4 - x**2 / 2) / 0.125
    expected = (potential[:, 0] - potential[:, -1]).mean() / 50.0
    assert record.entropy_production == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_trajectories": 0}, "num_trajectories must be"),
        ({"num_trajectories": "many"}, "num_trajectories must be"),
        ({"duration": 1e-3}, "duration = 0.001 is too short"),
        ({"duration": "long"}, "duration must be"),
        ({"burn_in": -1.0}, "burn_in must be"),
        ({"dt": "fine"}, "dt must be"),
    ],
)
def test_bad_input(change, words):
    with pytest.raises(dm.InputError, match=words):
        dm.irreversibility(OU, key=jax.random.key(0), method=dm.PathRoute(**change))


def test_there_are_no_fields():
    record = rate_of(exact_recording(0, 0.02, 100, 1))
    assert not record.has_fields
    for field in (record.score, record.irreversible, record.reversible):
        with pytest.raises(dm.InputError, match='gives no fields: use method="score"'):
            field([0.0, 0.0])
