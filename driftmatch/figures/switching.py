"""Switching between attractors by pulses: one trial in time, the attractors visited, success."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from driftmatch.errors import InputError
from driftmatch.figures.attractors import attractor
from driftmatch.figures.parts.intervals import legend_above, points
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.runs import coordinate_names, only
from driftmatch.figures.parts.style import (
    INK,
    NETWORK,
    PAGE_WIDTH,
    PALE,
    TARGET,
    Sheet,
    label_panel,
    mix,
    page,
    style,
)
from driftmatch.figures.recall import shade_cue, stacked
from driftmatch.figures.traces import neuron_traces
from driftmatch.memory.switching import Switching
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory

_COORDINATES = 3
_NEURONS = 5
_COLORS = {"target": TARGET, "network": NETWORK}
_NAMES_ABOVE = 8  # commands: more are numbered only
_SETTLED = 0.5  # of the time after a pulse, for what is drawn as an attractor
_ELEVATION = 40.0
_BEYOND = 0.05  # of the box: how far outside ways are drawn
_TRIALS = 6  # from which attractors are drawn
_LETTER, _LINE = 0.03, 0.09  # of a panel: about how wide and how high names are


@style()
def switching(
    target: Switching,
    network: Switching,
    *,
    names: Sequence[str] | None = None,
    trial: int | None = None,
    fig: Sheet | None = None,
) -> Sheet:
    """Switching between attractors by pulses of input: by the target (blue), by the network
    (vermilion).

    - The latent coordinates of one trial each through all commands; pulses are shaded, and above
      stands which attractor is commanded.
    - The rates of five neurons of the network in the same trial.
    - The states of both after the second half of every command's time, with the ways between them
      pale; beyond two dimensions a projection.
    - Success after each command, with its 95 % interval.

    **Arguments**

    - `target`, `network`: what ``switch`` returned of either.
    - `names`: of the attractors, by default "0", "1", …
    - `trial`: which one; by default the first of each that followed most commands.

    Returns the figure. Raises `InputError` if their commands differ, or `network` is not of a
    network.
    """
    runs = {"target": target, "network": network}
    names = check_switching(runs, names)
    if not isinstance(network.trajectory, NetworkTrajectory):
        raise InputError("network must be of a network, got a run of an SDE")
    k = min(target.regions.dim, _COORDINATES)
    heights = [13.0 + 11.0 * k, 11.0 + 11.0 * k, 46.0, 62.0]
    fig = page(fig, PAGE_WIDTH, sum(heights))
    parts: Any = fig.subfigures(2, 1, height_ratios=(sum(heights[:3]), heights[3]))
    above, below = parts
    hosts = list(above.subplots(3, 1, height_ratios=heights[:3]))  # in one column: edges line up
    trials = {name: followed(run) if trial is None else trial for name, run in runs.items()}
    for host, (name, run) in zip(hosts, runs.items(), strict=False):
        axes = _latent(host, run, name, trials[name])
        if name == "target":
            _commands_above(axes[0], run, names)
            axes[-1].set_xlabel("")
    traces(hosts[2], network, trials["network"])
    left, middle, right = below.subplots(1, 3, width_ratios=(1, 1, 0.8))
    view = attractors_view(*runs.values())
    for ax, (name, run) in zip((left, middle), runs.items(), strict=True):
        visited(ax, run, view, _COLORS[name], names)
        ax.set_title(name, color=_COLORS[name], pad=13)
    _success(right, runs, names)
    for ax, letter in zip((*hosts, left), "abcd", strict=True):
        label_panel(ax, letter)
    return fig


def check_switching(runs: Mapping[str, Switching], names: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the attractors."""
    for name, run in runs.items():
        if not isinstance(run, Switching):
            raise InputError(f"{name} must be what switch returned, got {type(run).__name__}")
    first, *others = runs.values()
    for run in others:
        if not np.array_equal(run.commands, first.commands) or (
            run.regions.centres.shape != first.regions.centres.shape
        ):
            raise InputError(
                "target and network must have the same commands and as many attractors, got "
                f"{first.commands.tolist()} and {run.commands.tolist()}"
            )
    W = len(first.regions)
    names = tuple(map(str, range(W))) if names is None else tuple(map(str, names))
    if len(names) != W:
        raise InputError(f"names must be {W}, one for each attractor, got {len(names)}")
    return names


def followed(run: Switching) -> int:
    """The trial that followed most commands."""
    return int(np.argmax(np.sum(run.ended == run.commands, axis=1)))


def _end(run: Switching) -> float:
    """The end of the last command's period."""
    return len(run.commands) * run.period


def shade_pulses(ax: Axes, run: Switching) -> None:
    """The times of all pulses behind traces."""
    for i in range(len(run.commands)):
        shade_cue(ax, i * run.period, i * run.period + run.pulse)


