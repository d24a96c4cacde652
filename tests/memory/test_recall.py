"""Recall: what the cue does, from where and into what; controls without one."""

import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rescaled import UNITS, rescaled

import driftmatch as dm
from driftmatch.memory.landscape import Landscape, landscape
from driftmatch.memory.recall import corrupt, recall
from driftmatch.memory.regions import Regions
from driftmatch.memory.tilt import tilt_toward
from driftmatch.sampling.steps import default_step, time_scale_of

KEY = jax.random.key(0)
TIMES = {"duration": 20.0, "release": 10.0}


@pytest.fixture
def target(square_sde):
    return square_sde


@pytest.fixture
def wells(square):
    return square


@pytest.fixture
def tilts(square_tilts):
    return square_tilts


@pytest.fixture
def network(square_network):
    return square_network


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


@pytest.mark.slow
def test_all_forms_of_a_cue_are_one(target, network, tilts, wells):
    """A tilt; its forcing; that of each neuron; and as a function of time: all in units of drift,
    so that the same is a cue for the target and for the network, whatever its τ."""
    c = tilts[1].forcing
    options = TIMES | {"target": 1, "regions": wells, "key": KEY, "num_trials": 50}
    assert abs(network.tau - 1) > 0.1  # or else τc were c
    cues = tilts[1], c, network.gamma @ c, dm.inputs.step(c)
    runs = [recall(network, cue, **options).trajectory.states for cue in cues]
    for run in runs[1:]:
        assert np.abs(run - runs[0]).max() < 1e-3  # in single precision; of chance there is none
    wrong = dm.inputs.step(tilts[1].input_for(network))  # the control: u = τc
    assert np.abs(recall(network, wrong, **options).trajectory.states - runs[0]).max() > 0.05
    of_target = [recall(target, cue, **options).trajectory.states for cue in (c, cues[-1])]
    assert np.abs(of_target[1] - of_target[0]).max() < 1e-3


def test_tilts_of_a_network_are_cues_for_its_target(uneven_square):
    target, _, found = uneven_square
    tilt = tilt_toward(found, 3)
    assert np.array_equal(tilt.landscape.minima, found.minima)
    assert recall(target.sde, tilt, key=KEY, num_trials=200, **TIMES).success > 0.97


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


class Clock(eqx.Module):
    """dz/dt = 1: the state is the time."""

    def __call__(self, z):
        return jnp.ones_like(z)


@pytest.mark.parametrize("most", [2**25, 2**9])  # numbers in all samples
@pytest.mark.parametrize(("release", "duration"), [(9.0, 20.0), (7.77, 9.13), (0.013, 0.7)])
def test_there_are_samples_at_the_release_and_at_the_end(release, duration, most, monkeypatch):
    """However thin they are, and whether or not the times are whole numbers of steps."""
    monkeypatch.setattr(sys.modules["driftmatch.memory.recall"], "_NUMBERS", most)
    found = recall(
        dm.SDE(Clock(), 0.0, dim=1), None, duration=duration, release=release, dt=0.01, key=KEY,
        start=np.zeros(1), num_trials=32, target=0, regions=Regions([[release], [duration]], 5e-3),
    )  # fmt: skip
    run = found.trajectory
    assert len(run.times) < (25 if most < 2**25 else 1002)
    assert run.times[found.release_sample] == pytest.approx(release, rel=1e-12)
    assert run.times[-1] == pytest.approx(duration, rel=1e-12)
    assert np.allclose(run.states[..., 0], run.times, atol=4e-3)  # in single precision
    assert np.all(found.ended == 1)
    assert np.all(found.at_release == 0)
    assert 0 < run.dt <= 0.01 * (1 + 1e-9)


def test_both_parts_of_a_run_are_compiled_once():
    traces = []

    def drift(z):
        traces.append(1)
        return z - z**3

    sde = dm.SDE(drift, 0.3, dim=2, time_scale=1.0)
    traces.clear()
    dm.simulate(
        sde, duration=1.0, dt=0.02, num_trajectories=7, key=KEY, start=np.zeros(2),
        input=dm.inputs.pulse(np.ones(2), 0.0, 1.0),
    )  # fmt: skip
    once, traces[:] = len(traces), []
    centres = np.array([[1.0, 1.0], [-1.0, -1.0]])
    recall(sde, np.ones(2), duration=2.0, key=KEY, num_trials=9, target=0, regions=centres)
    assert len(traces) == once > 0


class ThreeWells(eqx.Module):
    """Two narrow wells at (0, 0) and (1, 0), and a broad one at (8, 0)."""

    def __call__(self, z):
        centres, widths = jnp.array([[0.0, 0], [1, 0], [8, 0]]), jnp.array([0.5, 0.5, 3.0])
        parabolas = jnp.sum((z - centres) ** 2, axis=1) / widths**2 - 1
        share = jax.nn.softmax(-4 * parabolas)
        return -2 * (share / widths**2) @ (z - centres)


