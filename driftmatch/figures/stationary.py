"""The stationary density of an SDE, its potential and its probability current."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from driftmatch.analysis.fokker_planck.stationary import StationaryDensity
from driftmatch.analysis.irreversibility.marginals import checked_axes, held, window_of
from driftmatch.errors import InputError
from driftmatch.figures.parts.planes import bar_beside, density_bar, frame, resampled, shade
from driftmatch.figures.parts.runs import coordinate_names, spoken
from driftmatch.figures.parts.streams import lengths, stream
from driftmatch.figures.parts.style import ENERGY, GREY, INK, PALE, panel, style, wrapped

_DEEP = 12.0  # how far the potential is drawn above its minimum: down to 6e-6 of the largest p
_STEP = 1.0
_NO_CURRENT = 1e-6  # of p|f|: a current this small is rounding


@style()
def stationary(
    density: StationaryDensity, *, axes: Sequence[int] | None = None, ax: Axes | None = None
) -> Axes:
    """The density p and the probability current J.

    One dimension: p filled, and −ln(p/max p) as a grey line on an axis of its own. Two: p in grey,
    and streamlines of J, as wide as J is large. Three: the same of two coordinates, the others
    integrated out. Streamlines are drawn where 99.9 % of the probability lies, and none where J
    vanishes, as in equilibrium.

    The widest line stands for the current written above: the probability that would cross a side
    of the picture per unit time, were the current as large all along it.

    - `density`: what ``driftmatch.stationary`` returned.
    - `axes`: which coordinates, two numbers from 0; by default the first two.

    Returns the axes. Raises `InputError` if the axes do not fit.
    """
    density, names = _of(density, axes)
    ax = panel(ax, 70.0, 55.0)
    low, high = window_of(density.grid, held(density.density))
    if density.grid.dim == 1:
        _curve(ax, density, low, high, names)
        note = ""
    else:
        note = _plane(ax, density, low, high, names)
    titled(ax, density, note)
    return ax


@style()
def potential(
    density: StationaryDensity, *, axes: Sequence[int] | None = None, ax: Axes | None = None
) -> Axes:
    """The quasi-potential −ln(p/max p) of the density, or of its marginal of two coordinates.

    One dimension: a curve. Two: contours one unit apart, from 0 at the most probable state to 12;
    what is less probable is left white. In equilibrium with D constant it is the energy over the
    noise; otherwise the flow also circulates, which it does not show.

    - `density`, `axes`: as for `stationary`.

    Returns the axes. Raises `InputError` if the axes do not fit.
    """
    density, names = _of(density, axes)
    ax = panel(ax, 70.0, 55.0)
    values = density.potential - density.potential.min()
    low, high = _where(density.grid, values <= _DEEP)
    if density.grid.dim == 1:
        ax.plot(density.grid.axes[0], values, color=INK)
        ax.set(xlim=(low[0], high[0]), ylim=(0, _DEEP), xlabel=names[0], ylabel=_POTENTIAL)
    else:
        levels = np.arange(0, _DEEP + _STEP, _STEP)
        lines = density.grid.axes
        filled = ax.contourf(*lines, values.T, levels, cmap=ENERGY, zorder=0)
        ax.contour(*lines, values.T, levels, colors=[ENERGY(0.0)], linewidths=0.3, zorder=0.5)
        bar_beside(ax, filled, _POTENTIAL)
        frame(ax, low, high, names)
    titled(ax, density, "")
    return ax


_POTENTIAL = r"potential $-\ln\,(p/p_{\mathrm{max}})$"


def _of(density, axes) -> tuple[StationaryDensity, list[str]]:
    """The marginal to draw, and what to call its coordinates."""
    if not isinstance(density, StationaryDensity):
        raise InputError(f"pass what stationary returned, got {type(density).__name__}")
    k = density.grid.dim
    shown = checked_axes(axes, k)
    names = coordinate_names(k, density.grid)
    return density.marginal(shown), [names[a] for a in shown]


def _where(grid, inside):
    """The corners of a box around some cells."""
    cells = np.argwhere(inside)
    low = np.array(grid.lower) + cells.min(axis=0) * grid.spacing
    return low, np.array(grid.lower) + (cells.max(axis=0) + 1) * grid.spacing


def _curve(ax, density, low, high, names) -> None:
    z, p = density.grid.axes[0], density.density
    ax.fill_between(z, p, color=PALE, lw=0)
    ax.plot(z, p, color=INK)
    ax.set(xlim=(low[0], high[0]), ylim=(0, 1.08 * p.max()), xlabel=names[0])
    ax.set_ylabel("density $p$ per unit of $z$")
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    side = ax.twinx()
    side.plot(z, density.potential - density.potential.min(), color=GREY, lw=0.7)
    side.set(ylim=(0, _DEEP))
    side.set_ylabel(_POTENTIAL, color=GREY)
    side.tick_params(axis="y", colors=GREY)
    side.spines["right"].set(visible=True, color=GREY)


def _plane(ax, density, low, high, names) -> str:
    """Draws it, and returns what the widest line stands for."""
    image = shade(ax, density.grid, density.density)
    density_bar(ax, image, names)
    inside = held(density.density)
    flow = np.where(inside[..., None], density.current, np.nan)
    size = lengths(flow, low, high)
    speed = lengths(density.drift, low, high) * density.density
    full = float(np.nanquantile(size, 0.98))
    note = "no current: in equilibrium"
    if full > _NO_CURRENT * float(np.max(speed[inside])):
        values = resampled(density.grid, flow, low, high)
        stream(ax, values, low, high, full=full, color=INK)
        crossing = full * float(np.prod(high - low))
        note = f"widest lines: $J$ × side = {crossing:.2g} per unit time"
    frame(ax, low, high, names)
    return note


def titled(ax, density, note: str) -> None:
    """The name, and below it a note, or the outcome unless all is well."""
    if not density.outcome.ok:
        note = wrapped(str(density.outcome), ax.bbox.width * 72 / ax.figure.dpi)
    ax.set_title(spoken(density.name), pad=4 + 10 * len(note.splitlines()))
    text = ax.annotate(
        note, (0.5, 1), xytext=(0, 4), xycoords="axes fraction", textcoords="offset points",
        ha="center", va="bottom", color=GREY, fontsize=7,
    )  # fmt: skip
    text.set_in_layout(False)  # it may be wider than the axes
