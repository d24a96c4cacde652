"""The attractor that a system's noise-free flow leads to."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.compilation import compiled
from driftmatch.errors import InputError
from driftmatch.evaluate import drifts, slopes
from driftmatch.flows import sampled

_BURN_IN = 100  # time scales
_TRACED = 200
_STATES = 4000  # along that
_ROUNDS = 6  # each twice as long, until the flow has settled
_SETTLED = 0.8  # the extents of two halves agree to this factor
_AT_REST = 1e-6  # of what was passed through on the way
_ACCURACY = 1e-8  # of a step, of the largest coordinate
_STEPS = 256  # from state to state, at most
_FAR = 1e100


class Attractor(NamedTuple):
    """An attractor of a noise-free flow.

    - `state`: one on it, shape (j,). - `mean`: of all, in time, shape (j,).
    - `extent`: the largest distance from the mean; 0 for a fixed point.
    - `rate`: at which the state changes by its own size, root mean square of the coordinates that
      move; or at which a state next to a fixed point comes back.
    """

    state: Float[np.ndarray, " j"]
    mean: Float[np.ndarray, " j"]
    extent: float
    rate: float


def trace_attractor(sde: AbstractSDE) -> Attractor:
    """The noise-free attractor that the SDE's start, or else 0, leads to.

    Raises `InputError` for a flow that runs away, does not settle or rests where it is not stable.
    """
    start = np.zeros(sde.dim) if sde.start is None else np.asarray(sde.start, dtype=float)
    came = f"the noise-free flow of {sde.name} from {start.tolist()}"
    with jax.enable_x64(True):
        fastest = float(np.linalg.norm(_slopes(sde, start, came)))
        scale = sde.time_scale or 1 / max(fastest, 1e-12)
        states = _followed(sde, start, _BURN_IN * scale, came)
        passed = np.abs(states).max()
        for doubling in range(_ROUNDS):
            states = _followed(sde, states[-1], _TRACED * scale * 2**doubling, came)
            if _extent(states) <= _AT_REST * passed:
                return Attractor(states[-1], states[-1], 0.0, _way_back(sde, states[-1], came))
            if _is_settled(states):
                return _moving(sde, states)
    raise InputError(f"{came} does not settle: give it a start on its attractor")


def _followed(sde, start, duration: float, came: str) -> Float[np.ndarray, "T j"]:
    """States at equal times."""
    states = np.asarray(_states(sde, jnp.asarray(start), duration / _STATES))
    if not np.all(np.isfinite(states)):
        raise InputError(
            f"{came} runs away or is too stiff to follow: give it a start in its attractor's basin"
        )
    return states


@compiled
def _states(sde, start, interval):
    return sampled(
        lambda z: interval * sde.drift(z),
        start[None],
        skipped=0,
        number=_STATES,
        tolerance=_ACCURACY,
        scale=lambda z: jnp.max(jnp.abs(z), axis=1, keepdims=True),
        longest=1.0,
        farthest=_FAR,
        most_steps=_STEPS * _STATES,
    )[0]


def _extent(states: Float[np.ndarray, "T j"]) -> float:
    return float(np.linalg.norm(states - states.mean(axis=0), axis=1).max())


def _is_settled(states: Float[np.ndarray, "T j"]) -> bool:
    """Whether the two halves are of one size and in one place."""
    early, late = np.split(states, 2)
    sizes = sorted((_extent(early), _extent(late)))
    moved = float(np.linalg.norm(late.mean(axis=0) - early.mean(axis=0)))
    return sizes[0] > _SETTLED * sizes[1] and moved < 0.5 * sizes[0]


def _moving(sde, states: Float[np.ndarray, "T j"]) -> Attractor:
    # Weights that rise and fall gently, so that it hardly matters where in a period a run ends
    weights = np.hanning(len(states))
    mean = np.average(states, axis=0, weights=weights)
    variances = np.average((states - mean) ** 2, axis=0, weights=weights)
    squares = np.average(drifts(sde, states) ** 2, axis=0, weights=weights)
    moves = variances > _AT_REST**2 * variances.max()
    return Attractor(
        states[-1],
        mean,
        float(np.linalg.norm(states - mean, axis=1).max()),
        float(np.sqrt(np.mean(squares[moves] / variances[moves]))),
    )


def _way_back(sde, state: Float[np.ndarray, " j"], came: str) -> float:
    """The slowest rate at which a state comes back to a fixed point."""
    growth = np.linalg.eigvals(_slopes(sde, state, came)).real.max()
    if not growth < 0:
        raise InputError(
            f"{came} rests at {state.tolist()}, which is not stable: give it another start"
        )
    return float(-growth)


def _slopes(sde, state: Float[np.ndarray, " j"], came: str) -> Float[np.ndarray, "j j"]:
    J = slopes(sde, state[None])[0]
    if not np.all(np.isfinite(J)):
        raise InputError(
            f"{came} meets a state where its slopes are not finite, {state.tolist()}: give it "
            "another start"
        )
    return J
