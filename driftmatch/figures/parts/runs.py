"""What the figures ask of a run before they draw it."""

from dataclasses import replace
from typing import Protocol

import numpy as np
from jaxtyping import Float

from driftmatch.errors import InputError
from driftmatch.figures.parts.style import NETWORK, TARGET
from driftmatch.simulation.trajectory import NetworkTrajectory, Run, Trajectory


class Named(Protocol):
    """What may know names and units of coordinates: SDEs, runs and grids."""

    @property
    def coordinates(self) -> tuple[str, ...] | None: ...

    @property
    def units(self) -> tuple[str, ...] | None: ...


def check_run(run: Run, *, of_network: bool = False) -> None:
    """Raises `InputError` unless there are two samples to draw a line between."""
    if of_network and isinstance(run, Trajectory):
        raise InputError(
            "a figure of neurons needs a network's run, as simulate returns it, got one "
            + ("from a file, which holds no network" if run.is_network else "of an SDE")
        )
    if not isinstance(run, (Trajectory, NetworkTrajectory)):
        raise InputError(f"a figure needs a run, which simulate returns, got {type(run).__name__}")
    if len(run.times) < 2:
        raise InputError(
            f"a figure needs a run of at least two samples, got {len(run.times)}: simulate for "
            "longer or save more often"
        )


def only(run: Run, trial: int, duration: float = np.inf) -> Run:
    """A single trial, or its first part of some duration."""
    stop = max(2, int(np.searchsorted(run.times, duration, side="right")))
    times = run.times[:stop]
    if isinstance(run, Trajectory):
        return replace(run, times=times, states=run.states[[trial], :stop], neurons=None)
    stored = run.stored_neurons
    return replace(run, times=times, latent=run.latent[[trial], :stop],
                   stored_neurons=None if stored is None else stored[[trial], :stop])  # fmt: skip


def color_of_run(run: Run) -> str:
    """A network's, also of a run that was read from a file, or a target's."""
    return NETWORK if run.is_network else TARGET


def finite_states(states: Float[np.ndarray, "*samples k"]) -> Float[np.ndarray, "N k"]:
    """All finite states in one row, in float64; raises `InputError` if there is none."""
    states = np.reshape(states, (-1, np.shape(states)[-1])).astype(np.float64)
    states = states[np.isfinite(states).all(axis=1)]
    if len(states) == 0:
        raise InputError("there is nothing to draw: no state of the run is finite")
    return states


def coordinate_names(k: int, of: Named | None = None, *, units: bool = True) -> list[str]:
    """What to write on the axes of k coordinates: their names and units, if `of` has some."""
    names = [f"$z_{{{i + 1}}}$" for i in range(k)] if k > 1 else ["$z$"]
    if of is not None:
        names = list(of.coordinates or names)
        if units and of.units is not None:
            labels = zip(names, of.units, strict=True)
            names = [f"{name} ({unit})" if unit else name for name, unit in labels]
    return names


def spoken(name: str) -> str:
    """A system's name in a title."""
    return name.replace("_", " ")
