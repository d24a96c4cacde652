"""When samples were taken: times checked, intervals, gaps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from driftmatch.arguments import check_positive, shown
from driftmatch.errors import InputError
from driftmatch.recordings.measured import Measured

_EVEN = 1e-3  # of an interval: more than clocks jitter, less than matters to a rate
_GAP = 1.5
_TELLING = 10  # steps of a segment that has a clock of its own
_REGULAR = 0.9  # the share of intervals near the median where a long one is a gap


def check_starts(starts: Any, num_samples: int) -> Int[np.ndarray, " S"]:
    """Where segments begin: at 0, and each after the one before."""
    array = np.asarray(starts)
    wanted = f"starts must begin with 0 and increase, all below {num_samples}, got {shown(starts)}"
    if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) == 0:
        raise InputError(wanted)
    if array[0] != 0 or np.any(np.diff(array.astype(np.int64)) <= 0) or array[-1] >= num_samples:
        raise InputError(wanted)
    if num_samples == len(array):
        raise InputError(
            f"a recording must have a segment of two samples, got {num_samples} of one sample: "
            "pass the samples of a segment along the first axis"
        )
    return array.astype(np.int64)


def check_times(
    times: Any, starts: Int[np.ndarray, " S"], num_samples: int
) -> Float[np.ndarray, " T"]:
    """Finite, one for every sample, increasing within a segment."""
    array = np.asarray(times)
    if array.dtype.kind not in "fiu" or array.shape != (num_samples,):
        raise InputError(f"times must be {num_samples} numbers, one a sample, got {shown(times)}")
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise InputError(
            f"times must be finite, got {array[place]} at sample {place} (counted from 0): leave "
            "out samples whose time is unknown"
        )
    wrong = np.diff(array) <= 0
    wrong[starts[1:] - 1] = False
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0]) + 1
        what = "is given twice" if array[at] == array[at - 1] else "is before the one before it"
        raise InputError(
            f"times must increase, but that of sample {at} (counted from 0), {array[at]:.12g}, "
            f"{what}: sort them, leave such samples out, or say where segments begin"
        )
    return array


def times_for(measured: Measured, dt: Any, times: Any) -> Float[np.ndarray, " T"]:
    """Those of the source, or else by `dt` or `times`."""
    if measured.times is not None:
        if dt is not None or times is not None:
            raise InputError(
                f"{measured.name or 'what was given'} has times of its own: leave out "
                f"{'times' if dt is None else 'dt'}, or pass its numbers as an array"
            )
        return measured.times
    if (dt is None) == (times is None):
        both = "both" if dt is not None else "neither"
        raise InputError(
            f"pass dt, the interval between samples, or times, one for every sample, got {both}"
        )
    lengths = np.diff([*measured.starts, len(measured.states)])
    if dt is not None:
        step = check_positive("dt", dt)
        return np.concatenate([step * np.arange(t) for t in lengths])
    return _given(times, [int(t) for t in lengths])


def _given(times: Any, lengths: list[int]) -> Float[np.ndarray, " T"]:
    """Of all samples; of one segment and so of all; or of each segment in a list."""
    wanted = (
        f"times must be {sum(lengths)} numbers, one a sample, or a list of such arrays, one for "
        f"each of {len(lengths)} segments, got {shown(times)}"
    )
    try:
        if isinstance(times, list | tuple) and len(times) and np.ndim(times[0]) == 1:
            parts = [np.asarray(part) for part in times]
            if [part.shape for part in parts] != [(t,) for t in lengths]:
                raise InputError(wanted)
            return np.concatenate(parts)
        array = np.asarray(times)
    except (TypeError, ValueError):
        raise InputError(wanted) from None
    if array.dtype.kind not in "fiu":
        raise InputError(wanted)
    if array.shape == (len(lengths), lengths[0]) and len(set(lengths)) == 1:
        return array.ravel()
    if array.shape == (lengths[0],) and len(set(lengths)) == 1:
        return np.tile(array, len(lengths))
    if array.shape != (sum(lengths),):
        raise InputError(wanted)
    return array


def intervals(times: Float[np.ndarray, " T"], starts: Int[np.ndarray, " S"]):
    """Between samples of one segment; NaN across the borders, shape (T − 1,)."""
    steps = np.diff(times)
    steps[starts[1:] - 1] = np.nan
    return steps


def interval(times: Float[np.ndarray, " T"], starts: Int[np.ndarray, " S"]) -> float:
    """The median one; to twelve digits, if no more is left of it by the rounding of the times."""
    middle = float(np.nanmedian(intervals(times, starts)))
    short = float(f"{middle:.12g}")
    return short if abs(short - middle) <= np.spacing(np.max(np.abs(times))) else middle


def _gaps(steps: Float[np.ndarray, " t"]) -> Bool[np.ndarray, " t"]:
    """Which of these are too long, if the others are alike: of a segment, if it is long enough to
    say, or of all. NaN between segments."""
    found = _long(steps)
    borders = np.flatnonzero(np.isnan(steps))
    for first, last in zip([0, *(borders + 1)], [*borders, len(steps)], strict=True):
        own = steps[first:last]
        if len(own) >= _TELLING and _are_regular(own):
            found[first:last] = _long(own)
    return found


def _are_regular(steps: Float[np.ndarray, " t"]) -> bool:
    middle = np.median(steps)
    return bool(np.mean(np.abs(steps - middle) <= (_GAP - 1) * middle) >= _REGULAR)


def _long(steps: Float[np.ndarray, " t"]) -> Bool[np.ndarray, " t"]:
    known = steps[~np.isnan(steps)]
    if not _are_regular(known):
        return np.zeros(len(steps), bool)
    return steps > _GAP * float(np.median(known))


def is_even(times: Float[np.ndarray, " T"], starts: Int[np.ndarray, " S"], dt: float) -> bool:
    """All intervals but gaps are `dt`, to `_EVEN` and the rounding of the times."""
    steps = intervals(times, starts)
    steps = steps[~np.isnan(steps) & ~_gaps(steps)]
    rounding = 4 * np.spacing(np.max(np.abs(times)))
    return bool(np.all(np.abs(steps - dt) <= _EVEN * dt + rounding))


def pieces(
    times: Float[np.ndarray, " T"], starts: Int[np.ndarray, " S"], present: Bool[np.ndarray, " T"]
) -> list[slice]:
    """Samples in a row without a border, a gap or a sample that is not present; two at least."""
    steps = intervals(times, starts)
    joined = present[1:] & present[:-1] & ~np.isnan(steps) & ~_gaps(steps)
    edges = np.diff(np.concatenate([[False], joined, [False]]).astype(np.int8))
    begins: Sequence[int] = np.flatnonzero(edges == 1).tolist()
    ends: Sequence[int] = np.flatnonzero(edges == -1).tolist()
    return [slice(begin, end + 1) for begin, end in zip(begins, ends, strict=True)]
