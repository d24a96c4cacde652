"""Vector fields on paper: streamlines in the plane, projected arrows in three dimensions."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from driftmatch.errors import InputError
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.streamlines import streamlines
from driftmatch.figures.parts.style import GREY, mix

Field = Callable[[np.ndarray], np.ndarray]
_LONGEST = 0.16  # of an arrow, in sides of the box
_LATTICE = 80
_BETWEEN_HEADS = 48  # steps along a line
_HEAD = 0.045  # inches
NOTHING = 0.02  # of the largest size: a field this small is not drawn
_ROUNDING = 1e-9


def streams(
    ax: Axes,
    field: Field,
    view: View,
    *,
    at: Float[np.ndarray, "N k"] | None = None,
    color: Any = GREY,
    linewidth: float = 0.5,
    number: int = 6,
    spacing: float | None = None,
    full_length: float | None = None,
) -> Any:
    """Draw a vector field between the limits of a view, on axes that the view has drawn.

    Two dimensions: streamlines, all of one width unless `full_length` says how large a field the
    widest stand for. Three: arrows, paler with depth, as long as the field is large in sides of the
    box, up to `full_length` and no longer beyond. More: arrows of what of the field the view shows.

    - `field`: from states (N, k) to vectors (N, k) in NumPy; where it is not finite nothing is
      drawn.
    - `view`: for limits of your own, ``View.of(np.array([low, high]))``.
    - `at`: states (N, k) where arrows begin, thinned until they stand `spacing` sides of the box
      apart, such as those of a run; by default a lattice of `number` points a side.
    - `spacing`: also that of streamlines; by default 0.13 for arrows, 0.06 for lines.
    - `full_length`: the size, in sides of the box per unit time, that the longest arrows or the
      widest lines stand for: one for all fields that are to be compared (see `sizes`). Arrows take
      their own 90th percentile by default.

    Returns what was drawn, or None if the field vanishes. Raises `InputError` for one dimension.
    """
    if view.dim == 2:
        vectors = (field(lattice(view, _LATTICE)) @ view.basis).reshape(_LATTICE, _LATTICE, 2)
        return stream(ax, vectors, view.low, view.high, full=full_length, color=color,
                      linewidth=linewidth, spacing=spacing or 0.06)  # fmt: skip
    if view.dim == 3:
        starts = lattice(view, number) if at is None else _thinned(view, at, spacing or 0.13)
        return _arrows(ax, field, view, starts, color, linewidth, full_length)
    raise InputError("a field in one dimension has no streamlines: plot its values")


def stream(
    ax: Axes,
    vectors: Float[np.ndarray, "n n 2"],
    low,
    high,
    *,
    full: float | None,
    color: Any,
    linewidth: float = 0.6,
    spacing: float = 0.04,
) -> LineCollection | None:
    """Streamlines of a field given at n points a side between two corners.

    They are as wide as the field is large, up to `full`, and nothing is drawn where it is below a
    fiftieth of that, or NaN. Returns the lines, or None if there are none.
    """
    low, high = np.asarray(low), np.asarray(high)
    size = lengths(vectors, low, high)
    if not np.nanmax(size, initial=0.0) > 0:
        return None
    least = _ROUNDING * np.nanmax(size) if full is None else NOTHING * full
    lines = streamlines(
        np.where((size > least)[..., None], vectors / (high - low), np.nan), spacing
    )
    if not lines:
        return None
    segments, widths, tips, ways = [], [], [], []
    for line in lines:
        middle = 0.5 * (line[1:] + line[:-1])
        share = 0.3 if full is None else np.minimum(_nearest(size, middle) / full, 1.0)
        segments.append(np.stack([line[:-1], line[1:]], axis=1))
        widths.append(linewidth * (0.4 + 1.6 * share) * np.ones(len(middle)))
        number = max(1, round(len(middle) / _BETWEEN_HEADS))
        at = ((np.arange(number) + 0.5) / number * len(middle)).astype(int)
        tips.append(middle[at])
        ways.append(line[at + 1] - line[at])
    places = low + np.concatenate(segments) * (high - low)
    drawn = LineCollection(list(places), colors=[color], linewidths=np.concatenate(widths),
                           capstyle="round", zorder=2)  # fmt: skip
    ax.add_collection(drawn, autolim=False)
    _heads(
        ax, low + np.concatenate(tips) * (high - low), np.concatenate(ways) * (high - low), color
    )
    return drawn


def _nearest(values: Float[np.ndarray, "n n"], points: Float[np.ndarray, "P 2"]):
    """Values on a lattice over the unit square at the points next to these."""
    i, j = np.rint(points * (len(values) - 1)).astype(int).T
    return values[i, j]


def _heads(ax: Axes, tips, ways, color) -> None:
    """Triangles of one size on paper, whatever the scales of the axes."""
    ways = ways / np.linalg.norm(ways, axis=1, keepdims=True) * _HEAD
    ax.quiver(*tips.T, *ways.T, angles="xy", scale_units="inches", scale=1, units="inches",
              width=0.001, headwidth=0.75 * _HEAD / 0.001, headlength=_HEAD / 0.001,
              headaxislength=_HEAD / 0.001, minlength=0, pivot="middle", color=color,
              zorder=2.1)  # fmt: skip


def lengths(vectors: Float[np.ndarray, "*cells d"], low, high) -> Float[np.ndarray, "*cells"]:
    """In sides of a box per unit time."""
    return np.linalg.norm(vectors / (np.asarray(high) - low), axis=-1)


def sizes(field: Field, view: View, states: Float[np.ndarray, "N k"]) -> Float[np.ndarray, " N"]:
    """How large a field is at these states, in sides of the view's box per unit time."""
    return lengths(field(states) @ view.basis, view.low, view.high)


