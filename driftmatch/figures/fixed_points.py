"""Fixed points over the flow that they belong to, and their eigenvalues in the complex plane."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.fixed_points import FixedPoints
from driftmatch.errors import InputError
from driftmatch.evaluate import drifts
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.style import (
    GREY,
    INK,
    NETWORK,
    PALE,
    TARGET,
    mix,
    panel,
    shades,
    style,
)

# How the marker is filled says what the point does to its surroundings.
_STYLES = {
    "stable": {"marker": "o", "fillstyle": "full", "markerfacecolor": INK},
    "unstable": {"marker": "o", "fillstyle": "full", "markerfacecolor": "white"},
    "saddle": {"marker": "o", "fillstyle": "left", "markerfacecolor": INK},
    "undecided": {"marker": "D", "fillstyle": "full", "markerfacecolor": "white"},
}
_NAMES = {"undecided": "neutral"}
_EDGE = {"markeredgecolor": INK, "markerfacecoloralt": "white", "markeredgewidth": 0.8, "ls": ""}
_SLOW = {"marker": "x", "color": GREY, "ls": "", "ms": 3.5, "mew": 1.0}
_MARGIN = 0.02
_ABOVE = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": 2, "borderaxespad": 0.2,
          "handlelength": 0.8, "columnspacing": 1.2}  # fmt: skip


@style()
def fixed_points(
    record: FixedPoints,
    *,
    view: View | None = None,
    sde: AbstractSDE | None = None,
    slower_than: float = 0.1,
    legend: bool | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Fixed points, filled where stable, open where unstable, half filled where saddles; diamonds
    where the linear part does not decide (neutral), crosses for slow points.

    One dimension: on the line f = 0. Two: in the plane. Three, or more in a view's principal
    components: in projection, with a line down to the floor. Points outside of the view are left
    out.

    - `ax`: also those of another panel, such as `attractor`, drawn with the same `view`; empty ones
      get limits and names.
    - `view`: coordinates, limits and direction; by default around the fixed
      points, within the box that was searched.
    - `sde`: of one dimension: the curve of its drift is drawn too.
    - `slower_than`: slow points are drawn up to this fraction of the typical speed.
    - `legend`: whether to say what the markers mean; by default on axes of its own.

    Returns the axes. Raises `InputError` if the view has other dimensions, or is missing
    for more than three.
    """
    k = record.box.shape[1]
    if view is None:
        if k > 3:
            raise InputError(
                f"fixed points in {k} dimensions need a view to be drawn in: View.of(states)"
            )
        view = View.of(_surroundings(record), named=sde or record.network)
    if len(view.centre) != k:
        raise InputError(f"the view is of {len(view.centre)} dimensions and the points have {k}")
    legend = ax is None if legend is None else legend
    ax = panel(ax)
    if not ax.has_data():
        _frame(ax, view, sde)
    is_slow = record.slow_speeds <= slower_than * record.typical_speed
    slow = _placed(ax, view, record.slow_points[is_slow], stems=False)
    if len(slow) > 0:
        ax.plot(*slow.T, zorder=5, label="slow point", **_SLOW)
    points = _placed(ax, view, record.points, stems=True)
    kinds = np.array([_style_of(kind) for kind in record.kind], dtype=object)
    seen = _in_view(view, record.points)
    for kind, look in _STYLES.items():
        shown = points[kinds[seen] == kind]
        if len(shown) > 0:
            ax.plot(*shown.T, "o", color="white", ms=6.5, mew=0, zorder=5, gid="halo")
            ax.plot(*shown.T, zorder=6, label=_NAMES.get(kind, kind), gid="fixed point", ms=4.5,
                    **look, **_EDGE)  # fmt: skip
    if legend and ax.get_legend_handles_labels()[0]:
        ax.legend(**_ABOVE)
    return ax


def _surroundings(record: FixedPoints) -> Float[np.ndarray, "2 k"]:
    """Corners that hold all fixed points, with some room; the box if there are none."""
    if len(record.points) == 0:
        return record.box
    low, high = record.points.min(axis=0), record.points.max(axis=0)
    room = np.maximum(0.4 * (high - low), 0.15 * np.ptp(record.box, axis=0))
    return np.clip([low - room, high + room], *record.box)


