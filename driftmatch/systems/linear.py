"""Linear systems."""

from collections.abc import Sequence

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from driftmatch.arguments import check_array
from driftmatch.errors import InputError
from driftmatch.precision import like
from driftmatch.sde import SDE, as_tuples
from driftmatch.words import spelled

Matrix = ArrayLike | Sequence[Sequence[float]]


class LinearDrift(eqx.Module):
    """−Bx."""

    B: Float[np.ndarray, "k k"]

    def __call__(self, x: Float[Array, " k"]) -> Float[Array, " k"]:
        return -(like(self.B, x) @ x)


@spelled
def ornstein_uhlenbeck(B: Matrix = ((2.0, -1.0), (1.0, 2.0)), D: Matrix = 1.0) -> SDE:
    """The Ornstein–Uhlenbeck process of any dimension:  dx = −Bx dt + √(2D) dB.

    Its stationary density is normal with mean 0 and covariance S, where BS + SBᵀ = 2D; with
    Q = BS − D its entropy production rate is −tr(D⁻¹BQ).

    - `B`: k × k, with eigenvalues of positive real part; a number stands for 1 × 1.
    - `D`: k × k, symmetric, positive semidefinite; a number stands for that times the identity.

    √ is the symmetric root. Raises `InputError` when B is unstable or D is no diffusion matrix.
    """
    B = np.atleast_2d(check_array("B", B)).copy()
    k = B.shape[0]
    if B.shape != (k, k) or k == 0:
        raise InputError(f"B must be a square matrix, got shape {B.shape}")
    rates = np.linalg.eigvals(B)
    if rates.real.min() <= 0:
        raise InputError(
            "B must have eigenvalues of positive real part, or dx = −Bx dt runs away; "
            f"the smallest is {rates.real.min():.3g}"
        )
    D = check_array("D", D).copy()
    D = D * np.eye(k) if D.ndim == 0 else D
    if D.shape != (k, k):
        raise InputError(f"D must be a number or a matrix of shape {(k, k)}, got shape {D.shape}")
    if not np.allclose(D, D.T):
        raise InputError("D must be symmetric")
    variances, axes = np.linalg.eigh(D)
    if variances.min() < -1e-12 * np.abs(variances).max():
        raise InputError(
            "D must be positive semidefinite (no negative variance), "
            f"its smallest eigenvalue is {variances.min():.3g}"
        )
    return SDE(
        LinearDrift(B),
        (axes * np.sqrt(2 * variances.clip(0))) @ axes.T,
        k,
        start=np.zeros(k),
        # The rms rate, written so that it does not depend on the coordinates.
        time_scale=float(np.sqrt(k / np.sum(np.abs(rates) ** 2))),
        name="ornstein_uhlenbeck",
        description="Linear relaxation and rotation of any dimension",
        equation="dx = −Bx dt + √(2D) dB",
        parameters={"B": as_tuples(B), "D": as_tuples(D)},
    )
