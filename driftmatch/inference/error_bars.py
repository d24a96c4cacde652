r"""How much drift and diffusion would differ in another recording like this one.

Blocks of the recording are drawn again with replacement; a coefficient moves by A⁻¹ Σ_b (n_b − 1)
s_b, with the scores s_b of the blocks and A = Σ wφφᵀ + R. What the ridge R holds back is added as
its prior, N(0, σ²A⁻¹RA⁻¹), so that the bars cover on average over the states.

Source: for blocks, H. Künsch, Ann. Stat. 17, 1217 (1989); for the prior, G. Wahba, J. R. Stat. Soc.
B 45, 133 (1983).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch.compilation import compiled
from driftmatch.inference.closure import transition
from driftmatch.inference.estimate import Estimate
from driftmatch.inference.fitting import Fitted, substeps
from driftmatch.inference.regression import Fit
from driftmatch.inference.transitions import Transitions

Matrix = np.ndarray

NUM_REPLICATES = 200
_STATES = 512  # at which the interval's effect on the drift's error is measured
_COARSE = 0.02
_ROUNDS = 30


def drift_replicates(
    fitted: Fitted, transitions: Transitions, rng: np.random.Generator
) -> Float[Matrix, "S p k"]:
    """Deviations of the drift's coefficients.

    An error e of the drift shows in the increments as e less what the interval makes of it, so what
    is seen in them is blown up in the drift.
    """
    moved = _replicates(fitted.drift, rng)
    if fitted.stiffness < _COARSE:
        return moved
    chosen = rng.choice(len(transitions.states), min(_STATES, len(transitions.states)), False)
    z, dt = transitions.states[chosen], transitions.intervals[chosen]
    phi = fitted.drift.choice.basis.at(z)
    gram = phi.T @ phi
    onto = np.linalg.lstsq(gram + 1e-9 * np.trace(gram) * np.eye(len(gram)), phi.T, rcond=None)[0]
    total, change = moved, np.inf
    for _ in range(_ROUNDS):
        seen = _seen(jnp.asarray(z), jnp.asarray(dt), fitted.estimate, jnp.asarray(total),
                     np.int64(substeps(fitted.stiffness)))  # fmt: skip
        excess = np.einsum("pn,snk->spk", onto, np.asarray(seen) - phi @ total)
        new = moved - excess
        now = float(np.sqrt(np.mean((new - total) ** 2)))
        if not np.isfinite(now) or now > change:
            break
        total, change = new, now
        if now <= 1e-2 * np.sqrt(np.mean(total**2)):
            break
    return total


def diffusion_replicates(
    fitted: Fitted, rng: np.random.Generator, missing: float
) -> Float[Matrix, "S r e"]:
    """Deviations of the diffusion's coefficients; `missing`: the share of the information that
    measurement noise has taken away."""
    return _replicates(fitted.diffusion, rng) / (1 - missing)


def _replicates(fit: Fit, rng: np.random.Generator) -> Float[Matrix, "S p q"]:
    scores, A = fit.scores, fit.matrix
    B, p, q = scores.shape
    counts = rng.multinomial(B, np.full(B, 1 / B), size=NUM_REPLICATES) - 1
    moved = np.einsum("sb,bpq->spq", counts, scores - scores.mean(axis=0))
    ridge = np.maximum(np.diag(A - (A - fit.choice.matrix(A))), 0.0)
    gram = A - np.diag(ridge)
    # By how much scores vary against Σ wφφᵀ: the variance of what is not explained.
    variance = np.einsum("bpq->q", (scores - scores.mean(axis=0)) ** 2) / np.trace(gram)
    prior = rng.standard_normal((NUM_REPLICATES, p, q)) * np.sqrt(ridge)[:, None]
    moved = moved + prior * np.sqrt(variance)
    return np.linalg.lstsq(A, moved.transpose(1, 0, 2).reshape(p, -1), rcond=1e-15)[0].reshape(
        p, NUM_REPLICATES, q
    ).transpose(1, 0, 2)  # fmt: skip


@compiled
def _seen(states, intervals, estimate: Estimate, moved, substeps):
    """By how much the mean increments over Δt move with the coefficients."""

    def increments(coefficients):
        other = jax.tree.map(lambda a: a, estimate)
        object.__setattr__(other, "coefficients", coefficients)
        still = jnp.zeros((*states.shape, states.shape[-1]), states.dtype)
        m, _, _ = transition(
            other.drift, other.diffusion_matrix, states, still, intervals, substeps
        )
        return (m - states) / intervals[:, None]

    def along(direction):
        return jax.jvp(increments, (jnp.asarray(estimate.coefficients),), (direction,))[1]

    return jax.lax.map(along, moved)
