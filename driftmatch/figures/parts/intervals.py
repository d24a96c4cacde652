"""Values with their intervals, points with bars and lines in bands, and whose they are."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullFormatter

from driftmatch.figures.parts.style import GREY, NETWORK, TARGET, mix

_FEW = 30.0  # between the ends of an axis


def color_of(name: str) -> Any:
    """Blue for what is called a target, vermilion for a network, grey for all else."""
    return {"target": TARGET, "network": NETWORK}.get(name.lower(), GREY)


def points(ax: Axes, x, values, intervals, *, color, label: str | None = None, **line: Any) -> None:
    """Points at x with bars from the lower to the upper end of their intervals, shape (N, 2).

    An infinite end is an arrow, and an infinite value has no point; what is NaN is left out.
    """
    x, values = np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(values, float))
    low, high = np.asarray(intervals, float).reshape(-1, 2).T
    shown = np.where(np.isfinite(values), values, np.nan)
    ax.plot(x, shown, "o", ms=3.5, color=color, label=label, zorder=3, **line)
    inside = np.where(np.isnan(shown), np.where(np.isfinite(low), low, high), shown)
    for end, arrow in ((low, "v"), (high, "^")):
        known = np.isfinite(end) & np.isfinite(inside) & ~np.isnan(values)
        ax.vlines(x[known], np.minimum(end, inside)[known], np.maximum(end, inside)[known],
                  color=color, lw=1.0, zorder=3)  # fmt: skip
        open_ended = np.isinf(end) & np.isfinite(inside) & ~np.isnan(values)
        if open_ended.any():
            ax.plot(x[open_ended], inside[open_ended], arrow, ms=4.5, color=color, mfc="white",
                    mew=0.8, zorder=3.5)  # fmt: skip


def band(ax: Axes, x, values, intervals, *, color, label: str | None = None, **line: Any) -> None:
    """A line through values in a band of their intervals, shape (N, 2)."""
    low, high = np.asarray(intervals, float).T
    ax.fill_between(x, low, high, color=mix(color, "white", 0.75), lw=0, zorder=1)
    ax.plot(x, values, color=color, label=label, zorder=2, **line)


def decades(axis: Axis, low: float, high: float) -> None:
    """Numbers at powers of ten, and at 2 and 5 times these where there are few."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < _FEW * low else (1.0,)))
    axis.set_minor_formatter(NullFormatter())


def legend_above(ax: Axes) -> None:
    """What the colours stand for, in a row above the axes."""
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1.0,
              handletextpad=0.4, borderaxespad=0.2)  # fmt: skip
