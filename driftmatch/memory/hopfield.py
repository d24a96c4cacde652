"""Hopfield's network of binary neurons: the classical associative memory, to compare with."""

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.arguments import check_array, check_count, check_index, check_key, check_number
from driftmatch.errors import InputError
from driftmatch.memory.trials import AbstractTrials
from driftmatch.randomness import generator
from driftmatch.records import Record
from driftmatch.simulation.arguments import check_start

_RECALLED = 0.9  # overlap with a pattern that counts as recalled


class HopfieldRecall(AbstractTrials, Record):
    """Where the trials of a recall ended.

    - `target`: the pattern that the cue calls for.
    - `states`: at the end, ±1, shape (M, n).
    - `overlaps`: s·ξ^μ/n with each pattern, from −1 to 1, shape (M, W).
    - `is_settled`: whether each trial had come to rest, shape (M,).
    """

    target: int
    states: Float[np.ndarray, "M n"]
    overlaps: Float[np.ndarray, "M W"]
    is_settled: np.ndarray

    @property
    def ended(self) -> Int[np.ndarray, " M"]:
        """The pattern that each trial overlaps with most, −1 if by less than 0.9."""
        best = self.overlaps.argmax(axis=1)
        return np.where(self.overlaps.max(axis=1) >= _RECALLED, best, -1)

    @property
    def trials(self) -> int:
        """M."""
        return len(self.overlaps)

    @property
    def successes(self) -> int:
        """How many ended at the target."""
        return int(np.sum(self.ended == self.target))


def signs_of(patterns: Float[np.ndarray, "W n"]) -> Float[np.ndarray, "W n"]:
    """Patterns of ±1 as they are; of others, on which side of the mean of all each entry is."""
    if np.all(np.abs(patterns) == 1):
        return patterns
    return np.where(patterns >= patterns.mean(axis=0), 1.0, -1.0)


@dataclass(frozen=True)
class HopfieldNetwork:
    r"""n binary neurons s_i = ±1 with Hebb's symmetric connectivity of the patterns ξ,

        W = (1/n) Σ_μ ξ^μ ξ^μᵀ without its diagonal,    s_i ← sign(Σ_j W_ij s_j + h_i)

    one neuron after the other, which never climbs E = −½ sᵀWs − h·s; a neuron without any field
    stays as it is. W is never formed: a sweep over all neurons costs O(nW).

    - `patterns`: ξ, of ±1, shape (W, n); of others, such as states of neurons, see `signs_of`.

    Raises `InputError` for fewer than two patterns and for ones that coincide.

    Source: J. Hopfield, Proc. Natl. Acad. Sci. USA 79, 2554 (1982).
    """

    patterns: Float[np.ndarray, "W n"]

    def __init__(self, patterns: ArrayLike):
        values = check_array("patterns", patterns, ("W", "d"))
        if len(values) < 2:
            raise InputError(f"there must be at least two patterns, got {len(values)}")
        values = signs_of(values)
        _, first, copies = np.unique(values, axis=0, return_index=True, return_inverse=True)
        for j, i in enumerate(first[copies.ravel()]):
            if i != j:
                raise InputError(f"patterns {i} and {j} have the same signs: leave one out")
        object.__setattr__(self, "patterns", values)

    def energy(
        self, states: Float[np.ndarray, "... n"], field: Float[np.ndarray, " n"] | None = None
    ) -> Float[np.ndarray, "..."]:
        """E = −½ sᵀWs − h·s, with h = 0 by default."""
        W, n = self.patterns.shape
        s = check_array("states", states, (..., n))
        if field is not None:
            field = check_array("field", field, (n,))
        energies = -0.5 * (np.sum((s @ self.patterns.T) ** 2, axis=-1) / n - W)
        return np.asarray(energies if field is None else energies - s @ field)

    def recall(
        self,
        target: int,
        *,
        key: PRNGKeyArray,
        num_trials: int = 1000,
        start: ArrayLike | None = None,
        cue: float = 1.0,
        cue_sweeps: int = 5,
        sweeps: int = 50,
    ) -> HopfieldRecall:
        """Sweep with the field h = cue·ξ^target, then without one until nothing changes.

        **Arguments**

        - `target`: the pattern called for. - `key`: for starts and the order of the neurons.
        - `start`: of ±1, shape (n,) or (M, n), such as what `corrupt` gives; by default random.
        - `num_trials`: M, unless there are M starts.
        - `cue`: how strong the field is, a finite number.
        - `cue_sweeps`, `sweeps`: how many there are with the field, and without it at most.
        """
        W, n = self.patterns.shape
        target = check_index("target", target, W)
        cue = check_number("cue", cue)
        cue_sweeps = check_count("cue_sweeps", cue_sweeps, least=0)
        sweeps = check_count("sweeps", sweeps, least=0)
        key_start, key_order = jax.random.split(check_key(key))
        if start is None:
            M = check_count("num_trials", num_trials)
            s = np.asarray(jax.random.rademacher(key_start, (M, n)), dtype=float)
        else:
            start = check_array("start", start, ("n",), ("M", "n"))
            M = len(start) if start.ndim == 2 else num_trials
            s = np.array(check_start(start, check_count("num_trials", M), (n,)))
            if not np.all(np.abs(s) == 1):
                raise InputError("start must be of ±1, got other numbers: take their signs")
        rng = generator(key_order)
        for _ in range(cue_sweeps):
            s = self._swept(s, cue * self.patterns[target], rng)
        moving = np.arange(M)
        for _ in range(sweeps):
            before = s[moving]
            s[moving] = self._swept(before, np.zeros(n), rng)
            moving = moving[np.any(s[moving] != before, axis=1)]
            if len(moving) == 0:
                break
        settled = ~np.isin(np.arange(M), moving)
        return HopfieldRecall(target, s, s @ self.patterns.T / n, settled)

    def _swept(self, states, field, rng) -> Float[np.ndarray, "M n"]:
        """Every neuron once, in random order. All sums are whole numbers, so ties are ties."""
        W, n = self.patterns.shape
        s = states.copy()
        overlaps = s @ self.patterns.T
        for i in rng.permutation(n):
            column = self.patterns[:, i]
            total = overlaps @ column - W * s[:, i] + n * field[i]
            new = np.where(total == 0, s[:, i], np.sign(total))
            overlaps += (new - s[:, i])[:, None] * column
            s[:, i] = new
        return s
