"""Estimates: D is above its floor in every state, and beyond what was recorded nothing grows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from inferred import ESTIMATE

from driftmatch.inference.basis import Basis, monomials
from driftmatch.inference.estimate import (
    Estimate,
    diffusions,
    drifts,
    moments,
    slopes,
    spectral,
    symmetric,
    upper,
)

STRAIGHT = (False, False)


def polynomial(degree, reach=2.0):
    none = np.zeros((0, 2)), np.zeros(0)
    return Basis(*none, np.asarray(reach), monomials(STRAIGHT, degree), STRAIGHT)


@pytest.fixture(scope="module")
def estimate():
    """Whose Σ d ψ(z) is negative at about half of all states."""
    rng = np.random.default_rng(0)
    drift, diffusion = polynomial(3), polynomial(2)
    return Estimate(
        drift, rng.standard_normal((drift.size, 2)), diffusion,
        rng.standard_normal((diffusion.size, 3)), np.asarray(1.5), np.asarray(0.02),
    )  # fmt: skip


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("function", [jnp.exp, lambda v: jnp.maximum(v, 0.1)])
def test_functions_of_matrices(k, function):
    rng = np.random.default_rng(k)
    M = rng.standard_normal((50, k, k))
    M = M + np.swapaxes(M, 1, 2)
    M[0] = 2 * np.eye(k)  # eigenvalues that coincide
    with jax.enable_x64(True):
        found = np.asarray(spectral(jnp.asarray(M), function))
        values, vectors = np.linalg.eigh(M)
        wanted = (vectors * np.asarray(function(jnp.asarray(values)))[:, None]) @ np.swapaxes(
            vectors, 1, 2
        )
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_entries_of_symmetric_matrices():
    M = symmetric(np.arange(6.0), 3)
    np.testing.assert_array_equal(M, [[0, 1, 2], [1, 3, 4], [2, 4, 5]])
    np.testing.assert_array_equal(upper(M[None])[0], np.arange(6.0))


def test_the_diffusion_is_above_its_floor_everywhere(estimate):
    rng = np.random.default_rng(1)
    z = rng.standard_normal((3000, 2)) * 10.0 ** rng.uniform(-2, 6, (3000, 1))
    with jax.enable_x64(True):
        D, linear = diffusions(estimate, z)
        root = np.asarray(estimate.root(jnp.asarray(z)))
    lowest = np.linalg.eigvalsh(D)[:, 0]
    assert lowest.min() >= 0.02 * (1 - 1e-9)
    assert np.mean(np.linalg.eigvalsh(linear)[:, 0] < 0) > 0.2, "there is something to cut off"
    np.testing.assert_allclose(root @ np.swapaxes(root, 1, 2), 2 * D, rtol=1e-9, atol=1e-9)
    good = np.linalg.eigvalsh(linear)[:, 0] > 0.02
    np.testing.assert_allclose(D[good], linear[good], rtol=1e-9, atol=1e-9)


def test_beyond_its_reach_it_is_constant_and_led_back(estimate):
    ray = np.array([[0.6, -0.8]])
    z = ray * np.array([[2.0], [4.0], [50.0]])
    with jax.enable_x64(True):
        phi, f = estimate.basis.at(z), drifts(estimate, z)
        D = diffusions(estimate, z)[0]
        J = slopes(estimate, ray)[0]
        step = 1e-6 * np.eye(2)
        differences = (drifts(estimate, ray + step) - drifts(estimate, ray - step)) / 2e-6
    np.testing.assert_allclose(phi, phi[:1].repeat(3, axis=0), rtol=1e-12)
    np.testing.assert_allclose(D, D[:1].repeat(3, axis=0), rtol=1e-12)
    np.testing.assert_allclose(f[1:] - f[0], -1.5 * (z[1:] - z[0]), rtol=1e-9)
    np.testing.assert_allclose(J, differences.T, rtol=1e-6)


def test_moments_of_no_interval_are_drift_and_diffusion(estimate):
    z = np.random.default_rng(2).standard_normal((40, 2))
    with jax.enable_x64(True):
        mean, half, f, D = moments(estimate, z, np.full(40, 1e-9), 1)
    np.testing.assert_allclose(mean, f, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(half, D, rtol=1e-5, atol=1e-5)


def test_in_float32_it_is_the_same():
    """As users simulate it."""
    z = np.random.default_rng(3).standard_normal((20, 2))
    with jax.enable_x64(True):
        precise = np.asarray(ESTIMATE.drift(jnp.asarray(z)))
        root = np.asarray(ESTIMATE.root(jnp.asarray(z)))
    f, sigma = (call(jnp.asarray(z, jnp.float32)) for call in (ESTIMATE.drift, ESTIMATE.root))
    assert f.dtype == sigma.dtype == jnp.float32
    np.testing.assert_allclose(f, precise, atol=1e-5)
    np.testing.assert_allclose(sigma, root, atol=1e-3)
