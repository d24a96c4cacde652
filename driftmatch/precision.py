"""NumPy arrays inside traced code, safely used in float32 and in float64.

JAX remembers, by the identity of a NumPy array, what it has made of it, and takes that again after
the precision has changed (``jax.enable_x64``): a program that was fine then fails to compile or to
run. What is copied before JAX sees it cannot be mistaken.
"""

import inspect
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

Function = Callable[[Array], Array]


def like(value: ArrayLike, state: Array) -> Array:
    """A parameter in the precision of the state."""
    dtype = jnp.result_type(float, state)
    if isinstance(value, jax.Array):
        return value.astype(dtype)
    return jnp.asarray(np.array(value, dtype))


def alike(parameter: ArrayLike, states: Any) -> Any:
    """A parameter for states of JAX, traced or not, in their precision; for NumPy's, as it is."""
    if isinstance(states, jax.Array) or isinstance(parameter, jax.Array):
        return like(parameter, jnp.asarray(states))
    return parameter


def uncompiled(function: Function) -> Function:
    """What was given to ``jax.jit``, which would keep the arrays that it met."""
    return inspect.unwrap(function) if isinstance(function, jax.stages.Wrapped) else function


def with_own_constants(function: Function, dim: int) -> Function:
    """The same function of a state; working on copies if it closes over NumPy arrays.

    An `equinox.Module` is left alone: its arrays are arguments, not constants.
    """
    if issubclass(type(function), eqx.Module):
        return function
    jaxpr = _trace(function, jax.ShapeDtypeStruct((dim,), jnp.result_type(float)))
    if any(isinstance(value, np.ndarray) for value in jaxpr.consts):
        return _OwnConstants(function)
    return function


class Static(eqx.Module):
    """A plain function inside of a module: part of its structure, and no leaf, for JAX."""

    function: Function = eqx.field(static=True)

    def __call__(self, x: Array) -> Array:
        return self.function(x)


def as_module(function: Any) -> Any:
    """The same function; one that is no module becomes one."""
    return function if isinstance(function, eqx.Module) else Static(function)


class _OwnConstants(eqx.Module):
    function: Function = eqx.field(static=True)

    def __call__(self, z: Array) -> Array:
        jaxpr = _trace(self.function, z)
        constants = [
            np.array(value, variable.aval.dtype) if isinstance(value, np.ndarray) else value
            for variable, value in zip(jaxpr.jaxpr.constvars, jaxpr.consts, strict=True)
        ]
        return jax.core.eval_jaxpr(jaxpr.jaxpr, constants, z)[0]


def _trace(function: Function, z):
    # The lambda is new each time, so that JAX keeps nothing of this trace.
    return jax.make_jaxpr(lambda z: jnp.asarray(function(z)))(z)


def in_this_precision(function: Callable) -> Callable:
    """The function for another thread, where JAX would not know that float64 is enabled here."""
    x64 = bool(jax.config.jax_enable_x64)  # pyright: ignore[reportAttributeAccessIssue]

    def inside(*arguments, **options):
        with jax.enable_x64(x64):
            return function(*arguments, **options)

    return inside
