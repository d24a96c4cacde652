"""Recall: push the state with a cue, let go, and see in which memory it stays."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE, check_system
from driftmatch.arguments import (
    check_array,
    check_box,
    check_count,
    check_fraction,
    check_index,
    check_key,
    check_meter,
    check_non_negative,
    check_number,
    check_positive,
    or_none,
)
from driftmatch.errors import InputError
from driftmatch.memory.landscape import Landscape
from driftmatch.memory.regions import Regions, filling
from driftmatch.memory.tilt import Tilt
from driftmatch.memory.trials import AbstractTrials
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network, input_gain
from driftmatch.records import Record
from driftmatch.sampling.steps import default_step, time_scale_of
from driftmatch.simulation.arguments import check_start, check_steps
from driftmatch.simulation.inputs import Pulses, pulse
from driftmatch.simulation.simulate import simulate
from driftmatch.simulation.trajectory import NetworkTrajectory, Run, Trajectory
from driftmatch.words import spelled
from driftmatch.wrappers import Input, check_input

if TYPE_CHECKING:
    import xarray

_SAMPLES = 400  # of a trial, at most
_NUMBERS = 2**25  # in the samples of all trials, about


class Recall(AbstractTrials, Record):
    """Where the trials of a recall ended.

    - `target`: the memory that the cue calls for.
    - `ended`: the memory in which each trial was at the end, −1 for none; shape (M,). Of wells it
      is the one that the noise-free flow leads to from there (`Landscape.basins`); otherwise the
      ball that the state lies in.
    - `at_release`: the same when the cue ended, but of balls the nearest.
    - `trajectory`: of all trials, thinned; it has samples at `release` and at the end.
    - `onset`, `release`: when the cue began and ended.
    - `regions`: the memories; wells are drawn as the balls of `filling` about their minima.
    """

    target: int
    ended: Int[np.ndarray, " M"]
    at_release: Int[np.ndarray, " M"]
    trajectory: Run
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

    def to_xarray(self) -> "xarray.Dataset":
        """The trajectory, with `ended` and `at_release` of every trial; the rest as attributes."""
        labels = {name: ("trajectory", getattr(self, name)) for name in ("ended", "at_release")}
        return self.trajectory.to_xarray().assign(labels).assign_attrs(self._attributes())

    @property
    def release_sample(self) -> int:
        """Which sample of the trajectory is the one at the release."""
        return _sample_at(self.trajectory, self.release)


@spelled
def recall(
    system: AbstractSDE,
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
    meter: AbstractMeter | bool = SILENT,
) -> Recall:
    """Apply a cue from `onset` until `release`, let go, and see where each trial is at the end.

    All trials are one vectorised simulation. A tilt found on a target is a cue for its network, and
    the other way round.

    **Arguments**

    - `system`: an SDE, or a network in which one is embedded.
    - `cue`: a `Tilt`; or what is added to the drift, in units of it, of shape (k,), and for a
      network also of shape (n,) to that of each neuron; or a function of time that returns as much,
      written with ``jax.numpy``, of which only the time from `onset` to `release` counts; or None,
      to see where starts lead by themselves. A network is given τ times it as its input.
    - `duration`, `onset`, `release`: in units of time, 0 ≤ onset < release < duration; by default
      the release is half-way.
    - `key`: a random key.
    - `amplitude`: what the cue is multiplied by.
    - `target`: the index of the memory called for; by default the tilt's well.
    - `regions`: the memories, by default the tilt's wells. A `Landscape`, the target's or that of a
      network: a trial is in the well that the noise-free flow of its SDE leads to from where it is.
      Or a `Regions`; or centres of shape (W, k), and for a network also (W, n), which stand for
      balls of 0.45 of the distance from each to its nearest neighbour: a trial is in the ball that
      it lies in.
    - `num_trials`: M; 1000, or as many as there are starts.
    - `start`: where the trials start, of shape (k,) or (M, k), and for a network also (n,) or
      (M, n), such as what `corrupt` gives; by default uniform in `box`.
    - `box`: lower and upper corner; by default half as wide again as what holds all centres.
    - `dt`: the step; by default a 50th of the system's time scale, and for a network at most a 20th
      of τ. It is shortened a little where that puts samples on the release and the end.

    **Raises** `InputError` for a release before the cue, an input of wrong dimension, and arguments
    that do not fit.
    """
    system = check_system(system)
    key_start, key_run, key_scale = jax.random.split(check_key(key), 3)
    onset, release, duration = _check_times(onset, release, duration)
    amplitude = check_number("amplitude", amplitude)
    dt = or_none(check_positive)("dt", dt)
    start = None if start is None else check_array("start", start, ("d",), ("M", "d"))
    meter = check_meter(meter)
    memories, target = _aim(system, cue, regions, target)
    regions = filling(memories.minima) if isinstance(memories, Landscape) else memories
    dims = _dims(system)
    if regions.dim != dims[0]:
        raise InputError(
            f"the regions have {regions.dim} dimensions but {system.name} has {dims[0]}"
        )
    course = _Cue.of(system, cue, onset, release, amplitude)
    M = _number(num_trials, start)
    if start is None:
        start = _random_states(regions, box, M, key_start)
    start = check_start(start, M, dims)
    dt = default_step(system, time_scale_of(system, key_scale)) if dt is None else dt
    steps = check_steps(duration, dt, 1)
    largest = dims[-1] if _leaves_subspace(system, course.input(0.0), start) else dims[0]
    samples = int(np.clip(_NUMBERS // (M * largest), 8, _SAMPLES))
    run = _run(system, course, start, duration, dt, max(1, steps // samples), key_run, meter)
    states = run.states[:, [_sample_at(run, release), -1]]
    if isinstance(memories, Landscape):
        at_release, ended = memories.basins(states).T
    else:
        at_release, ended = _nearest(regions, states[:, 0]), regions.labels(states[:, 1])
    return Recall(target, ended, at_release, run, onset, release, regions)


@spelled
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
    values = check_array("patterns", patterns, ("W", "d"))
    target = check_index("target", target, len(values))
    M = check_count("num_trials", num_trials)
    fraction, noise = check_fraction("fraction", fraction), check_non_negative("noise", noise)
    d = values.shape[1]
    key_which, key_noise = jax.random.split(check_key(key))
    middle = np.zeros(d) if np.all(np.abs(values) == 1) else values.mean(axis=0)
    order = np.argsort(np.asarray(jax.random.uniform(key_which, (M, d))), axis=1)
    turned = order < round(fraction * d)
    states = np.where(turned, 2 * middle - values[target], values[target])
    return states + noise * np.asarray(jax.random.normal(key_noise, (M, d)), float)


def _dims(system: AbstractSDE) -> tuple[int, ...]:
    """Of its states."""
    return (system.dim, system.num_neurons) if isinstance(system, Network) else (system.dim,)


def _check_times(onset, release, duration) -> tuple[float, float, float]:
    duration, onset = check_positive("duration", duration), check_non_negative("onset", onset)
    release = duration / 2 if release is None else check_number("release", release)
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
    return onset, release, duration


def _number(num_trials: int | None, start: np.ndarray | None) -> int:
    """Of trials."""
    starts = len(start) if start is not None and start.ndim == 2 else None
    if num_trials is None:
        return 1000 if starts is None else starts
    M = check_count("num_trials", num_trials)
    if starts not in (None, M):
        raise InputError(f"num_trials is {M} but there are {starts} starts: leave it out")
    return M


def _aim(system, cue, regions, target) -> tuple[Landscape | Regions, int]:
    """The memories, and which one is called for."""
    if isinstance(cue, Tilt):
        regions = cue.landscape if regions is None else regions
        target = cue.target if target is None else target
    if regions is None or target is None:
        raise InputError("a cue that is no Tilt needs regions and the target among them")
    if isinstance(regions, Landscape):
        return regions, check_index("target", target, len(regions.minima))
    if not isinstance(regions, Regions):
        centres = check_array("regions", regions, ("W", "d"))
        if isinstance(system, Network) and centres.shape[1] == system.num_neurons:
            centres = np.asarray(system.project(centres), dtype=float)
        regions = filling(centres)
    return regions, check_index("target", target, len(regions))


class Gated(eqx.Module):
    """An input times a course in time: t ↦ I(t) a(t), and 0 where a is, whatever I says there."""

    input: Callable
    course: Pulses

    def __call__(self, t: Array) -> Array:
        a = self.course(t)
        return jnp.where(a == 0, 0.0, self.input(t) * a)


@dataclass(frozen=True)
class _Cue:
    """What is fed in from `onset` to `release`: a vector, or a function of time times `gain`."""

    value: Float[np.ndarray, " d"] | Callable | None
    gain: float
    onset: float
    release: float

    @staticmethod
    def of(system, cue, onset: float, release: float, amplitude: float) -> "_Cue":
        gain = amplitude * input_gain(system)
        if cue is None or (callable(cue) and not isinstance(cue, Tilt)):
            return _Cue(cue, gain, onset, release)
        shapes = [(d,) for d in dict.fromkeys(_dims(system))]
        forcing = cue.forcing if isinstance(cue, Tilt) else cue
        forcing = check_array(f"the cue for {system.name}", forcing, *shapes)
        return _Cue(forcing, gain, onset, release)

    def input(self, begin: float) -> Input | None:
        """For a run that begins at a time; of one structure whenever that is, so that all share a
        compilation."""
        if self.value is None:
            return None
        times = self.onset - begin, self.release - begin
        if callable(self.value):
            return Gated(self.value, pulse([self.gain], *times))
        return pulse(self.gain * self.value, *times)


def _run(system, cue: _Cue, start, duration, dt, thinning, key: PRNGKeyArray, meter):
    """Until the release and, from there, until the end, with a sample on both."""
    parts, begin = [], 0.0
    for end, each in zip((cue.release, duration), jax.random.split(key), strict=True):
        intervals = int(np.ceil((end - begin) / (dt * thinning) * (1 - 1e-9)))
        steps = thinning * intervals
        part = simulate(
            system, duration=end - begin, dt=(end - begin) / steps, key=each,
            num_trajectories=len(start), start=start, input=cue.input(begin),
            save_every=thinning, meter=meter,
        )  # fmt: skip
        parts.append(part)
        begin, start = end, _last(part)
    return _joined(*parts, begin=cue.release)


def _sample_at(run: Run, time: float) -> int:
    return int(np.argmin(np.abs(run.times - time)))


def _last(run: Run) -> Float[np.ndarray, "M d"]:
    """The last state of all trials, of the neurons if these were simulated; as many neurons as
    dimensions are known from z."""
    if not isinstance(run, NetworkTrajectory) or run.stored_neurons is None:
        return run.states[:, -1]
    more = run.network.num_neurons > run.network.latent_dim
    return run.stored_neurons[:, -1] if more else run.states[:, -1]


def _joined(first, then, *, begin: float):
    """One run after the other, which began at the last state of the first."""
    times = np.concatenate([first.times, begin + then.times[1:]])
    dt = max(first.dt, then.dt)
    if isinstance(first, Trajectory):
        states = np.concatenate([first.states, then.states[:, 1:]], axis=1)
        return replace(first, times=times, states=states, dt=dt)
    latent = np.concatenate([first.latent, then.latent[:, 1:]], axis=1)
    neurons = first.stored_neurons
    if neurons is not None:
        neurons = np.concatenate([neurons, then.stored_neurons[:, 1:]], axis=1)
    return replace(first, times=times, latent=latent, dt=dt, stored_neurons=neurons)


def _leaves_subspace(system, input, start) -> bool:
    """Whether all neurons of a network will be simulated."""
    if not isinstance(system, Network):
        return False
    k = system.dim
    input_dim = k if input is None else check_input(input, _dims(system))
    return not system.stays_on_subspace or start.shape[1] != k or input_dim != k


def _nearest(regions: Regions, states: Float[np.ndarray, "M k"]) -> Int[np.ndarray, " M"]:
    apart = [np.linalg.norm(states - centre, axis=1) for centre in regions.centres]
    return np.argmin(apart, axis=0)


def _random_states(regions: Regions, box, M: int, key: PRNGKeyArray) -> Float[np.ndarray, "M k"]:
    if box is None:
        low, high = regions.centres.min(axis=0), regions.centres.max(axis=0)
        edge = 0.25 * max(float((high - low).max()), float(regions.radii.max()))
        low, high = low - edge, high + edge
    else:
        low, high = check_box(box, regions.dim)
    return low + (high - low) * np.asarray(jax.random.uniform(key, (M, regions.dim)), float)
