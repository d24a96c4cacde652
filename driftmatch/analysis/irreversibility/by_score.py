"""The route through the score, for any number of dimensions."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.flux import divergences, flux_drifts
from driftmatch.analysis.irreversibility.record import AbstractRoute, Irreversibility
from driftmatch.analysis.irreversibility.samples import (
    PathEnsemble,
    check_run_options,
    is_transient,
    on_stationary_paths,
    overshoots,
    recorded,
    simulate_exactly,
    standard_error,
    too_long,
)
from driftmatch.analysis.irreversibility.score import (
    FluxSamples,
    ScoreModel,
    features_for,
    fit_scores,
)
from driftmatch.arguments import check_count, check_key, check_positive, clean_fields
from driftmatch.errors import InputError
from driftmatch.meters import AbstractMeter, task
from driftmatch.outcomes import Outcome
from driftmatch.randomness import generator, split
from driftmatch.sampling.given import samples_of

Matrix = np.ndarray

_STEPS_PER_TIME_SCALE = 20  # of the coarser run
_KEPT_STATES = 20_000
_TOLERANCE = 0.05


@dataclass(frozen=True)
class ScoreRoute(AbstractRoute):
    """σ̇ and the fields from the score, fitted to stationary samples; any k.

    - `num_features`: random features besides a quadratic form.
    - `slope`: of a typical feature, per standard deviation of the states; raise it for a density
      with finer detail.
    - `num_samples`: how many states the fit is given.
    - `num_trajectories`, `duration`, `burn_in`, `dt`: of the simulation; by default each trajectory
      lasts four relaxation times, or 400 time scales. Where that would take more than about a
      minute there are fewer of them, down to 64, then shorter ones, and the outcome is `CUT_SHORT`.

    Two fits to half the trajectories each: each is judged on its own half, where it looks too good,
    and on the other one, where it looks too bad, by equal amounts. A step of finite size leaves a
    density that is off: where the noise is the same everywhere, a second run in half steps shows by
    how much, which is extrapolated away. The standard error combines the scatter over trajectories
    of both runs with what changes when half the features are taken away.
    """

    num_features: int = 256
    slope: float = 1.5
    num_samples: int = 400_000
    num_trajectories: int = 256
    duration: float | None = None
    burn_in: float | None = None
    dt: float | None = None

    def __post_init__(self):
        clean_fields(self, num_features=check_count, slope=check_positive, num_samples=check_count)
        check_run_options(self)

    def __call__(self, sde, trajectory, key: PRNGKeyArray | None, samples, meter):
        if trajectory is not None:
            states, _, outcome = recorded(sde, trajectory)
            return self._estimate(sde, key, *_in_halves(sde, states), outcome, meter)
        key_sample, key_coarse, key_fine = split(check_key(key), 3)
        samples = samples_of(sde, samples, key_sample, meter)
        if not sde.has_constant_diffusion:  # of weak order 1, it takes steps four times as fine
            only, _, is_cut = self._simulated(sde, key_coarse, samples, self.dt, meter, 1.0)
            return _told(only, is_cut)
        coarse, dt, is_cut = self._simulated(sde, key_coarse, samples, self.dt, meter, 1 / 3)
        fine, _, is_fine_cut = self._simulated(sde, key_fine, samples, dt / 2, meter, 2 / 3)
        off = (fine.entropy_production - coarse.entropy_production) / 3  # of weak order 2
        scatter = np.hypot(4 * fine.standard_error, coarse.standard_error) / 3
        outcome = coarse.outcome if fine.outcome.ok else fine.outcome
        both = replace(
            fine, entropy_production=fine.entropy_production + off,
            standard_error=float(scatter), outcome=outcome,
        )  # fmt: skip
        return _told(both, is_cut or is_fine_cut)

    def _estimate(
        self, sde, key: PRNGKeyArray | None, halves, flux, outcome, meter
    ) -> Irreversibility:
        n = self.num_features
        states = np.concatenate([samples.states for samples in flux])
        if len(states) < 10 * n:
            raise InputError(
                f"{len(states)} samples are too few for {n} features: give at least {10 * n}, or "
                "lower num_features"
            )
        rng = generator(key)
        with task(meter, f"score of {sde.name}", 4):
            features = features_for(states, n, self.slope, rng)
            fit = fit_scores(flux, features)
            meter.advance(1, "fitted")
            rate, error, excess, excess_error = _rate(flux, fit.models, halves, meter)
            agrees = _agrees(sde, flux, halves, rate, float(np.hypot(error, fit.misfit)))
            meter.advance(1)
        error = float(np.hypot(error, fit.misfit))
        power = np.mean(np.concatenate([s.dissipation(s.drifts) for s in flux]))
        if outcome.ok and excess > min(_TOLERANCE * rate + 3 * excess_error, 0.5 * power):
            outcome = Outcome.UNDERSAMPLED
        if outcome.ok and not agrees:
            outcome = Outcome.UNRESOLVED
        kept = rng.permutation(len(states))[:_KEPT_STATES]
        return Irreversibility(rate, error, "score", outcome, sde, states=states[kept], _score=fit)

    def _simulated(
        self, sde: AbstractSDE, key: PRNGKeyArray, samples, dt, meter: AbstractMeter, share: float
    ) -> tuple[Irreversibility, float, bool]:
        """The estimate from a run in steps of one size, the step, and whether the run, which may
        take this `share` of the work of a call, was cut short."""
        key_run, key_fit = split(key)

        def sampled(ensemble: PathEnsemble, key: PRNGKeyArray):
            starts, steps, dt = ensemble.starts, ensemble.steps, ensemble.dt
            save_every = min(steps, max(1, steps * len(starts) // self.num_samples))
            run = simulate_exactly(sde, starts, steps, dt, key, save_every=save_every, meter=meter)
            halves, flux = _in_halves(sde, run[:, 1:])
            overshot = any(overshoots(half.drifts, half.states, dt) for half in flux)
            outcome = ensemble.outcome
            if outcome.ok and any(too_long(half.drifts, half.states, dt) for half in flux):
                outcome = Outcome.OVERSHOT
            if outcome.ok and run.shape[1] > 4 and is_transient(run[:, 1:]):
                outcome = Outcome.TRANSIENT  # after a burn-in that was given
            return (halves, flux, dt, ensemble.is_cut), overshot, outcome

        (halves, flux, dt, is_cut), outcome = on_stationary_paths(
            sampled,
            sde,
            key_run,
            samples,
            num_trajectories=self.num_trajectories,
            duration=self.duration,
            burn_in=self.burn_in,
            dt=dt,
            steps_per_time_scale=_STEPS_PER_TIME_SCALE,
            share=share,
            meter=meter,
        )
        return self._estimate(sde, key_fit, halves, flux, outcome, meter), dt, is_cut


def _told(record: Irreversibility, is_cut: bool) -> Irreversibility:
    """The record, whose outcome says if a run was cut short, unless it says what is worse."""
    return replace(record, outcome=Outcome.CUT_SHORT) if is_cut and record.outcome.ok else record


def _in_halves(sde: AbstractSDE, run: Float[Matrix, "M T k"]):
    """Half the trajectories and the other half, or of a single one its two halves in time, and the
    flux at their states."""
    M, T, k = run.shape
    halves = (run[: M // 2], run[M // 2 :]) if M > 1 else (run[:, : T // 2], run[:, T // 2 :])
    first, second = (
        FluxSamples(states, *flux_drifts(sde, states))
        for states in (half.reshape(-1, k) for half in halves)
    )
    return halves, (first, second)


def _rate(flux, models: tuple[ScoreModel, ScoreModel], halves, meter: AbstractMeter):
    """σ̇ and its standard error; by how much a fit looks worse on the other half, and the standard
    error of that."""
    values, excess = [], []
    for i, samples in enumerate(flux):
        own, other = (
            samples.dissipation(samples.irreversible(model)) for model in (models[i], models[1 - i])
        )
        values.append((0.5 * (own + other)).reshape(halves[i].shape[:2]))
        excess.append((other - own).reshape(halves[i].shape[:2]))
        meter.advance(1, f"judged on half {i + 1}")
    rate, worse = (float(np.mean(np.concatenate([v.ravel() for v in p]))) for p in (values, excess))
    return rate, _error_of(values), worse, _error_of(excess)


def _agrees(sde, flux, halves, rate, error) -> bool:
    """Whether σ̇ agrees with ⟨f̃ᵀD⁻¹f̃ + ∇·f̃⟩, which needs no fit but scatters more.

    It follows from σ̇ = ⟨f̃·D⁻¹f_irr⟩ by partial integration.
    """
    values = [
        (samples.dissipation(samples.drifts) + divergences(sde, samples.states)).reshape(
            half.shape[:2]
        )
        for samples, half in zip(flux, halves, strict=True)
    ]
    plain = float(np.mean(np.concatenate([v.ravel() for v in values])))
    return abs(rate - plain) < _TOLERANCE * rate + 4 * np.hypot(error, _error_of(values))


def _error_of(values) -> float:
    """The standard error of a mean over all trajectories, given half by half."""
    shortest = min(v.shape[1] for v in values)
    return standard_error(np.concatenate([v[:, :shortest] for v in values]))
