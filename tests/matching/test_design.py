"""Where to match: the weighted design, the way back."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import cKDTree

import driftmatch as dm
from driftmatch.activations import ACTIVATIONS
from driftmatch.errors import ComputationError
from driftmatch.matching.confinement import place_guards
from driftmatch.matching.design import _homeward, _voxel_counts, design
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


CLOUD = np.random.default_rng(2).standard_normal((3000, 2)) * [2.0, 0.5] + [4.0, 1.0]


def cloud_design(sde, seed=0, **options):
    rng = np.random.default_rng(seed)
    return design(
        sde, CLOUD, Whitening.of(CLOUD), 2000, rng, **({"guards": None, "tau": 0.5} | options)
    )


def test_drifts_are_the_targets_and_weights_a_density():
    sde = dm.SDE(lambda z: jnp.sin(z), 0.3, 2)
    whitening, points = Whitening.of(CLOUD), cloud_design(sde)
    assert points.states.shape == points.drifts.shape == (2000, 2)
    assert points.weights.sum() == pytest.approx(1, rel=1e-12)
    assert np.all(points.weights > 0)
    expected = np.linalg.solve(whitening.factor, np.sin(whitening.unwhiten(points.states)).T).T
    np.testing.assert_allclose(points.drifts, expected, rtol=1e-6, atol=1e-9)


def test_one_stream_gives_one_design():
    sde = dm.SDE(lambda z: -z, 0.3, 2)
    one, again, other = (cloud_design(sde, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.states, again.states)
    np.testing.assert_array_equal(one.weights, again.weights)
    assert not np.array_equal(one.states, other.states)


def test_nothing_lies_beyond_the_bounds():
    sde = dm.SDE(lambda z: 4 - z, 0.3, 2)
    bounds = np.array([[0.0, 0.0], [np.inf, 2.5]])
    low, high = bounds

    def inside(points):
        z = Whitening.of(CLOUD).unwhiten(points.states)
        return np.all((z >= low - 1e-9) & (z <= high + 1e-9), axis=1)

    assert np.all(inside(cloud_design(sde, bounds=bounds)))
    assert not np.all(inside(cloud_design(sde)))


def test_what_is_not_finite_where_it_is_visited_is_refused():
    """On three in four of the states; where it is finite on three in four, those are taken."""
    mostly, seldom = (
        dm.SDE(lambda z, a=a: jnp.where(z[0] < a, jnp.nan, -z), 0.3, 2, name="holes")
        for a in (5.35, 2.65)
    )
    with pytest.raises(ComputationError, match="of holes is not finite on part of the states"):
        cloud_design(mostly)
    points = cloud_design(seldom)
    assert np.all(np.isfinite(points.drifts))
    assert 1000 < len(points.weights) < 2000


@pytest.mark.parametrize("k", [1, 2, 5])
def test_voxels_are_counted(k):
    z = np.random.default_rng(3).standard_normal((500, k))
    voxels = [tuple(v) for v in np.floor(z / 0.3).astype(int)]
    counts = Counter(voxels)
    np.testing.assert_array_equal(_voxel_counts(z), [counts[v] for v in voxels])


def test_the_way_back_by_hand():
    """Near the visited states the target's drift; far from them it without its outward part, cut to
    the longest, and homeward with the given speed; half of each in between."""
    visited = np.array([[0.0, 0.0], [10.0, 10.0]])
    states = np.array([[0.4, 0.0], [2.0, 0.0], [2.0, 0.0], [0.75, 0.0], [0.0, 2.0]])
    rates = np.array([[1.0, 1.0], [1.0, 1.0], [-1.0, 1.0], [2.0, 0.0], [0.0, 50.0]])
    back = _homeward(states, rates, visited, 0.5, 5.0)
    expected = [[1, 1], [-0.5, 1], [-1.5, 1], [0.75, 0], [0, -0.5]]
    np.testing.assert_allclose(back, expected, atol=1e-12)
    nowhere = _homeward(states[1:2], np.full((1, 2), np.nan), visited, 0.5, 5.0)
    np.testing.assert_allclose(nowhere, [[-0.5, 0]], atol=1e-12)
