"""Tables of pandas, in chunks of rows, as recordings."""

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from jaxtyping import Float

from driftmatch.errors import InputError
from driftmatch.recordings.collect import Chunk, collected
from driftmatch.recordings.columns import SEGMENTS, TIMES, Asked, Plan, plan, split
from driftmatch.recordings.dates import Clock
from driftmatch.recordings.measured import Measured
from driftmatch.words import printable

if TYPE_CHECKING:
    import pandas

_NAMELESS = ("", "__index_level_0__")  # headings of an index without a name, as pandas writes them


def of_pandas(data: Any, asked: Asked) -> Measured:
    """A DataFrame or a Series. A level of the index counts as a column if it is asked for, is
    called as times or segments are, or holds dates or floats where no column is called time."""
    is_series = data.ndim == 1
    name = _text(data.name) if is_series else ""
    frame = data.to_frame(name) if is_series else data
    found = of_frames(name or "the table", iter([_with_index(frame, asked)]), asked)
    if is_series and not name:
        found = found._replace(coordinates=None)
    return found._replace(name=name or None)


def _with_index(frame: "pandas.DataFrame", asked: Asked) -> "pandas.DataFrame":
    table = frame.reset_index(drop=True)
    table.columns = [_text(heading) for heading in frame.columns]
    wanted = {asked.time, asked.segment, *(asked.columns or ())}
    for level, name in enumerate(map(_text, frame.index.names)):
        values = frame.index.get_level_values(level)
        is_called = name in wanted or split(name)[0].lower() in TIMES | SEGMENTS
        if not is_called and not _are_timed(table.columns) and values.dtype.kind in "Mmf":
            name, is_called = "time", True
        if is_called and name not in table.columns:
            table.insert(0, name, values)
    return table


def of_frames(
    source: str,
    frames: "Iterator[pandas.DataFrame]",
    asked: Asked,
    *,
    in_memory: bool = True,
    has_headings: bool = True,
) -> Measured:
    """Chunks of one table, whose columns have text for headings."""
    first = next(frames, None)
    if first is None or len(first) == 0:
        raise InputError(f"{source} is empty: it must hold samples, one a row")
    headings = [printable(heading) for heading in map(_text, first.columns)]
    unnamed, notes = [], []
    for i, heading in enumerate(headings):
        if heading in _NAMELESS and has_headings and len(headings) > 1:
            if first.iloc[:, i].dtype.kind in "Mmf" and not _are_timed(headings):
                headings[i] = "time"
            else:
                unnamed.append(i)
                notes.append(f"column {i}, which has no heading, is left out")
    chosen = plan(source, headings, asked, unnamed)
    rows = _Rows(source, headings, chosen)
    found = collected(source, map(rows.read, itertools.chain([first], frames)), in_memory=in_memory)
    return found._replace(
        coordinates=chosen.coordinates if has_headings else None,
        units=chosen.units if has_headings else None,
        notes=(*chosen.notes, *notes),
    )


class _Rows:
    """Turns rows into numbers, and says where they are none."""

    def __init__(self, source: str, headings: list[str], chosen: Plan):
        self.source, self.headings, self.chosen = source, headings, chosen
        self.clock, self.first = Clock(source), 0

    def read(self, frame: "pandas.DataFrame") -> Chunk:
        chosen = self.chosen
        columns = [self._numbers(frame.iloc[:, i], i) for i in chosen.places]
        times = None if chosen.time is None else self._times(frame.iloc[:, chosen.time])
        segment = None if chosen.segment is None else self._labels(frame.iloc[:, chosen.segment])
        self.first += len(frame)
        return Chunk(np.stack(columns, axis=1), times, segment)

    def _numbers(self, column: "pandas.Series", which: int) -> Float[np.ndarray, " t"]:
        """Missing ones are NaN."""
        from pandas.api import types

        if column.dtype in (np.float32, np.float64):
            return column.to_numpy()
        if types.is_complex_dtype(column.dtype):
            raise InputError(
                f"column {self.headings[which]!r} of {self.source} is complex: pass real and "
                "imaginary parts as two columns"
            )
        if types.is_numeric_dtype(column.dtype):  # also truth values
            return column.to_numpy(np.float64, na_value=np.nan)
        return self._parsed(column, which)

    def _parsed(self, column: "pandas.Series", which: int) -> Float[np.ndarray, " t"]:
        """Of text or objects."""
        import pandas

        if column.dtype.kind not in "mM":
            values = cast(
                "pandas.Series", pandas.to_numeric(column.astype(object), errors="coerce")
            )
            wrong = np.flatnonzero(values.isna() & column.notna())
            if len(wrong) == 0 and values.dtype.kind in "fiub":
                return values.to_numpy(np.float64, na_value=np.nan)
            at = int(wrong[0]) if len(wrong) else 0
        else:
            at = 0
        raise InputError(
            f"column {self.headings[which]!r} of {self.source} holds {_short(column.iloc[at])} in "
            f"row {self.first + at + 1} (counted from 1), which is no number: correct it, leave it "
            "empty where a number is missing, or name the columns to read with columns="
        )

    def _times(self, column: "pandas.Series") -> Float[np.ndarray, " t"]:
        import pandas
        from pandas.api import types

        kind = column.dtype
        if not (types.is_numeric_dtype(kind) or kind.kind in "mM"):
            values = cast(
                "pandas.Series", pandas.to_numeric(column.astype(object), errors="coerce")
            )
            if values.notna().all():
                return values.to_numpy(np.float64)
            try:
                column = pandas.to_datetime(column, format="ISO8601", utc=True)
            except (TypeError, ValueError, OverflowError):
                return self._parsed(column, self.chosen.time or 0)
        if isinstance(column.dtype, pandas.DatetimeTZDtype):
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        if types.is_numeric_dtype(column.dtype):
            return column.to_numpy(np.float64, na_value=np.nan)
        return self.clock.seconds(column.to_numpy(), self.first)

    def _labels(self, column: "pandas.Series") -> np.ndarray:
        if (missing := np.flatnonzero(column.isna())).size:
            raise InputError(
                f"the segment of row {self.first + missing[0] + 1} (counted from 1) of "
                f"{self.source} is missing: fill it in, or leave the row out"
            )
        return column.astype(str).to_numpy(object)


def _are_timed(headings: Iterable[str]) -> bool:
    return any(split(heading)[0].lower() in TIMES for heading in headings)


def _text(heading: Any) -> str:
    return "" if heading is None else str(heading)


def _short(value: Any) -> str:
    text = repr(printable(str(value)))
    return text if len(text) <= 40 else f"{text[:37]}..."
