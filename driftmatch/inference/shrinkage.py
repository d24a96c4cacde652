r"""Monomials that say next to nothing are taken back, degree by degree.

With φ = Rᵀq, RᵀR = Σ w φφᵀ over the recorded states and their reflections about the mean, the
functions q are orthonormal there and those of degree d orthogonal to all below: what degree d adds
to f does not depend on coordinates. Of the m coefficients b ~ N(β, V) of one degree in all outputs,
(1 − (m − 2)/bᵀV⁻¹b)₊ is kept: next to all of it where it stands out from its scatter, next to
nothing where it does not, and on average nearer to β for m > 2, whatever β is.

Source: W. James, C. Stein, Proc. 4th Berkeley Symp. 1, 361 (1961); A. Baranchik, Stanford Univ.
Tech. Rep. 51 (1964), for the positive part.
"""

import dataclasses

import numpy as np
import scipy.linalg
from jaxtyping import Float

from driftmatch.inference.fitting import Fitted
from driftmatch.inference.regression import Fit

Matrix = np.ndarray

_SINGULAR = 1e12  # a condition of the scatter


def shrunk(fitted: Fitted) -> Fitted:
    """With its drift so, if that is of monomials alone."""
    if len(fitted.drift.choice.basis.bias):
        return fitted
    c = np.asarray(fitted.estimate.coefficients)
    estimate = dataclasses.replace(fitted.estimate, coefficients=kept(fitted.drift, c))
    return fitted._replace(estimate=estimate)


def kept(fit: Fit, coefficients: Float[Matrix, "p k"]) -> Float[Matrix, "p k"]:
    """What is kept of these coefficients of a fit in monomials, of states whose mean is 0."""
    if not all(np.isfinite(part).all() for part in (fit.matrix, fit.scores, coefficients)):
        return coefficients
    degrees = np.array([sum(exponents) for exponents in fit.choice.basis.exponents])
    # Reflected states turn the sign of what is odd.
    same_parity = (degrees[:, None] - degrees) % 2 == 0
    try:
        A = scipy.linalg.cholesky(fit.matrix)
        R = scipy.linalg.cholesky(np.where(same_parity, fit.matrix, 0.0))
    except np.linalg.LinAlgError:  # functions that depend on each other, on what was recorded
        return coefficients
    white = np.stack([scipy.linalg.solve_triangular(A, s, trans=1) for s in fit.scores])
    S = np.einsum("bpi,bpj->ij", white, white) / len(A)
    if np.linalg.cond(S) > _SINGULAR:  # where there is no noise nothing is to be taken back
        return coefficients
    b, root = R @ coefficients, scipy.linalg.solve_triangular(A, R.T, trans=1)
    for degree in range(degrees.max() + 1):
        own = degrees == degree
        V = root[:, own].T @ root[:, own]
        off = np.linalg.lstsq(V, b[own], rcond=None)[0]
        size = np.trace(np.linalg.solve(S, b[own].T @ off))
        b[own] *= max(0.0, 1 - max(b[own].size - 2, 0) / max(size, 1e-300))
    return scipy.linalg.solve_triangular(R, b)
