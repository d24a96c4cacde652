"""The network and what it is on its subspace: connectivity, perceptron, traces, latent states."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle
from matplotlib.path import Path

from driftmatch.analysis.neurons import lively_neurons
from driftmatch.errors import InputError
from driftmatch.figures.attractors import attractor
from driftmatch.figures.parts.runs import check_run
from driftmatch.figures.parts.style import (
    GREY,
    INK,
    PAGE_WIDTH,
    SIGNS,
    Sheet,
    label_panel,
    page,
    style,
)
from driftmatch.figures.traces import neuron_traces
from driftmatch.network import Network, as_low_rank
from driftmatch.simulation.trajectory import NetworkTrajectory

_NODES = 12  # neurons drawn as circles
_INPUTS = 3  # arrows into each
_ROWS = 32  # neurons drawn as rows of matrices


@style()
def network_schematic(
    network: Network, run: NetworkTrajectory, *, fig: Sheet | None = None
) -> Sheet:
    """What a low-rank network is, drawn from its own numbers, and how it behaves on a run.

    (a) Neurons with the three strongest inputs W_ij of each; W = ΓW_s as a tall matrix times a wide
    one; the same dynamics on the subspace x = Γz + b, a perceptron of two layers with feedback:
    τ ż = −z + W_s φ(Γz + b). Of a larger network the neurons are shown whose rates vary most,
    ordered by the direction of their row of Γ. Each matrix has its own scale of colours; the
    largest 3 % of its entries lie beyond its ends. (b) Rates of five neurons. (c) The same run in
    latent coordinates.

    Returns the figure. Raises `InputError` if the run is not one of this network.
    """
    check_run(run, of_network=True)
    if run.network.gamma.shape != network.gamma.shape:
        raise InputError("the run is of another network: pass simulate's run of this one")
    fig = page(fig, PAGE_WIDTH, 104.0)
    top, bottom = fig.add_gridspec(2, 1, height_ratios=(1, 1))
    top = top.subgridspec(1, 3, width_ratios=(0.85, 1.5, 1.05))
    bottom = bottom.subgridspec(1, 2, width_ratios=(2, 1))
    shown = _ordered(network, lively_neurons(run, _ROWS))
    nodes = shown[np.linspace(0, len(shown) - 1, min(_NODES, len(shown))).astype(int)]
    axes = [fig.add_subplot(top[0, i]) for i in range(3)]
    _draw_neurons(axes[0], network, nodes)
    _draw_product(axes[1], network, shown)
    _draw_perceptron(axes[2], network, nodes[:: max(1, len(nodes) // 6)])
    traces, latent = (fig.add_subplot(bottom[0, i]) for i in range(2))
    neuron_traces(run, 5, ax=traces)
    traces.set_title("rates $φ(x)$ of single neurons")
    attractor(run, ax=latent)
    latent.set_title("latent coordinates $z$")
    label_panel(axes[0], "a", lines=2)
    label_panel(traces, "b")
    label_panel(latent, "c", at_margin=False)
    return fig


def _ordered(network: Network, neurons: np.ndarray) -> np.ndarray:
    """By the direction of their row of Γ, so that like stands beside like."""
    gamma = np.asarray(network.gamma)[neurons] / np.maximum(
        np.asarray(network.gamma)[neurons].std(axis=0), 1e-12
    )
    first = gamma[:, 0]
    second = gamma[:, 1] if network.latent_dim > 1 else network.bias[neurons]
    return neurons[np.argsort(np.arctan2(second, first))]


def _blank(ax: Axes, title: str, equation: str) -> None:
    ax.set_title(f"{title}\n{equation}", linespacing=1.4)
    ax.set_aspect("equal", anchor="N")
    ax.axis("off")


def _normalised(matrix: np.ndarray) -> np.ndarray:
    """In units of the 97th percentile of its sizes, so that no outlier bleaches the rest."""
    return np.clip(matrix / max(float(np.quantile(np.abs(matrix), 0.97)), 1e-300), -1, 1)


def _draw_neurons(ax: Axes, network: Network, neurons: np.ndarray) -> None:
    """Neurons on a ring, each with the strongest inputs that it has from the others."""
    m = len(neurons)
    angles = np.pi / 2 - 2 * np.pi * np.arange(m) / m
    places = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    W = _normalised(np.asarray(network.connectivity.block(neurons, neurons)))
    np.fill_diagonal(W, 0)
    for i, row in enumerate(W):
        for j in np.argsort(-np.abs(row))[: min(_INPUTS, m - 1)]:
            size = abs(row[j])
            ax.add_patch(FancyArrowPatch(
                tuple(places[j]), tuple(places[i]), connectionstyle="arc3,rad=0.18",
                arrowstyle="-|>,head_length=1.8,head_width=1.0", shrinkA=6, shrinkB=6,
                color=SIGNS(0.5 + 0.5 * np.sign(row[j]) * (0.4 + 0.6 * size)),
                lw=0.4 + 1.0 * size, alpha=0.85, zorder=1 + size,
            ))  # fmt: skip
    for x, y in places:
        ax.add_patch(Circle((x, y), 0.12, facecolor="white", edgecolor=INK, lw=0.8, zorder=3))
    ax.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2))
    _blank(ax, f"$n$ = {network.num_neurons} neurons", r"$τ\,\dot{x} = -x + Wφ(x) + b$")


def _draw_product(ax: Axes, network: Network, neurons: np.ndarray) -> None:
    """W = Γ W_s of these neurons, with cells of k drawn wider than cells of n."""
    network = as_low_rank(network)
    gamma, readout = np.asarray(network.gamma)[neurons], np.asarray(network.readout)[:, neurons]
    m, k = gamma.shape
    side, depth = 1.0, min(0.45, 0.09 * k)
    gap = 0.22
    corners = {"W": (0.0, 0.0, side, side, gamma @ readout, "$W$", "$n × n$")}
    left = side + gap
    corners["gamma"] = (left, 0.0, depth, side, gamma, "$Γ$", "$n × k$")
    left += depth + 0.6 * gap
    corners["readout"] = (left, (side - depth) / 2, side, depth, readout, "$W_s$", "$k × n$")
    for x, y, width, height, matrix, name, size in corners.values():
        ax.imshow(_normalised(matrix), cmap=SIGNS, vmin=-1, vmax=1, interpolation="nearest",
                  extent=(x, x + width, y, y + height), aspect="equal")  # fmt: skip
        ax.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=INK, lw=0.5))
        ax.text(x + width / 2, y + height + 0.04, name, ha="center", va="bottom")
        ax.text(x + width / 2, y - 0.05, size, ha="center", va="top", color=GREY, fontsize=7)
    ax.text(side + gap / 2, 0.5, "=", ha="center", va="center", fontsize=9)
    ax.text(left - 0.3 * gap, 0.5, "·", ha="center", va="center", fontsize=9)
    right = left + side
    ax.set(xlim=(-0.02, right + 0.02), ylim=(-0.3, 1.2))
    bar = ax.inset_axes((right - 0.75, -0.2, 0.5, 0.035), transform=ax.transData)
    bar.imshow(np.linspace(-1, 1, 64)[None], cmap=SIGNS, aspect="auto", extent=(-1, 1, 0, 1))
    bar.set(yticks=[], xticks=[-1, 0, 1], xticklabels=["−", "0", "+"])
    bar.tick_params(length=1.5, pad=1)
    ax.text(0, -0.2, f"{m} of {network.num_neurons} neurons", fontsize=7, color=GREY, va="center")
    _blank(ax, f"connectivity of rank $k$ = {k}", "$W = ΓW_s$")


def _draw_perceptron(ax: Axes, network: Network, neurons: np.ndarray) -> None:
    """z → Γz + b → φ → W_s → z, with weights in colour and the feedback underneath."""
    latent = min(network.latent_dim, 5)
    gamma = _normalised(np.asarray(network.gamma)[neurons][:, :latent])
    readout = _normalised(np.asarray(network.readout)[:latent][:, neurons])
    rows = np.linspace(1, -1, len(neurons) + 1)
    dots, rows = rows[-2], np.delete(rows, -2)
    ends = 0.55 * (np.arange(latent)[::-1] - (latent - 1) / 2) / max(1, (latent - 1) / 3)
    for j, z in enumerate(ends):
        for i, h in enumerate(rows):
            _edge(ax, (0, z), (1.2, h), gamma[i, j])
            _edge(ax, (1.2, h), (2.4, z), readout[j, i])
    ax.text(1.2, dots, "⋮", ha="center", va="center")
    for x, heights, face in ((0, ends, INK), (1.2, rows, "white"), (2.4, ends, INK)):
        for y in heights:
            ax.add_patch(Circle((x, y), 0.09, facecolor=face, edgecolor=INK, lw=0.8, zorder=3))
    for x, y, text in (
        (-0.2, 0, "$z$"),
        (0.45, 1.02, "$Γz + b$"),
        (1.95, 1.02, "$W_s$"),
        (1.2, 1.2, "$φ$"),
    ):
        ax.text(x, y, text, ha="right" if x < 0 else "center", va="center")
    foot = ends[-1] - 0.14
    corners = [(2.4, foot), (2.4, -1.35), (2.2, -1.35), (0.2, -1.35), (0.0, -1.35), (0.0, foot)]
    curve = [Path.MOVETO, Path.CURVE3, Path.CURVE3, Path.LINETO, Path.CURVE3, Path.CURVE3]
    ax.add_patch(FancyArrowPatch(path=Path(corners, curve), color=INK, lw=0.8,
                                 arrowstyle="-|>,head_length=3,head_width=1.5"))  # fmt: skip
    ax.text(1.2, -1.4, "feedback", ha="center", va="top", color=GREY, fontsize=7)
    ax.set(xlim=(-0.5, 2.7), ylim=(-1.7, 1.35))
    _blank(ax, "on its subspace, a perceptron", r"$τ\,\dot{z} = -z + W_s φ(Γz + b)$")


def _edge(ax: Axes, start, stop, weight: float) -> None:
    size = abs(weight)
    color = SIGNS(0.5 + 0.5 * np.sign(weight) * (0.3 + 0.7 * size))
    ax.plot(*np.transpose([start, stop]), color=color, lw=0.4 + 0.9 * size, zorder=1 + size)
