r"""Quadratic programmes of readouts in cones: each neuron's (W_s,j, v_j) within its sign.

The cones are polyhedral, s_j (h·W_s,j + v_j) ≥ 0 at the corners h of a polytope that holds all rows
of Γ. Small programmes are solved at once by an interior-point method (Clarabel); large ones are
split (alternating directions of multipliers), with one eigendecomposition of the Gram matrix.
"""

from dataclasses import dataclass

import clarabel
import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Float, Int
from scipy.spatial import ConvexHull, QhullError

from driftmatch.errors import ComputationError

Matrix = np.ndarray

MOST_CORNERS = 60
LEAST_FEEDBACK = -1.001  # what the feedback is at most: -1, with room for rounding
_ROWS = 200  # states at which the feedback is bounded at first


@dataclass(frozen=True)
class Task:
    """The arguments of `signed_readouts`, and moments of them."""

    gamma: Matrix
    signs: Matrix
    rates: Matrix
    slopes: Matrix
    wanted: Matrix
    weights: Matrix
    noise: float
    constancy: float

    def moments(self) -> tuple[Matrix, Matrix, Matrix]:
        """G = E φφᵀ + s² diag r, shape (n, n), and E φYᵀ, shape (n, k), in units of √G_jj, and
        these units' inverse: a neuron's cone does not mind."""
        weighted = self.rates * self.weights[:, None]
        gram = weighted.T @ self.rates
        r = self.weights @ self.slopes**2
        gram[np.diag_indices(len(gram))] += self.noise**2 * r + 1e-13 * np.trace(gram) / len(gram)
        size = 1 / np.sqrt(np.diagonal(gram))
        return gram * np.outer(size, size), (weighted.T @ self.wanted) * size[:, None], size

    def scales(self) -> Float[Matrix, " K"]:
        """Units of W_s and of v in which the objective is alike in both."""
        return np.append(np.ones(self.gamma.shape[1]), 1 / np.sqrt(self.constancy))

    def some(self) -> Int[Matrix, " R"]:
        """Some states, in order of nothing."""
        N = len(self.rates)
        return np.unique(np.linspace(0, N - 1, min(_ROWS, N)).astype(int))


def at_once(task: Task) -> tuple[Matrix, Matrix]:
    """W_s and v by an interior-point method, of all n(k + 1) unknowns at once."""
    (n, k), scales = task.gamma.shape, task.scales()
    gram, moment, size = task.moments()
    signs = scipy.sparse.diags(-task.signs)
    cones = [
        scipy.sparse.hstack([h * signs for h in corner])
        for corner in with_ones(hull_corners(task.gamma)) * scales
    ]
    rows = task.some()
    feedback = np.zeros((len(rows), (k + 1) * n))
    feedback[:, k * n :] = task.slopes[rows] * size * scales[-1]
    x = clarabel_solution(
        scipy.sparse.block_diag([gram] * (k + 1)),
        np.concatenate([-moment.T.ravel(), np.zeros(n)]),
        scipy.sparse.vstack([feedback, *cones]),
        np.concatenate([np.full(len(rows), LEAST_FEEDBACK), np.zeros(n * len(cones))]),
    )
    x = x.reshape(k + 1, n) * size * scales[:, None]
    return x[:k], x[k]