def unproject(view: View, coordinates: Float[np.ndarray, "*N d"]) -> Float[np.ndarray, "*N k"]:
    """The states on the view's slice that have these coordinates."""
    return view.centre + coordinates @ view.basis.T


def lattice(view: View, number: int | tuple[int, ...]) -> Float[np.ndarray, "N k"]:
    """States on an even grid between the limits; the last coordinate runs fastest."""
    numbers = (number,) * view.dim if isinstance(number, int) else number
    lines = [np.linspace(*ends) for ends in zip(view.low, view.high, numbers, strict=True)]
    grid = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
    return unproject(view, grid.reshape(-1, view.dim))


def _arrows(ax, field, view, starts, color, linewidth, full_length):
    flow = field(starts)
    defined = np.isfinite(flow).all(axis=1)
    starts, flow = starts[defined], flow[defined]
    vectors = flow @ view.basis / (view.high - view.low)
    lengths = np.linalg.norm(vectors, axis=1)
    if len(lengths) == 0 or not lengths.max() > 0:
        return None
    full_length = full_length or float(np.quantile(lengths, 0.9)) or float(lengths.max())
    vectors *= _LONGEST / np.maximum(lengths, full_length)[:, None]
    tails, heads = view.project(starts), vectors @ view.directions.T
    order = np.argsort(tails[:, 2])  # what is near covers what is far
    near = (tails[:, 2] - tails[:, 2].min()) / max(np.ptp(tails[:, 2]), 1e-12)
    pale, full = np.array(mix(color, "white", 0.6)), np.array(mix(color, "white", 0))
    colors = pale + near[:, None] * (full - pale)
    (x, y), (u, v) = tails[order, :2].T, heads[order, :2].T
    return ax.quiver(x, y, u, v, color=colors[order], angles="xy", scale_units="xy", scale=1,
                     units="inches", width=linewidth / 72, headwidth=5, headlength=5,
                     headaxislength=4.5, minlength=0.5, zorder=3)  # fmt: skip


def _thinned(view, states, spacing):
    """One state of each cell of a lattice of that spacing."""
    states = states[np.isfinite(states).all(axis=1)]
    cells = np.floor(view.scaled(states) / spacing).astype(int)
    _, first = np.unique(cells, axis=0, return_index=True)
    return states[np.sort(first)]
