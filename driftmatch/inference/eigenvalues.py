"""Eigenvalues of many small symmetric matrices at once.

Not those of LAPACK: XLA shares batches out to its threads, and with several batches in a loop all
of these may end up waiting for each other (jaxlib 0.10, two cores: within some twenty calls).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_SWEEPS = 8  # at most; two more than rows are enough for double precision, as errors are squared


def eigenvalues(matrix: Float[Array, "*batch k k"]) -> tuple[Array, Array]:
    """Values λ, shape (..., k), in no order, and vectors V, with VᵀMV = diag λ.

    By Jacobi's rotations, each of which takes one entry away from above the diagonal; those of rows
    i and i + k/2 at once, after which rows move on as players do in a tournament.

    Source: G. Golub, C. Van Loan, *Matrix Computations* (2013), section 8.5.
    """
    k = matrix.shape[-1]
    # An odd row plays against one of zeros, which no rotation changes.
    n = k + k % 2
    padding = [(0, 0)] * (matrix.ndim - 2) + [(0, n - k)] * 2
    start = jnp.pad(matrix, padding), jnp.broadcast_to(jnp.eye(n, dtype=matrix.dtype), (
        *matrix.shape[:-2], n, n))  # fmt: skip
    top, seats = np.arange(n // 2), _next_seats(n)

    def play(_, state):
        M, V = state
        c, s = _rotation(M[..., top, top], M[..., top + n // 2, top + n // 2],
                         M[..., top, top + n // 2])  # fmt: skip
        M = _turned(jnp.swapaxes(_turned(M, c, s), -1, -2), c, s)
        return M[..., seats, :][..., seats], _turned(V, c, s)[..., seats]

    # After n − 1 rounds all have played against all, and sit where they sat.
    M, V = jax.lax.fori_loop(0, (n - 1) * min(k + 2, _SWEEPS), play, start)
    return jnp.diagonal(M, axis1=-2, axis2=-1)[..., :k], V[..., :k, :k]


def _next_seats(n: int) -> np.ndarray:
    """Who sits where in the next round: the first stays, the others move on by one around him."""
    top, bottom = np.split(np.arange(n), 2)
    if n == 2:
        return np.arange(2)
    return np.concatenate([top[:1], bottom[:1], top[1:-1], bottom[1:], top[-1:]])


def _turned(columns: Array, c: Array, s: Array) -> Array:
    one, other = jnp.split(columns, 2, axis=-1)
    c, s = c[..., None, :], s[..., None, :]
    return jnp.concatenate([c * one - s * other, s * one + c * other], axis=-1)


def _rotation(a: Array, b: Array, off: Array) -> tuple[Array, Array]:
    """Cosine and sine of the smaller angle that takes `off` away."""
    is_there = off != 0
    twice = (b - a) / jnp.where(is_there, 2 * off, 1.0)
    t = jnp.where(twice < 0, -1.0, 1.0) / (jnp.abs(twice) + jnp.sqrt(1 + twice**2))
    t = jnp.where(is_there, t, 0.0)
    c = 1 / jnp.sqrt(1 + t**2)
    return c, t * c
