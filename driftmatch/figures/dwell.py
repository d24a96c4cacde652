"""Dwelling and jumping: staircases of visits, survival curves, transition matrices, rates."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from driftmatch.errors import InputError
from driftmatch.figures.parts.intervals import color_of, decades, legend_above, points
from driftmatch.figures.parts.style import GREY, INK, mix, panel, style
from driftmatch.memory.dwell import Dwell
from driftmatch.memory.rates import Rate

_JUMPS = 40  # in a staircase, about
_WRITTEN = 8  # regions, up to which the entries of a matrix are written into it
_ALIKE = 0.1  # of the highest: rates above are drawn from 0, and in decades otherwise
_DARK = 0.55  # entries above are written in white


@style()
def visits(
    dwells: Mapping[str, Dwell],
    *,
    trajectory: int = 0,
    duration: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """In which region one trajectory is, against time.

    A region is the one whose core was touched last. Jumps from the last region to the first close
    the cycle and are drawn as gaps.

    - `dwells`: {name: what ``dwell`` returned}; several stand above each other, the first on top.
    - `trajectory`: which one. - `duration`: how much of it; by default some forty jumps.

    Returns the axes. Raises `InputError` if a trajectory does not exist or was never in a region.
    """
    _check(dwells)
    ax = panel(ax, 90.0, 45.0)
    end = duration or min(dwell.duration_of(_JUMPS) for dwell in dwells.values())
    ticks, labels, offset = [], [], 0.0
    for name, dwell in reversed(list(dwells.items())):
        _stairs(ax, dwell, trajectory, end, offset, color_of(name))
        W = len(dwell.regions)
        shown = range(W) if W <= _WRITTEN else range(0, W, int(np.ceil(W / _WRITTEN)))
        ticks += [offset + j for j in shown]
        labels += [str(j) for j in shown]
        offset += W + 0.8
    ax.set_yticks(ticks, labels)
    ax.set(xlim=(0, end), ylim=(-0.6, offset - 1.2), xlabel="time", ylabel="well")
    return ax


def _stairs(ax: Axes, dwell: Dwell, trajectory: int, duration: float, offset: float, color) -> None:
    mine = (dwell.trajectory == trajectory) & (dwell.entered < duration)
    if not mine.any():
        raise InputError(
            f"trajectory {trajectory} of {dwell.name} was in no region before {duration:g}: choose "
            "another trajectory or a longer duration"
        )
    region, entered = dwell.region[mine], dwell.entered[mine]
    left = np.minimum(dwell.left[mine], duration)
    ax.hlines(region + offset, entered, left, color=color, lw=1.6, zorder=2)
    steps = np.abs(np.diff(region))
    W = len(dwell.regions)
    inner = np.flatnonzero((steps <= W / 2) | (W < 3))
    ax.vlines(left[:-1][inner], region[:-1][inner] + offset, region[1:][inner] + offset,
              color=mix(color, "white", 0.3), lw=0.6, zorder=1)  # fmt: skip


@style()
def turns(dwells: Mapping[str, Dwell], *, number: int = 8, ax: Axes | None = None) -> Axes:
    """Turns around the cycle of the regions against time, forward less backward ones, of a few
    trajectories; dashed is their mean rate over all trajectories.

    - `dwells`: {name: what ``dwell`` returned}, of three regions or more.
    - `number`: of trajectories.

    Returns the axes. Raises `InputError` for two regions.
    """
    _check(dwells)
    ax = panel(ax, 55.0, 45.0)
    for name, dwell in dwells.items():
        color, W = color_of(name), len(dwell.regions)
        rate, end = dwell.net_turns_per_time, float(dwell.left.max())
        for m in np.unique(dwell.trajectory)[:number]:
            mine = dwell.trajectory == m
            t = np.append(dwell.entered[mine], dwell.left[mine][-1])
            total = np.append(0, np.cumsum(dwell.steps[mine[~dwell.is_last]])) / W
            ax.step(t, np.append(total, total[-1]), where="post", color=color, lw=0.5, alpha=0.7)
        ax.plot([0, end], [0, rate * end], color=mix(color, "black", 0.3), lw=1.0,
                ls=(0, (3, 2)), zorder=3)  # fmt: skip
        ax.plot([], [], color=color, label=name)
    ax.set(xlabel="time", ylabel="turns")
    ax.set_xlim(0, max(float(d.left.max()) for d in dwells.values()))
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    legend_above(ax)
    return ax


@style()
def survival(
    dwells: Mapping[str, Dwell], *, region: int | None = None, ax: Axes | None = None
) -> Axes:
    """The probability that a visit lasts longer than t: Kaplan and Meier's estimate in its 95 %
    interval, and dashed the exponential with the mean dwell time, as for a Markov chain.

    - `dwells`: {name: what ``dwell`` returned}. - `region`: of which; by default of all together.

    Returns the axes. Raises `InputError` if no visit of one of them is complete.
    """
    _check(dwells)
    ax = panel(ax, 55.0, 45.0)
    bottom, longest = 1.0, 0.0
    for name, dwell in dwells.items():
        color = color_of(name)
        times, S, interval = dwell.survival(region)
        t, low, high = (
            np.append(0, times),
            np.append(1, interval[:, 0]),
            np.append(1, interval[:, 1]),
        )
        mean = dwell.leaving_rate(region).mean_time
        bottom = min(bottom, float(np.min(S[S > 0], initial=1.0)))
        longest = max(longest, times[-1])
        ax.fill_between(t, low, high, step="post", color=mix(color, "white", 0.75), lw=0, zorder=1)
        ax.plot(t, np.exp(-t / mean), color=mix(color, "black", 0.3), lw=0.7, ls=(0, (3, 2)),
                zorder=3)  # fmt: skip
        ax.step(t, np.append(1, S), where="post", color=color, zorder=2, label=name)
    ax.set(yscale="log", ylim=(0.5 * bottom, 1.3), xlim=(0, 1.02 * longest))
    decades(ax.yaxis, 0.5 * bottom, 1.3)
    ax.set(xlabel="dwell time $t$", ylabel="visits longer than $t$")
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    legend_above(ax)
    return ax


@style()
def transitions(dwell: Dwell, *, name: str = "", ax: Axes | None = None) -> Axes:
    """Where the jumps from each region (row) go (column), in per cent; rows without jumps are
    empty.

    - `dwell`: what ``dwell`` returned. - `name`: "target" or "network", for the colour.

    Returns the axes.
    """
    _check({name: dwell})
    ax = panel(ax, 45.0, 45.0)
    color = color_of(name) if name else INK
    scale = LinearSegmentedColormap.from_list("share", ["white", mix(color, "black", 0.1)])
    matrix, W = dwell.transition_matrix, len(dwell.regions)
    ax.imshow(np.ma.masked_invalid(matrix), cmap=scale, vmin=0, vmax=1, aspect="equal")
    if W <= _WRITTEN:
        for (i, j), value in np.ndenumerate(matrix):
            if np.isfinite(value) and i != j:
                ax.text(j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=6.5,
                        color="white" if value > _DARK else INK if value > 0 else GREY)  # fmt: skip
        ax.set_xticks(range(W))
        ax.set_yticks(range(W))
    else:
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(6, integer=True))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(True)
    ax.set(xlabel="to well", ylabel="from well", title="jumps from each well, %")
    return ax


@style()
def jump_rates(
    dwells: Mapping[str, Dwell], *, theory: float | None = None, ax: Axes | None = None
) -> Axes:
    """The rates of jumps to the next region of the cycle and to the one before, with 95 %
    intervals; of two regions the rates out of either.

    An arrow is where there was no jump at all, at the upper end of the interval.

    - `dwells`: {name: what ``dwell`` returned}.
    - `theory`: ln(k₊/k₋) as it should be; a line then leads from each k₊ to k₋ by it.

    Returns the axes.
    """
    _check(dwells)
    ax = panel(ax, 50.0, 45.0)
    width, ends = 0.5 / len(dwells), []
    for i, (name, dwell) in enumerate(dwells.items()):
        color = color_of(name)
        x = np.array([0.0, 1.0]) + (i - (len(dwells) - 1) / 2) * width
        rates = _two_rates(dwell)
        ends += [rate.interval for rate in rates]
        for at, rate in zip(x, rates, strict=True):
            _rate(ax, at, rate, color)
        ax.plot([], [], "o", ms=3.5, color=color, label=name)
        if theory is not None and rates[0].events:
            k = rates[0].value
            ax.plot(x, [k, k * np.exp(-theory)], color=color, lw=0.7, ls=(0, (3, 2)), zorder=1)
    two = all(len(d.regions) == 2 for d in dwells.values())
    ax.set_xticks([0, 1], ["0 → 1", "1 → 0"] if two else ["forward $k_+$", "backward $k_-$"])
    ax.set(xlim=(-0.5, 1.5), ylabel="jumps per unit time")
    low, high = np.min(ends), np.max(ends)
    if low > _ALIKE * high:
        ax.set_ylim(0, 1.1 * high)
    else:
        ax.set(yscale="log")
        ax.set_ylim(None, 1.5 * high)
        decades(ax.yaxis, *ax.get_ylim())
    legend_above(ax)
    return ax


def _two_rates(dwell: Dwell) -> tuple[Rate, Rate]:
    if len(dwell.regions) == 2:
        return dwell.rate(0, 1), dwell.rate(1, 0)
    return dwell.forward_rate, dwell.backward_rate


def _rate(ax: Axes, x: float, rate: Rate, color) -> None:
    if rate.events:
        points(ax, x, rate.value, [rate.interval], color=color)
    else:
        ax.plot(x, rate.interval[1], "v", ms=4.5, color=color, mfc="white", mew=0.8, zorder=3)


def _check(dwells: Mapping[str, Dwell]) -> None:
    if not isinstance(dwells, Mapping) or not dwells:
        raise InputError('pass a dictionary such as {"target": dwell, "network": dwell}')
    for dwell in dwells.values():
        if not isinstance(dwell, Dwell):
            raise InputError(
                f"pass what dwell returned, got {type(dwell).__name__}; of a walk it is walk.dwell"
            )
