"""Files of Neurodata Without Borders: HDF5 with a layout that all its time series share.

Read by h5py alone, so that no schema in a file is built into classes.
Source: NWB Format Specification 2.7, TimeSeries.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from driftmatch.errors import InputError
from driftmatch.recordings.collect import Chunk, collected
from driftmatch.recordings.columns import Asked, Word
from driftmatch.recordings.measured import Measured, numbers, rows_at_once
from driftmatch.recordings.netcdf import check_links
from driftmatch.words import did_you_mean, printable

_HOMES = ("acquisition", "processing", "stimulus/presentation", "analysis")


class _Series(NamedTuple):
    """A time series: numbers of shape (T,) or (T, k), each times `scale` plus `offset`."""

    name: str
    data: Any
    group: Any
    scale: Any
    offset: float
    unit: str

    @property
    def width(self) -> int:
        return 1 if self.data.ndim == 1 else self.data.shape[1]


def of_nwb(path: Path, asked: Asked, *, in_memory: bool) -> Measured:
    """One time series, or several of the same times side by side: TimeSeries and all that it is
    the base of, such as ElectricalSeries and RoiResponseSeries."""
    import h5py

    if asked.time is not None:
        raise InputError(
            f"{path.name} has the times of every series in it: leave out time, and name series "
            "with columns="
        )
    with open(path, "rb") as file:
        check_links(file)
        with h5py.File(file, "r") as root:
            series = _chosen(path.name, root, asked)
            chunks = _chunks(path.name, series)
            if asked.segment is not None:
                chunks = _cut(chunks, *_intervals(path.name, root, str(asked.segment)))
            found = collected(path.name, chunks, in_memory=in_memory)
            names = [f"{s.name}{i}" for s in series for i in _numbered(s)]
            units = tuple(s.unit for s in series for _ in _numbered(s))
    note = f"the series {', '.join(s.name for s in series)} was read"
    return found._replace(
        coordinates=tuple(names) if len(set(names)) == len(names) else None,
        units=units if any(units) else None,
        notes=(note,),
    )


def _numbered(series: _Series) -> list[str]:
    """What its columns are told apart by."""
    return [""] if series.width == 1 else [f" {i + 1}" for i in range(series.width)]


def _chosen(source: str, root: Any, asked: Asked) -> list[_Series]:
    places = _places(root)
    if not places:
        raise InputError(f"{source} is empty: it must hold a time series of numbers")
    words: list[Word] = list(asked.columns or ())
    if asked.columns is None:
        if len(places) > 1:
            raise InputError(
                f"{source} holds several time series, {', '.join(places)[:200]}: name those to "
                "read with columns="
            )
        words = [places[0]]
    series = [_series(root, _place(source, places, word)) for word in words]
    if len({len(s.data) for s in series}) > 1 or any(
        not np.array_equal(_times(s, 0, len(s.data)), _times(series[0], 0, len(s.data)))
        for s in series[1:]
    ):
        raise InputError(
            f"{', '.join(s.name for s in series)} of {source} were not taken at the same times: "
            "read them one by one"
        )
    return series


def _places(root: Any) -> list[str]:
    """Of all time series of numbers."""
    import h5py

    found: list[str] = []

    def look(name: str, member: Any) -> None:
        data = member.get("data") if isinstance(member, h5py.Group) else None
        if not isinstance(data, h5py.Dataset) or data.dtype.kind not in "fiub":
            return
        is_timed = "timestamps" in member or "starting_time" in member
        if is_timed and data.ndim in (1, 2) and 0 not in data.shape:
            found.append(name)

    for home in _HOMES:
        if home in root:
            root[home].visititems(lambda name, member, home=home: look(f"{home}/{name}", member))
    return sorted(found)


def _place(source: str, places: list[str], word: Word) -> str:
    """By its path, or by the end of it."""
    ends = [p for p in places if p == word or p.endswith(f"/{word}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise InputError(f"{source} has several series {word!r}: give one of {', '.join(ends)}")
    names = [p.rpartition("/")[2] for p in places]
    raise InputError(f"{source} has no time series {word!r}{did_you_mean(word, names)}")


def _series(root: Any, place: str) -> _Series:
    group = root[place]
    data = group["data"]
    scale = float(data.attrs.get("conversion", 1.0))
    if "channel_conversion" in group and data.ndim == 2:
        scale = scale * np.asarray(group["channel_conversion"])
    unit = data.attrs.get("unit", "")
    unit = unit.decode() if isinstance(unit, bytes) else str(unit)
    name = printable(place.rpartition("/")[2])
    offset = float(data.attrs.get("offset", 0.0))
    return _Series(name, data, group, scale, offset, "" if unit == "n.a." else printable(unit))


def _chunks(source: str, series: list[_Series]) -> Iterator[Chunk]:
    T, width = len(series[0].data), sum(s.width for s in series)
    step = rows_at_once(width)
    for first in range(0, T, step):
        last = min(first + step, T)
        columns = [_numbers(source, s, first, last) for s in series]
        yield Chunk(np.concatenate(columns, axis=1), _times(series[0], first, last))


def _intervals(source: str, root: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """When the intervals of a table, such as trials, begin and end."""
    tables = list(root.get("intervals", ()))
    if name not in tables:
        raise InputError(f"{source} has no table of intervals {name!r}{did_you_mean(name, tables)}")
    table = root["intervals"][name]
    begin, end = (np.asarray(table[word][()], np.float64) for word in ("start_time", "stop_time"))
    order = np.argsort(begin)
    begin, end = begin[order], end[order]
    if not (np.all(begin[1:] >= end[:-1]) and np.all(end >= begin)):
        raise InputError(
            f"intervals {name!r} of {source} must not overlap: cut the recording into segments "
            "and pass them to Recording.of"
        )
    return begin, end


def _cut(chunks: Iterator[Chunk], begin: np.ndarray, end: np.ndarray) -> Iterator[Chunk]:
    """The samples within intervals, each of which is a segment."""
    for chunk in chunks:
        times = np.asarray(chunk.times)
        which = np.searchsorted(begin, times, side="right") - 1
        is_inside = (which >= 0) & (times <= end[which])
        yield Chunk(chunk.states[is_inside], times[is_inside], which[is_inside])


def _numbers(source: str, series: _Series, first: int, last: int) -> np.ndarray:
    array = numbers(f"{series.name} of {source}", series.data[first:last])
    if np.any(series.scale != 1) or series.offset != 0:
        array = array * series.scale + series.offset
    return array.reshape(len(array), -1)


def _times(series: _Series, first: int, last: int) -> np.ndarray:
    if "timestamps" in series.group:
        return np.asarray(series.group["timestamps"][first:last], np.float64)
    start = series.group["starting_time"]
    return float(start[()]) + np.arange(first, last) / float(start.attrs["rate"])
