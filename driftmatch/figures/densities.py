"""Marginal densities of target and network, one above the other."""

import numpy as np
from matplotlib.axes import Axes

from driftmatch.figures.style import NETWORK, TARGET, mix, panel, style, without_y
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory

_SHOWN = 6


@style()
def densities(
    target: Trajectory | NetworkTrajectory,
    network: Trajectory | NetworkTrajectory,
    ax: Axes | None = None,
    *,
    num_bins: int = 60,
) -> Axes:
    """Histograms of every coordinate: the target filled, the network a line, on the same bins.

    Coordinates are measured from the target's mean in its standard deviations, so that they share
    an axis; beyond six only the first six are drawn. Returns the axes.
    """
    ax = panel(ax, 45, 45)
    reference, other = (_finite(run.states) for run in (target, network))
    k = min(reference.shape[1], _SHOWN)
    mean, spread = reference.mean(axis=0), reference.std(axis=0)
    spread[spread == 0] = 1.0
    sets = [((states - mean) / spread)[:, :k] for states in (reference, other)]
    low, high = min(s.min() for s in sets), max(s.max() for s in sets)
    edges = np.linspace(low, high, num_bins + 1)
    for i in range(k):
        p, q = (np.histogram(s[:, i], edges)[0] / len(s) for s in sets)
        top = max(p.max(), q.max())
        level = k - 1 - i
        label = ("target", "network") if i == 0 else (None, None)
        ax.stairs(0.85 * p / top + level, edges, baseline=level, fill=True, label=label[0],
                  facecolor=mix(TARGET, "white", 0.65), edgecolor="none")  # fmt: skip
        ax.stairs(0.85 * q / top + level, edges, baseline=None, color=NETWORK, lw=0.9, label=label[1])
    names = [f"$z_{i + 1}$" for i in range(k)] if k > 1 else ["$z$"]
    ax.set_yticks(np.arange(k)[::-1] + 0.25, names)
    ax.set(xlim=(low, high), ylim=(-0.03, k), xlabel="s.d. from the target's mean")
    without_y(ax)
    return ax


def _finite(states: np.ndarray) -> np.ndarray:
    states = states.reshape(-1, states.shape[-1]).astype(np.float64)
    return states[np.isfinite(states).all(axis=1)]
