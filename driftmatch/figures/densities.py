"""Marginal densities of target and network, one above the other."""

import numpy as np
from matplotlib.axes import Axes

from driftmatch.analysis.densities import marginal_densities
from driftmatch.figures.parts.runs import coordinate_names, finite_states
from driftmatch.figures.parts.style import (
    TARGET_AND_NETWORK,
    Look,
    mix,
    panel,
    style,
    without_y,
)
from driftmatch.simulation.trajectory import Run

_SHOWN = 6


@style()
def densities(
    target: Run,
    network: Run,
    *,
    num_bins: int = 60,
    ax: Axes | None = None,
) -> Axes:
    """Histograms of every coordinate: the target filled, the network a line, on the same bins.

    Coordinates are measured from the target's mean in its standard deviations, so that they share
    an axis; beyond six only the first six are drawn. Returns the axes.

    Raises `InputError` if either run has no finite state.
    """
    ax = panel(ax, 45.0, 45.0)
    draw_densities(ax, target, network, TARGET_AND_NETWORK, num_bins=num_bins)
    return ax


def draw_densities(
    ax: Axes, one: Run, other: Run, looks: tuple[Look, Look], *, num_bins: int = 60
) -> None:
    """`densities` of any two runs, under names and in colours of their own."""
    found = marginal_densities(
        finite_states(one.states)[:, :_SHOWN], finite_states(other.states)[:, :_SHOWN],
        num_bins=num_bins,
    )  # fmt: skip
    k, edges = len(found.reference), found.edges
    for i, (p, q) in enumerate(zip(found.reference, found.other, strict=True)):
        top = max(p.max(), q.max())
        level = k - 1 - i
        labels = [look.name if i == 0 else None for look in looks]
        ax.stairs(0.85 * p / top + level, edges, baseline=level, fill=True, label=labels[0],
                  facecolor=mix(looks[0].color, "white", 0.65), edgecolor="none")  # fmt: skip
        ax.stairs(0.85 * q / top + level, edges, baseline=None, label=labels[1],
                  color=looks[1].color, lw=0.9)  # fmt: skip
    ax.set_yticks(
        np.arange(k)[::-1] + 0.25,
        coordinate_names(one.states.shape[-1], one, units=False)[:k],
    )
    ax.set(xlim=(edges[0], edges[-1]), ylim=(-0.03, k), xlabel="($z$ − mean) / s.d.")
    without_y(ax)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 0.98), ncols=2, columnspacing=1.2)
