"""The standard error of a mean over blocks of time and over trajectories, honest about both."""

import numpy as np
import scipy.stats
from jaxtyping import Float

ENOUGH_TRAJECTORIES = 8
_NEVER = 0.7  # of what trajectories differ by, if blocks are as many as here
_FALSE_ALARM = 1e-3


def mean_error(rates: Float[np.ndarray, "B M *q"]) -> tuple[np.ndarray, np.ndarray]:
    r"""The standard error of the mean over B ≥ 2 blocks and M trajectories, and a sign of trouble.

        SE² = q max(W/M, V),   W = ⟨var_m r_bm⟩_b,   V = var_b ⟨r_bm⟩_m

    W/M is the variance of a block's mean if trajectories are independent, V is what it is. Where V
    is the larger, trajectories move together (they started close to each other) or all still drift
    towards where they belong, and their scatter alone says too little.

    q is how the variance of a block passes on to that of the mean of B blocks. With eight or more
    trajectories it is measured, q = var_m ⟨r_bm⟩_b / W, whatever the correlation between blocks, so
    that SE² = var_m ⟨r_bm⟩_b / M if V is not larger. With fewer, q = (1 + ρ)/(1 − ρ)/B, where ρ is
    the correlation of neighbouring blocks if it is positive, and 0 otherwise.

    **Returns** SE, shape (q), and whether V is larger than W/M by more than chance would make it in
    one of a thousand runs, shape (q).
    """
    B, M = rates.shape[:2]
    deviations = rates - rates.mean(axis=(0, 1))
    together = rates.mean(axis=1).var(axis=0, ddof=1)
    apart = rates.var(axis=1, ddof=1).mean(axis=0) / M if M > 1 else together
    if M >= ENOUGH_TRAJECTORIES:
        between = rates.mean(axis=0).var(axis=0, ddof=1) / M
        # Trajectories that are all the same say nothing of the correlation in time.
        differ = apart > 1e-12 * together
        passed_on = np.divide(between, apart, out=np.full_like(apart, 1 / B), where=differ)
    else:
        variance = np.mean(deviations**2, axis=(0, 1))
        covariance = np.sum(deviations[1:] * deviations[:-1], axis=(0, 1)) / (B * M)
        rho = np.divide(covariance, variance, out=np.zeros_like(variance), where=variance > 0)
        rho = np.clip(rho, 0, 0.9)
        passed_on = (1 + rho) / (1 - rho) / B
    error = np.sqrt(passed_on * np.maximum(apart, together))
    if M == 1:
        return error, np.zeros(np.shape(error), dtype=bool)
    limit = scipy.stats.f.isf(_FALSE_ALARM / max(1, np.size(error)), B - 1, B * (M - 1))
    return error, together > limit * apart


def never_mix(rates: Float[np.ndarray, "B M *q"]) -> np.ndarray:
    """Whether trajectories differ for good, as on attractors of their own, shape (q).

    The variance between trajectories' means is compared with that within a trajectory's blocks: it
    is 1/B of it if blocks forget each other, and some times that if they hardly do; of all that
    blocks differ by it is at least 0.7 only if trajectories are not of one kind.
    """
    if rates.shape[1] == 1:
        return np.zeros(rates.shape[2:], dtype=bool)
    between = rates.mean(axis=0).var(axis=0, ddof=1)
    within = rates.var(axis=0, ddof=1).mean(axis=0)
    return between > _NEVER / (1 - _NEVER) * within
