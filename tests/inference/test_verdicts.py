"""No verdict is kinder than the recording: each defect is told, and none where there is none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from paths import KEY, linear, recorded

import driftmatch as dm
from driftmatch import systems
from driftmatch.outcomes import Outcome

DT = 0.05
A, D = np.array([[-2.0, 1.0], [-1.0, -2.0]]), np.eye(2)
OSCILLATOR = np.array([[0.0, 1.0], [-1.0, -0.5]])


def clean(number, seed=0):
    return linear(A, D, DT * np.arange(number), seed)


def too_short():
    return clean(100)


def too_coarse():
    """Samples three relaxation times apart, each nearly independent of the one before."""
    return linear(A, D, 1.5 * np.arange(4000))


def one_of_two_coordinates():
    """The position of an oscillator, without its velocity."""
    return linear(OSCILLATOR, np.diag([1e-7, 0.25]), 0.1 * np.arange(10_000))[:, :1]


def jumps():
    """Between two states of a process, by three of its standard deviations, ten times or so."""
    rng, z = np.random.default_rng(2), np.zeros((5000, 2))
    leap = 3 * rng.standard_normal((5000, 2)) * (rng.random((5000, 1)) < 0.005)
    for t in range(1, 5000):
        z[t] = 0.95 * z[t - 1] + 0.22 * rng.standard_normal(2) + leap[t]
    return z


def coloured_noise():
    """Forces that last as long as the process remembers."""
    slow = linear(-np.eye(2), np.eye(2), DT * np.arange(5000), 3)
    z = np.zeros_like(slow)
    for t in range(1, len(z)):
        z[t] = z[t - 1] + DT * (slow[t] - z[t - 1])
    return z


def force_that_stays():
    """In single steps a twentieth of the noise, for ten times as long as the process remembers."""
    rng, dt, number = np.random.default_rng(5), 0.01, 200_000
    force = 0.5 * linear([[-0.1]], [[0.1]], dt * np.arange(number), 6)
    z = np.zeros((number, 1))
    for t in range(1, number):
        z[t] = z[t - 1] + dt * (force[t - 1] - z[t - 1]) + np.sqrt(dt) * rng.standard_normal(1)
    return z


def trend():
    return clean(10_000) + np.linspace(0, 8, 10_000)[:, None]


def outliers():
    z = clean(5000)
    rng = np.random.default_rng(1)
    z[rng.choice(5000, 25, replace=False)] += 5 * rng.standard_normal((25, 2))
    return z


def seen_through_fog():
    """Measurement noise larger than what is measured."""
    z = clean(4000)
    return z + np.random.default_rng(4).standard_normal(z.shape)


def in_turn(*rates_and_sizes):
    """dz = −rate z dt + √(2 size) dB with other parameters in each half."""
    parts = [
        linear([[-rate]], [[size]], DT * np.arange(5000), seed)
        for seed, (rate, size) in enumerate(rates_and_sizes)
    ]
    return np.concatenate(parts)


def faster():
    """Twice and a half as fast in the second half, with the same density."""
    return in_turn((1.0, 1.0), (2.5, 2.5))


def louder():
    return in_turn((1.0, 1.0), (1.0, 2.0))


def slow_beside_fast():
    """Of the slow coordinate there is little to be seen, of the fast one enough for two."""
    return linear(np.diag([-0.02, -5.0]), np.diag([0.02, 5.0]), DT * np.arange(5000))


DEFECTS = {
    too_short: {Outcome.UNCERTAIN_DRIFT},
    coloured_noise: {Outcome.NOT_MARKOV},
    trend: {Outcome.TRANSIENT},
    jumps: {Outcome.NOT_NORMAL},
    faster: {Outcome.TRANSIENT},
    louder: {Outcome.TRANSIENT},
    slow_beside_fast: {Outcome.UNCERTAIN_DRIFT, Outcome.TRANSIENT},
}
SLOW_DEFECTS = {
    too_coarse: {Outcome.COARSE_RECORDING},
    one_of_two_coordinates: {Outcome.NOT_MARKOV},
    outliers: {Outcome.NOT_NORMAL},
    force_that_stays: {Outcome.NOT_MARKOV},
    seen_through_fog: {Outcome.MEASUREMENT_NOISE},
}


@pytest.mark.parametrize(
    ("make", "outcomes"),
    [
        *DEFECTS.items(),
        *(pytest.param(*item, marks=pytest.mark.slow) for item in SLOW_DEFECTS.items()),
    ],
)
def test_a_defect_is_told(make, outcomes):
    found = dm.infer(make(), dt=DT, key=KEY)
    assert found.outcome in outcomes, found.findings
    assert found.reason is not None
    assert found.findings[0] in found.reason


@pytest.mark.slow
def test_a_transient_is_told():
    """Twenty runs that all begin far away and end before they settle, one after the other."""
    sde = dm.SDE(lambda z: -z + 3 * jnp.tanh(2 * z), 0.3, 1, start=[0.01])
    run = dm.simulate(sde, duration=4.0, dt=0.005, save_every=10, key=KEY, num_trajectories=2)
    states = np.asarray(run.states, float)
    found = dm.infer(np.concatenate(states), dt=DT, key=KEY)
    assert not found.outcome.ok, found


@pytest.mark.slow
def test_a_larger_lag_is_taken_where_it_helps():
    """A process whose fast part, two hundred times faster than the slow one, is not recorded."""
    fast = np.array([[-1.0, 30.0], [0.0, -200.0]])
    z = linear(fast, np.diag([1e-4, 500.0]), 0.005 * np.arange(40_000))[:, :1]
    found = dm.infer(z, dt=0.005, key=KEY)
    assert found.lag > 1
    assert found.residuals.is_white
    given = dm.infer(z, dt=0.005, key=KEY, lag=1)
    assert given.outcome is Outcome.NOT_MARKOV
    assert given.lag == 1


CLEAN = {
    "linear": (lambda: systems.ornstein_uhlenbeck(), 0.05),
    "cycle": (lambda: systems.limit_cycle(), 0.05),
    "relaxation oscillator": (lambda: systems.van_der_pol(), 0.02),
    "noise of the state": (lambda: systems.kubo_oscillator(), 0.02),
    "wells": (lambda: systems.double_well(), 0.05),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CLEAN)
def test_there_are_no_false_alarms(name):
    """Of four clean recordings of 20 000 samples one at most is complained of: if each were once in
    twenty, this fails once in seventy."""
    make, dt = CLEAN[name]
    alarms = []
    for seed in range(4):
        z = recorded(make(), 20_000, dt, seed=seed)
        found = dm.infer(z, dt=dt, key=jax.random.key(seed))
        if not found.outcome.ok:
            alarms.append(found.reason)
    assert len(alarms) <= 1, alarms
