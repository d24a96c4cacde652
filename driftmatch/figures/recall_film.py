"""A film of a recall: balls in the tilting landscape beside the traces of neurons."""

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from driftmatch.errors import InputError
from driftmatch.figures.films import evenly, sheet, tail_of, traces_beside
from driftmatch.figures.parts.animation import (
    Balls,
    Film,
    TimeLine,
    check_film,
    check_frames,
    write,
)
from driftmatch.figures.parts.runs import color_of_run
from driftmatch.figures.parts.style import style
from driftmatch.figures.parts.surfaces import Surface, draw_surface, mark_wells
from driftmatch.figures.recall import shade_cue, telling_trial
from driftmatch.memory.recall import Recall
from driftmatch.memory.tilt import Tilt
from driftmatch.meters import SILENT, AbstractMeter

_TURNING = 6  # frames in which the landscape turns while time stands still


@style()
def animate_recall(
    recall: Recall,
    tilt: Tilt,
    path: str | os.PathLike[str],
    *,
    amplitude: float = 1.0,
    balls: int = 12,
    neurons: int = 4,
    frames: int = 90,
    fps: int = 12,
    meter: AbstractMeter = SILENT,
) -> Path:
    """A film of a recall: states as balls in the landscape, which tilts with the cue and back.

    Beside it the rates of a few neurons in the trial of the largest ball, which came from farthest;
    of an SDE its coordinates. Time stands still while the landscape tilts.

    - `recall`: what ``recall`` returned. - `tilt`: its cue; `amplitude`: what this was multiplied
      by.
    - `path`: of a .gif, or of an .mp4 if the program ffmpeg is there; it is written whole or not
      at all.
    - `balls`: how many trials. - `neurons`: how many.
    - `frames`, at most 200, and `fps`, how many are shown in a second.
    - `meter`: is told of every frame.

    Returns the path. Raises `InputError` if the tilt does not fit the recall, or for another ending
    of the path.
    """
    check_film(path, fps)
    if not isinstance(recall, Recall):
        raise InputError(f"pass what recall returned, got {type(recall).__name__}")
    if not isinstance(tilt, Tilt) or tilt.landscape.minima.shape != recall.regions.centres.shape:
        raise InputError("tilt must be the Tilt that was the cue of this recall")
    trial = telling_trial(recall)
    chosen = [trial, *(m for m in range(recall.trials) if m != trial)][: max(1, balls)]
    run = recall.trajectory
    states = np.asarray(run.states[chosen], float)
    surface = Surface.of(tilt.landscape, states, states[:, 0], tilt.path.last, first=tilt.target)
    fig, left, right = sheet()
    if surface.dim == 1:
        left.set_ylabel("energy $V - c·z$")
    axes = traces_beside(right, run, trial, neurons)
    for ax in axes:
        shade_cue(ax, recall.onset, recall.release)
    span = surface.span(None, amplitude * tilt.forcing) if surface.dim == 1 else None
    scenery = _Tilting(left, surface, tilt, span)
    color = color_of_run(run)
    onto_page = (
        surface.coordinates(states) if surface.dim == 2 else np.zeros((*states.shape[:2], 2))
    )
    moving = Balls(left, onto_page, color=color, tail=tail_of(run))
    line = TimeLine(axes)
    schedule = _schedule(run.times, recall, check_frames(frames))

    def show(i: int) -> None:
        sample, share = schedule[i]
        scenery.tilt(share * amplitude)
        c = share * amplitude * tilt.forcing
        places = None
        if surface.dim == 1:
            now = states[:, sample]
            places = np.column_stack([now[:, 0], surface.heights(now, c)])
        moving.move(sample, places)
        line.move(run.times[sample])
        words = f", tilted toward well {tilt.target}" if share else ""
        left.set_title(f"time {run.times[sample]:.1f}{words}")

    show(0)
    return write(Film(fig, show, frames), path, fps=fps, meter=meter)


class _Tilting:
    """A landscape that is drawn anew when its tilt changes."""

    def __init__(self, ax: Axes, surface: Surface, tilt: Tilt, span):
        self._ax, self._surface, self._tilt = ax, surface, tilt
        self._span = span
        self._drawn, self._amplitude = [], None

    def tilt(self, amplitude: float) -> None:
        if amplitude == self._amplitude:
            return
        for artist in self._drawn:
            artist.remove()
        before = set(self._ax.get_children())
        c, path = amplitude * self._tilt.forcing, self._tilt.path
        draw_surface(self._ax, self._surface, c, span=self._span)
        row = min(int(np.searchsorted(path.amplitudes, amplitude - 1e-9)), len(path.minima) - 1)
        mark_wells(self._ax, self._surface, path.minima[max(row, 0)], c, target=self._tilt.target)
        self._drawn = [a for a in self._ax.get_children() if a not in before]
        self._amplitude = amplitude


def _schedule(times, recall: Recall, frames: int) -> list[tuple[int, float]]:
    """The sample and the share of the tilt in every frame."""
    turning = min(_TURNING, frames // 6)
    samples = evenly(len(times), frames - 2 * turning)
    on = [recall.onset <= times[s] < recall.release * (1 - 1e-9) for s in samples]
    schedule, before, last = [], False, 0
    for sample, now in zip(samples, on, strict=True):
        if now != before:
            skipped = bool(schedule)  # a frame that would be as the last one was
            rising = np.linspace(0, 1, turning + skipped, endpoint=False)[skipped:]
            schedule += [(last, float(r if now else 1 - r)) for r in rising]
        schedule.append((int(sample), float(now)))
        before, last = now, int(sample)
    return schedule[:frames] + schedule[-1:] * (frames - len(schedule))
