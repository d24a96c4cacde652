"""Arrays in the files of NumPy."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from driftmatch.arguments import as_scalar
from driftmatch.errors import InputError
from driftmatch.recordings.columns import TIMES, Asked, place, split
from driftmatch.recordings.dates import Clock
from driftmatch.recordings.measured import Measured, rows_at_once
from driftmatch.recordings.sources import measured
from driftmatch.recordings.tables import of_frames
from driftmatch.words import printable

_OBJECTS = "holds Python objects, which are never read from files: save an array of numbers"


def of_npy(path: Path, asked: Asked, *, in_memory: bool) -> Measured:
    """One array, as `Recording.of` takes it, or a structured one, whose fields are columns; mapped
    to the file if it is not to be in memory."""
    with open(path, "rb") as file:
        if file.read(6) != np.lib.format.MAGIC_PREFIX:
            raise ValueError("it does not begin as one")
    try:
        array = np.load(path, mmap_mode=None if in_memory else "r", allow_pickle=False)
    except ValueError as error:
        if "pickle" in str(error) or "object" in str(error):
            raise InputError(f"{path.name} {_OBJECTS}") from error
        raise
    if array.dtype.names:
        fields = {field: array[field] for field in array.dtype.names}
        return _of_table(path.name, fields, asked, in_memory=in_memory)
    if asked.time is not None or asked.segment is not None:
        raise InputError(
            f"{path.name} is an array, whose columns have no headings: leave out time and segment, "
            "and pass dt"
        )
    return _chosen(path.name, measured(array), asked)


def of_npz(path: Path, asked: Asked) -> Measured:
    """Several arrays by name: one of states, which may have times beside it, or columns."""
    arrays = {}
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no zip file")
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            try:
                arrays[printable(name)] = file[name]
            except ValueError as error:
                raise InputError(f"array {printable(name)!r} of {path.name} {_OBJECTS}") from error
    return of_arrays(path.name, arrays, asked)


def of_arrays(source: str, arrays: Mapping[str, np.ndarray], asked: Asked) -> Measured:
    """Columns of equal length, or one array of any shape that `Recording.of` takes."""
    arrays = {name: array for name, array in arrays.items() if array.ndim > 0}
    if not arrays:
        raise InputError(f"{source} is empty: it must hold an array of states")
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) == 1 and len(min(shapes)) == 1:
        return _of_table(source, arrays, asked)
    names = list(arrays)
    time = next((n for n in names if split(n)[0].lower() in TIMES), None)
    if asked.time is not None:
        time = names[place(source, names, asked.time, "array")]
    elif not asked.seeks_time:
        time = None
    others = [name for name in names if name != time]
    by_name = any(isinstance(word, str) for word in asked.columns or ())
    if by_name:
        others = [names[place(source, names, word, "array")] for word in asked.columns or ()]
    if len(others) != 1:
        listed = ", ".join(f"{name} {arrays[name].shape}" for name in others)
        raise InputError(
            f"{source} holds several arrays ({listed}): name one of them with columns=, or save "
            "columns of equal length"
        )
    found = measured(arrays[others[0]])
    if not by_name:
        found = _chosen(source, found, asked)
    return found if time is None else _timed(source, found, time, arrays[time])


def _timed(source: str, found: Measured, name: str, times: np.ndarray) -> Measured:
    """With the times of one segment, which are those of all, or of all samples."""
    T = len(found.states)
    if times.ndim != 1 or len(times) not in (T, T // len(found.starts)):
        raise InputError(
            f"times {name!r} of {source} must be {T // len(found.starts)} numbers, one for every "
            f"sample, got shape {times.shape}"
        )
    when = np.tile(Clock(source).seconds(times), T // len(times))
    return found._replace(times=when, notes=(f"times are those of the array {name!r}",))


def _of_table(
    source: str, columns: Mapping[str, np.ndarray], asked: Asked, *, in_memory: bool = True
) -> Measured:
    import pandas  # here, for it is slow to import

    length, step = len(next(iter(columns.values()))), rows_at_once(len(columns))
    native = {name: column.dtype.newbyteorder("=") for name, column in columns.items()}
    frames = (
        pandas.DataFrame(
            {n: c[first : first + step].astype(native[n], copy=False) for n, c in columns.items()}
        )
        for first in range(0, length, step)
    )
    return of_frames(source, frames, asked, in_memory=in_memory)


def _chosen(source: str, found: Measured, asked: Asked) -> Measured:
    """The columns at the places that were asked for."""
    if asked.columns is None:
        return found
    dim = found.states.shape[1]
    places = [as_scalar(word) for word in asked.columns]
    if len(set(places)) < len(places) or not all(place in range(dim) for place in places):
        raise InputError(
            f"{source} has columns 0 to {dim - 1} without headings: name different ones by their "
            "places"
        )
    return found._replace(states=found.states[:, np.array(places)])
