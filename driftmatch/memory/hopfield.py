"""Hopfield's network of binary neurons: the classical associative memory, to compare with."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import ArrayLike, Float, Int

from driftmatch.analysis.intervals import wilson_interval
from driftmatch.errors import InputError

_RECALLED = 0.9  # overlap with the pattern that counts as recalled


@dataclass(frozen=True)
class HopfieldRecall:
    """Which pattern each trial ended at: `ended`, −1 for none, shape (M,); `target`."""

    target: int
    ended: Int[np.ndarray, " M"]

    @property
    def trials(self) -> int:
        return len(self.ended)

    @property
    def successes(self) -> int:
        return int(np.sum(self.ended == self.target))

    @property
    def success(self) -> float:
        return self.successes / self.trials

    @property
    def success_interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of `success`."""
        return wilson_interval(self.successes, self.trials)


@dataclass(frozen=True)
class HopfieldNetwork:
    r"""n binary neurons s_i = ±1 with symmetric Hebbian connectivity of the patterns ξ,

        W = (1/n) Σ_μ ξ^μ ξ^μᵀ without its diagonal,    s_i ← sign(Σ_j W_ij s_j + h_i)

    one neuron after the other in random order, which never climbs E = −½ sᵀWs − h·s. W is never
    formed: a sweep costs O(nW).

    - `patterns`: ξ, of ±1, shape (W, n); real ones, such as neural states, are taken by the sign of
      what they differ by from their mean.

    Source: J. Hopfield, Proc. Natl. Acad. Sci. USA 79, 2554 (1982).
    """

    patterns: Float[np.ndarray, "W n"]

    def __init__(self, patterns: ArrayLike):
        values = np.asarray(patterns, dtype=float)
        if values.ndim != 2 or not np.all(np.isfinite(values)):
            raise InputError(f"patterns must be finite, of shape (W, n), got {values.shape}")
        if len(values) < 2:
            raise InputError(f"there must be at least two patterns, got {len(values)}")
        if not np.all(np.abs(values) == 1):
            values = np.where(values >= values.mean(axis=0), 1.0, -1.0)
        same = np.all(values[:, None] == values[None], axis=-1) & ~np.eye(len(values), dtype=bool)
        if np.any(same):
            i, j = np.argwhere(same)[0]
            raise InputError(f"patterns {i} and {j} coincide: leave one out")
        object.__setattr__(self, "patterns", values)

    def recall(
        self,
        target: int,
        *,
        rng: np.random.Generator,
        num_trials: int = 1000,
        cue: float = 1.0,
        cue_sweeps: int = 5,
        sweeps: int = 20,
        start: Float[np.ndarray, "M n"] | None = None,
    ) -> HopfieldRecall:
        """From random states (or `start`), `cue_sweeps` sweeps with the field h = cue·ξ^target, then
        `sweeps` without; a trial ends at the pattern that it overlaps with by at least 0.9."""
        W, n = self.patterns.shape
        if target not in range(W):
            raise InputError(f"target must be a whole number from 0 to {W - 1}, got {target!r}")
        s = rng.choice([-1.0, 1.0], (num_trials, n)) if start is None else np.array(start, float)
        for sweep in range(cue_sweeps + sweeps):
            field = cue * self.patterns[target] if sweep < cue_sweeps else np.zeros(n)
            before = s.copy()
            overlaps = s @ self.patterns.T / n
            for i in rng.permutation(n):
                column = self.patterns[:, i]
                total = overlaps @ column - W / n * s[:, i] + field[i]
                new = np.where(total > 0, 1.0, np.where(total < 0, -1.0, s[:, i]))
                overlaps += ((new - s[:, i]) / n)[:, None] * column
                s[:, i] = new
            if sweep >= cue_sweeps and np.array_equal(s, before):
                break
        overlaps = s @ self.patterns.T / n
        best = overlaps.argmax(axis=1)
        ended = np.where(overlaps.max(axis=1) >= _RECALLED, best, -1)
        return HopfieldRecall(int(target), ended)
