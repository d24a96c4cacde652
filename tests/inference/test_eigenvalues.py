"""Eigenvalues of many small matrices, against LAPACK's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from driftmatch.inference.eigenvalues import eigenvalues


def matrices(k: int, number: int = 200) -> np.ndarray:
    """Full ones, and those with values that coincide, vanish or are 1e8 times others."""
    rng = np.random.default_rng(k)
    M = rng.normal(size=(number, k, k))
    M = M + M.swapaxes(1, 2)
    ones = np.ones((k, k))
    scales = 10.0 ** rng.uniform(-8, 0, (20, k))
    Q = np.linalg.qr(rng.normal(size=(20, k, k)))[0]
    scaled = Q @ (scales[:, :, None] * Q.swapaxes(1, 2))
    special = [np.eye(k), 0 * ones, ones, np.diag(np.arange(k) - 1.0), 1e-12 * M[0], 1e12 * M[1]]
    return np.concatenate([M, (scaled + scaled.swapaxes(1, 2)) / 2, special])


@pytest.mark.parametrize("k", [1, 2, 3, 6, 10])
def test_values_and_vectors(k):
    M = matrices(k)
    with jax.enable_x64(True):
        values, V = map(np.asarray, jax.jit(eigenvalues)(jnp.asarray(M)))
    size = np.linalg.norm(M, axis=(1, 2))[:, None]
    assert np.all(np.abs(np.sort(values) - np.linalg.eigvalsh(M)) <= 1e-14 * k * size + 1e-300)
    back = np.einsum("nij,nj,nkj->nik", V, values, V)
    assert np.all(np.abs(back - M) <= 1e-13 * k * size[:, :, None] + 1e-300)
    assert np.abs(V.swapaxes(1, 2) @ V - np.eye(k)).max() < 1e-13 * k


def test_single_precision():
    M = matrices(3)[:200].astype("f4")
    values, _ = eigenvalues(jnp.asarray(M))
    np.testing.assert_allclose(np.sort(values), np.linalg.eigvalsh(M), atol=1e-5)


def test_slopes_are_finite_where_values_coincide():
    with jax.enable_x64(True):
        slope = jax.jacfwd(lambda t: eigenvalues(jnp.eye(3) * t)[0])(2.0)
    np.testing.assert_allclose(slope, 1.0)
