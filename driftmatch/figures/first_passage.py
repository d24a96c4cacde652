"""Mean first-passage times and committors, as functions of where a trajectory begins."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from driftmatch.analysis.irreversibility.marginals import checked_axes
from driftmatch.errors import InputError
from driftmatch.figures.parts.planes import bar_beside, frame
from driftmatch.figures.parts.runs import coordinate_names
from driftmatch.figures.parts.style import INK, panel, style
from driftmatch.figures.stationary import titled
from driftmatch.memory.first_passage import COMMITTOR, GridFunction

_VALUES = LinearSegmentedColormap.from_list("values", ["#FBFAFC", "#B9A3CB", "#4B1D70"])
_LEVELS = 12
_PLAIN = 3  # powers of ten that are written out


@style()
def first_passage(
    record: GridFunction, *, axes: Sequence[int] | None = None, ax: Axes | None = None
) -> Axes:
    """What a `GridFunction` holds: a mean first-passage time T(z), in units of time, or a committor
    q(z), from 0 to 1.

    One dimension: a curve. Two: filled contours, dark where it is large. Three: the same of the
    mean over the third coordinate. The line in the middle of a committor is q = 1/2, from where
    source and target are reached first equally often.

    - `record`: what ``memory.mean_first_passage`` or ``memory.committor`` returned.
    - `axes`: which coordinates, two numbers from 0; by default the first two.

    Returns the axes. Raises `InputError` if the axes do not fit, or the values are not known.
    """
    if not isinstance(record, GridFunction):
        raise InputError(
            "pass what mean_first_passage or committor returned, got " + type(record).__name__
        )
    if not np.isfinite(record.values).all():
        raise InputError(f"there is nothing to draw: of {record.name}, {record.outcome}")
    k = record.grid.dim
    shown = checked_axes(axes, k)
    names = [coordinate_names(k, record.grid)[a] for a in shown]
    grid = record.grid.onto(shown)
    hidden = tuple(a for a in range(k) if a not in shown)
    values = np.transpose(record.values.mean(axis=hidden), np.argsort(np.argsort(shown)))
    is_committor = record.quantity == COMMITTOR
    word, top = record.quantity, float(np.abs(values).max())
    power = int(np.floor(np.log10(top))) if top > 0 else 0
    if abs(power) > _PLAIN:
        values, word = values / 10.0**power, rf"{word} / 10$^{{{power}}}$"
    ax = panel(ax, 70.0, 55.0)
    if k == 1:
        ax.plot(grid.axes[0], values, color=INK)
        ax.set(xlim=(grid.lower[0], grid.upper[0]), xlabel=names[0], ylabel=word)
        bottom, top = (-0.02, 1.02) if is_committor else (0.0, None)
        ax.set_ylim(bottom, top)
    else:
        top = 1.0 if is_committor else max(float(values.max()), 1e-300)
        levels = MaxNLocator(_LEVELS).tick_values(0, top)
        filled = ax.contourf(*grid.axes, values.T, levels, cmap=_VALUES, zorder=0)
        ax.contour(*grid.axes, values.T, levels, colors=[_VALUES(1.0)], linewidths=0.3, zorder=0.5)
        if is_committor:
            ax.contour(*grid.axes, values.T, [0.5], colors=[INK], linewidths=1.0, zorder=1)
        bar_beside(ax, filled, word, levels[::2])
        low, high = np.transpose([axis[[0, -1]] for axis in grid.axes])
        frame(ax, low, high, names)
    titled(ax, record, "")
    return ax
