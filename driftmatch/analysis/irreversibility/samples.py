"""Stationary samples: simulated until they are stationary, or recorded and checked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np
import scipy.stats
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.flux import flux_drifts
from driftmatch.analysis.irreversibility.budget import WORK, affordable, leak_step
from driftmatch.arguments import (
    check_array,
    check_count,
    check_key,
    check_positive,
    clean_fields,
    or_none,
)
from driftmatch.errors import InputError
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import NeuralSDE
from driftmatch.outcomes import Outcome
from driftmatch.randomness import generator, split
from driftmatch.sampling.angles import Periods, laid_out, periods_of, wrapped
from driftmatch.sampling.block_errors import mean_error
from driftmatch.sampling.given import samples_of
from driftmatch.sampling.samples import Samples
from driftmatch.simulation.refine import refined
from driftmatch.simulation.simulate import simulate

T = TypeVar("T")

_PROBES = 64
_RUN = 400  # time scales
_FINER = 4  # steps where the noise depends on the state
_RELAXATIONS = 4  # slowest relaxation times that burn-in, and then each trajectory, must last
_CHUNK = 2**22  # numbers that a piece of a path may keep
_BLOCKS = 20  # of a trajectory, where there are too few trajectories
_ENOUGH_TRAJECTORIES = 8


@dataclass(frozen=True)
class PathEnsemble:
    """Burnt-in states from which stationary paths go on.

    - `starts`: shape (M, k). - `dt`: the step. - `steps`: how many, an even number, each path is to
      take.
    - `outcome`: whether it had become stationary within the steps that were allowed.
    - `is_cut`: whether paths are fewer or shorter than they should be, lest they take minutes.
    """

    starts: Float[np.ndarray, "M k"]
    dt: float
    steps: int
    outcome: Outcome
    is_cut: bool = False


def on_stationary_paths(
    use: Callable[[PathEnsemble, PRNGKeyArray], tuple[T, bool, Outcome]],
    sde: AbstractSDE,
    key: PRNGKeyArray | None,
    samples: Samples | None,
    *,
    steps_per_time_scale: int,
    share: float = 1.0,
    meter: AbstractMeter = SILENT,
    **options: Any,
) -> tuple[T, Outcome]:
    """What `use` makes of an ensemble and a key to go on with, and whether to trust it.

    `use` also returns if steps overshot, and an outcome. Unless dt is given, steps are made finer
    until none does and all stays finite: excursions to where an explicit scheme goes astray may be
    too rare for the burn-in to meet them. Where `duration` is free, a run takes no more than that
    `share` of the work that a call may take, and each one after it half as much as the one before.
    """
    key_sample, key_start, key_run = split(check_key(key), 3)
    samples = samples_of(sde, samples, key_sample, meter).require_place()
    work, most = share * WORK, min(samples.longest_step, leak_step(sde))

    def attempt(refinement: int):
        ensemble = stationary_ensemble(
            sde,
            key_start,
            samples,
            steps_per_time_scale=steps_per_time_scale * refinement,
            longest=most / refinement,
            work=work / refinement**0.5,
            **options,
        )
        result, overshot, outcome = use(ensemble, key_run)
        return (result, outcome), not overshot

    return refined(attempt, is_given=options["dt"] is not None)


def overshoots(
    drifts: Float[np.ndarray, "N k"], states: Float[np.ndarray, "N k"], dt: float
) -> bool:
    """Whether a step of the drift alone leads further than a standard deviation anywhere."""
    return bool(np.any(np.abs(drifts) * dt > states.std(axis=0)))


def too_long(drifts: Float[np.ndarray, "N k"], states: Float[np.ndarray, "N k"], dt: float) -> bool:
    """Whether a typical step of the drift leads half a standard deviation far: then a tenth of the
    variance may be missing."""
    rms = np.sqrt(np.mean(drifts**2, axis=0))
    return bool(np.any(rms * dt > 0.5 * states.std(axis=0)))


def stationary_ensemble(
    sde: AbstractSDE,
    key: PRNGKeyArray,
    samples: Samples,
    *,
    num_trajectories: int,
    duration: float | None,
    burn_in: float | None,
    dt: float | None,
    steps_per_time_scale: int,
    longest: float,
    work: float = WORK,
) -> PathEnsemble:
    """Paths set out from samples, which are stationary if their outcome says so.

    Unless `duration` says otherwise they last four relaxation times, or 400 time scales if that is
    longer. Where that is more than the `work` allowed, in neuron steps, there are fewer of them,
    down to 64, and below that they are shorter; each then sets out from a run of its own, so that
    no two of them are alike however slowly they forget.
    """
    M = check_count("num_trajectories", num_trajectories)
    rng = generator(key)
    flux_drifts(sde, samples.pick(_PROBES, rng))  # refuses what would be refused after the run
    if not sde.has_constant_diffusion:
        steps_per_time_scale *= _FINER  # the scheme is of weak order 1 there, otherwise of order 2
    if dt is None:
        dt = min(samples.time_scale / steps_per_time_scale, longest)
    if duration is not None and duration < 2 * _BLOCKS * dt:
        raise InputError(
            f"duration = {duration:g} is too short for an error estimate: it must be at least "
            f"{2 * _BLOCKS} steps of dt = {dt:.3g}"
        )
    is_cut = False
    if duration is None:
        wanted = max(_RUN * samples.time_scale, _RELAXATIONS * samples.relaxation_time)
        M, steps, is_cut = affordable(sde, M, wanted / dt, least=2 * _BLOCKS, work=work)
        duration = steps * dt
    states = _apart(samples, M, rng) if is_cut else samples.pick(M, rng)
    if burn_in is not None:
        states = simulate_exactly(sde, states, max(1, round(burn_in / dt)), dt, key)[:, -1]
    outcome = Outcome.SUCCESS if samples.outcome.ok else Outcome.TRANSIENT
    if samples.outcome is Outcome.NOT_MIXING:
        outcome = Outcome.SEVERAL_ATTRACTORS
    return PathEnsemble(states, dt, 2 * max(1, round(duration / dt / 2)), outcome, is_cut)


def _apart(samples: Samples, number: int, rng: np.random.Generator) -> Float[np.ndarray, "M k"]:
    """States by chance, of as many different runs as there are, angles in [0, period)."""
    runs = np.resize(rng.permutation(len(samples.runs)), number)
    return wrapped(
        samples.runs[runs, rng.integers(samples.runs.shape[1], size=number)], samples.periods
    )


def simulate_exactly(
    sde: AbstractSDE,
    starts,
    steps: int,
    dt: float,
    key: PRNGKeyArray,
    *,
    save_every: int = 1,
    meter: AbstractMeter = SILENT,
) -> Float[np.ndarray, "M T k"]:
    """`steps` steps in float64; raises `ComputationError` if they diverge."""
    with jax.enable_x64(True):
        run = simulate(
            sde,
            duration=steps * dt,
            dt=dt,
            key=key,
            num_trajectories=len(starts),
            start=starts,
            save_every=save_every,
            meter=meter,
        )
    return run.states


def pieces(
    sde: AbstractSDE, ensemble: PathEnsemble, key: PRNGKeyArray, meter: AbstractMeter = SILENT
) -> Iterator[Float[np.ndarray, "M T k"]]:
    """The ensemble's paths, every step of them, piece by piece; pieces share their end states."""
    states, left = ensemble.starts, ensemble.steps
    length = max(2, 2 * (_CHUNK // states.size // 2))
    while left > 0:
        key, key_piece = jax.random.split(key)
        piece = simulate_exactly(
            sde, states, min(left, length), ensemble.dt, key_piece, meter=meter
        )
        states, left = piece[:, -1], left - min(left, length)
        yield piece


def is_transient(
    run: Float[np.ndarray, "M T k"], error_rate: float = 1e-3, *, periods: Periods = ()
) -> bool:
    """Whether means or variances drift from the first to the second half of the trajectories.

    A t-test of each half's excess against its scatter over trajectories (or blocks of one), with
    the given error rate for all 2k statistics together; a drift of less than a twentieth of a
    standard deviation does not count. Of an angle it is cosine and sine that are tested.
    """
    run = laid_out(run, periods or (None,) * run.shape[2])
    centred = (run - run.mean(axis=(0, 1))) / np.maximum(run.std(axis=(0, 1)), 1e-300)
    values = np.concatenate([centred, centred**2], axis=2)
    half = values.shape[1] // 2
    first, second = block_means(values[:, :half]), block_means(values[:, half : 2 * half])
    excess = np.abs(second.mean(axis=0) - first.mean(axis=0))
    if run.shape[0] >= _ENOUGH_TRAJECTORIES:
        error = (second - first).std(axis=0, ddof=1) / np.sqrt(len(first))
    else:
        error = np.sqrt((first.var(axis=0, ddof=1) + second.var(axis=0, ddof=1)) / len(first))
    threshold = scipy.stats.t.isf(error_rate / (2 * len(excess)), len(first) - 1)
    return bool(np.any((excess > threshold * error) & (excess > 0.05)))


def block_means(values: Float[np.ndarray, "M T q"]) -> Float[np.ndarray, "B q"]:
    """Means over each trajectory, or over twenty blocks of each if there are fewer than eight."""
    M, T, q = values.shape
    if M >= _ENOUGH_TRAJECTORIES:
        return values.mean(axis=1)
    blocks = min(_BLOCKS, T)
    used = T // blocks * blocks
    return values[:, :used].reshape(M * blocks, -1, q).mean(axis=1)


def standard_error(values: Float[np.ndarray, "M T"]) -> float:
    """Of the mean over all trajectories and times, from twenty blocks of each trajectory."""
    M, T = values.shape
    blocks = min(_BLOCKS, T)
    used = T // blocks * blocks
    return float(mean_error(values[:, :used].reshape(M, blocks, -1).mean(axis=2).T)[0])


def recorded(sde: AbstractSDE, trajectory) -> tuple[Float[np.ndarray, "M T k"], float, Outcome]:
    """The states of a recording, in float64, and the time between two; checked at the door."""
    given = _states_of(sde, trajectory)
    times = check_array("the trajectory's times", trajectory.times)
    states = check_array("the trajectory's states", given, finite=False)
    if states.ndim != 3 or states.shape[2] != sde.dim:
        raise InputError(
            f"the trajectory has states of shape {states.shape} but {sde.name} has {sde.dim} "
            "dimensions: pass a trajectory of this very system"
        )
    if len(states) == 0:
        raise InputError("the trajectory has no paths: record at least one")
    if times.shape != states.shape[1:2]:
        raise InputError(
            f"the trajectory has {times.size} times but {states.shape[1]} samples: pass it as "
            "simulate returned it"
        )
    if not np.all(np.isfinite(states)):
        which, when = np.argwhere(~np.isfinite(states))[0][:2]
        raise InputError(
            f"the trajectory is not finite: path {which} at t = {times[when]:g}; cut it there"
        )
    if states.shape[1] < 2 * _BLOCKS:
        raise InputError(
            f"the trajectory has {states.shape[1]} samples, too few for an error estimate: record "
            f"at least {2 * _BLOCKS}"
        )
    still = np.ptp(states, axis=(0, 1)) == 0
    if np.any(still):
        raise InputError(
            f"coordinate {int(np.argmax(still))} of the trajectory never changes, but {sde.name} "
            "has noise along it: pass a trajectory of this very system"
        )
    gaps = np.diff(times)
    if not (gaps[0] > 0 and np.allclose(gaps, gaps[0], rtol=1e-3)):
        raise InputError(
            "the trajectory's times are not evenly spaced: they go from steps of "
            f"{gaps.min():.3g} to {gaps.max():.3g}; resample or record it evenly"
        )
    outcome = (
        Outcome.TRANSIENT if is_transient(states, periods=periods_of(sde)) else Outcome.SUCCESS
    )
    return states, float((times[-1] - times[0]) / len(gaps)), outcome


def check_run_options(route: Any) -> None:
    """How a route simulates: positive numbers, or None where it may choose."""
    times = dict.fromkeys(("duration", "burn_in", "dt"), or_none(check_positive))
    clean_fields(route, num_trajectories=check_count, **times)


def _states_of(sde: AbstractSDE, trajectory):
    """Of a network's recording, what the SDE is about: neurons, or latent coordinates."""
    if isinstance(sde, NeuralSDE) and trajectory.neurons is not None:
        return trajectory.neurons
    if trajectory.private_noise > 0:
        raise InputError(
            f"the recording of {trajectory.name} has private noise, which its latent SDE has not: "
            "record network.with_private_noise(0)"
        )
    return trajectory.states
