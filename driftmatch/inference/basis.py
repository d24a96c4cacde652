"""Functions of the state in which drift and diffusion are linear: monomials, and the features of
the matching, held constant beyond the recorded states."""

import itertools
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.matching.features import AbstractFeatures
from driftmatch.precision import like

Matrix = np.ndarray

# States at a time: few shapes to compile for, and arrays that stay in the cache.
SMALL_BATCH, BATCH = 2**11, 2**14
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

    def within(self, z):
        """The state at which the functions are taken."""
        xp, reach = (np, self.reach) if isinstance(z, np.ndarray) else (jnp, like(self.reach, z))
        straight = ~np.array(self.angles)
        squares = xp.sum(xp.where(straight, z, 0.0) ** 2, axis=-1, keepdims=True)
        return xp.where(straight, z * (reach / xp.sqrt(xp.maximum(squares, reach**2))), z)

    def __call__(self, z):
        """φ(z), shape (..., p), of states of shape (..., k), of JAX or of NumPy."""
        if isinstance(z, np.ndarray):
            xp, gamma, bias = np, np.asarray(self.gamma), np.asarray(self.bias)
        else:
            xp, gamma, bias = jnp, like(self.gamma, z), like(self.bias, z)
        u = _chart(self.within(z), self.angles)
        columns = []
        for exponents in self.exponents:
            column = xp.ones(z.shape[:-1], z.dtype)
            for axis, exponent in enumerate(exponents):
                for _ in range(exponent):
                    column = column * u[..., axis]
            columns.append(column)
        return xp.concatenate([xp.stack(columns, axis=-1), xp.tanh(u @ gamma.T + bias)], axis=-1)

    def at(self, states: Float[Matrix, "N k"]) -> Float[Matrix, "N p"]:
        """φ at many states: by NumPy, as there are more bases to choose from than are worth
        compiling for."""
        return self(np.asarray(states))


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
    reach = _MARGIN * np.linalg.norm(states[:, straight], axis=1).max(initial=1.0)
    charted = np.asarray(_chart(states, angles))
    q = charted.shape[1]
    none = np.zeros((0, q)), np.zeros(0)
    found = []
    for degree in degrees:
        if degree <= highest_degree(len(angles)):
            found.append(Basis(*none, np.asarray(reach), monomials(angles, degree), angles))
    for number in numbers:
        drawn = features.draw(charted, number, rng)
        linear = monomials(angles, 1)
        found.append(Basis(drawn.gamma, drawn.bias, np.asarray(reach), linear, angles))
    return [basis for basis in found if basis.size <= max(len(states) // 10, 1)]


def highest_degree(dim: int) -> int:
    """Of monomials, while they are few."""
    return 5 if dim <= _CUBIC else 3


def monomials(angles: tuple[bool, ...], degree: int) -> tuple[tuple[int, ...], ...]:
    """Exponents of all up to a degree; of a sine at most the first power, as sin² = 1 − cos²."""
    highest = [d for is_angle in angles for d in ((degree, 1) if is_angle else (degree,))]
    powers = itertools.product(*(range(min(degree, most) + 1) for most in highest))
    return tuple(sorted((e for e in powers if sum(e) <= degree), key=sum))


def in_batches(
    function, states: Float[Matrix, "N k"], *parameters: Any, more: tuple[Matrix, ...] = ()
) -> tuple[Matrix, ...]:
    """The values of `function(states, *more, *parameters)` for all states, in batches of one of
    two sizes, lest every number of states is compiled for; `more`: further arrays of N rows."""
    parts, N = [], len(states)
    size = SMALL_BATCH if N <= BATCH else BATCH
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


def padded(basis: Basis, coefficients, exponents, number: int) -> tuple[Basis, Matrix]:
    """The same function in a basis with all of these monomials and so many features."""
    order = {exponent: place for place, exponent in enumerate(exponents)}
    own, n = len(basis.exponents), len(basis.bias)
    rows = np.zeros((len(exponents) + number, coefficients.shape[1]))
    rows[[order[exponent] for exponent in basis.exponents]] = coefficients[:own]
    rows[len(exponents) : len(exponents) + n] = coefficients[own:]
    gamma = np.zeros((number, basis.gamma.shape[1]))
    bias = np.zeros(number)
    gamma[:n], bias[:n] = basis.gamma, basis.bias
    return Basis(gamma, bias, basis.reach, exponents, basis.angles), rows
