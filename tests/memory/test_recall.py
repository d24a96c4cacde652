"""Recall: what the cue does, from where and into what; controls without one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory.landscape import landscape
from driftmatch.memory.recall import corrupt, recall
from driftmatch.memory.regions import Regions
from driftmatch.memory.tilt import tilt_toward

KEY = jax.random.key(0)
TIMES = {"duration": 20.0, "release": 10.0}


@pytest.fixture(scope="module")
def target():
    return dm.systems.wells(noise=0.35)


@pytest.fixture(scope="module")
def wells(target):
    return landscape(target)


@pytest.fixture(scope="module")
def tilts(wells):
    return [tilt_toward(wells, j) for j in range(4)]


@pytest.fixture(scope="module")
def network(target):
    return dm.embed(target, 64, key=KEY).network


@pytest.mark.parametrize("j", range(4))
def test_the_default_tilt_recalls_every_well(target, network, tilts, j):
    """99 % of 1000 trials from everywhere. If the probability were 99.9 % or more, fewer would come
    out less often than once in 10⁷."""
    for system in (target, network):
        found = recall(system, tilts[j], key=jax.random.key(j), **TIMES)
        assert found.trials == 1000
        assert found.target == j
        assert found.success >= 0.99
        assert np.mean(found.at_release == j) > 0.99


def test_without_a_cue_a_quarter_ends_in_each_well(network, wells):
    """The control; within 4.5 standard deviations, error rate 3·10⁻⁵ for four fractions."""
    found = recall(network, None, target=2, regions=wells, key=KEY, **TIMES)
    fractions = [np.mean(found.ended == j) for j in range(4)]
    assert np.all(np.abs(np.array(fractions) - 0.25) < 4.5 * np.sqrt(0.25 * 0.75 / 1000))
    assert found.success == fractions[2]
    low, high = found.success_interval
    assert low < found.success < high
    nothing = recall(network, np.zeros(2), target=2, regions=wells, key=KEY, **TIMES)
    assert np.array_equal(nothing.ended, found.ended)


def test_a_weak_tilt_recalls_less(network, tilts):
    """At 0.2 of the tilt not better than chance, at 0.7 half-way, at 1 always (400 trials each)."""
    weak, middle, full = (
        recall(network, tilts[0], amplitude=a, num_trials=400, key=KEY, **TIMES).success
        for a in (0.2, 0.7, 1.0)
    )
    assert 0.15 < weak < 0.35
    assert 0.6 < middle < 0.95
    assert full > 0.98


def test_all_forms_of_a_cue_are_one(network, tilts, wells):
    """A tilt; its forcing; that of each neuron; and as a function of time, the input u = τc."""
    c = tilts[1].forcing
    options = TIMES | {"target": 1, "regions": wells, "key": KEY, "num_trials": 50}
    runs = [
        recall(network, cue, **options).trajectory.states
        for cue in (
            tilts[1],
            c,
            network.gamma @ c,
            dm.inputs.step(tilts[1].input_for(network)),
        )
    ]
    for run in runs[1:]:
        assert np.abs(run - runs[0]).max() < 1e-3  # in single precision; of chance there is none
    other = recall(network, 1.1 * c, **options).trajectory.states
    assert np.abs(other - runs[0]).max() > 0.05  # the control


def test_tilts_of_a_network_are_cues_for_its_target(target, network):
    tilt = tilt_toward(network, 3)
    for system in (target, network):
        assert recall(system, tilt, key=KEY, num_trials=200, **TIMES).success > 0.97


def test_the_cue_is_silent_before_its_onset_and_after_its_release():
    still = dm.SDE(jnp.zeros_like, 0.0, dim=1)
    found = recall(
        still, lambda t: jnp.ones(1), duration=4.0, onset=1.0, release=3.0, dt=0.01, key=KEY,
        amplitude=0.5, start=[0.0], target=0, regions=Regions([[1.0]], 0.1), num_trials=2,
    )  # fmt: skip
    z, t = found.trajectory.states[0, :, 0], found.trajectory.times
    assert np.allclose(z, 0.5 * np.clip(t - 1, 0, 2), atol=0.011)
    assert z[-1] == pytest.approx(1.0, abs=1e-4)
    assert np.all(found.ended == 0)
    assert np.all(found.at_release == 0)


def test_at_release_is_where_the_trials_were_then(target, tilts):
    """Let go at once: at release still where they started, in the end somewhere."""
    found = recall(
        target, tilts[0], duration=5.0, release=0.02, dt=0.01, key=KEY, num_trials=20,
        start=tilts[2].landscape.minima[2],
    )  # fmt: skip
    assert np.all(found.at_release == 2)
    assert np.all(found.ended == 2)


def test_starts_and_regions_of_neurons(network, wells):
    """A pattern a little damaged is mended by the network alone; turned round, it is not."""
    patterns = np.asarray(network.lift(wells.minima))
    options = {"duration": 6.0, "key": KEY, "target": 1, "regions": patterns}

    def success(**damage):
        start = corrupt(patterns, 1, key=KEY, num_trials=100, **damage)
        found = recall(network, None, start=start, **options)
        assert found.trials == 100
        assert found.trajectory.stored_neurons is not None
        assert np.allclose(found.regions.centres, wells.minima, atol=1e-5)
        return found.success

    assert success() == 1
    assert success(noise=1.0) > 0.95
    assert success(fraction=0.05) > 0.7
    assert success(fraction=1.0) < 0.1  # the control: the opposite corner


def test_latent_starts_near_a_pattern_stay_with_it(target, wells):
    start = corrupt(wells.minima, 3, key=KEY, noise=0.2, num_trials=200)
    found = recall(target, None, duration=5.0, start=start, target=3, regions=wells, key=KEY)
    assert found.trials == 200
    assert found.success > 0.97


def test_corrupted_patterns():
    signs = np.array([[1.0, -1.0] * 10, [1.0, 1.0] * 10])
    flipped = corrupt(signs, 1, key=KEY, fraction=0.3, num_trials=50)
    assert np.all(np.abs(flipped) == 1)
    assert np.all(np.sum(flipped != signs[1], axis=1) == 6)
    assert len(np.unique(flipped, axis=0)) > 40
    analog = np.array([[0.0, 2.0, 1.0], [4.0, 2.0, 5.0]])
    assert np.allclose(
        corrupt(analog, 0, key=KEY, fraction=1.0, num_trials=2), [[4.0, 2.0, 5.0]] * 2
    )
    noisy = corrupt(analog, 1, key=KEY, noise=0.5, num_trials=4000) - analog[1]
    assert abs(noisy.std() / 0.5 - 1) < 4.5 / np.sqrt(2 * noisy.size)
    assert np.array_equal(corrupt(analog, 1, key=KEY, num_trials=3), [analog[1]] * 3)


def test_starts_are_uniform_in_the_box(target, wells):
    options = {"duration": 0.02, "dt": 0.01, "regions": wells, "target": 0, "key": KEY}
    z = recall(target, None, **options).trajectory.states[:, 0]
    assert np.allclose(np.abs(z).max(axis=0), 1.5, atol=0.02)
    assert np.all(np.abs(z.mean(axis=0)) < 4.5 * 3 / np.sqrt(12 * 1000))
    z = recall(target, None, box=([0, 5], [1, 6]), **options).trajectory.states[:, 0]
    assert np.all((z >= [0, 5]) & (z <= [1, 6]))


def test_the_default_step(target, network):
    tilt = np.zeros(2)
    options = {"duration": 1.0, "key": KEY, "num_trials": 2, "target": 0}
    centres = [[1.0, 1.0], [-1.0, -1.0]]
    assert recall(target, tilt, regions=centres, **options).trajectory.dt == target.time_scale / 50
    expected = min(network.time_scale / 50, network.tau / 20)
    assert recall(network, tilt, regions=centres, **options).trajectory.dt == expected
    unnamed = dm.SDE(lambda z: -3 * z, 0.1, dim=2)
    assert 0.001 < recall(unnamed, tilt, regions=centres, **options).trajectory.dt < 0.1


def test_runs_in_neurons_keep_fewer_samples(network, tilts, monkeypatch):
    import sys

    monkeypatch.setattr(sys.modules["driftmatch.memory.recall"], "_NUMBERS", 2**15)
    run = recall(network, network.gamma @ tilts[0].forcing, target=0, regions=tilts[0].landscape,
                 num_trials=20, key=KEY, **TIMES).trajectory  # fmt: skip
    assert run.stored_neurons.size < 2**16
    assert run.times[-1] > 19


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"release": 0.0}, "release at 0 does not come after the cue's onset at 0"),
        ({"onset": 11.0}, "release at 10 does not come after the cue's onset at 11: let go later"),
        ({"onset": -1.0}, "onset must not be negative"),
        ({"duration": 10.0}, "lengthen duration"),
        ({"duration": np.inf}, "duration must be a finite number"),
        ({"release": "soon"}, "release must be a finite number, got 'soon'"),
        ({"dt": 0.0}, "dt must be a positive number"),
        ({"amplitude": np.nan}, "amplitude must be a finite number"),
        ({"num_trials": 0}, "num_trials must be a whole number"),
        ({"target": 4}, "target must be a whole number from 0 to 3"),
        ({"start": np.zeros((3, 5))}, r"start must have shape .* or .*, got \(3, 5\)"),
        ({"regions": [[1.0, 1.0], [1.0, 1.0]]}, "coincide"),
        ({"regions": np.eye(3)}, "the regions have 3 dimensions but wells has 2"),
        ({"box": ([1, 1], [0, 2])}, "box must be a lower and an upper corner of 2 numbers"),
        ({"box": 3}, "box must be a lower and an upper corner of 2 numbers"),
        ({"key": 0}, "key must be one random key"),
        ({"cue": np.zeros(3)}, r"of shape \(2,\) or \(64,\), got shape \(3,\)"),
        ({"cue": [np.nan, 0.0]}, "must be finite"),
        ({"cue": "left"}, "cue must be a Tilt, numbers or a function of time, got str"),
        ({"cue": lambda t: jnp.zeros(3)}, r"input must return shape \(2,\) or \(64,\)"),
        ({"cue": lambda t: np.sin(np.asarray(t)) * np.ones(2)}, "written with jax.numpy"),
        ({"system": "network"}, "system must be a Network or an SDE"),
    ],
)
def test_bad_input(network, tilts, wells, bad, words):
    given = {"system": network, "cue": tilts[0], "key": KEY} | TIMES | bad
    if "cue" in bad:
        given |= {"target": 0, "regions": wells}
    with pytest.raises(dm.InputError, match=words):
        recall(given.pop("system"), given.pop("cue"), **given)


def test_what_is_no_tilt_needs_regions_and_a_target(network, wells):
    for options in ({}, {"target": 0}, {"regions": wells}):
        with pytest.raises(dm.InputError, match="needs regions and the target among them"):
            recall(network, np.ones(2), key=KEY, **TIMES, **options)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"fraction": 1.5}, "fraction must be a number from 0 to 1"),
        ({"noise": -1.0}, "noise must not be negative"),
        ({"target": 2}, "target must be a whole number from 0 to 1"),
        ({"patterns": np.zeros(3)}, r"of shape \(W, d\), got \(3,\)"),
        ({"num_trials": 0}, "num_trials must be"),
    ],
)
def test_bad_corruption(bad, words):
    given = {"patterns": np.eye(2), "target": 0, "key": KEY} | bad
    with pytest.raises(dm.InputError, match=words):
        corrupt(given.pop("patterns"), given.pop("target"), **given)
