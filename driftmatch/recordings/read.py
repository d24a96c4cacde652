"""Recordings from files."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from driftmatch.arguments import check_flag, check_positive, check_text, or_none, shown
from driftmatch.atomic import as_path
from driftmatch.errors import ComputationError, InputError
from driftmatch.recordings.arrays import of_npy, of_npz
from driftmatch.recordings.columns import Asked, checked
from driftmatch.recordings.measured import Measured
from driftmatch.recordings.netcdf import of_netcdf, of_zarr
from driftmatch.recordings.nwb import of_nwb
from driftmatch.recordings.parquet import of_parquet
from driftmatch.recordings.recording import Recording
from driftmatch.recordings.sources import labelled
from driftmatch.recordings.text import of_text
from driftmatch.words import printable, spelled


def _of_npz(path: Path, asked: Asked, *, in_memory: bool) -> Measured:
    if not in_memory:
        raise InputError(
            f"{path.name} is an archive, which cannot be read in parts: save its array as .npy"
        )
    return of_npz(path, asked)


_READERS: dict[str, Callable[..., Measured]] = {
    ".csv": of_text,
    ".dat": of_text,
    ".nc": of_netcdf,
    ".npy": of_npy,
    ".npz": _of_npz,
    ".nwb": of_nwb,
    ".parquet": of_parquet,
    ".tsv": of_text,
    ".txt": of_text,
    ".zarr": of_zarr,
}


@spelled
def read_recording(
    source: str | os.PathLike[str] | Any,
    *,
    columns: Sequence[str | int] | str | int | None = None,
    time: str | int | None = None,
    segment: str | int | None = None,
    dt: float | None = None,
    units: Sequence[str] | None = None,
    periodic: float | Sequence[float | None] | None = None,
    name: str | None = None,
    in_memory: bool = True,
) -> Recording:
    """A recording from a file, or from a table of pandas or xarray.

    **Arguments**

    - `source`: a path, whose ending says what it is: ``.csv``, ``.tsv``, ``.txt`` or ``.dat``, with
      or without headings and whatever separates the columns; ``.parquet``; ``.npy``; ``.npz``;
      ``.nc`` and ``.zarr``, also those that `save_trajectory` wrote; ``.nwb``. Or a DataFrame,
      Series, Dataset or DataArray.
    - `columns`: which are coordinates, by heading or by place from 0, in this order; by default all
      others. Of ``.npz``, the array; of data sets, the variables; of ``.nwb``, the time series.
    - `time`: the column of times, by default one that is called time, t or timestamp, if there is
      one; dates become seconds since the first.
    - `segment`: the column that numbers trials, by default one that is called segment, trial or
      trajectory; of data sets, the dimension; of ``.nwb``, a table of intervals such as trials,
      outside of which nothing is read. Samples of a segment lie together.
    - `dt`: the interval between samples, in units of time, where there is no column of times.
    - `units`: of the coordinates, by default from headings such as ``V [mV]`` or ``V (mV)`` and
      from the attributes of data sets.
    - `periodic`: periods of angles, as `Recording.of` takes them.
    - `name`: what was measured, by default the file's name.
    - `in_memory`: False for states that are larger than memory: they are then mapped to the file
      itself (``.npy``), or to a temporary one that is gone when nothing holds them. It lies where
      the environment variable TMPDIR says.

    What was found out without being told, such as the column of times, is in `notes`. Nothing in a
    file is run: no Python objects are read, nor codecs of Zarr that could be code.

    Raises `InputError` if there is no such file, if it is empty, truncated or of another kind, if a
    column does not exist or holds text, and as `Recording.of` does.
    """
    asked = checked(columns, time, segment, dt is not None)
    in_memory = check_flag("in_memory", in_memory)
    dt = or_none(check_positive)("dt", dt)
    name = or_none(check_text)("name", name)
    found = labelled(source, asked, in_memory=in_memory)
    if found is None:
        if not isinstance(source, str | os.PathLike):
            raise InputError(
                "source must be a path or a table of pandas or xarray, got "
                f"{shown(source)}; Recording.of takes arrays and runs"
            )
        path = as_path(source)
        found = _read(path, asked, in_memory=in_memory)
        found = found._replace(name=found.name or printable(path.stem))
    return Recording.of(found, dt=dt, units=units, periodic=periodic, name=name)


def _read(path: Path, asked: Asked, *, in_memory: bool) -> Measured:
    if not path.exists():
        raise InputError(f"there is no file {path}: check the path")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"recordings are read from files that end in {', '.join(_READERS)}, got {path.name}: "
            "save it as one of them"
        )
    if path.is_dir() and reader is not of_zarr:
        raise InputError(f"{path} is a folder: give the name of a file")
    try:
        return reader(path, asked, in_memory=in_memory)
    except (InputError, ComputationError):
        raise
    except Exception as error:  # whatever readers make of a damaged file
        reason = printable(" ".join(str(error).split()))[:200]
        raise InputError(
            f"{path} cannot be read, or is truncated or no {path.suffix} file ({reason}): copy it "
            "again, or save it again"
        ) from error
