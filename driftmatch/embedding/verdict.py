"""What is known of an embedding, and what to make of it: the outcome, and the lever that helps."""

import numpy as np

from driftmatch.embedding.closed_loop import ClosedLoop
from driftmatch.matching.errors import LARGE_ERROR
from driftmatch.matching.fits import Fitted
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.sampling.samples import Samples

_STILL_FALLS = 0.01  # of the error, in a step


class EmbeddingReport(Record):
    """How good an embedding is, measured on held-out states (theory: `matching_errors`).

    - `drift_error`: ε_f; `noisy_drift_error`: ε_f with private noise 0.01 in every neuron;
      `local_error`: ε_ℓ, relative to what moves the state there; `diffusion_error`: ε_D; all
      relative, so 1e-2 is one per cent.
    - `largest_readout`: the largest entry of W_s, in standard deviations of the target, apart from
      the constant neuron's, which carries the mean.
    - `tau`: the network's time constant, in the target's unit of time.
    - `num_states`: how many states were learnt from; `num_guards`: neurons that only keep
      the network from straying, with their counterweights (see `confinement`).
    - `seconds`: of the whole embedding; `fit_seconds`: of choosing features and readouts.
    - `off_subspace`: how far noisy neurons are from x = Γz + b, beside how far Γz spreads, and
      `transverse_abscissa`: the largest real part, per unit time, of an eigenvalue of their
      Jacobian across it at three states; 0 and None for connectivity that keeps it exactly.
    - `sizes`: numbers of neurons that were tried and their ε_f, if an error was asked for.
    """

    drift_error: float
    noisy_drift_error: float
    local_error: float
    diffusion_error: float
    largest_readout: float
    tau: float
    num_states: int
    num_guards: int
    seconds: float
    fit_seconds: float
    sizes: tuple[tuple[int, float], ...] = ()
    off_subspace: float = 0.0
    transverse_abscissa: float | None = None


def verdict(
    report: EmbeddingReport, loop: ClosedLoop | None, not_settled: Outcome | None
) -> Outcome:
    """No kinder than any of what was looked at."""
    if not np.maximum(report.drift_error, report.local_error) < LARGE_ERROR:
        return Outcome.MORE_NEURONS
    if not report.diffusion_error < LARGE_ERROR:
        return Outcome.MORE_NEURONS_DIFFUSION
    if not report.noisy_drift_error < LARGE_ERROR:
        return Outcome.FRAGILE
    if not report.off_subspace < LARGE_ERROR:
        return Outcome.OFF_SUBSPACE
    if not_settled is not None:  # then density and rhythm of the target are not known
        return not_settled
    return Outcome.SUCCESS if loop is None else loop.outcome


def why(
    outcome: Outcome,
    report: EmbeddingReport,
    loop: ClosedLoop | None,
    fitted: Fitted,
    samples: Samples | None,
) -> str:
    """The outcome with its numbers, and what to do."""
    if outcome is Outcome.UNJUDGED:
        return str(outcome)
    if samples is not None and outcome is samples.outcome:
        return samples.reason or str(outcome)
    numbers = _numbers(outcome, report, loop)
    what = str(outcome).partition(":")[0]  # its own remedy may not be the one that helps here
    return f"{what}: {numbers}; {_lever(outcome, fitted)}" if numbers else str(outcome)


def _lever(outcome: Outcome, fitted: Fitted) -> str:
    if outcome is Outcome.OFF_SUBSPACE:
        return "give each neuron more inputs, or lower tau"
    if outcome is Outcome.STRAYS:
        return "where it was matched it is faithful; if it may get further, more neurons may help"
    if fitted.gain > _STILL_FALLS:
        return (
            f"the error still fell by {fitted.gain:.1%} a step: take more of them, "
            "method=Refined(iterations=(60, 10))"
        )
    return "use more neurons, or match at other states (states=, box=)"


def _numbers(outcome: Outcome, report: EmbeddingReport, loop: ClosedLoop | None) -> str:
    if outcome is Outcome.MORE_NEURONS:
        return f"it is {report.drift_error:.2g}, and locally {report.local_error:.2g}"
    if outcome is Outcome.MORE_NEURONS_DIFFUSION:
        return f"it is {report.diffusion_error:.2g}"
    if outcome is Outcome.OFF_SUBSPACE:
        return f"they are {report.off_subspace:.2g} of its spread away"
    if loop is None:
        return ""
    if outcome is Outcome.ESCAPES:
        return f"{loop.escaped_fraction:.1%} of its paths do"
    if outcome is Outcome.OTHER_DENSITY:
        return (
            f"{loop.state_space_divergence:.2g} nats from it, where two runs of the target are "
            f"{loop.state_space_divergence_floor:.2g} apart, and {loop.sliced_wasserstein:.2g} "
            f"standard deviations against {loop.sliced_wasserstein_floor:.2g}"
        )
    if outcome is Outcome.OTHER_SPECTRUM:
        return (
            f"it turns {loop.frequency_ratio:.3f} times as often, and spectra are "
            f"{loop.spectrum_distance:.2g} apart where two of the target are "
            f"{loop.spectrum_distance_floor:.2g}"
        )
    if outcome is Outcome.OTHER_EXPONENT:
        return f"{loop.exponent_network:.3g} for {loop.exponent_target:.3g}"
    if outcome is Outcome.STRAYS and np.isfinite(loop.astray_fraction):
        return f"{loop.astray_fraction:.1%} of far starts do"
    return ""
