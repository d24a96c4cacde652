"""Drift and diffusion of an SDE at many states, in float64 whatever precision JAX is set to."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch.sde import AbstractSDE


def drifts(sde: AbstractSDE, states: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "N k"]:
    """f at every state."""
    with jax.enable_x64(True):
        return np.asarray(_drifts(sde, jnp.asarray(states, jnp.float64)), np.float64)


def diffusion_matrices(
    sde: AbstractSDE, states: Float[np.ndarray, "N k"]
) -> Float[np.ndarray, "N k k"]:
    """D = ½ σσᵀ at every state."""
    with jax.enable_x64(True):
        sigma = np.asarray(_diffusions(sde, jnp.asarray(states, jnp.float64)), np.float64)
    return 0.5 * sigma @ np.swapaxes(sigma, -1, -2)


@eqx.filter_jit
def _drifts(sde, states):
    return jax.vmap(sde.drift)(states)


@eqx.filter_jit
def _diffusions(sde, states):
    return jax.vmap(sde.diffusion)(states)