def _commands_above(ax: Axes, run: Switching, names: tuple[str, ...]) -> None:
    several = len(run.commands) > _NAMES_ABOVE
    for i, command in enumerate(run.commands):
        ax.annotate(
            str(command) if several else names[int(command)], ((i + 0.5) * run.period, 1),
            xytext=(0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center",
        )  # fmt: skip


def _latent(host: Axes, run: Switching, name: str, trial: int) -> list[Axes]:
    M = run.trials
    if isinstance(trial, bool) or trial not in range(M):
        raise InputError(f"trial must be a whole number from 0 to {M - 1}, got {trial!r}")
    coordinates = coordinate_names(run.regions.dim, run.trajectory)[:_COORDINATES]
    host.annotate(name, (1, 0.5), xytext=(3, 0), xycoords="axes fraction", rotation=270,
                  textcoords="offset points", va="center", color=_COLORS[name])  # fmt: skip
    axes = stacked(host, len(coordinates))
    for i, (ax, label) in enumerate(zip(axes, coordinates, strict=True)):
        shade_pulses(ax, run)
        ax.plot(run.trajectory.times, run.trajectory.states[trial, :, i], color=_COLORS[name],
                lw=0.6)  # fmt: skip
        ax.set(xlim=(0, _end(run)), ylabel=label)
        ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
        ax.margins(y=0.15)
        ax.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        if i < len(axes) - 1:
            ax.tick_params(labelbottom=False)
    axes[-1].set_xlabel("time")
    return axes


def traces(ax: Axes, run: Switching, trial: int, neurons: int = _NEURONS) -> None:
    """The rates of a few neurons in one trial, over the pulses."""
    one: Any = only(run.trajectory, trial)
    neuron_traces(one, min(neurons, one.network.num_neurons), ax=ax, duration=np.inf)
    shade_pulses(ax, run)
    ax.set_xlim(0, _end(run))
    ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))


def attractors_view(*runs: Switching) -> View:
    """A window that holds the attractors; three dimensions are seen from well above."""
    settled = [_parts(run)[0] for run in runs]
    return View.of(settled[0], *settled[1:], runs[0].regions.centres, elevation=_ELEVATION,
                   named=runs[0].trajectory)  # fmt: skip


def visited(ax: Axes, run: Switching, view: View, color, names: tuple[str, ...]) -> None:
    """The attractors in full colour, the ways between them pale, names above."""
    settled, under_way = _parts(run)
    inside = np.all(np.abs(view.scaled(under_way)) <= 0.5 + _BEYOND, axis=-1)
    under_way = np.where(inside[..., None], under_way, np.nan)
    for states, ink in ((under_way, PALE), (settled, color)):
        if np.isfinite(states).any():
            times = np.arange(float(states.shape[1]))
            outcome, name = run.trajectory.outcome, run.trajectory.name
            attractor(Trajectory(times, states, outcome, name, 1.0), ax=ax, view=view, color=ink)
    if view.dim > 1:
        _name(ax, run, view, settled, mix(color, INK, 0.6), names)


def _name(ax: Axes, run: Switching, view: View, settled, color, names: tuple[str, ...]) -> None:
    """The attractors, above what was seen of them, and above the names that are there already."""
    labels = run.regions.labels(settled)
    span = np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())])
    taken: list[tuple[np.ndarray, float]] = []
    for j in np.unique(run.commands):
        seen = settled[labels == j]
        places = _places(view, seen if len(seen) else run.regions.centres[[j]])
        at = np.array([places[:, 0].mean(), places[:, 1].max()])
        wide = _LETTER * len(names[int(j)])
        for other, width in sorted(taken, key=lambda one: one[0][1]):
            apart = np.abs(at - other) / span
            if apart[0] < (wide + width) / 2 and apart[1] < _LINE:
                at[1] = other[1] + _LINE * span[1]
        taken.append((at, wide))
        ax.annotate(
            names[int(j)], tuple(at), xytext=(0, 4), textcoords="offset points", ha="center",
            va="bottom", fontsize=7, color=color, zorder=6, annotation_clip=False,
            path_effects=[withStroke(linewidth=1.5, foreground="white", alpha=0.8)],
        )  # fmt: skip


def _places(view: View, states) -> np.ndarray:
    if view.dim == 3:
        return view.project(states)[:, :2]
    return (states - view.centre) @ view.basis


def _parts(run: Switching):
    """States long after pulses and all others, NaN between what does not belong together."""
    states = np.asarray(run.trajectory.states[:_TRIALS], float)
    phase = np.mod(run.trajectory.times, run.period)
    late = phase >= run.pulse + _SETTLED * (run.period - run.pulse)
    return np.where(late[:, None], states, np.nan), np.where(late[:, None], np.nan, states)


def _success(ax: Axes, runs: Mapping[str, Switching], names: tuple[str, ...]) -> None:
    C = np.arange(len(next(iter(runs.values())).commands))
    for shift, (name, run) in zip((-0.12, 0.12), runs.items(), strict=True):
        points(ax, C + shift, run.successes / run.trials, run.success_intervals,
               color=_COLORS[name], label=name)  # fmt: skip
    ax.axhline(1, color=PALE, lw=0.6, zorder=0)
    ax.set(xlim=(-0.5, len(C) - 0.5), ylim=(0, 1.05), ylabel="success")
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    commands = next(iter(runs.values())).commands
    if len(C) <= _NAMES_ABOVE:
        ax.set_xticks(C, [names[int(j)] for j in commands], rotation=35, ha="right",
                      rotation_mode="anchor")  # fmt: skip
    else:
        ax.set_xlabel("command")
    legend_above(ax)
