"""`infer`: from a recording to an SDE."""

from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.arguments import check_count, check_flag, check_key, check_meter, or_none
from driftmatch.errors import InputError
from driftmatch.inference import fitting
from driftmatch.inference.basis import candidates
from driftmatch.inference.components import component_recording
from driftmatch.inference.diagnostics import halves, memory, residuals, twin
from driftmatch.inference.entropy import entropy_production
from driftmatch.inference.error_bars import diffusion_replicates, drift_replicates
from driftmatch.inference.estimate import Estimate, diffusions, drifts, symmetric
from driftmatch.inference.fitting import Candidates, Fitted, predict
from driftmatch.inference.inference import COARSE, Inference, Lag
from driftmatch.inference.inferred_sde import InferredSDE
from driftmatch.inference.noise import Noisy, is_anticorrelated, with_noise
from driftmatch.inference.shrinkage import shrunk
from driftmatch.inference.stretches import Stretches
from driftmatch.inference.transitions import Scaling
from driftmatch.inference.usable import usable_pieces
from driftmatch.inference.verdict import Evidence, verdict
from driftmatch.matching.features import AbstractFeatures, RandomFeatures, check_features
from driftmatch.meters import SILENT, AbstractMeter, task
from driftmatch.randomness import generator, split
from driftmatch.recordings.recording import Recording
from driftmatch.words import spelled

Matrix = np.ndarray

_RANDOM = RandomFeatures()
_NUMBERS, _DIFFUSION_NUMBERS = (16, 32, 64), (16, 32)
_DEGREES, _DIFFUSION_DEGREES = (1, 2, 3, 4, 5), (0, 1, 2, 3, 4)
_LAGS = (1, 2, 4, 8, 16)
_MOST_STARTS = 16
_ROUNDING, _FAR = 1e-12, 1e6  # of variances; standard deviations of a step
_NEGATIVE = 0.01  # of the mean diffusion
_SOME, _MANY = 50_000, 200_000  # transitions to fit, samples to test, that tell what a lag is like


@spelled
def infer(
    recording: Any,
    *,
    key: PRNGKeyArray,
    dt: float | None = None,
    times: ArrayLike | None = None,
    components: int | None = None,
    lag: int | None = None,
    measurement_noise: bool | None = None,
    features: AbstractFeatures = _RANDOM,
    meter: AbstractMeter | bool = SILENT,
) -> Inference:
    r"""The SDE  dz = f(z) dt + σ(z) dB  behind a recording: drift and full diffusion matrix.

    f and D = ½σσᵀ are linear in monomials or in the features of the matching; coefficients come
    from weighted ridge regressions in closed form, basis and ridge from cross-validation. For the
    interval between samples they are corrected by what the estimate itself makes of an interval
    (see `driftmatch.inference.fitting`), and for measurement noise, if steps are anticorrelated as
    by nothing else, by smoothing (`driftmatch.inference.noise`); `findings` say so. D is positive
    at every state. Errors come from blocks of the recording, drawn again.

    **Arguments**

    - `recording`: a `Recording`, or what `Recording.of` takes: states of shape (T,), (T, k) or
      (M, T, k), a list of segments, a run, a DataFrame or Dataset.
    - `dt` or `times`: the interval between samples, or when they were taken, for what has no times.
    - `key`: a random key, ``jax.random.key(seed)``, for features, replicates and the twin.
    - `components`: infer in so many principal components of the recording: for neurons, of which
      there are more than dimensions.
    - `lag`: over how many samples increments are taken; by default 1, or the first of 2, 4, 8 and
      16 whose residuals are white, if those of 1 are not.
    - `measurement_noise`: whether to correct for it; by default if the data show it.
    - `features`: where the candidates for features come from.
    - `meter`: told of the progress; True for the terminal.

    Raises `InputError` for a recording that cannot be used: a coordinate that does not change,
    fewer than 50 steps, no times.

    Source: A. Frishman, P. Ronceray, Phys. Rev. X 10, 021009 (2020); see the modules for more.
    """
    key, meter = check_key(key), check_meter(meter)
    lag = or_none(check_count)("lag", lag)
    check_features("features", features)
    measurement_noise = or_none(check_flag)("measurement_noise", measurement_noise)
    components = or_none(check_count)("components", components)
    if measurement_noise and (lag or 1) > 1:
        raise InputError(
            f"measurement noise is corrected for in steps over one sample, got lag={lag}: leave "
            "lag or measurement_noise out"
        )
    recording = Recording.of(recording, dt=dt, times=times)
    if components is not None:
        recording = component_recording(recording, components)
    pieces = usable_pieces(recording, lag or 1)
    with jax.enable_x64(True), task(meter, "inferring", 5):
        return _Work(recording, pieces, features, key, meter).infer(lag, measurement_noise)


