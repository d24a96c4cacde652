"""Which neuron listens to which: one interface, and connectivity of low rank.

W is applied, measured and taken apart by its class alone, so that none but it need know its form.
"""

import abc
from typing import TYPE_CHECKING, Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Complex, Float

from driftmatch.network.lift import AbstractLift, Affine
from driftmatch.precision import alike, like

if TYPE_CHECKING:  # to a type checker an AbstractVar would be a field to initialise
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar

Matrix = np.ndarray


class AbstractConnectivity(eqx.Module):
    """W, from rates φ(x) ∈ R^n to what the neurons receive.

    - `lift`: how latent coordinates lie in these neurons.
    - `readout`: W_s = Γ⁺W, shape (k, n): what of W the latent coordinates feel.
    """

    lift: AbstractVar[AbstractLift]
    readout: AbstractVar[Float[Array | Matrix, "k n"]]

    @property
    def keeps_subspace(self) -> bool:
        """Whether x = Γz + b is invariant, and not only nearly so."""
        return True

    @abc.abstractmethod
    def __call__(self, rates: Float[Any, "... n"]) -> Float[Any, "... n"]:
        """W φ of many states."""

    @abc.abstractmethod
    def transposed(self, rates: Float[Any, "... n"]) -> Float[Any, "... n"]:
        """Wᵀ φ of many states."""

    @abc.abstractmethod
    def transposed_readout(self) -> Float[Array | Matrix, "k n"]:
        """Γ⁺Wᵀ."""

    @abc.abstractmethod
    def step(self, rates: Float[Array, " n"], onto: Float[Array, " n"]) -> Float[Array, " n"]:
        """W φ + `onto`, of one state inside of a step."""

    @abc.abstractmethod
    def block(self, rows: Any, columns: Any) -> Float[Array | Matrix, "r c"]:
        """Those entries of W, by indices of NumPy: W itself for ``slice(None)`` twice."""

    @abc.abstractmethod
    def eigenvalues(self) -> Complex[np.ndarray, " n"]:
        """Of W, the largest first."""

    @abc.abstractmethod
    def split(self, copies: int) -> "AbstractConnectivity":
        """Of so many copies of every neuron, which send together what it sent."""

    @abc.abstractmethod
    def for_loop(self) -> "AbstractConnectivity":
        """The same, laid out for a loop, and not to be changed."""

    @abc.abstractmethod
    def norms(self) -> tuple[float, float]:
        """Frobenius norms of the symmetric and of the asymmetric part, (W ± Wᵀ)/2."""


class LowRank(AbstractConnectivity):
    """W = Γ W_s, never formed: O(nk) numbers, and as many operations a step.

    - `lift`: of which Γ is; `readout`: W_s, shape (k, n).
    """

    lift: Affine
    readout: Float[Array | Matrix, "k n"]

    def __call__(self, rates):
        return self.lift.push(rates @ alike(self.readout, rates).T)

    def transposed(self, rates):
        return self.lift.pull(rates) @ alike(self.readout, rates)

    def transposed_readout(self):
        return np.linalg.lstsq(self.lift.gamma, self.readout.T)[0] @ self.lift.gamma.T

    def step(self, rates, onto):
        return self.lift.spread(like(self.readout, rates) @ rates, onto)

    def block(self, rows, columns):
        return self.lift.gamma[rows] @ self.readout[:, columns]

    def eigenvalues(self):
        """Those of W_s Γ, a k×k matrix, and n − k zeros."""
        few = np.linalg.eigvals(np.asarray(self.readout) @ np.asarray(self.lift.gamma))
        values = np.zeros(self.lift.num_neurons, complex)
        values[: len(few)] = few[np.argsort(-np.abs(few), kind="stable")]
        return values

    def split(self, copies):
        every = np.repeat(np.arange(self.lift.num_neurons), copies)
        return LowRank(self.lift.of(every), self.readout[:, every] / copies)

    def for_loop(self):
        return LowRank(self.lift.for_loop(), self.readout)

    def norms(self):
        k = self.lift.latent_dim
        factor = np.linalg.qr(np.hstack([self.lift.gamma, self.readout.T])).R
        # W = Q (R_Γ R_sᵀ) Qᵀ with orthonormal Q: the small matrix has the norms of the large one.
        core = factor[:, :k] @ factor[:, k:].T
        plus, minus = (float(np.linalg.norm(0.5 * (core + s * core.T))) for s in (1, -1))
        return plus, minus
