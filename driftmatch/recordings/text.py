"""Tables in text files: CSV, with whatever separates, and what NumPy writes."""

import codecs
import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from driftmatch.errors import InputError
from driftmatch.recordings.columns import Asked
from driftmatch.recordings.measured import Measured, rows_at_once
from driftmatch.recordings.tables import of_frames

if TYPE_CHECKING:
    import pandas

_SEPARATORS = ("\t", ";", "|", ",", " ")
_HEAD = 2**16  # bytes that are looked at to find out
_COMMENTS = ("#", "%")
_MISSING = {"", "na", "nan", "n/a", "null", "none", "-", "."}


class _Form(NamedTuple):
    """How a file is written; `headings`: None if it has none; `skip`: lines before the rows."""

    encoding: str
    separator: str
    decimal: str
    headings: list[str] | None
    skip: int
    width: int


def of_text(path: Path, asked: Asked, *, in_memory: bool) -> Measured:
    """A file of columns, separated by commas, semicolons, tabs, bars or blanks."""
    form = _form(path)
    _check_end(path, form)
    headings = form.headings or [str(i) for i in range(form.width)]
    return of_frames(
        path.name, _frames(path, form, headings), asked, in_memory=in_memory,
        has_headings=form.headings is not None,
    )  # fmt: skip


def _frames(path: Path, form: _Form, headings: list[str]) -> "Iterator[pandas.DataFrame]":
    import pandas

    options: dict[str, Any] = {
        "sep": r"\s+" if form.separator == " " else form.separator,
        "decimal": form.decimal,
        "header": None,
        "names": range(form.width),
        "index_col": False,
        "skiprows": form.skip,
        "skipinitialspace": True,
        "comment": "#",
        "encoding": form.encoding,
        "encoding_errors": "replace",
        "chunksize": rows_at_once(form.width),
        "low_memory": False,
        "float_precision": "round_trip",
    }
    try:
        with open(path, "rb") as file, pandas.read_csv(file, **options) as reader:
            for frame in reader:
                frame.columns = headings
                yield frame
    except pandas.errors.EmptyDataError:
        return
    except pandas.errors.ParserError as error:
        reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise InputError(
            f"{path.name} is no table of {form.width} columns ({reason}): every row must have as "
            "many as the first"
        ) from error


def _form(path: Path) -> _Form:
    with open(path, "rb") as file:
        head = b"".join([*file.readlines(_HEAD), *itertools.islice(file, 2)])  # of whole lines
    if not head.strip():
        raise InputError(f"{path.name} is empty: it must hold samples, one a row")
    encoding = _encoding(path, head)
    lines = head.decode(encoding, errors="replace").rstrip(chr(0xFFFD)).splitlines()
    first = 0
    while first < len(lines) and (not lines[first].strip() or _is_comment(lines[first])):
        first += 1
    rows = [line for line in lines[first : first + 50] if line.strip()]
    if not rows:
        raise InputError(f"{path.name} is empty: it must hold samples, one a row")
    separator = _separator(rows)
    cells = [_cells(line, separator) for line in rows]
    headings, width = None, len(cells[min(1, len(cells) - 1)])
    is_numbered = cells[0] == ["", *map(str, range(width - 1))]  # as pandas writes an array
    has_headings = is_numbered or not all(map(_is_number, cells[0]))
    if has_headings:
        headings, first = cells[0], first + 1
        if len(headings) != width:
            raise InputError(
                f"{path.name} has {len(headings)} headings and {width} columns: give every column "
                "one heading, in quotes where it holds what separates columns"
            )
    elif first > 0 and _is_comment(lines[first - 1]):  # as NumPy writes headings
        above = _cells(lines[first - 1].strip().lstrip("#%"), separator)
        headings = above if len(above) == width and not all(map(_is_number, above)) else None
    # Where commas separate columns, one within quotes separates thousands.
    has_commas = any("," in c and _is_number(c) for row in cells[1:] for c in row)
    decimal = "," if has_commas and separator != "," else "."
    return _Form(encoding, separator, decimal, headings, first, width)


def _encoding(path: Path, head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:
        raise InputError(f"{path.name} is no text: give a file of the kind that its name says")
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _separator(rows: list[str]) -> str:
    """The first that splits the rows into equally many cells, more than one; headings may hold
    blanks, so that they do not count."""
    for separator in _SEPARATORS:
        counts = {len(_cells(row, separator)) for row in rows[1:] or rows}
        if len(counts) == 1 and counts != {1}:
            return separator
    best = {s: max(len(_cells(row, s)) for row in rows) for s in (",", "\t", ";")}
    return max(best, key=lambda s: best[s])


def _cells(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(_COMMENTS)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return cell.lower() in _MISSING
    return True


def _last_line(path: Path) -> bytes:
    """That is not blank."""
    with open(path, "rb") as file:
        size, length = file.seek(0, 2), _HEAD
        while True:
            file.seek(max(0, size - length))
            _, found, last = file.read().rstrip(b"\r\n ").rpartition(b"\n")
            if found or length >= size:
                return last
            length *= 4


def _check_end(path: Path, form: _Form) -> None:
    """A file that was cut off has too few cells in its last line."""
    if form.encoding == "utf-16":
        return
    last = _last_line(path).decode(form.encoding, errors="replace")
    if not _is_comment(last):
        count = len(_cells(last, form.separator))
        if count < form.width:
            raise InputError(
                f"{path.name} is truncated: its last line has {count} of {form.width} columns; "
                "copy it again, or remove that line"
            )
