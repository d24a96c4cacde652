r"""How much drift and diffusion would differ in another recording like this one.

Blocks of the recording are drawn again with replacement; a coefficient moves by A⁻¹ Σ_b (n_b − 1)
s_b, with the scores s_b of the blocks and A = Σ wφφᵀ + R. What the ridge R holds back is added as
its prior, N(0, σ²A⁻¹RA⁻¹), so that the bars cover on average over the states.

Source: for blocks, H. Künsch, Ann. Stat. 17, 1217 (1989); for the prior, G. Wahba, J. R. Stat. Soc.
B 45, 133 (1983).
"""

import numpy as np
import scipy.linalg
from jaxtyping import Float

from driftmatch.inference.estimate import slopes
from driftmatch.inference.fitting import Fitted
from driftmatch.inference.regression import Fit
from driftmatch.inference.transitions import Transitions

Matrix = np.ndarray

NUM_REPLICATES = 200
_STATES = 2000  # at which the interval's effect on the drift's error is measured
_COARSE = 0.02
_ROUNDING = 1e-9
_LARGE, _TERMS = 2.0, 24  # a norm up to which so many terms are exact to rounding


def drift_replicates(
    fitted: Fitted, transitions: Transitions, rng: np.random.Generator
) -> Float[Matrix, "S p k"]:
    r"""Deviations of the drift's coefficients.

    An error e of the drift shows in the increments over Δt as ∫ exp(Js) ds e / Δt, J = ∇f, and so
    is larger than what is seen of it.
    """
    moved = _replicates(fitted.drift, rng)
    if not _COARSE < fitted.stiffness < np.inf:
        return moved
    every = 1 + len(transitions.states) // _STATES
    z, dt = transitions.states[::every], transitions.intervals[::every]
    phi = fitted.drift.choice.basis.at(z)
    p, k = phi.shape[1], z.shape[1]
    shown = _shown(slopes(fitted.estimate, z) * dt[:, None, None])
    gram = phi.T @ phi
    onto = np.linalg.lstsq(gram + _ROUNDING * np.diag(np.diag(gram)), phi.T, rcond=None)[0]
    seen = np.einsum("pn,nij,nq->piqj", onto, shown, phi, optimize=True).reshape(p * k, p * k)
    total = np.linalg.lstsq(seen, moved.reshape(len(moved), -1).T, rcond=1e-6)[0]
    return total.T.reshape(moved.shape)


def diffusion_replicates(
    fitted: Fitted, rng: np.random.Generator, size_errors: Float[Matrix, " k"]
) -> Float[Matrix, "S r e"]:
    """Deviations of the diffusion's coefficients; `size_errors`: the relative standard errors that
    measurement noise adds to their size along every coordinate."""
    moved = _replicates(fitted.diffusion, rng)
    rows, columns = np.triu_indices(len(size_errors))
    sizes = size_errors * rng.standard_normal((NUM_REPLICATES, len(size_errors)))
    both = (sizes[:, rows] + sizes[:, columns]) / 2
    return moved + both[:, None] * fitted.diffusion.coefficients


def _replicates(fit: Fit, rng: np.random.Generator) -> Float[Matrix, "S p q"]:
    A, scores = fit.matrix, fit.scores - fit.scores.mean(axis=0)
    B, p, q = scores.shape
    counts = rng.multinomial(B, np.full(B, 1 / B), size=NUM_REPLICATES) - 1
    moved = np.einsum("sb,bpq->spq", counts, scores)
    ridge = np.diag(fit.ridge)
    # By how much scores vary against Σ wφφᵀ: the variance of what is not explained.
    variance = np.einsum("bpq->q", scores**2) / np.trace(A - fit.ridge)
    prior = rng.standard_normal((NUM_REPLICATES, p, q)) * np.sqrt(ridge)[:, None]
    moved = moved + prior * np.sqrt(variance)
    rows = moved.transpose(1, 0, 2).reshape(p, -1)
    found = np.linalg.lstsq(A, rows, rcond=1e-15)[0]
    return found.reshape(p, NUM_REPLICATES, q).transpose(1, 0, 2)


def _shown(steepness: Float[Matrix, "N k k"]) -> Float[Matrix, "N k k"]:
    """∫₀¹ exp(J s) ds = Σ Jⁿ/(n+1)!; of a large J from the exponential of [[J, 1], [0, 0]]."""
    N, k = steepness.shape[:2]
    large = np.linalg.norm(steepness, axis=(1, 2)) > _LARGE
    small, power = np.where(large[:, None, None], 0.0, steepness), np.eye(k)
    total = np.broadcast_to(power, (N, k, k)).copy()
    for n in range(1, _TERMS):
        power = power @ small / (n + 1)
        total += power
    double = np.zeros((large.sum(), 2 * k, 2 * k))
    double[:, :k, :k], double[:, :k, k:] = steepness[large], np.eye(k)
    total[large] = scipy.linalg.expm(double)[:, :k, k:]
    return total
