"""Flows of which the exponents are known."""

import jax
import jax.numpy as jnp
import numpy as np

from driftmatch.sde import SDE

KEY = jax.random.key(0)


def linear(B, noise):
    B = np.array(B)
    return SDE(lambda z: -jnp.asarray(B, z.dtype) @ z, noise, len(B), start=np.ones(len(B)))
