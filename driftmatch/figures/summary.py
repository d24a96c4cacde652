"""All of an analysis on one sheet, with as many panels as there are parts."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.ticker import MaxNLocator

from driftmatch.analysis.irreversibility.record import Irreversibility
from driftmatch.analysis.summary import Analysis
from driftmatch.errors import InputError
from driftmatch.figures.attractors import attractor
from driftmatch.figures.fixed_points import eigenvalues, fixed_points
from driftmatch.figures.irreversibility import irreversibility
from driftmatch.figures.lyapunov import lyapunov
from driftmatch.figures.parts.projection import View
from driftmatch.figures.parts.runs import spoken
from driftmatch.figures.parts.style import (
    GREY,
    NETWORK,
    PAGE_WIDTH,
    Sheet,
    brief,
    label_panel,
    page,
    style,
)
from driftmatch.figures.symmetry import symmetry

_SYMMETRY, _IRREVERSIBILITY, _PANELS, _KEY = 58.0, 62.0, 56.0, 4.0  # heights in mm
_IN_A_ROW = 3
_COMPONENTS = 16
_ROUNDING = 1e-17

Panel = Callable[[Axes], Any]
Row = tuple[float, int, Callable[[Any], Any]]  # height, lines of its titles, what draws it


@style()
def summary(
    analysis: Analysis, *, target: Analysis | None = None, fig: Sheet | None = None
) -> Sheet:
    """What `analyse` found, on one sheet; parts that were skipped leave no empty panel.

    - Of a network: its symmetric and its asymmetric part, beside its latent energy and its
      attractor with the fixed points, as `symmetry` draws them. Of another SDE: the attractor with
      the fixed points.
    - The drift, its reversible and its irreversible part over the density, as `irreversibility`
      draws them: by the grid if that can be trusted, by the score otherwise.
    - The Lyapunov exponents, the eigenvalues of the fixed points and, of a network, the principal
      variances of its neurons.

    In one dimension the attractor is drawn in time, and fixed points on the curve of the drift.

    - `target`: an analysis of what the network embeds, whose Lyapunov exponents are to stand beside
      the network's.

    Returns the figure. Raises `InputError` if there is nothing to draw.
    """
    for record in (analysis,) if target is None else (analysis, target):
        if not isinstance(record, Analysis):
            raise InputError(f"pass what analyse returned, got {type(record).__name__}")
    rows = _rows(analysis, target)
    if not rows:
        raise InputError(f"there is nothing to draw of {analysis.name}: all of it was skipped")
    heights = [height for height, _, _ in rows]
    fig = page(fig, PAGE_WIDTH, sum(heights))
    parts = np.atleast_1d(np.asarray(fig.subfigures(len(rows), 1, height_ratios=heights)))
    for (_, lines, draw), part, letter in zip(rows, parts, "abcd", strict=False):
        draw(part)
        if len(rows) > 1:
            label_panel(_first_axes(part), letter, lines=lines)
    return fig


def _rows(analysis: Analysis, target: Analysis | None) -> list[Row]:
    """Of a network what is its own first, of another SDE its attractor."""
    panels = _panels(analysis, target)
    rows: list[Row] = []
    if analysis.symmetry is not None and analysis.run is not None:
        rows.append((_SYMMETRY, 2, lambda part: _taken_apart(analysis, part)))
        if analysis.dimension == 1:
            panels.insert(0, lambda ax: _attractor(analysis, ax))
    else:
        panels = _state_space(analysis) + panels
        if panels:
            first, panels = panels[:_IN_A_ROW], panels[_IN_A_ROW:]
            rows.append((_PANELS, 1, lambda part: _side_by_side(first, part)))
    record = _fields(analysis)
    if record is not None:
        rows.append((_IRREVERSIBILITY, 2, lambda part: irreversibility(record, fig=part)))
    if panels:
        rows.append((_PANELS, 1, lambda part: _side_by_side(panels, part)))
    points = analysis.fixed_points
    if analysis.run is not None and points is not None and analysis.dimension > 1:
        height, lines, draw = rows[0]
        rows[0] = height + _KEY, lines, lambda part: _with_key(draw, height, part)
    return rows


def _with_key(draw: Callable[[Any], Any], height: float, part: SubFigure) -> None:
    """A row, and below it what the markers of its fixed points stand for."""
    both: Any = part.subfigures(2, 1, height_ratios=(height, _KEY))
    above, below = both
    draw(above)
    handles, labels = _first_axes(above).get_legend_handles_labels()
    below.legend(handles, labels, loc="center left", ncols=len(labels), borderaxespad=0)


def _first_axes(part: SubFigure) -> Axes:
    """The one that the letter of a row stands beside; sheets may have rows of their own."""
    while not part.axes:
        part = part.subfigs[0]
    return part.axes[0]


def _side_by_side(panels: list[Panel], part: SubFigure) -> None:
    grid = part.add_gridspec(1, len(panels))
    for column, draw in enumerate(panels):
        draw(part.add_subplot(grid[0, column]))


def _panels(analysis: Analysis, target: Analysis | None) -> list[Panel]:
    """Those of spectra."""
    panels: list[Panel] = []
    of_network = analysis.neural_lyapunov or analysis.lyapunov
    of_target = None if target is None else target.lyapunov
    if analysis.num_neurons is None:
        of_network, of_target = None, analysis.lyapunov
    if of_network or of_target:
        panels.append(lambda ax: _exponents(of_target, of_network, ax))
    points = analysis.fixed_points
    if points is not None and analysis.dimension > 1 and len(points.points) > 0:
        panels.append(lambda ax: eigenvalues(points, ax=ax))
    if analysis.subspace is not None:
        panels.append(lambda ax: _variances(analysis, ax))
    return panels


def _state_space(analysis: Analysis) -> list[Panel]:
    """The attractor with its fixed points, or in one dimension the one beside the other."""
    panels: list[Panel] = []
    points = analysis.fixed_points
    if analysis.run is not None:
        panels.append(lambda ax: _attractor(analysis, ax))
    if points is not None and analysis.dimension == 1:
        panels.append(lambda ax: fixed_points(points, ax=ax, sde=analysis.sde, legend=True))
    return panels


def _attractor(analysis: Analysis, ax: Axes) -> None:
    run = analysis.run
    assert run is not None
    view = View.of(run.states, named=run)
    attractor(run, ax=ax, sde=analysis.sde, view=view)
    ax.set_title(spoken(analysis.name))
    if analysis.fixed_points is not None and view.dim > 1:
        _mark(analysis, ax, view)


def _mark(analysis: Analysis, ax: Axes, view: View) -> None:
    """Fixed points, over an attractor or the curve of a drift."""
    points = analysis.fixed_points
    assert points is not None
    fixed_points(points, view=view, legend=False, ax=ax)


def _taken_apart(analysis: Analysis, part: SubFigure) -> None:
    run, parts = analysis.run, analysis.symmetry
    assert run is not None
    assert parts is not None
    view = View.of(run.states, named=run)
    symmetry(parts, run, label=spoken(analysis.name), view=view, fig=part)  # pyright: ignore[reportArgumentType]
    if analysis.fixed_points is not None:
        _mark(analysis, part.axes[0], view)


def _fields(analysis: Analysis) -> Irreversibility | None:
    """Of the two records the one to be trusted more."""
    by_grid, by_score = analysis.grid_irreversibility, analysis.irreversibility
    if by_grid is not None and (by_grid.outcome.ok or by_score is None):
        return by_grid
    return by_score


def _exponents(of_target, of_network, ax: Axes) -> None:
    lyapunov(of_target, of_network, ax=ax)
    ax.set_title("Lyapunov exponents")


def _variances(analysis: Analysis, ax: Axes) -> None:
    """The principal variances of the neurons, and how far what they span is off the subspace."""
    found, alignment = analysis.subspace, analysis.alignment
    assert found is not None
    variance = np.maximum(found.variance[:_COMPONENTS], _ROUNDING * found.variance[0])
    index, k = np.arange(1, len(variance) + 1), found.dimension
    ax.plot(index[:k], variance[:k], "o", ms=3, color=NETWORK, label="in the subspace")
    ax.plot(index[k:], variance[k:], "o", ms=3, color=GREY, mfc="white", mew=0.7, label="beyond")
    ax.legend(loc="center right", handletextpad=0.2)
    ax.axvline(k + 0.5, color=GREY, lw=0.6, ls=(0, (3, 2)), zorder=0)
    words = [f"$k$ = {k}"]
    if alignment is not None:
        words.append(f"largest angle {brief(alignment.principal_angles.max())} rad")
    ax.annotate("\n".join(words), (k + 0.5, 1), xycoords=("data", "axes fraction"), va="top",
                xytext=(4, -2), textcoords="offset points", fontsize=7)  # fmt: skip
    ax.set(yscale="log", xlabel="component", ylabel="variance", title="principal variances")
    ax.margins(y=0.12)
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