def _style_of(kind: str) -> str:
    """Which look a kind of fixed point has."""
    first = kind.split()[0].split("-")[0]
    return first if first in _STYLES else "undecided"


def _in_view(view: View, points) -> np.ndarray:
    return np.all(np.abs(view.scaled(points)) <= 0.5 + _MARGIN, axis=1)


def _placed(ax: Axes, view: View, points, *, stems: bool) -> Float[np.ndarray, "P 2"]:
    """Where on the paper the points within the view are."""
    points = points[_in_view(view, points)]
    if view.dim == 1:
        return np.column_stack([points[:, 0], np.zeros(len(points))])
    if view.dim == 2:
        return (points - view.centre) @ view.basis
    scaled = view.scaled(points)
    floor = scaled.copy()
    floor[:, 2] = -0.5
    places, feet = ((part @ view.directions.T)[:, :2] for part in (scaled, floor))
    if stems:
        for place, foot in zip(places, feet, strict=True):
            ax.plot(*np.transpose([place, foot]), color=GREY, lw=0.5, ls=(0, (1, 2)), zorder=4,
                    gid="edge")  # fmt: skip
    return places


def _frame(ax: Axes, view: View, sde: AbstractSDE | None) -> None:
    """Axes of its own."""
    if view.dim == 3:
        view.draw_box(ax)
        return
    ax.set(xlim=(view.low[0], view.high[0]), xlabel=view.names[0])
    if view.dim == 2:
        ax.set(ylim=(view.low[1], view.high[1]), ylabel=view.names[1])
        return
    ax.axhline(0, color=PALE, lw=0.6, zorder=0)
    if sde is None:
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        return
    z = np.linspace(view.low[0], view.high[0], 401)
    ax.plot(z, drifts(sde, z[:, None])[:, 0], color=TARGET, zorder=2)
    ax.set_ylabel("drift $f(z)$")


@style()
def eigenvalues(record: FixedPoints, *, ax: Axes | None = None) -> Axes:
    """The eigenvalues of every fixed point in the complex plane, right of the line where unstable.

    The markers are those of `fixed_points`, one shade a point. A cross marks −1/τ, which the
    neurons of a network have n − k times beside these. Returns the axes.
    """
    ax = panel(ax)
    color = TARGET if record.network is None else NETWORK
    values = record.eigenvalues
    ax.axhline(0, color=PALE, lw=0.6, zorder=0)
    ax.axvline(0, color=INK, lw=0.6, zorder=1)
    for point, kind, shade in zip(
        values, record.kind, shades(color, len(values))[: len(values)], strict=True
    ):
        look = _STYLES[_style_of(kind)] | {"markeredgecolor": shade}
        if look["markerfacecolor"] == INK:
            look["markerfacecolor"] = shade
        ax.plot(point.real, point.imag, ms=4.5, zorder=3, **{**_EDGE, **look})
    handles = [
        Line2D([], [], label=_NAMES.get(kind, kind), ms=4.5, **{**_EDGE, **look})
        for kind, look in _STYLES.items()
        if kind in {_style_of(kind) for kind in record.kind}
    ]
    if record.network is not None:
        leak, multiplicity = record.neural_eigenvalues[1:]
        (cross,) = ax.plot(leak, 0, "x", color=INK, ms=4.5, zorder=4,
                           label=f"$−1/τ$, {multiplicity} times")  # fmt: skip
        handles.append(cross)
    ax.margins(0.1)
    left, right = ax.get_xlim()
    reach = 0.12 * max(abs(left), abs(right))
    left, right = min(left, -reach), max(right, reach)
    ax.axvspan(0, right, color=mix(PALE, "white", 0.6), lw=0, zorder=-1)
    ax.set_xlim(left, right)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.set(xlabel="Re λ (per unit time)", ylabel="Im λ")
    if handles:
        ax.legend(handles=handles, **_ABOVE)
    return ax
