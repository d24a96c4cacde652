"""Walks through rings of wells, target beside network."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory.sequential import walk, walk_curve

KEY = jax.random.key(0)
D = 0.45**2 / 2
SHORT = {"duration": 400.0, "num_trajectories": 16}


def theory(torque, num_wells=6):
    return 2 * np.pi * torque / (num_wells * D)


@pytest.fixture(scope="module")
def curve():
    return walk_curve(
        lambda F: dm.systems.ring_of_wells(6, F), [-0.4, 0.0, 0.2], key=KEY, num_neurons=64, **SHORT
    )


@pytest.mark.slow
def test_order_turns_and_dissipation(curve):
    """Detailed balance at three torques, in intervals of 99.9 %: of six one fails once in 170."""
    widen = 3.29 / 1.96
    for walks in (curve.targets, curve.networks):
        back, still, onward = walks
        for one, torque in zip(walks, curve.values, strict=True):
            low, high = one.dwell.log_rate_ratio_interval
            value = one.dwell.log_rate_ratio
            assert value + widen * (low - value) < theory(torque) < value + widen * (high - value)
        assert back.dwell.net_turns < 0 < onward.dwell.net_turns
        (low, high), value = still.dwell.net_turns_interval, still.dwell.net_turns_per_time
        assert value + widen * (low - value) < 0 < value + widen * (high - value)
        # Of the network a little, by what its drift is off
        bound = 0.01 * onward.irreversibility.entropy_production
        assert still.irreversibility.entropy_production < bound
        # 2πRF/D a turn, were each a full one: turns cannot dissipate more than there is
        turns = onward.dwell.net_turns_per_time
        assert onward.irreversibility.entropy_production == pytest.approx(
            turns * 2 * np.pi * 0.2 / D, rel=0.25
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


def test_bad_input():
    with pytest.raises(dm.InputError, match="names no starts"):
        walk(dm.SDE(lambda z: -z, 1.0, 2), key=KEY)
    with pytest.raises(dm.InputError, match="Network or an SDE"):
        walk("ring", key=KEY)  # type: ignore[arg-type]
    with pytest.raises(dm.InputError, match="dimensions"):
        walk(dm.systems.ring_of_wells(), np.eye(3), key=KEY)