def by_splitting(task: Task, *, iterations: int = 1500, tolerance: float = 1e-5):
    """W_s and v by alternating directions: O(n²k) a step, feasible up to the tolerance.

    X, shape (n, k + 1), obeys  G X + ρ X HᵀH + ρ e Cᵀ(C X e) = ...  with H the corners (h, 1) and C
    the slopes: diagonal where G and HᵀH are, up to the low rank of C.
    """
    scales = task.scales()
    gram, moment, size = task.moments()
    H = with_ones(hull_corners(task.gamma)) * scales
    H /= np.linalg.norm(H, axis=1, keepdims=True)
    C = task.slopes[task.some()] * size * scales[-1]
    unit = np.linalg.norm(C, axis=1, keepdims=True)
    C, least = C / unit, LEAST_FEEDBACK / unit[:, 0]
    g, E = scipy.linalg.eigh(gram)
    g = np.maximum(g, 0.0)
    mu, Q = np.linalg.eigh(H.T @ H)
    linear = np.append(moment, np.zeros((len(gram), 1)), axis=1)
    s = task.signs[:, None]
    ET, CE = np.ascontiguousarray(E.T), C @ E

    def factorised(rho):
        inverse = 1 / (g[:, None] + rho * mu)
        # Of the last column alone: e K⁻¹ e, in the basis of G.
        last = inverse @ Q[-1] ** 2
        small = np.eye(len(C)) / rho + (CE * last) @ CE.T
        return inverse, scipy.linalg.cho_factor(small)

    def solved(right, inverse, factor):
        x = (ET @ right @ Q) * inverse
        pull = CE.T @ scipy.linalg.cho_solve(factor, CE @ (x @ Q[-1]))
        return E @ ((x - pull[:, None] * Q[-1] * inverse) @ Q.T)

    rho = float(np.median(g[g > 0])) if np.any(g > 0) else 1.0
    rho = max(rho, 1e-6)
    parts = factorised(rho)
    U, dual_u = np.zeros((len(gram), len(H))), np.zeros((len(gram), len(H)))
    T, dual_t = least.copy(), np.zeros(len(C))
    X = np.zeros_like(linear)
    for step in range(iterations):
        right = linear + rho * (s * (U - dual_u)) @ H
        right[:, -1] += rho * C.T @ (T - dual_t)
        X = solved(right, *parts)
        at_corners, at_states = s * (X @ H.T), C @ X[:, -1]
        old_u, old_t = U, T
        U = np.maximum(at_corners + dual_u, 0.0)
        T = np.minimum(at_states + dual_t, least)
        dual_u += at_corners - U
        dual_t += at_states - T
        if step % 25 == 24:
            primal = np.hypot(np.linalg.norm(at_corners - U), np.linalg.norm(at_states - T))
            dual = rho * np.hypot(np.linalg.norm(U - old_u), np.linalg.norm(T - old_t))
            primal /= max(np.linalg.norm(U), 1e-300)
            dual /= max(rho * np.linalg.norm(dual_u), 1e-300)
            if max(primal, dual) < tolerance:
                break
            ratio = np.sqrt(primal / max(dual, 1e-300))
            if ratio > 3 or ratio < 1 / 3:
                ratio = np.clip(ratio, 0.2, 5)
                rho *= ratio
                dual_u, dual_t = dual_u / ratio, dual_t / ratio
                parts = factorised(rho)
    X *= size[:, None]
    return X[:, :-1].T * scales[:-1, None], X[:, -1] * scales[-1]


def clarabel_solution(quadratic, linear, rows, bounds) -> Matrix:
    """x of the least ½xᵀPx + qᵀx with  rows · x ≤ bounds; raises `ComputationError` if none is."""
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    solution = clarabel.DefaultSolver(
        scipy.sparse.triu(scipy.sparse.csc_matrix(quadratic), format="csc"),
        linear,
        scipy.sparse.csc_matrix(rows),
        bounds,
        [clarabel.NonnegativeConeT(len(bounds))],
        settings,
    ).solve()
    x = np.asarray(solution.x)
    if "Infeasible" in str(solution.status) or not np.all(np.isfinite(x)):
        raise ComputationError(
            "no readouts of these signs have a feedback below -1 at all states: use more "
            "inhibitory neurons, whose slopes cover the states"
        )
    return x


def with_ones(corners: Float[Matrix, "m k"]) -> Float[Matrix, "m K"]:
    """(h, 1) for the corners h."""
    return np.append(corners, np.ones((len(corners), 1)), axis=1)


def hull_corners(gamma: Float[Matrix, "n k"]) -> Float[Matrix, "m k"]:
    """Corners of a polytope that contains all rows of Γ: of their hull where they are few.

    Of more than 60, or beyond four dimensions, those of the smallest box along principal axes (to
    eight dimensions) or of a cross-polytope that contains all rows.
    """
    k = gamma.shape[1]
    if k == 1:
        return np.array([[gamma.min()], [gamma.max()]])
    if k <= 4:
        try:
            corners = gamma[ConvexHull(gamma).vertices]
        except (QhullError, ValueError):  # flat, or too few
            corners = np.unique(gamma, axis=0)
        if len(corners) <= MOST_CORNERS:
            return corners
    _, axes = np.linalg.eigh(gamma.T @ gamma)
    along = gamma @ axes
    sizes = np.abs(along).max(axis=0) + 1e-12 * np.abs(gamma).max() + 1e-300
    reach = np.abs(along / sizes).sum(axis=1).max() * (1 + 1e-12)
    cross = np.concatenate([np.diag(sizes), -np.diag(sizes)]) * reach
    if k <= 5:
        low, high = along.min(axis=0), along.max(axis=0)
        margin = 1e-12 * (high - low)
        box = np.array(np.meshgrid(*np.stack([low - margin, high + margin], axis=1))).reshape(k, -1)
        return box.T @ axes.T
    return cross @ axes.T
