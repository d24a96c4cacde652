"""Small moves that the drift accepts."""

import numpy as np
from jaxtyping import Float

from driftmatch.evaluate import drifts
from driftmatch.sde import AbstractSDE

_CHANGE = 0.3  # of a coordinate's drift, at most
_HALVINGS = 30


def scattered(
    sde: AbstractSDE,
    states: Float[np.ndarray, "N k"],
    reach: Float[np.ndarray, " k"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "N k"]:
    """The states moved by normal numbers times `reach`, less far where the drift would change much.

    So a population near 0 stays above it: its drift is proportional to it. Where the drift is 0,
    as in a state of rest, moves are accepted as they are.
    """
    f = drifts(sde, states)
    moves = reach * rng.standard_normal(states.shape)
    usual = np.sqrt(np.mean(f**2, axis=0))
    limit = _CHANGE * np.where(np.abs(f) > 1e-9 * usual, np.abs(f), usual)
    for _ in range(_HALVINGS):
        changed = drifts(sde, states + moves)
        off = np.abs(changed - f) > limit
        off |= ~np.isfinite(changed)
        off = off.any(axis=1)
        if usual.max() == 0 or not off.any():
            break
        moves[off] *= 0.5
    return states + moves
