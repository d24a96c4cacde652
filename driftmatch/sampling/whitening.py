"""Whitened coordinates z' = L⁻¹(z − μ), in which scales of 1 and of 10⁴ behave alike."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float

Matrix = np.ndarray

_ROUNDING = 1e-13  # of the size of numbers


@dataclass(frozen=True)
class Whitening:
    """The affine map that gives states zero mean and unit covariance.

    - `mean`: μ, shape (k,); `factor`: L, lower triangular, shape (k, k), L Lᵀ the covariance.
    """

    mean: Float[Matrix, " k"]
    factor: Float[Matrix, "k k"]

    @classmethod
    def of(cls, states: Float[Matrix, "N k"]) -> "Whitening":
        """The whitening of these states, each coordinate in its own scale.

        A direction in which they hardly vary keeps a thousandth of its coordinates' scale.
        """
        mean, scale = states.mean(axis=0), states.std(axis=0)
        # A coordinate that keeps still has no scale: any will do, such as that of its numbers.
        still = scale <= _ROUNDING * np.abs(states).max(axis=0)
        scale = np.where(still, np.where(mean != 0, np.abs(mean), 1.0), scale)
        correlation = np.atleast_2d(np.cov((states - mean) / scale, rowvar=False))
        factor = np.linalg.cholesky(correlation + 1e-6 * np.eye(len(mean)))
        return cls(mean, scale[:, None] * factor)

    def whiten(self, states: Float[Matrix, "N k"]) -> Float[Matrix, "N k"]:
        """z' = L⁻¹(z − μ)."""
        return self.whiten_rates(states - self.mean)

    def unwhiten(self, whitened: Float[Matrix, "N k"]) -> Float[Matrix, "N k"]:
        """z = L z' + μ."""
        return whitened @ self.factor.T + self.mean

    def whiten_rates(self, rates: Float[Matrix, "N k"]) -> Float[Matrix, "N k"]:
        """L⁻¹f, for velocities."""
        return scipy.linalg.solve_triangular(self.factor, rates.T, lower=True, check_finite=False).T
