"""Attractors: one run, or targets beside the networks that embed them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.errors import InputError
from driftmatch.evaluate import drifts
from driftmatch.figures.densities import densities
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.runs import check_run, color_of_run
from driftmatch.figures.parts.style import (
    NETWORK,
    PAGE_WIDTH,
    TARGET,
    Sheet,
    label_panel,
    mix,
    page,
    panel,
    percent,
    shades,
    style,
)
from driftmatch.figures.traces import neuron_traces
from driftmatch.network import Network
from driftmatch.simulation.trajectory import NetworkTrajectory, Run, Trajectory

# Length of line that fills a picture without blackening it, in sides of the picture; against time
# lines run side by side.
_INK = {1: 60.0, 2: 170.0}
# Steps below this, in sides of the picture, are not drawn one by one.
_FINEST = 0.008
_MOST = 20_000  # samples of a trial
_THINNEST = 0.4


class Comparison(NamedTuple):
    """A target and a network that embeds it, with a run of each, and what to call them.

    `drift_error`: ε_f, from the embedding's report, for the title.
    """

    sde: AbstractSDE
    network: Network
    target_run: Trajectory
    network_run: NetworkTrajectory
    label: str
    drift_error: float | None = None


@style()
def attractor(
    run: Run,
    *,
    sde: AbstractSDE | None = None,
    view: View | None = None,
    color: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The states that a run visits.

    One dimension: trajectories in time, with the histogram of all at the side. Two: over the
    streamlines of the drift. Three: a projection, paler with depth. More: the same of the first
    three principal components. As many trajectories as the paper holds are drawn, evenly chosen,
    and each from its beginning to its end.

    - `sde`: what the streamlines are of; a network's run knows its own.
    - `view`: coordinates, limits and direction, for pictures to be compared; see `View.of`.
    - `color`: by default one colour for all targets and another for all networks.

    Returns the axes. Raises `InputError` if no state is finite or the view has other dimensions.
    """
    check_run(run)
    view = View.of(run.states, named=run) if view is None else view
    if run.states.shape[-1] != len(view.centre):
        raise InputError(
            f"the view is of {len(view.centre)} dimensions and the run has {run.states.shape[-1]}"
        )
    color = color or color_of_run(run)
    if sde is None and isinstance(run, NetworkTrajectory):
        sde = run.network
    ax = panel(ax)
    trials, samples, width = _drawn(run.states, view)
    states = run.states[trials][:, samples]
    if view.dim == 1:
        _trace(ax, run.times[samples], states[..., 0], run.states, view, color, width)
    elif view.dim == 2:
        _plane(ax, states, sde, view, color, width)
    else:
        _projection(ax, states, view, color, width)
    return ax


def _drawn(states: Float[np.ndarray, "M T k"], view: View):
    """Which trials and which samples are drawn, from the first to the last, and how wide.

    Fewer trials where the picture cannot hold all of them, a thinner line where it cannot hold one,
    and of the samples none too close to be told apart.
    """
    M, T = states.shape[:2]
    steps = np.linalg.norm(np.diff(view.scaled(states), axis=1), axis=-1)
    long = np.nanquantile(steps, 0.95) if np.isfinite(steps).any() else 1.0
    every = int(np.clip(_FINEST / max(long, 1e-9), 1, max(1, T // 1000)))
    samples = np.append(np.arange(0, T - 1, max(every, T // _MOST)), T - 1)
    steps = np.linalg.norm(np.diff(view.scaled(states[:, samples]), axis=1), axis=-1)
    held = _INK[min(view.dim, 2)] / max(float(np.nansum(steps, axis=1).mean()), 1e-9)
    number = int(np.clip(held, 1, M))
    trials = np.linspace(0, M - 1, number).astype(int) if number > 1 else np.array([0])
    return trials, samples, float(np.clip(held, _THINNEST, 1.0))


def _trace(ax: Axes, times, traces, states, view: View, color, width: float) -> None:
    for trace, shade in zip(traces, shades(color, len(traces)), strict=True):
        ax.plot(times, trace, color=shade, lw=0.5 * width, rasterized=True)
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


def _plane(ax: Axes, states, sde: AbstractSDE | None, view: View, color, width) -> None:
    margin = 0.08 * (view.high - view.low)
    low, high = view.low - margin, view.high + margin
    if sde is not None:
        _streamlines(ax, sde, low, high)
    for one in states:
        ax.plot(*one.T, color=color, lw=0.5 * width, alpha=0.75, rasterized=True, zorder=2)
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


def _projection(ax: Axes, states, view: View, color, width: float) -> None:
    if not ax.has_data():
        view.draw_box(ax)
    points = view.project(states)
    pairs = np.stack([points[:, :-1], points[:, 1:]], axis=2).reshape(-1, 2, 3)
    pairs = pairs[np.isfinite(pairs).all(axis=(1, 2))]
    depth = pairs[:, :, 2].mean(axis=1)
    order = np.argsort(depth)  # what is near covers what is far
    pairs, depth = pairs[order], depth[order]
    near = (depth - depth.min()) / max(np.ptp(depth), 1e-12)
    pale, full = np.array(mix(color, "white", 0.7)), np.array(mix(color, "black", 0.1))
    lines = LineCollection(list(pairs[:, :, :2]), linewidths=0.4 * width, capstyle="round",
                           rasterized=True, colors=pale + near[:, None] * (full - pale),
                           zorder=2)  # fmt: skip
    ax.add_collection(lines, autolim=False)


@style()
def compare_attractors(rows: Sequence[tuple[Any, ...]], *, fig: Sheet | None = None) -> Sheet:
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
        view = View.of(row.target_run.states, row.network_run.states, named=row.sde)
        attractor(row.target_run, ax=axes[0], sde=row.sde, view=view, color=TARGET)
        attractor(row.network_run, ax=axes[1], view=view, color=NETWORK)
        densities(row.target_run, row.network_run, ax=axes[2])
        neuron_traces(row.network_run, 5, ax=axes[3])
        axes[0].set_title(f"{row.label}, target", color=TARGET)
        error = "" if row.drift_error is None else f", $ε_f$ = {percent(row.drift_error)}"
        axes[1].set_title(f"network, $n$ = {row.network.num_neurons}{error}", color=NETWORK)
        label_panel(axes[0], "abcdefghijklmnopqrstuvwxyz"[r % 26])
        if r > 0 and (legend := axes[2].get_legend()) is not None:
            legend.remove()
    fig.axes[3].set_title("rates $φ(x)$ of single neurons")
    return fig
