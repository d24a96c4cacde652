"""What every source of a recording gives: numbers, and what is known of them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from driftmatch.arguments import shown
from driftmatch.errors import InputError

_NUMBERS = 2**21  # in a chunk, 16 MB


class Measured(NamedTuple):
    """States of all segments, one after the other; the rest where the source has it."""

    states: Float[np.ndarray, "T k"]
    starts: Int[np.ndarray, " S"]
    times: Float[np.ndarray, " T"] | None = None
    coordinates: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None
    name: str | None = None
    notes: tuple[str, ...] = ()


def rows_at_once(width: int) -> int:
    """Of a table that is read in chunks."""
    return max(1, _NUMBERS // max(1, width))


def chunks(states: np.ndarray) -> Iterator[np.ndarray]:
    """The rows, some at a time: arrays that are mapped to a file may be larger than memory."""
    step = rows_at_once(states[:1].size)
    for first in range(0, len(states), step):
        yield states[first : first + step]


def check_states(states: np.ndarray) -> np.ndarray:
    """Raises `InputError` unless these are samples of finite or missing numbers."""
    if not (isinstance(states, np.ndarray) and states.dtype in (np.float32, np.float64)):
        raise InputError(
            f"states must be an array of floats, got {shown(states)}: make a recording with "
            "Recording.of"
        )
    if states.ndim != 2 or 0 in states.shape:
        raise InputError(f"states must have shape (T, k), got {states.shape}")
    first = 0
    for part in chunks(states):
        if np.isinf(part).any():
            at, axis = np.argwhere(np.isinf(part))[0]
            raise InputError(
                f"the recording is infinite at sample {first + at}, coordinate {axis} (counted "
                "from 0): put NaN where a number is missing"
            )
        first += len(part)
    return states


def numbers(what: str, value: Any) -> np.ndarray:
    """Real numbers in float32 or float64; NaN where they are masked."""
    try:
        is_kept = isinstance(value, np.ma.MaskedArray | np.memmap)
        array = value if is_kept else np.asarray(value)
    except (TypeError, ValueError):
        raise InputError(
            f"{what} must be an array of numbers, or a list of arrays, one for every segment, got "
            f"{shown(value)}"
        ) from None
    if array.dtype.kind not in "fiub":
        kinds = {"c": "complex: pass real and imaginary parts as two coordinates"}
        raise InputError(
            f"{what} must be real numbers, got "
            f"{kinds.get(array.dtype.kind, f'{shown(value)} of type {array.dtype}')}"
        )
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    return array.filled(np.nan) if isinstance(array, np.ma.MaskedArray) else array
