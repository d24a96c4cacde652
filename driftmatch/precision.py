"""NumPy arrays inside traced code, safely used in float32 and in float64.

JAX remembers, by the identity of a NumPy array, what it has made of it, and takes that again after
the precision has changed (``jax.enable_x64``): a program that was fine then fails to compile or to
run. What is copied before JAX sees it cannot be mistaken.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike


def like(value: ArrayLike, state: Array) -> Array:
    """A parameter in the precision of the state."""
    dtype = jnp.result_type(float, state)
    if isinstance(value, jax.Array):
        return value.astype(dtype)
    return jnp.asarray(np.array(value, dtype))


def alike(parameter: Any, states: Any) -> Any:
    """A parameter for states of JAX, traced or not, in their precision; for NumPy's, as it is."""
    return like(parameter, states) if isinstance(states, jax.Array) else parameter


def in_this_precision(function: Callable) -> Callable:
    """The function for another thread, where JAX would not know that float64 is enabled here."""
    x64 = bool(jax.config.jax_enable_x64)  # pyright: ignore[reportAttributeAccessIssue]

    def inside(*arguments, **options):
        with jax.enable_x64(x64):
            return function(*arguments, **options)

    return inside
