r"""Γ and W_s from connectivity that comes as one matrix, or as connectivity vectors.

W = U s Vᵀ leaves the coordinates open. They are chosen so that |z| is the root mean square of
x − b over the neurons, and the first of them carries most of W:

    Γ = √N U_k,    W_s = s_k V_kᵀ/√N,    so that ΓᵀΓ = N I and W_s W_sᵀ = diag(s²)/N

The largest entry of every column of Γ is positive.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from driftmatch.arguments import check_array, check_count
from driftmatch.errors import InputError
from driftmatch.network.lift import has_independent_columns

Matrix = np.ndarray


class Factors(NamedTuple):
    """W ≈ `gamma` `readout`; `left_out`: the share of ‖W‖²_F that the product has not."""

    gamma: Matrix
    readout: Matrix
    left_out: float


class Spectrum(NamedTuple):
    """W = U diag(s) Vᵀ in float64; `rank`: how many of s are not rounding errors of W."""

    left: Matrix
    values: Matrix
    right: Matrix
    rank: int

    def cut(self, k: int) -> Factors:
        """The nearest matrix of rank k, in the coordinates that this module chooses."""
        n = len(self.left)
        left, right = self.left[:, :k], self.right[:k]
        largest = np.take_along_axis(left, np.abs(left).argmax(0)[None], 0)
        signs = np.sign(largest[0])
        gamma = np.sqrt(n) * left * signs
        readout = (signs * self.values[:k])[:, None] * right / np.sqrt(n)
        return Factors(gamma, readout, self.outside(k))

    def outside(self, k: int) -> float:
        """The share of ‖W‖²_F outside of the k largest components."""
        squares = self._squares()
        return float(squares[k:].sum() / squares.sum())

    def components(self, share: float) -> int:
        """How many components hold that share of ‖W‖²_F."""
        squares = np.cumsum(self._squares())
        return int(np.searchsorted(squares, share * squares[-1])) + 1

    def _squares(self) -> Matrix:
        return (self.values / self.values[0]) ** 2  # of W in whatever units


def factored(W: Any, m: Any, n: Any, rank: int | None) -> Factors:
    """The factors of W, or of W = m n; raises `InputError` for what is not one connectivity."""
    if W is not None and m is None and n is None:
        found = spectrum(W)
        return found.cut(low_rank(found) if rank is None else check_rank(found, rank))
    if W is not None or m is None or n is None:
        given = [name for name, value in (("W", W), ("m", m), ("n", n)) if value is not None]
        raise InputError(
            f"connectivity is W, or both m and n with W = m n, got {' and '.join(given) or 'none'}"
        )
    epsilon = max(precision(m), precision(n))
    m, n = _vectors(m, n)
    if rank is None and has_independent_columns(m):
        return Factors(m, n, 0.0)
    found = _spectrum_of_product(m, n, epsilon)
    return found.cut(found.rank if rank is None else check_rank(found, rank))


def spectrum(W: ArrayLike) -> Spectrum:
    """Of a square matrix that is not 0; raises `InputError` for anything else."""
    epsilon = precision(W)
    W = check_array("W", W, ("N", "N"))
    if W.shape[0] != W.shape[1]:
        raise InputError(f"W must be square, from the neurons to themselves, got {W.shape}")
    left, values, right = np.linalg.svd(W)
    return _ranked(left, values, right, epsilon)


def low_rank(found: Spectrum) -> int:
    """The rank, of connectivity whose factors are smaller than itself."""
    n = len(found.values)
    if 2 * found.rank > n:
        raise InputError(
            f"W has rank {found.rank} of {n}, which is not low: its largest "
            f"{found.components(0.9)} components hold 90 % of ‖W‖²_F and {found.components(0.99)} "
            "hold 99 %; choose how many to keep by rank=, and see by driftmatch.truncation what "
            "that leaves out"
        )
    return found.rank


def check_rank(found: Spectrum, rank: Any) -> int:
    """How many components to keep, of those that there are."""
    k, n = check_count("rank", rank), len(found.left)
    if k > n:
        raise InputError(f"rank must be at most {n}, the number of neurons, got {k}")
    if k > found.rank:
        raise InputError(
            f"rank must be at most {found.rank}, which is the rank of W to its precision, got {k}"
        )
    return k


def precision(W: Any) -> float:
    """Of the numbers as they came: the distance from 1 to the next one."""
    dtype = getattr(W, "dtype", None)
    return float(jnp.finfo(dtype).eps if _is_floating(dtype) else np.finfo(float).eps)


def _is_floating(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and bool(jnp.issubdtype(dtype, np.floating))


def _ranked(left: Matrix, values: Matrix, right: Matrix, epsilon: float) -> Spectrum:
    if values[0] == 0:
        raise InputError("W is zero: its neurons do not hear each other, so it has no factors")
    return Spectrum(left, values, right, int((values > len(left) * epsilon * values[0]).sum()))


def _vectors(m: Any, n: Any) -> tuple[Matrix, Matrix]:
    """m, shape (N, k), and n, shape (k, N)."""
    m = check_array("m", m, ("N", "k"))
    n = check_array("n", n, ("k", "N"))
    if n.shape != m.shape[::-1]:
        papers = n.shape == m.shape
        hint = "; where papers write W = m nᵀ/N, pass n=n.T / N" if papers else ""
        raise InputError(
            f"n must have shape {m.shape[::-1]} for m of shape {m.shape}, got {n.shape}{hint}"
        )
    return m, n


def _spectrum_of_product(m: Matrix, n: Matrix, epsilon: float) -> Spectrum:
    """Of m n, without forming it."""
    left, right = np.linalg.qr(m), np.linalg.qr(n.T)
    inner, values, outer = np.linalg.svd(left.R @ right.R.T)
    return _ranked(left.Q @ inner, values, outer @ right.Q.T, epsilon)
