"""Attractors commanded one after the other."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory.switching import surroundings, switch

KEY = jax.random.key(0)
CENTRES = 2.4 * np.array([[1.0, 0, 0], [-0.5, 0.866, 0], [-0.5, -0.866, 0]])
REGIONS = dm.memory.Regions(CENTRES, 1.3)
COMMANDS = [0, 1, 2, 0]


@pytest.fixture(scope="module")
def three():
    return dm.systems.blend(
        [dm.systems.ornstein_uhlenbeck(), dm.systems.van_der_pol(), dm.systems.lorenz()], CENTRES
    )


@pytest.fixture(scope="module")
def network(three):
    states = surroundings(three, key=KEY)
    return dm.embed(three, num_neurons=512, key=KEY, states=states).network


def test_the_commanded_attractor_is_found(three, network):
    """Rest, cycle, chaos and back: in every trial of target and network but one in twenty."""
    for system in (three, network):
        run = switch(system, REGIONS, COMMANDS, key=KEY, num_trials=30)
        assert np.all(run.successes >= 29)
        assert run.success_interval[0] > 0.9
        # What it is commanded to do, it does: at rest, or moving over its attractor
        times = run.trajectory.times
        for i, command in enumerate(COMMANDS):
            stays = (times > (i + 0.5) * run.period) & (times <= (i + 1) * run.period)
            spread = run.trajectory.states[0, stays].std(axis=0).max()
            if system is three or command < 2:  # a small network's chaos may come to rest
                assert spread < 0.1 if command == 0 else spread > 0.2


def test_rest_cycle_and_chaos(three):
    """λ₁ without noise is negative, 0, and positive on the three attractors."""
    rest, cycle, chaos = (
        dm.lyapunov(
            three, duration=200.0, dt=0.01, key=KEY, noise=False, start=start,
            num_trajectories=4, num_exponents=1,
        ).exponents[0]
        for start in three.starts
    )  # fmt: skip
    assert rest < -0.5
    assert abs(cycle) < 0.02
    assert 0.08 < chaos < 0.16


def test_without_input_nothing_switches(three):
    run = switch(three, REGIONS, COMMANDS, key=KEY, num_trials=30, strength=0.0)
    assert np.all(run.ended == (np.arange(30) % 3)[:, None])
    assert run.success == pytest.approx(1 / 3)


def test_pulses_are_what_the_record_says(three):
    run = switch(three, REGIONS, [1, 2], key=KEY, num_trials=3, strength=4.0, pulse=2.0, period=9.0)
    np.testing.assert_allclose(np.linalg.norm(run.forcings, axis=1), 4.0)
    np.testing.assert_allclose(
        run.forcings @ CENTRES.T / 4.0 / 2.4, [[-0.5, 1, -0.5], [-0.5, -0.5, 1]], atol=1e-3
    )
    assert run.trajectory.times[-1] == pytest.approx(18.0)


def test_surroundings_hold_what_is_visited_and_more(three):
    states = surroundings(three, key=KEY, number=3000, share=1 / 3)
    assert states.shape == (3000, 3)
    visited, around = states[:2000], states[2000:]
    distance = np.linalg.norm(visited[:, None] - CENTRES, axis=-1).min(axis=1)
    assert distance.max() < 1.3
    assert np.all(
        np.bincount(np.argmin(np.linalg.norm(visited[:, None] - CENTRES, axis=-1), 1)) > 500
    )
    assert np.all(around.min(axis=0) < visited.min(axis=0))
    assert np.all(around.max(axis=0) > visited.max(axis=0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"commands": [3]}, "commands must be whole numbers from 0 to 2"),
        ({"commands": []}, "commands must be"),
        ({"pulse": 50.0}, "pulse must end before its period"),
        ({"regions": [[0.0, 0.0], [1.0, 1.0]]}, "2 dimensions but blend has 3"),
        ({"regions": dm.memory.Regions([*CENTRES, [0.0, 0.0, 0.0]], 0.5), "commands": [3]},
         "in the middle"),
        ({"num_trials": 0}, "num_trials"),
        ({"system": "blend"}, "Network or an SDE"),
    ],
)  # fmt: skip
def test_bad_input(three, change, message):
    options = {"system": three, "regions": REGIONS, "commands": [0], "key": KEY} | change
    with pytest.raises(dm.InputError, match=message):
        switch(**options)
