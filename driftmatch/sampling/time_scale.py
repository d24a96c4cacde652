"""The time in which the state of an SDE changes by about its own size."""

from collections.abc import Collection

import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.sampling.angles import periods_of
from driftmatch.sampling.whitening import Whitening

_ENOUGH = 20_000


def measured_time_scale(
    sde: AbstractSDE, states: Float[np.ndarray, "N k"], free: Collection[int] = ()
) -> float:
    """1 / max(r, d), with r the root-mean-square whitened drift per coordinate and d the mean
    whitened diffusion; inf if both vanish.

    Angles are whitened by their periods over 2π. Coordinates in `free` do not count.
    """
    states = states[:: max(1, len(states) // _ENOUGH)]
    f, D = drifts(sde, states), diffusion_matrices(sde, states)
    variances = np.diagonal(D, axis1=1, axis2=2)
    periods = periods_of(sde)
    turning = [a for a in range(sde.dim) if a not in free and periods[a] is not None]
    straight = [a for a in range(sde.dim) if a not in free and periods[a] is None]
    radius = np.array([periods[a] or 0.0 for a in turning]) / (2 * np.pi)
    rates, diffusing = [f[:, turning] / radius], [variances[:, turning] / radius**2]
    if straight:
        whitening = Whitening.of(states[:, straight])
        rates.append(whitening.whiten_rates(f[:, straight]))
        spread = np.diagonal(whitening.factor @ whitening.factor.T)
        diffusing.append(variances[:, straight] / np.maximum(spread, np.finfo(float).tiny))
    r = np.sqrt(np.mean(np.concatenate(rates, axis=1) ** 2)) if turning or straight else 0.0
    d = np.mean(np.concatenate(diffusing, axis=1)) if turning or straight else 0.0
    fastest = max(float(r), float(d))
    return 1 / fastest if 0 < fastest < np.inf else np.inf
