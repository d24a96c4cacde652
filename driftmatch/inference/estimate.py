"""Drift and diffusion in scaled coordinates, linear in their bases."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array, Float

from driftmatch.compilation import compiled
from driftmatch.inference.basis import Basis, highest_degree, in_batches, monomials, padded
from driftmatch.inference.closure import transition
from driftmatch.inference.eigenvalues import eigenvalues
from driftmatch.precision import like

Matrix = np.ndarray

_PADDED_UP_TO, _PADDING = 50_000, 64  # states, features
_SHIFT = 1e-6  # in whitened coordinates
_QUICK = 2  # dimensions in which the spectrum of D costs little, also where D is constant


class Estimate(eqx.Module):
    r"""f(z) = cᵀφ(z) − κ(z − z̃),   D(z) = the positive part of Σ d ψ(z)

    with z̃ the state within the basis's reach: beyond the recorded states both are what they are at
    the nearest one on the ray, and a pull leads back.

    - `coefficients`: c, shape (p, k); `diffusion_coefficients`: d, shape (r, k (k+1) / 2), of the
      entries on and above the diagonal, row by row.
    - `pull`: κ; `floor`: the least eigenvalue of D.
    """

    basis: Basis
    coefficients: Float[Matrix | Array, "p k"]
    diffusion_basis: Basis
    diffusion_coefficients: Float[Matrix | Array, "r e"]
    pull: Float[Matrix | Array, ""]
    floor: Float[Matrix | Array, ""]

    @property
    def dim(self) -> int:
        """k."""
        return self.coefficients.shape[1]

    @property
    def has_constant_diffusion(self) -> bool:
        """Whether ψ is 1 alone."""
        return self.diffusion_basis.size == 1

    def drift(self, z: Float[Array, "*batch k"]) -> Float[Array, "*batch k"]:
        """f."""
        inside = self.basis.combined(z, like(self.coefficients, z))
        return inside - like(self.pull, z) * (z - self.basis.within(z))

    def linear_diffusion(self, z: Float[Array, "*batch k"]) -> Float[Array, "*batch k k"]:
        """Σ d ψ(z), before its negative part is cut off."""
        d = like(self.diffusion_coefficients, z)
        entries = d[0] if self.has_constant_diffusion else self.diffusion_basis.combined(z, d)
        return jnp.broadcast_to(symmetric(entries, self.dim), (*z.shape, self.dim))

    def diffusion_matrix(self, z: Float[Array, "*batch k"]) -> Float[Array, "*batch k k"]:
        """D."""
        if self.has_constant_diffusion:
            entries = like(self.diffusion_coefficients, z)[0]
            one = spectral(symmetric(entries, self.dim), self._above)
            return jnp.broadcast_to(one, (*z.shape, self.dim))
        return spectral(self.linear_diffusion(z), self._above)

    def fields(self, z: Float[Array, "*batch k"]) -> tuple[Array, Array]:
        """f and D."""
        return self.drift(z), self.diffusion_matrix(z)

    def root(self, z: Float[Array, "*batch k"]) -> Float[Array, "*batch k k"]:
        """The symmetric σ with σσᵀ = 2D."""
        return spectral(self.linear_diffusion(z), lambda v: jnp.sqrt(2 * self._above(v)))

    def _above(self, values: Array) -> Array:
        return jnp.maximum(values, like(self.floor, values))


class OneBasis(eqx.Module):
    """An estimate whose drift and diffusion are linear in the same functions, taken once.

    - `coefficients`: c and d side by side, shape (p, k + k (k+1) / 2).
    """

    basis: Basis
    coefficients: Float[Matrix | Array, "p q"]
    pull: Float[Matrix | Array, ""]
    floor: Float[Matrix | Array, ""]

    def fields(self, z: Float[Array, "*batch k"]) -> tuple[Array, Array]:
        """f and D."""
        f, linear = self._linear(z)
        return f, spectral(linear, lambda v: jnp.maximum(v, like(self.floor, v)))

    def drift(self, z: Float[Array, "*batch k"]) -> Float[Array, "*batch k"]:
        """f."""
        return self._linear(z)[0]

    def linear_diffusion(self, z: Float[Array, "*batch k"]) -> Float[Array, "*batch k k"]:
        """Σ d ψ(z), before its negative part is cut off."""
        return self._linear(z)[1]

    def diffusion_matrix(self, z: Float[Array, "*batch k"]) -> Float[Array, "*batch k k"]:
        """D."""
        return self.fields(z)[1]

    def _linear(self, z: Array) -> tuple[Array, Array]:
        k, values = z.shape[-1], self.basis.combined(z, like(self.coefficients, z))
        outside = like(self.pull, z) * (z - self.basis.within(z))
        return values[..., :k] - outside, symmetric(values[..., k:], k)


def symmetric(entries: Any, k: int) -> Any:
    """The matrix of its entries on and above the diagonal, row by row."""
    rows, columns = np.triu_indices(k)
    place = np.zeros((k, k), int)
    place[rows, columns] = place[columns, rows] = np.arange(len(rows))
    return entries[..., place]


def upper(matrices: Float[Matrix, "N k k"]) -> Float[Matrix, "N e"]:
    """The entries on and above the diagonal, row by row."""
    rows, columns = np.triu_indices(matrices.shape[-1])
    return matrices[:, rows, columns]


def spectral(matrix: Float[Array, "*batch k k"], function) -> Float[Array, "*batch k k"]:
    """A function of a symmetric matrix, by its eigenvalues; in one and two dimensions by formulas,
    which are many times faster than a decomposition."""
    k = matrix.shape[-1]
    if k == 1:
        return function(matrix)
    if k > 2:
        values, vectors = eigenvalues(matrix)
        return (vectors * function(values)[..., None, :]) @ jnp.swapaxes(vectors, -1, -2)
    a, b, c = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 1]
    middle, half = (a + c) / 2, jnp.sqrt(((a - c) / 2) ** 2 + b**2)
    low, high = function(middle - half), function(middle + half)
    slope = jnp.where(half > 0, (high - low) / jnp.where(half > 0, 2 * half, 1.0), 0.0)
    identity = jnp.eye(2, dtype=matrix.dtype)
    part = matrix - middle[..., None, None] * identity
    return ((low + high) / 2)[..., None, None] * identity + slope[..., None, None] * part


def uniform(estimate: Estimate, number: int) -> Estimate | OneBasis:
    """The same in a form of which there are few, so that few programs are compiled: for few states
    padded with functions that do not count, as compiling would take longer than running."""
    basis, psi = estimate.basis, estimate.diffusion_basis
    c, d = estimate.coefficients, estimate.diffusion_coefficients
    every = max(basis.exponents, psi.exponents, key=len)
    sizes = [len(basis.bias), len(psi.bias)]
    if number <= _PADDED_UP_TO and max(sizes) <= _PADDING:
        every = monomials(basis.angles, highest_degree(estimate.dim))
        sizes = [_PADDING if size else 0 for size in sizes]
    if estimate.has_constant_diffusion and estimate.dim > _QUICK:
        return Estimate(*padded(basis, c, every, sizes[0]), psi, d, estimate.pull, estimate.floor)
    (one, c), (other, d) = padded(basis, c, every, sizes[0]), padded(psi, d, every, sizes[1])
    m = len(every)
    gamma = np.concatenate([np.asarray(one.gamma), np.asarray(other.gamma)])
    bias = np.concatenate([np.asarray(one.bias), np.asarray(other.bias)])
    both = Basis(gamma, bias, basis.reach, every, basis.angles)
    of_features = np.asarray(scipy.linalg.block_diag(c[m:], d[m:]))
    coefficients = np.concatenate([np.hstack([c[:m], d[:m]]), of_features])
    return OneBasis(both, coefficients, estimate.pull, estimate.floor)


def moments(
    estimate: Estimate, states: Float[Matrix, "N k"], intervals: Float[Matrix, " N"], substeps: int
) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Of transitions: mean increment and half covariance over the interval, drift and D at the
    start; shapes (N, k), (N, k, k), (N, k), (N, k, k)."""
    one = uniform(estimate, len(states))
    mean, half, drift, D = in_batches(_moments, states, one, np.int64(substeps), more=(intervals,))
    return mean, half, drift, D


