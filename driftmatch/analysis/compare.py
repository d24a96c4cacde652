"""The scorecard: is the network faithful to its target?"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Required, TypedDict, Unpack, overload

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.basin import basins
from driftmatch.analysis.floors import GROUPS, distances_and_floors, in_floors
from driftmatch.analysis.lyapunov import LyapunovSpectrum, lyapunov
from driftmatch.arguments import (
    check_array,
    check_count,
    check_key,
    check_meter,
    check_positive,
    or_none,
)
from driftmatch.errors import ComputationError, InputError
from driftmatch.matching.arguments import check_pair
from driftmatch.matching.errors import LARGE_ERROR, matching_errors
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.precision import in_this_precision
from driftmatch.randomness import generator
from driftmatch.records import Record
from driftmatch.sampling.angles import OnCircles
from driftmatch.sampling.given import check_samples, samples_of
from driftmatch.sampling.samples import Samples
from driftmatch.simulation.arguments import check_steps
from driftmatch.simulation.refine import refined
from driftmatch.simulation.scatter import scattered
from driftmatch.simulation.simulate import simulate
from driftmatch.words import spelled

_STEPS, _TIMES = 25, 1000  # steps in a time scale, and time scales of a run
_MOST_STEPS = 500_000
_SAMPLES = 5  # a time scale
_LYAPUNOV_TRAJECTORIES = 64
_LYAPUNOV_TIME = 300  # time scales on each of them, after as many to forget the noise
_NUM_HELD_OUT = 20_000

_KEYS = "scale", "draws", "target", "network", "exponents", "basins"

# What counts as off: a ratio to the floor, unless both are next to nothing.
_TOLERANCE = 1.2
_NEGLIGIBLE = {
    "state_space_divergence": 0.005, "spectrum_distance": 0.003, "sliced_wasserstein": 0.01,
}  # fmt: skip
_EXPONENT, _ERRORS, _LEAST_EXPONENT = 0.07, 4.0, 1e-3


class Scorecard(Record):
    """How faithful a network is to its target.

    Every distance stands beside its floor, the same between independent runs of the target: a ratio
    near 1 is as good as it gets.

    - `drift_error`, `noisy_drift_error`, `local_error`, `diffusion_error`: ε_f, ε_f(0.01), ε_ℓ and
      ε_D on fresh states of the target; see `matching_errors`.
    - `state_space_divergence`: D_stsp in nats; `spectrum_distance`: D_H in [0, 1];
      `sliced_wasserstein`: in standard deviations of the target; each with its `_floor`.
    - `lyapunov_target`, `lyapunov_network`: Lyapunov exponents of the two drifts, without noise,
      shape (k,), in nats per unit time, each with its `_error`, the standard errors. NaN where the
      noise-free flow diverges.
    - `kaplan_yorke_target`, `kaplan_yorke_network`: the dimensions that follow.
    - `spurious_fraction`, `spurious_fraction_box`, `escaped_fraction`, with their 95 % intervals,
      `num_starts` and `num_paths`: see `BasinCheck`.
    - `time_scale`, `duration`, `dt`, `num_trajectories`: of the runs behind the distances.
    """

    drift_error: float
    noisy_drift_error: float
    local_error: float
    diffusion_error: float
    state_space_divergence: float
    state_space_divergence_floor: float
    spectrum_distance: float
    spectrum_distance_floor: float
    sliced_wasserstein: float
    sliced_wasserstein_floor: float
    lyapunov_target: Float[np.ndarray, " k"]
    lyapunov_network: Float[np.ndarray, " k"]
    lyapunov_target_error: Float[np.ndarray, " k"]
    lyapunov_network_error: Float[np.ndarray, " k"]
    kaplan_yorke_target: float
    kaplan_yorke_network: float
    spurious_fraction: float | None
    spurious_interval: tuple[float, float] | None
    spurious_fraction_box: float | None
    spurious_interval_box: tuple[float, float] | None
    escaped_fraction: float
    escaped_interval: tuple[float, float]
    num_starts: int
    num_paths: int
    time_scale: float
    duration: float
    dt: float
    num_trajectories: int

    @property
    def outcome(self) -> Outcome:
        """SUCCESS, or the first respect in which the network is not faithful."""
        found = [*self._faults(), *self._differences()]
        return found[0][0] if found else Outcome.SUCCESS

    @property
    def faults(self) -> list[str]:
        """What makes the network unfit for use, in words."""
        return [sentence for _, sentence in self._faults()]

    @property
    def differences(self) -> list[str]:
        """By what else network and target can be told apart, in words."""
        return [sentence for _, sentence in self._differences()]

    def _faults(self) -> Iterator[tuple[Outcome, str]]:
        for outcome, error in (
            (Outcome.MORE_NEURONS, np.maximum(self.drift_error, self.local_error)),
            (Outcome.MORE_NEURONS_DIFFUSION, self.diffusion_error),
            (Outcome.FRAGILE, self.noisy_drift_error),
        ):
            if not error < LARGE_ERROR:
                yield outcome, str(outcome)
        escaped = self.escaped_fraction
        astray = max(self.spurious_fraction or 0.0, self.spurious_fraction_box or 0.0)
        for outcome, share, what in (
            (Outcome.ESCAPES, escaped, "noisy paths leave the training region for good"),
            (Outcome.STRAYS, astray, "far starts end where the target does not"),
        ):
            if share:
                yield outcome, f"{share:.1%} of {what}: use more neurons, or another seed"

    def _differences(self) -> Iterator[tuple[Outcome, str]]:
        for outcome, what, name in (
            (Outcome.OTHER_DENSITY, "visits other states than", "state_space_divergence"),
            (Outcome.OTHER_DENSITY, "is distributed otherwise than", "sliced_wasserstein"),
            (Outcome.OTHER_SPECTRUM, "has another spectrum than", "spectrum_distance"),
        ):
            if self._is_off(name):
                ratio = in_floors(getattr(self, name), getattr(self, f"{name}_floor"))
                yield outcome, f"it {what} its target: {ratio:.2f} times the floor"
        target, network = self.lyapunov_target[0], self.lyapunov_network[0]
        error = np.hypot(self.lyapunov_target_error[0], self.lyapunov_network_error[0])
        least = _LEAST_EXPONENT / self.time_scale
        is_right = abs(network - target) <= _EXPONENT * abs(target) + _ERRORS * error + least
        # Exponents of points and cycles, negative or 0, may differ; whether there is chaos may not.
        if np.isfinite(target) and not is_right and not max(network, target) <= least:
            yield (
                Outcome.OTHER_EXPONENT,
                (
                    f"without noise its largest Lyapunov exponent is {network:.3g}, its target's "
                    f"{target:.3g}"
                ),
            )

    def _is_off(self, name: str) -> bool:
        distance, floor = getattr(self, name), getattr(self, f"{name}_floor")
        # Too much noise brings the divergence below its floor.
        within = 1 / _TOLERANCE <= in_floors(distance, floor) <= _TOLERANCE
        return not (within or abs(distance - floor) <= _NEGLIGIBLE[name])


class Scorecards(Record):
    """Scorecards of a steered network, at constant `inputs`, shape (Q, p)."""

    inputs: Float[np.ndarray, "Q p"]
    cards: tuple[Scorecard, ...]

    @property
    def outcome(self) -> Outcome:
        """SUCCESS, or the first respect in which the network is not faithful at some input."""
        return next((c.outcome for c in self.cards if not c.outcome.ok), Outcome.SUCCESS)


class Settings(TypedDict, total=False):
    """What `compare` takes by name, at whichever input."""

    key: Required[PRNGKeyArray]
    duration: float | None
    dt: float | None
    num_trajectories: int
    num_starts: int
    samples: Samples | None
    meter: AbstractMeter | bool


@overload
def compare(
    system: AbstractSDE, network: Network, *, inputs: None = None, **settings: Unpack[Settings]
) -> Scorecard: ...
@overload
def compare(
    system: AbstractSDE, network: Network, *, inputs: ArrayLike, **settings: Unpack[Settings]
) -> Scorecards: ...
@spelled
def compare(
    system: AbstractSDE,
    network: Network,
    *,
    key: PRNGKeyArray,
    duration: float | None = None,
    dt: float | None = None,
    num_trajectories: int = 128,
    num_starts: int = 512,
    samples: Samples | None = None,
    inputs: ArrayLike | None = None,
    meter: AbstractMeter | bool = SILENT,
) -> Scorecard | Scorecards:
    """Judge a network against the SDE that it embeds.

    Both run for the same time with the same solver and step, on independent noise; distances and
    floors are taken as in `distances_and_floors`. Works on two threads.

    **Arguments**

    - `system`: the target; `network`: what embeds it, with as many latent dimensions.
    - `duration`: of every trajectory, by default 1000 time scales of the target, or half a million
      steps if these are fewer.
    - `dt`: the time step, by default a 25th of the time scale, or what `sample` found to be safe;
      made finer where a run does not stay finite.
    - `num_trajectories`: of the target and of the network, rounded up to a multiple of 32. With
      more of them, or a longer `duration`, floors fall and smaller differences show.
    - `num_starts`: of the basin check, see `basins`.
    - `samples`: what `sample` found of the target; made here if they are not given.

    - `inputs`: of what an input steers, constant ones to compare at, shape (Q, p), or (Q,) if
      p = 1; `Scorecards` are returned then.

    A target with angles is compared on circles, as `embed` lays them out.

    Raises `InputError` if the dimensions differ or a number is out of range, and `ComputationError`
    if the target or the network, and it says which, diverges, or the target stays nowhere.
    """
    if inputs is not None:
        return _at_inputs(system, network, inputs, samples, key=key, duration=duration, dt=dt,
            num_trajectories=num_trajectories, num_starts=num_starts, meter=meter)  # fmt: skip
    sde = check_pair("compare", system, network, on_circles=True)
    num_starts, meter = check_count("num_starts", num_starts), check_meter(meter)
    duration, dt = (or_none(check_positive)(*x) for x in (("duration", duration), ("dt", dt)))
    check_samples(sde, samples)
    num_trajectories = GROUPS * -(-check_count("num_trajectories", num_trajectories) // GROUPS)
    keys = dict(zip(_KEYS, jax.random.split(check_key(key), len(_KEYS)), strict=True))
    rng = generator(keys["draws"])
    samples = samples_of(sde, samples, keys["scale"], meter).require_place()
    time_scale, starts = samples.time_scale, samples.pick(num_trajectories, rng)
    if sde.periodic is not None:
        sde = OnCircles(sde, time_scale)
        starts = sde.laid_out(starts)
    is_given, (duration, dt) = dt is not None, _check_times(sde, duration, dt, samples)
    runs = _Runs(duration, dt, is_given, time_scale, num_trajectories, keys["exponents"])
    pick = partial(_picked, sde, rng)

    def check_basins():
        return basins(
            network, sde, target, key=keys["basins"], num_starts=num_starts,
            time_scale=time_scale, paths=network_run.result()[0],
        )  # fmt: skip

    meter.start(f"compare {network.name} with {sde.name}", 6)
    # Half of the work is done by a second thread: one leaves half of two cores idle.
    with ThreadPoolExecutor(max_workers=1) as second:
        try:
            begin = pick(starts, num_trajectories)
            target, dt = runs.refined("the target", sde, begin, keys["target"])
            runs = replace(runs, dt=dt)  # the network's too, and that of the exponents
            meter.advance(1, "network")
            from_target = pick(target, num_trajectories)
            network_run = second.submit(
                in_this_precision(runs.refined), "the network", network, from_target,
                keys["network"],
            )  # fmt: skip
            basin_check = second.submit(in_this_precision(check_basins))
            from_target = pick(target, _LYAPUNOV_TRAJECTORIES)
            errors = matching_errors(sde, network, pick(target, _NUM_HELD_OUT, apart=0.0))
            meter.advance(1, "Lyapunov exponents")
            of_target = runs.exponents(sde, from_target)
            meter.advance(1, "Lyapunov exponents")
            of_network = runs.exponents(network, from_target)
            meter.advance(1, "distances")
            distances = distances_and_floors(target, network_run.result()[0])
            meter.advance(1, "basins")
            check = basin_check.result()
            meter.advance(1)
        finally:
            second.shutdown(wait=False, cancel_futures=True)
            meter.stop()
    return Scorecard(
        drift_error=errors.drift,
        noisy_drift_error=errors.noisy_drift,
        local_error=errors.local,
        diffusion_error=errors.diffusion,
        **distances,
        **_named(of_target, "target"),
        **_named(of_network, "network"),
        **asdict(check),
        time_scale=time_scale,
        duration=float(duration),
        dt=float(dt),
        num_trajectories=num_trajectories,
    )


def _at_inputs(system, network, inputs, samples, **settings: Any) -> Scorecards:
    if samples is not None:
        raise InputError("samples are of one input: leave them out, or compare at that one")
    for what, one in (("system", system), ("network", network)):
        if not isinstance(one, AbstractSDE) or one.input_dim == 0:
            raise InputError(f"{what} takes no input: leave inputs out")
    p = system.input_dim
    inputs = check_array("inputs", inputs, ("Q", p), *([("Q",)] if p == 1 else [])).reshape(-1, p)
    cards = [compare(system.at(u), network.at(u), **settings) for u in inputs]
    return Scorecards(inputs, tuple(cards))


def _picked(sde, rng, states, number, apart=0.01) -> Float[np.ndarray, "number k"]:
    """States by chance, some way apart: those of a noise-free target must not coincide."""
    states = np.asarray(states, np.float64).reshape(-1, states.shape[-1])
    chosen = states[rng.integers(len(states), size=number)]
    return scattered(sde, chosen, apart * states.std(axis=0), rng)


def _named(spectrum: LyapunovSpectrum, whose: str) -> dict[str, Any]:
    """A spectrum as fields of a scorecard."""
    return {
        f"lyapunov_{whose}": spectrum.exponents,
        f"lyapunov_{whose}_error": spectrum.standard_error,
        f"kaplan_yorke_{whose}": spectrum.dimension,
    }


def _check_times(sde, duration, dt, samples) -> tuple[float, float]:
    """The duration and the step, as given or by the target's time scale."""
    scale = samples.time_scale
    dt = min(scale / _STEPS, samples.longest_step) if dt is None else dt
    duration = min(_TIMES * scale, _MOST_STEPS * dt) if duration is None else duration
    check_steps(duration, dt, 1)
    if duration < 2 * scale:
        raise InputError(
            f"duration must be at least two time scales of {sde.name}, {2 * scale:g}, "
            f"got {duration!r}"
        )
    return duration, dt


