import numpy as np
import pytest

import driftmatch as dm
from driftmatch.simulation.trajectory import NetworkTrajectory

RNG = np.random.default_rng(0)
NET = dm.Network(RNG.normal(size=(7, 2)), RNG.normal(size=(2, 7)), RNG.normal(size=7))
LATENT = RNG.normal(size=(3, 5, 2))
NEURONS = LATENT @ NET.gamma.T + NET.bias


def record(stored=None):
    return NetworkTrajectory(
        np.arange(5.0), LATENT, dm.Outcome.SUCCESS, NET, 0.1, stored_neurons=stored
    )


@pytest.mark.parametrize("stored", [None, NEURONS])
def test_neurons_are_the_same_whether_stored_or_computed(stored):
    run = record(stored)
    assert run.states is run.latent
    assert np.allclose(run.neurons, NEURONS)
    assert np.allclose(run.neurons_at(slice(None, None, 2)), NEURONS[:, ::2])
    some = np.array([0, 6])
    assert np.allclose(run.neurons_at(slice(1, 4), some), NEURONS[:, 1:4][..., some])


def test_neurons_have_the_precision_of_the_run():
    run = NetworkTrajectory(np.arange(5.0), LATENT.astype(np.float32), dm.Outcome.SUCCESS, NET, 0.1)
    assert run.neurons.dtype == np.float32
    assert np.allclose(run.neurons, NEURONS, atol=1e-5)
