"""Turns round a ring of wells, and dwell times in two."""

import math
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from chains import chains, coverage
from scipy import integrate

import driftmatch as dm
from driftmatch.memory.dwell import dwell
from driftmatch.memory.regions import Regions
from driftmatch.outcomes import Outcome


def passage(start, end, D):
    """Mean first passage in the double well by quadrature, start above end."""

    def V(x):
        return x**4 / 4 - x**2 / 2

    def inner(y):
        weight = lambda x: math.exp((V(y) - V(x)) / D)  # noqa: E731
        return integrate.quad(weight, y, 4, limit=200, points=[max(1.0, y)])[0]

    return integrate.quad(inner, end, start, limit=200)[0] / D


def test_dwell_times_in_the_double_well():
    """A visit lasts from the inner edge of one core to that of the other: by quadrature. Changes
    of sign, the textbook's crossings, would end most visits at once."""
    D = 0.1
    run = dm.simulate(
        dm.systems.double_well((2 * D) ** 0.5),
        duration=2000.0,
        dt=0.01,
        save_every=2,
        key=jax.random.key(0),
        num_trajectories=64,
    )
    for radius in (0.2, 0.5):
        d = dwell(run, Regions([[-1.0], [1.0]], radius))
        rate = d.leaving_rate()
        assert rate.events > 1500
        # The path is seen in a core 0.58 σ√Δt (Siegmund's overshoot) after its edge.
        late = 0.5826 * (2 * D * 0.02) ** 0.5
        exact = passage(1 - radius + late, -1 + radius - late, D)
        low, high = rate.mean_time_interval
        assert low < exact < high
        assert d.outcome is Outcome.SUCCESS
    crossings = np.sum(np.diff(np.sign(run.states[..., 0]), axis=1) != 0)
    assert crossings > 5 * rate.events


D_RING = 0.45**2 / 2


GROUPS = 32


def ring(torque, seed, num_trajectories=256):
    sde = dm.systems.ring_of_wells(torque=torque)
    run = dm.simulate(
        sde,
        duration=500.0,
        dt=0.02,
        save_every=5,
        key=jax.random.key(seed),
        num_trajectories=num_trajectories,
    )
    parts = (
        SimpleNamespace(times=run.times, states=states) for states in np.split(run.states, GROUPS)
    )
    return dwell(run, sde.starts), [dwell(part, sde.starts) for part in parts]


@pytest.fixture(scope="module")
def rings():
    return {torque: ring(torque, seed) for seed, torque in enumerate((0.0, 0.1, 0.2, 0.4, -0.2))}


@pytest.mark.parametrize("torque", [0.0, 0.1, 0.2, 0.4, -0.2])
def test_local_detailed_balance(rings, torque):
    """k₊/k₋ = exp(2πRF/(mD)). Of 32 intervals of 95 % at least 27 hold it (fewer once in 170
    times), and all 256 trajectories together are within 3.3 errors (not so once in 1000); D = σ²
    or a whole turn in place of a sixth are far outside."""
    whole, parts = rings[torque]
    exact = 2 * math.pi * torque / (6 * D_RING)
    assert coverage([part.log_rate_ratio_interval for part in parts], exact) >= 27 / GROUPS
    error = (1 / whole.forward_rate.events + 1 / whole.backward_rate.events) ** 0.5
    assert error < 0.1
    assert abs(whole.log_rate_ratio - exact) < 3.3 * error
    assert whole.outcome is Outcome.SUCCESS
    if torque:
        low, high = whole.log_rate_ratio_interval
        for wrong in (exact / 2, 6 * exact):
            assert not low < wrong < high


def test_no_torque_no_turns(rings):
    whole, parts = rings[0.0]
    assert coverage([part.net_turns_interval for part in parts], 0.0) >= 27 / GROUPS
    assert coverage([part.in_order_interval for part in parts], 0.5) >= 27 / GROUPS
    low, high = whole.net_turns_interval
    assert high - low < 3e-4
    assert low < 5e-5
    assert high > -5e-5
    for torque in (0.1, 0.2, 0.4):
        assert rings[torque][0].net_turns_interval[0] > 0


def test_the_opposite_torque_reverses(rings):
    forward, backward = rings[0.2][0], rings[-0.2][0]
    assert backward.net_turns_interval[1] < 0
    # Both are estimates: their difference is held against the errors of both, error rate 1e-3.
    errors = [np.ptp(each.net_turns_interval) / (2 * 1.96) for each in (forward, backward)]
    apart = forward.net_turns_per_time + backward.net_turns_per_time
    assert abs(apart) < 3.29 * np.hypot(*errors)
    assert forward.net_turns_per_time > 3.29 * np.hypot(*errors)  # or else 0 would pass, too
    assert forward.in_order_fraction == pytest.approx(1 - backward.in_order_fraction, abs=0.03)


@pytest.fixture(scope="module")
def driven():
    """One recording of a ring with torque."""
    sde = dm.systems.ring_of_wells(torque=0.4)
    run = dm.simulate(sde, duration=300.0, dt=0.02, key=jax.random.key(3), num_trajectories=128)
    return sde.starts, run


def test_large_cores_are_crossed_back_and_forth(driven):
    """Why the default radius is small: balls that nearly touch let the state leave by the side it
    came in, which adds as many jumps forward as backward. One recording, cores of 0.07, 0.14 (the
    default), 0.3 and 0.45 of the distance."""
    wells, run = driven
    cores = Regions(wells, 0.07), wells, Regions(wells, 0.3), Regions(wells, 0.45)
    small, default, middle, large = (dwell(run, of).log_rate_ratio for of in cores)
    assert abs(default - small) < 0.1
    assert middle < default - 0.1
    assert large < default - 1


def test_turns_are_those_of_the_angle(driven):
    """The same walk by another route: how far its angle turned, in full turns."""
    wells, run = driven
    d = dwell(run, wells)
    angle = np.unwrap(np.arctan2(run.states[..., 1], run.states[..., 0]), axis=1)
    turned = np.sum(angle[:, -1] - angle[:, 0]) / (2 * math.pi)
    assert turned == pytest.approx(d.net_turns, abs=128 / 6)
    assert d.net_turns > 10 * 128 / 6


def test_turns_of_a_markov_chain():
    """Few jumps: 200 recordings of some ten jumps, 95 % of the intervals hold to 1.5 %. The usual
    error, √Σ steps², has no width where there were no jumps."""
    forward, backward = 0.6, 0.1
    W = 4
    generator = np.zeros((W, W))
    for w in range(W):
        generator[w, (w + 1) % W], generator[w, w - 1] = forward, backward
    generator -= np.diag(generator.sum(axis=1))
    truth = (forward - backward) / W
    for duration in (1.0, 15.0):
        found = list(chains(duration, generator))
        assert coverage([d.net_turns_interval for d in found], truth) > 0.92
    usual = []
    for d in chains(1.0, generator):
        error = 1.96 * np.sqrt(np.sum(d.steps**2)) / W / d.total_time
        usual.append((d.net_turns_per_time - error, d.net_turns_per_time + error))
    assert coverage(usual, truth) < 0.7
