"""Functions of the state in which drift and diffusion are linear: monomials, and the features of
the matching, held constant beyond the recorded states."""

import itertools
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.compilation import compiled
from driftmatch.matching.features import AbstractFeatures
from driftmatch.precision import like

Matrix = np.ndarray

BATCH = 2**14  # states at a time: few shapes to compile for, and arrays that stay in the cache
_MARGIN = 1.1  # of the largest recorded radius
_CUBIC = 2  # coordinates up to which quartic and quintic monomials are few enough to be tried


class Basis(eqx.Module):
    r"""φ(z) = [u(z)^e, tanh(Γ u(z) + b)] of scaled states z, monomials first.

    u(z) are the coordinates, of angles (in radians) cosine and sine. Those that are no angles are
    taken at the nearest state on the ray to the origin within `reach`, so that nothing grows where
    nothing was recorded.

    - `exponents`: of the monomials, one tuple each; `gamma`, `bias`: of the features.
    - `angles`: which coordinates are angles.
    """

    gamma: Float[Matrix | Array, "n q"]
    bias: Float[Matrix | Array, " n"]
    reach: Float[Matrix | Array, ""]
    exponents: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    angles: tuple[bool, ...] = eqx.field(static=True)

    @property
    def size(self) -> int:
        """p, how many functions there are."""
        return len(self.exponents) + len(self.bias)

    def within(self, z: Float[Array, "*batch k"]) -> Float[Array, "*batch k"]:
        """The state at which the functions are taken."""
        straight = ~np.array(self.angles)
        squares = jnp.sum(jnp.where(straight, z, 0.0) ** 2, axis=-1, keepdims=True)
        shrunk = like(self.reach, z) / jnp.sqrt(jnp.maximum(squares, like(self.reach, z) ** 2))
        return jnp.where(straight, z * shrunk, z)

    def __call__(self, z: Float[Array, "*batch k"]) -> Float[Array, "*batch p"]:
        u = _chart(self.within(z), self.angles)
        columns = []
        for exponents in self.exponents:
            column = jnp.ones(z.shape[:-1], z.dtype)
            for axis, exponent in enumerate(exponents):
                for _ in range(exponent):
                    column = column * u[..., axis]
            columns.append(column)
        features = jnp.tanh(u @ like(self.gamma, z).T + like(self.bias, z))
        return jnp.concatenate([jnp.stack(columns, axis=-1), features], axis=-1)

    def at(self, states: Float[Matrix, "N k"]) -> Float[Matrix, "N p"]:
        """φ at many states."""
        return in_batches(_functions, states, self)[0]


def candidates(
    states: Float[Matrix, "N k"],
    angles: tuple[bool, ...],
    features: AbstractFeatures,
    rng: np.random.Generator,
    *,
    numbers: tuple[int, ...],
    degrees: tuple[int, ...],
) -> list[Basis]:
    """Monomials up to each of these degrees, and linear functions with these numbers of features;
    no more functions than a tenth of the states."""
    straight = ~np.array(angles)
    reach = _MARGIN * np.linalg.norm(states[:, straight], axis=1).max(initial=1e-300)
    charted = np.asarray(_chart(states, angles))
    q = charted.shape[1]
    none = np.zeros((0, q)), np.zeros(0)
    found = []
    for degree in degrees:
        if degree <= 3 or len(angles) <= _CUBIC:
            found.append(Basis(*none, np.asarray(reach), monomials(angles, degree), angles))
    for number in numbers:
        drawn = features.draw(charted, number, rng)
        linear = monomials(angles, 1)
        found.append(Basis(drawn.gamma, drawn.bias, np.asarray(reach), linear, angles))
    return [basis for basis in found if basis.size <= max(len(states) // 10, 1)]


def monomials(angles: tuple[bool, ...], degree: int) -> tuple[tuple[int, ...], ...]:
    """Exponents of all up to a degree; of a sine at most the first power, as sin² = 1 − cos²."""
    highest = [d for is_angle in angles for d in ((degree, 1) if is_angle else (degree,))]
    powers = itertools.product(*(range(min(degree, most) + 1) for most in highest))
    return tuple(sorted((e for e in powers if sum(e) <= degree), key=sum))


def in_batches(
    function, states: Float[Matrix, "N k"], *parameters: Any, more: tuple[Matrix, ...] = ()
) -> tuple[Matrix, ...]:
    """The values of `function(states, *more, *parameters)` for all states, in batches of one size;
    `more`: further arrays of N rows."""
    parts, N = [], len(states)
    size = min(BATCH, 1 << max(N - 1, 1).bit_length())
    for first in range(0, N, size):
        rows = [a[first : first + size] for a in (states, *more)]
        missing = size - len(rows[0])
        if missing:
            rows = [np.concatenate([a, np.repeat(a[-1:], missing, axis=0)]) for a in rows]
        values = function(*map(jnp.asarray, rows), *parameters)
        parts.append([np.asarray(v)[: size - missing] for v in values])
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _chart(z, angles: tuple[bool, ...]):
    """Coordinates, of angles cosine and sine."""
    xp = jnp if not isinstance(z, np.ndarray) else np
    columns = []
    for axis, is_angle in enumerate(angles):
        value = z[..., axis]
        columns += [xp.cos(value), xp.sin(value)] if is_angle else [value]
    return xp.stack(columns, axis=-1)


@compiled
def _functions(states, basis):
    return (basis(states),)
