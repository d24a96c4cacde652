"""Activity of single neurons in time."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from driftmatch.analysis.neurons import rates, telling_neurons
from driftmatch.errors import InputError
from driftmatch.figures.parts.runs import check_run
from driftmatch.figures.parts.style import NETWORK, panel, shades, style, without_y
from driftmatch.simulation.trajectory import NetworkTrajectory


@style()
def neuron_traces(
    run: NetworkTrajectory,
    neurons: int | Sequence[int] = 5,
    *,
    duration: float | None = None,
    color: str = NETWORK,
    ax: Axes | None = None,
) -> Axes:
    """The rates φ(x_i) of a few neurons on the first trajectory, one above the other.

    - `neurons`: their indices, or how many to choose: those that vary much and differ most.
    - `duration`: how much of the run is shown; by default some sixty characteristic times.

    All share one scale, given by a bar at the right. Returns the axes.
    Raises `InputError` for an index that does not exist.
    """
    check_run(run, of_network=True)
    network = run.network
    if duration is None:
        duration = 60 * network.time_scale if network.time_scale else np.inf
    stop = max(2, int(np.searchsorted(run.times, duration, side="right")))
    if isinstance(neurons, int):
        chosen = telling_neurons(run, neurons, stop)
    else:
        chosen = np.asarray(neurons)
    if chosen.size == 0 or not np.all((chosen >= 0) & (chosen < network.num_neurons)):
        raise InputError(
            f"neurons must be indices from 0 to {network.num_neurons - 1}, got {list(chosen)}"
        )
    drawn = rates(run, slice(stop), chosen)
    ax = panel(ax, 90.0, 45.0)
    middles = (np.nanmax(drawn, axis=0) + np.nanmin(drawn, axis=0)) / 2
    spans = np.nanmax(drawn, axis=0) - np.nanmin(drawn, axis=0)
    spacing = 1.2 * max(float(spans.max()), 1e-12)
    levels = spacing * np.arange(len(chosen))[::-1]
    for rate, middle, level, shade in zip(
        drawn.T, middles, levels, shades(color, len(chosen)), strict=True
    ):
        ax.plot(run.times[:stop], rate - middle + level, color=shade, lw=0.8)
    ax.set_yticks(levels, [f"{i}" for i in chosen])
    ax.set(xlim=(0, run.times[stop - 1]), ylim=(-0.55 * spacing, levels[0] + 0.55 * spacing))
    ax.set(xlabel="time", ylabel="neuron")
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    without_y(ax)
    _scale_bar(ax, float(spans.max()))
    return ax


def _scale_bar(ax: Axes, span: float) -> None:
    """A vertical bar of a round length up to `span`, right of the axes."""
    if span <= 0:
        return
    power = 10.0 ** np.floor(np.log10(span))
    length = max(m * power for m in (1, 2, 5) if m * power <= span)
    bottom = ax.get_ylim()[0]
    over = ax.get_yaxis_transform()
    ax.plot([1.02, 1.02], [bottom, bottom + length], color="k", lw=1, transform=over, clip_on=False)
    ax.text(1.035, bottom + length / 2, f"{length:g}", transform=over, va="center", ha="left")
