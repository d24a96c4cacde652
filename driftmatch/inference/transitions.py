"""From one recorded state to the next, in scaled coordinates."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int

from driftmatch.recordings.recording import Recording
from driftmatch.sampling.whitening import Whitening

Matrix = np.ndarray

NUM_BLOCKS = 64
_MOST = 400_000  # states from which scales are taken


@dataclass(frozen=True)
class Scaling:
    """z' = L⁻¹(z − μ): coordinates whitened, angles in radians.

    - `mean`: μ, shape (k,); `factor`: L, shape (k, k), lower triangular up to the order of angles.
    - `angles`: which coordinates are angles.
    """

    mean: Float[Matrix, " k"]
    factor: Float[Matrix, "k k"]
    angles: tuple[bool, ...]

    @classmethod
    def of(cls, recording: Recording, pieces: list[Matrix]) -> "Scaling":
        """Of all that was recorded without a gap."""
        states = np.concatenate(pieces)
        states = states[:: 1 + len(states) // _MOST]
        periods = recording.periodic or (None,) * recording.dim
        angles = tuple(period is not None for period in periods)
        turns = np.array([np.nan if period is None else period for period in periods])
        mean, factor = np.zeros(recording.dim), np.diag(np.where(angles, turns / (2 * np.pi), 0.0))
        straight = np.flatnonzero(~np.array(angles))
        if len(straight):
            whitening = Whitening.of(states[:, straight])
            mean[straight] = whitening.mean
            factor[np.ix_(straight, straight)] = whitening.factor
        return cls(mean, factor, angles)

    def scale(self, states: Float[Matrix, "N k"]) -> Float[Matrix, "N k"]:
        """z'."""
        return scipy.linalg.solve(self.factor, (states - self.mean).T, check_finite=False).T

    def unscale_matrices(self, D: Float[Matrix, "*N k k"]) -> Float[Matrix, "*N k k"]:
        """L D Lᵀ, by one product with L ⊗ L."""
        both = np.kron(self.factor, self.factor)
        return (D.reshape(*D.shape[:-2], -1) @ both.T).reshape(D.shape)


class Transitions(NamedTuple):
    """N transitions z → z + Δz.

    - `states`: shape (N, k), `steps`: Δz, shape (N, k); `intervals`: Δt, shape (N,).
    - `weights`: shape (N,). - `blocks`: which of some 64 consecutive parts of the recording they
      belong to, shape (N,), not descending.
    - `spreads`: the covariance of what is not known of Δz given z, shape (N, k, k), or None.
    """

    states: Float[Matrix, "N k"]
    steps: Float[Matrix, "N k"]
    intervals: Float[Matrix, " N"]
    weights: Float[Matrix, " N"]
    blocks: Int[Matrix, " N"]
    spreads: Float[Matrix, "N k k"] | None = None

    @classmethod
    def of(cls, pieces: list[Matrix], times: list[Matrix], lag: int = 1) -> "Transitions":
        """Over `lag` samples, beginning at every one, within pieces of scaled states."""
        states = np.concatenate([piece[:-lag] for piece in pieces])
        steps = np.concatenate([piece[lag:] - piece[:-lag] for piece in pieces])
        intervals = np.concatenate([time[lag:] - time[:-lag] for time in times])
        N = len(states)
        return cls(states, steps, intervals, np.ones(N), block_numbers(N))

    def part(self, number: int) -> "Transitions":
        """At most so many: the beginnings of all blocks."""
        N = len(self.states)
        if number >= N:
            return self
        edges = np.flatnonzero(np.diff(self.blocks, prepend=-1))
        each = number // len(edges)
        chosen = np.concatenate([np.arange(e, min(e + each, n)) for e, n in
                                 zip(edges, [*edges[1:], N], strict=True)])  # fmt: skip
        spreads = None if self.spreads is None else self.spreads[chosen]
        return self._replace(
            states=self.states[chosen], steps=self.steps[chosen],
            intervals=self.intervals[chosen], weights=self.weights[chosen],
            blocks=self.blocks[chosen], spreads=spreads,
        )  # fmt: skip


def median_interval(times: list[Float[Matrix, " t"]]) -> float:
    """Between samples of all pieces."""
    return float(np.median(np.concatenate([np.diff(time) for time in times])))


def block_numbers(N: int) -> Int[Matrix, " N"]:
    return np.arange(N) * min(NUM_BLOCKS, N) // N
