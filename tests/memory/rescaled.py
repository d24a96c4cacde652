"""A system in other units, compiled once for all of them."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import driftmatch as dm

UNITS = [(1.0, 1.0), (1e3, 1e-3), (1e-3, 1e3), (1e3, 1e3), (1e-3, 1e-3)]


class Rescaled(eqx.Module):
    """(L/T) f(z/L)."""

    drift: Callable
    size: jax.Array
    time: jax.Array

    def __call__(self, z):
        return self.size / self.time * self.drift(z / self.size)


def rescaled(sde: dm.SDE, noise: float, size: float, time: float, *, named: bool = True) -> dm.SDE:
    """z → Lz and t → Tt; the noise σ of `sde` becomes Lσ/√T. Unless `named`, nobody knows T."""
    drift = Rescaled(sde._drift, jnp.asarray(size), jnp.asarray(time))
    scale = None if sde.time_scale is None or not named else time * sde.time_scale
    start = None if sde.starts is None else size * np.asarray(sde.starts)
    return dm.SDE(drift, size * noise / time**0.5, sde.dim, start=start, time_scale=scale)
