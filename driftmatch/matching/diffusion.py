"""The diffusion as outputs to match: the symmetric square root of 2D(z), entry by entry."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.evaluate import diffusion_matrices
from driftmatch.network import SharedNoise

Matrix = np.ndarray


@dataclass(frozen=True)
class RootOutputs:
    """(2D(z))^{1/2} − its mean, upper triangle, scaled so that its squared error is about k ε_D².

    The symmetric root is a smooth function of the state, so a rotation of B, which changes σ but
    not the process, is not chased.

    - `values`: shape (N, k(k+1)/2). - `mean`: the mean root, shape (k, k). - `scale`: of `values`.
    """

    values: Float[Matrix, "N q"]
    mean: Float[Matrix, "k k"]
    scale: Float[Matrix, " q"]

    @classmethod
    def of(cls, sde: AbstractSDE, states: Float[Matrix, "N k"], weights: Matrix) -> "RootOutputs":
        twice = 2 * diffusion_matrices(sde, states)
        # In the far field the diffusion need not be defined; there its mean is wanted.
        defined = np.all(np.isfinite(twice), axis=(1, 2))
        twice[~defined] = np.average(twice[defined], axis=0, weights=weights[defined])
        values, vectors = np.linalg.eigh(twice)
        roots = (vectors * np.sqrt(np.maximum(values, 0))[:, None, :]) @ np.swapaxes(vectors, 1, 2)
        mean = np.einsum("a,aij->ij", weights, roots)
        k = len(mean)
        upper = np.triu_indices(k)
        size = np.sqrt(np.einsum("a,aij->", weights, roots**2)) or 1.0
        # Off-diagonal entries count twice in the norm, and D = ½R² doubles a relative error.
        scale = 2 * np.sqrt(k * np.where(upper[0] == upper[1], 1, 2)) / size
        return cls((roots - mean)[:, *upper] * scale, mean, scale)

    def shared_noise(self, readout: Float[Matrix, "n q"]) -> SharedNoise:
        """S(x) = mean + unvec(readout φ) from the readout of `values`."""
        k, n = len(self.mean), len(readout)
        rows, columns = np.triu_indices(k)
        matrix = np.zeros((k, k, n))
        matrix[rows, columns] = (readout / self.scale).T
        matrix[columns, rows] = matrix[rows, columns]
        return SharedNoise(self.mean, matrix)
