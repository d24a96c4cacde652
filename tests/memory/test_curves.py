"""Curves of recall: monotone where they must be, of targets and networks alike, compiled once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rescaled import rescaled

import driftmatch as dm
from driftmatch.analysis.intervals import wilson_interval
from driftmatch.memory.curves import recall_curve
from driftmatch.memory.regions import Regions
from driftmatch.network import with_noise

KEY = jax.random.key(0)
OPTIONS = {"duration": 20.0, "release": 10.0, "key": KEY, "num_trials": 300}


@pytest.fixture
def target(square_sde):
    return square_sde


@pytest.fixture
def tilt(square_tilts):
    return square_tilts[2]


@pytest.fixture
def network(square_network):
    return square_network


def is_sigmoid(success, rising=True):
    """From chance to certainty, and no step the wrong way by more than chance (4.5 σ)."""
    steps = np.diff(success) if rising else -np.diff(success)
    low, high = (success[0], success[-1]) if rising else (success[-1], success[0])
    return np.all(steps > -4.5 * np.sqrt(2 * 0.25 / 300)) and low < 0.4 and high > 0.97


@pytest.mark.slow
def test_success_grows_with_the_amplitude_and_the_length_of_the_cue(target, network, tilt):
    for system in (target, network):
        curve = recall_curve(system, tilt, amplitudes=[0, 0.2, 0.4, 0.6, 0.8, 1.0], **OPTIONS)
        assert curve.varied == "amplitude"
        assert is_sigmoid(curve.success)
        curve = recall_curve(system, tilt, cue_times=[0.1, 0.5, 1, 2, 4, 8], **OPTIONS)
        assert is_sigmoid(curve.success)
        assert (curve.target, curve.trials, curve.name) == (2, 300, "wells")


def test_success_falls_with_noise(target, network, tilt):
    curves = [
        recall_curve(system, tilt, noises=[0.5, 1, 2, 3, 4], **OPTIONS)
        for system in (target, network)
    ]
    for curve in curves:
        assert is_sigmoid(curve.success, rising=False)
    # One key, one noise path: target and network differ by what the embedding gets wrong only.
    assert np.abs(curves[0].success - curves[1].success).max() < 0.05


def test_intervals_are_wilson_s(target, tilt):
    curve = recall_curve(target, tilt, amplitudes=[0.5, 1.0], **OPTIONS)
    assert np.array_equal(curve.success, curve.successes / 300)
    assert np.allclose(curve.intervals, [wilson_interval(int(s), 300) for s in curve.successes])


@pytest.mark.parametrize("varied", ["amplitudes", "cue_times", "noises"])
def test_all_values_share_a_compilation(varied, tilt):
    traces = []

    def drift(z):
        traces.append(1)
        return z - z**3

    sde = dm.SDE(drift, 0.3, dim=2, time_scale=1.0)
    options = {
        "duration": 2.0, "release": 1.0, "key": KEY, "num_trials": 20, "target": 0,
        "regions": [[1.0, 1.0], [-1.0, -1.0]],
    }  # fmt: skip
    recall_curve(sde, np.ones(2), **{varied: [1.0]}, **options)
    first, traces[:] = len(traces), []
    recall_curve(sde, np.ones(2), **{varied: [0.1, 0.5, 1.0, 1.7]}, **options)
    assert first > 0
    assert traces == []


@pytest.mark.slow
def test_regions_and_units_are_those_of_recall(target, tilt):
    """With a `Regions`, and where nobody knows the unit of time: as `recall` has it."""
    for time in (1.0, 1e3, 1e-3):
        system = rescaled(target, 0.35, 1.0, time, named=False)
        curve = recall_curve(
            system, tilt.forcing / time, amplitudes=[0.0, 1.0], duration=20 * time,
            release=10 * time, key=KEY, num_trials=100, target=2,
            regions=Regions(tilt.landscape.minima, 0.9),
        )  # fmt: skip
        assert curve.success[0] < 0.4
        assert curve.success[1] > 0.97


def test_with_noise_scales_the_noise_and_nothing_else(target):
    z = jnp.array([0.3, -0.4])
    louder = with_noise(target, 2.5)
    assert np.allclose(louder.diffusion(z), 2.5 * target.diffusion(z))
    assert np.allclose(louder.noise(z, jnp.ones(2)), 2.5 * target.noise(z, jnp.ones(2)))
    assert np.allclose(louder.drift(z), target.drift(z))
    assert np.array_equal(louder.starts, target.starts)
    assert (louder.dim, louder.noise_dim, louder.name) == (2, 2, "wells")
    assert louder.time_scale == target.time_scale
    rng = np.random.default_rng(0)
    noise = dm.SharedNoise(rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 10)))
    net = dm.Network(
        rng.normal(size=(10, 2)), rng.normal(size=(2, 10)), np.zeros(10), tau=0.3,
        shared_noise=noise, private_noise=0.2, start=[1.0, 2.0],
    )  # fmt: skip
    quieter = with_noise(net, 0.5)
    assert np.allclose(quieter.latent().diffusion(z), 0.5 * net.latent().diffusion(z))
    assert np.array_equal(quieter.latent().drift(z), net.latent().drift(z))
    assert quieter.private_noise == 0.1
    assert np.array_equal(quieter.starts, net.starts)
    assert np.allclose(quieter.project(net.lift(z)), z, atol=1e-5)


def test_less_noise_spreads_less():
    """The stationary deviation of dz = −z dt + ασ dB is proportional to α."""
    sde = dm.SDE(lambda z: -z, 0.4, dim=1)
    run = dm.simulate(
        with_noise(sde, 0.5), duration=5.0, dt=0.05, key=KEY, num_trajectories=4000, save_every=100
    )
    spread = run.states[:, -1].std()
    expected = 0.5 * 0.4 / np.sqrt(2)
    assert abs(spread / expected - 1) < 4.5 / np.sqrt(2 * 4000) + 0.02  # and the step's 1 %


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "one of amplitudes, cue_times and noises must be given, got 0"),
        ({"amplitudes": [1.0], "noises": [1.0]}, "got 2 of them"),
        ({"amplitudes": []}, "must have shape .V,., got .0,."),
        ({"amplitudes": [np.nan]}, "must be finite, got"),
        ({"amplitudes": "all"}, "must be numbers of shape .V,., got 'all'"),
        ({"cue_times": [1.0, 0.0]}, "cue times must be positive, got 0"),
        ({"noises": [-1.0]}, "must not be negative"),
    ],
)
def test_bad_input(target, tilt, given, words):
    with pytest.raises(dm.InputError, match=words):
        recall_curve(target, tilt, **given, **OPTIONS)


@pytest.mark.parametrize(
    ("system", "factor", "words"),
    [
        (None, "a", "factor must be a number, got 'a'"),
        (None, np.nan, "factor must be finite, got nan"),
        (None, True, "factor must be a number, got True"),
        ("a", 2.0, "system must be a Network or an SDE, got str"),
    ],
)
def test_bad_factors(target, system, factor, words):
    with pytest.raises(dm.InputError, match=words):
        with_noise(system or target, factor)
