"""Connectivity under Dale's law: low rank, and one more coordinate that every neuron shares."""

import numpy as np
from jaxtyping import Array, Float

from driftmatch.network.connectivity import AbstractConnectivity, LowRank
from driftmatch.network.lift import Affine
from driftmatch.precision import alike, like

Matrix = np.ndarray


class Signed(AbstractConnectivity):
    """W = Γ W_s + 1 vᵀ, of which every column can have one sign: O(n(k + 1)) numbers.

    On x = Γz + b, where vᵀφ is 0, it does what Γ W_s does.

    - `lift`: of which Γ is; `readout`: W_s, shape (k, n); `common`: v, shape (n,).
    """

    lift: Affine
    readout: Float[Array | Matrix, "k n"]
    common: Float[Array | Matrix, " n"]

    def low_rank(self) -> LowRank:
        """The same W as [Γ, 1] [W_s; vᵀ], with one more latent coordinate, at rest at 0."""
        one = np.ones((self.lift.num_neurons, 1))
        lift = Affine(np.hstack([self.lift.gamma, one]), self.lift.bias)
        return LowRank(lift, np.vstack([self.readout, self.common]))

    @property
    def signs(self) -> Float[np.ndarray, " n"]:
        """s_j: 1 for neurons that excite, −1 for those that inhibit, 0 for those that do none,
        NaN for those that do both."""
        along = np.asarray(self.lift.gamma) @ np.asarray(self.readout) + np.asarray(self.common)
        excites, inhibits = (along >= 0).all(axis=0), (along <= 0).all(axis=0)
        return np.where(excites | inhibits, excites * 1.0 - inhibits, np.nan)

    def feedback(self, slopes: Float[Matrix, "N n"]) -> Float[Matrix, " N"]:
        """vᵀφ', by which the coordinate along 1 drives itself: less than 1 where it is stable."""
        return slopes @ np.asarray(self.common)

    def __call__(self, rates):
        alone = rates @ alike(self.common, rates)
        return self.lift.push(rates @ alike(self.readout, rates).T) + alone[..., None]

    def transposed(self, rates):
        total = rates.sum(axis=-1)[..., None] * alike(self.common, rates)
        return self.lift.pull(rates) @ alike(self.readout, rates) + total

    def transposed_readout(self):
        inverse = self.lift.inverse()
        along = np.outer(inverse @ self.common, np.ones(self.lift.num_neurons))
        return inverse @ self.readout.T @ self.lift.gamma.T + along

    def step(self, rates, onto):
        received = self.lift.spread(like(self.readout, rates) @ rates, onto)
        return received + like(self.common, rates) @ rates

    def block(self, rows, columns):
        return self.lift.gamma[rows] @ self.readout[:, columns] + self.common[columns]

    def eigenvalues(self):
        return self.low_rank().eigenvalues()

    def split(self, copies):
        every = np.repeat(np.arange(self.lift.num_neurons), copies)
        readout, common = self.readout[:, every] / copies, self.common[every] / copies
        return Signed(self.lift.of(every), readout, common)

    def for_loop(self):
        return Signed(self.lift.for_loop(), self.readout, self.common)

    def norms(self):
        return self.low_rank().norms()
