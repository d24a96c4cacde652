"""How well recall works: bars of success, and curves against what is varied."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from driftmatch.errors import InputError
from driftmatch.figures.parts.intervals import band, color_of, legend_above, points
from driftmatch.figures.parts.style import GREY, NETWORK, PALE, mix, panel, style
from driftmatch.memory.capacity import Capacity
from driftmatch.memory.curves import RecallCurve
from driftmatch.memory.hopfield import HopfieldRecall
from driftmatch.memory.recall import Recall

_NAMES = {
    "amplitude": "amplitude of the cue",
    "cue time": "duration of the cue",
    "noise": "noise, multiples of its own",
}
_SPREAD = 0.6  # of the distance between two wells: the bars of one


@style()
def success(
    recalls: Mapping[str, Recall | HopfieldRecall | tuple[Recall | HopfieldRecall, ...]],
    *,
    ax: Axes | None = None,
) -> Axes:
    """The fractions of trials that ended in the memory called for, with their 95 % intervals.

    - `recalls`: {name: recall}, or {name: recalls of several wells} for a group of bars each well;
      what is called "target" is blue, "network" vermilion, all else grey.

    Returns the axes. Raises `InputError` if there are none, or not of the same wells.
    """
    rows = {n: r if isinstance(r, tuple | list) else (r,) for n, r in recalls.items()}
    if not rows or not all(rows.values()):
        raise InputError("there is nothing to draw: recalls is empty")
    for recall in (recall for row in rows.values() for recall in row):
        if not isinstance(recall, Recall | HopfieldRecall):
            raise InputError(f"pass what recall returned, got {type(recall).__name__}")
    wells = {tuple(recall.target for recall in row) for row in rows.values()}
    if len(wells) > 1:
        raise InputError(f"recalls must be of the same wells, got {sorted(wells)}")
    (targets,) = wells
    ax = panel(ax, 45.0, 45.0)
    several = len(targets) > 1
    width = _SPREAD / len(rows) if several else _SPREAD
    for i, (name, row) in enumerate(rows.items()):
        color = color_of(name)
        x = np.arange(len(row)) + ((i - (len(rows) - 1) / 2) * width if several else i)
        fractions = [recall.success for recall in row]
        ax.bar(x, fractions, 0.92 * width, color=mix(color, "white", 0.55), lw=0, zorder=1)
        points(ax, x, fractions, [recall.success_interval for recall in row], color=color,
               label=name)  # fmt: skip
        if not several:
            ax.annotate(share(row[0].success), (i, 0), xytext=(0, 3), textcoords="offset points",
                        ha="center", fontsize=7, zorder=4)  # fmt: skip
    if several:
        ax.set_xticks(range(len(targets)), [str(j) for j in targets])
        ax.set_xlabel("well")
        legend_above(ax)
    else:
        ax.set_xticks(range(len(rows)), list(rows))
        ax.set_xlim(-0.5, len(rows) - 0.5)
    ax.tick_params(axis="x", length=0)
    _fractions(ax)
    return ax


@style()
def recall_curve(curves: Mapping[str, RecallCurve], *, ax: Axes | None = None) -> Axes:
    """Success against the amplitude of the cue, its duration or the noise, in bands of the 95 %
    intervals.

    - `curves`: {name: curve}, all with the same thing varied; names as in `success`.

    Returns the axes. Raises `InputError` if there are none, or different things are varied.
    """
    if not curves:
        raise InputError("there is nothing to draw: curves is empty")
    for curve in curves.values():
        if not isinstance(curve, RecallCurve):
            raise InputError(f"pass what recall_curve returned, got {type(curve).__name__}")
    varied = {curve.varied for curve in curves.values()}
    if len(varied) > 1:
        raise InputError(f"one panel is of one thing that is varied, got {sorted(varied)}")
    ax = panel(ax, 60.0, 45.0)
    for name, curve in curves.items():
        order = np.argsort(curve.values)
        color = color_of(name)
        band(ax, curve.values[order], curve.success[order], curve.intervals[order], color=color,
             label=name, marker="o", ms=2.5)  # fmt: skip
    ax.set_xlabel(_NAMES[varied.pop()])
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    _fractions(ax)
    legend_above(ax)
    return ax


@style()
def capacity(record: Capacity, *, ax: Axes | None = None) -> Axes:
    """Success against the number of memories: of embedded wells, all and the worst, and of a
    Hopfield network of as many neurons; in bands of the 95 % intervals.

    Returns the axes.
    """
    if not isinstance(record, Capacity):
        raise InputError(f"pass what capacity returned, got {type(record).__name__}")
    ax = panel(ax, 60.0, 45.0)
    W = record.num_wells
    order = np.argsort(W)
    for name, color, values, intervals in (
        ("Hopfield", GREY, record.hopfield_success, record.hopfield_intervals),
        ("network", NETWORK, record.success, record.intervals),
    ):
        band(ax, W[order], values[order], intervals[order], color=color, label=name, marker="o",
             ms=2.5)  # fmt: skip
    ax.plot(W[order], record.worst[order], color=NETWORK, lw=0.7, ls=(0, (3, 2)),
            label="its worst well", zorder=2)  # fmt: skip
    ax.set_xlabel(f"wells in {record.num_neurons} neurons, $k$ = {record.dim}")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    _fractions(ax)
    ax.legend(loc="best")
    return ax


def _fractions(ax: Axes) -> None:
    ax.axhline(1, color=PALE, lw=0.6, zorder=0)
    ax.set(ylim=(0, 1.05), ylabel="success")
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])


def share(value: float) -> str:
    """In per cent, with "100 %" for all only."""
    text = f"{min(100 * value, 99.9):.1f}" if value < 1 else "100"
    return f"{text.removesuffix('.0')} %"
