"""Inputs in time: pulses, steps and ramps of a vector, for `simulate`.

What they return is an ordinary function of time. So `simulate` takes any other function just as
well, and inputs are added by adding what they return: ``lambda t: a(t) + b(t)``.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from driftmatch.arguments import LARGEST, as_scalar, check_array, shown
from driftmatch.errors import InputError
from driftmatch.precision import like
from driftmatch.words import spelled


class Pulses(eqx.Module):
    """t ↦ Σ_p v_p [begin_p ≤ t < end_p], shape (d,).

    Its numbers are arguments of what is compiled, not constants in it: runs whose pulses differ
    only in them share one compilation.
    """

    values: Float[np.ndarray, "P d"]
    begins: Float[np.ndarray, " P"]
    ends: Float[np.ndarray, " P"]

    def __call__(self, t: Float[Array, ""]) -> Float[Array, " d"]:
        begins, ends = like(self.begins, t), like(self.ends, t)
        rounding = 1 - 4 * jnp.finfo(begins.dtype).eps  # the solver's i·dt is not exact
        on = (t >= begins * rounding) & (t < ends * rounding)
        return jnp.where(on[:, None], like(self.values, t), 0.0).sum(axis=0)


class Ramp(eqx.Module):
    """t ↦ v₀ + (v₁ − v₀) clip((t − begin)/(end − begin), 0, 1), shape (d,)."""

    first: Float[np.ndarray, " d"]
    last: Float[np.ndarray, " d"]
    begin: Float[np.ndarray, ""]
    end: Float[np.ndarray, ""]

    def __call__(self, t: Float[Array, ""]) -> Float[Array, " d"]:
        begin, end = like(self.begin, t), like(self.end, t)
        first, last = like(self.first, t), like(self.last, t)
        return first + (last - first) * jnp.clip((t - begin) / (end - begin), 0, 1)


@spelled
def pulse(value: ArrayLike, begin: float, end: float) -> Pulses:
    """`value` while begin ≤ t < end, otherwise 0.

    - `value`: what `simulate` takes: for an SDE c, shape (k,), in units of its drift; for a network
      u, shape (k,), in units of z, or I of every neuron, shape (n,), in units of x; for what an
      input steers u, shape (p,). A number stands for a vector of one.
    - `begin`, `end`: in units of time; `end` may be infinite. They are met to within a step of the
      simulation.

    Raises `InputError` for an end that does not come after the beginning, a value that is no vector
    of finite numbers, and times that are none.
    """
    return pulses([(value, begin, end)])


@spelled
def step(value: ArrayLike, begin: float = 0.0) -> Pulses:
    """0 before `begin`, then `value` for ever; by default a constant input. See `pulse`."""
    return pulses([(value, begin, np.inf)])


@spelled
def ramp(first: ArrayLike, last: ArrayLike, begin: float, end: float) -> Ramp:
    """`first` until `begin`, then linearly to `last` at `end`, where it stays. See `pulse`."""
    begin, end = _times("the ramp", begin, end)
    if np.isinf(end):
        raise InputError("the ramp must end at a finite time, got inf")
    values = _vector("the ramp", first), _vector("the ramp", last)
    if values[0].shape != values[1].shape:
        raise InputError(
            f"the ramp must lead between values of one shape, got {values[0].shape} and "
            f"{values[1].shape}"
        )
    return Ramp(*values, np.array(begin), np.array(end))


@spelled
def pulses(sequence: Sequence[tuple[ArrayLike, float, float]]) -> Pulses:
    """Several pulses (value, begin, end), in any order; where they overlap they add up.

    All values have one shape; see `pulse`.
    """
    try:
        parts = [(value, begin, end) for value, begin, end in sequence]
    except (TypeError, ValueError):
        raise InputError(
            f"pulses must be a sequence of (value, begin, end), got {shown(sequence)}"
        ) from None
    if not parts:
        raise InputError("pulses must be at least one (value, begin, end), got none")
    names = ["the pulse"] if len(parts) == 1 else [f"pulse {i}" for i in range(len(parts))]
    values = [_vector(name, value) for name, (value, _, _) in zip(names, parts, strict=True)]
    for name, value in zip(names, values, strict=True):
        if value.shape != values[0].shape:
            raise InputError(
                f"all pulses must have values of one shape, got {values[0].shape} for pulse 0 and "
                f"{value.shape} for {name}"
            )
    times = [_times(name, begin, end) for name, (_, begin, end) in zip(names, parts, strict=True)]
    begins, ends = np.array(times).T
    return Pulses(np.stack(values), begins, ends)


def _times(name: str, begin: Any, end: Any) -> tuple[float, float]:
    first, last = (np.nan if (t := as_scalar(time)) is None else t for time in (begin, end))
    if not (abs(first) <= LARGEST and (abs(last) <= LARGEST or last == np.inf)):
        raise InputError(f"{name} must begin and end at times, got {shown(begin)} and {shown(end)}")
    if last <= first:
        raise InputError(f"{name} must end after it begins, got from {first:g} to {last:g}")
    return float(first), float(last)


def _vector(name: str, value: Any) -> Float[np.ndarray, " d"]:
    vector = np.atleast_1d(check_array(f"the value of {name}", value)).copy()
    if vector.ndim != 1 or len(vector) == 0:
        raise InputError(
            f"the value of {name} must be a vector, of shape (k,) for a latent input or (n,) for "
            f"one of every neuron, got shape {vector.shape}"
        )
    return vector
