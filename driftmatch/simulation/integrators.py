"""Schemes of fixed step: how one path takes one step, and on which noise."""

import abc
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.flows import Y, moved
from driftmatch.simulation.noise import normals as normals

if TYPE_CHECKING:
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar


def euler_maruyama(drift: Callable, z: Y, t: ArrayLike, dt: ArrayLike, noise: Any) -> Y:
    """z' = z + f(z, t) dt + σ(z) dB: strong order ½ (1 for additive noise), weak order 1."""
    return moved(z, drift(z, t), dt, noise)


def heun(drift: Callable, z: Y, t: ArrayLike, dt: ArrayLike, noise: Any) -> Y:
    """The trapezoidal rule for the drift, the left point for the noise, which keeps it Itô:

        z* = z + f(z, t) dt + σ(z) dB,  z' = z + ½ [f(z, t) + f(z*, t + dt)] dt + σ(z) dB

    z is an array, or a state with its tangents. Orders as for Euler–Maruyama with smaller errors,
    and order 2 without noise.
    """
    before = drift(z, t)
    after = drift(moved(z, before, dt, noise), t + dt)
    return moved(z, jax.tree.map(lambda a, b: 0.5 * (a + b), before, after), dt, noise)


class AbstractScheme(eqx.Module):
    """How one path takes one step."""

    draws: AbstractVar[int]  # standard normals per step and noise component

    @abc.abstractmethod
    def init(self, sde: AbstractSDE, z: Float[Array, " k"], dt: Float[Array, ""]) -> Any:
        """What the first step is handed besides the state."""

    @abc.abstractmethod
    def step(
        self,
        sde: AbstractSDE,
        carried: Any,
        z: Float[Array, " k"],
        t: Float[Array, ""],
        dt: Float[Array, ""],
        normal: Float[Array, " draws*m"],
    ) -> tuple[Any, Float[Array, " k"]]:
        """What the next step is handed, and the state at t + dt."""


class ExplicitScheme(AbstractScheme):
    """A scheme given by a formula such as `heun`."""

    formula: Callable = eqx.field(static=True)
    draws = 1

    def init(self, sde, z, dt):
        return None

    def step(self, sde, carried, z, t, dt, normal):
        noise = sde.at_time(t).noise(z, jnp.sqrt(dt) * normal)
        return carried, self.formula(partial(drift_at, sde), z, t, dt, noise)


SCHEMES = {"euler-maruyama": ExplicitScheme(euler_maruyama), "heun": ExplicitScheme(heun)}


def drift_at(sde: AbstractSDE, z: Float[Array, " k"], t: Float[Array, ""]) -> Float[Array, " k"]:
    """f(z) + c(t), or f(z, u(t))."""
    forcing, f = sde.forcing(t), sde.at_time(t).drift(z)
    return f if forcing is None else f + forcing
