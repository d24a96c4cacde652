"""Switching between attractors of different kinds, by pulses of input."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE, check_system
from driftmatch.analysis.intervals import wilson_interval
from driftmatch.arguments import (
    as_list,
    check_count,
    check_index,
    check_key,
    check_meter,
    check_non_negative,
    check_positive,
    or_none,
    shown,
)
from driftmatch.errors import InputError
from driftmatch.memory.regions import Regions, as_regions
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import input_gain
from driftmatch.records import Record
from driftmatch.sampling.steps import default_step, time_scale_of
from driftmatch.simulation.arguments import check_steps
from driftmatch.simulation.inputs import pulses
from driftmatch.simulation.simulate import simulate
from driftmatch.simulation.trajectory import Run
from driftmatch.words import spelled

if TYPE_CHECKING:
    import xarray

_PULSE, _PERIOD = 5, 40  # time scales
_REACH = 2.5  # how many times from the middle to an attractor a pulse pushes in a time scale
_KEPT = 4000  # samples of a trial, about


class Switching(Record, told="success success_interval trials success_by_command"):
    """A sequence of commands, and where each trial was found after each.

    - `commands`: the regions that were commanded, shape (C,). - `ended`: the region in which each
      trial was at the end of each command's period, −1 outside of all, shape (M, C).
    - `pulse`, `period`: how long each input lasted, and how long until the next one.
    - `forcings`: what was added to the drift, one row a command, shape (C, k).
    - `trajectory`: of all trials, thinned. - `regions`: the attractors.
    """

    commands: Int[np.ndarray, " C"]
    ended: Int[np.ndarray, "M C"]
    pulse: float
    period: float
    forcings: Float[np.ndarray, "C k"]
    trajectory: Run
    regions: Regions

    def to_xarray(self) -> "xarray.Dataset":
        """The trajectory, with `commands`, `forcings` and where each trial `ended`; the rest as
        attributes."""
        told = {
            "commands": ("command", self.commands),
            "ended": (("trajectory", "command"), self.ended),
            "forcings": (("command", "component"), self.forcings),
        }
        return self.trajectory.to_xarray().assign(told).assign_attrs(self._attributes())

    @property
    def trials(self) -> int:
        """M."""
        return len(self.ended)

    @property
    def successes(self) -> Int[np.ndarray, " C"]:
        """How many trials were on the commanded attractor after each command."""
        return np.sum(self.ended == self.commands, axis=0)

    @property
    def success_by_command(self) -> Float[np.ndarray, " C"]:
        """The fraction of trials that were, after each command."""
        return self.successes / self.trials

    @property
    def success(self) -> float:
        """The fraction of all trials and commands that were."""
        return float(self.successes.sum() / self.ended.size)

    @property
    def success_interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of `success` for M independent trials: the commands of one trial
        may share their fate."""
        return wilson_interval(self.success * self.trials, self.trials)

    @property
    def success_intervals(self) -> Float[np.ndarray, "C 2"]:
        """Wilson's 95 % interval after each command."""
        return np.array([wilson_interval(int(count), self.trials) for count in self.successes])


@spelled
def switch(
    system: AbstractSDE,
    regions: Regions | ArrayLike,
    commands: Sequence[int],
    *,
    key: PRNGKeyArray,
    strength: float | None = None,
    pulse: float | None = None,
    period: float | None = None,
    dt: float | None = None,
    num_trials: int = 100,
    meter: AbstractMeter | bool = SILENT,
) -> Switching:
    """Command one attractor after the other by pulses, and see where each trial stays.

    The pulse toward region j is a constant forcing of the latent drift, for a network the input
    u = τc, that points from the middle of all regions to the centre of j:

        c = strength · (c_j − c̄)/|c_j − c̄|

    **Arguments**

    - `system`: an SDE such as `systems.blend`, or a network that embeds one.
    - `regions`: around the attractors, a `Regions` or centres (A, k).
    - `commands`: indices of regions.
    - `key`: a random key.
    - `strength`: |c|, in units of the drift; by default, without a drift of its own, the state
      would be pushed in a time scale 2.5 times as far as the regions are from their middle.
    - `pulse`: how long each input lasts, by default 5 time scales; `period`: from one pulse to the
      next, by default 40 time scales.
    - `dt`: the step, by default a 50th of a time scale, for a network at most a 20th of τ.
    - `num_trials`: M, which start at the system's starts in turn.

    **Raises** `InputError` for commands that are no regions, a pulse that outlasts its period, and
    a region in the middle of all.
    """
    system = check_system(system)
    regions = as_regions(regions)
    k = system.dim
    if regions.dim != k:
        raise InputError(f"the regions have {regions.dim} dimensions but {system.name} has {k}")
    M = check_count("num_trials", num_trials)
    order = check_commands(commands, len(regions))
    key_scale, key_run = jax.random.split(check_key(key))
    strength, pulse, period = (
        None if value is None else check_non_negative(what, value)
        for what, value in (("strength", strength), ("pulse", pulse), ("period", period))
    )
    dt = or_none(check_positive)("dt", dt)
    meter = check_meter(meter)
    scale = time_scale_of(system, key_scale)
    directions, distance = _ways(regions, order)
    strength = _REACH * distance / scale if strength is None else strength
    pulse = _PULSE * scale if pulse is None else pulse
    period = _PERIOD * scale if period is None else period
    if not 0 < pulse < period:
        raise InputError(f"pulse must end before its period, got {pulse!r} and {period!r}")
    dt = default_step(system, scale) if dt is None else dt
    forcings = strength * directions
    gain = input_gain(system)
    sequence = [(gain * c, i * period, i * period + pulse) for i, c in enumerate(forcings)]
    duration = len(order) * period
    steps = check_steps(duration, dt, 1)
    run = simulate(
        system, duration=duration, dt=dt, key=key_run, num_trajectories=M, input=pulses(sequence),
        save_every=max(1, steps // _KEPT), meter=meter,
    )  # fmt: skip
    ends = [
        np.searchsorted(run.times, (i + 1) * period, side="right") - 1 for i in range(len(order))
    ]
    return Switching(
        np.array(order), regions.labels(run.states[:, ends]), float(pulse), float(period), forcings,
        run, regions,
    )  # fmt: skip


def check_commands(commands: Sequence[int], A: int) -> list[int]:
    """Indices of A regions, one at least."""
    order = as_list(commands)
    if not order:
        raise InputError(
            f"commands must be a list of whole numbers from 0 to {A - 1}, got {shown(commands)}"
        )
    return [check_index("each of commands", command, A) for command in order]


def _ways(regions: Regions, order: list[int]) -> tuple[Float[np.ndarray, "C k"], float]:
    """The direction of each command, and how far the regions are from their middle, on average."""
    offsets = regions.centres - regions.centres.mean(axis=0)
    lengths = np.linalg.norm(offsets, axis=1)
    for j in order:
        if lengths[j] < regions.radii[j]:
            raise InputError(
                f"region {j} lies in the middle of all, where no constant input leads: move it "
                "outward"
            )
    return offsets[order] / lengths[order, None], float(lengths.mean())
