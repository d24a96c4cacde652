"""Sequential memory on one sheet: a walk through wells, its order and what it dissipates."""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from driftmatch.analysis.irreversibility.marginals import held, window_of
from driftmatch.errors import InputError
from driftmatch.figures.attractors import attractor
from driftmatch.figures.curves import share
from driftmatch.figures.dwell import jump_rates, survival, transitions, turns, visits
from driftmatch.figures.irreversibility import rate
from driftmatch.figures.parts.intervals import color_of
from driftmatch.figures.parts.planes import density_bar, frame, shade
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.runs import coordinate_names, only
from driftmatch.figures.parts.style import GREY, INK, PAGE_WIDTH, Sheet, label_panel, page, style
from driftmatch.figures.parts.surfaces import number
from driftmatch.figures.traces import neuron_traces
from driftmatch.figures.walk_curve import walk_curve
from driftmatch.memory.sequential import Walk, WalkCurve
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory

_TURNS = 2.0  # that the trajectory drawn over the density makes, about
_NEURONS = 5
_JUMPS = 20  # in the traces, about
_HEIGHTS = (67.0, 50.0, 50.0)  # mm
_CURVE = 44.0
_MOST_REGIONS = 20
_ROOM = 0.06  # of the picture, for numbers


@style()
def walk(
    walks: Mapping[str, Walk],
    *,
    theory: float | None = None,
    curves: WalkCurve | Mapping[str, WalkCurve] | None = None,
    fig: Sheet | None = None,
) -> Sheet:
    """Walks through memories, those of target (blue) and network (vermilion) side by side.

    - A trajectory of about two turns over the stationary density in grey, with the regions by
      number; beyond two dimensions a projection of it. Above: the fraction of jumps in order, the
      entropy production rate. Beside it: `turns`.
    - The region in time of one trajectory each (`visits`), and the rates of five neurons.
    - `survival` of visits, `transitions`, `jump_rates`.
    - Optionally all of it against torque, noise or another parameter (`walk_curve`).

    **Arguments**

    - `walks`: {"target": walk, "network": walk}, or one of them.
    - `theory`: ln(k₊/k₋) as it should be; by default that of local detailed balance, 2πRF/(mD), for
      `ring_of_wells`.
    - `curves`: what ``walk_curve`` returned, or {name: that} of several parameters.

    Returns the figure. Raises `InputError` for fewer than three memories, which have no order.
    """
    _check(walks)
    rows = [curves] if isinstance(curves, WalkCurve) else list((curves or {}).values())
    heights = [*_HEIGHTS, *[_CURVE] * len(rows)]
    fig = page(fig, PAGE_WIDTH, sum(heights))
    strips = np.atleast_1d(np.asarray(fig.subfigures(len(heights), 1, height_ratios=heights)))
    dwells = {name: walk.dwell for name, walk in walks.items()}
    _states(strips[0], walks)
    _in_time(strips[1], walks)
    if theory is None:
        known = [walk.expected_log_rate_ratio for walk in walks.values()]
        theory = next((value for value in known if value is not None), None)
    _statistics(strips[2], dwells, theory)
    for strip, curve in zip(strips[3:], rows, strict=True):
        walk_curve(curve, fig=strip)
    for strip, letter in zip(strips, "abcdefgh", strict=False):
        label_panel(strip.axes[0], letter)
    return fig


def _check(walks) -> None:
    if not isinstance(walks, Mapping) or not walks:
        raise InputError('pass a dictionary such as {"target": walk, "network": walk}')
    for walk in walks.values():
        if not isinstance(walk, Walk):
            raise InputError(f"pass what walk returned, got {type(walk).__name__}")
        if len(walk.dwell.regions) < 3:
            raise InputError(
                f"an order of visits needs at least three memories, {walk.name} has "
                f"{len(walk.dwell.regions)}: draw figures.survival and figures.jump_rates of it"
            )
    shapes = {walk.dwell.regions.centres.shape for walk in walks.values()}
    if len(shapes) > 1:
        raise InputError(f"walks must be through regions of one shape, got {sorted(shapes)}")


def _states(part, walks: Mapping[str, Walk]) -> None:
    axes = part.subplots(1, len(walks) + 1, width_ratios=[1] * len(walks) + [0.9])
    runs = {
        name: only(walk.trajectory, 0, walk.dwell.duration_of(_TURNS * len(walk.dwell.regions)))
        for name, walk in walks.items()
    }
    view = View.of(*(run.states for run in runs.values()),
                   *(walk.dwell.regions.centres for walk in walks.values()),
                   named=next(iter(runs.values())))  # fmt: skip
    for ax, (name, walk) in zip(axes, walks.items(), strict=False):
        path(ax, walk, runs[name], view, color=color_of(name))
        order = f"{share(walk.dwell.in_order_fraction)} in order"
        order = order if len(walk.dwell.jumps) else "no jump"
        note = order
        if walk.irreversibility is not None:
            note += rf", $\dot σ$ = {rate(walk.irreversibility)}"
        ax.set_title(name, color=color_of(name), pad=16)
        ax.annotate(note, (0.5, 1), xytext=(0, 4), xycoords="axes fraction", color=GREY,
                    textcoords="offset points", ha="center", va="bottom",
                    fontsize=7).set_in_layout(False)  # fmt: skip
    turns({name: walk.dwell for name, walk in walks.items()}, ax=axes[-1])
    axes[-1].set_box_aspect(0.9)


