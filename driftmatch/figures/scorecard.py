"""One embedding on one sheet: densities, spectra, Lyapunov exponents, distances, errors, basins."""

import numpy as np
from matplotlib.axes import Axes

from driftmatch.analysis.compare import Scorecard
from driftmatch.figures.densities import densities
from driftmatch.figures.lyapunov import rounded
from driftmatch.figures.parts.style import (
    GREY,
    NETWORK,
    PAGE_WIDTH,
    PALE,
    TARGET,
    Sheet,
    page,
    percent,
    style,
)
from driftmatch.figures.spectra import spectra
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory


@style()
def scorecard(
    card: Scorecard,
    target_run: Trajectory,
    network_run: NetworkTrajectory,
    *,
    fig: Sheet | None = None,
) -> Sheet:
    """What `compare` found, beside the densities and spectra of a run of each.

    Distances are drawn as multiples of their floors, the same distances between runs of the target:
    1 is as good as it gets. Fractions of starts and paths stand with their 95 % intervals.
    Returns the figure.
    """
    fig = page(fig, PAGE_WIDTH, 56.0)
    grid = fig.add_gridspec(1, 4, width_ratios=(1, 1, 0.95, 1.3))
    axes = [fig.add_subplot(grid[0, i]) for i in range(3)]
    densities(target_run, network_run, ax=axes[0])
    spectra(target_run, network_run, ax=axes[1])
    axes[1].set_title("power spectra")
    _exponents(axes[2], card)
    right = grid[0, 3].subgridspec(2, 1, height_ratios=(1, 1.25))
    _distances(fig.add_subplot(right[0]), card)
    _numbers(fig.add_subplot(right[1]), card)
    return fig


def _exponents(ax: Axes, card: Scorecard) -> None:
    index = np.arange(1, len(card.lyapunov_target) + 1)
    ax.axhline(0, color=PALE, lw=0.6, zorder=0)
    for shift, color, name in ((-0.14, TARGET, "target"), (0.14, NETWORK, "network")):
        values = np.asarray(getattr(card, f"lyapunov_{name}"))
        errors = np.asarray(getattr(card, f"lyapunov_{name}_error"))
        ax.errorbar(index + shift, values, errors, fmt="o", ms=3, color=color, lw=0.8, label=name)
        for i, value, error in zip(index[:4], values, errors, strict=False):
            up = 1 if name == "target" else -1
            ax.annotate(rounded(value, error), (i, value), xytext=(0, 5 * up), fontsize=7,
                        textcoords="offset points", color=color, ha="center",
                        va="bottom" if up > 0 else "top",
                        bbox={"fc": "white", "ec": "none", "pad": 0.3})  # fmt: skip
    ax.margins(y=0.16)
    ax.set_xticks(index, [f"$λ_{{{i}}}$" for i in index] if len(index) <= 8 else None)
    ax.set(xlim=(0.4, len(index) + 0.6), title="Lyapunov exponents", ylabel="nats per unit time")


def _distances(ax: Axes, card: Scorecard) -> None:
    names = {
        "state_space_divergence": "density $D_{stsp}$",
        "spectrum_distance": "spectrum $D_H$",
        "sliced_wasserstein": "Wasserstein",
    }
    values = np.array([(getattr(card, name), getattr(card, f"{name}_floor")) for name in names])
    ratios = np.divide(*values.T, out=np.full(len(names), np.nan), where=values[:, 1] > 0)
    rows = np.arange(len(names))[::-1]
    ax.axvline(1, color=GREY, lw=0.6, ls=(0, (3, 2)), zorder=0)
    drawn = np.where(np.isfinite(ratios), ratios, 1.0)
    ax.hlines(rows, 1, drawn, color=NETWORK, lw=0.8)
    ax.plot(np.where(np.isfinite(ratios), ratios, np.nan), rows, "o", color=NETWORK, ms=3.5)
    for row, ratio, at in zip(rows, ratios, np.maximum(drawn, 1.0), strict=True):
        ax.annotate("not known" if np.isnan(ratio) else f"{ratio:.2f}", (at, row), xytext=(6, 0),
                    textcoords="offset points", va="center", fontsize=7)  # fmt: skip
    ax.set_yticks(rows, list(names.values()))
    ax.tick_params(axis="y", length=0)
    top = max(2.0, 1.25 * drawn.max())
    ax.set(xlim=(0, top), ylim=(-0.5, len(names) - 0.5), title="distance / floor")


def _numbers(ax: Axes, card: Scorecard) -> None:
    lines = {
        "drift error $ε_f$": percent(card.drift_error),
        "noisy drift error": percent(card.noisy_drift_error),
        "local error $ε_ℓ$": percent(card.local_error),
        "diffusion error $ε_D$": percent(card.diffusion_error),
        "spurious starts": _share(card.spurious_fraction, card.spurious_interval),
        "escaped paths": _share(card.escaped_fraction, card.escaped_interval),
    }
    rows = np.arange(len(lines))[::-1]
    ax.set_yticks(rows, list(lines))
    for row, value in zip(rows, lines.values(), strict=True):
        ax.text(0.02, row, value, va="center", fontsize=7)
    ax.set(xlim=(0, 1), ylim=(-0.5, len(lines) - 0.5), xticks=[])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _share(value: float | None, interval: tuple[float, float] | None) -> str:
    """A fraction with its 95 % interval."""
    if value is None or interval is None:
        return "not known"
    low, high = (float(f"{100 * end:.2g}") for end in interval)
    return f"{percent(value)} ({low:g} to {high:g})"
