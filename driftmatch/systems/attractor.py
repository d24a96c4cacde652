"""The attractor that a system's noise-free flow leads to."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch.errors import InputError
from driftmatch.sde import AbstractSDE

_BURN_IN = 100  # time scales
_TRACED = 200
_STATES = 4000  # along that
_ROUNDS = 6  # each twice as long, until the flow has settled
_SETTLED = 0.7  # the extents of two halves agree to this factor
_AT_REST = 1e-6  # of what was passed through on the way
_ACCURACY = 1e-6  # from state to state, of the largest
_SUBSTEPS = (2, 8, 32, 128, 512)  # from state to state
_FAR = 1e100


def trace_attractor(sde: AbstractSDE) -> tuple[Float[np.ndarray, "T j"], float]:
    """States on the noise-free attractor that the start (or else 0) leads to, in order of time, one
    alone for a fixed point; and the rate at which they change by their own size, or at which a
    state next to the fixed point comes back.

    Raises `InputError` for a flow that runs away, does not settle or rests where it is not stable.
    """
    start = np.zeros(sde.dim) if sde.start is None else np.asarray(sde.start, dtype=float)
    came = f"the noise-free flow of {sde.name} from {start.tolist()}"
    with jax.enable_x64(True):
        scale = sde.time_scale or 1 / max(float(np.linalg.norm(_slopes(sde, start))), 1e-12)
        states = _followed(sde, start, _BURN_IN * scale, came)
        passed = np.abs(states).max()
        for doubling in range(_ROUNDS):
            states = _followed(sde, states[-1], _TRACED * scale * 2**doubling, came)
            early, late = (_extent(half) for half in np.split(states, 2))
            if max(early, late) <= _AT_REST * passed:
                return states[-1:], _way_back(sde, states[-1], came)
            if min(early, late) > _SETTLED * max(early, late):
                return states, _rate(sde, states)
    raise InputError(f"{came} does not settle: give it a start on its attractor")


def _followed(sde, start, duration: float, came: str) -> Float[np.ndarray, "T j"]:
    """States at equal times, by steps fine enough that steps twice as long end nearly there."""
    for substeps in _SUBSTEPS:
        states, errors = _runge_kutta(sde, jnp.asarray(start), duration / _STATES, substeps)
        states, largest = np.asarray(states), np.abs(states).max()
        if largest < _FAR and np.max(errors) <= _ACCURACY * largest:  # False for NaN
            return states
    raise InputError(
        f"{came} runs away or is too stiff to follow: give it a start in its attractor's basin"
    )


@eqx.filter_jit
def _runge_kutta(sde, start, interval, substeps):
    """States, shape (T, j), and how far coarser steps led from each, shape (T,)."""

    def step(z, h):
        k1 = sde.drift(z)
        k2 = sde.drift(z + 0.5 * h * k1)
        k3 = sde.drift(z + 0.5 * h * k2)
        k4 = sde.drift(z + h * k3)
        return z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def follow(z, n):
        return jax.lax.fori_loop(0, n, lambda _, z: step(z, interval / n), z)

    def save(z, _):
        new = follow(z, substeps)
        return new, (new, jnp.abs(new - follow(z, substeps // 2)).max())

    return jax.lax.scan(save, start, None, length=_STATES)[1]


def _extent(states: Float[np.ndarray, "T j"]) -> float:
    return float(np.linalg.norm(states - states.mean(axis=0), axis=1).max())


def _rate(sde, states: Float[np.ndarray, "T j"]) -> float:
    """Root mean square of the flow in units of the spread of each coordinate that moves."""
    flow = np.asarray(jax.vmap(sde.drift)(jnp.asarray(states)))
    spread = states.std(axis=0)
    moving = spread > _AT_REST * spread.max()
    return float(np.sqrt(np.mean((flow[:, moving] / spread[moving]) ** 2)))


def _way_back(sde, state: Float[np.ndarray, " j"], came: str) -> float:
    """The slowest rate at which a state comes back to a fixed point."""
    growth = np.linalg.eigvals(_slopes(sde, state)).real.max()
    if not growth < 0:
        raise InputError(
            f"{came} rests at {state.tolist()}, which is not stable: give it another start"
        )
    return float(-growth)


def _slopes(sde, state: Float[np.ndarray, " j"]) -> Float[np.ndarray, "j j"]:
    return np.asarray(jax.jacfwd(sde.drift)(jnp.asarray(state)))
