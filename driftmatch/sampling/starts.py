"""Where the ensemble sets out."""

import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.errors import InputError
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.randomness import generator
from driftmatch.sampling.windows import M
from driftmatch.simulation.scatter import default_starts

_DECADES = 60
_BENT = 1e-3  # by which a drift is no longer linear
_WELL_INSIDE = 1e-4


def checked_starts(sde: AbstractSDE) -> Float[np.ndarray, "M k"]:
    """The starts in turn, all exactly where they were given; refuses what is not finite there."""
    number = M if sde.starts is None else max(M, len(sde.starts))
    given = default_starts(sde, 1 if sde.starts is None else len(sde.starts), None)
    defined = np.isfinite(drifts(sde, given)).all(axis=1)
    defined &= np.isfinite(diffusion_matrices(sde, given)).all(axis=(1, 2))
    if not defined.all():
        raise InputError(
            f"the drift or the diffusion of {sde.name} is not finite at "
            f"{given[np.argmin(defined)].tolist()}; pass another start= to the SDE"
        )
    return given[np.arange(number) % len(given)][:M]


def moved_off(sde, starts, is_quiet: bool):
    """Without noise, off an exact point of rest by next to nothing: it may be unstable.

    Where the drift is linear about it, by a ten-thousandth of the way on which it is.
    """
    still = ~np.any(drifts(sde, starts), axis=1)
    if not is_quiet or not still.any():
        return starts
    off = np.where(starts != 0, 1e-12 * np.abs(starts), 1e-30)
    off = off * generator().standard_normal(starts.shape)
    further = 10.0 ** np.arange(_DECADES)
    there = starts + further[:, None, None] * off
    f = drifts(sde, there.reshape(-1, sde.dim)).reshape(there.shape) / further[:, None, None]
    with np.errstate(invalid="ignore"):
        bends = ~(np.abs(f - f[0]).max(axis=(1, 2)) <= _BENT * np.abs(f[0]).max())
    linear = int(np.argmax(bends)) if bends.any() else 0
    off *= max(1.0, _WELL_INSIDE * further[linear])
    return np.where(still[:, None], starts + off, starts)
