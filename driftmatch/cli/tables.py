"""How numbers, tables and verdicts look on the terminal."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def plain_table(*headings: str) -> "Table":
    """A table with words on the left and numbers on the right; no header if no heading has text."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=any(headings))
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="left" if i == 0 else "right")
    return table


def number(value: float | None, digits: int = 2) -> str:
    """To so many significant digits, trailing zeros and all; a dash for what is not there."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 10**6:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def percent(value: float | None) -> str:
    """A fraction or a relative error to two digits."""
    shown = number(None if value is None else 100 * value)
    return shown if shown == "–" else f"{shown} %"


def pair(values: Iterable[float | None]) -> str:
    """With signs: of the symmetric part, then of the asymmetric one."""
    return ", ".join("–" if v is None or not math.isfinite(v) else f"{v:+.2f}" for v in values)


def with_error(value: float, error: float) -> str:
    """``0.906 ± 0.003``, both to the first digit of the error; tiny ones as powers of ten."""
    if not (math.isfinite(value) and math.isfinite(error)):
        return "–"
    if 0 < max(abs(value), error) < 1e-4:
        return f"{value:.1e} ± {error:.0e}"
    digits = -math.floor(math.log10(error)) if error > 0 else 3
    value, error = round(value, digits) + 0.0, round(error, digits)  # no negative zero
    decimals = max(0, digits)
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def verdict(sentence: str, *, good: bool) -> str:
    """A sentence in a colour that says how it stands."""
    from rich.markup import escape

    return f"[{'green' if good else 'yellow'}]{escape(sentence)}[/]"
