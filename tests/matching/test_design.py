"""Where to match: the weighted design, the way back."""

import jax
import numpy as np
import pytest
from scipy.spatial import cKDTree

import driftmatch as dm
from driftmatch.activations import ACTIVATIONS
from driftmatch.matching.confinement import place_guards
from driftmatch.matching.design import design
from driftmatch.matching.local_error import LocalScales, typical_time
from driftmatch.sampling.whitening import Whitening


@pytest.fixture(scope="module")
def lorenz_states():
    sde = dm.systems.lorenz(noise=1.0)
    learnt, _ = dm.sample(sde, key=jax.random.key(0)).halves(np.random.default_rng(1))
    return sde, learnt[:20_000]


def test_weights_restore_the_visited_density(lorenz_states):
    """Up to the local error's weight, the core has the visited states' moments although it is
    drawn more evenly."""
    sde, states = lorenz_states
    whitening = Whitening.of(states)
    rng = np.random.default_rng(0)
    points = design(
        sde, states, whitening, 20_000, rng,
        guards=None, tau=0.1,
        rim_weight=1e-9, jitter=0.0,
    )  # fmt: skip
    scales = LocalScales.of(
        sde, whitening.unwhiten(points.states), whitening, typical_time(sde, states, whitening)
    )
    weights = points.weights / np.sqrt(scales.weights)
    second = np.einsum("a,ai,aj->ij", weights / weights.sum(), points.states, points.states)
    np.testing.assert_allclose(second, np.eye(3), atol=0.06)
    core = points.weights > 1e-8
    unweighted = np.mean(points.states[core] ** 2, axis=0)
    assert np.all(unweighted > 1.15)


def test_beyond_the_guards_only_the_leak_is_wanted(lorenz_states):
    sde, states = lorenz_states
    whitening = Whitening.of(states)
    z = whitening.whiten(states)
    guards = place_guards(z, ACTIVATIONS["tanh"], 32)
    rng = np.random.default_rng(0)
    points = design(sde, states, whitening, 10_000, rng, guards=guards, tau=0.1)
    beyond = (guards.alertness(points.states) > 0.5) & (points.weights > 0)
    assert beyond.sum() > 300
    np.testing.assert_allclose(points.drifts[beyond], -points.states[beyond] / 0.1)
    assert points.weights[beyond].sum() < 1e-6


def test_drifts_far_from_the_data_lead_back(lorenz_states):
    sde, states = lorenz_states
    whitening = Whitening.of(states)
    z = whitening.whiten(states)
    guards = place_guards(z, ACTIVATIONS["tanh"], 32)
    rng = np.random.default_rng(0)
    points = design(sde, states, whitening, 10_000, rng, guards=guards, tau=0.1)
    tree = cKDTree(z)
    inside = (guards.alertness(points.states) < 0.02) & (points.weights > 0)
    candidates = np.flatnonzero(inside)[:3000]
    far = candidates[tree.query(points.states[candidates])[0] > 1.1]
    assert len(far) > 20
    step = 1e-3 * points.drifts[far]
    before, after = tree.query(points.states[far])[0], tree.query(points.states[far] + step)[0]
    assert np.mean(after < before) > 0.8  # at random half of them: once in 10³
