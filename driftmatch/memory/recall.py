"""Recall: push the state with a cue, let go, and see in which memory it stays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.analysis.intervals import wilson_interval
from driftmatch.errors import InputError
from driftmatch.matching.states import STEPS_PER_TIME_SCALE, characteristic_time
from driftmatch.memory.landscape import Landscape
from driftmatch.memory.regions import Regions, as_regions
from driftmatch.memory.tilt import Tilt, check_target
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network
from driftmatch.sde import AbstractSDE, Input
from driftmatch.simulation.arguments import (
    check_count,
    check_input,
    check_key,
    check_start,
    check_steps,
)
from driftmatch.simulation.inputs import Pulses, pulse
from driftmatch.simulation.simulate import simulate
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory

_SAMPLES = 400  # of a trial, at most
_NUMBERS = 2**25  # in the samples of all trials, about
_STEPS_PER_TAU = 20


@dataclass(frozen=True)
class Recall:
    """Where the trials of a recall ended.

    - `target`: the region that the cue calls for.
    - `ended`: the region in which each trial was at the end, −1 outside of all; shape (M,).
    - `at_release`: the region whose centre each was nearest to when the cue ended.
    - `trajectory`: of all trials, thinned.
    - `onset`, `release`: when the cue began and ended.
    - `regions`: the memories.
    """

    target: int
    ended: Int[np.ndarray, " M"]
    at_release: Int[np.ndarray, " M"]
    trajectory: Trajectory | NetworkTrajectory
    onset: float
    release: float
    regions: Regions

    @property
    def trials(self) -> int:
        """M."""
        return len(self.ended)

    @property
    def successes(self) -> int:
        """How many ended in the target."""
        return int(np.sum(self.ended == self.target))

    @property
    def success(self) -> float:
        """The fraction that ended in the target."""
        return self.successes / self.trials

    @property
    def success_interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of `success`."""
        return wilson_interval(self.successes, self.trials)


