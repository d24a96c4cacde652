"""Principal components of samples that come piece by piece, from singular values alone."""

import numpy as np
from jaxtyping import Float

from driftmatch.analysis.neuron_pieces import NeuronPieces

Matrix = np.ndarray

_LEAST_KEPT, _SPARE = 64, 16
_KEPT_NUMBERS = 2**19


class PrincipalComponents:
    """The principal components of the samples seen so far.

    RᵀR is their scatter matrix Σ(x − x̄)(x − x̄)ᵀ, exactly while n directions or fewer are kept; of
    more, the weakest are left out and their squares are counted in `lost`.
    """

    def __init__(self, n: int, wanted: int):
        self.size = min(n, max(_LEAST_KEPT, _KEPT_NUMBERS // n, wanted + _SPARE))
        self.R, self.mean, self.lost = np.zeros((0, n)), np.zeros(n), 0.0
        self.count, self._merged, self._waiting = 0, 0, []

    @property
    def is_partial(self) -> bool:
        return self.size < len(self.mean)

    def add(self, samples: Float[Matrix, "t n"]) -> None:
        self._waiting.append(samples)  # small pieces are merged together
        self.count += len(samples)
        if self.count - self._merged >= self.size:
            self._merge_waiting()

    def _merge_waiting(self):
        samples, self._waiting = np.concatenate(self._waiting), []
        step = self.size if self.is_partial else len(samples)
        for first in range(0, len(samples), step):
            self._merge(samples[first : first + step])

    def _merge(self, samples):
        t, mean = len(samples), samples.mean(axis=0)
        total = self._merged + t
        between = np.sqrt(self._merged * t / total) * (mean - self.mean)
        rows = np.concatenate([self.R, samples - mean, between[None]])
        self.mean, self._merged = self.mean + (t / total) * (mean - self.mean), total
        if len(rows) <= self.size:
            self.R = rows
        elif not self.is_partial:
            self.R = np.asarray(np.linalg.qr(rows, mode="r"))
        else:
            sizes, directions = singular(rows)
            self.R = sizes[: self.size, None] * directions[: self.size]
            self.lost += float(np.sum(sizes[self.size :] ** 2))

    def principal(self):
        """Mean, directions (n, p), singular values (p,) and the squares of what was left out."""
        if self._waiting:
            self._merge_waiting()
        sizes, directions = singular(self.R)
        return self.mean, directions.T, sizes, self.lost


def singular(rows: Float[Matrix, "r n"]) -> tuple[Float[Matrix, " p"], Float[Matrix, "p n"]]:
    """Singular values and right singular vectors."""
    if len(rows) >= rows.shape[1]:
        return np.linalg.svd(np.linalg.qr(rows, mode="r"))[1:]
    Q, R = np.linalg.qr(rows.T)
    _, sizes, directions = np.linalg.svd(R.T)
    return sizes, directions @ Q.T


def weighed(recording: NeuronPieces, mean: Float[Matrix, " n"], directions: Float[Matrix, "n p"]):
    """Directions, singular values and left-out squares of a recording within these directions."""
    inside, lost = PrincipalComponents(directions.shape[1], directions.shape[1]), 0.0
    for piece in recording.pieces():
        centred = piece.samples - mean
        scores = centred @ directions
        centred -= scores @ directions.T
        lost += float(np.sum(centred**2))
        inside.add(scores)
    _, turn, sizes, _ = inside.principal()
    return directions @ turn, sizes, lost
