"""What is known of where an SDE lives, as one record."""

from dataclasses import field

import numpy as np
from jaxtyping import Float

from driftmatch.errors import ComputationError
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.sampling.angles import Periods, wrapped
from driftmatch.sampling.whitening import Whitening

_HELD_OUT = 1 / 11  # of the time of every trajectory, at its end
NOWHERE = (Outcome.UNCONFINED, Outcome.FREE, Outcome.ABSORBED)


class Samples(Record):
    """Where an SDE lives, how fast it is, and whether it is stationary. `sample` makes it.

    - `runs`: M trajectories, T states of each, `spacing` apart in time, after what was left out for
      them to settle; shape (M, T, k), in units of z; angles count windings.
    - `time_scale`: the time in which the state changes by about its own size: the inverse of the
      root-mean-square drift, or of the diffusion if that is faster, in whitened coordinates; inf
      where nothing sets a time.
    - `step`: for solvers of fixed step; at most `longest_step`, half of the smallest one that the
      error control took, and a fiftieth of the time scale.
    - `bounds`: what no state crosses: as the SDE says, or where its noise and its outward drift
      vanish or it ceases to be finite; lower and upper, shape (2, k), infinite where there is none.
    - `relaxation_time`: the time between independent states.
    - `effective_number`: of independent states in all runs together.
    - `is_resting`: whether, without noise, all trajectories come to rest; the runs are then the
      ways there, from all around.
    - `outcome`, `reason`: stationary or not, and in a sentence why not and what to do.
    - `name`: of the SDE.
    """

    runs: Float[np.ndarray, "M T k"] = field(repr=False)
    spacing: float
    time_scale: float
    step: float
    longest_step: float
    bounds: Float[np.ndarray, "2 k"]
    relaxation_time: float
    effective_number: float
    is_resting: bool
    outcome: Outcome
    reason: str | None
    name: str
    periods: Periods

    @property
    def dim(self) -> int:
        """k."""
        return self.runs.shape[2]

    @property
    def states(self) -> Float[np.ndarray, "N k"]:
        """All states, trajectory after trajectory, angles in [0, period)."""
        return wrapped(self.runs.reshape(-1, self.dim), self.periods)

    @property
    def starts(self) -> Float[np.ndarray, "M k"]:
        """The last state of every trajectory, angles in [0, period): from there runs go on."""
        return wrapped(self.runs[:, -1], self.periods)

    @property
    def extent(self) -> Float[np.ndarray, "2 k"]:
        """The lowest and the highest coordinates visited; of an angle, 0 and its period."""
        low, high = self.runs.min(axis=(0, 1)), self.runs.max(axis=(0, 1))
        for axis, period in enumerate(self.periods):
            if period is not None:
                low[axis], high[axis] = 0.0, period
        return np.stack([low, high])

    @property
    def whitening(self) -> Whitening:
        """Of the states."""
        return Whitening.of(self.states)

    def halves(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """States to learn from, and later ones of the same trajectories to judge by; shuffled."""
        T = self.runs.shape[1]
        last = max(1, round(_HELD_OUT * T)) if T > 1 else 0
        parts = (self.runs[:, : T - last], self.runs[:, T - last :] if last else self.runs)
        first, second = (wrapped(part.reshape(-1, self.dim), self.periods) for part in parts)
        return rng.permutation(first), rng.permutation(second)

    def pick(self, number: int, rng: np.random.Generator) -> Float[np.ndarray, "number k"]:
        """States by chance, angles in [0, period)."""
        rows = self.runs.reshape(-1, self.dim)
        return wrapped(rows[rng.integers(len(rows), size=number)], self.periods)

    def require_place(self) -> "Samples":
        """Raise `ComputationError` if the SDE does not stay anywhere."""
        if self.outcome in NOWHERE:
            raise ComputationError(self.reason or str(self.outcome))
        return self
