"""Linear stability of fixed points: eigenvalues and what they are called."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Matrix = np.ndarray

MARGINAL = 1e-7  # of the norm of the Jacobian: what counts as zero in an eigenvalue


@dataclass(frozen=True)
class Stability:
    """What Jacobians say about their fixed points.

    - `eigenvalues`: complex, by descending real part, shape (P, k).
    - `unstable_dim`: how many have a positive real part, shape (P,).
    - `kind`: the names, P of them.
    """

    eigenvalues: Matrix
    unstable_dim: Matrix
    kind: list[str]

    @classmethod
    def of(cls, jacobians: Float[Matrix, "P k k"]) -> "Stability":
        """Real and imaginary parts below 10⁻⁷ of the Jacobian's norm count as zero."""
        values = np.asarray(np.linalg.eigvals(jacobians), dtype=complex)
        sizes = np.linalg.norm(jacobians, axis=(1, 2))[:, None]
        zero = MARGINAL * sizes
        # Conjugates in one order, whatever the last digit of their real parts is.
        rank = np.round(np.real(values) / np.where(sizes > 0, sizes, 1), 9)
        order = np.lexsort((-np.imag(values), -rank), axis=-1)
        values = np.take_along_axis(values, order, axis=-1)
        real = np.where(np.abs(np.real(values)) <= zero, 0.0, np.real(values))
        turns = np.abs(np.imag(values)) > zero
        names = [_name(r, t) for r, t in zip(real, turns, strict=True)]
        return cls(values, np.sum(real > 0, axis=1), names)


def _name(real: Float[Matrix, " k"], turns: Matrix) -> str:
    """Of one fixed point, from its real parts and from which eigenvalues are complex."""
    if np.any(real == 0):
        return "center" if np.all((real == 0) & turns) else "non-hyperbolic"
    if np.any(real > 0) and np.any(real < 0):
        return "saddle-focus" if turns.any() else "saddle"
    return ("unstable " if real[0] > 0 else "stable ") + ("focus" if turns.any() else "node")
