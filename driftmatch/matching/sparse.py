r"""Readouts of neurons that listen to some others only, row by row.

    W_i· = argmin E |W_i φ(Γz + b + sξ) − Γ_i·(z + τ f(z))|²   over W_ij = 0 for j not in P_i

with the noise s that keeps neurons near the subspace: the larger it is, the smaller are the weights
with which they drive each other away from it. What that ridge takes from the drift is given back:
what Γ⁺Wφ lacks of z + τf is added to what is wanted, twice.

Neurons of which most excite drive each other away along 1. Where they have signs, a noise η of the
same size that all share, x + sη1, is withstood as well: it keeps Σ_j W_ij φ'_j small.

The smaller τ is beside the target's time scale, the nearer W is to a leaky memory, z + τf ≈ z, and
the more stable is the subspace.
"""

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.sparse
from jaxtyping import Float, Int

from driftmatch.activations import Activation
from driftmatch.matching.blocks import one_blas_thread
from driftmatch.network.lift import Affine

Matrix = np.ndarray

_GIVEN_BACK = 2
_ROWS = 64  # solved together
_PATHS, _TAUS, _STEPS_PER_TAU = 16, 40, 10  # of a look at what neurons do


class RowFits:
    """Least squares of every row of W, for any ridge.

    - `lift`, `sources`: as `SparseConnectivity` has them, a source of −1 being none.
    - `rates`, `slopes`: of neurons at states, shape (N, n); `wanted`: z + τf, shape (N, k).
    - `signs`: of the neurons, ±1 or 0 for either, or None.
    """

    def __init__(
        self,
        lift: Affine,
        sources: Int[Matrix, "n d"],
        rates: Float[Matrix, "N n"],
        slopes: Float[Matrix, "N n"],
        wanted: Float[Matrix, "N k"],
        weights: Float[Matrix, " N"],
        signs: Float[Matrix, " n"] | None,
    ):
        self.lift, self.sources, self.signs = lift, sources, signs
        self.rates, self.wanted = rates, wanted
        self.weighted = rates * weights[:, None]
        self.gram = self.weighted.T @ rates
        self.noise = weights @ slopes**2
        self.common = np.zeros_like(self.gram)
        if signs is not None and np.any(signs):
            self.common = (slopes * weights[:, None]).T @ slopes

    def solve(self, private_noise: float) -> scipy.sparse.csr_matrix:
        """W that withstands noise of this size, of each neuron and, with signs, of all of them."""
        gram = self.gram + private_noise**2 * self.common
        gram[np.diag_indices(len(gram))] += private_noise**2 * self.noise + 1e-12 * np.trace(
            gram
        ) / len(gram)
        inverse, wanted = self.lift.inverse(), self.wanted
        W = scipy.sparse.csr_matrix(gram.shape)
        for _ in range(1 + _GIVEN_BACK):
            W = self._rows(gram, self.weighted.T @ wanted)
            wanted = wanted + self.wanted - self.rates @ (W.T @ inverse.T)
        return W

    def _rows(self, gram: Matrix, moment: Matrix) -> scipy.sparse.csr_matrix:
        gamma, n = np.asarray(self.lift.gamma), len(gram)
        values = np.zeros(self.sources.shape)
        for first in range(0, n, _ROWS):
            rows = slice(first, first + _ROWS)
            P = self.sources[rows]
            right = np.einsum("rdk,rk->rd", moment[P], gamma[rows])
            inner = gram[P[:, :, None], P[:, None, :]]
            none = self.sources[rows] < 0
            inner[none[:, :, None] | none[:, None, :]] = 0.0
            inner += none[:, :, None] * np.eye(P.shape[1])
            right[none] = 0.0
            if self.signs is None:
                values[rows] = np.linalg.solve(inner, right[..., None])[..., 0]
            else:
                with one_blas_thread():
                    values[rows] = [
                        _signed(G, m, self.signs[p])
                        for G, m, p in zip(inner, right, P, strict=True)
                    ]
        place = self.sources >= 0
        heads = np.concatenate([[0], np.cumsum(place.sum(axis=1))])
        return scipy.sparse.csr_matrix((values[place], self.sources[place], heads), shape=(n, n))


def _signed(gram: Matrix, moment: Matrix, signs: Matrix) -> Matrix:
    """The w of least ½wᵀGw − mᵀw with s_j w_j ≥ 0."""
    s = np.where(signs == 0, 1.0, signs)
    factor = scipy.linalg.cholesky(gram, lower=False)
    right = scipy.linalg.solve_triangular(factor, moment, trans="T", lower=False)  # pyright: ignore[reportArgumentType]
    return s * scipy.optimize.nnls(factor * s, right)[0]


def off_subspace(
    W: scipy.sparse.csr_matrix,
    lift: Affine,
    activation: Activation,
    starts: Float[Matrix, "N k"],
    noise: Float[Matrix, "k m"],
    tau: float,
    rng: np.random.Generator,
) -> float:
    """How far neurons end from x = Γz + b, beside how far Γz spreads, on some noisy paths of 40 τ;
    inf if they diverge. `noise`: σ, of the noise along Γ."""
    gamma, bias = np.asarray(lift.gamma), np.asarray(lift.bias)[:, None]
    x = lift(starts[rng.integers(len(starts), size=_PATHS)]).T
    dt, found = 1 / _STEPS_PER_TAU, []
    spread = np.sqrt(np.mean((starts @ gamma.T).var(axis=0)))
    for step in range(_TAUS * _STEPS_PER_TAU):
        kick = noise @ rng.standard_normal((noise.shape[1], _PATHS)) * np.sqrt(dt * tau)
        x = x + dt * (W @ activation.derivatives(x)[0] + bias - x) + gamma @ kick
        if step > _TAUS * _STEPS_PER_TAU // 2 and step % _STEPS_PER_TAU == 0:
            away = x - lift(lift.project(x.T)).T
            found.append(np.mean(away**2))
    off = float(np.sqrt(np.mean(found)) / spread)
    return off if np.isfinite(off) else np.inf


def transverse_abscissa(
    W: scipy.sparse.csr_matrix, lift: Affine, slopes: Float[Matrix, "S n"], tau: float
) -> float:
    """The largest real part of an eigenvalue of [−1 + W diag φ'(x)]/τ across span Γ, at states;
    NaN where it is not found."""
    gamma, inverse, n = np.asarray(lift.gamma), lift.inverse(), lift.num_neurons

    def across(v):
        return v - gamma @ (inverse @ v)

    largest = -np.inf
    for slope in slopes:
        operator = scipy.sparse.linalg.LinearOperator(
            (n, n), matvec=lambda v, s=slope: across(W @ (s * across(v.ravel()))), dtype=float
        )
        try:
            values = scipy.sparse.linalg.eigs(
                operator, k=2, which="LR", return_eigenvectors=False, v0=np.ones(n), tol=1e-3
            )
        except scipy.sparse.linalg.ArpackNoConvergence:
            return np.nan
        largest = max(largest, float(values.real.max()))
    return (largest - 1) / tau
