"""Small quadratic programmes with cones, by Clarabel."""

from typing import Any

import clarabel
import numpy as np
import scipy.sparse
from jaxtyping import Float

Matrix = np.ndarray


def non_negative(number: int) -> Any:
    """The cone of so many numbers that are not negative."""
    return clarabel.NonnegativeConeT(number)  # pyright: ignore[reportAttributeAccessIssue]


def semidefinite(size: int) -> Any:
    """The cone of positive semi-definite matrices, by the rows of their lower triangles, entries
    off the diagonal times √2."""
    return clarabel.PSDTriangleConeT(size)  # pyright: ignore[reportAttributeAccessIssue]


def least(
    quadratic: Float[Matrix, "n n"],
    linear: Float[Matrix, " n"],
    rows: Float[Matrix, "m n"],
    bounds: Float[Matrix, " m"],
    cone: Any,
) -> Float[Matrix, " n"] | None:
    """x of the least ½xᵀPx + qᵀx with `bounds` − `rows` · x in the cone; None if there is none."""
    settings = clarabel.DefaultSettings()  # pyright: ignore[reportAttributeAccessIssue]
    settings.verbose = False
    settings.max_threads = 1
    solution = clarabel.DefaultSolver(  # pyright: ignore[reportAttributeAccessIssue]
        scipy.sparse.triu(scipy.sparse.csc_matrix(quadratic), format="csc"),
        linear,
        scipy.sparse.csc_matrix(rows),
        bounds,
        [cone],
        settings,
    ).solve()
    x = np.asarray(solution.x)
    infeasible = "Infeasible" in str(solution.status) or not np.all(np.isfinite(x))
    return None if infeasible else x