def slopes(estimate: Estimate, states: Float[Matrix, "N k"]) -> Float[Matrix, "N k k"]:
    """∂f/∂z, by central differences: one program less to compile."""
    columns = []
    for shift in _SHIFT * np.eye(states.shape[1]):
        up, down = np.split(drifts(estimate, np.concatenate([states + shift, states - shift])), 2)
        columns.append((up - down) / (2 * _SHIFT))
    return np.stack(columns, axis=-1)


def drifts(estimate: Estimate, states: Float[Matrix, "N k"]) -> Float[Matrix, "N k"]:
    """f."""
    return in_batches(_drifts, states, uniform(estimate, len(states)))[0]


def diffusions(estimate: Estimate, states: Float[Matrix, "N k"]) -> tuple[Matrix, Matrix]:
    """D, and what it was before its negative part was cut off."""
    D, linear = in_batches(_diffusions, states, uniform(estimate, len(states)))
    return D, linear


@compiled
def _moments(states, intervals, estimate, substeps):
    still = jnp.zeros((states.shape[-1], *states.T.shape), states.dtype)
    m, P, _ = transition(estimate.fields, states.T, still, intervals, substeps)
    mean, half = (m.T - states) / intervals[:, None], jnp.moveaxis(P / (2 * intervals), -1, 0)
    return mean, half, *estimate.fields(states)


@compiled
def _drifts(states, estimate):
    return (estimate.drift(states),)


@compiled
def _diffusions(states, estimate):
    return estimate.diffusion_matrix(states), estimate.linear_diffusion(states)
