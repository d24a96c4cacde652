"""Eigenvalues of many small symmetric matrices at once.

Not those of LAPACK: XLA shares batches out to its threads, and with several batches in a loop all
of these may end up waiting for each other (jaxlib 0.10, two cores: within some twenty calls).
"""

from itertools import combinations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_SWEEPS = 8  # at most; two more than rows are enough for double precision, as errors are squared


def eigenvalues(matrix: Float[Array, "*batch k k"]) -> tuple[Array, Array]:
    """Values λ, shape (..., k), in no order, and vectors V, with VᵀMV = diag λ.

    By Jacobi's rotations, each of which takes one entry away from above the diagonal.

    Source: G. Golub, C. Van Loan, *Matrix Computations* (2013), section 8.5.
    """
    k = matrix.shape[-1]
    vectors = jnp.broadcast_to(jnp.eye(k, dtype=matrix.dtype), matrix.shape)

    def sweep(_, state):
        M, V = _columns(jnp.swapaxes(state[0], -1, -2)), _columns(state[1])
        for p, q in combinations(range(k), 2):
            c, s = _rotation(M[p][p], M[q][q], M[p][q])
            V[p], V[q] = _rotated(V[p], V[q], c, s)
            M[p], M[q] = _rotated(M[p], M[q], c, s)
            for row in M:
                row[p], row[q] = c * row[p] - s * row[q], s * row[p] + c * row[q]
        return tuple(
            jnp.stack([jnp.stack(column, axis=-1) for column in columns], axis=-1)
            for columns in (M, V)
        )

    M, V = jax.lax.fori_loop(0, min(k + 2, _SWEEPS), sweep, (matrix, vectors))
    return jnp.diagonal(M, axis1=-2, axis2=-1), V


def _columns(matrix: Array) -> list[list[Array]]:
    k = matrix.shape[-1]
    return [[matrix[..., i, j] for i in range(k)] for j in range(k)]


def _rotated(one: list[Array], other: list[Array], c: Array, s: Array):
    pairs = list(zip(one, other, strict=True))
    return [c * a - s * b for a, b in pairs], [s * a + c * b for a, b in pairs]


def _rotation(a: Array, b: Array, off: Array) -> tuple[Array, Array]:
    """Cosine and sine of the smaller angle that takes `off` away."""
    is_there = off != 0
    twice = (b - a) / jnp.where(is_there, 2 * off, 1.0)
    t = jnp.where(twice < 0, -1.0, 1.0) / (jnp.abs(twice) + jnp.sqrt(1 + twice**2))
    t = jnp.where(is_there, t, 0.0)
    c = 1 / jnp.sqrt(1 + t**2)
    return c, t * c
