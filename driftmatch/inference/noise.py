r"""Measurement noise: whether the data show it, how much, and estimates that it does not bias.

y = z + η with η ~ N(0, Σ) biases increments, as E[Δy_t Δy_{t+1}ᵀ] = −Σ + O(Δt²). Where what an
estimate without noise leaves over is anticorrelated from one sample to the next, expectation and
maximisation take its place: the states behind the samples are smoothed with the current estimate,
and the regressions of `fitting` see their posterior in place of the samples.

Source: C. Vestergaard, P. Blainey, H. Flyvbjerg, Phys. Rev. E 89, 022726 (2014), for the first
estimate; R. Shumway, D. Stoffer, J. Time Ser. Anal. 3, 253 (1982), for the iteration.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from driftmatch.inference.basis import Basis
from driftmatch.inference.estimate import Estimate
from driftmatch.inference.fitting import Candidates, Fitted, predict, regress, stiffness, substeps
from driftmatch.inference.regression import Choice, solve, sums
from driftmatch.inference.smoothing import Smoothed, expected_transitions, smooth
from driftmatch.inference.transitions import Transitions, block_numbers

Matrix = np.ndarray

_SEEN = 4.0  # standard errors of an anticorrelation
_ITERATIONS = 40
_CHOICES = (3, 10)
_SETTLED = 2e-3
_SAMPLES = 50_000  # that are iterated on, before all are smoothed once
_OVERWHELMED = 1.5  # a ratio of squared distances over two samples and one


class Noisy(NamedTuple):
    """A fit with measurement noise.

    - `covariance`: Σ, shape (k, k), in scaled coordinates. - `missing`: the share of the
      information on the diffusion that noise takes away.
    """

    fitted: Fitted
    covariance: Float[Matrix, "k k"]
    smoothed: Smoothed
    transitions: Transitions
    missing: float


def is_anticorrelated(residuals: Float[Matrix, "N k"], follows: Matrix) -> bool:
    """Whether neighbours in a coordinate are, by more than chance; `follows`: which come after
    the one before them."""
    pairs = residuals[1:][follows[1:]] * residuals[:-1][follows[1:]]
    correlation = pairs.mean(axis=0) / np.mean(residuals**2, axis=0)
    return bool(np.any(correlation < -_SEEN / np.sqrt(len(pairs))))


def with_noise(
    pieces: list[Float[Matrix, "t k"]],
    times: list[Float[Matrix, " t"]],
    candidates: Candidates,
    plain: Fitted,
) -> Noisy | None:
    """Expectation and maximisation, from a first estimate by lags or, where noise does not
    overwhelm single steps, from what the estimate without noise leaves over; None if that
    diverges."""
    few, few_times = _some(pieces, times)
    fitted, noise = _first(few, few_times, candidates, plain)
    intervals = np.concatenate([np.diff(time) for time in few_times])
    last, size, missing = np.nan, np.nan, 0.0
    for number in range(_ITERATIONS):
        smoothed = smooth(few, few_times, fitted.estimate, noise, substeps(fitted.stiffness))
        if not _is_finite(smoothed):
            return None
        expected = expected_transitions(smoothed, intervals)
        chooses = number in _CHOICES
        new = regress(expected, candidates if chooses else None, fitted, predict(fitted, expected))
        noise = _residual_noise(few, smoothed)
        before, size = size, float(np.mean(new.diffusion.coefficients[0]))
        change = abs(size / before - 1) if number else np.inf
        missing = min(change / last, 0.95) if np.isfinite(last) and last > 0 else missing
        last, fitted = change, new
        if number > _CHOICES[0] and max(change, new.change) < _SETTLED and not chooses:
            break
    if few is not pieces:
        intervals = np.concatenate([np.diff(time) for time in times])
        smoothed = smooth(pieces, times, fitted.estimate, noise, substeps(fitted.stiffness))
        if not _is_finite(smoothed):
            return None
        expected = expected_transitions(smoothed, intervals)
        fitted = regress(expected, None, fitted, predict(fitted, expected))
        noise = _residual_noise(pieces, smoothed)
    return Noisy(fitted, noise, smoothed, expected, float(missing))


def _is_finite(smoothed: Smoothed) -> bool:
    return all(bool(np.isfinite(part).all()) for part in smoothed)


def _some(pieces, times):
    """The beginnings of all pieces, so many samples together at most."""
    total = sum(map(len, pieces))
    if total <= _SAMPLES:
        return pieces, times
    share = _SAMPLES / total
    ends = [max(2, int(share * len(piece))) for piece in pieces]
    return (
        [piece[:end] for piece, end in zip(pieces, ends, strict=True)],
        [time[:end] for time, end in zip(times, ends, strict=True)],
    )


def _first(pieces, times, candidates, plain) -> tuple[Fitted, Matrix]:
    """Where noise overwhelms single steps, Σ and a constant D from how squared distances grow with
    the lag, and a linear drift from samples that share no noise,
    E[φ(y_{t−h}) (y_{t+h} − y_t − hΔt f(y_t))ᵀ] = 0. Else all from the residuals r of the estimate
    without noise: Σ = −E[r_t r_{t+1}ᵀ], D = E[rrᵀ]/2Δt − Σ/Δt."""
    k = pieces[0].shape[1]
    longest = max(len(piece) for piece in pieces)
    dt = float(np.median(np.concatenate([np.diff(time) for time in times])))

    def spread(lag):
        d = np.concatenate([p[lag:] - p[:-lag] for p in pieces if len(p) > lag])
        return d.T @ d / len(d)

    constant = candidates.diffusion[0]
    if np.trace(spread(2)) > _OVERWHELMED * np.trace(spread(1)):
        transitions = Transitions.of(pieces, times)
        prediction = predict(plain, transitions)
        left = transitions.steps - dt * prediction.mean
        together = left[1:].T @ left[:-1] / len(left)
        variance = left.T @ left / len(left)
        noise = _at_least(-(together + together.T) / 2, 0.1)
        # Not more than all of it: Σ takes up half of a step's variance at most.
        noise *= min(1.0, 0.45 * np.trace(variance) / np.trace(noise))
        D = _at_least(variance / (2 * dt) - noise / dt, 0.05)
        basis, c, at = plain.estimate.basis, plain.estimate.coefficients, transitions
    else:
        lag = 1
        while np.trace(spread(2 * lag)) < 3 * np.trace(spread(1)) and 40 * lag < longest:
            lag *= 2
        lag *= 2
        D = _at_least((spread(lag) - spread(1)) / (2 * (lag - 1) * dt), 0.05)
        noise = _at_least(spread(1) / 2 - D * dt, 0.1)
        kept = [piece for piece in pieces if len(piece) > 2 * lag]
        before = np.concatenate([piece[: -2 * lag] for piece in kept])
        now = np.concatenate([piece[lag:-lag] for piece in kept])
        later = np.concatenate([piece[2 * lag :] for piece in kept])
        basis, N = candidates.drift[0], len(now)
        earlier, phi = basis.at(before), basis.at(now)
        c = np.linalg.lstsq(earlier.T @ phi, earlier.T @ (later - now) / (lag * dt), rcond=1e-8)[0]
        at = Transitions(now, later - now, np.full(N, dt), np.ones(N), block_numbers(N))
    d = D[np.triu_indices(k)][None]
    estimate = Estimate(
        basis, c, constant, d, plain.estimate.pull,
        np.asarray(1e-3 * np.trace(D) / k),
    )  # fmt: skip
    drift, diffusion = _fit_of(basis, at, c), _fit_of(constant, at, d)
    return Fitted(estimate, drift, diffusion, np.inf, stiffness(estimate, at)), noise


def _fit_of(basis: Basis, transitions: Transitions, coefficients: Matrix):
    values = np.zeros((len(transitions.states), coefficients.shape[1]))
    total = sums(basis, transitions.states, values, transitions.weights, transitions.blocks)
    return solve(Choice(basis, 0.0), total)._replace(coefficients=coefficients)


def _at_least(matrix: Float[Matrix, "k k"], share: float) -> Float[Matrix, "k k"]:
    """With no eigenvalue below this share of the largest."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, share * np.abs(values).max())) @ vectors.T


def _residual_noise(pieces: list[Matrix], smoothed: Smoothed) -> Float[Matrix, "k k"]:
    """Σ = mean of (y − m)(y − m)ᵀ + P, at the beginning of all transitions."""
    y = np.concatenate([piece[:-1] for piece in pieces])
    off = y - smoothed.mean
    return off.T @ off / len(off) + smoothed.covariance.mean(axis=0)
