"""Attractors: one run, or targets beside the networks that embed them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from driftmatch.errors import InputError
from driftmatch.evaluate import drifts
from driftmatch.figures.densities import densities
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.runs import check_run, color_of_run, finite_states
from driftmatch.figures.parts.style import (
    NETWORK,
    PAGE_WIDTH,
    TARGET,
    label_panel,
    mix,
    page,
    panel,
    percent,
    style,
)
from driftmatch.figures.traces import neuron_traces
from driftmatch.matching.errors import matching_errors
from driftmatch.network import Network
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory

# Length of line that fills a picture without blackening it, in sides of the picture.
_INK = 170.0
# Steps below this, in sides of the picture, are not drawn one by one.
_FINEST = 0.004
_HELD_OUT = 5000


class Comparison(NamedTuple):
    """A target and a network that embeds it, with a run of each, and what to call them.

    `drift_error`: ε_f, from the embedding's report; None to measure it on the target's run.
    """

    sde: AbstractSDE
    network: Network
    target_run: Trajectory
    network_run: NetworkTrajectory
    label: str
    drift_error: float | None = None


@style()
def attractor(
    run: Trajectory | NetworkTrajectory,
    ax: Axes | None = None,
    *,
    sde: AbstractSDE | None = None,
    view: View | None = None,
    color: str | None = None,
) -> Axes:
    """The states that a run visits.

    One dimension: the first trajectory in time, with the histogram of all at the side. Two: the
    trajectories over the streamlines of the drift. Three: a projection, paler with depth. More: the
    same of the first three principal components. Of a long run as much is drawn as the paper holds.

    - `sde`: what the streamlines are of; a network's run knows its own.
    - `view`: coordinates, limits and direction, for pictures to be compared; see `View.of`.
    - `color`: by default one colour for all targets and another for all networks.

    Returns the axes. Raises `InputError` if no state is finite or the view has other dimensions.
    """
    check_run(run)
    view = View.of(run.states) if view is None else view
    if run.states.shape[-1] != len(view.centre):
        raise InputError(
            f"the view is of {len(view.centre)} dimensions and the run has {run.states.shape[-1]}"
        )
    color = color or color_of_run(run)
    if sde is None and isinstance(run, NetworkTrajectory):
        sde = run.network
    ax = panel(ax)
    drawn = _drawn(run, view)
    states = run.states[:, drawn]
    if view.dim == 1:
        _trace(ax, run.times[drawn], states[0, :, 0], run.states, view, color)
    elif view.dim == 2:
        _plane(ax, states, sde, view, color)
    else:
        _projection(ax, states, view, color)
    return ax


def _drawn(run: Trajectory | NetworkTrajectory, view: View) -> slice:
    """The samples to draw: as many as the picture holds, none too close to be told apart."""
    scaled = view.scaled(run.states[:1] if view.dim == 1 else run.states)
    steps = np.linalg.norm(np.diff(scaled, axis=1), axis=-1)
    stop = int(np.searchsorted(np.cumsum(np.nansum(steps, axis=0)), _INK)) + 1
    long = max(float(np.nanquantile(steps[:, :stop], 0.95)), 1e-9)
    every = min(max(1, int(_FINEST / long)), max(1, stop // 1000))
    return slice(0, max(stop, 2), every)


def _trace(ax: Axes, times, trace, states, view: View, color) -> None:
    ax.plot(times, trace, color=color, lw=0.5, rasterized=True)
    (low,), (high,) = view.low, view.high
    margin = 0.05 * (high - low)
    ax.set(xlim=(times[0], times[-1]), ylim=(low - margin, high + margin))
    ax.set(xlabel="time", ylabel=view.names[0])
    _few_ticks(ax)
    side = ax.inset_axes((1.02, 0, 0.22, 1), sharey=ax)
    values = states[np.isfinite(states)]
    side.stairs(*np.histogram(values, 50, (low, high)), orientation="horizontal", fill=True,
                facecolor=mix(color, "white", 0.5), edgecolor="none")  # fmt: skip
    side.axis("off")


def _plane(ax: Axes, states, sde: AbstractSDE | None, view: View, color) -> None:
    margin = 0.08 * (view.high - view.low)
    low, high = view.low - margin, view.high + margin
    if sde is not None:
        _streamlines(ax, sde, low, high)
    for one in states:
        ax.plot(*one.T, color=color, lw=0.5, alpha=0.75, rasterized=True, zorder=2)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set(xlabel=view.names[0], ylabel=view.names[1])
    _few_ticks(ax)


def _few_ticks(ax: Axes) -> None:
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))


def _streamlines(ax: Axes, sde: AbstractSDE, low, high, number: int = 30) -> None:
    x, y = (np.linspace(a, b, number) for a, b in zip(low, high, strict=True))
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    flow = drifts(sde, grid.reshape(-1, 2)).reshape(grid.shape)
    if np.nanmax(np.abs(flow)) > 0:
        ax.streamplot(x, y, flow[..., 0], flow[..., 1], color="#BDBDBD", linewidth=0.45,
                      density=0.8, arrowsize=0.5, zorder=1)  # fmt: skip


def _projection(ax: Axes, states, view: View, color) -> None:
    view.draw_box(ax)
    points = view.project(states)
    pairs = np.stack([points[:, :-1], points[:, 1:]], axis=2).reshape(-1, 2, 3)
    pairs = pairs[np.isfinite(pairs).all(axis=(1, 2))]
    depth = pairs[:, :, 2].mean(axis=1)
    order = np.argsort(depth)  # what is near covers what is far
    pairs, depth = pairs[order], depth[order]
    near = (depth - depth.min()) / max(np.ptp(depth), 1e-12)
    pale, full = np.array(mix(color, "white", 0.7)), np.array(mix(color, "black", 0.1))
    lines = LineCollection(list(pairs[:, :, :2]), linewidths=0.4, capstyle="round", rasterized=True,
                           colors=pale + near[:, None] * (full - pale), zorder=2)  # fmt: skip
    ax.add_collection(lines, autolim=False)


@style()
def compare_attractors(
    rows: Sequence[tuple[Any, ...]],
    fig: Figure | None = None,
) -> Figure:
    """Targets beside their networks, a row each: attractors in one view, marginal densities of
    both, and the rates of five neurons.

    - `rows`: of (sde, network, target_run, network_run, label); see `Comparison`.

    Returns the figure. Raises `InputError` if there are no rows, or no finite states in one.
    """
    rows = [Comparison(*row) for row in rows]
    if not rows:
        raise InputError("there is nothing to compare: rows is empty")
    fig = page(fig, PAGE_WIDTH, 44.0 * len(rows) + 4.0)
    grid = fig.add_gridspec(len(rows), 4, width_ratios=(1.15, 1.15, 0.85, 1.15))
    for r, row in enumerate(rows):
        axes = [fig.add_subplot(grid[r, c]) for c in range(4)]
        view = View.of(row.target_run.states, row.network_run.states)
        attractor(row.target_run, axes[0], sde=row.sde, view=view, color=TARGET)
        attractor(row.network_run, axes[1], view=view, color=NETWORK)
        densities(row.target_run, row.network_run, axes[2])
        neuron_traces(row.network_run, 5, axes[3])
        axes[0].set_title(f"{row.label}, target", color=TARGET)
        axes[1].set_title(
            f"network, $n$ = {row.network.num_neurons}, $ε_f$ = {percent(_drift_error(row))}",
            color=NETWORK,
        )
        label_panel(axes[0], "abcdefghijklmnopqrstuvwxyz"[r % 26])
        if r > 0 and (legend := axes[2].get_legend()) is not None:
            legend.remove()
    fig.axes[3].set_title("rates $φ(x)$ of single neurons")
    return fig


def _drift_error(row: Comparison) -> float:
    if row.drift_error is not None:
        return row.drift_error
    states = finite_states(row.target_run.states)
    some = np.linspace(0, len(states) - 1, min(_HELD_OUT, len(states))).astype(int)
    return matching_errors(row.sde, row.network, states[some]).drift
