"""Connectivity of few entries: each neuron listens to some others."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jaxtyping import Array, Float, Int

from driftmatch.network.connectivity import AbstractConnectivity
from driftmatch.network.lift import Affine
from driftmatch.precision import alike, like

Matrix = np.ndarray


_SMALL, _MANY = 4096, 8  # neurons whose W is also kept dense in loops, and paths that are many


class SparseConnectivity(AbstractConnectivity):
    """W of d entries a row, in O(nd) numbers and as many operations a step.

    W is of no low rank, so x = Γz + b is only nearly invariant, and `readout`, W_s = Γ⁺W, the part
    of it that latent coordinates feel.

    - `lift`; `sources`: to whom each neuron listens, shape (n, d); `weights`: W there. Rows of
      fewer entries are filled up with weights of 0.
    """

    lift: Affine
    sources: Int[Array | Matrix, "n d"]
    weights: Float[Array | Matrix, "n d"]
    readout: Float[Array | Matrix, "k n"]
    # For many paths side by side, whose product with a dense W is quicker; only in loops.
    dense: Float[Array | Matrix, "n n"] | None = None

    @classmethod
    def fitting(cls, lift: Affine, sources: Matrix, weights: Matrix) -> "SparseConnectivity":
        """With the readout that follows."""
        W = cls(lift, sources, weights, np.zeros((lift.latent_dim, lift.num_neurons))).matrix
        return cls(lift, sources, weights, lift.inverse() @ W)

    @classmethod
    def of(cls, lift: Affine, matrix: scipy.sparse.csr_matrix) -> "SparseConnectivity":
        """From W, whose entries are kept, of value 0 too."""
        n, counts = matrix.shape[0], np.diff(matrix.indptr)  # pyright: ignore[reportOptionalSubscript]
        d = max(int(counts.max()), 1)
        sources, weights = np.zeros((n, d), np.int32), np.zeros((n, d))
        place = np.arange(d) < counts[:, None]
        sources[place], weights[place] = matrix.indices, matrix.data
        return cls(lift, sources, weights, lift.inverse() @ matrix)

    @property
    def keeps_subspace(self):
        return False

    @property
    def matrix(self) -> scipy.sparse.csr_matrix:
        """W, without entries of 0."""
        n, d = self.weights.shape
        rows = np.repeat(np.arange(n), d)
        entries = np.asarray(self.weights).ravel(), (rows, np.asarray(self.sources).ravel())
        found = scipy.sparse.coo_matrix(entries, shape=(n, n)).tocsr()
        found.eliminate_zeros()
        return found  # pyright: ignore[reportReturnType]

    def __call__(self, rates):
        if not isinstance(rates, jax.Array):
            return (self.matrix @ rates.reshape(-1, rates.shape[-1]).T).T.reshape(rates.shape)
        return jnp.sum(rates[..., self.sources] * alike(self.weights, rates), axis=-1)

    def transposed(self, rates):
        if not isinstance(rates, jax.Array):
            return (self.matrix.T @ rates.reshape(-1, rates.shape[-1]).T).T.reshape(rates.shape)
        sent = rates[..., :, None] * alike(self.weights, rates)
        return jnp.zeros_like(rates).at[..., self.sources].add(sent)

    def transposed_readout(self):
        return (self.matrix @ self.lift.inverse().T).T

    def step(self, rates, onto):
        weights = like(self.weights, rates)
        if self.dense is None:
            return _received(self.sources, weights, rates) + onto
        return _side_by_side(self.sources, weights, like(self.dense, rates), rates) + onto

    def block(self, rows, columns):
        return self.matrix[rows][:, columns].toarray()

    def eigenvalues(self):
        values = np.linalg.eigvals(self.matrix.toarray())
        return values[np.argsort(-np.abs(values), kind="stable")]

    def split(self, copies):
        n = self.lift.num_neurons
        every = np.repeat(np.arange(n), copies)
        to_all = (self.sources[:, :, None] * copies + np.arange(copies)).reshape(n, -1)
        weights = np.repeat(self.weights / copies, copies, axis=1)
        readout = self.readout[:, every] / copies
        return SparseConnectivity(
            self.lift.of(every), to_all[every].astype(np.int32), weights[every], readout
        )

    def for_loop(self):
        dense = self.matrix.toarray() if self.lift.num_neurons <= _SMALL else None
        return SparseConnectivity(
            self.lift.for_loop(), self.sources, self.weights, self.readout, dense
        )

    def norms(self):
        W = self.matrix
        plus, minus = (0.5 * scipy.sparse.linalg.norm(W + s * W.T) for s in (1, -1))
        return float(plus), float(minus)


def _received(sources, weights, rates):
    return jnp.sum(rates[sources] * weights, axis=1)


@jax.custom_jvp
def _side_by_side(sources, weights, dense, rates):
    return _of_any_number(sources, weights, dense, rates)


@_side_by_side.defjvp
def _along(primals, tangents):
    *W, _ = primals  # in which nobody needs slopes
    return _side_by_side(*primals), _received(*W[:2], tangents[3])  # pyright: ignore[reportCallIssue]


@jax.custom_batching.custom_vmap
def _of_any_number(sources, weights, dense, rates):
    return _received(sources, weights, rates)


@_of_any_number.def_vmap
def _of_many(size, batched, sources, weights, dense, rates):
    if size >= _MANY:
        return rates @ dense.T, True
    return jax.vmap(_received, (None, None, 0))(sources, weights, rates), True
