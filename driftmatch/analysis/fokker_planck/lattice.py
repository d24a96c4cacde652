"""Diffusion along the directions of a lattice: Selling's decomposition of D."""

from itertools import combinations

import numpy as np
from jaxtyping import Float

Offset = tuple[int, ...]

_MAX_STEPS = 1000


def lattice_weights(
    D: Float[np.ndarray, "N k k"],
) -> dict[Offset, Float[np.ndarray, " N"]]:
    r"""Whole-number offsets e and weights λ_e ≥ 0 with  D = Σ_e λ_e e eᵀ  for every D, k ≤ 3.

    Jumps along the offsets then diffuse as D says with rates that are never negative, however
    anisotropic D is, which differences along the axes alone cannot do. A superbase b₀ + … + b_k = 0
    is changed until all ⟨b_i, D b_j⟩ ≤ 0; these products are the weights, and the offsets are
    orthogonal to the other vectors. Each offset stands for its negative too.

    Source: E. Selling, J. Reine Angew. Math. 77, 143 (1874); for monotone schemes,
    J. Fehrenbach, J.-M. Mirebeau, J. Math. Imaging Vis. 49, 123 (2014).
    """
    N, k, _ = D.shape
    if k == 1:
        return {(1,): D[:, 0, 0]}
    base = _obtuse_superbase(D)
    weights: dict[Offset, np.ndarray] = {}
    for i, j in combinations(range(k + 1), 2):
        weight = np.maximum(-_products(base, D, i, j), 0.0)
        offsets = _orthogonal(base[:, [q for q in range(k + 1) if q not in (i, j)]])
        unique, which = np.unique(offsets, axis=0, return_inverse=True)
        for row, offset in enumerate(unique):
            chosen = np.flatnonzero((which.ravel() == row) & (weight > 0))
            if len(chosen) > 0:
                e = _pointing_up(offset)
                weights.setdefault(e, np.zeros(N))[chosen] += weight[chosen]
    return weights


def _obtuse_superbase(D):
    """Superbases (N, k+1, k) with products that are not positive, by Selling's algorithm."""
    N, k, _ = D.shape
    base = np.concatenate([np.eye(k, dtype=int), -np.ones((1, k), int)])
    base = np.broadcast_to(base, (N, k + 1, k)).copy()
    pairs = list(combinations(range(k + 1), 2))
    tolerance = 1e-12 * np.trace(D, axis1=1, axis2=2)
    for _ in range(_MAX_STEPS):
        products = np.stack([_products(base, D, i, j) for i, j in pairs], axis=1)
        acute = products.max(axis=1) > tolerance
        if not np.any(acute):
            return base
        worst = products.argmax(axis=1)
        for index, (i, j) in enumerate(pairs):
            rows = np.flatnonzero(acute & (worst == index))
            turned = base[rows, i].copy()
            others = [q for q in range(k + 1) if q not in (i, j)]
            if k == 2:
                base[rows, others[0]] = turned - base[rows, j]
            else:
                for q in others:
                    base[rows, q] += turned
            base[rows, i] = -turned
    raise AssertionError("Selling's algorithm ends for every positive definite matrix")


def _products(base, D, i, j):
    """⟨b_i, D b_j⟩."""
    return np.einsum("na,nab,nb->n", base[:, i], D, base[:, j])


def _orthogonal(vectors):
    """Whole vectors orthogonal to the k − 1 given ones, (N, k−1, k) → (N, k)."""
    if vectors.shape[1] == 1:
        return np.stack([-vectors[:, 0, 1], vectors[:, 0, 0]], axis=1)
    return np.cross(vectors[:, 0], vectors[:, 1])


def _pointing_up(offset) -> Offset:
    """Of e and −e, the one with a positive first component that is not 0."""
    first = offset[np.flatnonzero(offset)[0]]
    return tuple(int(x) for x in offset * np.sign(first))
