"""The stationary probabilities of a Markov jump process."""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg as linalg
from jaxtyping import Float

from driftmatch.meters import SILENT, AbstractMeter

_SHIFT = 1e-12  # keeps the singular system solvable; inverse iteration removes its effect
_MAX_ITERATIONS = 40
_SETTLED = 1e-10  # the relative change of every probability, be it ever so small
_LEAST = 1e-290
_RESIDUAL = 1e-12
_MAX_CORRECTIONS = 40
_FORGOTTEN = 1e-4  # of all probability: what a changed start may leave behind


def stationary_probabilities(
    rates: scipy.sparse.csc_matrix,
    *,
    iterative: bool,
    tilt: Float[np.ndarray, " N"] | None = None,
    meter: AbstractMeter = SILENT,
) -> tuple[Float[np.ndarray, " N"], float, bool]:
    """π with Σ_j R_ij π_j = π_i Σ_j R_ji, not negative and with sum 1, its residual, and whether it
    does not depend on where the solver started.

    Solved for the flow q = π × (rate of leaving), of which the jump chain P is the transition
    matrix: q = Pq. Direct: inverse iteration with a sparse LU that pivots on the diagonal, so that
    every entry is a sum of terms that are not negative, even deep in the tails. Iterative, for
    matrices whose LU would fill memory: corrections by GMRES after an incomplete LU; there the
    tails are good to about 1e-12 of the largest probability. The residual is |q − Pq|₁.

    Where passages between wells are as rare as rounding errors, any weights of the wells leave next
    to no residual. So with `tilt` the result is multiplied by it, positive and different from well
    to well, and solved for again: it must come back.
    """
    leaving = np.asarray(rates.sum(axis=0)).ravel()
    leaving = np.maximum(leaving, np.finfo(float).tiny)
    P = scipy.sparse.csc_matrix(rates @ scipy.sparse.diags(1 / leaving))
    identity = scipy.sparse.identity(len(leaving), format="csc")
    system = scipy.sparse.csc_matrix((1 + _SHIFT) * identity - P)
    meter.advance(0, f"{len(leaving)} cells")
    solve = _by_corrections(system, P, meter) if iterative else _by_inverse_iteration(system)
    q = solve(np.full(len(leaving), 1 / len(leaving)))
    q = P @ np.maximum(q, 0.0)  # a jump keeps the sign and smooths what little was cut off
    q /= q.sum()
    meter.advance(1)
    residual = float(np.abs(q - P @ q).sum())
    came_back = True
    if tilt is not None:
        again = solve(tilt * q / (tilt @ q))
        came_back = bool(np.abs(again - q).sum() < _FORGOTTEN)
        meter.advance(1)
    mass = q / leaving
    return mass / mass.sum(), residual, came_back


# An M-matrix needs no pivoting; the minimum degree ordering of A + Aᵀ suits its symmetric pattern.
_FACTORING = {
    "permc_spec": "MMD_AT_PLUS_A",
    "diag_pivot_thresh": 0.0,
    "options": {"SymmetricMode": True},
}


def _by_inverse_iteration(system):
    factors = linalg.splu(system, **_FACTORING)

    def solve(q):
        # An iteration lowers what the other eigenvectors add by the shift over their eigenvalue,
        # some twelve decades, so tails settle last.
        for _ in range(_MAX_ITERATIONS):
            previous, q = q, factors.solve(q)
            q /= q.sum()
            if np.all(np.abs(q - previous) <= _SETTLED * q + _LEAST):
                break
        return q

    return solve


def _by_corrections(system, P, meter):
    N = system.shape[0]
    factors = linalg.spilu(system, drop_tol=1e-2, fill_factor=6, **_FACTORING)
    approximate_inverse = linalg.LinearOperator((N, N), factors.solve)

    def solve(q):
        smallest = np.inf
        for _ in range(_MAX_CORRECTIONS):
            residual = q - P @ q
            size = np.abs(residual).sum()
            if size < _RESIDUAL or size > 0.5 * smallest:
                break
            smallest = size
            meter.advance(0, f"residual {size:.0e}")
            correction, _ = linalg.gmres(
                system, residual, M=approximate_inverse, rtol=1e-3, restart=30, maxiter=2
            )
            q = q - correction
            q /= q.sum()
        return q

    return solve
