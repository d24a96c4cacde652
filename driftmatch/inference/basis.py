"""Functions of the state in which drift and diffusion are linear: monomials, and the features of
the matching, held constant beyond the recorded states."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.matching.blocks import cores
from driftmatch.matching.features import AbstractFeatures
from driftmatch.precision import in_this_precision, like

Matrix = np.ndarray

BATCH = 2**12  # states at a time: one shape to compile for, and arrays that stay in the cache
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
        return (np if isinstance(z, np.ndarray) else jnp).stack(self._within(z), axis=-1)

    def _within(self, z) -> list[Any]:
        """Its coordinates, one by one: what the compiler puts together."""
        columns = [z[..., axis] for axis in range(z.shape[-1])]
        straight = [z for z, is_angle in zip(columns, self.angles, strict=True) if not is_angle]
        if not straight:
            return columns
        xp, reach = (np, self.reach) if isinstance(z, np.ndarray) else (jnp, like(self.reach, z))
        share = reach / xp.sqrt(xp.maximum(sum(z**2 for z in straight), reach**2))
        pairs = zip(columns, self.angles, strict=True)
        return [z if is_angle else share * z for z, is_angle in pairs]

    def __call__(self, z):
        """φ(z), shape (..., p), of states of shape (..., k), of JAX or of NumPy."""
        xp = np if isinstance(z, np.ndarray) else jnp
        u = _chart(self._within(z), self.angles)
        monomials, features = xp.stack(self._monomials(u), -1), self._features(xp.stack(u, -1))
        return xp.concatenate([monomials, features], axis=-1)

    def combined(self, z: Array, coefficients: Float[Array, "p q"]) -> Float[Array, "*batch q"]:
        """φ(z)ᵀ c, shape (..., q): monomials one by one, which the compiler takes together; that is
        ten times as fast as their product with a matrix."""

        def combine(z, c):
            u = _chart(self._within(z), self.angles)
            columns = self._monomials(u)
            total = jnp.stack(
                [sum(f * c[p, q] for p, f in enumerate(columns)) for q in range(c.shape[1])], -1
            )
            if len(self.bias):
                total += self._features(jnp.stack(u, -1)) @ c[len(columns) :]
            return total

        def nothing(z, c):
            return jnp.zeros((*z.shape[:-1], c.shape[-1]), z.dtype)

        # Always true; else the compiler does all of it again for everything made of the result.
        return jax.lax.cond(self.reach > 0, combine, nothing, z, coefficients)

    def _monomials(self, u: list[Any]) -> list[Any]:
        columns = []
        for exponents in self.exponents:
            column = (np if isinstance(u[0], np.ndarray) else jnp).ones_like(u[0])
            for axis, exponent in enumerate(exponents):
                for _ in range(exponent):
                    column = column * u[axis]
            columns.append(column)
        return columns

    def _features(self, u):
        if isinstance(u, np.ndarray):
            return np.tanh(u @ np.asarray(self.gamma).T + np.asarray(self.bias))
        return jnp.tanh(u @ like(self.gamma, u).T + like(self.bias, u))

    def at(self, states: Float[Matrix, "N k"]) -> Float[Matrix, "N p"]:
        """φ at many states: by NumPy, as there are more bases to choose from than are worth
        compiling for."""
        return np.asarray(self(np.asarray(states)))


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
    charted = np.stack(_chart(list(states.T), angles), axis=-1)
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
    """The values of `function(states, *more, *parameters)` for all states, in batches of
    one size, lest every number of states is compiled for; `more`: further arrays of N rows."""

    def batch(first):
        rows = [a[first : first + BATCH] for a in (states, *more)]
        missing = BATCH - len(rows[0])
        if missing:
            rows = [np.concatenate([a, np.repeat(a[-1:], missing, axis=0)]) for a in rows]
        values = function(*map(jnp.asarray, rows), *parameters)
        return [np.asarray(v)[: BATCH - missing] for v in values]

    # The first alone, as it may have to be compiled.
    parts, others = [batch(0)], range(BATCH, len(states), BATCH)
    if len(others) > 1:
        with ThreadPoolExecutor(max_workers=cores()) as executor:
            parts += executor.map(in_this_precision(batch), others)
    else:
        parts += map(batch, others)
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _chart(columns: list[Any], angles: tuple[bool, ...]) -> list[Any]:
    """Coordinates, of angles cosine and sine."""
    xp, found = np if isinstance(columns[0], np.ndarray) else jnp, []
    for value, is_angle in zip(columns, angles, strict=True):
        found += [xp.cos(value), xp.sin(value)] if is_angle else [value]
    return found


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
