"""Coordinates that are angles: wrapped round, counted, and laid out as circles."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.abstract_sde import AbstractSDE

Periods = Sequence[float | None]


def periods_of(sde: AbstractSDE) -> tuple[float | None, ...]:
    """The period of every coordinate, None for what is no angle."""
    return sde.periodic or (None,) * sde.dim


def wrapped(
    states: Float[np.ndarray, "*batch k"], periods: Periods
) -> Float[np.ndarray, "*batch k"]:
    """The same states with every angle in [0, period)."""
    if all(period is None for period in periods):
        return states
    states = states.copy()
    for axis, period in enumerate(periods):
        if period is not None:
            states[..., axis] %= period
    return states


def laid_out(
    states: Float[np.ndarray, "*batch k"], periods: Periods
) -> Float[np.ndarray, "*batch d"]:
    """Every angle as the cosine and sine of its turn, the other coordinates unchanged, in place."""
    columns = []
    for axis, period in enumerate(periods):
        z = np.asarray(states)[..., axis]
        turn = 1.0 if period is None else 2 * np.pi / period
        columns += [z] if period is None else [np.cos(turn * z), np.sin(turn * z)]
    return np.stack(columns, axis=-1)


class OnCircles(AbstractSDE):
    r"""An SDE with every angle φ of period L laid out as a point y = (cos ωφ, sin ωφ), ω = 2π/L.

        dy = [ω f y⊥ − ω² D_φφ y + (1 − |y|²) y / T] dt + ω y⊥ (σ dB)_φ,    y⊥ = (−y₂, y₁)

    On the circle this is the SDE itself, by Itô's formula; beside it the flow leads back in about
    the time T. The other coordinates come unchanged, in place: an angle takes two places.
    """

    sde: AbstractSDE
    period: tuple[float | None, ...] = eqx.field(static=True)
    return_time: float = eqx.field(static=True)

    def __init__(self, sde: AbstractSDE, return_time: float):
        self.sde, self.period = sde, periods_of(sde)
        self.return_time = float(return_time)

    @property
    def dim(self):
        return self.sde.dim + sum(p is not None for p in self.period)

    @property
    def noise_dim(self):
        return self.sde.noise_dim

    @property
    def name(self):
        return self.sde.name

    @property
    def coordinates(self):
        names = self.sde.coordinates
        return None if names is None else self._spread(names, "cos {}", "sin {}")

    @property
    def units(self):
        return None if self.sde.units is None else self._spread(self.sde.units, "", "")

    def _spread(self, words: Sequence[str], cosine: str, sine: str) -> tuple[str, ...]:
        """A word for every place."""
        pairs = zip(words, self.period, strict=True)
        places = ((w,) if p is None else (cosine.format(w), sine.format(w)) for w, p in pairs)
        return tuple(word for place in places for word in place)

    @property
    def time_scale(self):
        return self.sde.time_scale

    @property
    def starts(self):
        return None if self.sde.starts is None else self.laid_out(self.sde.starts)

    def laid_out(self, states: Float[np.ndarray, "*batch k"]) -> Float[np.ndarray, "*batch d"]:
        """Points on the circles for angles."""
        return laid_out(states, self.period)

    def angles(
        self, points: Float[np.ndarray, "*batch d"], *, unwrap: bool = False
    ) -> Float[np.ndarray, "*batch k"]:
        """The SDE's own coordinates again; angles in [0, L), or with `unwrap` counted on along the
        axis of time, the last but one, so that windings show."""
        columns, place = [], 0
        for period in self.period:
            if period is None:
                columns.append(points[..., place])
                place += 1
                continue
            turn = np.arctan2(points[..., place + 1], points[..., place]) % (2 * np.pi)
            turn = np.unwrap(turn, axis=-1) if unwrap else turn
            columns.append(turn * period / (2 * np.pi))
            place += 2
        return np.stack(columns, axis=-1)

    def drift(self, z):
        inner = self._inner(z)
        f, D = self.sde.drift(inner), jnp.sum(self.sde.diffusion(inner) ** 2, axis=1) / 2
        parts = []
        for axis, period, y in self._places(z):
            if period is None:
                parts.append(f[axis][None])
                continue
            turn = 2 * jnp.pi / period
            across = jnp.stack([-y[1], y[0]])
            back = (1 - jnp.sum(y**2)) / self.return_time
            parts.append(turn * f[axis] * across + (back - turn**2 * D[axis]) * y)
        return jnp.concatenate(parts)

    def diffusion(self, z):
        return jax.vmap(lambda e: self.noise(z, e), out_axes=1)(jnp.eye(self.noise_dim))

    def noise(self, z, dB):
        kick = self.sde.noise(self._inner(z), dB)
        parts = []
        for axis, period, y in self._places(z):
            if period is None:
                parts.append(kick[axis][None])
            else:
                parts.append(2 * jnp.pi / period * kick[axis] * jnp.stack([-y[1], y[0]]))
        return jnp.concatenate(parts)

    def _places(self, z: Float[Array, " d"]):
        place = 0
        for axis, period in enumerate(self.period):
            width = 1 if period is None else 2
            yield axis, period, z[place : place + width]
            place += width

    def _inner(self, z: Float[Array, " d"]) -> Float[Array, " k"]:
        return jnp.stack(
            [
                y[0] if period is None else jnp.arctan2(y[1], y[0]) * period / (2 * jnp.pi)
                for _, period, y in self._places(z)
            ]
        )
