"""A recording where nothing is missing."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from driftmatch.inference.transitions import Transitions
from driftmatch.inference.usable import FEWEST

Matrix = np.ndarray

_FEW = 16  # stretches that a part of one long piece has


class Stretches(NamedTuple):
    """- `pieces`: scaled states, each of shape (t, k); `times`: each of shape (t,)."""

    pieces: list[Float[Matrix, "t k"]]
    times: list[Float[Matrix, " t"]]

    def transitions(self, lag: int) -> Transitions:
        """All steps over so many samples."""
        long = [i for i, piece in enumerate(self.pieces) if len(piece) > lag]
        return Transitions.of([self.pieces[i] for i in long], [self.times[i] for i in long], lag)

    def has(self, lag: int) -> bool:
        """Whether there are enough such steps that do not overlap."""
        return sum(max(0, len(piece) - lag) for piece in self.pieces) >= FEWEST * lag

    def apart(self, lag: int) -> tuple[Transitions, Bool[Matrix, " N"]]:
        """Steps that do not overlap; and which of them begin where the one before ended."""
        ends = np.cumsum([0] + [len(piece) - lag for piece in self.pieces if len(piece) > lag])
        places = [np.arange(a, b, lag) for a, b in pairwise(ends)]
        every, chosen = self.transitions(lag), np.concatenate(places)
        apart = Transitions(*(part[chosen] for part in every[:5]))
        return apart, np.concatenate([p > p[0] for p in places])

    def part(self, number: int) -> "Stretches":
        """About so many samples at most: whole pieces, or stretches of long ones, evenly spaced."""
        total = sum(map(len, self.pieces))
        every, length = -(-total // number), max(number // _FEW, 1)
        if every == 1:
            return self
        cut = [
            stretch
            for piece, time in zip(self.pieces, self.times, strict=True)
            for stretch in zip(
                *(np.array_split(part, -(-len(piece) // length)) for part in (piece, time)),
                strict=True,
            )
        ]
        return Stretches(*map(list, zip(*cut[::every], strict=True)))
