"""Associative memory on one sheet: the landscape tilted and released, trials, neurons, success."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from driftmatch.errors import InputError
from driftmatch.figures.curves import capacity as draw_capacity
from driftmatch.figures.curves import recall_curve, success
from driftmatch.figures.landscape import mark_path
from driftmatch.figures.parts.runs import coordinate_names, only
from driftmatch.figures.parts.style import (
    ENERGY,
    GREY,
    NETWORK,
    PAGE_WIDTH,
    TARGET,
    Sheet,
    label_panel,
    mix,
    page,
    style,
)
from driftmatch.figures.parts.surfaces import Surface, draw_states, draw_surface, mark_wells
from driftmatch.figures.tilted_minima import tilted_minima
from driftmatch.figures.traces import neuron_traces
from driftmatch.memory.associative import AssociativeMemory
from driftmatch.memory.capacity import Capacity
from driftmatch.memory.curves import RecallCurve
from driftmatch.memory.hopfield import HopfieldRecall
from driftmatch.memory.recall import Recall
from driftmatch.memory.tilt import Tilt
from driftmatch.simulation.trajectory import NetworkTrajectory

CUE = mix("white", ENERGY(0.5), 0.35)
_DOTS, _PATHS = 120, 6  # trials of target and network each
_NEURONS = 5
_COORDINATES = 3
_GAP = 0.16  # between axes that are stacked, in their height


@style()
def recall(
    tilt: Tilt,
    target: Recall,
    network: Recall,
    hopfield: HopfieldRecall | None = None,
    *,
    memory: AssociativeMemory | None = None,
    curves: Mapping[str, Sequence[RecallCurve]] | None = None,
    capacity: Capacity | None = None,
    fig: Sheet | None = None,
) -> Sheet:
    """Recall of one well: by the target (blue) and by the network (vermilion).

    - The landscape before the cue, under the tilt, and after its release, as `landscape` draws it,
      with the states of up to 120 trials each at the start, at the release and at the end.
    - The energies of the wells while the tilt grows (`tilted_minima`).
    - The rates of five neurons in one trial, and the latent coordinates of six trials each; the
      dashed line is the well called for, and the cue is shaded.
    - `success`, of the three recalls, or with `memory` of all wells.
    - Optionally success against the amplitude, the duration and the noise (`recall_curve`), and
      against the number of wells (`capacity`).

    **Arguments**

    - `tilt`: the cue. - `target`, `network`: what ``recall`` returned of either with it.
    - `hopfield`: of a Hopfield network. - `memory`: what ``associative_memory`` returned.
    - `curves`: {"target": curves, "network": curves}, each of a few things that are varied.
    - `capacity`: what ``memory.capacity`` returned.

    Returns the figure. Raises `InputError` if the recalls are not of the tilt's well, or `network`
    is not of a network.
    """
    recalls = {"target": target, "network": network}
    _check(tilt, recalls)
    panels = _curve_panels(curves, capacity)
    fig = page(fig, PAGE_WIDTH, 104.0 + (48.0 if panels else 0.0))
    heights = [55.0, 49.0, *([48.0] if panels else [])]
    strips = np.atleast_1d(np.asarray(fig.subfigures(len(heights), 1, height_ratios=heights)))
    above, below, *more = strips
    _landscapes(above, tilt, recalls)
    grid = below.add_gridspec(1, 3, width_ratios=(1.25, 1.25, 0.9))
    _traces(below.add_subplot(grid[0, 0]), network)
    _latent(below, grid[0, 1], recalls)
    ax = below.add_subplot(grid[0, 2])
    if memory is not None:
        success({"target": memory.target, "network": memory.network, "Hopfield": memory.hopfield},
                ax=ax)  # fmt: skip
    else:
        success(recalls | ({} if hopfield is None else {"Hopfield": hopfield}), ax=ax)  # pyright: ignore
    for part in more:
        for ax, draw in zip(part.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            draw(ax=ax)
    for part, letter in zip(strips, "abc", strict=False):
        label_panel(part.axes[0], letter)
    return fig


def _check(tilt, recalls: Mapping[str, Recall]) -> None:
    if not isinstance(tilt, Tilt):
        raise InputError(f"tilt must be what tilt_toward returned, got {type(tilt).__name__}")
    W, k = tilt.landscape.minima.shape
    for name, recall in recalls.items():
        if not isinstance(recall, Recall):
            raise InputError(f"{name} must be what recall returned, got {type(recall).__name__}")
        if recall.target != tilt.target:
            raise InputError(
                f"the tilt calls for well {tilt.target}, but the recall by the {name} for "
                f"{recall.target}"
            )
        if recall.regions.centres.shape != (W, k):
            raise InputError(
                f"the tilt is of {W} wells in {k} dimensions, the recall by the {name} of "
                f"{len(recall.regions)} in {recall.regions.dim}"
            )
    if not isinstance(recalls["network"].trajectory, NetworkTrajectory):
        raise InputError("network must be a recall by a network, got one by an SDE")


def _curve_panels(curves, capacity: Capacity | None) -> list[Callable[..., Axes]]:
    """What draws each, one panel for each thing that is varied."""
    varied: dict[str, dict[str, RecallCurve]] = {}
    for name, several in (curves or {}).items():
        for curve in [several] if isinstance(several, RecallCurve) else several:
            if not isinstance(curve, RecallCurve):
                raise InputError(f"pass what recall_curve returned, got {type(curve).__name__}")
            varied.setdefault(curve.varied, {})[name] = curve
    panels: list[Callable[..., Axes]] = [partial(_curves, group) for group in varied.values()]
    if capacity is not None:
        panels.append(partial(draw_capacity, capacity))
    return panels


def _curves(group: Mapping[str, RecallCurve], *, ax: Axes) -> Axes:
    """Without a legend where the key of the sheet says as much."""
    recall_curve(group, ax=ax)
    legend = ax.get_legend()
    if legend is not None and set(group) <= {"target", "network"}:
        legend.remove()
    return ax


def _landscapes(part, tilt: Tilt, recalls: Mapping[str, Recall]) -> None:
    axes = part.subplots(1, 4, width_ratios=(1, 1, 1, 0.95))
    states = {name: _three(recall) for name, recall in recalls.items()}
    path, c = tilt.path, tilt.forcing
    moved = path.last[None] if tilt.landscape.minima.shape[1] == 1 else path.last
    surface = Surface.of(tilt.landscape, *(three.reshape(-1, three.shape[-1])
                         for three in states.values()), moved, first=tilt.target)  # fmt: skip
    span = surface.span(None, c) if surface.dim == 1 else None
    titles = "before: states at the start", "tilted: at the release", "after: at the end"
    for i, (ax, title, forcing) in enumerate(zip(axes, titles, (None, c, None), strict=False)):
        draw_surface(ax, surface, forcing, span=span, strength=0.6)
        for level, (name, color) in enumerate((("target", TARGET), ("network", NETWORK))):
            draw_states(ax, surface, states[name][i], forcing, color=color, level=level)
        if forcing is None:
            mark_wells(ax, surface, tilt.landscape.minima, target=tilt.target)
        else:
            mark_path(ax, surface, path, target=tilt.target)
        ax.set_title(title)
        if i > 0:
            ax.set_ylabel("")
    if surface.dim == 1:
        axes[0].set_ylabel("energy $V - c·z$")
    tilted_minima(tilt, ax=axes[3])
    axes[3].set_title("wells under a growing tilt")
    if surface.dim > 1:
        axes[3].set_box_aspect(np.divide(*(surface.high - surface.low)[::-1]))
    key_above(part)


def key_above(part) -> None:
    """Which colour is whose, above all panels of a figure."""
    handles = [
        Line2D([], [], marker="o", ls="", ms=3.5, color=color, label=name)
        for name, color in (("target", TARGET), ("network", NETWORK))
    ]
    part.legend(handles=handles, loc="outside upper right", ncols=2, handletextpad=0.1,
                columnspacing=1.0, borderaxespad=0.1)  # fmt: skip


def _three(recall: Recall) -> np.ndarray:
    """States at the start, the release and the end, shape (3, M, k)."""
    states = recall.trajectory.states[:_DOTS][:, [0, recall.release_sample, -1]]
    return np.moveaxis(np.asarray(states, dtype=float), 1, 0)


def shade_cue(ax: Axes, onset: float, release: float, word: str = "") -> None:
    """The time of a cue behind traces."""
    ax.axvspan(onset, release, color=CUE, lw=0, zorder=0)
    if word:
        ax.annotate(word, ((onset + release) / 2, 1), xycoords=("data", "axes fraction"),
                    xytext=(0, -1), textcoords="offset points", ha="center", va="top", fontsize=7,
                    color=ENERGY(0.0))  # fmt: skip


def telling_trial(recall: Recall) -> int:
    """Of the trials that were recalled, if there are any, the one that came from farthest."""
    away = np.linalg.norm(
        recall.trajectory.states[:, 0] - recall.regions.centres[recall.target], axis=1
    )
    recalled = recall.ended == recall.target
    return int(np.argmax(np.where(recalled, away, -1.0 if recalled.any() else away)))


def _traces(ax: Axes, recall: Recall) -> None:
    trial = telling_trial(recall)
    run: Any = only(recall.trajectory, trial)
    neuron_traces(run, min(_NEURONS, run.network.num_neurons), duration=np.inf, ax=ax)
    shade_cue(ax, recall.onset, recall.release, "cue")
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top + 0.08 * (top - bottom))
    ax.set_title("rates of neurons in one trial")


def _latent(part, cell, recalls: Mapping[str, Recall]) -> None:
    """Coordinates one above the other, each of a few trials."""
    recall = recalls["network"]
    k = recall.regions.dim
    names = coordinate_names(k, recall.trajectory)[:_COORDINATES]
    axes = stacked(part.add_subplot(cell), len(names))
    for i, (ax, name) in enumerate(zip(axes, names, strict=True)):
        shade_cue(ax, recall.onset, recall.release)
        ax.axhline(recall.regions.centres[recall.target, i], color=GREY, lw=0.7, ls=(0, (3, 2)))
        for who, color in (("target", TARGET), ("network", NETWORK)):
            run = recalls[who].trajectory
            for z in run.states[:_PATHS, :, i]:
                ax.plot(run.times, z, color=color, lw=0.5, alpha=0.8, zorder=2)
        ax.set(xlim=(0, recall.trajectory.times[-1]), ylabel=name)
        ax.margins(y=0.12)
        ax.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        if i < len(names) - 1:
            ax.tick_params(labelbottom=False)
    axes[-1].set_xlabel("time")
    axes[0].set_title("latent coordinates of a few trials")


def stacked(ax: Axes, number: int) -> list[Axes]:
    """So many axes one above the other in place of one."""
    ax.axis("off")
    height = 1 / (number + _GAP * (number - 1))
    return [
        ax.inset_axes((0, 1 - height - i * (1 + _GAP) * height, 1, height)) for i in range(number)
    ]
