"""Which columns of a table are coordinates, which one is time, and what their headings say."""

import re
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from driftmatch.arguments import as_list, as_scalar, shown
from driftmatch.errors import InputError
from driftmatch.words import did_you_mean

TIMES = {"time", "times", "t", "timestamp", "timestamps", "datetime", "date"}
SEGMENTS = {"segment", "segments", "trial", "trials", "trajectory", "trajectories"}
_UNIT = re.compile(r"(?P<name>.*\S)\s*(\[(?P<unit>[^\[\]]*)\]|\((?P<other>[^()]*)\))")

Word = str | int


class Asked(NamedTuple):
    """What `read_recording` was asked for: columns by heading or place, None for what is to be
    found; `has_dt`: whether it was told the interval."""

    columns: Sequence[Word] | None = None
    time: Word | None = None
    segment: Word | None = None
    has_dt: bool = False

    @property
    def seeks_time(self) -> bool:
        """Whether to look for a column of times: not if columns and interval are given."""
        return self.time is None and not (self.has_dt and self.columns is not None)


class Plan(NamedTuple):
    """The places of coordinates, time and segment among the columns."""

    places: list[int]
    time: int | None
    segment: int | None
    coordinates: tuple[str, ...] | None
    units: tuple[str, ...] | None
    notes: tuple[str, ...]


def checked(columns: Any, time: Any, segment: Any, has_dt: bool) -> Asked:
    """Raises `InputError` unless these are headings or places."""
    if columns is not None:
        listed = [columns] if _is_word(columns) else as_list(columns)
        if not listed or not all(_is_word(word) for word in listed):
            raise InputError(
                f"columns must be a list of headings or of places from 0, got {shown(columns)}"
            )
        columns = listed
    for what, word in (("time", time), ("segment", segment)):
        if word is not None and not _is_word(word):
            raise InputError(f"{what} must be the heading of a column, got {shown(word)}")
    return Asked(columns, time, segment, has_dt)


def plan(source: str, headings: Sequence[str], asked: Asked, unnamed: Collection[int] = ()) -> Plan:
    """What is what; `unnamed` are columns without a heading, to be left out."""
    names = [split(heading)[0] for heading in headings]
    notes = []
    time, segment = (
        None if word is None else place(source, headings, word)
        for word in (asked.time, asked.segment)
    )
    if asked.seeks_time and (time := _called(names, TIMES)) is not None:
        notes.append(f"times are those of the column {headings[time]!r}")
    if asked.segment is None and (segment := _called(names, SEGMENTS)) is not None:
        notes.append(f"segments are those of the column {headings[segment]!r}")
    if asked.columns is not None:
        places = [place(source, headings, word) for word in asked.columns]
        if len(set(places)) < len(places):
            raise InputError(f"columns must be different, got {shown(list(asked.columns))}")
        time = None if time in places and asked.time is None else time
        segment = None if segment in places and asked.segment is None else segment
    else:
        places = [i for i in range(len(headings)) if i not in (time, segment, *unnamed)]
    if not places or time in places or segment in places:
        raise InputError(
            f"{source} must have a column beside those of time and segments, got "
            f"{', '.join(map(repr, headings))}"
        )
    chosen = [headings[i] for i in places]
    if twice := [heading for heading in chosen if chosen.count(heading) > 1]:
        raise InputError(
            f"headings of {source} must differ, got {twice[0]!r} twice: rename one, or choose with "
            "columns="
        )
    coordinates, units = named(chosen)
    return Plan(places, time, segment, coordinates, units, tuple(notes))


def named(headings: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Names and units of coordinates; whole headings where the names alone would not differ."""
    names, units = zip(*map(split, headings), strict=True)
    if len(set(names)) < len(names):
        return tuple(headings), None
    return names, units if any(units) else None


def split(heading: str) -> tuple[str, str]:
    """Name and unit of ``V [mV]`` or ``V (mV)``; the unit is "" if there is none."""
    found = _UNIT.fullmatch(heading.strip())
    if found is None:
        return heading.strip(), ""
    return found["name"], (found["unit"] or found["other"] or "").strip()


def place(source: str, headings: Sequence[str], word: Word, what: str = "column") -> int:
    """Where a column is that is called by its heading, by the name in it, or by its place."""
    number = as_scalar(word)
    if number is not None:
        if not 0 <= number < len(headings):
            raise InputError(f"{source} has {what}s 0 to {len(headings) - 1}, got {shown(word)}")
        return int(number)
    names = [split(heading)[0] for heading in headings]
    for choices in (list(headings), names):
        if choices.count(str(word)) == 1:
            return choices.index(str(word))
    raise InputError(f"{source} has no {what} {shown(word)}{did_you_mean(word, names)}")


def _is_word(value: Any) -> bool:
    return isinstance(value, str) or isinstance(as_scalar(value), int)


def _called(names: Sequence[str], words: set[str]) -> int | None:
    """The first column that is called so."""
    return next((i for i, name in enumerate(names) if name.lower() in words), None)
