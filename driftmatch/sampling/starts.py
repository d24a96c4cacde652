"""Where the ensemble sets out."""

import numpy as np
from jaxtyping import Float

from driftmatch.errors import InputError
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.sampling.windows import M
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.scatter import default_starts


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
    """Without noise, off an exact point of rest by next to nothing: it may be unstable."""
    if not is_quiet:
        return starts
    still = ~np.any(drifts(sde, starts), axis=1)
    off = np.where(starts != 0, 1e-12 * np.abs(starts), 1e-30)
    signs = np.random.default_rng(0).standard_normal(starts.shape)
    return np.where(still[:, None], starts + off * signs, starts)
