"""Recordings beside their own past."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from driftmatch.recordings.collect import mapped
from driftmatch.recordings.measured import rows_at_once


def delayed_states(
    states: Float[np.ndarray, "T k"], pieces: Sequence[slice], number: int, lag: int
) -> Float[np.ndarray, "N m"]:
    """Rows (z(t), z(t − lag), …) of all pieces, m = k · number numbers in each; mapped to a file if
    the states are."""
    parts = (
        np.concatenate([states[at - i * lag : end - i * lag] for i in range(number)], axis=1)
        for first, last in spans(pieces, number, lag)
        for at in range(first, last, rows_at_once(number * states.shape[1]))
        for end in (min(at + rows_at_once(number * states.shape[1]), last),)
    )
    return mapped(parts) if isinstance(states, np.memmap) else np.concatenate(list(parts))


def spans(pieces: Sequence[slice], number: int, lag: int) -> list[tuple[int, int]]:
    """From where to where in every piece there is enough of a past, for two samples or more."""
    before = (number - 1) * lag
    return [(p.start + before, p.stop) for p in pieces if p.stop - p.start >= before + 2]


def starts(spans: Sequence[tuple[int, int]]) -> Int[np.ndarray, " S"]:
    """Where each begins when they are put one after the other."""
    lengths = [end - first for first, end in spans]
    return np.cumsum([0, *lengths[:-1]])


def delayed_names(labels: Sequence[str], number: int, delay: float) -> tuple[str, ...]:
    """V, then V(t − 0.2) and so on."""
    past = (f"(t − {i * delay:g})" if i else "" for i in range(number))
    return tuple(f"{label}{when}" for when in past for label in labels)
