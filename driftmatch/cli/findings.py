"""An analysis as a table, the target's beside the network's, and in words what to think of it."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from driftmatch.cli.tables import number, pair, percent, plain_table, verdict, with_error

if TYPE_CHECKING:
    from rich.console import RenderableType

    from driftmatch.analysis.fixed_points import FixedPoints
    from driftmatch.analysis.summary import Analysis

_POINTS = 6  # fixed points listed
_EXPONENTS = 6
_COORDINATES = 4
_OF_NETWORKS = ("neural_lyapunov", "symmetry", "symmetry_roles", "subspace", "alignment")

# A label, the part that it belongs to, and what is shown of that part.
Row = tuple[str, str, Callable[[Any], str]]


def findings(title: str, analyses: Mapping[str, "Analysis"]) -> "Iterator[RenderableType]":
    """A table with a column for each analysis, then what is doubtful or was left out.

    `analyses`: by heading; the network is last.
    """
    table = plain_table(title, *analyses)
    records = list(analyses.values())
    groups = [
        [
            ["neurons", *("" if a.num_neurons is None else str(a.num_neurons) for a in records)],
            ["time scale", *(number(a.time_scale, 3) for a in records)],
        ],
        _fixed_points(records),
        *([_cells(row, records) for row in rows] for rows in _groups(records)),
    ]
    groups = [[row for row in group if any(row[1:])] for group in groups]
    for i, group in enumerate(group for group in groups if group):
        if i > 0:
            table.add_row()
        for row in group:
            table.add_row(*row)
    yield table
    yield ""
    yield from _in_words(analyses)


def _groups(records: list["Analysis"]) -> list[list[Row]]:
    """The numbers of all parts but the fixed points."""
    spectra = [a.lyapunov for a in records if a.lyapunov is not None]
    length = max((len(s.exponents) for s in spectra), default=0)
    exponents: list[Row] = [
        (f"Lyapunov exponent {i + 1}", "lyapunov", lambda s, i=i: _exponent(s, i))
        for i in range(min(length, _EXPONENTS))
    ]
    return [
        [
            *exponents,
            ("  sum", "lyapunov", lambda s: with_error(s.sum, s.sum_standard_error)),
            ("Kaplan–Yorke dimension", "lyapunov", lambda s: number(s.dimension, 3)),
        ],
        [
            (
                "all neurons: leak −1/τ, how often",
                "neural_lyapunov",
                lambda s: f"{number(s.leak, 3)}, {s.num_leak}×",
            ),
            ("  sum", "neural_lyapunov", lambda s: with_error(s.sum, s.sum_standard_error)),
            ("  Kaplan–Yorke dimension", "neural_lyapunov", lambda s: number(s.dimension, 3)),
        ],
        [
            ("entropy production, by score", "irreversibility", _production),
            ("  by grid", "grid_irreversibility", _production),
        ],
        [
            ("asymmetry ‖W₋‖²/‖W‖²", "symmetry", lambda p: number(p.asymmetry, 3)),
            (
                "symmetric part descends at",
                "symmetry_roles",
                lambda r: percent(r.descending_fraction),
            ),
            *_roles(),
        ],
        [
            ("subspace of the neurons, dimension", "subspace", lambda s: str(s.dimension)),
            ("  gap, in standard deviations", "subspace", lambda s: _gap(s.gap)),
            (
                "  largest principal angle, rad",
                "alignment",
                lambda a: number(float(a.principal_angles.max())),
            ),
            ("  error of recovered states", "alignment", lambda a: number(a.error)),
        ],
    ]


def _roles() -> Iterator[Row]:
    """Each role of the symmetric and of the asymmetric part."""
    for name in ("outward", "restoring", "motion", "size"):
        yield (
            f"  sym., asym. part: {name}",
            "symmetry_roles",
            lambda r, n=name: pair(getattr(r, n)),
        )


def _cells(row: Row, records: list["Analysis"]) -> list[str]:
    """A row's texts, blank where there is no such part; what is doubtful has a question mark."""
    label, part, show = row
    cells = [label]
    for analysis in records:
        value = getattr(analysis, part)
        text = "" if value is None else show(value)
        cells.append(f"{text} ?" if text and part in analysis.doubtful else text)
    return cells