def path(ax: Axes, walk: Walk, run, view: View, *, color) -> None:
    """A trajectory over the density of two dimensions, or in the view, with numbered regions."""
    regions, dissipation = walk.dwell.regions, walk.irreversibility
    density = None if dissipation is None else dissipation.stationary
    if regions.dim != 2 or density is None:
        plain = Trajectory(run.times, run.states, run.outcome, run.name, run.dt)
        attractor(plain, ax=ax, view=view, color=color)
    else:
        low, high = window_of(density.grid, held(density.density))
        image = shade(ax, density.grid, density.density)
        density_bar(ax, image, coordinate_names(2, run))
        for z in run.states:
            ax.plot(*z.T, color=color, lw=0.5, alpha=0.8, rasterized=True, zorder=2)
        room = _ROOM * (high - low)
        low, high = np.minimum(low - room, view.low), np.maximum(high + room, view.high)
        frame(ax, low, high, coordinate_names(2, run))
    if len(regions) <= _MOST_REGIONS:
        mark_regions(ax, regions, view)


def mark_regions(ax: Axes, regions, view: View) -> None:
    """Their balls in two dimensions, and their numbers, on the side away from the middle."""
    middle = regions.centres.mean(axis=0)
    for j, (centre, radius) in enumerate(zip(regions.centres, regions.radii, strict=True)):
        if view.dim == 1:
            ax.axhline(centre[0], color=INK, lw=0.5, ls=(0, (2, 2)), zorder=3)
            at, side = np.array([ax.get_xlim()[1], centre[0]]), (-1, 1)
        elif view.dim == 2 and regions.dim == 2:
            ax.add_patch(Circle(tuple(centre), radius, fill=False, ec=INK, lw=0.6, zorder=3))
            away = centre - middle
            at = centre + radius * away / max(float(np.linalg.norm(away)), 1e-12)
            side = _side(away)
        else:
            at = view.project(centre)[:2] if view.dim == 3 else centre @ view.basis
            side = _side(at - (view.project(middle)[:2] if view.dim == 3 else middle @ view.basis))
            ax.plot(*at, "o", ms=3, color=INK, mec="white", mew=0.4, zorder=4)
        number(ax, j, at, side=side)


def _side(offset) -> tuple[int, int]:
    """Where it points: of right and up, what is not small beside the other."""
    right, up = np.sign(offset) * (np.abs(offset) > 0.4 * np.abs(offset).max())
    return (int(right), int(up)) if right or up else (1, 1)


def _in_time(part, walks: Mapping[str, Walk]) -> None:
    duration = min(walk.dwell.duration_of(_JUMPS) for walk in walks.values())
    runs = [w.trajectory for w in walks.values() if isinstance(w.trajectory, NetworkTrajectory)]
    axes = np.atleast_1d(part.subplots(1, 2 if runs else 1))
    visits({name: walk.dwell for name, walk in walks.items()}, ax=axes[0], duration=duration)
    axes[0].set_title("well in which one trajectory is")
    if runs:
        neuron_traces(runs[0], min(_NEURONS, runs[0].network.num_neurons), ax=axes[1],
                      duration=duration)  # fmt: skip
        axes[1].set_title("rates of neurons on the same trajectory")


def _statistics(part, dwells: Mapping, theory: float | None) -> None:
    panels: list[tuple[float, Callable[[Axes], object]]] = []
    complete = {name: dwell for name, dwell in dwells.items() if len(dwell.dwell_times())}
    if complete:
        panels.append((1.0, lambda ax: survival(complete, ax=ax)))
    for name, dwell in dwells.items():
        panels.append((0.85, lambda ax, d=dwell, n=name: _matrix(ax, d, n)))
    panels.append((1.0, lambda ax: _rates(ax, dwells, theory)))
    axes = part.subplots(1, len(panels), width_ratios=[width for width, _ in panels])
    for ax, (_, draw) in zip(np.atleast_1d(axes), panels, strict=True):
        draw(ax)


def _matrix(ax: Axes, dwell, name: str) -> None:
    transitions(dwell, ax=ax, name=name)
    ax.set_title(f"jumps of the {name}, %", color=color_of(name))


def _rates(ax: Axes, dwells: Mapping, theory: float | None) -> None:
    jump_rates(dwells, ax=ax, theory=theory)
    if theory is not None:
        ax.set_xlabel(rf"dashed: $\ln(k_+/k_-)$ = {theory:.3g}", color=GREY)
