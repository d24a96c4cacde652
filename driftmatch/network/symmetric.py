"""Symmetric connectivity of low rank, whose neurons descend an energy."""

import numpy as np
from jaxtyping import Array, Float

from driftmatch.network.connectivity import AbstractConnectivity, LowRank
from driftmatch.network.lift import Affine

Matrix = np.ndarray


class SymmetricConnectivity(AbstractConnectivity):
    """W = Γ M Γᵀ, M = R Rᵀ: Wᵀ = W to the last bit.

    - `lift`: of which Γ is; `root`: R, shape (k, k); `readout`: W_s = M Γᵀ, which follows.
    """

    lift: Affine
    root: Float[Array | Matrix, "k k"]

    @property
    def readout(self):
        return self.root @ (self.lift.gamma @ self.root).T

    def _low_rank(self) -> LowRank:
        return LowRank(self.lift, self.readout)

    def __call__(self, rates):
        return self._low_rank()(rates)

    def transposed(self, rates):
        return self(rates)

    def transposed_readout(self):
        return self.readout

    def step(self, rates, onto):
        return self._low_rank().step(rates, onto)

    def block(self, rows, columns):
        factor = self.lift.gamma @ self.root
        # Term by term, so that W_ij and W_ji are the same sum in the same order.
        left, right = factor[rows], factor[columns]
        return sum(left[..., a][..., None] * right[..., a] for a in range(factor.shape[1]))

    def eigenvalues(self):
        factor = self.lift.gamma @ self.root
        few = np.linalg.eigvalsh(factor.T @ factor)[::-1]
        return np.append(few, np.zeros(len(factor) - len(few))).astype(complex)

    def split(self, copies):
        every = np.repeat(np.arange(self.lift.num_neurons), copies)
        return SymmetricConnectivity(self.lift.of(every), self.root / copies**0.5)

    def for_loop(self):
        return self._low_rank().for_loop()

    def norms(self):
        factor = self.lift.gamma @ self.root
        return float(np.linalg.norm(factor.T @ factor)), 0.0
