"""The Helmholtz–Hodge split of a drift: a potential, its gradient and what is left."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from driftmatch.analysis.helmholtz_hodge import HelmholtzHodge
from driftmatch.analysis.irreversibility.marginals import checked_axes
from driftmatch.errors import InputError
from driftmatch.figures.parts.planes import bar_beside, frame, resampled
from driftmatch.figures.parts.runs import coordinate_names, spoken
from driftmatch.figures.parts.streams import lengths, stream
from driftmatch.figures.parts.style import (
    ENERGY,
    GREY,
    INK,
    PAGE_WIDTH,
    Sheet,
    page,
    percent,
    style,
)
from driftmatch.grids import Grid

GRADIENT = "#4A3200"
ROTATIONAL = "#00616B"
_LEVELS = 14
_HIGHEST = 0.8  # of the box has less potential than the last level
_FULL = 0.75  # of the box has smaller fields than the widest lines stand for


@style()
def helmholtz_hodge(
    record: HelmholtzHodge, *, axes: Sequence[int] | None = None, fig: Sheet | None = None
) -> Sheet:
    """The drift f = −∇U + r, the potential U with its gradient, and the rotational part r.

    One dimension: curves. Two: streamlines over the whole box on one scale, the wider, the larger,
    and contours of U, dark where it is low. Three: the same of two coordinates, U and fields
    averaged over the third, which leaves a gradient a gradient and r without sources.

    Above: `gradient_fraction`, ∫|∇U|² / ∫|f|² over the box.

    - `record`: what ``driftmatch.helmholtz_hodge`` returned.
    - `axes`: which coordinates, two numbers from 0; by default the first two.

    Returns the figure. Raises `InputError` if the axes do not fit.
    """
    if not isinstance(record, HelmholtzHodge):
        raise InputError(f"pass what helmholtz_hodge returned, got {type(record).__name__}")
    k = record.grid.dim
    shown = checked_axes(axes, k)
    names = [coordinate_names(k, record.grid)[a] for a in shown]
    grid, U, gradient, rotational = _averaged(record, shown)
    fig = page(fig, PAGE_WIDTH, 56.0)
    panels = list(fig.subplots(1, 3))
    draw = _curves if k == 1 else _planes
    note = draw(panels, grid, U, (gradient + rotational, gradient, rotational), names)
    titles = ("drift $f$", r"gradient part $-∇U$", "rotational part $r$, $∇·r$ = 0")
    for ax, title, color in zip(panels, titles, (INK, GRADIENT, ROTATIONAL), strict=True):
        ax.set_title(title, color=color)
    share = percent(record.gradient_fraction)
    fig.suptitle(f"{spoken(record.name)}, Helmholtz–Hodge: {share} of $∫|f|^2$ is gradient",
                 x=0.03, ha="left", size="medium")  # fmt: skip
    fig.text(0.99, 0.98, note, color=GREY, ha="right", va="top", fontsize=7)
    return fig


def _averaged(record: HelmholtzHodge, shown: tuple[int, ...]):
    """Potential and fields of the coordinates shown, averaged over the others."""
    others = tuple(a for a in range(record.grid.dim) if a not in shown)
    order = np.argsort(np.argsort(shown))

    def mean(values):
        return np.transpose(values.mean(axis=others), order)

    fields = (
        np.stack([mean(field[..., a]) for a in shown], axis=-1)
        for field in (record.gradient, record.rotational)
    )
    return record.grid.onto(shown), mean(record.potential), *fields


def _planes(panels: list[Axes], grid: Grid, U, fields, names) -> str:
    low, high = grid.axes[0][[0, -1]], grid.axes[1][[0, -1]]
    low, high = np.transpose([low, high])
    full = float(np.quantile([lengths(field, low, high) for field in fields], _FULL))
    top = float(np.quantile(U, _HIGHEST))
    if top > U.min():
        levels = MaxNLocator(_LEVELS).tick_values(U.min(), top)
        filled = panels[1].contourf(*grid.axes, U.T, levels, cmap=ENERGY, extend="max", zorder=0,
                                    alpha=0.45)  # fmt: skip
        panels[1].contour(*grid.axes, U.T, levels, colors=[ENERGY(0.4)], linewidths=0.3,
                          linestyles="-", zorder=0.5)  # fmt: skip
        bar_beside(panels[1], filled, "potential $U$", levels[1:-1:3])
    for ax, field, color in zip(panels, fields, (INK, GRADIENT, ROTATIONAL), strict=True):
        stream(ax, resampled(grid, field, low, high), low, high, full=full, color=color)
        frame(ax, low, high, names)
    return f"widest lines: {full:.2g} sides of the picture per unit time"


def _curves(panels: list[Axes], grid: Grid, U, fields, names) -> str:
    (z,) = grid.axes
    for ax, field, color in zip(panels, fields, (INK, GRADIENT, ROTATIONAL), strict=True):
        ax.axhline(0, color=GREY, lw=0.5)
        ax.plot(z, field[:, 0], color=color)
        ax.set(xlabel=names[0], xlim=(z[0], z[-1]))
    panels[0].set_ylabel("$z$ per unit time")
    limits = panels[0].get_ylim()
    for ax in panels:
        ax.set_ylim(limits)
    side = panels[1].twinx()
    side.plot(z, U, color=GREY, lw=0.7)
    side.set_ylabel("potential $U$", color=GREY)
    side.tick_params(axis="y", colors=GREY)
    side.spines["right"].set(visible=True, color=GREY)
    return ""
