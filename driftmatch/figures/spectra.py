"""Power spectra of target and network, one above the other."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from driftmatch.analysis.spectra import power_spectrum
from driftmatch.errors import InputError
from driftmatch.figures.parts.runs import coordinate_names
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
_DECADES = 4.0


@style()
def spectra(
    target: Run,
    network: Run,
    *,
    smoothing: float = 4.0,
    ax: Axes | None = None,
) -> Axes:
    """The power spectrum of every coordinate against frequency, both axes logarithmic.

    Of each the upper four decades are drawn, the target as a broad line under the network's.
    `smoothing`: in bins, see `power_spectrum`. Beyond six coordinates only the first six are drawn.
    Returns the axes.

    Raises `InputError` if no trajectory of one is finite throughout.
    """
    ax = panel(ax, 45.0, 45.0)
    draw_spectra(ax, target, network, TARGET_AND_NETWORK, smoothing=smoothing)
    return ax


def draw_spectra(
    ax: Axes, one: Run, other: Run, looks: tuple[Look, Look], *, smoothing: float = 4.0
) -> None:
    """`spectra` of any two runs, under names and in colours of their own."""
    k = min(one.states.shape[-1], _SHOWN)
    broad = {"color": mix(looks[0].color, "white", 0.5), "lw": 2.4, "label": looks[0].name}
    thin = {"color": looks[1].color, "lw": 0.8, "label": looks[1].name}
    frequencies = np.fft.rfftfreq(len(one.times), one.times[1] - one.times[0])
    last = 1
    for run, look in ((one, broad), (other, thin)):
        states = run.states[np.isfinite(run.states).all(axis=(1, 2))]
        if len(states) == 0:
            raise InputError("there is nothing to draw: no trajectory is finite throughout")
        power = power_spectrum(states, smoothing=smoothing)[1:, :k]
        frequency = np.fft.rfftfreq(len(run.times), run.times[1] - run.times[0])[1:]
        density = power / (frequency[1] - frequency[0])
        height = np.log10(density / density.max(axis=0)) / _DECADES + 1
        last = max(last, int(np.max(np.flatnonzero((height > 0).any(axis=1)), initial=1)))
        for i in range(k):
            shown = np.where(height[:, i] > 0, 0.85 * height[:, i], np.nan)
            ax.plot(frequency, shown + k - 1 - i, **look)
            look = {key: value for key, value in look.items() if key != "label"}
    ax.set_xscale("log")
    ax.xaxis.set_minor_formatter(NullFormatter())
    names = coordinate_names(one.states.shape[-1], one, units=False)[:k]
    ax.set_yticks(np.arange(k)[::-1] + 0.4, names)
    ax.set(xlim=(frequencies[1], frequencies[min(last + 1, len(frequencies) - 1)]))
    ax.set(ylim=(-0.05, k), xlabel="frequency")
    without_y(ax)
