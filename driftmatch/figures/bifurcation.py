"""Fixed points against a constant input."""

import numpy as np
from matplotlib.axes import Axes

from driftmatch.analysis.bifurcation import Bifurcation
from driftmatch.arguments import check_index
from driftmatch.errors import InputError
from driftmatch.figures.parts.style import GREY, INK, panel, style

_WIDE = 0.02  # of the axis, beside points that do not move


@style()
def bifurcation(
    diagram: Bifurcation, coordinate: int = 0, *, axis: int = 0, ax: Axes | None = None
) -> Axes:
    """One coordinate of the fixed points against one number of the input: stable ones full,
    unstable ones hollow. Grey lines are inputs beyond which their number changes.

    - `diagram`: what ``driftmatch.bifurcation`` returned. - `coordinate`: of z, from 0.
    - `axis`: of the input, from 0.

    Returns the axes.
    """
    if not isinstance(diagram, Bifurcation):
        raise InputError(f"pass a Bifurcation, got {type(diagram).__name__}")
    coordinate = check_index("coordinate", coordinate, diagram.found[0].box.shape[1])
    axis = check_index("axis", axis, diagram.inputs.shape[1])
    u = diagram.inputs[:, axis]
    ax = panel(ax, 75.0, 55.0)
    for q in diagram.changes:
        ax.axvline(0.5 * (u[q] + u[q + 1]), color=GREY, lw=0.6, zorder=0)  # pyright: ignore[reportArgumentType]
    for stable, face, label in ((True, INK, "stable"), (False, "white", "unstable")):
        x, y = (
            np.concatenate(parts)
            for parts in zip(
                *(
                    (np.full(int(which.sum()), v), f.points[which, coordinate])
                    for v, f in zip(u, diagram.found, strict=True)
                    for which in [f.is_stable == stable]
                ),
                strict=True,
            )
        )
        if len(x):
            ax.plot(x, y, "o", ms=3, mfc=face, mec=INK, mew=0.6, ls="", label=label)
    names = diagram.coordinates
    letter = f"$z_{{{coordinate + 1}}}$" if names is None else names[coordinate]
    ax.set(xlabel="input" if diagram.inputs.shape[1] == 1 else f"input {axis + 1}", ylabel=letter)
    ax.margins(x=_WIDE, y=0.08)
    ax.legend(frameon=False, loc="best", handletextpad=0.2)
    return ax
