"""What the symmetric and the asymmetric part of a network do: energy, fields and a run."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from driftmatch.analysis.symmetry import SymmetryDecomposition
from driftmatch.analysis.symmetry_roles import SymmetryRoles, symmetry_roles
from driftmatch.errors import InputError
from driftmatch.figures.attractors import attractor
from driftmatch.figures.parts.isosurfaces import isosurfaces
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.runs import check_run, finite_states, spoken
from driftmatch.figures.parts.streams import lattice, sizes, streams
from driftmatch.figures.parts.style import (
    ENERGY,
    GREY,
    NETWORK,
    PAGE_WIDTH,
    PALE,
    Sheet,
    label_panel,
    mix,
    page,
    percent,
    style,
)
from driftmatch.simulation.trajectory import Run, Trajectory

SYMMETRIC = "#0B5C46"
ASYMMETRIC = "#4B1D70"
_LEVELS = (0.05, 0.5, 0.95)  # of the energies that a run visits
_RUN = "#5A5A5A"
_STATES = 4000
_MARGIN = 0.08  # of the limits, beyond which nothing in the plane is drawn


@style()
def symmetry(
    decomposition: SymmetryDecomposition,
    run: Run,
    *,
    label: str | None = None,
    view: View | None = None,
    fig: Sheet | None = None,
) -> Sheet:
    """One network taken apart: its drift with a run, its latent energy, and the two fields that add
    up to the drift.

    One dimension: curves over the histogram of visited states. Two: streamlines over contours of
    the energy, wider where a part is larger. Three: the run among three level surfaces of the
    energy, that of the median visited state and those that 5 % and 95 % lie below; arrows at
    visited states, the longest cut. More: the same in the first three principal components, with
    the energy on the slice through the mean that they span. Both parts are drawn on one scale. Dark
    is low energy.

    Above the panels: the share ‖W₋‖²/‖W‖²; the fraction of the visited states where g₊ descends the
    latent energy; how fast each part pushes away from the middle of the visited states, in units of
    the state's speed, and which share of the motion it drives (`symmetry_roles`).

    - `decomposition`: what ``driftmatch.symmetry`` returned.
    - `run`: of the network, by ``simulate``; the numbers are means over it.
    - `label`: what to call the network, by default its name.

    Returns the figure. Raises `InputError` if the run has another dimension than the network.
    """
    name = spoken(decomposition.network.name) if label is None else label
    return _sheet({name: (decomposition, run)}, view, fig)


@style()
def symmetry_sheet(
    rows: Mapping[str, tuple[SymmetryDecomposition, Run]], *, fig: Sheet | None = None
) -> Sheet:
    """Several networks taken apart, a row each, as `symmetry` draws one.

    - `rows`: {name: (decomposition, run)}.

    Returns the figure. Raises `InputError` if there are no rows.
    """
    if not rows:
        raise InputError("there is nothing to draw: rows is empty")
    return _sheet(rows, None, fig)


def _sheet(rows: Mapping, view: View | None, fig: Sheet | None) -> Sheet:
    for name, (decomposition, run) in rows.items():
        check_run(run)
        k = decomposition.network.latent_dim
        if run.states.shape[-1] != k:
            raise InputError(
                f"the network {name} has {k} latent dimensions and its run {run.states.shape[-1]}: "
                "pass simulate's run of this network"
            )
    fig = page(fig, PAGE_WIDTH, 46.0 * len(rows) + 12.0)
    grid = fig.add_gridspec(len(rows), 4)
    for r, (name, (decomposition, run)) in enumerate(rows.items()):
        axes = [fig.add_subplot(grid[r, c]) for c in range(4)]
        _row(
            axes, decomposition, run, View.of(run.states, named=run) if view is None else view, name
        )
        if len(rows) > 1:
            label_panel(axes[0], "abcdefghijklmnopqrstuvwxyz"[r % 26], lines=2)
    return fig


def _row(axes: list[Axes], parts: SymmetryDecomposition, run: Run, view: View, name: str) -> None:
    states = finite_states(run.states)
    states = states[np.linspace(0, len(states) - 1, min(_STATES, len(states))).astype(int)]
    draw = {1: _curves, 2: _plane, 3: _space}[view.dim]
    draw(axes, parts, run, view, states)
    roles = symmetry_roles(parts, run.states)
    network = parts.network
    titles = (
        f"{name}, $n$ = {network.num_neurons}",
        "latent energy $E$",
        "symmetric part $g_+$",
        "asymmetric part $g_-$",
    )
    for ax, title, numbers in zip(axes, titles, _numbers(parts, roles), strict=True):
        ax.set_title(title, pad=16)
        ax.annotate(numbers, (0.5, 1), xytext=(0, 4), xycoords="axes fraction", color=GREY,
                    textcoords="offset points", ha="center", va="bottom", fontsize=7)  # fmt: skip


def _numbers(parts: SymmetryDecomposition, roles: SymmetryRoles) -> list[str]:
    pushes = [
        f"outward {_round(outward, 2):+.2f}, drives {_round(100 * motion, 0):.0f} %"
        for outward, motion in zip(roles.outward, roles.motion, strict=True)
    ]
    return [
        rf"$‖W_-‖^2/‖W‖^2$ = {parts.asymmetry:.2f}",
        f"$g_+$ descends at {percent(roles.descending_fraction)}",
        *(text.replace("-", "−") for text in pushes),
    ]


def _round(value: float, digits: int) -> float:
    """Without a sign if nothing is left of the value."""
    return round(value, digits) + 0.0


def _curves(axes, parts, run, view, states) -> None:
    low, high = view.low[0], view.high[0]
    margin = _MARGIN * (high - low)
    z = np.linspace(low - margin, high + margin, 400)[:, None]
    g = parts.symmetric(z), parts.asymmetric(z)
    values = [(g[0] + g[1])[:, 0], parts.latent_energy(z), g[0][:, 0], g[1][:, 0]]
    colors = NETWORK, mix(ENERGY(0.0), "white", 0), SYMMETRIC, ASYMMETRIC
    for ax, value, color in zip(axes, values, colors, strict=True):
        back = ax.twinx()
        back.hist(states[:, 0], 40, density=True, color=PALE, alpha=0.6)
        back.axis("off")
        ax.set_zorder(back.get_zorder() + 1)
        ax.patch.set_visible(False)
        if ax is not axes[1]:
            ax.axhline(0, color=GREY, lw=0.5)
        ax.plot(z[:, 0], value, color=color)
        ax.set(xlabel=view.names[0], xlim=(z[0, 0], z[-1, 0]))
    axes[0].set_ylabel("$z$ per unit time")
    heights = np.array([axes[i].get_ylim() for i in (0, 2, 3)])
    for i in (0, 2, 3):
        axes[i].set_ylim(heights.min(), heights.max())


def _plane(axes, parts, run, view, states) -> None:
    attractor(_plain(run), ax=axes[0], view=view, sde=parts.network, color=NETWORK)
    window = _widened(view)
    lines = [np.linspace(*ends, 80) for ends in zip(window.low, window.high, strict=True)]
    energy = parts.latent_energy(lattice(window, 80)).reshape(80, 80).T
    for ax, strength in zip(axes[1:], (1.0, 0.3, 0.3), strict=True):
        _contours(ax, lines, energy, strength)
    attractor(_plain(run), ax=axes[1], view=view, color=_RUN)
    full_length = _common_size(axes, parts, window, states)
    for ax, field, color in _fields(axes, parts):
        attractor(_plain(run), ax=ax, view=view, color=GREY)
        streams(ax, field, window, color=color, linewidth=0.4, full_length=full_length)


def _contours(ax: Axes, lines, energy, strength: float) -> None:
    """Filled ones, paler for a smaller strength; the highest tenth of the picture is one colour."""
    low, top = np.min(energy), np.quantile(energy, 0.9)
    if top <= low:
        return
    levels = np.linspace(low, top, 14)
    shades = [mix("white", color, strength) for color in ENERGY(np.linspace(0, 1, len(levels)))]
    ax.contourf(*lines, energy, levels, colors=shades, extend="max", zorder=0)
    edge = mix("white", ENERGY(0.25), 0.5 + 0.3 * strength)
    ax.contour(*lines, energy, levels, colors=[edge], linewidths=0.35, linestyles="-", zorder=0.5)


def _space(axes, parts, run, view, states) -> None:
    attractor(_plain(run), ax=axes[0], view=view, color=NETWORK)
    attractor(_plain(run), ax=axes[1], view=view, color=_RUN)
    levels = np.quantile(parts.latent_energy(states), _LEVELS)
    isosurfaces(axes[1], parts.latent_energy, view, levels, [ENERGY(c) for c in (0.0, 0.4, 0.7)])
    full_length = _common_size(axes, parts, view, states)
    for ax, field, color in _fields(axes, parts):
        attractor(_plain(run), ax=ax, view=view, color=PALE)
        streams(ax, field, view, at=states, color=color, spacing=0.16, full_length=full_length)


def _fields(axes, parts):
    """The panel, the field and the colour of either part."""
    fields = parts.symmetric, parts.asymmetric
    return list(zip(axes[2:], fields, (SYMMETRIC, ASYMMETRIC), strict=True))


def _common_size(axes, parts, view, states) -> float:
    """What the longest arrows stand for in both fields."""
    both = [sizes(field, view, states) for _, field, _ in _fields(axes, parts)]
    return float(np.quantile(both, 0.9))


def _widened(view: View) -> View:
    margin = _MARGIN * (view.high - view.low)
    return replace(view, low=view.low - margin, high=view.high + margin)


def _plain(run: Run) -> Trajectory:
    """The run without its network, and so without streamlines of its drift."""
    return Trajectory(run.times, run.states, run.outcome, run.name, run.dt)
