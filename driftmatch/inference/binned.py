r"""Drift and diffusion along a coordinate as the recording itself has them, in bins, beside those
of an estimate at the same states.

Of all steps that begin in a bin, the mean of Δz/Δt is the drift, and half that of rrᵀ/Δt, with r
what the estimate leaves over of a step, the diffusion. Both are corrected as the regressions of
`driftmatch.inference.fitting` are: by the difference that the interval makes to the estimate. With
measurement noise Σ, steps are binned by the sample before the one in which they begin, with which
they share no noise, and the diffusion is less by Σ/Δt.

Source: R. Friedrich, J. Peinke, Phys. Rev. Lett. 78, 863 (1997), for the moments; the samples
before, as in C. Vestergaard, P. Blainey, H. Flyvbjerg, Phys. Rev. E 89, 022726 (2014).
"""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from driftmatch.inference.estimate import moments, symmetric
from driftmatch.inference.fitting import substeps
from driftmatch.inference.inference import Inference
from driftmatch.inference.transitions import Scaling, Transitions

Matrix = np.ndarray

_MOST = 100_000  # steps
_MOST_AT = 20_000  # of which errors of the estimate are taken
_FEWEST = 8  # in a bin
_BINS, _PER_BIN = (4, 20), 40
_TAIL = 0.002


class Moments(NamedTuple):
    """Of one coordinate in B bins; what is the recording's own with its standard error.

    - `at`: the mean of the coordinate. - `drift`, `diffusion`: f_i and D_ii of the recording.
    - `model_drift`, `model_diffusion`: the estimate's means over the same states. Steps over
      several samples overlap, and their errors are as large as those of steps that do not.
    """

    at: Float[Matrix, " B"]
    drift: Float[Matrix, " B"]
    drift_error: Float[Matrix, " B"]
    model_drift: Float[Matrix, " B"]
    model_drift_error: Float[Matrix, " B"]
    diffusion: Float[Matrix, " B"]
    diffusion_error: Float[Matrix, " B"]
    model_diffusion: Float[Matrix, " B"]
    model_diffusion_error: Float[Matrix, " B"]


def binned(est: Inference) -> list[Moments]:
    """Of every coordinate; no bins where there are too few steps."""
    periods = est.recording.periodic or (None,) * est.recording.dim
    found = _steps(est, periods)
    if found is None:
        return [Moments(*[np.zeros(0)] * 9)] * len(periods)
    by, steps = found
    L, dt = np.asarray(est.sde.factor), steps.intervals[:, None]
    estimate, few = est.sde.estimate, slice(None, None, 1 + len(by) // _MOST_AT)
    with jax.enable_x64(True):
        mean, half, f, D = moments(estimate, steps.states, steps.intervals,
                                   substeps(est.stiffness))  # fmt: skip
        phi = estimate.basis.at(steps.states[few])
        psi = estimate.diffusion_basis.at(steps.states[few])
    left = steps.steps - dt * mean
    squares = _diagonals(L, left[:, :, None] * left[:, None, :] / (2 * dt[:, :, None]) - half)
    squares = squares - np.diag(est.measurement_noise) / dt
    f, left, D = f @ L.T, left @ L.T / dt, _diagonals(L, D)
    at = steps.states @ L.T + np.asarray(est.sde.mean)
    along = []
    for i, period in enumerate(periods):
        bins, number = _bins(_within(by[:, i], period))
        moved = _means_of(bins[few], number, phi) @ est.drift_replicates @ L[i]
        entries = _means_of(bins[few], number, psi) @ est.diffusion_replicates
        moved_D = _diagonals(L[[i]], symmetric(entries, len(L)))[..., 0]
        off, off_error = _means(bins, number, left[:, i])
        off_D, off_D_error = _means(bins, number, squares[:, i])
        model, model_D = _means(bins, number, f[:, i])[0], _means(bins, number, D[:, i])[0]
        along.append(Moments(
            _means(bins, number, _within(at[:, i], period))[0],
            model + off, off_error * np.sqrt(est.lag), model, moved.std(axis=0),
            model_D + off_D, off_D_error * np.sqrt(est.lag), model_D, moved_D.std(axis=0),
        ))  # fmt: skip
    return along


def _steps(est: Inference, periods) -> tuple[Float[Matrix, "N k"], Transitions] | None:
    """Of the whole recording, and by which samples they are binned."""
    recording, ahead = est.recording, int(est.has_measurement_noise)
    scaling = Scaling(
        np.asarray(est.sde.mean), np.asarray(est.sde.factor), tuple(p is not None for p in periods)
    )
    pieces = [p for p in recording.pieces if p.stop - p.start > est.lag + ahead]
    if not pieces:
        return None
    states = [np.asarray(recording.states[piece], np.float64) for piece in pieces]
    by = np.concatenate([z[: len(z) - est.lag - ahead] for z in states])
    steps = Transitions.of([scaling.scale(z[ahead:]) for z in states],
                           [recording.times[p][ahead:] for p in pieces], est.lag)  # fmt: skip
    some = slice(None, None, 1 + len(by) // _MOST)
    return by[some], steps._replace(
        states=steps.states[some], steps=steps.steps[some], intervals=steps.intervals[some],
        weights=steps.weights[some], blocks=steps.blocks[some],
    )  # fmt: skip


def _within(values: Float[Matrix, " N"], period: float | None) -> Float[Matrix, " N"]:
    return values if period is None else values % period


def _diagonals(L: Matrix, matrices: Matrix) -> Matrix:
    """Of L M Lᵀ."""
    return np.einsum("ip,...pq,iq->...i", L, matrices, L)


def _bins(values: Float[Matrix, " N"]) -> tuple[Int[Matrix, " N"], int]:
    """The number of the bin of every value, −1 for those in none: bins of one width, without those
    that hold next to nothing."""
    number = int(np.clip(len(values) // _PER_BIN, *_BINS))
    low, high = np.quantile(values, (_TAIL, 1 - _TAIL))
    place = np.floor((values - low) / max(high - low, 1e-300) * number).astype(int)
    place = np.where((place < 0) | (place >= number), -1, place)
    counts = np.bincount(place[place >= 0], minlength=number)
    kept = np.flatnonzero(counts >= _FEWEST)
    renumbered = np.full(number + 1, -1)  # the last is that of −1
    renumbered[kept] = np.arange(len(kept))
    return renumbered[place], len(kept)


def _means(
    bins: Int[Matrix, " N"], number: int, values: Float[Matrix, " N"]
) -> tuple[Float[Matrix, " B"], Float[Matrix, " B"]]:
    """Of every bin, and their standard errors."""
    inside = bins >= 0
    bins, values = bins[inside], values[inside]
    counts = np.bincount(bins, minlength=number)
    mean = np.bincount(bins, values, minlength=number) / counts
    spread = np.bincount(bins, (values - mean[bins]) ** 2, minlength=number) / counts
    return mean, np.sqrt(spread / counts)


def _means_of(bins: Int[Matrix, " n"], number: int, rows: Float[Matrix, "n p"]):
    """Of the rows of every bin, shape (B, p)."""
    total = np.zeros((number, rows.shape[1]))
    np.add.at(total, bins[bins >= 0], rows[bins >= 0])
    counts = np.bincount(bins[bins >= 0], minlength=number)
    return total / np.maximum(counts, 1)[:, None]
