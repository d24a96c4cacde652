"""Drift, reversible and irreversible part of a stationary SDE over its density."""

from collections.abc import Sequence

import numpy as np

from driftmatch.analysis.irreversibility.marginals import Marginal, checked_axes, marginal_of
from driftmatch.analysis.irreversibility.record import Irreversibility
from driftmatch.errors import InputError
from driftmatch.figures.parts.planes import density_bar, frame, resampled, shade
from driftmatch.figures.parts.runs import coordinate_names, spoken
from driftmatch.figures.parts.streams import NOTHING, lengths, stream
from driftmatch.figures.parts.style import (
    GREY,
    INK,
    NETWORK,
    PAGE_WIDTH,
    PALE,
    TARGET,
    Sheet,
    page,
    style,
    wrapped,
)

REVERSIBLE = "#00616B"
IRREVERSIBLE = "#A3195B"
_FULL = 0.95  # of the probability has fields no larger than the widest lines stand for
_TITLES = (
    "drift $f$",
    r"reversible $f_{\mathrm{rev}} = D∇\ln p + ∇·D$",
    r"irreversible $f_{\mathrm{irr}} = J/p$",
)
_ZERO = 1e-9  # per unit time
_COLORS = (INK, REVERSIBLE, IRREVERSIBLE)
_METHODS = {
    "grid": "on a grid",
    "score": "by the score",
    "linear": "closed form",
    "path": "along paths",
}


@style()
def irreversibility(
    record: Irreversibility, *, axes: Sequence[int] | None = None, fig: Sheet | None = None
) -> Sheet:
    """The drift and the two parts that it is split into, over the density in grey.

    One dimension: curves. Two: streamlines, on one scale: the wider, the larger. More: the same of
    two coordinates, averaged over the others given these, so that the parts still add up and the
    irreversible one still is a current without divergence over its density. All are drawn where
    99.9 % of the probability lies, and where a field is below 2 % of the scale, not at all:
    the reversible part is often nothing but noise beside a strong current.

    Above: the entropy production rate with its standard error, the route, and the outcome unless
    all is well.

    - `record`: what ``driftmatch.irreversibility`` returned.
    - `axes`: which coordinates, two numbers from 0; by default the first two.

    Returns the figure. Raises `InputError` if the record has no fields or the axes do not fit.
    """
    return _sheet([(record, None, INK)], axes, fig)


@style()
def compare_irreversibility(
    target: Irreversibility,
    network: Irreversibility,
    *,
    axes: Sequence[int] | None = None,
    fig: Sheet | None = None,
) -> Sheet:
    """Target above network, as `irreversibility` draws either, in one window and on one scale.

    Returns the figure. Raises `InputError` if their dimensions differ or either has no fields.
    """
    rows = [(target, "target", TARGET), (network, "network", NETWORK)]
    return _sheet(rows, axes, fig)


def _sheet(rows, axes: Sequence[int] | None, fig: Sheet | None) -> Sheet:
    for record, _, _ in rows:
        if not isinstance(record, Irreversibility):
            raise InputError(
                f"pass what irreversibility returned, got {type(record).__name__}; a density from "
                "stationary is drawn by figures.stationary"
            )
    marginals = [marginal_of(record, axes) for record, _, _ in rows]
    dims = [record.sde.dim for record, _, _ in rows]
    if len(set(dims)) > 1:
        raise InputError(f"the target has {dims[0]} dimensions and the network {dims[1]}")
    names = [coordinate_names(dims[0], rows[0][0].sde)[a] for a in checked_axes(axes, dims[0])]
    windows = [marginal.window() for marginal in marginals]
    low, high = np.min([w[0] for w in windows], axis=0), np.max([w[1] for w in windows], axis=0)
    fig = page(fig, PAGE_WIDTH, 58.0 * len(rows))
    draw = _curves if len(names) == 1 else _planes
    strips = np.atleast_1d(np.asarray(fig.subfigures(len(rows), 1)))
    panels = [[strip.add_subplot(1, 3, c + 1) for c in range(3)] for strip in strips]
    note = draw(panels, marginals, low, high, names)
    for strip, row, (record, label, color) in zip(strips, panels, rows, strict=True):
        heading = _heading(record, label or spoken(record.name), strip)
        strip.suptitle(heading, color=color, x=0.03, ha="left", size="medium")
        for ax, title, ink in zip(row, _TITLES, _COLORS, strict=True):
            ax.set_title(title, color=ink)
    strips[0].text(0.99, 0.98, note, color=GREY, ha="right", va="top", fontsize=7)
    return fig