@dataclass(frozen=True)
class _Runs:
    """How target and network are run: alike."""

    duration: float
    dt: float
    is_given: bool
    time_scale: float
    num_trajectories: int
    key: PRNGKeyArray  # of the exponents

    def refined(self, whose, system, starts, key: PRNGKeyArray):
        """Trajectories (M, T, k) after a burn-in of a tenth of the duration, and the step: made
        finer while they do not stay finite."""

        def attempt(refinement: int):
            step = self.dt / refinement
            run = simulate(
                system, duration=1.1 * self.duration, dt=step, key=key, start=starts,
                num_trajectories=self.num_trajectories,
                save_every=max(1, round(self.time_scale / _SAMPLES / step)),
            )  # fmt: skip
            return (run.states[:, -round(run.states.shape[1] / 1.1) :], step), True

        try:
            return refined(attempt, is_given=self.is_given)
        except ComputationError as error:
            raise ComputationError(f"{whose} could not be run: {error}") from error

    def exponents(self, system, starts):
        """Both systems start on the target's states, in time to forget them."""
        time = min(_LYAPUNOV_TIME * self.time_scale, _MOST_STEPS * self.dt)
        return lyapunov(
            system, duration=time, dt=self.dt, key=self.key, noise=False, burn_in=time,
            start=starts, throw=False, num_trajectories=len(starts),
        )  # fmt: skip
