"""Walks through rings of wells, target beside network."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory import sequential
from driftmatch.memory.landscape import landscape
from driftmatch.memory.sequential import walk, walk_curve

KEY = jax.random.key(0)
D = 0.45**2 / 2
SHORT = {"duration": 400.0, "num_trajectories": 16}


def theory(torque, num_wells=6):
    return 2 * np.pi * torque / (num_wells * D)


@pytest.fixture(scope="module")
def curve():
    return walk_curve(
        lambda F: dm.systems.ring_of_wells(6, F), [-0.3, 0.0], key=KEY, num_neurons=64, **SHORT
    )


@pytest.mark.slow
def test_order_turns_and_dissipation(curve):
    """Detailed balance at two torques, in intervals of 99.9 %: of four one fails once in 250."""
    widen = 3.29 / 1.96
    for walks in (curve.targets, curve.networks):
        back, still = walks
        for one, torque in zip(walks, curve.values, strict=True):
            low, high = one.dwell.log_rate_ratio_interval
            value = one.dwell.log_rate_ratio
            assert value + widen * (low - value) < theory(torque) < value + widen * (high - value)
        assert back.dwell.net_turns < 0
        (low, high), value = still.dwell.net_turns_interval, still.dwell.net_turns_per_time
        assert value + widen * (low - value) < 0 < value + widen * (high - value)
        # Of the network a little, by what its drift is off
        bound = 0.01 * back.irreversibility.entropy_production
        assert still.irreversibility.entropy_production < bound
        # 2πRF/D a turn, were each a full one: turns cannot dissipate more than there is
        turns = -back.dwell.net_turns_per_time
        assert back.irreversibility.entropy_production == pytest.approx(
            turns * 2 * np.pi * 0.3 / D, rel=0.25
        )


@pytest.mark.slow
def test_networks_dwell_as_their_targets(curve):
    for target, network in zip(curve.targets, curve.networks, strict=True):
        means = [w.dwell.leaving_rate().mean_time for w in (target, network)]
        assert means[1] == pytest.approx(means[0], rel=0.25)
    assert curve.drift_errors.max() < 0.02
    assert curve.parameter == "torque"


@pytest.mark.slow
def test_regions_of_ones_own_in_three_dimensions():
    """Beyond two dimensions the rate comes from the score."""
    centres = 2 * np.eye(3)
    sde = dm.systems.wells(centres, noise=0.9)
    one = walk(sde, centres, key=KEY, duration=200.0, num_trajectories=16)
    assert one.irreversibility.method == "score"
    assert one.irreversibility.entropy_production < 4 * one.irreversibility.standard_error + 0.02
    assert len(one.dwell.jumps) > 20


class Drift(eqx.Module):
    """Of the double well, `slow` times slower; as a module, so that it is compiled only once."""

    slow: jax.Array

    def __call__(self, z):
        return (z - z**3) / self.slow


class Diffusion(eqx.Module):
    noise: jax.Array

    def __call__(self, z):
        return jnp.full((1, 1), self.noise)


def slow_well(slow, time_scale=None):
    diffusion = Diffusion(jnp.asarray((0.2 / slow) ** 0.5))
    starts = [[1.0], [-1.0]]
    return dm.SDE(Drift(jnp.asarray(slow)), diffusion, 1, start=starts, time_scale=time_scale)


@functools.cache
def slow_walk(slow):
    return walk(slow_well(slow), key=KEY, duration=400 * slow, num_trajectories=8)


@pytest.mark.parametrize("slow", [pytest.param(1e-3, marks=pytest.mark.slow), 1.0, 1e3])
def test_the_unit_of_time_does_not_matter(slow):
    """Without a time scale given: the same noise in the same steps, and so the same walk."""
    one, other = slow_walk(slow), slow_walk(1.0)
    assert one.trajectory.dt == pytest.approx(slow * other.trajectory.dt, rel=1e-3)
    np.testing.assert_array_equal(one.dwell.counts, other.dwell.counts)
    assert 30 < len(one.dwell.jumps) < 80
    rates = [w.dwell.leaving_rate() for w in (one, other)]
    assert rates[0].mean_time == pytest.approx(slow * rates[1].mean_time, rel=1e-3)
    assert np.array(rates[0].interval) * slow == pytest.approx(rates[1].interval, rel=1e-3)
    assert one.irreversibility is not None
    assert abs(one.irreversibility.entropy_production) * slow < 1e-6


def test_steps_for_another_unit_of_time_would_not_do():
    with pytest.raises(dm.ComputationError, match="non-finite"):
        walk(slow_well(1e-3), key=KEY, duration=0.4, dt=0.04, num_trajectories=8)


@pytest.fixture
def no_irreversibility(monkeypatch):
    monkeypatch.setattr(sequential, "irreversibility", lambda *args, **options: None)


@pytest.mark.usefixtures("no_irreversibility")
def test_default_steps():
    """A 50th of the time scale that is given, and for a network at most a 20th of τ; a run that is
    shorter than the time between two samples has two."""
    one = walk(slow_well(1.0, time_scale=0.5), key=KEY, duration=20.0, num_trajectories=2)
    assert one.trajectory.dt == pytest.approx(0.01)
    assert np.diff(one.trajectory.times)[0] == pytest.approx(0.1)
    short = walk(slow_well(1.0, time_scale=0.5), key=KEY, duration=0.03, num_trajectories=2)
    assert len(short.trajectory.times) == 2
    network = dm.Network(
        [[3.0], [-2.0]], [[0.9, -0.6]], [0.5, 0.0], shared_noise=0.7, tau=0.01, time_scale=1.0
    )
    one = walk(network, [[-1.0], [1.0]], key=KEY, duration=1.0, num_trajectories=2)
    assert one.trajectory.dt == pytest.approx(0.01 / 20)


def test_without_noise_along_a_direction_there_is_a_walk_but_no_irreversibility():
    """A particle with inertia: its position has no noise."""
    sde = dm.SDE(
        lambda z: jnp.stack([z[1], z[0] - z[0] ** 3 - z[1]]),
        np.array([[0.0], [0.6]]),
        2,
        start=[[1.0, 0.0], [-1.0, 0.0]],
        time_scale=1.0,
    )
    one = walk(sde, key=KEY, duration=100.0, num_trajectories=8)
    assert one.irreversibility is None
    assert len(one.dwell.jumps) > 5
    with pytest.raises(dm.InputError, match="singular"):
        dm.irreversibility(sde, method="grid")


@pytest.mark.usefixtures("no_irreversibility")
def test_a_landscape_stands_for_its_minima():
    of = landscape(slow_well(1.0))
    one = walk(slow_well(1.0), of, key=KEY, duration=20.0, num_trajectories=2)
    np.testing.assert_array_equal(one.dwell.regions.centres, of.minima)


RING = dm.systems.ring_of_wells()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: walk(dm.SDE(lambda z: -z, 1.0, 2), key=KEY), "names no starts"),
        (lambda: walk("ring", key=KEY), "Network or an SDE"),  # type: ignore[arg-type]
        (lambda: walk(RING, np.eye(3), key=KEY), "dimensions"),
        (lambda: walk(RING, key=KEY, num_trajectories=4.0), "must be a whole number"),
        (lambda: walk(RING, key=KEY, num_trajectories=0), "must be a whole number"),
        (lambda: walk(RING, key=KEY, dt=0.0), "dt must be a positive number"),
        (lambda: walk(RING, key=KEY, dt="a"), "dt must be a positive number"),
        (lambda: walk(RING, key=KEY, duration=-1.0), "duration must be a positive number"),
        (lambda: walk(RING, key=0), "key must be one random key"),
        (
            lambda: walk_curve(dm.systems.ring_of_wells, 0.4, key=KEY),
            "values must .* shape .A,.",
        ),
        (
            lambda: walk_curve(dm.systems.ring_of_wells, [], key=KEY),
            "values must .* shape .A,.",
        ),
        (
            lambda: walk_curve(dm.systems.ring_of_wells, ["a"], key=KEY),
            "values must .* shape .A,.",
        ),
        (lambda: walk_curve(RING, [0.4], key=KEY), "make must be a function.*got SDE"),
    ],
)
def test_bad_input(ask, words):
    with pytest.raises(dm.InputError, match=words):
        ask()
