r"""Weighted ridge regression in a basis, and the choice of basis and ridge by cross-validation.

    c = (Σ w φφᵀ + R)⁻¹ Σ w φ yᵀ

in closed form, from sums over blocks of the recording that lie one after the other. Monomials carry
no ridge but rounding's.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from driftmatch.inference.basis import Basis

Matrix = np.ndarray

FOLDS = 8
_RIDGES = 10.0 ** np.arange(-8, 1.1)
_ROUNDING = 1e-12
_ROWS = 2**16  # of features in memory at a time


class Choice(NamedTuple):
    """A basis with the strength of its ridge, relative to the mean square of its functions."""

    basis: Basis
    ridge: float

    def matrix(self, gram: Float[Matrix, "p p"]) -> Float[Matrix, "p p"]:
        """R."""
        squares = np.diag(gram)
        is_feature = np.arange(len(gram)) >= len(self.basis.exponents)
        features = squares[is_feature].mean() if is_feature.any() else 0.0
        return np.diag(_ROUNDING * squares + self.ridge * features * is_feature)


class Sums(NamedTuple):
    """Of every block: Σ w φφᵀ, Σ w φyᵀ and Σ w y²."""

    gram: Float[Matrix, "B p p"]
    moment: Float[Matrix, "B p q"]
    square: Float[Matrix, "B q"]


class Fit(NamedTuple):
    """Coefficients, shape (p, q), the matrices Σ w φφᵀ + R and R that gave them, and how its parts,
    one a block, would have moved them: scores Σ w φ(y − cᵀφ)ᵀ, which add up to R c."""

    choice: Choice
    coefficients: Float[Matrix, "p q"]
    matrix: Float[Matrix, "p p"]
    ridge: Float[Matrix, "p p"]
    scores: Float[Matrix, "B p q"]

    @property
    def num_effective(self) -> float:
        """Of functions, trace A⁻¹(A − R): all of them without a ridge."""
        p = len(self.matrix)
        return p - float(np.trace(np.linalg.lstsq(self.matrix, self.ridge, rcond=1e-15)[0]))


def sums(
    basis: Basis,
    states: Float[Matrix, "N k"],
    values: Float[Matrix, "N q"],
    weights: Float[Matrix, " N"],
    blocks: Int[Matrix, " N"],
) -> Sums:
    """Over the rows of every block; blocks are numbered from 0 and rows sorted by them."""
    B, p, q = int(blocks[-1]) + 1, basis.size, values.shape[1]
    total = Sums(np.zeros((B, p, p)), np.zeros((B, p, q)), np.zeros((B, q)))
    for first in range(0, len(states), _ROWS):
        part = slice(first, first + _ROWS)
        phi = basis.at(states[part])
        edges = np.flatnonzero(np.diff(blocks[part])) + 1
        for rows in np.split(np.arange(len(phi)), edges):
            block, own = blocks[first + rows[0]], slice(rows[0], rows[-1] + 1)
            y, w = values[part][own], weights[part][own, None]
            weighted = w * phi[own]
            total.gram[block] += weighted.T @ phi[own]
            total.moment[block] += weighted.T @ y
            total.square[block] += np.sum(w * y**2, axis=0)
    return total


def solve(choice: Choice, total: Sums) -> Fit:
    """The coefficients for all blocks together."""
    gram, moment = total.gram.sum(axis=0), total.moment.sum(axis=0)
    ridge = choice.matrix(gram)
    c = np.linalg.lstsq(gram + ridge, moment, rcond=1e-15)[0]
    return Fit(choice, c, gram + ridge, ridge, total.moment - total.gram @ c)


def choose(
    bases: list[Basis],
    states: Float[Matrix, "N k"],
    values: Float[Matrix, "N q"],
    weights: Float[Matrix, " N"],
    blocks: Int[Matrix, " N"],
    *,
    tolerance: float = 0.0,
) -> Fit:
    """The basis and ridge whose predictions of one fold from the others are best; with a
    `tolerance`, the simplest that is within so many standard errors of the best."""
    tried = []
    for basis in bases:
        total = sums(basis, states, values, weights, blocks)
        folds = _folded(total)
        for ridge in _RIDGES if len(basis.bias) else (0.0,):
            choice = Choice(basis, float(ridge))
            tried.append((choice, _losses(choice, folds), total))
    # Every output counts by what the best leaves over of it, lest the noisiest decides for all.
    least = np.min([losses.sum(axis=0) for _, losses, _ in tried], axis=0)
    scale = np.where((least > 0) & np.isfinite(least), least, 1.0)
    tried = [(choice, (losses / scale).sum(axis=1), total) for choice, losses, total in tried]
    best = min(tried, key=lambda trial: trial[1].sum())
    if tolerance > 0:
        simplest = sorted(tried, key=lambda trial: (trial[0].basis.size, -trial[0].ridge))
        best = next(trial for trial in simplest if _is_as_good(trial[1] - best[1], tolerance))
    return solve(best[0], best[2])


def _is_as_good(excess: Float[Matrix, " folds"], tolerance: float) -> bool:
    error = excess.std(ddof=1) * len(excess) ** 0.5
    return bool(excess.sum() <= tolerance * error)


def _folded(total: Sums) -> Sums:
    """Blocks put together into folds."""
    B = len(total.gram)
    edges = np.arange(min(FOLDS, B)) * B // min(FOLDS, B)
    return Sums(*(np.add.reduceat(part, edges, axis=0) for part in total))


def _losses(choice: Choice, folds: Sums) -> Float[Matrix, "folds q"]:
    """Σ w (y − cᵀφ)² of every fold, with the coefficients of the others."""
    gram, moment = folds.gram.sum(axis=0), folds.moment.sum(axis=0)
    matrix = gram + choice.matrix(gram)
    losses = []
    for own, with_y, square in zip(*folds, strict=True):
        try:
            c = np.linalg.solve(matrix - own, moment - with_y)
        except np.linalg.LinAlgError:
            return np.full(folds.square.shape, np.inf)
        losses.append(square - 2 * np.sum(c * with_y, axis=0) + np.sum(c * (own @ c), axis=0))
    return np.array(losses)
