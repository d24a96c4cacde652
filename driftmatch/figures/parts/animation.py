"""Films: a figure that is changed frame by frame, to a GIF or MP4 written whole or not at all."""

import contextlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.animation import FFMpegWriter, PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from driftmatch.arguments import check_count
from driftmatch.atomic import as_path, atomic, check_place
from driftmatch.errors import ComputationError, InputError
from driftmatch.figures.parts.style import INK, style
from driftmatch.meters import AbstractMeter

MOST_FRAMES = 200
_DPI = 110
_MOST_FPS = 50  # more is more than players of GIFs show
_WRITERS = {"gif": PillowWriter, "mp4": FFMpegWriter}


@dataclass(frozen=True)
class Film:
    """A figure, what makes it show a frame, and how many of them there are."""

    figure: Figure
    show: Callable[[int], None]
    frames: int


@style()
def write(film: Film, path: str | os.PathLike[str], *, fps: int, meter: AbstractMeter) -> Path:
    """Write a film as GIF, or as MP4 if the program ffmpeg is there; returns the path.

    As with `save` it takes its place when it is complete.

    Raises `InputError` as `check_film` does, and `ComputationError` when the file cannot be
    written.
    """
    path, ending = check_film(path, fps)
    film.figure.draw_without_rendering()
    film.figure.set_layout_engine(None)  # nothing moves but what is to move
    writer = _WRITERS[ending](fps=fps)
    meter.start(f"film {path.name}", film.frames)
    try:
        with atomic(path) as new:
            writer.setup(film.figure, str(new), _DPI)
            try:
                for i in range(film.frames):
                    film.show(i)
                    writer.grab_frame()
                    meter.advance(1)
            except BaseException:
                with contextlib.suppress(Exception):  # ffmpeg is not left running
                    writer.finish()
                raise
            writer.finish()
    except subprocess.CalledProcessError as error:
        raise ComputationError(
            f"the film could not be written to {path} ({error}); free some space there or choose "
            "another place"
        ) from error
    finally:
        meter.stop()
    return path


def check_film(path: str | os.PathLike[str], fps: int) -> tuple[Path, str]:
    """The path and its ending.

    Raises `InputError` for another ending, a folder that does not exist, if something other than a
    file is there, and where ffmpeg is needed and missing.
    """
    path = as_path(path)
    ending = path.suffix.lower().removeprefix(".")
    if ending not in _WRITERS:
        raise InputError(f"a film's file must end in .gif or .mp4, got {path.name!r}")
    check_place(path)
    if ending == "mp4" and not FFMpegWriter.isAvailable():
        raise InputError(
            "the program ffmpeg, which writes .mp4, is not here: install it, or give a name that "
            "ends in .gif"
        )
    if check_count("fps", fps) > _MOST_FPS:
        raise InputError(f"fps must be at most {_MOST_FPS}, got {fps}")
    return path, ending


def check_frames(frames: int) -> int:
    """Raises `InputError` unless they are from 2 to 200."""
    if not 2 <= check_count("frames", frames) <= MOST_FRAMES:
        raise InputError(f"frames must be from 2 to {MOST_FRAMES}, got {frames}")
    return frames


class TimeLine:
    """A line that moves over traces, and a veil over what is still to come."""

    def __init__(self, axes: list[Axes]):
        self._ends = [ax.get_xlim()[1] for ax in axes]
        self._lines = [ax.axvline(0.0, color=INK, lw=0.9, zorder=6) for ax in axes]
        self._veils = [
            ax.axvspan(0.0, end, color="white", alpha=0.72, lw=0, zorder=5)
            for ax, end in zip(axes, self._ends, strict=True)
        ]

    def move(self, time: float) -> None:
        for line, veil, end in zip(self._lines, self._veils, self._ends, strict=True):
            line.set_xdata([time, time])
            veil.set_bounds(time, 0.0, max(end - time, 0.0), 1.0)


class Balls:
    """Moving states: the first with a tail, others small and without one."""

    def __init__(
        self,
        ax: Axes,
        paths: np.ndarray,
        *,
        color,
        tail: int,
        size: float = 7.0,
        zorder: float = 6.0,
    ):
        """`paths`: on the page, shape (M, T, 2)."""
        self._paths, self._tail = paths, tail
        (self._line,) = ax.plot([], [], color=color, lw=0.9, alpha=0.8, zorder=zorder)
        (self._others,) = ax.plot([], [], "o", ms=0.55 * size, color=color, mec="white", mew=0.4,
                                  alpha=0.75, zorder=zorder)  # fmt: skip
        (self._first,) = ax.plot([], [], "o", ms=size, color=color, mec="white", mew=0.8,
                                 zorder=zorder + 0.1)  # fmt: skip

    def move(self, sample: int, places: np.ndarray | None = None) -> None:
        """To a sample of the paths, or to other places (M, 2), then without a tail."""
        now = self._paths[:, sample] if places is None else places
        tail = self._paths[0, max(0, sample - self._tail) : sample + 1]
        self._line.set_data(*(tail.T if places is None else np.empty((2, 0))))
        self._others.set_data(*now[1:].T)
        self._first.set_data(*now[:1].T)