def test_success_is_of_basins_and_depends_on_no_radius():
    """Beside two narrow wells, a broad one holds what recalls it, though most trials are far from
    its bottom; centres alone stand for balls as large as their own neighbours let them be."""
    starts = np.array([[0.0, 0.0], [1.0, 0.0], [8.0, 0.0]])
    sde = dm.SDE(ThreeWells(), 0.65, dim=2, start=starts, time_scale=1.0)
    wells = landscape(sde)
    options = {"duration": 40.0, "release": 20.0, "key": KEY, "num_trials": 300, "target": 2}
    by_basin, by_ball = (
        recall(sde, np.array([5.0, 0.0]), regions=regions, **options)
        for regions in (wells, wells.minima)
    )
    assert by_basin.success > 0.98
    assert by_ball.success > 0.9
    small = Regions(wells.minima, 0.45 * wells.spacing)
    assert np.mean(small.labels(by_basin.trajectory.states[:, -1]) == 2) < 0.3  # the control
    assert np.allclose(by_ball.regions.radii, [0.45, 0.45, 3.15], rtol=1e-4)
    assert np.array_equal(by_basin.regions.radii, by_ball.regions.radii)  # to draw
    assert np.mean(by_basin.at_release == 2) > 0.98


def test_in_many_dimensions_states_are_far_from_the_bottom_of_their_well():
    """8 equal wells at 2e_j: by symmetry the basin of a state is the largest of its coordinates. In
    balls of 0.3 of the spacing hardly any trials are."""
    sde = dm.systems.wells(2 * np.eye(8), noise=0.5)
    wells = Landscape(sde, sde.starts, np.zeros(8), np.ones(8), 0.0, 0.0)
    options = {"duration": 3 * sde.time_scale, "start": sde.starts[0], "target": 0, "key": KEY}
    found = recall(sde, None, num_trials=200, regions=wells, **options)
    states = found.trajectory.states[:, -1]
    assert np.array_equal(found.ended, states.argmax(axis=1))
    assert found.success > 0.9
    assert np.mean(Regions(wells.minima).labels(states) == 0) < 0.5


def test_regions_are_taken_as_they_are(target, network, wells):
    regions = Regions(wells.minima, [0.9, 0.1, 0.1, 0.1])
    for system in (target, network):
        found = recall(system, None, target=0, regions=regions, duration=8.0, key=KEY)
        assert found.regions is regions
        assert np.array_equal(found.ended, regions.labels(found.trajectory.states[:, -1]))
        assert 0.15 < found.success < 0.3
        assert np.mean(found.ended == 1) < 0.2


def of_units(target, tilt, size, time):
    """Success under a tilt that recalls some, where nobody knows the unit of time; and the step."""
    found = recall(
        rescaled(target, 0.35, size, time, named=False), size / time * tilt.forcing, amplitude=0.7,
        target=1, regions=size * tilt.landscape.minima, duration=20 * time, key=KEY, num_trials=200,
    )  # fmt: skip
    return found.success, found.trajectory.dt / time


@pytest.fixture(scope="module")
def of_ones(square_sde, square_tilts):
    return of_units(square_sde, square_tilts[1], 1.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "time"), UNITS[1:3])
def test_units_do_not_matter(target, tilts, of_ones, size, time):
    success, step = of_units(target, tilts[1], size, time)
    assert 0.5 < of_ones[0] < 0.95
    assert abs(success - of_ones[0]) <= 0.01  # of rounding, a trial or two of 200 may end elsewhere
    assert step == pytest.approx(of_ones[1], rel=1e-3)


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
    """That of `memory.steps`, shortened by less than what is needed to meet the release."""
    centres = np.array([[1.0, 1.0], [-1.0, -1.0]])
    options = {"duration": 6.0, "key": KEY, "num_trials": 50, "target": 0, "regions": centres}
    for system in (target, network):
        expected = default_step(system, time_scale_of(system, KEY))
        assert 0.98 * expected < recall(system, None, **options).trajectory.dt <= expected


def test_runs_in_neurons_keep_fewer_samples(network, tilts, monkeypatch):
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
        ({"duration": np.inf}, "duration must be a positive number"),
        ({"release": "soon"}, "release must be a number, got 'soon'"),
        ({"dt": 0.0}, "dt must be a positive number"),
        ({"amplitude": np.nan}, "amplitude must be finite"),
        ({"num_trials": 0}, "num_trials must be a whole number"),
        ({"target": 4}, "target must be a whole number from 0 to 3"),
        ({"start": np.zeros((3, 2)), "num_trials": 4}, "num_trials is 4 but there are 3 starts"),
        ({"regions": "a"}, r"regions must be numbers of shape \(W, d\), got 'a'"),
        ({"start": np.zeros((3, 5))}, r"start must have shape .* or .*, got \(3, 5\)"),
        ({"regions": [[1.0, 1.0], [1.0, 1.0]]}, "coincide"),
        ({"regions": np.eye(3)}, "the regions have 3 dimensions but wells has 2"),
        ({"box": ([1, 1], [0, 2])}, "box must be a lower and an upper corner of 2 finite numbers"),
        (
            {"box": ([-np.inf, 0], [1, 2])},
            "box must be .* of 2 finite numbers each, the lower one below",
        ),
        ({"box": 3}, "box must be a lower and an upper corner of 2 finite numbers"),
        ({"key": 0}, "key must be one random key"),
        ({"cue": np.zeros(3)}, r"have shape \(2,\) or \(64,\), got \(3,\)"),
        ({"cue": [np.nan, 0.0]}, "must be finite"),
        ({"cue": "left"}, "cue for wells must be numbers of shape .* got 'left'"),
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
        ({"patterns": np.zeros(3)}, r"shape \(W, d\), got \(3,\)"),
        ({"patterns": "a"}, r"of shape \(W, d\), got 'a'"),
        ({"num_trials": 0}, "num_trials must be"),
    ],
)
def test_bad_corruption(bad, words):
    given = {"patterns": np.eye(2), "target": 0, "key": KEY} | bad
    with pytest.raises(dm.InputError, match=words):
        corrupt(given.pop("patterns"), given.pop("target"), **given)
