"""A network's subspace found from its neurons alone, at several strengths of private noise."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from driftmatch.analysis.neurons import telling_neurons
from driftmatch.analysis.subspace import Alignment, Subspace
from driftmatch.errors import InputError
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.runs import check_run
from driftmatch.figures.parts.style import (
    GREY,
    INK,
    NETWORK,
    PAGE_WIDTH,
    PALE,
    Sheet,
    label_panel,
    page,
    percent,
    shades,
    style,
    without_y,
)
from driftmatch.simulation.trajectory import NetworkTrajectory

_NEURONS = 6
_COMPONENTS = 24
_TIMES = 25.0  # characteristic times drawn
_ROUNDING = 1e-17


class Recovery(NamedTuple):
    """A network's run, the subspace found from its neurons, and the way back to its latent states.

    ``Recovery(run, p, p.align(run.network, run))`` with ``p = dm.subspace(run)``.
    """

    run: NetworkTrajectory
    subspace: Subspace
    alignment: Alignment


@style()
def subspace(
    recoveries: Sequence[tuple[NetworkTrajectory, Subspace, Alignment]],
    *,
    shown: int | None = None,
    fig: Sheet | None = None,
) -> Sheet:
    """The subspace found from neurons alone: (a) neurons recorded, (b) the spectra of principal
    variances with the gap, (c) true and recovered latent states, (d) angle and error against s.

    - `recoveries`: of (run, subspace, alignment), runs of a network that differ in private noise s;
      see `Recovery`.
    - `shown`: the index of the one in (a) and (c); by default the noisiest.

    Returns the figure. Raises `InputError` if there are none.
    """
    rows = [Recovery(*row) for row in recoveries]
    if not rows:
        raise InputError("there is nothing to draw: recoveries is empty")
    for row in rows:
        check_run(row.run, of_network=True)
    if shown is not None and not -len(rows) <= shown < len(rows):
        raise InputError(f"shown must be an index of {len(rows)} recoveries, got {shown}")
    one = max(rows, key=_noise) if shown is None else rows[shown]
    rows = sorted(rows, key=_noise)
    fig = page(fig, PAGE_WIDTH, 54.0)
    axes = [fig.add_subplot(spec) for spec in
            fig.add_gridspec(1, 4, width_ratios=(1.05, 1, 1.15, 0.95))]  # fmt: skip
    _neurons(axes[0], one.run)
    _spectra(axes[1], rows)
    _states(axes[2], one)
    _angles(axes[3], rows)
    for ax, letter in zip(axes, "abcd", strict=True):
        label_panel(ax, letter, at_margin=False)
    return fig


def _noise(row: Recovery) -> float:
    return row.run.network.private_noise


def _stop(run: NetworkTrajectory) -> int:
    """How many samples are drawn."""
    scale = run.network.time_scale
    duration = _TIMES * scale if scale else np.inf
    return max(2, int(np.searchsorted(run.times, duration, side="right")))


def _neurons(ax: Axes, run: NetworkTrajectory) -> None:
    stop = _stop(run)
    chosen = telling_neurons(run, _NEURONS, stop)
    x = run.neurons_at(slice(stop), chosen)[0].astype(np.float64)
    x = x - (np.nanmax(x, axis=0) + np.nanmin(x, axis=0)) / 2
    spacing = 1.1 * max(float(np.ptp(x, axis=0).max()), 1e-12)
    levels = spacing * np.arange(len(chosen))[::-1]
    for trace, level, shade in zip(x.T, levels, shades(NETWORK, len(chosen)), strict=True):
        ax.plot(run.times[:stop], trace + level, color=shade, lw=0.6)
    ax.set_yticks(levels, [f"{i}" for i in chosen])
    ax.set(xlim=(0, run.times[stop - 1]), xlabel="time", ylabel="neuron")
    ax.set_title(f"neurons $x$, $s$ = {run.network.private_noise:g}")
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    without_y(ax)


def _spectra(ax: Axes, rows: list[Recovery]) -> None:
    for row, shade in zip(rows, shades(NETWORK, len(rows)), strict=True):
        variance = row.subspace.variance[:_COMPONENTS]
        index = np.arange(1, len(variance) + 1)
        ax.plot(index, np.maximum(variance, _ROUNDING), "o-", ms=2.2, lw=0.5, color=shade)
        ax.annotate(f"$s$ = {_noise(row):g}", (index[-1], max(variance[-1], _ROUNDING)),
                    xytext=(0, 3), textcoords="offset points", ha="right", fontsize=7,
                    color=shade)  # fmt: skip
    for k in sorted({row.subspace.dimension for row in rows}):
        ax.axvline(k + 0.5, color=GREY, lw=0.6, ls=(0, (3, 2)), zorder=0)
        ax.annotate(f"$k$ = {k}", (k + 0.5, 1), xycoords=("data", "axes fraction"),
                    xytext=(3, -1), textcoords="offset points", va="top", fontsize=7)  # fmt: skip
    ax.set(yscale="log", xlabel="component", ylabel="variance", title="principal variances")
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _states(ax: Axes, row: Recovery) -> None:
    stop = _stop(row.run)
    true = row.run.latent[0, :stop].astype(np.float64)
    found = row.alignment.latent(row.run.neurons_at(slice(stop))[0])
    error = row.alignment.error
    ax.set_title("latent states")
    view = View.of(true, found, named=row.run)
    if view.dim == 3:
        view.draw_box(ax)
        lines = [view.project(states)[:, :2] for states in (true, found)]
    elif view.dim == 2:
        lines = [true, found]
        ax.set(xlabel=view.names[0], ylabel=view.names[1])
    else:
        lines = [np.column_stack([row.run.times[:stop], z[:, 0]]) for z in (true, found)]
        ax.set(xlabel="time", ylabel=view.names[0])
    off = "" if error is None else f", off by {percent(error)}"
    looks = {"true": {"color": PALE, "lw": 2.6}, f"recovered{off}": {"color": NETWORK, "lw": 0.7}}
    for line, (name, look) in zip(lines, looks.items(), strict=True):
        ax.plot(*line.T, label=name, solid_capstyle="round", **look)
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.02 if view.dim == 3 else -0.2),
        ncols=2,
        columnspacing=1.0,
    )


def _angles(ax: Axes, rows: list[Recovery]) -> None:
    s = np.array([_noise(row) for row in rows])
    angles = np.array([row.alignment.principal_angles.max() for row in rows])
    errors = np.array([np.nan if e is None else e for e in (r.alignment.error for r in rows)])
    noisy = s > 0
    looks = (("angle", angles, "o", NETWORK), ("error", errors, "s", INK))
    for name, values, marker, color in looks:
        if not np.isfinite(values).any():
            continue
        ax.plot(s[noisy], values[noisy], marker + "-", ms=3, lw=0.7, color=color, label=name)
        for value in values[~noisy]:
            ax.axhline(value, color=color, lw=0.7, ls=(0, (3, 2)))
    if noisy.sum() > 1:
        middle = 4 * np.exp(np.mean(np.log(angles[noisy])) - np.mean(np.log(s[noisy])))
        ax.plot(s[noisy], middle * s[noisy], color=GREY, lw=0.6, zorder=0, label="∝ $s$")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, columnspacing=0.8,
              handletextpad=0.4)  # fmt: skip
    if not noisy.all():
        lowest = np.nanmin(np.concatenate([angles[~noisy], errors[~noisy]]))
        ax.annotate("dashed: $s$ = 0", (0.98, lowest), xycoords=("axes fraction", "data"),
                    xytext=(0, -2), textcoords="offset points", ha="right", va="top",
                    fontsize=7)  # fmt: skip
    ax.set(xscale="log" if noisy.any() else "linear", yscale="log")
    ax.margins(y=0.15)
    ax.set(xlabel="private noise $s$", ylabel="angle (rad), error (s.d.)")
    ax.set_title("how far off")
