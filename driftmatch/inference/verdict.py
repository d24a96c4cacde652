"""What speaks against an estimate, in sentences, the worst first."""

from typing import NamedTuple

import numpy as np

from driftmatch.inference.diagnostics import Halves, Residuals, Twin
from driftmatch.inference.inference import COARSE, FINE
from driftmatch.outcomes import Outcome

_UNCERTAIN = 0.25  # an expected relative error, root mean square: a twentieth, squared
_UNSETTLED = 0.02  # a change of the drift in the last round
_FORCED = 0.05


class Evidence(NamedTuple):
    """What a verdict is made of; see `Inference`."""

    stiffness: float
    change: float
    drift_error: float
    diffusion_error: float
    forced: float
    noise_share: float
    failed_noise: bool
    residuals: Residuals
    twin: Twin
    halves: Halves


def verdict(seen: Evidence) -> tuple[Outcome, str | None, tuple[str, ...]]:
    """The outcome, its reason, and all findings."""
    found: list[tuple[Outcome, str]] = []
    white = np.abs(seen.residuals.autocorrelation).max()
    checks = [
        (
            seen.stiffness >= COARSE and (seen.change > _UNSETTLED or seen.stiffness > 1.0),
            Outcome.COARSE_RECORDING,
            f"Δt‖∇f‖ is {seen.stiffness:.2g}: above {COARSE:g} the correction for the interval is "
            "not to be relied on",
        ),
        (
            seen.twin.left > 0,
            Outcome.MODEL_LEAVES,
            f"{seen.twin.left:.0%} of the model's own runs went far beyond the recorded states",
        ),
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
            seen.failed_noise,
            Outcome.MEASUREMENT_NOISE,
            "steps are anticorrelated as by measurement noise, which could not be told from the "
            "dynamics",
        ),
        (
            not seen.residuals.is_white,
            Outcome.NOT_MARKOV,
            f"what is left over of steps is correlated, by up to {white:.2g}",
        ),
        (
            seen.forced > _FORCED,
            Outcome.FORCED_DIFFUSION,
            f"at {seen.forced:.0%} of the states the diffusion would not have been positive",
        ),
        (
            not seen.residuals.is_normal,
            Outcome.NOT_NORMAL,
            f"what is left over of steps has an excess kurtosis of "
            f"{seen.residuals.kurtosis.max():.2g}",
        ),
        (
            not seen.residuals.is_steady,
            Outcome.NOT_MARKOV,
            "the size of what is left over of steps stays large or small for longer than the state "
            "explains",
        ),
        (
            not seen.halves.are_alike,
            Outcome.TRANSIENT,
            f"the means of the recording's halves differ by "
            f"{np.abs(seen.halves.shift).max():.2g} standard deviations",
        ),
        (
            not seen.twin.is_alike,
            Outcome.OTHER_STATES,
            f"the densities of model and recording differ by {seen.twin.density:.2g}, "
            f"{seen.twin.density_floor:.2g} between two runs of the model",
        ),
    ]
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