def recall(
    system: AbstractSDE | Network,
    cue: Tilt | Input | ArrayLike | None,
    *,
    duration: float,
    release: float | None = None,
    key: PRNGKeyArray,
    onset: float = 0.0,
    amplitude: float = 1.0,
    target: int | None = None,
    regions: Regions | Landscape | ArrayLike | None = None,
    num_trials: int | None = None,
    start: ArrayLike | None = None,
    box: tuple[ArrayLike, ArrayLike] | None = None,
    dt: float | None = None,
    meter: AbstractMeter = SILENT,
) -> Recall:
    """Apply a cue from `onset` until `release`, let go, and see where each trial is at the end.

    All trials are one vectorised simulation. A tilt found on a target is a cue for its network, and
    the other way round.

    **Arguments**

    - `system`: an SDE, or a network in which one is embedded.
    - `cue`: a `Tilt`; or what is added to the drift, of shape (k,), and for a network also of shape
      (n,) to that of each neuron (the inputs are τ times that); or a function of time as `simulate`
      takes it, silent before `onset` and after `release`; or None, to see where starts lead by
      themselves.
    - `duration`, `onset`, `release`: in units of time, 0 ≤ onset < release < duration; by default
      the release is half-way.
    - `key`: a random key.
    - `amplitude`: what the cue is multiplied by.
    - `target`: the index of the region called for; by default the tilt's well.
    - `regions`: the memories: a `Regions`, a `Landscape`, or centres of shape (W, k), and for a
      network also of shape (W, n). By default the tilt's wells, as balls nearly as large as fit.
    - `num_trials`: M; 1000, or as many as there are starts.
    - `start`: where the trials start, of shape (k,) or (M, k), and for a network also (n,) or
      (M, n), such as what `corrupt` gives; by default uniform in `box`.
    - `box`: lower and upper corner; by default half as wide again as what holds all centres.
    - `dt`: the step; by default a 50th of the system's time scale, and for a network at most a 20th
      of τ.

    **Raises** `InputError` for a release before the cue, an input of wrong dimension, and arguments
    that do not fit.
    """
    if not isinstance(system, AbstractSDE | Network):
        raise InputError(f"system must be a Network or an SDE, got {type(system).__name__}")
    key_start, key_run, key_scale = jax.random.split(check_key(key), 3)
    onset, release, duration = _check_times(onset, release, duration)
    if not _is_finite(amplitude):
        raise InputError(f"amplitude must be a finite number, got {amplitude!r}")
    regions, target = _aim(system, cue, regions, target)
    dims = _dims(system)
    if regions.dim != dims[0]:
        raise InputError(
            f"the regions have {regions.dim} dimensions but {system.name} has {dims[0]}"
        )
    input = _gated(system, cue, onset, release, amplitude)
    M = _number(num_trials, start)
    if start is None:
        start = _random_states(regions, box, M, key_start)
    start = check_start(start, M, dims)
    dt = default_step(system, key_scale) if dt is None else dt
    steps = check_steps(duration, dt, 1)
    largest = dims[-1] if _leaves_subspace(system, input, start) else dims[0]
    samples = int(np.clip(_NUMBERS // (M * largest), 8, _SAMPLES))
    run = simulate(
        system, duration=duration, dt=dt, key=key_run, num_trajectories=M, start=start,
        input=input, save_every=max(1, steps // samples), meter=meter,
    )  # fmt: skip
    until = int(np.searchsorted(run.times, release * (1 + 1e-9), side="right")) - 1
    return Recall(
        target, regions.labels(run.states[:, -1]), _nearest(regions, run.states[:, until]),
        run, onset, release, regions,
    )  # fmt: skip


def corrupt(
    patterns: ArrayLike,
    target: int,
    *,
    key: PRNGKeyArray,
    fraction: float = 0.0,
    noise: float = 0.0,
    num_trials: int = 1000,
) -> Float[np.ndarray, "M d"]:
    """Copies of one pattern, each damaged by chance: starts from which `recall` should mend it.

    **Arguments**

    - `patterns`: shape (W, d): latent states, states of neurons, or patterns of ±1.
    - `target`: which of them is copied.
    - `fraction`: how many of its entries are turned round, to the other side of the mean of all
      patterns; those of ±1 change their sign.
    - `noise`: the standard deviation of what is added to every entry.
    """
    values = np.asarray(patterns, dtype=float)
    if values.ndim != 2 or not np.all(np.isfinite(values)):
        raise InputError(f"patterns must be finite, of shape (W, d), got {values.shape}")
    target = check_target(target, len(values))
    M = check_count("num_trials", num_trials)
    if not (_is_finite(fraction) and 0 <= fraction <= 1):
        raise InputError(f"fraction must be a number from 0 to 1, got {fraction!r}")
    if not (_is_finite(noise) and noise >= 0):
        raise InputError(f"noise must not be negative, got {noise!r}")
    d = values.shape[1]
    key_which, key_noise = jax.random.split(check_key(key))
    middle = np.zeros(d) if np.all(np.abs(values) == 1) else values.mean(axis=0)
    order = np.argsort(np.asarray(jax.random.uniform(key_which, (M, d))), axis=1)
    turned = order < round(fraction * d)
    states = np.where(turned, 2 * middle - values[target], values[target])
    return states + noise * np.asarray(jax.random.normal(key_noise, (M, d)), float)


def default_step(system: AbstractSDE | Network, key: PRNGKeyArray) -> float:
    """A 50th of the time scale; for a network at most a 20th of τ."""
    scale = system.time_scale
    if isinstance(system, Network):
        tau = system.tau / _STEPS_PER_TAU
        return tau if scale is None else min(tau, scale / STEPS_PER_TIME_SCALE)
    return (scale or characteristic_time(system, key)[0]) / STEPS_PER_TIME_SCALE


def _dims(system: AbstractSDE | Network) -> tuple[int, ...]:
    """Of its states."""
    if isinstance(system, Network):
        return system.latent_dim, system.num_neurons
    return (system.dim,)


def _is_finite(value: Any) -> bool:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number and bool(np.isfinite(value))


def _check_times(onset, release, duration) -> tuple[float, float, float]:
    times = {"duration": duration, "onset": onset}
    for what, value in (times if release is None else times | {"release": release}).items():
        if not _is_finite(value):
            raise InputError(f"{what} must be a finite number, got {value!r}")
    if onset < 0:
        raise InputError(f"onset must not be negative, got {onset:g}")
    release = duration / 2 if release is None else release
    if release <= onset:
        raise InputError(
            f"the release at {release:g} does not come after the cue's onset at {onset:g}: let "
            "go later"
        )
    if duration <= release:
        raise InputError(
            f"the run of {duration:g} ends before it can be seen where it stays after "
            f"the release at {release:g}: lengthen duration"
        )
    return float(onset), float(release), float(duration)


def _number(num_trials: int | None, start: ArrayLike | None) -> int:
    """Of trials."""
    if num_trials is not None:
        return check_count("num_trials", num_trials)
    return len(np.asarray(start)) if start is not None and np.ndim(start) == 2 else 1000


def _aim(system, cue, regions, target) -> tuple[Regions, int]:
    """The memories, and which one is called for."""
    if isinstance(cue, Tilt):
        regions = cue.landscape if regions is None else regions
        target = cue.target if target is None else target
    if regions is None or target is None:
        raise InputError("a cue that is no Tilt needs regions and the target among them")
    if isinstance(regions, Landscape):
        # As large as fit: a trial is to have stayed in the well, not at its bottom.
        regions = Regions(regions.minima, 0.45 * regions.spacing)
    elif isinstance(system, Network) and np.shape(regions)[1:] == (system.num_neurons,):
        regions = np.asarray(system.project(np.asarray(regions, dtype=float)))
    regions = as_regions(regions)
    return regions, check_target(target, len(regions))


class Gated(eqx.Module):
    """An input times a course in time: t ↦ I(t) a(t)."""

    input: Callable
    course: Pulses

    def __call__(self, t: Array) -> Array:
        return self.input(t) * self.course(t)


def _gated(system, cue, onset: float, release: float, amplitude: float) -> Input | None:
    """The cue between onset and release, 0 otherwise."""
    if cue is None:
        return None
    if isinstance(cue, Tilt):
        forcing = cue.forcing
    elif callable(cue):
        return Gated(cue, pulse([amplitude], onset, release))
    else:
        try:
            forcing = np.asarray(cue, dtype=float)
        except (TypeError, ValueError):
            raise InputError(
                f"cue must be a Tilt, numbers or a function of time, got {type(cue).__name__}"
            ) from None
    shapes = [(d,) for d in _dims(system)]
    if forcing.shape not in shapes or not np.all(np.isfinite(forcing)):
        raise InputError(
            f"the cue for {system.name} must be finite and of shape "
            f"{' or '.join(map(str, shapes))}, got shape {forcing.shape}"
        )
    gain = amplitude * (system.tau if isinstance(system, Network) else 1.0)
    return pulse(gain * forcing, onset, release)


def _leaves_subspace(system, input, start) -> bool:
    """Whether all neurons of a network will be simulated."""
    if not isinstance(system, Network):
        return False
    k = system.latent_dim
    input_dim = k if input is None else check_input(input, _dims(system))
    return system.private_noise > 0 or start.shape[1] != k or input_dim != k


def _nearest(regions: Regions, states: Float[np.ndarray, "M k"]) -> Int[np.ndarray, " M"]:
    apart = [np.linalg.norm(states - centre, axis=1) for centre in regions.centres]
    return np.argmin(apart, axis=0)


def _random_states(regions: Regions, box, M: int, key) -> Float[np.ndarray, "M k"]:
    if box is None:
        low, high = regions.centres.min(axis=0), regions.centres.max(axis=0)
        edge = 0.25 * max(float((high - low).max()), float(regions.radii.max()))
        low, high = low - edge, high + edge
    else:
        wanted = f"box must be a lower and an upper corner of {regions.dim} numbers"
        try:
            low, high = (np.asarray(corner, dtype=float) for corner in box)
        except (TypeError, ValueError):
            raise InputError(f"{wanted}, got {box!r}") from None
        if low.shape != (regions.dim,) or high.shape != (regions.dim,) or not np.all(low < high):
            raise InputError(f"{wanted}, the lower one first, got {low.tolist()}, {high.tolist()}")
    return low + (high - low) * np.asarray(jax.random.uniform(key, (M, regions.dim)), float)
