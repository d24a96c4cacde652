"""Walks through memories against a parameter: order, turns, dissipation, dwelling."""

import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from driftmatch.errors import InputError
from driftmatch.figures.parts.intervals import points
from driftmatch.figures.parts.style import (
    GREY,
    NETWORK,
    PAGE_WIDTH,
    PALE,
    TARGET,
    Sheet,
    page,
    style,
)
from driftmatch.memory.sequential import Walk, WalkCurve

_APART = 0.012  # of the axis, between target and network

Quantity = Callable[[Walk], tuple[float, tuple[float, float]]]

_QUANTITIES: dict[str, Quantity] = {
    r"$\ln(k_+/k_-)$": lambda w: (w.dwell.log_rate_ratio, w.dwell.log_rate_ratio_interval),
    "jumps in order": lambda w: (w.dwell.in_order_fraction, w.dwell.in_order_interval),
    "net turns per unit time": lambda w: (w.dwell.net_turns_per_time, w.dwell.net_turns_interval),
    r"$\dot σ$, $k_B$ per unit time": lambda w: (
        (math.nan, (math.nan, math.nan))
        if w.irreversibility is None
        else (w.irreversibility.entropy_production, w.irreversibility.interval)
    ),
    "mean dwell time": lambda w: (
        w.dwell.leaving_rate().mean_time,
        w.dwell.leaving_rate().mean_time_interval,
    ),
}


@style()
def walk_curve(
    curve: WalkCurve, *, theory: Callable[[float], float] | None = None, fig: Sheet | None = None
) -> Sheet:
    """Walks of target (blue) and network (vermilion) against a parameter, with 95 % intervals: the
    logarithm of the ratio of the rates of jumps forward and backward, the fraction of jumps in
    order, net turns around the cycle, the entropy production rate, the mean dwell time.

    - `curve`: what ``walk_curve`` returned.
    - `theory`: ln(k₊/k₋) as a function of the parameter, a grey line; by default that of local
      detailed balance, 2πRF/(mD), for `ring_of_wells`.

    Returns the figure. Raises `InputError` for fewer than three memories, which have no order.
    """
    if not isinstance(curve, WalkCurve):
        raise InputError(f"pass what walk_curve returned, got {type(curve).__name__}")
    if any(len(w.dwell.regions) < 3 for w in (*curve.targets, *curve.networks)):
        raise InputError("an order of visits needs at least three memories")
    fig = page(fig, PAGE_WIDTH, 42.0)
    axes = fig.subplots(1, len(_QUANTITIES))
    for ax, (name, quantity) in zip(axes, _QUANTITIES.items(), strict=True):
        _panel(ax, curve, quantity)
        ax.set_title(name)
    _theory(axes[0], curve, theory)
    axes[1].set_ylim(0, 1.05)
    for ax in axes[2:]:  # not to take rounding for a finding
        low, high = ax.get_ylim()
        ax.set_ylim(min(low, 0.0), high)
    return fig


def _panel(ax: Axes, curve: WalkCurve, quantity: Quantity) -> None:
    width = max(float(np.ptp(curve.values)), 1e-12)
    ax.axhline(0, color=PALE, lw=0.6, zorder=0)
    for shift, walks, color in ((-1, curve.targets, TARGET), (1, curve.networks, NETWORK)):
        values, intervals = zip(*map(quantity, walks), strict=True)
        x = curve.values + shift * _APART * width
        points(ax, x, values, intervals, color=color)
        order = np.argsort(x)
        shown = np.where(np.isfinite(values), values, np.nan)
        ax.plot(x[order], shown[order], color=color, lw=0.6, zorder=2)
    ax.set_xlabel(curve.parameter)
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.margins(x=0.08)


def _theory(ax: Axes, curve: WalkCurve, theory: Callable[[float], float] | None) -> None:
    if theory is not None:
        x = np.linspace(curve.values.min(), curve.values.max(), 100)
        ax.plot(x, [theory(float(v)) for v in x], color=GREY, zorder=1, label="theory")
    else:
        expected = [walk.expected_log_rate_ratio for walk in curve.targets]
        if None in expected:
            return
        order = np.argsort(curve.values)
        ax.plot(curve.values[order], np.array(expected, float)[order], color=GREY, zorder=1,
                label="theory")  # fmt: skip
    ax.legend(loc="best")
