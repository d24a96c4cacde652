"""Recall: push the state with a cue, let go, and see in which memory it stays."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray

from driftmatch.analysis.intervals import wilson_interval
from driftmatch.errors import InputError
from driftmatch.memory.regions import Regions, as_regions
from driftmatch.memory.tilt import Tilt, input_for
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network
from driftmatch.sde import AbstractSDE, Input
from driftmatch.simulation.arguments import check_count, check_start
from driftmatch.simulation.simulate import simulate
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory

_KEPT = 400  # samples of a trial, about


@dataclass(frozen=True)
class Recall:
    """Where the trials of a recall ended.

    - `target`: the region that the cue calls for.
    - `ended`: the region in which each trial ended, −1 outside of all; shape (M,).
    - `at_release`: the region in which each was when the cue ended.
    - `trajectory`: of all trials, thinned. - `onset`, `release`: when the cue began and ended.
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
    cue: Tilt | Input | ArrayLike,
    *,
    duration: float,
    release: float,
    dt: float,
    key: PRNGKeyArray,
    onset: float = 0.0,
    target: int | None = None,
    regions: Regions | ArrayLike | None = None,
    num_trials: int = 1000,
    start: ArrayLike | None = None,
    box: tuple[ArrayLike, ArrayLike] | None = None,
    meter: AbstractMeter = SILENT,
) -> Recall:
    """Apply a cue from `onset` until `release`, let go, and see where each trial is at the end.

    All trials are one vectorised simulation.

    **Arguments**

    - `system`: an SDE, or a network in which one is embedded.
    - `cue`: a `Tilt`; or a constant forcing c of the latent drift, shape (k,), for a network the
      input u = τc; or a function of time as `simulate` takes it (of shape (n,) too), which is
      silent before `onset` and after `release`.
    - `duration`, `release`, `onset`: in units of time; 0 ≤ onset < release < duration.
    - `dt`: the step. - `key`: a random key. - `num_trials`: M.
    - `target`: the index of the region called for; by default the tilt's.
    - `regions`: a `Regions` or centres (W, k); by default balls around the tilt's
      minima, nearly as large as fit.
    - `start`: where the trials start, shape (d,) or (M, d), such as corrupted patterns; by default
      uniform at random in `box`, by default the smallest box that holds all regions, half as wide
      again.

    **Raises** `InputError` for a release before the cue, an input of wrong dimension, and arguments
    that do not fit.
    """
    if not isinstance(system, AbstractSDE | Network):
        raise InputError(f"system must be a Network or an SDE, got {type(system).__name__}")
    M = check_count("num_trials", num_trials)
    onset, release, duration = _check_times(onset, release, duration)
    regions, target = _aim(cue, regions, target)
    k = system.latent_dim if isinstance(system, Network) else system.dim
    if regions.dim != k:
        raise InputError(f"the regions have {regions.dim} dimensions but {system.name} has {k}")
    input = _gated(system, cue, k, onset, release)

    key_start, key_run = jax.random.split(key)
    if start is None:
        start = _random_states(regions, box, M, key_start)
    else:
        dims = (k, system.num_neurons) if isinstance(system, Network) else (k,)
        start = check_start(start, M, dims)
    save_every = max(1, int(duration / dt / _KEPT))
    run = simulate(
        system, duration=duration, dt=dt, key=key_run, num_trajectories=M, start=start,
        input=input, save_every=save_every, meter=meter,
    )  # fmt: skip
    at = int(np.argmin(np.abs(run.times - release)))
    return Recall(
        target, regions.labels(run.states[:, -1]), regions.labels(run.states[:, at]),
        run, onset, release, regions,
    )  # fmt: skip


def _check_times(onset, release, duration) -> tuple[float, float, float]:
    for what, value in (("onset", onset), ("release", release), ("duration", duration)):
        if not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise InputError(f"{what} must be a finite number, got {value!r}")
    if onset < 0:
        raise InputError(f"onset must not be negative, got {onset:g}")
    if release <= onset:
        raise InputError(
            f"the release at {release:g} does not come after the cue's onset at {onset:g}: let "
            "go later"
        )
    if duration <= release:
        raise InputError(
            f"the run of {duration:g} ends before it can be seen where the network stays after "
            f"the release at {release:g}: lengthen duration"
        )
    return float(onset), float(release), float(duration)


def _aim(cue, regions, target) -> tuple[Regions, int]:
    """The memories, and which one is called for."""
    if isinstance(cue, Tilt):
        regions = _basins(cue.landscape.minima) if regions is None else regions
        target = cue.target if target is None else target
    if regions is None or target is None:
        raise InputError("a cue that is no Tilt needs regions and the target among them")
    regions = as_regions(regions)
    if isinstance(target, bool) or target not in range(len(regions)):
        raise InputError(
            f"target must be a whole number from 0 to {len(regions) - 1}, got {target!r}"
        )
    return regions, int(target)


def _basins(minima: Float[np.ndarray, "W k"]) -> Regions:
    """Balls nearly as large as fit: a trial is to have stayed in the basin, not at its bottom."""
    apart = np.linalg.norm(minima[:, None] - minima[None], axis=-1)
    return Regions(minima, 0.45 * apart[~np.eye(len(minima), dtype=bool)].min())


def _gated(system, cue, k: int, onset: float, release: float) -> Input:
    """The cue between onset and release, 0 otherwise."""

    def window(t: Array) -> Array:
        return jnp.where((t >= onset) & (t < release), 1.0, 0.0)

    if isinstance(cue, Tilt):
        return _constant(system, cue.forcing, k, window)
    if callable(cue):
        return lambda t: cue(t) * window(t)
    try:
        forcing = np.asarray(cue, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            f"cue must be a Tilt, {k} numbers or a function of time, got {type(cue).__name__}"
        ) from None
    return _constant(system, forcing, k, window)


def _constant(system, forcing, k, window) -> Input:
    if forcing.shape != (k,) or not np.all(np.isfinite(forcing)):
        raise InputError(
            f"the cue must be {k} finite numbers for {system.name}, got shape {forcing.shape}"
        )
    return input_for(system, forcing, window)


def _random_states(regions: Regions, box, M: int, key) -> Float[np.ndarray, "M k"]:
    if box is None:
        low, high = regions.centres.min(axis=0), regions.centres.max(axis=0)
        edge = 0.25 * max(float((high - low).max()), float(regions.radii.max()))
        low, high = low - edge, high + edge
    else:
        low, high = (np.asarray(corner, dtype=float) for corner in box)
        if low.shape != (regions.dim,) or high.shape != (regions.dim,) or np.any(low >= high):
            raise InputError(f"box must be a lower and an upper corner of {regions.dim} numbers")

    return low + (high - low) * np.asarray(jax.random.uniform(key, (M, regions.dim)), float)
