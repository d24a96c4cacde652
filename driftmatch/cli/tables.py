"""How numbers, tables and verdicts look on the terminal."""

import math
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from driftmatch.outcomes import Outcome


def plain_table(*headings: str) -> Table:
    """A table with words on the left and numbers on the right; no header if no heading has text."""
    table = Table(box=box.SIMPLE_HEAD, show_header=any(headings), pad_edge=False)
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="left" if i == 0 else "right")
    return table


def error(value: float | None) -> str:
    """A relative error as a percentage to two digits."""
    return number(None if value is None else 100 * value) + " %"


def number(value: float | None, digits: int = 2) -> str:
    """To so many significant digits; a dash for what is not there."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.{digits}g}"


def verdict(outcome: "Outcome") -> str:
    """The outcome in words, in a colour that says how it stands."""
    return f"[{'green' if outcome.ok else 'yellow'}]{outcome}[/]"