def _fixed_points(records: list["Analysis"]) -> list[list[str]]:
    """How many, and of each its kind and place; a network's beside those of its target."""
    found = [a.fixed_points for a in records]
    orders = [[] if points is None else _order(points, found[0]) for points in found]
    length = max(map(len, orders))
    shown = range(min(length, _POINTS))
    labels = ["fixed points", *(text for i in shown for text in (f"  {i + 1}", "    at"))]
    labels += [f"  and {length - _POINTS} more, see --json"] * (length > _POINTS)
    labels += ["slow points", "  slowest |f|, root mean square"]
    columns = [labels]
    for analysis, points, order in zip(records, found, orders, strict=True):
        texts = [""] * len(labels)
        if points is not None:
            doubt = " ?" if "fixed_points" in analysis.doubtful else ""
            texts[0], texts[-2:] = f"{len(points.points)}{doubt}", _slow(points)
            for i, which in zip(shown, order, strict=False):
                if which is not None:
                    texts[2 * i + 1 : 2 * i + 3] = points.kind[which], _place(points, which)
            if length > _POINTS:
                texts[-3] = "…"
        columns.append(texts)
    return [list(row) for row in zip(*columns, strict=True)]


def _order(points: "FixedPoints", beside: "FixedPoints | None") -> list[int | None]:
    """In which order to list points so that each stands beside the one that it corresponds to."""
    if beside is None or points is beside:
        return list(range(len(points.points)))
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    rows, columns = linear_sum_assignment(cdist(beside.points, points.points))
    order: list[int | None] = [None] * len(beside.points)
    for row, column in zip(rows, columns, strict=True):
        order[row] = int(column)
    return order + [i for i in range(len(points.points)) if i not in columns]


def _place(points: "FixedPoints", which: int) -> str:
    """To two digits below the size of the box, at most four of the coordinates."""
    size = float(max(abs(points.box).max(), 1e-12))
    decimals = max(0, 2 - math.floor(math.log10(size)))
    point = points.points[which]
    shown = [f"{round(float(z), decimals) + 0.0:.{decimals}f}" for z in point[:_COORDINATES]]
    return f"({', '.join(shown)}{', …' if len(point) > _COORDINATES else ''})"


def _slow(points: "FixedPoints") -> tuple[str, str]:
    """How many, and the slowest speed beside the usual one."""
    if len(points.slow_points) == 0:
        return "", ""
    speeds = float(points.slow_speeds[0]), points.typical_speed
    return str(len(points.slow_points)), ", ".join(map(number, speeds))


def _exponent(spectrum, i: int) -> str:
    if i >= len(spectrum.exponents):
        return ""
    return with_error(float(spectrum.exponents[i]), float(spectrum.standard_error[i]))


def _production(record) -> str:
    return with_error(record.entropy_production, record.standard_error)


def _gap(gap: float) -> str:
    return "∞" if gap == math.inf else number(gap)


def _in_words(analyses: Mapping[str, "Analysis"]) -> Iterator[str]:
    """What cannot be taken at its word, and what is not there and why; the same things once."""
    several = len(analyses) > 1
    doubts, gaps = {}, {}
    for who, analysis in analyses.items():
        for part, sentence in analysis.doubtful.items():
            doubts.setdefault(f"{_words(part)}: {sentence}", []).append(who)
        is_target = several and analysis.num_neurons is None
        for part, reason in analysis.skipped.items():
            if not (is_target and part in _OF_NETWORKS):
                gaps.setdefault(reason, {}).setdefault(part, []).append(who)
    for sentence, whose in doubts.items():
        yield verdict(f"? {_possessive(whose, several)}{sentence}", good=False)
    private = max(getattr(a.system, "private_noise", 0.0) for a in analyses.values())
    if private > 0:
        yield verdict(
            f"– private noise, s = {private:g}, is in the run, what comes from it "
            "and the neural exponents; the other exponents, entropy production and density are "
            "those of the latent SDE, which has none",
            good=False,
        )
    for reason, parts in gaps.items():
        whose = list(dict.fromkeys(who for owners in parts.values() for who in owners))
        names = ", ".join(map(_words, parts))
        yield verdict(f"– {_possessive(whose, several)}{names}: {reason}", good=False)


def _words(part: str) -> str:
    return part.replace("_", " ")


def _possessive(whose: list[str], several: bool) -> str:
    return " and ".join(f"{who}'s" for who in whose) + " " if several else ""