def _heading(record: Irreversibility, label: str, strip) -> str:
    """A line about a whole row, and the outcome below it unless all is well."""
    method = _METHODS.get(record.method, record.method)
    line = rf"{label}: $\dot σ$ = {rate(record)} $k_B$ per unit time, {method}"
    if record.outcome.ok:
        return line
    points = strip.bbox.width * 72 / strip.get_dpi()
    return f"{line}\n{wrapped(str(record.outcome), points, 7.5)}"


def rate(record: Irreversibility) -> str:
    """σ̇ ± its standard error, both to the first digit of the error."""
    value, error = record.entropy_production, record.standard_error
    if abs(value) < _ZERO and error < _ZERO:
        return "0"
    if not error > 0:
        return f"{value:.6g}".replace("-", "−")
    power = int(np.floor(np.log10(max(abs(value), error))))
    if power < -3:
        return rf"({_rounded(value / 10.0**power, error / 10.0**power)}) × 10$^{{{power}}}$"
    return _rounded(value, error)


def _rounded(value: float, error: float) -> str:
    decimals = max(0, int(-np.floor(np.log10(error))))
    return f"{value:.{decimals}f} ± {error:.{decimals}f}".replace("-", "−")


def _planes(panels, marginals: list[Marginal], low, high, names) -> str:
    full = max(_size(marginal.fields, marginal, low, high) for marginal in marginals)
    top = max(marginal.density.max() for marginal in marginals)
    for row, marginal in zip(panels, marginals, strict=True):
        for ax, field, color in zip(row, marginal.fields, _COLORS, strict=True):
            image = shade(ax, marginal.grid, marginal.density, top)
            frame(ax, low, high, names)
            if _size([field], marginal, low, high) <= NOTHING * full:
                ax.annotate("below 2 %\nof the scale", (0.97, 0.02), xycoords="axes fraction",
                            color=color, fontsize=7, ha="right", va="bottom")  # fmt: skip
            else:
                values = resampled(marginal.grid, field, low, high)
                stream(ax, values, low, high, full=full, color=color)
        density_bar(row[-1], image, names)
    return f"widest lines: {full:.2g} sides of the picture per unit time"


def _size(fields, marginal: Marginal, low, high) -> float:
    """Of 95 % of the probability, fields are no larger."""
    size = np.concatenate([lengths(f, low, high).ravel() for f in fields])
    weight = np.tile(marginal.density.ravel(), len(fields))
    known = np.isfinite(size)
    size, weight = size[known], weight[known]
    order = np.argsort(size)
    mass = np.cumsum(weight[order])
    return float(size[order][np.searchsorted(mass, _FULL * mass[-1])])


def _curves(panels, marginals: list[Marginal], low, high, names) -> str:
    top = max(float(np.nanmax(np.abs(m.fields))) for m in marginals)
    for row, marginal in zip(panels, marginals, strict=True):
        (z,) = marginal.grid.axes
        for ax, field, color in zip(row, marginal.fields, _COLORS, strict=True):
            back = ax.twinx()
            back.fill_between(z, marginal.density, color=PALE, lw=0, alpha=0.6)
            back.set_ylim(0, None)
            back.axis("off")
            ax.set_zorder(back.get_zorder() + 1)
            ax.patch.set_visible(False)
            ax.axhline(0, color=GREY, lw=0.5)
            ax.plot(z, field[:, 0], color=color)
            ax.set(xlabel=names[0], xlim=(low[0], high[0]), ylim=(-1.05 * top, 1.05 * top))
        row[0].set_ylabel("$z$ per unit time")
    return ""
