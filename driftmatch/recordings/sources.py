"""What can be recorded: arrays, lists of them, runs, tables of pandas and xarray."""

import sys
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from driftmatch.arguments import shown
from driftmatch.errors import InputError
from driftmatch.recordings.columns import Asked
from driftmatch.recordings.datasets import of_xarray
from driftmatch.recordings.measured import Measured, numbers
from driftmatch.recordings.tables import of_pandas
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory

_SHAPES = "(T,), (T, k) or, for M segments, (M, T, k)"


def measured(data: Any) -> Measured:
    """Numbers and what is known of them, of anything that `Recording.of` takes."""
    if isinstance(data, Measured):
        return data
    if (found := labelled(data, Asked())) is not None:
        return found
    if isinstance(data, Trajectory | NetworkTrajectory):
        M, T, k = data.states.shape
        return Measured(
            numbers("states", data.states).reshape(M * T, k),
            T * np.arange(M),
            np.tile(np.asarray(data.times, np.float64), M),
            data.coordinates,
            data.units,
            data.name,
        )
    if isinstance(data, list | tuple) and len(data) and _is_segment(data[0]):
        return _of_segments(data)
    if isinstance(data, np.ndarray | jax.Array | list | tuple):
        return _of_array(data)
    raise InputError(
        f"data must be an array of shape {_SHAPES}, a list of arrays, a run, or a table of pandas "
        f"or xarray, got {shown(data)}; files are read by read_recording"
    )


def labelled(data: Any, asked: Asked, *, in_memory: bool = True) -> Measured | None:
    """What was asked for of a table of pandas or xarray; None of anything else."""
    pandas, xarray = sys.modules.get("pandas"), sys.modules.get("xarray")  # slow to import
    if pandas is not None and isinstance(data, pandas.DataFrame | pandas.Series):
        return of_pandas(data, asked)
    if xarray is not None and isinstance(data, xarray.Dataset | xarray.DataArray):
        return of_xarray(data, asked, in_memory=in_memory)
    return None


def _is_segment(value: Any) -> bool:
    return isinstance(value, np.ndarray | jax.Array) and value.ndim > 0


def _of_array(data: Any) -> Measured:
    array = numbers("data", data)
    if array.ndim not in (1, 2, 3) or 0 in array.shape:
        raise InputError(f"data must have shape {_SHAPES}, got {array.shape}")
    if array.ndim < 3:
        return Measured(array.reshape(len(array), -1), np.zeros(1, np.int64))
    M, T, k = array.shape
    return Measured(array.reshape(M * T, k), T * np.arange(M))


def _of_segments(data: Sequence[Any]) -> Measured:
    parts = [numbers(f"segment {i}", part) for i, part in enumerate(data)]
    parts = [part[:, None] if part.ndim == 1 else part for part in parts]
    for i, part in enumerate(parts):
        if part.ndim != 2 or 0 in part.shape:
            raise InputError(f"segment {i} must have shape (T,) or (T, k), got {part.shape}")
        if part.shape[1] != parts[0].shape[1]:
            raise InputError(
                f"all segments must have {parts[0].shape[1]} coordinates, as the first, got one of "
                f"{part.shape[1]} at segment {i}"
            )
    lengths = [len(part) for part in parts]
    return Measured(np.concatenate(parts), np.cumsum([0, *lengths[:-1]]))
