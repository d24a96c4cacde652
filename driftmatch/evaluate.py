"""Drift and diffusion of an SDE at many states, in float64 whatever precision JAX is set to.

States are taken in batches of few sizes, so that a function of an SDE is seldom compiled.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.compilation import compiled

_FEW, _BATCH = 128, 4096  # states in a batch
_NUMBERS = 2**25  # that a batch of one function may hold, about


def drifts(sde: AbstractSDE, states: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "N k"]:
    """f at every state."""
    return at_states(_drift, sde, states)


def noise_amplitudes(
    sde: AbstractSDE, states: Float[np.ndarray, "N k"]
) -> Float[np.ndarray, "#N k m"]:
    """σ at every state, or once if it is constant."""
    chosen = states[:1] if sde.has_constant_diffusion else states
    return at_states(_diffusion, sde, chosen, numbers=sde.dim * sde.noise_dim)


def diffusion_matrices(
    sde: AbstractSDE, states: Float[np.ndarray, "N k"]
) -> Float[np.ndarray, "N k k"]:
    """D = ½ σσᵀ at every state."""
    sigma = noise_amplitudes(sde, states)
    D = 0.5 * sigma @ np.swapaxes(sigma, -1, -2)
    return np.broadcast_to(D, (len(states), *D.shape[1:]))


def slopes(sde: AbstractSDE, states: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "N k k"]:
    """∂f/∂z at every state."""
    return at_states(_jacobian, sde, states, numbers=sde.dim**2)


def at_states(
    function: Callable[..., Array],
    sde: AbstractSDE,
    states: Float[np.ndarray, "N k"],
    *,
    numbers: int | None = None,
) -> np.ndarray:
    """`function(sde, z)` at every state; a module's function, lest it be compiled again and again.

    `numbers`: how many a single state takes, which bounds the batch; k by default.
    """
    size = _FEW if len(states) <= _FEW else _BATCH
    size = int(np.clip(_NUMBERS // (numbers or sde.dim), 1, size))
    parts = []
    with jax.enable_x64(True):
        for first in range(0, max(1, len(states)), size):
            batch = states[first : first + size]
            padded = np.zeros((size, sde.dim))
            padded[: len(batch)] = batch
            padded[len(batch) :] = batch[0] if len(batch) else 0.0
            values = _batch(function, sde, jnp.asarray(padded))
            parts.append(
                jax.tree.map(lambda x, n=len(batch): np.asarray(x, np.float64)[:n], values)
            )
    return np.concatenate(parts)


@compiled
def _batch(function, sde, states):
    return jax.vmap(lambda z: function(sde, z))(states)


def _drift(sde, z):
    return sde.drift(z)


def _jacobian(sde, z):
    return jax.jacfwd(sde.drift)(z)


def _diffusion(sde, z):
    return sde.diffusion(z)
