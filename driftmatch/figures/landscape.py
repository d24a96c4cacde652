"""The energy landscape of a gradient flow, as it is or tilted, with its wells."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from driftmatch.errors import InputError
from driftmatch.figures.parts.planes import bar_beside
from driftmatch.figures.parts.runs import color_of_run
from driftmatch.figures.parts.style import INK, TARGET, panel, style
from driftmatch.figures.parts.surfaces import Surface, draw_states, draw_surface, mark_wells, number
from driftmatch.memory.landscape import Landscape
from driftmatch.memory.tilt import Tilt
from driftmatch.memory.tilted_minima import TiltedMinima, follow_minima
from driftmatch.simulation.trajectory import Run

_PATHS = 12  # of a run, at most


@style()
def landscape(
    landscape: Landscape,
    forcing: Tilt | TiltedMinima | ArrayLike | None = None,
    states: Run | ArrayLike | None = None,
    *,
    color: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """The landscape V(z) − c·z and the wells in it, by number.

    One dimension: a curve. Two: contours, dark where it is low. More: the same on the plane through
    three of the wells; others, and states, are projected onto it, and their wells hollow.

    Under a tilt the wells that are left are shown where it has moved them, with the way that they
    went, and a cross is at the fold where one disappeared. The target of a `Tilt` is a square.

    - `landscape`: what ``memory.landscape`` returned.
    - `forcing`: a `Tilt`, what ``memory.follow_minima`` returned, or c itself, shape (k,).
    - `states`: dots, shape (N, k); paths, shape (M, T, k); or a run, of which up to 12 trajectories
      are drawn.
    - `color`: of the states; by default blue, and vermilion for the run of a network.

    Returns the axes. Raises `InputError` if the dimensions differ.
    """
    path, target = _path_of(landscape, forcing)
    ax = panel(ax, 70.0, 55.0)
    others = [] if states is None else [_checked(states, landscape)]
    moved = [] if path is None else [path.minima[-1], path.last]
    moved = [z[np.isfinite(z).all(axis=1)] for z in moved]
    surface = Surface.of(landscape, *others, *moved, first=target or 0)
    c = None if path is None else path.amplitudes[-1] * path.direction
    drawn = draw_surface(ax, surface, c)
    words = "$V$" if c is None else "$V - c·z$"
    if drawn is None:
        ax.set_ylabel(words)
    else:
        bar_beside(ax, drawn, words, MaxNLocator(5, steps=[1, 2, 5, 10]))
    if states is not None:
        is_run = isinstance(states, Run)
        default = color_of_run(states) if is_run else TARGET
        draw_states(ax, surface, others[0], c, color=color or default)
    if path is None:
        mark_wells(ax, surface, landscape.minima, target=target)
    else:
        mark_path(ax, surface, path, target=target)
    return ax


def _path_of(landscape, forcing) -> tuple[TiltedMinima | None, int | None]:
    """The wells under the tilt, and which one is the target."""
    if not isinstance(landscape, Landscape):
        raise InputError(
            f"pass what memory.landscape returned, got {type(landscape).__name__}; of a tilt it is "
            "tilt.landscape"
        )
    if forcing is None:
        return None, None
    if isinstance(forcing, Tilt):
        path, target = forcing.path, forcing.target
    elif isinstance(forcing, TiltedMinima):
        path, target = forcing, None
    else:
        return follow_minima(landscape, forcing), None
    if path.last.shape != landscape.minima.shape:
        raise InputError(
            f"the landscape has {len(landscape.minima)} wells in {landscape.minima.shape[1]} "
            f"dimensions, the tilt is of {len(path.last)} in {path.last.shape[1]}"
        )
    return path, target


def _checked(states, landscape: Landscape) -> Float[np.ndarray, "*samples k"]:
    if isinstance(states, Run):
        states = states.states[:_PATHS]
    states = np.asarray(states, dtype=float)
    k = landscape.minima.shape[1]
    if states.ndim not in (2, 3) or states.shape[-1] != k or states.size == 0:
        raise InputError(
            f"states must have shape (N, {k}) for dots or (M, T, {k}) for paths, got {states.shape}"
        )
    return states


def mark_path(ax: Axes, surface: Surface, path: TiltedMinima, *, target: int | None = None) -> None:
    """The wells under a tilt, the way that they went, and crosses where they disappeared."""
    c = path.amplitudes[-1] * path.direction
    side = 0, -1
    if surface.dim > 1:  # on the other side than the way
        right, up = np.sign(np.round(c @ surface.basis, 12)).astype(int)
        side = int(right) or 1, int(up) or 1
    for j, fold in enumerate(path.folds):
        if surface.dim > 1:
            way = np.append(path.minima[:, j], path.last[None, j], axis=0)
            ax.plot(*surface.coordinates(way[np.isfinite(way[:, 0])]).T, color=INK, lw=0.7,
                    ls=(0, (2, 1)), zorder=2.5)  # fmt: skip
        if np.isfinite(fold):
            at = surface.coordinates(path.last[j])
            if surface.dim == 1:
                at = np.append(at, surface.heights(path.last[None, j], c))
            ax.plot(*at, "x", color=INK, ms=4.5, mew=1.1, zorder=4)
            number(ax, j, at, side=side)
    mark_wells(ax, surface, path.minima[-1], c, target=target, side=side)
