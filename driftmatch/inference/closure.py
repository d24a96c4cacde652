r"""Mean and covariance of a transition, by a Gaussian closure of the moments' equations.

    ṁ = E f(z),    Ṗ = E[f (z − m)ᵀ] + its transpose + 2 E D(z),    Ȧ = J A,    z ~ N(m, P)

with expectations over the 2k cubature points m ± √k L_j, P = LLᵀ, and J = E[f (z − m)ᵀ] P⁻¹, whose
product A is the slope of the mean transition. Exact for linear drift and constant diffusion;
of order (Δt)² in P and (Δt)³ in m otherwise.

Source: I. Arasaratnam, S. Haykin, IEEE Trans. Autom. Control 54, 1254 (2009), for the points;
S. Särkkä, *Bayesian Filtering and Smoothing* (2013), for the moments' equations.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# Where P is 0 the points need some distance; squared, in units of the whitened variance.
_LEAST = 1e-18

# Runge and Kutta's: where a stage begins, in slopes of the one before, and what it counts for.
_BEFORE, _SHARES = np.array([0, 0.5, 0.5, 1]), np.array([1, 2, 2, 1]) / 6


def transition(
    fields: Callable[[Array], tuple[Array, Array]],
    mean: Float[Array, " k *batch"],
    covariance: Float[Array, " k k *batch"],
    interval: Float[Array, " *batch"],
    substeps: int | Array,
) -> tuple[Array, Array, Array]:
    """m, P and A after an interval, by Runge–Kutta steps of fourth order; `fields`: f and D at
    states of shape (..., k). Of many transitions at once, which come last, as vectors of the
    processor are filled with them."""
    k, batch = mean.shape[0], tuple(range(-interval.ndim, 0))
    identity = jnp.expand_dims(jnp.eye(k, dtype=mean.dtype), batch)
    start = mean, covariance, jnp.broadcast_to(identity, covariance.shape)
    h = interval / substeps

    def slope(state):
        m, P, A = state
        L = cholesky(P)
        offsets = k**0.5 * L
        points = m[:, None] + jnp.concatenate([offsets, -offsets], axis=1)
        f, D = fields(jnp.moveaxis(points, 0, -1))
        f, D = jnp.moveaxis(f, -1, 0), jnp.moveaxis(D, (-2, -1), (0, 1))
        JL = (f[:, :k] - f[:, k:]) / (2 * k**0.5)
        drifting = times(JL, transposed(L))
        spreading = drifting + transposed(drifting) + 2 * D.mean(axis=2)
        return f.mean(axis=1), spreading, times(over_triangle(JL, L), A)

    def ahead(state, slopes, by):
        return tuple(a + by * b for a, b in zip(state, slopes, strict=True))

    def step(_, state):
        def stage(carry, shares):  # in a loop, which compiles four times as fast
            last, total = carry
            before, own = shares
            now = slope(ahead(state, last, before * h))
            return (now, ahead(total, now, own * h)), None

        nothing = jax.tree.map(jnp.zeros_like, state)
        (_, total), _ = jax.lax.scan(stage, (nothing, state), (_BEFORE, _SHARES))
        return total

    return jax.lax.fori_loop(0, substeps, step, start)


def times(A: Float[Array, "i j *batch"], B: Float[Array, "j l *batch"]) -> Array:
    """AB of many small matrices: products and sums, which the compiler puts together with what is
    around them, unlike AB itself."""
    return jnp.sum(A[:, :, None] * B[None], axis=1)


def transposed(matrix: Float[Array, "i j *batch"]) -> Float[Array, "j i *batch"]:
    return jnp.swapaxes(matrix, 0, 1)


def cholesky(P: Float[Array, " k k *batch"]) -> Float[Array, " k k *batch"]:
    """L of P = LLᵀ, of many small matrices at once, also of singular ones."""
    k = len(P)
    rows: list[list[Array]] = [[jnp.zeros_like(P[0, 0])] * k for _ in range(k)]
    for i in range(k):
        for j in range(i + 1):
            rest = P[i, j] - sum(rows[i][q] * rows[j][q] for q in range(j))
            rows[i][j] = jnp.sqrt(jnp.maximum(rest, _LEAST)) if i == j else rest / rows[j][j]
    return jnp.stack([jnp.stack(row) for row in rows])


def over_triangle(B: Float[Array, "r k *batch"], L: Float[Array, " k k *batch"]) -> Array:
    """B L⁻¹, of a lower triangle L."""
    k = len(L)
    columns: list[Array] = [B[:, 0]] * k
    for j in reversed(range(k)):
        known = sum((columns[q] * L[q, j] for q in range(j + 1, k)), jnp.zeros(()))
        columns[j] = (B[:, j] - known) / L[j, j]
    return jnp.stack(columns, axis=1)


def over_transposed(B: Float[Array, "r k *batch"], L: Float[Array, " k k *batch"]) -> Array:
    """B L⁻ᵀ, of a lower triangle L."""
    columns: list[Array] = []
    for j in range(len(L)):
        known = sum((columns[q] * L[j, q] for q in range(j)), jnp.zeros(()))
        columns.append((B[:, j] - known) / L[j, j])
    return jnp.stack(columns, axis=1)


def over(B: Float[Array, "r k *batch"], L: Float[Array, " k k *batch"]) -> Array:
    """B (LLᵀ)⁻¹."""
    return over_triangle(over_transposed(B, L), L)
