"""The energies of the wells while a tilt grows, and the folds where they disappear."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from driftmatch.errors import InputError
from driftmatch.figures.parts.style import GREY, INK, panel, style
from driftmatch.memory.tilt import Tilt
from driftmatch.memory.tilted_minima import TiltedMinima

_TOGETHER = 0.03  # of the height: lines that end closer than this share a label


@style()
def tilted_minima(
    tilted: TiltedMinima | Tilt, target: int | None = None, *, ax: Axes | None = None
) -> Axes:
    """The energy of every well, V(z_j) − a c·z_j at the place where the tilt a c has moved it,
    against the amplitude a.

    Lines carry the numbers of their wells. Where one disappears, at a fold, there is a cross.

    - `tilted`: what ``memory.follow_minima`` returned, or a `Tilt`.
    - `target`: the well from which energies are counted, as a thick line at 0; by default that of
      the `Tilt`, and without one energies are as they are.

    Returns the axes. Raises `InputError` for a well that does not exist, and for a target that
    disappears itself.
    """
    if isinstance(tilted, Tilt):
        tilted, target = tilted.path, tilted.target if target is None else target
    if not isinstance(tilted, TiltedMinima):
        raise InputError(f"pass a Tilt or a TiltedMinima, got {type(tilted).__name__}")
    a, energies, W = tilted.amplitudes, tilted.energies, len(tilted.folds)
    zero = np.zeros(len(a))
    if target is not None:
        if isinstance(target, bool) or target not in range(W):
            raise InputError(f"target must be a whole number from 0 to {W - 1}, got {target!r}")
        if target not in tilted.left:
            raise InputError(
                f"well {target} disappears at {tilted.folds[target]:.3g}, so energies cannot be "
                "counted from it: leave target out"
            )
        zero = energies[:, target]
    ax = panel(ax, 65.0, 50.0)
    ends = []
    for j, fold in enumerate(tilted.folds):
        there = np.isfinite(energies[:, j])
        x, y = a[there], (energies[:, j] - zero)[there]
        if np.isfinite(fold):
            last = tilted.last_potential[j] - fold * (tilted.last[j] @ tilted.direction)
            x, y = np.append(x, fold), np.append(y, last - np.interp(fold, a, zero))
            ax.plot(x[-1], y[-1], "x", color=INK, ms=5, mew=1.2, zorder=3)
        is_target = j == target
        ax.plot(x, y, color=INK if is_target else GREY, lw=1.6 if is_target else 0.9, zorder=2)
        ends.append((x[-1], y[-1], j))
    _label(ax, ends, target)
    ax.set(xlabel="amplitude $a$ of the tilt", xlim=(a[0], a[-1]))
    ax.set_ylabel("energy of well" if target is None else f"energy above well {target}")
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.margins(y=0.12)
    return ax


def _label(ax: Axes, ends: list[tuple[float, float, int]], target: int | None) -> None:
    """Numbers where lines end, those of lines that end together beside each other."""
    values = np.array([end[:2] for end in ends])
    height, width = np.maximum(np.ptp(values, axis=0), 1e-12)[::-1]
    groups: list[list[tuple[float, float, int]]] = []
    for x, y, j in sorted(ends, key=lambda end: end[2]):
        near = [
            g for g in groups
            if abs(g[0][1] - y) < _TOGETHER * height and abs(g[0][0] - x) < _TOGETHER * width
        ]  # fmt: skip
        if near:
            near[0].append((x, y, j))
        else:
            groups.append([(x, y, j)])
    for group in groups:
        x, y, _ = group[0]
        numbers = [j for _, _, j in group]
        is_target = target in numbers
        ax.annotate(
            ", ".join(map(str, numbers)), (x, y), xytext=(5, 0), textcoords="offset points",
            va="center", color=INK if is_target else GREY, annotation_clip=False,
            fontweight="bold" if is_target else "normal",
        )  # fmt: skip
