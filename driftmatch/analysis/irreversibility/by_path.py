"""The route along paths: what a recording dissipates."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.analysis.flux import flux_drifts, undiffuse
from driftmatch.analysis.irreversibility.record import AbstractRoute, Irreversibility
from driftmatch.analysis.irreversibility.samples import (
    PathEnsemble,
    check_run_options,
    is_transient,
    on_stationary_paths,
    overshoots,
    pieces,
    recorded,
    standard_error,
    too_long,
)
from driftmatch.meters import SILENT, AbstractMeter, PartMeter, task
from driftmatch.outcomes import Outcome
from driftmatch.sampling.angles import periods_of

_COARSE = 0.2
_NOISE_STATES = 20_000
_KEPT = 400  # samples of each path, to see whether it is stationary


@dataclass(frozen=True)
class PathRoute(AbstractRoute):
    r"""σ̇ = lim T⁻¹ ∫ f̃ᵀD⁻¹ ∘ dz along paths: the heat over the temperature, step by step.

    Stratonovich sums of the line integrals of g = D⁻¹f̃ along straight steps, by Simpson's rule, so
    that gradients leave nothing but their values at the two ends. Sums over all steps and over
    every second state show the error of the sampling, which is of first order in the step and is
    extrapolated away; where steps are too long even for that, their scatter is not that of the
    noise, which is told. Where the noise depends on the state, the simulation's own error is of
    first order in dt too, and is not in the standard error. It gives no fields.

    - `num_trajectories`, `duration`, `burn_in`, `dt`: of the simulation; by default each path lasts
      four relaxation times, or 400 time scales. Where that would take more than about a minute
      there are fewer paths, down to 64, then shorter ones, and the outcome is `CUT_SHORT`.
    """

    num_trajectories: int = 64
    duration: float | None = None
    burn_in: float | None = None
    dt: float | None = None

    def __post_init__(self):
        check_run_options(self)

    def __call__(self, sde, trajectory, key: PRNGKeyArray | None, samples, meter):
        is_cut = False
        if trajectory is not None:
            states, spacing, outcome = recorded(sde, trajectory)
            # An even number of steps, so that both sums are of the same stretch.
            part = states[:, : (states.shape[1] - 1) // 2 * 2 + 1]
            sums, off, _ = _summed(sde, [part], spacing)
        else:

            def summed(ensemble: PathEnsemble, key: PRNGKeyArray):
                every, kept = max(1, ensemble.steps // _KEPT), []
                # Steps are taken, and summed up.
                with task(meter, f"paths of {sde.name}", 2 * ensemble.steps):
                    told = PartMeter(meter)
                    parts = _keeping(pieces(sde, ensemble, key, told), every, kept)
                    sums, off, overshot = _summed(sde, parts, ensemble.dt, told)
                outcome = ensemble.outcome
                states = np.concatenate(kept, axis=1).reshape(-1, sde.dim)
                if outcome.ok and too_long(flux_drifts(sde, states)[0], states, ensemble.dt):
                    outcome = Outcome.OVERSHOT
                if outcome.ok and is_transient(
                    np.concatenate(kept, axis=1), periods=periods_of(sde)
                ):
                    outcome = Outcome.TRANSIENT
                return (sums, off, ensemble.dt, ensemble.is_cut), overshot, outcome

            (sums, off, spacing, is_cut), outcome = on_stationary_paths(
                summed,
                sde,
                key,
                samples,
                num_trajectories=self.num_trajectories,
                duration=self.duration,
                burn_in=self.burn_in,
                dt=self.dt,
                steps_per_time_scale=40,
                meter=meter,
            )
        fine, coarse = (np.concatenate(column, axis=1) for column in zip(*sums, strict=True))
        fine, coarse = fine / (2 * spacing), coarse / (2 * spacing)
        rates = 2 * fine - coarse
        rate, error = float(rates.mean()), standard_error(rates)
        step_error = abs(float(coarse.mean() - fine.mean()))
        if outcome.ok and (off > _COARSE or step_error > _COARSE * abs(rate) + 3 * error):
            outcome = Outcome.COARSE_SAMPLING
        if outcome.ok and is_cut:
            outcome = Outcome.CUT_SHORT
        return Irreversibility(rate, error, "path", outcome, sde)


def _keeping(parts: Iterable[Float[np.ndarray, "M T k"]], every: int, kept: list):
    """The parts, while a sample every so many steps is kept."""
    for part in parts:
        kept.append(part[:, ::every])
        yield part


def _summed(
    sde, parts: Iterable[Float[np.ndarray, "M T k"]], spacing: float, meter: AbstractMeter = SILENT
):
    """The sums over all parts of a path, by how much their noise is off, and whether any step
    overshoots."""
    sums, off, overshot = [], 0.0, False
    for part in parts:
        flat = part.reshape(-1, part.shape[2])
        drift, D = flux_drifts(sde, flat)
        overshot |= overshoots(drift, flat, spacing)
        sums.append(_stratonovich_sums(sde, part, undiffuse(D, drift).reshape(part.shape)))
        off = max(off, _noise_off(sde, part, spacing))
        meter.advance(part.shape[1] - 1, "summed up")
    return sums, off, overshot


def _stratonovich_sums(
    sde, states: Float[np.ndarray, "M T k"], g: Float[np.ndarray, "M T k"]
) -> tuple[Float[np.ndarray, "M pairs"], Float[np.ndarray, "M pairs"]]:
    """For each pair of steps the sum over both, and the one with the state between left out."""

    def force(z):
        drift, D = flux_drifts(sde, z.reshape(-1, z.shape[2]))
        return undiffuse(D, drift).reshape(z.shape)

    def work(g, z):
        halfway = force(0.5 * (z[:, 1:] + z[:, :-1]))
        return np.sum((g[:, 1:] + 4 * halfway + g[:, :-1]) / 6 * np.diff(z, axis=1), axis=2)

    steps = work(g, states)
    return steps[:, 0::2] + steps[:, 1::2], work(g[:, ::2], states[:, ::2])


def _noise_off(sde, states: Float[np.ndarray, "M T k"], spacing: float) -> float:
    """By how much ⟨rᵀD⁻¹r⟩ / 2kΔt is off 1, where r = Δz − f̃Δt is what the drift leaves of a step.

    It is off by about Δt ∇·f / k, and at long steps, when states are forgotten between them, by
    all of it. Four standard errors are taken off, lest short recordings be accused.
    """
    k = states.shape[2]
    before, after = states[:, :-1].reshape(-1, k), states[:, 1:].reshape(-1, k)
    every = -(-len(before) // _NOISE_STATES)
    before, after = before[::every], after[::every]
    drift, D = flux_drifts(sde, before)
    left = after - before - spacing * drift
    ratio = np.mean(np.sum(left * undiffuse(D, left), axis=1)) / (2 * k * spacing)
    return float(abs(ratio - 1) - 4 * np.sqrt(2 / (k * len(before))))
