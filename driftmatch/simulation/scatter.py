"""Where trajectories set out, and small moves that the drift accepts."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.evaluate import at_states, drifts, slopes
from driftmatch.network import Network, NeuralSDE
from driftmatch.randomness import generator
from driftmatch.sde import SDE
from driftmatch.wrappers import unforced

_CHANGE = 0.3  # of a coordinate's drift, at most
_HALVINGS = 30


def is_noise_free(sde: AbstractSDE) -> bool:
    """Whether σ is known to be zero everywhere; forms no matrix of n rows for a network."""
    sde = unforced(sde)
    if isinstance(sde, NeuralSDE):
        return sde.network.private_noise == 0 and is_noise_free(sde.network)
    if isinstance(sde, Network):
        return sde.shared_noise.readout is None and not sde.shared_noise.constant.any()
    if isinstance(sde, SDE):  # known without compiling anything
        return isinstance(sde._diffusion, np.ndarray) and not sde._diffusion.any()
    return sde.has_constant_diffusion and not np.any(np.asarray(sde.diffusion(jnp.zeros(sde.dim))))


def default_starts(
    sde: AbstractSDE, num_trajectories: int, key: PRNGKeyArray | None
) -> Float[np.ndarray, "M k"]:
    """The SDE's starts in turn, 0 if there is none or what its bounds have nearest to it.

    Noise parts trajectories; without any they begin a little apart, moved as the drift accepts.
    """
    given = np.zeros((1, sde.dim)) if sde.starts is None else np.asarray(sde.starts, float)
    low, high = sde.lower, sde.upper
    given = np.clip(given, -np.inf if low is None else low, np.inf if high is None else high)
    starts = given[np.arange(num_trajectories) % len(given)]
    if num_trajectories <= len(given) or not is_noise_free(sde):
        return starts
    f, turned = _drift_along(sde, starts)
    ahead = 0.01 * f * _times(f, turned)[:, None]  # ahead, where the drift leads: no bound is there
    return starts + ahead * generator(key).standard_exponential(starts.shape)


def scattered(
    sde: AbstractSDE,
    states: Float[np.ndarray, "N k"],
    reach: Float[np.ndarray, "*N k"],
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


def own_scale(
    sde: AbstractSDE, states: Float[np.ndarray, "N k"], part: float = 0.01
) -> Float[np.ndarray, "N k"]:
    """A part of how far the drift leads from each state in the time in which it changes.

    That is |f_i| · |f| / |(∂f/∂z) f|, which has the unit of the coordinate whatever the units are.
    """
    f, turned = _drift_along(sde, states)
    return part * np.abs(f) * _times(f, turned)[:, None]


def drift_time(sde: AbstractSDE, states: Float[np.ndarray, "N k"]) -> float:
    """The inverse of the largest eigenvalue of ∂f/∂z at the states: whatever the units of the
    coordinates are, it has that of time. 0 if there is none that is finite and not 0."""
    states = np.unique(states, axis=0)
    J = slopes(sde, states)
    J = J[np.isfinite(J).all(axis=(1, 2))]
    fastest = np.abs(np.linalg.eigvals(J)).max(initial=0.0)
    return 1 / float(fastest) if 0 < fastest < np.inf else 0.0


def _drift_along(sde: AbstractSDE, states):
    """f and (∂f/∂z) f; a network's in NumPy, where nothing need be compiled."""
    if not isinstance(sde, Network):
        return drifts(sde, states), at_states(_along, sde, states, numbers=2 * sde.dim)
    rates, gains = sde.activation.derivatives(sde.lift(states))[:2]
    f = (rates @ sde.readout.T - states) / sde.tau
    return f, ((gains * sde.lift.push(f)) @ sde.readout.T - f) / sde.tau


def _times(f, turned):
    """In what time each drift changes."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        time = np.nanmax(np.abs(f) / np.abs(turned), axis=1, initial=0.0, where=turned != 0)
    return np.nan_to_num(time, posinf=0.0)


def _along(sde, z):
    f = sde.drift(z)
    return jax.jvp(sde.drift, (z,), (f,))[1]
