"""A box that holds all of a stationary density, found by coarse solutions of its own equation."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.fokker_planck.jumps import jump_process
from driftmatch.analysis.fokker_planck.null_vector import stationary_probabilities
from driftmatch.errors import InputError
from driftmatch.evaluate import diffusion_matrices
from driftmatch.grids import Grid
from driftmatch.meters import SILENT, AbstractMeter, task
from driftmatch.sampling.angles import periods_of
from driftmatch.sampling.samples import Samples

_COARSE = {1: 400, 2: 72, 3: 20}  # cells along each axis, by dimension
_ROUNDS = 8
_WIDER = 1.0  # widths that are tried on either side of what is known
_SMEARED = 0.3  # of D, by which the coarse grid may widen p of itself
_OUTSIDE = 1e-3  # of all probability: what calls for a wider box
_TAIL = 1e-6  # of all probability: what may lie outside, on either side of an axis
_MARGIN = {1: 0.3, 2: 0.1, 3: 0.1}  # widths around what is visited, at first, by dimension
_AT_BOUND = 1e-9  # widths
_SILENT = 1e-9  # of the largest D


def box_around(
    sde: AbstractSDE, samples: Samples, shape: Sequence[int], meter: AbstractMeter = SILENT
) -> Grid:
    """A grid of this shape on the box that holds what is visited and nearly all of p.

    States may be all in one of several wells. So p is
    found on a coarse grid in a box three times as wide, within the bounds of the SDE, and the box
    drawn anew around where it is, until that no longer widens it.
    """
    low, high = samples.extent
    wraps = [period is not None for period in periods_of(sde)]
    width = high - low
    still = width <= 0
    if still.any():
        raise InputError(
            f"coordinate {int(np.argmax(still))} of {sde.name} stays where it is, so there is no "
            "density: give it noise"
        )
    low, high = _within(samples.bounds, wraps, low, high, _MARGIN[sde.dim] * width)
    with task(meter, f"box around {sde.name}", _ROUNDS):
        for _ in range(_ROUNDS):
            wide = _within(samples.bounds, wraps, low, high, _WIDER * (high - low))
            found = _where_it_is(sde, Grid(*wide, _COARSE[sde.dim], wraps), low, high)
            meter.advance(1)
            if found is None:
                break
            new_low, new_high = np.minimum(found[0], low), np.maximum(found[1], high)
            grown = np.any((new_high - new_low) > 1.05 * (high - low))
            low, high = new_low, new_high
            if not grown:
                break
    return Grid(low, high, shape, wraps)


def _within(bounds, wraps, low, high, margin):
    """A box with a margin, none beyond a bound or round an angle."""
    margin = np.where(wraps, 0.0, margin)
    return np.maximum(low - margin, bounds[0]), np.minimum(high + margin, bounds[1])


def _where_it_is(sde, grid: Grid, known_low, known_high) -> tuple[np.ndarray, np.ndarray] | None:
    """The corners of where all but the tails of p are; None where it cannot be found, or next to
    nothing is outside of what is known."""
    try:
        jumps = jump_process(sde, grid, may_be_silent=True)
        iterative = grid.dim > 2
        mass, *_ = stationary_probabilities(jumps.rates(), iterative=iterative)
        jumps = jumps.centred(mass)  # the scheme is of first order without this
        mass, *_ = stationary_probabilities(jumps.rates(), iterative=iterative)
    except (InputError, RuntimeError, np.linalg.LinAlgError):
        return None  # drift or noise are not finite in so wide a box
    centres = grid.centres
    outside = np.any((centres < known_low) | (centres > known_high), axis=1)
    is_smeared = not np.isfinite(mass).all() or jumps.numerical_diffusion(mass) > _SMEARED
    if is_smeared or mass[outside].sum() < _OUTSIDE:
        return None
    mass = mass.reshape(grid.shape)
    low, high = np.array(grid.lower), np.array(grid.upper)
    for axis, (h, cells) in enumerate(zip(grid.spacing, grid.shape, strict=True)):
        others = tuple(a for a in range(grid.dim) if a != axis)
        below = np.cumsum(mass.sum(axis=others))
        first = int(np.searchsorted(below, _TAIL))
        last = int(np.searchsorted(below, below[-1] - _TAIL))
        if not grid.wraps[axis]:
            low[axis], high[axis] = (
                grid.lower[axis] + max(first - 1, 0) * h,
                grid.lower[axis] + min(last + 2, cells) * h,
            )
    return low, high


def wall_mass(sde: AbstractSDE, grid: Grid, mass: Float[np.ndarray, " N"]) -> float:
    """The probability in the outermost cells, but for walls at bounds that the SDE names, or keeps
    since its noise vanishes there."""
    index = np.indices(grid.shape).reshape(grid.dim, -1)
    D = diffusion_matrices(sde, grid.centres)
    typical = np.abs(np.diagonal(D, axis1=1, axis2=2)).max(axis=0)
    at_wall = np.zeros(grid.size, bool)
    for axis, (cells, wraps) in enumerate(zip(grid.shape, grid.wraps, strict=True)):
        if wraps:
            continue
        h = grid.spacing[axis]
        for side, edge, named in (
            (0, grid.lower[axis], sde.lower),
            (cells - 1, grid.upper[axis], sde.upper),
        ):
            cells_there = index[axis] == side
            is_named = named is not None and abs(named[axis] - edge) <= _AT_BOUND * h * cells
            on_wall = grid.centres[cells_there]
            on_wall[:, axis] = edge
            noise = diffusion_matrices(sde, on_wall)[:, axis, axis].max()
            is_silent = typical[axis] > 0 and noise <= _SILENT * typical[axis]
            if not (is_named or is_silent):
                at_wall |= cells_there
    return float(mass[at_wall].sum())