class _Work:
    """What the parts of an inference share."""

    def __init__(self, recording, pieces, features, key, meter):
        self.recording, self.meter = recording, meter
        self.rng, self.key = generator(split(key)[0]), split(key)[1]
        self.pieces = [np.asarray(recording.states[piece], np.float64) for piece in pieces]
        self.scaling = Scaling.of(recording, self.pieces)
        self.stretches = Stretches([self.scaling.scale(piece) for piece in self.pieces],
                                   [recording.times[piece] for piece in pieces])  # fmt: skip
        states = np.concatenate(self.stretches.pieces)
        angles = self.scaling.angles
        self.candidates = Candidates(
            candidates(states, angles, features, self.rng, numbers=_NUMBERS, degrees=_DEGREES),
            candidates(states, angles, features, self.rng, numbers=_DIFFUSION_NUMBERS,
                       degrees=_DIFFUSION_DEGREES),
        )  # fmt: skip

    def infer(self, lag: int | None, measurement_noise: bool | None) -> Inference:
        chosen = lag or 1
        fitted, noisy, failed, left, is_noisy = self._fit(chosen, measurement_noise)
        lags = ()
        if lag is None:
            tried = [self._at_lag(number) for number in _LAGS if self.stretches.has(number)]
            lags = tuple(seen for seen, _ in tried)
            whiter = [seen.samples for seen, will_do in tried[1:] if will_do]
            # With measurement noise larger lags look better, and D is as wrong.
            if not is_noisy and not left.is_white and whiter:
                chosen = whiter[0]
                fitted, noisy, failed, left, _ = self._fit(chosen, measurement_noise)
        self.meter.advance(1, "errors")
        return self._record(chosen, lags, fitted, noisy, failed, left)

    def _residuals(self, fitted: Fitted, stretches: Stretches, lag: int):
        """Of steps that do not overlap: what is left over, which follow one another, and how far
        the drift pushes in every step, in standard deviations of a step."""
        apart, follows = stretches.apart(lag)
        seen = predict(fitted, apart)
        dt, variance = apart.intervals[:, None], 2 * np.einsum("nii->ni", seen.half)
        # Of an estimate far off, the closure's variances may be negative.
        with np.errstate(all="ignore"):
            variance = np.maximum(variance, _ROUNDING * np.abs(variance).mean(axis=0))
            push = np.clip(np.sqrt(dt / variance) * seen.mean, -_FAR, _FAR)
        return np.clip(seen.residual, -_FAR, _FAR), follows, push

    def _fit(self, lag: int, measurement_noise: bool | None):
        self.meter.advance(0, f"lag {lag}")
        transitions = self.stretches.transitions(lag)
        first = fitting.first_fit(transitions, self.candidates)
        self.meter.advance(1, "measurement noise")
        seen = is_anticorrelated(*self._residuals(first, self.stretches.part(_SOME), lag)[:2])
        noisy = None
        if measurement_noise or (measurement_noise is None and seen and lag == 1):
            noisy = with_noise(*self.stretches, self.candidates, first)
        if noisy is not None:
            _, follows, push = self._residuals(first, self.stretches, 1)
            left = residuals(noisy.smoothed.innovation, follows, push)
            fitted = shrunk(noisy.fitted)
        else:
            fitted = shrunk(fitting.fit(transitions, self.candidates, first))
            apart, follows, push = self._residuals(fitted, self.stretches.part(_MANY), lag)
            left, seen = residuals(apart, follows, push), is_anticorrelated(apart, follows)
        self.meter.advance(1)
        # Of a lag that was asked for it is told where it matters.
        failed = noisy is None and seen and (lag == 1 or not left.is_white)
        return fitted, noisy, failed, left, seen or noisy is not None

    def _at_lag(self, lag: int) -> tuple[Lag, bool]:
        """By one regression in the simplest bases, whatever the noise; and whether that lag will
        do: what is left over is white, and the lag not coarse."""
        stretches = self.stretches.part(_MANY)
        some = stretches.transitions(lag).part(_SOME)
        simple = Candidates(self.candidates.drift[:3], self.candidates.diffusion[:1])
        fitted = fitting.regress(some, simple, None, None)
        if fitted.stiffness < COARSE:  # else that lag will not do, whatever it is corrected for
            fitted = fitting.again(some, fitted)
        left = residuals(*self._residuals(fitted, stretches, lag))
        D = symmetric(fitted.diffusion.coefficients[0], self.recording.dim)
        D = np.diag(self.scaling.unscale_matrices(D)).copy()
        correlation = float(np.abs(left.autocorrelation).max())
        return Lag(lag, D, correlation), left.is_white and fitted.stiffness < COARSE

    def _record(self, lag, lags, fitted: Fitted, noisy: Noisy | None, failed, left) -> Inference:
        estimate = fitted.estimate
        transitions = noisy.transitions if noisy else self.stretches.transitions(lag)
        sde = InferredSDE.of(estimate, self.scaling, self.recording, self._starts())
        noise = np.zeros_like(self.scaling.factor)
        if noisy is not None:
            noise = self.scaling.unscale_matrices(noisy.covariance)
        moved = drift_replicates(fitted, transitions, self.rng)
        moved_D = diffusion_replicates(
            fitted, self.rng, noisy.size_errors if noisy else np.zeros(self.recording.dim)
        )
        drift_error, diffusion_error = self._errors(estimate, transitions, moved, moved_D)
        some = transitions.states[:: 1 + len(transitions.states) // 20_000]
        linear = diffusions(estimate, some)[1]
        least = -_NEGATIVE * max(float(np.einsum("nii->n", linear).mean()) / len(noise), 0.0)
        forced = float(np.mean(np.linalg.eigvalsh(linear)[:, 0] < least))
        self.meter.advance(1, "entropy production")
        sigma, sigma_error = np.inf, np.nan
        if not self._is_singular(estimate, some, moved_D):
            longer = (
                self.stretches.transitions(2 * lag)
                if self.stretches.has(2 * lag) and not noisy
                else None
            )
            base = self.stretches.transitions(lag) if noisy else transitions
            sigma, sigma_error = entropy_production(
                fitted, transitions, predict(fitted, transitions), base, longer, self.rng
            )
        self.meter.advance(1, "the model's own recording")
        own = twin(sde, self.recording, self.pieces, fitted.stiffness / lag, noise, self.scaling,
                   self.key)  # fmt: skip
        both = halves(self.pieces, self.scaling.angles)
        spread = np.maximum(np.concatenate(self.pieces).std(axis=0), 1e-300)
        share = float(np.sqrt(np.max(np.diag(noise) / spread**2)))
        change = fitted.change if np.isfinite(fitted.change) else 1.0
        outcome, reason, findings = verdict(Evidence(
            memory(self.stretches.pieces, self.scaling.angles), fitted.stiffness, change,
            drift_error, diffusion_error, forced, share, failed, self._blur(fitted, noisy), left,
            own, both,
        ))  # fmt: skip
        if lag > 1:
            why = "as those over one are not white" if lags else "as asked for"
            findings += (f"increments over {lag} samples, {why}",)
        return Inference(
            sde, outcome, reason, findings, fitted.stiffness, noise, drift_error, diffusion_error,
            forced, sigma, sigma_error, lag, lags,
            (estimate.basis.size, estimate.diffusion_basis.size), left, own, both, self.recording,
            moved, moved_D,
        )  # fmt: skip

    def _blur(self, fitted: Fitted, noisy: Noisy | None) -> float:
        """See `Evidence`."""
        if noisy is None:
            return 0.0
        states = noisy.transitions.states
        D = diffusions(fitted.estimate, states[:: 1 + len(states) // 2000])[0].mean(axis=0)
        steps = np.linalg.eigvals(np.linalg.solve(D, noisy.covariance)).real.max() / 2
        return float(np.sqrt(max(steps, 0.0) / self.recording.dt) * fitted.stiffness)

    def _errors(self, estimate: Estimate, transitions, moved, moved_D) -> tuple[float, float]:
        """Expected, root mean square over recorded states, relative."""
        some = transitions.states[:: 1 + len(transitions.states) // 4000]
        L = self.scaling.factor
        f = drifts(estimate, some) @ L.T
        off = np.einsum("np,spk->snk", estimate.basis.at(some), moved) @ L.T
        D = self.scaling.unscale_matrices(diffusions(estimate, some)[0])
        psi = estimate.diffusion_basis.at(some)
        off_D = np.einsum("np,spe->sne", psi, moved_D)
        off_D = self.scaling.unscale_matrices(symmetric(off_D, len(L)))
        scale = np.sqrt(np.diag(L @ L.T))

        def largest(variance, square, known):
            # Of the coordinates that have any, lest a fast one hides that a slow one is not known.
            ratios = variance[known] / square[known]
            return float(np.sqrt(ratios.max())) if len(ratios) else np.inf

        squares = np.mean(f**2, axis=0)
        drift = largest(off.var(axis=0).mean(axis=0), squares, squares > 0)
        own = np.mean(np.einsum("nii->ni", D) ** 2, axis=0)
        spread = np.einsum("nii->ni", off_D.var(axis=0)).mean(axis=0)
        known = np.sqrt(own) > 2 * float(estimate.floor) * scale**2
        return drift, largest(spread, own, known)

    def _is_singular(self, estimate: Estimate, states, moved_D) -> bool:
        """Whether at half of the states the least eigenvalue of D, before it was made positive,
        cannot be told from 0 or its floor."""
        psi = estimate.diffusion_basis.at(states[:: 1 + len(states) // 200])
        d, k = psi @ np.asarray(estimate.diffusion_coefficients), self.recording.dim
        again = d + np.einsum("nr,sre->sne", psi, moved_D)
        least, scatter = (np.linalg.eigvalsh(symmetric(e, k))[..., 0] for e in (d, again))
        bound = np.maximum(float(estimate.floor), 3 * scatter.std(axis=0))
        return bool(np.median(least - bound) <= 0)

    def _starts(self) -> Matrix:
        """The first sample of every piece, of the longest if there are many."""
        longest = sorted(self.pieces, key=len, reverse=True)[:_MOST_STARTS]
        return np.stack([piece[0] for piece in longest])
