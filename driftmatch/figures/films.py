"""Films of walks and of switching: a ball in state space beside the traces of neurons."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from driftmatch.errors import InputError
from driftmatch.figures.parts.animation import (
    Balls,
    Film,
    TimeLine,
    check_film,
    check_frames,
    write,
)
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.runs import color_of_run, coordinate_names, only, spoken
from driftmatch.figures.parts.style import GREY, PALE, page, style
from driftmatch.figures.recall import stacked
from driftmatch.figures.switching import (
    attractors_view,
    check_switching,
    followed,
    shade_pulses,
    visited,
)
from driftmatch.figures.traces import neuron_traces
from driftmatch.figures.walk import path as draw_path
from driftmatch.memory.sequential import Walk
from driftmatch.memory.switching import Switching
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.simulation.trajectory import NetworkTrajectory, Run

_SIZE = 170.0, 72.0  # mm
_TURNS = 2.0  # of a walk
_TAIL = 0.03  # of a run
_COORDINATES = 3
_ROOM = 0.04  # of the picture, around the ball


@style()
def animate_walk(
    walk: Walk,
    path: str | os.PathLike[str],
    *,
    duration: float | None = None,
    neurons: int = 4,
    frames: int = 100,
    fps: int = 12,
    meter: AbstractMeter = SILENT,
) -> Path:
    """A film of a walk: a ball on its way through the numbered wells, over the stationary density
    or a projection, beside the rates of a few neurons; of an SDE its coordinates.

    - `walk`: what ``walk`` returned. - `duration`: how much of it, by default about two turns.
    - `path`, `neurons`, `frames`, `fps`, `meter`: as for `animate_recall`.

    Returns the path. Raises `InputError` as `animate_recall` does.
    """
    check_film(path, fps)
    if not isinstance(walk, Walk):
        raise InputError(f"pass what walk returned, got {type(walk).__name__}")
    jumps = _TURNS * len(walk.dwell.regions)
    run = only(walk.trajectory, 0, duration or walk.dwell.duration_of(jumps))
    fig, left, right = sheet()
    axes = traces_beside(right, run, 0, neurons)
    view = View.of(run.states, walk.dwell.regions.centres, named=run)
    draw_path(left, walk, run, view, color=PALE)
    film = _ball(fig, left, axes, run, view, check_frames(frames), lambda _: spoken(walk.name))
    return write(film, path, fps=fps, meter=meter)


@style()
def animate_switching(
    run: Switching,
    path: str | os.PathLike[str],
    *,
    names: Sequence[str] | None = None,
    trial: int | None = None,
    neurons: int = 4,
    frames: int = 120,
    fps: int = 12,
    meter: AbstractMeter = SILENT,
) -> Path:
    """A film of switching between attractors: a ball among them, pushed by pulses (shaded), beside
    the rates of a few neurons; of an SDE its coordinates.

    - `run`: what ``switch`` returned. - `names`: of the attractors.
    - `trial`: which one, by default the first that followed most commands.
    - `path`, `neurons`, `frames`, `fps`, `meter`: as for `animate_recall`.

    Returns the path. Raises `InputError` as `animate_recall` does.
    """
    check_film(path, fps)
    names = check_switching({"run": run}, names)
    trial = followed(run) if trial is None else trial
    fig, left, right = sheet()
    axes = traces_beside(right, run.trajectory, trial, neurons)
    for ax in axes:
        shade_pulses(ax, run)
    view = attractors_view(run)
    visited(left, run, view, GREY, names)

    def words(time: float) -> str:
        i = min(int(time / run.period), len(run.commands) - 1)
        name = names[run.commands[i]]
        return f"called to {name}" + (", input on" if time < i * run.period + run.pulse else "")

    one = only(run.trajectory, trial)
    film = _ball(fig, left, axes, one, view, check_frames(frames), words)
    return write(film, path, fps=fps, meter=meter)


def sheet() -> tuple[Figure, Axes, Axes]:
    """A figure with room for a picture and for traces."""
    fig = page(None, *_SIZE)
    left, right = fig.subplots(1, 2, width_ratios=(1, 1.15))
    return fig, left, right


def traces_beside(ax: Axes, run: Run, trial: int, neurons: int) -> list[Axes]:
    """The rates of a few neurons in one trial; of an SDE its first three coordinates."""
    if isinstance(run, NetworkTrajectory):
        one: Any = only(run, trial)
        neuron_traces(one, min(neurons, run.network.num_neurons), duration=np.inf, ax=ax)
        ax.set_title("rates of neurons")
        return [ax]
    names = coordinate_names(run.states.shape[-1], run)[:_COORDINATES]
    axes = stacked(ax, len(names))
    for i, (row, name) in enumerate(zip(axes, names, strict=True)):
        row.plot(run.times, run.states[trial, :, i], color=color_of_run(run), lw=0.7)
        row.set(xlim=(0, run.times[-1]), ylabel=name)
        row.margins(y=0.12)
        row.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        row.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        row.tick_params(labelbottom=i == len(names) - 1)
    axes[-1].set_xlabel("time")
    return axes


def tail_of(run: Run) -> int:
    """Samples that a ball's tail is long."""
    return max(2, int(_TAIL * len(run.times)))


def evenly(samples: int, number: int) -> np.ndarray:
    """So many of the samples, from the first to the last."""
    return np.rint(np.linspace(0, samples - 1, number)).astype(int)


def _ball(
    fig: Figure,
    left: Axes,
    right: list[Axes],
    run: Run,
    view: View,
    frames: int,
    words: Callable[[float], str],
) -> Film:
    """The first trajectory of a run as a ball on axes that show the view."""
    states = np.asarray(run.states[:1], float)
    if view.dim == 3:
        places = view.project(states)[..., :2]
    elif view.dim == 2:
        places = (states - view.centre) @ view.basis
    else:
        places = np.stack([np.broadcast_to(run.times, states.shape[:2]), states[..., 0]], axis=-1)
    ball = Balls(left, places, color=color_of_run(run), tail=tail_of(run))
    _make_room(left, places)
    line = TimeLine(right)
    samples = evenly(len(run.times), frames)

    def show(i: int) -> None:
        time = float(run.times[samples[i]])
        ball.move(samples[i])
        line.move(time)
        left.set_title(f"{words(time)}, time {time:.1f}")

    show(0)
    return Film(fig, show, frames)


def _make_room(ax: Axes, places) -> None:
    """Wider limits, where the ball would leave the picture."""
    low, high = np.nanmin(places, axis=(0, 1)), np.nanmax(places, axis=(0, 1))
    for now, change, a, b in zip((ax.get_xlim(), ax.get_ylim()), (ax.set_xlim, ax.set_ylim), low,
                                 high, strict=True):  # fmt: skip
        room = _ROOM * (max(b, now[1]) - min(a, now[0]))
        change(min(now[0], a - room), max(now[1], b + room))
