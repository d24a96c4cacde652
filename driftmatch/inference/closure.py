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
from jaxtyping import Array, Float

# Where P is 0 the points need some distance; squared, in units of the whitened variance.
_LEAST = 1e-18

Field = Callable[[Array], Array]


def transition(
    drift: Field,
    diffusion: Field,
    mean: Float[Array, "*batch k"],
    covariance: Float[Array, "*batch k k"],
    interval: Float[Array, " *batch"],
    substeps: int | Array,
) -> tuple[Array, Array, Array]:
    """m, P and A after an interval, by Runge–Kutta steps of fourth order."""
    k = mean.shape[-1]
    start = mean, covariance, jnp.broadcast_to(jnp.eye(k, dtype=mean.dtype), covariance.shape)
    h = interval / substeps

    def slope(state):
        m, P, A = state
        L = cholesky(P)
        offsets = k**0.5 * transposed(L)
        up, down = drift(m[..., None, :] + offsets), drift(m[..., None, :] - offsets)
        JL = transposed(up - down) / (2 * k**0.5)
        drifting = JL @ transposed(L)
        D = diffusion(m[..., None, :] + offsets) + diffusion(m[..., None, :] - offsets)
        spreading = drifting + transposed(drifting) + D.mean(axis=-3)
        return (up + down).mean(axis=-2) / 2, spreading, over_triangle(JL, L) @ A

    def ahead(state, slopes, by):
        return tuple(
            a + by.reshape(by.shape + (1,) * (a.ndim - by.ndim)) * b
            for a, b in zip(state, slopes, strict=True)
        )

    def step(_, state):
        k1 = slope(state)
        k2 = slope(ahead(state, k1, h / 2))
        k3 = slope(ahead(state, k2, h / 2))
        k4 = slope(ahead(state, k3, h))
        total = tuple(a + 2 * b + 2 * c + d for a, b, c, d in zip(k1, k2, k3, k4, strict=True))
        return ahead(state, total, h / 6)

    return jax.lax.fori_loop(0, substeps, step, start)


def transposed(matrix: Float[Array, "*batch i j"]) -> Float[Array, "*batch j i"]:
    return jnp.swapaxes(matrix, -1, -2)


def cholesky(P: Float[Array, "*batch k k"]) -> Float[Array, "*batch k k"]:
    """L of P = LLᵀ, of many small matrices at once, also of singular ones."""
    k = P.shape[-1]
    rows: list[list[Array]] = [[jnp.zeros_like(P[..., 0, 0])] * k for _ in range(k)]
    for i in range(k):
        for j in range(i + 1):
            rest = P[..., i, j] - sum(rows[i][q] * rows[j][q] for q in range(j))
            rows[i][j] = jnp.sqrt(jnp.maximum(rest, _LEAST)) if i == j else rest / rows[j][j]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def over_triangle(B: Float[Array, "*batch r k"], L: Float[Array, "*batch k k"]) -> Array:
    """B L⁻¹, of a lower triangle L."""
    k = L.shape[-1]
    columns: list[Array] = [B[..., 0]] * k
    for j in reversed(range(k)):
        known = sum((columns[q] * L[..., q, j][..., None] for q in range(j + 1, k)), jnp.zeros(()))
        columns[j] = (B[..., j] - known) / L[..., j, j][..., None]
    return jnp.stack(columns, axis=-1)


def over_transposed(B: Float[Array, "*batch r k"], L: Float[Array, "*batch k k"]) -> Array:
    """B L⁻ᵀ, of a lower triangle L."""
    k = L.shape[-1]
    columns: list[Array] = []
    for j in range(k):
        known = sum((columns[q] * L[..., j, q][..., None] for q in range(j)), jnp.zeros(()))
        columns.append((B[..., j] - known) / L[..., j, j][..., None])
    return jnp.stack(columns, axis=-1)


def over(B: Float[Array, "*batch r k"], L: Float[Array, "*batch k k"]) -> Array:
    """B (LLᵀ)⁻¹."""
    return over_triangle(over_transposed(B, L), L)
