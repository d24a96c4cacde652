r"""Drift and diffusion from transitions, each a linear regression, corrected for the interval.

Over an interval Δt, E[Δz | z] / Δt is not f and Cov[Δz | z] / 2Δt is not D, but for Δt → 0. What
they are for a given estimate follows from a Gaussian closure; so the regressions

    [Δz/Δt − (mean(f̂, D̂) − f̂)] ~ φ(z),      [rrᵀ/2Δt − (covariance(f̂, D̂)/2Δt − D̂)] ~ ψ(z)

with r = Δz minus its predicted mean are repeated until f̂ stays as it is. Where they end, the
estimate's own transitions have the moments of the recorded ones: Σ φ(z)(Δz − E_f̂[Δz|z]) = 0, a
martingale estimating equation, which is right at every Δt if the closure is.

Source: B. M. Bibby, M. Sørensen, Bernoulli 1, 17 (1995), for such equations.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from driftmatch.inference.basis import Basis
from driftmatch.inference.estimate import (
    Estimate,
    moments,
    slopes,
    symmetric,
    upper,
)
from driftmatch.inference.regression import Choice, Fit, choose, solve, sums
from driftmatch.inference.transitions import Transitions

Matrix = np.ndarray

_CHOSEN_IN = 100_000  # transitions in which bases are chosen
_COMPARED_IN = 10_000  # and in which settled fits are compared, where intervals are coarse
_ROUNDS, _CHOICES = 20, 3  # of all rounds, the first choose
_SETTLED = 1e-3  # a change of the drift, relative to it
FLOOR = 1e-4  # of the mean diffusion
_QUADRATIC = 2  # the place of quadratic functions among the candidates
_SIMPLER, _SIMPLER_DRIFT = 2.0, 0.5  # standard errors that more functions must gain
_STIFF = 0.95  # the quantile of Δt ‖∇f‖ that counts
_COARSE = 0.2  # of Δt ‖∇f‖, from where corrections may decide which basis is best
_LEAST_WEIGHT = 0.05
_PRICE = 2.0  # log likelihood that a parameter must gain


class Candidates(NamedTuple):
    """Bases to choose from."""

    drift: list[Basis]
    diffusion: list[Basis]


class Fitted(NamedTuple):
    """An estimate and the regressions that it comes from.

    - `change`: of the drift in the last round, relative to it. - `stiffness`: Δt ‖∇f‖.
    """

    estimate: Estimate
    drift: Fit
    diffusion: Fit
    change: float
    stiffness: float

    @property
    def num_parameters(self) -> int:
        """How many coefficients there are."""
        return self.drift.coefficients.size + self.diffusion.coefficients.size


class Prediction(NamedTuple):
    """What an estimate makes of transitions: the mean of Δz/Δt and Cov/2Δt, drift and D at the
    start, and what is left over of every step in its standard deviations; the log likelihood."""

    mean: Float[Matrix, "N k"]
    half: Float[Matrix, "N k k"]
    drift: Float[Matrix, "N k"]
    diffusion: Float[Matrix, "N k k"]
    residual: Float[Matrix, "N k"]
    log_likelihood: float


def predict(fitted: Fitted, transitions: Transitions) -> Prediction:
    """By the Gaussian closure."""
    dt = transitions.intervals[:, None]
    parts = moments(fitted.estimate, transitions.states, transitions.intervals,
                    substeps(fitted.stiffness))  # fmt: skip
    mean, half = parts[:2]
    k = mean.shape[1]
    left = transitions.steps - dt * mean
    with np.errstate(all="ignore"):
        size = np.trace(half, axis1=1, axis2=2)[:, None, None] * np.eye(k)
        finite = np.isfinite(half).all() and np.isfinite(left).all()
        covariance = 2 * dt[:, :, None] * (half + 1e-12 * size) + 1e-300 * np.eye(k)
        try:
            L = np.linalg.cholesky(covariance if finite else covariance * np.nan)
        except np.linalg.LinAlgError:
            return Prediction(*parts, left, -np.inf)
    residual = np.linalg.solve(L, left[..., None])[..., 0]
    determinants = np.log(np.diagonal(L, axis1=1, axis2=2)).sum(axis=1)
    each = -0.5 * np.sum(residual**2, axis=1) - determinants
    likelihood = float(transitions.weights @ each) if finite else -np.inf
    return Prediction(*parts, residual, likelihood)


def first_fit(transitions: Transitions, candidates: Candidates) -> Fitted:
    """Choose bases and repeat the regressions until they settle, on some of many transitions."""
    return _settle(transitions.part(_CHOSEN_IN), candidates)


def fit(transitions: Transitions, candidates: Candidates, first: Fitted) -> Fitted:
    """Where intervals are coarse, monomials of each degree are tried beside what cross-validation
    chose first, and what makes the data likeliest is kept; of many transitions all are seen once.
    """
    some, best = transitions.part(_CHOSEN_IN), first
    if best.stiffness >= _COARSE or best.change > _SETTLED:
        few, own = transitions.part(_COMPARED_IN), best.drift.choice.basis
        are_all = len(few.states) == len(some.states)
        rivals = [best if are_all else _settle(few, Candidates([own], candidates.diffusion))] + [
            _settle(few, Candidates([basis], candidates.diffusion))
            for basis in candidates.drift
            if not len(basis.bias) and basis is not own
        ]
        likeliest = max(rivals, key=lambda rival: _worth(rival, predict(rival, few)))
        if are_all:
            best = likeliest
        elif likeliest.drift.choice.basis is not own:
            bases = [likeliest.drift.choice.basis], [likeliest.diffusion.choice.basis]
            best = _settle(some, Candidates(*bases))
    return best if len(some.states) == len(transitions.states) else again(transitions, best)


def _worth(fitted: Fitted, prediction: Prediction) -> float:
    return prediction.log_likelihood - _PRICE * fitted.num_parameters


def _settle(transitions: Transitions, candidates: Candidates) -> Fitted:
    """The likeliest of all rounds, from the last that chose."""
    fitted = regress(transitions, candidates, None, None)
    best, most, damping = fitted, -np.inf, 1.0
    for number in range(1, _ROUNDS):
        prediction = predict(fitted, transitions)
        worth = _worth(fitted, prediction)
        if worth > most or number <= _CHOICES:
            best, most = fitted, worth
        if (number > _CHOICES and fitted.change < _SETTLED) or not np.isfinite(worth):
            break
        chooses = number < _CHOICES
        new = regress(transitions, candidates if chooses else None, fitted, prediction, damping)
        if not np.isfinite(new.stiffness):
            break
        if not chooses and new.change > fitted.change:
            damping = max(damping / 2, 0.1)
        fitted = new
    return best


def again(transitions: Transitions, fitted: Fitted) -> Fitted:
    """One more round, on other transitions."""
    return regress(transitions, None, fitted, predict(fitted, transitions))


def regress(
    transitions: Transitions,
    candidates: Candidates | None,
    before: Fitted | None,
    prediction: Prediction | None,
    damping: float = 1.0,
) -> Fitted:
    """One round: the drift, then the diffusion; in the bases that the last round had, or choosing
    among candidates. `prediction`: of the last round's estimate."""
    z, dt, blocks = transitions.states, transitions.intervals[:, None], transitions.blocks
    k = z.shape[1]
    mean_excess, spread_excess = np.zeros_like(z), np.zeros((len(z), k * (k + 1) // 2))
    relative = np.ones(len(z))
    if prediction is not None:
        mean_excess = prediction.mean - prediction.drift
        spread_excess = upper(prediction.half - prediction.diffusion)
        relative = _relative_noise(prediction.diffusion)
    weights = drift_weights(transitions, prediction)
    rates = transitions.steps / dt - mean_excess
    drift = _regression(
        z, rates, weights, blocks, candidates and candidates.drift, before and before.drift,
        tolerance=_SIMPLER_DRIFT,
    )  # fmt: skip
    residual = transitions.steps - dt * (_values(drift, z) + mean_excess)
    # What is left over of steps is smaller than the noise, as the drift follows it.
    number = max(float(transitions.weights.sum()), 1.0)
    freedom = number / max(number - drift.num_effective, number / 2)
    squares = freedom * residual[:, :, None] * residual[:, None, :]
    if transitions.spreads is not None:
        squares = squares + transitions.spreads
    halves = upper(squares / (2 * dt[:, :, None])) - spread_excess
    if candidates is not None:
        relative = _provisional(candidates, z, halves, transitions.weights / relative**2, blocks)
    diffusion = _regression(
        z, halves, transitions.weights / relative**2, blocks,
        candidates and candidates.diffusion, before and before.diffusion, tolerance=_SIMPLER,
    )  # fmt: skip
    return _fitted(transitions, drift, diffusion, before, damping)


def drift_weights(transitions: Transitions, prediction: Prediction | None) -> Float[Matrix, " N"]:
    """What varies by 2DΔt counts in Δz/Δt by Δt/2D (and in its square by 1/D²)."""
    weights = transitions.weights * transitions.intervals / transitions.intervals.mean()
    return weights if prediction is None else weights / _relative_noise(prediction.diffusion)


def _regression(z, values, weights, blocks, bases, before, *, tolerance=0.0) -> Fit:
    if bases is not None:
        return choose(bases, z, values, weights, blocks, tolerance=tolerance)
    return solve(before.choice, sums(before.choice.basis, z, values, weights, blocks))


def _provisional(candidates: Candidates, z, halves, weights, blocks) -> Float[Matrix, " N"]:
    """How large D is, by quadratic functions: as its square varies by D², a basis is not to be
    chosen where all count alike."""
    basis = candidates.diffusion[min(_QUADRATIC, len(candidates.diffusion) - 1)]
    values = _values(solve(Choice(basis, 0.0), sums(basis, z, halves, weights, blocks)), z)
    return _relative_noise(symmetric(values, z.shape[1]))


def _fitted(transitions, drift, diffusion, before, damping) -> Fitted:
    z = transitions.states
    c, last = drift.coefficients, None
    if before is not None and before.drift.choice.basis is drift.choice.basis:
        last = np.asarray(before.estimate.coefficients)
        c = last + damping * (c - last)
    some = z[:: 1 + len(z) // 10_000]
    phi = drift.choice.basis.at(some)
    size = np.sqrt(np.mean(np.sum((phi @ c) ** 2, axis=1)))
    change = np.inf
    if last is not None:
        moved = phi @ (c - last)
        change = float(np.sqrt(np.mean(np.sum(moved**2, axis=1))) / (size or 1.0))
    k = z.shape[1]
    psi = diffusion.choice.basis.at(some)
    typical = np.trace(symmetric((psi @ diffusion.coefficients).mean(axis=0), k)) / k
    estimate = Estimate(
        basis=drift.choice.basis,
        coefficients=c,
        diffusion_basis=diffusion.choice.basis,
        diffusion_coefficients=diffusion.coefficients,
        pull=np.asarray(size / np.sqrt(k)),
        floor=np.asarray(FLOOR * max(typical, 0.0)),
    )
    return Fitted(estimate, drift, diffusion, change, stiffness(estimate, transitions))


def stiffness(estimate: Estimate, transitions: Transitions) -> float:
    """Δt ‖∇f‖ that only a twentieth of the transitions exceed."""
    every = 1 + len(transitions.states) // 2000
    J = slopes(estimate, transitions.states[::every])
    if not np.isfinite(J).all():
        return np.inf
    steepness = np.linalg.norm(J, ord=2, axis=(1, 2))
    return float(np.quantile(steepness * transitions.intervals[::every], _STIFF))


def substeps(stiffness: float) -> int:
    """Steps of the closure in an interval."""
    return int(np.clip(np.ceil(stiffness / 0.3), 1, 8)) if np.isfinite(stiffness) else 1


def _values(fit: Fit, states: Float[Matrix, "N k"]) -> Float[Matrix, "N q"]:
    return np.concatenate([
        fit.choice.basis.at(states[first : first + 2**16]) @ fit.coefficients
        for first in range(0, len(states), 2**16)
    ])  # fmt: skip


def _relative_noise(D: Float[Matrix, "N k k"]) -> Float[Matrix, " N"]:
    """The trace of D over its mean, not below a twentieth."""
    trace = np.trace(D, axis1=1, axis2=2)
    mean = trace.mean()
    return np.maximum(trace / mean, _LEAST_WEIGHT) if mean > 0 else np.ones(len(D))
