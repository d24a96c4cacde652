"""Densities and fields of two coordinates on paper: shading, scales of colours, frames."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator
from scipy.interpolate import RegularGridInterpolator

from driftmatch.grids import Grid

DENSITY = LinearSegmentedColormap.from_list("density", ["#FFFFFF", "#DADADA", "#8F8F8F"])
_ALIKE = 1.7  # sides that differ by no more are drawn to scale


def resampled(grid: Grid, values: Float[np.ndarray, "*cells d"], low, high, number: int = 120):
    """Values on `number` points a side between two corners, shape (number, …, d)."""
    lines = [np.linspace(a, b, number) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
    interpolate = RegularGridInterpolator(grid.axes, values, bounds_error=False, fill_value=np.nan)
    return interpolate(points)


def shade(
    ax: Axes, grid: Grid, density: Float[np.ndarray, "a b"], top: float | None = None
) -> AxesImage:
    """A density of two coordinates in grey, dark where it is `top`; white where it is 0."""
    (left, right), (bottom, upper) = zip(grid.lower, grid.upper, strict=True)
    return ax.imshow(density.T, origin="lower", extent=(left, right, bottom, upper), zorder=0,
                     cmap=DENSITY, norm=PowerNorm(0.5, 0, top or density.max()), aspect="auto",
                     interpolation="bilinear")  # fmt: skip


def bar_beside(ax: Axes, drawn: Any, label: str, ticks: Any = None) -> None:
    """A scale of colours that stays close to the axes when these keep their proportions."""
    bar = ax.figure.colorbar(drawn, cax=ax.inset_axes((1.03, 0, 0.04, 1)), label=label, ticks=ticks)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.tick_params(length=2)


def density_bar(ax: Axes, drawn: AxesImage, names) -> None:
    """The scale of a density of two coordinates."""
    bar_beside(ax, drawn, f"density $p$ per unit of {names[0]} × {names[1]}", MaxNLocator(4))


def frame(ax: Axes, low, high, names) -> None:
    """Limits, few ticks and names; to scale if the sides are alike."""
    width, height = np.asarray(high) - low
    if 1 / _ALIKE < width / height < _ALIKE:
        ax.set_aspect("equal")
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel=names[0], ylabel=names[1])
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
