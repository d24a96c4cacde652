"""Samples that come in chunks, put together in memory or in a file that is mapped to it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from driftmatch.arguments import shown
from driftmatch.atomic import scratch
from driftmatch.errors import ComputationError, InputError
from driftmatch.recordings.measured import Measured


class Chunk(NamedTuple):
    """Samples in a row; `segment` are labels, of which a new one begins a segment."""

    states: Float[np.ndarray, "t k"]
    times: Float[np.ndarray, " t"] | None = None
    segment: np.ndarray | None = None


class _Kept:
    """Arrays of equal rows, one after the other."""

    def __init__(self, in_memory: bool):
        self.parts: list[np.ndarray] = []
        self.count = 0
        self.file = None if in_memory else scratch()

    def add(self, part: np.ndarray) -> None:
        self.count += len(part)
        if self.file is None:
            self.parts.append(part)
            return
        self.parts = [np.empty((0, *part.shape[1:]), part.dtype)]  # of type and shape
        try:
            self.file.write(np.ascontiguousarray(part).data)
        except OSError as error:
            raise ComputationError(
                f"the recording cannot be kept in a temporary file ({error.strerror}): make room, "
                "or name a folder with room in the environment variable TMPDIR"
            ) from error

    def whole(self) -> np.ndarray:
        if self.file is None:
            return self.parts[0] if len(self.parts) == 1 else np.concatenate(self.parts)
        like = self.parts[0]
        self.file.flush()
        # The file has no name and goes with the last array that is mapped to it.
        return np.memmap(self.file, like.dtype, "r+", shape=(self.count, *like.shape[1:]))


class _Segments:
    """Where the label of samples changes."""

    def __init__(self, source: str):
        self.source, self.starts = source, [0]
        self.seen, self.last = set[Any](), None

    def add(self, labels: np.ndarray, first: int) -> None:
        """Of the samples from `first` on."""
        changes = np.flatnonzero(labels[1:] != labels[:-1]) + 1
        for at in [0, *changes.tolist()]:
            label = labels[at]
            if first > 0 and at == 0 and label == self.last:
                continue
            if label in self.seen:
                raise InputError(
                    f"segment {shown(label)} of {self.source} goes on at sample {first + at} "
                    "(counted from 0) after another one: sort the samples by segment"
                )
            self.seen.add(label)
            self.last = label
            if first + at > 0:
                self.starts.append(first + at)


def collected(source: str, chunks: Iterable[Chunk], *, in_memory: bool) -> Measured:
    """All of them, the states in memory or not; segments begin where the label changes."""
    states, times, segments = _Kept(in_memory), _Kept(in_memory=True), _Segments(source)
    for chunk in chunks:
        if len(chunk.states) == 0:
            continue
        if chunk.segment is not None:
            segments.add(chunk.segment, states.count)
        states.add(chunk.states)
        if chunk.times is not None:
            times.add(chunk.times)
    if states.count == 0:
        raise InputError(f"{source} is empty: it must hold samples, one a row")
    return Measured(
        states.whole(), np.array(segments.starts), times.whole() if times.count else None
    )


def mapped(parts: Iterable[np.ndarray]) -> np.ndarray:
    """A copy in a file of its own, which can be written to."""
    kept = _Kept(in_memory=False)
    for part in parts:
        kept.add(part)
    return kept.whole()
