"""The route through the score: its outcomes and options."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.outcomes import Outcome

KEY = jax.random.key(0)
OU = dm.systems.ornstein_uhlenbeck()
CYCLE = dm.systems.limit_cycle(2.0, 0.1**0.5)
QUICK = {"num_samples": 4000, "burn_in": 20.0, "duration": 50.0}


def test_too_few_samples_for_the_features_are_told():
    """One path of a cycle, for 1¼ of its turns."""
    run = dm.simulate(CYCLE, duration=4.0, dt=0.01, key=jax.random.key(1))
    record = dm.irreversibility(CYCLE, method=dm.ScoreRoute(num_features=4), trajectory=run)
    assert record.outcome is Outcome.UNDERSAMPLED


@pytest.mark.slow
def test_too_few_features_for_the_score_are_told():
    """A quadratic and one feature make a double well dissipate; sixty-four do not."""
    sde = dm.systems.double_well(0.2**0.5)
    poor, rich = (
        dm.irreversibility(sde, key=KEY, method=dm.ScoreRoute(num_features=n, **QUICK))
        for n in (1, 64)
    )
    assert poor.outcome is Outcome.UNRESOLVED
    assert poor.entropy_production > 0.5
    assert rich.outcome is Outcome.SUCCESS
    assert rich.entropy_production < 0.01


@pytest.mark.slow
def test_standard_errors_cover():
    """Of 20 seeds at most 6 are more than two errors off, by chance one set in 3000 at 5 %."""
    options = QUICK | {"num_trajectories": 16, "num_features": 8}
    runs = [
        dm.irreversibility(OU, key=jax.random.key(seed), method=dm.ScoreRoute(**options))
        for seed in range(20)
    ]
    off = np.array([run.entropy_production - 1 for run in runs])
    errors = np.array([run.standard_error for run in runs])
    assert np.sum(np.abs(off) > 2 * errors) <= 6
    assert 0.5 < np.sqrt(np.mean((off / errors) ** 2)) < 1.6


@pytest.mark.parametrize("num_trajectories", [1, 2, 3])
def test_few_trajectories(num_trajectories):
    """Four standard errors, of which those from 20 blocks are the least sure: one in 1000."""
    route = dm.ScoreRoute(num_features=16, num_trajectories=num_trajectories, **QUICK)
    record = dm.irreversibility(OU, key=KEY, method=route)
    assert abs(record.entropy_production - 1) < 4 * record.standard_error
    assert 0 < record.standard_error < 0.5


@pytest.mark.slow
def test_the_same_key_gives_the_same_record_and_another_another():
    route = dm.ScoreRoute(num_features=16, **QUICK)
    one, same, other = (
        dm.irreversibility(OU, key=jax.random.key(seed), method=route) for seed in (0, 0, 1)
    )
    assert one.entropy_production == same.entropy_production
    np.testing.assert_array_equal(one.states, same.states)
    assert one.entropy_production != other.entropy_production


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_features": "many"}, "num_features must be a whole number"),
        ({"num_features": 0}, "num_features must be a whole number"),
        ({"slope": "steep"}, "slope must be a positive number"),
        ({"slope": None}, "slope must be a positive number"),
        ({"slope": True}, "slope must be a positive number"),
        ({"slope": np.nan}, "slope must be a positive number"),
        ({"slope": -1.0}, "slope must be a positive number"),
        ({"num_samples": "a"}, "num_samples must be a whole number"),
        ({"num_samples": 0}, "num_samples must be a whole number"),
        ({"num_samples": 100}, "samples are too few for 32 features: give at least 320"),
        ({"num_trajectories": 2.0}, "num_trajectories must be a whole number"),
        ({"duration": "long"}, "duration must be a positive number"),
        ({"duration": 1e-9}, "too short for an error estimate"),
        ({"burn_in": 0}, "burn_in must be a positive number"),
        ({"dt": "x"}, "dt must be a positive number"),
    ],
)
def test_bad_input(change, words):
    with pytest.raises(dm.InputError, match=words):
        dm.irreversibility(
            OU, key=KEY, method=dm.ScoreRoute(**({"num_features": 32} | QUICK | change))
        )
