"""Angles that were recorded within one turn, counted on over whole turns."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from driftmatch.recordings.collect import mapped
from driftmatch.recordings.measured import chunks


def unwrapped(
    states: Float[np.ndarray, "T k"], starts: Int[np.ndarray, " S"], periods: Sequence[float | None]
) -> Float[np.ndarray, "T k"]:
    """The same states in an array, or in a file, of their own, angles counted on within every
    segment."""
    states = mapped(chunks(states)) if isinstance(states, np.memmap) else np.array(states)
    unwrap(states, starts, periods)
    return states


def unwrap(
    states: Float[np.ndarray, "T k"], starts: Int[np.ndarray, " S"], periods: Sequence[float | None]
) -> None:
    """In place: add turns wherever an angle jumps by more than half a period from the last sample
    that is not missing."""
    for first, end in zip(starts, [*starts[1:], len(states)], strict=True):
        for axis, period in enumerate(periods):
            if period is None:
                continue
            last = np.empty(0, states.dtype)
            for part in chunks(states[first:end]):
                present = ~np.isnan(part[:, axis])
                angles = np.unwrap(np.append(last, part[present, axis]), period=period)
                part[present, axis] = angles[len(last) :]
                last = angles[-1:]
