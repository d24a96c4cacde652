"""Recordings of neurons: their components, and the target's drift from these."""

import jax
import numpy as np
import pytest
from paths import KEY, fields

import driftmatch as dm
from driftmatch.inference.components import component_recording

RNG = np.random.default_rng(0)
LATENT = np.cumsum(RNG.standard_normal((500, 2)), axis=0)
NEURONS = LATENT @ RNG.standard_normal((2, 12)) + RNG.standard_normal(12)


def test_components_are_the_latent_states_but_for_a_map():
    recording = dm.Recording.of(NEURONS, dt=0.1, name="cells")
    found = component_recording(recording, 2)
    assert (found.dim, found.name, found.dt) == (2, "cells", 0.1)
    assert found.coordinates == ("component 1", "component 2")
    design = np.c_[found.states, np.ones(500)]
    left = LATENT - design @ np.linalg.lstsq(design, LATENT, rcond=None)[0]
    assert np.abs(left).max() < 1e-6


def test_a_missing_neuron_is_a_gap_and_segments_stay():
    states = NEURONS.copy()
    states[100, 3] = np.nan
    recording = dm.Recording.of([states[:300], states[300:]], dt=0.1)
    found = component_recording(recording, 2)
    assert np.isnan(found.states[100]).all()
    assert found.num_missing == 1
    np.testing.assert_array_equal(found.starts, recording.starts)
    assert found.pieces == recording.pieces


def test_not_more_components_than_neurons():
    with pytest.raises(dm.InputError, match="components must be at most the 12 coordinates"):
        component_recording(dm.Recording.of(NEURONS, dt=0.1), 13)


@pytest.mark.slow
def test_the_targets_drift_comes_back_from_neurons():
    """A limit cycle in 64 neurons with private noise: what is inferred from two components, in the
    network's coordinates by its alignment, is the network's drift to a tenth. The control, turned
    by a right angle, is not."""
    sde = dm.systems.limit_cycle()
    network = dm.embed(sde, num_neurons=64, key=KEY).network.with_private_noise(0.01)
    run = dm.simulate(network, duration=800.0, dt=0.01, save_every=5, key=KEY)
    neurons = np.asarray(run.neurons[0], float)
    found = dm.infer(neurons, dt=0.05, components=2, key=KEY)
    alignment = dm.subspace(neurons, 2).align(network, run)
    scores = found.recording.states[::40]
    z = alignment.latent(neurons[::40])
    np.testing.assert_allclose(scores @ alignment.matrix.T + alignment.offset, z, atol=1e-4)
    f = fields(found.sde, scores)[0] @ alignment.matrix.T
    wanted = np.asarray(jax.vmap(sde.drift)(z))
    off = np.sqrt(np.mean((f - wanted) ** 2) / np.mean(wanted**2))
    assert off < 0.1
    turned = f @ np.array([[0, 1], [-1, 0]])
    assert np.sqrt(np.mean((turned - wanted) ** 2) / np.mean(wanted**2)) > 1
