"""What speaks against an estimate, in sentences, causes before what they lead to."""

from typing import NamedTuple

import numpy as np

from driftmatch.inference.diagnostics import Halves, Residuals, Twin
from driftmatch.inference.inference import COARSE, FINE
from driftmatch.outcomes import Outcome

_UNCERTAIN = 0.25  # an expected relative error, root mean square: a twentieth, squared
_UNSETTLED = 0.02  # a change of the drift in the last round
_FORCED = 0.05
_MEMORY = 0.2  # a correlation of neighbouring samples
_NOISY = 0.7  # of the standard deviation: half of the variance
_BLURRED = 1.0  # the time that noise hides, times the slope of the drift


class Evidence(NamedTuple):
    """What a verdict is made of; see `Inference`.

    - `blur`: √(Σ/2DΔt) Δt‖∇f‖, the time in which the states' own noise outgrows that of the
      measurement, times how fast the drift changes.
    """

    memory: float
    stiffness: float
    change: float
    drift_error: float
    diffusion_error: float
    forced: float
    noise_share: float
    failed_noise: bool
    blur: float
    residuals: Residuals
    twin: Twin
    halves: Halves


Check = tuple[bool, Outcome, str]  # what is so, what it comes to, and in numbers


def verdict(seen: Evidence) -> tuple[Outcome, str | None, tuple[str, ...]]:
    """The outcome, its reason, and all findings."""
    checks = _of_samples(seen) + _of_residuals(seen) + _of_model(seen)
    found = [(outcome, reason) for is_so, outcome, reason in checks if is_so]
    notes = [reason for _, reason in found]
    if seen.stiffness >= FINE:
        notes.append(
            f"corrected for the interval between samples, as Δt‖∇f‖ = {seen.stiffness:.2g}"
        )
    if seen.noise_share > 0:
        notes.append(
            f"corrected for measurement noise, {seen.noise_share:.1%} of the standard deviation"
        )
    if not found:
        return Outcome.SUCCESS, None, tuple(notes)
    outcome, reason = found[0]
    return outcome, f"{outcome}: {reason}", tuple(notes)


def _of_samples(seen: Evidence) -> list[Check]:
    """How they were taken. Outliers look like measurement noise, and both like a long interval."""
    left = seen.residuals
    return [
        (
            seen.memory < _MEMORY,
            Outcome.COARSE_RECORDING,
            f"a sample says nearly nothing of the next, as their correlation is {seen.memory:.2g}",
        ),
        (
            not left.is_steady,
            Outcome.NOT_MARKOV,
            "the size of what is left over of steps stays large or small for longer than the state "
            "explains",
        ),
        (
            not left.is_normal,
            Outcome.NOT_NORMAL,
            f"what is left over of steps has an excess kurtosis of {left.kurtosis.max():.2g}",
        ),
        (
            seen.noise_share > _NOISY,
            Outcome.MEASUREMENT_NOISE,
            f"measurement noise would be {seen.noise_share:.0%} of the standard deviation",
        ),
        (
            seen.failed_noise,
            Outcome.MEASUREMENT_NOISE,
            "steps are anticorrelated as by measurement noise, which is corrected for in steps "
            "over one sample only",
        ),
        (
            seen.stiffness >= COARSE and (seen.change > _UNSETTLED or seen.stiffness > 1.0),
            Outcome.COARSE_RECORDING,
            f"Δt‖∇f‖ is {seen.stiffness:.2g}: above {COARSE:g} the correction for the interval is "
            "not to be relied on",
        ),
    ]


def _of_residuals(seen: Evidence) -> list[Check]:
    """What no SDE of these coordinates leaves over."""
    left, halves = seen.residuals, seen.halves
    return [
        (
            not left.is_white,
            Outcome.NOT_MARKOV,
            "what is left over of steps is correlated, by up to "
            f"{np.abs(left.autocorrelation).max():.2g}",
        ),
        (
            not left.is_stationary,
            Outcome.TRANSIENT,
            "between the recording's halves forces differ by "
            f"{np.abs(left.force).max():.0%} of the drift, its strength by "
            f"{np.abs(left.strength).max():.0%} and the noise's variance by "
            f"{np.abs(left.noise).max():.0%}; if not only at the beginning, infer from parts",
        ),
        (
            not left.is_free_of_slow_forces,
            Outcome.NOT_MARKOV,
            f"what is left over adds up to {left.sums.max():.2g} times what independent steps "
            "would: forces that stay for long",
        ),
        (
            not halves.are_alike,
            Outcome.TRANSIENT,
            f"the means of the recording's halves differ by {np.abs(halves.shift).max():.2g} "
            "standard deviations",
        ),
    ]


def _of_model(seen: Evidence) -> list[Check]:
    """Whether there was enough to learn from, and what the model does."""
    return [
        (
            not seen.drift_error < _UNCERTAIN,
            Outcome.UNCERTAIN_DRIFT,
            f"the drift's expected error is {seen.drift_error:.0%} of it",
        ),
        (
            not seen.diffusion_error < _UNCERTAIN,
            Outcome.UNCERTAIN_DIFFUSION,
            f"the diffusion's expected error is {seen.diffusion_error:.0%} of it",
        ),
        (
            seen.blur >= _BLURRED,
            Outcome.MEASUREMENT_NOISE,
            f"the states' own noise outgrows that of the measurement in {seen.blur:.2g} times the "
            "time in which the drift changes",
        ),
        (
            seen.twin.left > 0,
            Outcome.MODEL_LEAVES,
            f"{seen.twin.left:.0%} of the model's own runs went far beyond the recorded states",
        ),
        (
            seen.forced > _FORCED,
            Outcome.FORCED_DIFFUSION,
            f"at {seen.forced:.0%} of the states the diffusion would not have been positive",
        ),
        (
            not seen.twin.is_alike,
            Outcome.OTHER_STATES,
            f"the densities of model and recording differ by {seen.twin.density:.2g}, "
            f"{seen.twin.density_floor:.2g} between two runs of the model",
        ),
    ]
