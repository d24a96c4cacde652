"""Whether trajectories are stationary: do halves agree, and do trajectories agree?

All tests look at features that have no unit: of every coordinate its value and its distance from
the median, in robust standard deviations and cut off at five of them (spikes must not decide); of
an angle its cosine and sine.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from driftmatch.sampling.angles import Periods

_CUT = 5.0  # robust standard deviations
_DRIFT = 0.1  # standard deviations by which the means of halves may differ
_APART = 0.1  # of the variance: by which trajectories' means may differ
_RESTING = 1e-9  # of what had been spanned: below that nothing moves
ROUNDING = 1e-13  # of the size of numbers


@dataclass(frozen=True)
class Stationarity:
    """What a stretch of M trajectories says.

    - `drift`: the largest difference of a feature's means over the two halves, in its standard
      deviations. - `apart`: the largest share of a feature's variance that lies between the
      trajectories' means: near 1 if each stays where it is, 1/(number of independent samples) if
      they mix.
    - `axis`: the coordinate with the largest of either.
    - `effective_number`: of independent samples in all trajectories together.
    """

    drift: float
    apart: float
    axis: int
    effective_number: float

    @property
    def halves_agree(self) -> bool:
        return self.drift <= _DRIFT

    @property
    def is_mixed(self) -> bool:
        return self.apart <= _APART

    @classmethod
    def of(cls, runs: Float[np.ndarray, "M T k"], periods: Periods) -> "Stationarity":
        features, axes = _features(runs, periods)
        M, T = runs.shape[:2]
        if len(axes) == 0:  # nothing moves
            return cls(0.0, 0.0, 0, float(M * T))
        spread = np.maximum(features.std(axis=(0, 1)), np.finfo(float).tiny)
        half = T // 2
        first, second = features[:, :half].mean(axis=(0, 1)), features[:, half:].mean(axis=(0, 1))
        drift = np.abs(second - first) / spread
        apart = (features.mean(axis=1).std(axis=0) / spread) ** 2
        number = M / np.maximum(apart.max(), 1 / T)
        worst = axes[int(np.argmax(np.maximum(drift / _DRIFT, apart / _APART)))]
        return cls(float(drift.max()), float(apart.max()), int(worst), float(number))


def spreads(runs: Float[np.ndarray, "M T k"]) -> Float[np.ndarray, " k"]:
    """Robust standard deviations; plain ones where more than half of the samples coincide."""
    flat = runs.reshape(-1, runs.shape[-1])
    low, high = np.quantile(flat, [0.16, 0.84], axis=0)
    robust = (high - low) / 2
    plain = flat.std(axis=0)
    moving = plain > ROUNDING * np.abs(flat).max(axis=0)
    return np.where(moving, np.where(robust > 1e-3 * plain, robust, plain), 0.0)


def are_resting(runs: Float[np.ndarray, "M T k"], spanned: Float[np.ndarray, " k"]) -> np.ndarray:
    """Whether each trajectory hardly moves in its second half, compared with what was spanned."""
    late = runs[:, runs.shape[1] // 2 :]
    moved = late.max(axis=1) - late.min(axis=1)
    rounding = ROUNDING * np.abs(late).max(axis=(0, 1))
    return np.all(moved <= _RESTING * spanned + rounding, axis=1)


def slowest_relaxation(runs: Float[np.ndarray, "M T k"], spacing: float) -> float:
    """The longest time in which a linear combination of the coordinates forgets itself.

    From the propagator C(lag)C(0)⁻¹ of lagged covariances at the shortest lag at which half is
    forgotten; at an eighth of the run if it never is.
    """
    lag, longest = 1, max(1, runs.shape[1] // 8)
    while (memory := _memory(runs, lag)) > 0.5 and lag < longest:
        lag = min(2 * lag, longest)
    return float(lag * spacing / max(-np.log(np.clip(memory, 1e-300, 1.0)), 1e-3))


def _memory(runs: Float[np.ndarray, "M T k"], lag: int) -> float:
    """The largest |eigenvalue| of C(lag)C(0)⁻¹."""
    centred = runs - runs.mean(axis=(0, 1))
    scale = np.maximum(np.abs(centred).max(axis=(0, 1)), np.finfo(float).tiny)  # no overflow
    before, after = centred[:, :-lag] / scale, centred[:, lag:] / scale
    C0 = np.einsum("mti,mtj->ij", before, before)
    Clag = np.einsum("mti,mtj->ij", after, before)
    unit = np.sqrt(np.maximum(np.diag(C0), np.finfo(float).tiny))
    C0, Clag = C0 / np.outer(unit, unit), Clag / np.outer(unit, unit)
    return float(np.abs(np.linalg.eigvals(np.linalg.lstsq(C0, Clag.T, rcond=1e-10)[0])).max())


def _features(runs, periods: Periods):
    """Features of shape (M, T, q), and whose coordinate each belongs to."""
    columns, axes = [], []
    scale = spreads(runs)
    for axis in range(runs.shape[2]):
        z = runs[:, :, axis]
        if (period := periods[axis]) is not None:
            turn = 2 * np.pi / period
            columns += [np.cos(turn * z), np.sin(turn * z)]
        elif scale[axis] == 0:
            continue
        else:
            away = np.clip((z - np.median(z)) / scale[axis], -_CUT, _CUT)
            columns += [away, np.abs(away)]
        axes += [axis, axis]
    stacked = np.stack(columns, axis=2) if columns else np.zeros((*runs.shape[:2], 0))
    return stacked, np.array(axes, int)
