r"""Measurement noise: whether the data show it, how much, and estimates that it does not bias.

y = z + η with η ~ N(0, Σ) biases increments, as E[Δy_t Δy_{t+1}ᵀ] = −Σ + O(Δt²). Where what an
estimate without noise leaves over is anticorrelated from one sample to the next, expectation and
maximisation take its place: the states behind the samples are smoothed with the current estimate,
and the regressions of `fitting` see their posterior in place of the samples. The sizes of D and Σ,
in which that is slow, are those of the largest likelihood.

Source: C. Vestergaard, P. Blainey, H. Flyvbjerg, Phys. Rev. E 89, 022726 (2014), for the first
estimate; R. Shumway, D. Stoffer, J. Time Ser. Anal. 3, 253 (1982), for the iteration.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
import scipy.optimize
from jaxtyping import Float

from driftmatch.inference.acceleration import Step, accelerated
from driftmatch.inference.basis import Basis
from driftmatch.inference.estimate import Estimate, diffusions
from driftmatch.inference.fitting import (
    FLOOR,
    Candidates,
    Fitted,
    predict,
    regress,
    stiffness,
    substeps,
)
from driftmatch.inference.regression import Choice, solve, sums
from driftmatch.inference.smoothing import Smoothed, expected_transitions, smooth
from driftmatch.inference.transitions import Transitions, block_numbers, median_interval

Matrix = np.ndarray

_SEEN = 4.0  # standard errors of an anticorrelation
_ROUNDS = 12, 40  # of iterations, at most, after each choice of bases
_GAIN = 0.1  # log likelihood in a round
_LARGEST = 50.0  # a logarithm
_SAMPLES = 50_000  # that are iterated on, before all are smoothed once
_OVERWHELMED = 1.5  # a ratio of squared distances over two samples and one
_TRIES, _FINE, _FIRST = 10, 1e-2, 0.2  # of the search: evaluations for each size, logarithms
_APART = 3  # coordinates, of which each has its own sizes
_CURVED = 0.1  # a logarithm at which curvature is measured
_UNKNOWN = 1.0  # a standard error of a logarithm that says that nothing is known


class Noisy(NamedTuple):
    """A fit with measurement noise.

    - `covariance`: Σ, shape (k, k), in scaled coordinates. - `size_errors`: the relative standard
      errors of the diffusion's size along every coordinate, from the curvature of the likelihood.
    """

    fitted: Fitted
    covariance: Float[Matrix, "k k"]
    smoothed: Smoothed
    transitions: Transitions
    size_errors: Float[Matrix, " k"]


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
    point: _Point | None = _Point(*_first(few, few_times, candidates, plain))
    for rounds in _ROUNDS:
        sizes, _ = _likeliest_sizes(point, few, few_times)
        chosen = _improved(point.resized(sizes), few, few_times, candidates)
        point = chosen and _settled(chosen, few, few_times, rounds)
        if point is None:
            return None
    _, errors = _likeliest_sizes(point, few, few_times)
    last = _improved(point, pieces, times, None)
    if last is None or last.smoothed is None or last.transitions is None:
        return None
    return Noisy(last.fitted, last.noise, last.smoothed, last.transitions, errors)


def _settled(
    point: "_Point", pieces: list[Matrix], times: list[Matrix], rounds: int
) -> "_Point | None":
    """Iterated in its bases until nothing is gained; None if that diverges."""
    fits = point.fitted.drift, point.fitted.diffusion
    shapes = [fit.coefficients.shape for fit in fits]
    k, interval = len(point.noise), median_interval(times)
    some = np.concatenate(pieces)[:: 1 + sum(map(len, pieces)) // 1000]
    D = np.trace(diffusions(point.fitted.estimate, some)[0].mean(axis=0)) / k

    def vector(at: _Point):
        parts = at.fitted.estimate.coefficients, at.fitted.diffusion.coefficients, _log(at.noise)
        return np.concatenate([np.ravel(part) for part in parts])

    def apart(vectors):
        at = np.cumsum([np.prod(shape) for shape in shapes])
        c, d, logs = np.split(vectors, at.astype(int), axis=-1)
        lead = vectors.shape[:-1]
        return c.reshape(*lead, *shapes[0]), d.reshape(*lead, *shapes[1]), logs

    def inner(one, other):
        """What changes of drift, diffusion and noise would do to the log likelihood, about, if
        there were no noise, twice."""
        (c, d, logs), (c2, d2, logs2) = apart(one), apart(other)
        drift = np.einsum("apq,pr,brq->ab", c, fits[0].matrix, c2) * interval / (2 * D)
        diffusion = np.einsum("apq,pr,brq->ab", d, fits[1].matrix, d2) / (2 * D**2)
        return drift + diffusion + sum(map(len, pieces)) / 2 * logs @ logs2.T

    def step(at: _Point) -> Step | None:
        improved = _improved(at, pieces, times, None)
        if improved is None or improved.smoothed is None:
            return None
        value = float(np.sum(improved.smoothed.log_likelihood))
        return Step(vector(at), vector(improved), value, improved)

    def moved(at: _Point, to):
        c, d, logs = apart(to)
        return at.with_parameters(c, d, _exp(logs.reshape(k, k)))

    return accelerated(step, moved, inner, point, rounds=rounds, gain=_GAIN)


class _Point(NamedTuple):
    """Where the iteration stands; `smoothed`, `transitions`: what it was found from."""

    fitted: Fitted
    noise: Matrix
    smoothed: Smoothed | None = None
    transitions: Transitions | None = None

    def resized(self, logs: Float[Matrix, " q"]) -> "_Point":
        """With all entries of D and Σ multiplied by exp((l_i + l_j)/2); `logs`: l of D, then of Σ,
        one for each coordinate or for all."""
        k = len(self.noise)
        of_D, of_noise = np.broadcast_to(logs.reshape(2, -1), (2, k))
        d = _scaled(self.fitted.diffusion.coefficients, of_D)
        factors = np.exp((of_noise[:, None] + of_noise) / 2)
        return self.with_parameters(
            np.asarray(self.fitted.estimate.coefficients), d, factors * self.noise
        )

    def with_parameters(self, c: Matrix, d: Matrix, noise: Matrix) -> "_Point":
        """With these coefficients and this Σ."""
        estimate = dataclasses.replace(
            self.fitted.estimate, coefficients=c, diffusion_coefficients=d
        )
        diffusion = self.fitted.diffusion._replace(coefficients=d)
        fitted = self.fitted._replace(estimate=estimate, diffusion=diffusion)
        return self._replace(fitted=fitted, noise=noise)


def _scaled(entries: Float[Matrix, "r e"], logs: Float[Matrix, " k"]) -> Float[Matrix, "r e"]:
    rows, columns = np.triu_indices(len(logs))
    return entries * np.exp((logs[rows] + logs[columns]) / 2)


def _likeliest_sizes(
    point: _Point, pieces: list[Matrix], times: list[Matrix]
) -> tuple[Matrix, Matrix]:
    """Logarithms of the factors of D and Σ that make the samples likeliest, and the standard errors
    of those of D, shape (k,).

    Of these sizes, which trade places with each other, the iteration alone learns too slowly.
    """
    steps, k = substeps(point.fitted.stiffness), len(point.noise)
    size = 2 * k if k <= _APART else 2

    def unlikely(logs):
        other = point.resized(logs)
        smoothed = smooth(pieces, times, other.fitted.estimate, other.noise, steps)
        total = float(np.sum(smoothed.log_likelihood))
        return -total if np.isfinite(total) else np.inf

    corners = np.concatenate([np.zeros((1, size)), _FIRST * np.eye(size)])
    found = scipy.optimize.minimize(
        unlikely, corners[0], method="Nelder-Mead",
        options={"initial_simplex": corners, "maxfev": _TRIES * size, "xatol": _FINE,
                 "fatol": 0.1},
    )  # fmt: skip
    return found.x, _errors(unlikely, found.x, found.fun, k)


def _errors(unlikely, at, least, k) -> Float[Matrix, " k"]:
    """Of the logarithms for D, from the curvature around the minimum."""
    size = len(at)
    steps = _CURVED * np.eye(size)

    def along(step):
        return (unlikely(at + step) + unlikely(at - step) - 2 * least) / _CURVED**2

    curvature = np.diag([along(step) for step in steps])
    for i in range(size):
        for j in range(i):
            both = along(steps[i] + steps[j]) - curvature[i, i] - curvature[j, j]
            curvature[i, j] = curvature[j, i] = both / 2
    values, vectors = np.linalg.eigh(np.nan_to_num(curvature))
    covariance = (vectors / np.maximum(values, _UNKNOWN**-2)) @ vectors.T
    errors = np.sqrt(np.diag(covariance))[: size // 2]
    return np.minimum(np.broadcast_to(errors, (k,)), _UNKNOWN)


def _improved(
    point: _Point, pieces: list[Matrix], times: list[Matrix], candidates: Candidates | None
) -> _Point | None:
    """One expectation and one maximisation; None if that diverges."""
    estimate, steps = point.fitted.estimate, substeps(point.fitted.stiffness)
    smoothed = smooth(pieces, times, estimate, point.noise, steps)
    if not _is_finite(smoothed):
        return None
    expected = expected_transitions(smoothed, np.concatenate([np.diff(time) for time in times]))
    fitted = regress(expected, candidates, point.fitted, predict(point.fitted, expected))
    return _Point(fitted, _residual_noise(pieces, smoothed), smoothed, expected)


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
    dt = median_interval(times)

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
        np.asarray(FLOOR * np.trace(D) / k),
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


def _log(matrix: Float[Matrix, "k k"]) -> Float[Matrix, "k k"]:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.log(np.maximum(values, 1e-300))) @ vectors.T


def _exp(matrix: Float[Matrix, "k k"]) -> Float[Matrix, "k k"]:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.exp(np.minimum(values, _LARGEST))) @ vectors.T


def _residual_noise(pieces: list[Matrix], smoothed: Smoothed) -> Float[Matrix, "k k"]:
    """Σ = mean of (y − m)(y − m)ᵀ + P, at the beginning of all transitions."""
    y = np.concatenate([piece[:-1] for piece in pieces])
    off = y - smoothed.mean
    return off.T @ off / len(off) + smoothed.covariance.mean(axis=0)
