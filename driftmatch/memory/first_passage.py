"""When a region is reached, and which of two first: on grids of one or two dimensions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.linalg as linalg
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike
from scipy.interpolate import RegularGridInterpolator

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.flux import as_stationary_sde, require_regular
from driftmatch.analysis.fokker_planck.jumps import JumpProcess, bernoulli, jump_process
from driftmatch.analysis.fokker_planck.stationary import as_grid
from driftmatch.arguments import check_array
from driftmatch.errors import InputError
from driftmatch.evaluate import diffusion_matrices
from driftmatch.grids import Grid, gridded
from driftmatch.memory.regions import Level, Regions, as_level
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.words import spelled

if TYPE_CHECKING:
    import xarray

_MAX_DIM = 2
_BATCH = 4096  # states whose levels are computed at once
_NEAREST = 1e-3  # of an edge: a boundary this near to a centre is taken to be so far from it
_SHIFT = 4e-16  # of the diagonal: twice its rounding error
_MAX_LOST = 0.75
_MAX_CORRECTIONS, _SETTLED = 30, 1e-6
_WALL_TIME = 1e-3  # of all
_CHANGE = 0.1  # by half as many cells; three times the error, were it of second order
_ROUNDING = 1e-9
_FEWEST = 8  # cells along an axis, of which half can be left out
COMMITTOR = "committor"


class GridFunction(Record):
    """Numbers at the centres of a grid's cells.

    - `grid`: the cells. - `values`: shape of the grid. - `name`: of the SDE.
    - `quantity`: what they are, for figures.
    - `change`: what half as many cells along each axis would change: Σ |change|/Σ T over the states
      outside of the target, or for a probability q over Σ min(q, 1 − q).
    - `outcome`: RARE_PASSAGES if passages are so rare, beside the jumps between cells, that
      rounding errors hide them (barriers above some 25 D); then the values are NaN. COARSE for a
      change of more than a tenth: cells do not resolve the target, or a flow, and its numerical
      diffusion makes passages too quick. CLIPPED if more than a thousandth of the time before the
      arrival is spent in the outermost cells.
    """

    grid: Grid
    values: Float[np.ndarray, "*cells"]
    change: float
    outcome: Outcome
    name: str
    quantity: str = "value"

    def to_xarray(self) -> "xarray.Dataset":
        """`values` over coordinates with names and `units`, the rest as attributes."""
        return gridded(self, values=self.values)

    def __call__(self, z: ArrayLike) -> Float[np.ndarray, "..."]:
        """Interpolated linearly at states of shape (..., k) in the grid's box."""
        z = check_array("z", z, (..., self.grid.dim))
        low, high = np.array(self.grid.lower), np.array(self.grid.upper)
        if not np.all((low <= z) & (z <= high)):
            raise InputError(
                f"the state is outside the grid from {low.tolist()} to {high.tolist()}: give a "
                "wider Grid"
            )
        centres = [(axis[0], axis[-1]) for axis in self.grid.axes]
        inside = np.clip(z, *np.array(centres).T)
        interpolated = RegularGridInterpolator(self.grid.axes, self.values)(inside)
        return interpolated.reshape(z.shape[:-1])


@spelled
def mean_first_passage(
    system: AbstractSDE,
    target: Regions | Level,
    *,
    grid: Grid | Sequence[int] | int | None = None,
) -> GridFunction:
    r"""The mean time T(z) in which the SDE, begun at z, first reaches a region, k ≤ 2.

        Σ f_i ∂_i T + Σ D_ij ∂_i ∂_j T = −1 outside of the region,  T = 0 in it,

    with reflecting walls around the grid: the adjoint of the Fokker–Planck equation, solved on the
    same jumps between cells (`stationary`). Where the region's edge cuts a jump, the jump is that
    much shorter, so that the error at the centres is of second order in the cell.

    **Arguments**

    - `system`: an SDE, or a network without private noise.
    - `target`: a `Regions`, any of which counts, or a function of the state that is negative
      inside and changes evenly across the edge, such as ``lambda z: 1 - z[0]`` for z₁ > 1.
    - `grid`: as for `stationary`; it should hold all that is visited on the way.

    **Returns** a `GridFunction`; its outcome says if cells are too coarse, if walls are met, or if
    passages are too rare.

    **Raises** `InputError` for more than two dimensions, a singular D, private noise, and a target
    that holds no cell or all of them.

    **Cost**: that of one sparse LU, and a quarter more or less for the check with half the cells.

    **Source**: C. Gardiner, *Stochastic Methods* (2009), sections 5.5 and 6.6.
    """
    sde = _checked(system)
    levels = {"target": as_level(target, sde.dim)}
    return _answer(
        sde, as_grid(sde, grid), levels, lambda into: np.ones(into.shape[1]), lambda T: T
    )


@spelled
def committor(
    system: AbstractSDE,
    source: Regions | Level,
    target: Regions | Level,
    *,
    grid: Grid | Sequence[int] | int | None = None,
) -> GridFunction:
    r"""The probability q(z) that the SDE, begun at z, reaches the target before the source, k ≤ 2.

        Σ f_i ∂_i q + Σ D_ij ∂_i ∂_j q = 0 between them,  q = 0 in the source,  q = 1 in the target

    Arguments, method and errors as for `mean_first_passage`; source and target must not overlap.

    **Source**: W. E, E. Vanden-Eijnden, J. Stat. Phys. 123, 503 (2006).
    """
    sde = _checked(system)
    levels = {
        what: as_level(region, sde.dim, what)
        for what, region in (("source", source), ("target", target))
    }
    grid = as_grid(sde, grid)
    return _answer(sde, grid, levels, lambda into: into[1], lambda q: np.minimum(q, 1 - q))


def _checked(sde) -> AbstractSDE:
    if isinstance(sde, Network) and not sde.connectivity.keeps_subspace:
        raise InputError(
            f"the connectivity of {sde.name} is sparse, so that its latent coordinates are no SDE "
            "of their own: use passage_times"
        )
    if isinstance(sde, Network) and sde.private_noise > 0:
        raise InputError(
            f"{sde.name} has private noise, which is in none of its latent coordinates: use "
            "passage_times, or network.with_private_noise(0) to leave it out"
        )
    sde = as_stationary_sde(sde)
    if sde.dim > _MAX_DIM:
        raise InputError(
            f"{sde.name} has {sde.dim} dimensions and passage on grids goes up to {_MAX_DIM}: use "
            "passage_times, which simulates"
        )
    return sde


def _answer(
    sde: AbstractSDE,
    grid: Grid,
    levels: Mapping[str, Level],
    right_of: Callable[[np.ndarray], np.ndarray],
    size_of: Callable[[np.ndarray], np.ndarray],
) -> GridFunction:
    """The values on the grid, and their outcome; right and size as functions, as on two grids."""
    free, at = _free(levels, grid)
    values, wall_time = _solved(_jumps(sde, grid), free, at, right_of)
    quantity = COMMITTOR if len(levels) > 1 else "mean first-passage time"
    found = GridFunction(grid, values, np.nan, Outcome.RARE_PASSAGES, sde.name, quantity)
    if np.isnan(wall_time):
        return found
    change, outcome = _change(sde, found, levels, right_of, size_of), Outcome.SUCCESS
    if not change <= _CHANGE:
        outcome = Outcome.COARSE
    elif wall_time > _WALL_TIME:
        outcome = Outcome.CLIPPED
    return replace(found, change=change, outcome=outcome)


def _change(sde, fine: GridFunction, levels, right_of, size_of) -> float:
    """Against half as many cells along each axis; infinite if these do not hold the problem."""
    if min(fine.grid.shape) < _FEWEST:
        return np.inf
    grid = fine.grid.coarser()
    try:
        free, at = _free(levels, grid)
    except InputError:
        return np.inf
    values, _ = _solved(_jumps(sde, grid), free, at, right_of)
    values, expected = values.ravel()[free], fine(grid.centres[free])
    size = max(size_of(expected).sum(), _ROUNDING * len(values) * np.max(expected))
    return float(np.abs(values - expected).sum() / size)


def _jumps(sde: AbstractSDE, grid: Grid) -> JumpProcess:
    try:
        return jump_process(sde, grid)
    except InputError:
        if not _is_singular(sde, grid.centres):
            raise
        raise InputError(
            f"the diffusion of {sde.name} is singular, but passage on grids needs noise along "
            "every direction: use passage_times, which simulates"
        ) from None


def _is_singular(sde: AbstractSDE, states: Float[np.ndarray, "N k"]) -> bool:
    D = diffusion_matrices(sde, states)
    if not np.all(np.isfinite(D)):
        return False
    try:
        require_regular(sde, states, D)
    except InputError:
        return True
    return False


def _free(
    levels: Mapping[str, Level], grid: Grid
) -> tuple[Bool[np.ndarray, " N"], list[Float[np.ndarray, " N"]]]:
    """Which cells are in no region, and every region's level at all cells."""
    at = [_values(level, grid, what) for what, level in levels.items()]
    inside = np.sum([values <= 0 for values in at], axis=0)
    if np.any(inside > 1):
        raise InputError("source and target overlap: make them smaller")
    if np.all(inside):
        raise InputError("source and target leave no cell between them: make them smaller")
    return inside == 0, at


def _values(level: Level, grid: Grid, what: str) -> Float[np.ndarray, " N"]:
    # In batches of one shape, so that both grids share what is compiled
    batches = np.pad(grid.centres, ((0, -grid.size % _BATCH), (0, 0)), mode="edge")
    with jax.enable_x64(True):
        values = [
            np.asarray(jax.vmap(level)(jnp.asarray(batch)), np.float64)
            for batch in batches.reshape(-1, _BATCH, grid.dim)
        ]
    values = np.concatenate(values)[: grid.size]
    if not np.all(np.isfinite(values)):
        raise InputError(f"the {what}'s function is not finite everywhere on the grid: mend it")
    if not np.any(values <= 0) or np.all(values <= 0):
        which = "no cell" if np.any(values > 0) else "every cell"
        raise InputError(
            f"the {what} holds {which} of the grid from {grid.lower} to {grid.upper}: move one or "
            "the other, or use smaller cells"
        )
    return values


def _solved(
    jumps: JumpProcess, free: Bool[np.ndarray, " N"], levels, right_of
) -> tuple[Float[np.ndarray, "*cells"], float]:
    """x with Σ_j rate_ij (x_i − x_j) + absorbed_i x_i = right_i in the free cells, 0 in others but
    1 in a second region; and which part of the time until then is spent at the walls.

    Where passages are rare, rounding errors of the diagonal matter: they act like a further way
    out or in. A shift makes them a way out for certain, which corrections close again, by residuals
    whose differences do not know of it. Each leaves at most the fraction `lost` of the error before
    it, that of the paths which would take this way. If that is too much x and the time are NaN.
    """
    rates, into = _stopped(jumps, free, levels)
    absorbed, right = into.sum(axis=0), right_of(into)
    leaving = np.asarray(rates.sum(axis=1)).ravel() + absorbed
    system = scipy.sparse.csc_matrix(scipy.sparse.diags((1 + _SHIFT) * leaving) - rates)
    values, wall_time = np.zeros(jumps.grid.size), np.nan
    values[free] = np.nan
    if len(levels) > 1:
        values[levels[1] <= 0] = 1.0
    try:
        factors = linalg.splu(
            system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options={"SymmetricMode": True}
        )
    except RuntimeError:  # a pivot that is all rounding errors is 0
        factors = None
    if factors is not None:
        at_wall = _at_wall(jumps.grid)[free].astype(float)
        T, wall_T = factors.solve(np.column_stack([np.ones(len(right)), at_wall])).T
        if 0 <= _SHIFT * np.max(leaving * T) <= _MAX_LOST:  # the fraction lost
            values[free] = _corrected(factors, rates.tocoo(), absorbed, right)
            wall_time = float(wall_T.sum() / T.sum())
    return values.reshape(jumps.grid.shape), wall_time


def _at_wall(grid: Grid) -> Bool[np.ndarray, " N"]:
    """Whether a cell is one of the outermost."""
    outermost = np.ones(grid.shape, bool)
    outermost[(slice(1, -1),) * grid.dim] = False
    return outermost.ravel()


def _corrected(factors, rates, absorbed, right):
    x = np.zeros(len(right))
    for _ in range(_MAX_CORRECTIONS):
        flows = rates.data * (x[rates.row] - x[rates.col])
        correction = factors.solve(right - absorbed * x - np.bincount(rates.row, flows, len(x)))
        x = x + correction
        if np.abs(correction).max() <= _SETTLED * np.abs(x).max():
            break
    return x


def _stopped(jumps: JumpProcess, free: Bool[np.ndarray, " N"], levels):
    """Rates between free cells, shape (F, F), and of each free cell into each region, (R, F)."""
    index, F = np.cumsum(free) - 1, int(free.sum())
    rows, columns, values = [], [], []
    absorbed = np.zeros((len(levels), F))
    for e in jumps.edges:
        strength = e.forward / bernoulli(-e.force)
        for here, there, force in ((e.tail, e.head, e.force), (e.head, e.tail, -e.force)):
            inner = free[here] & free[there]
            rows.append(index[here[inner]])
            columns.append(index[there[inner]])
            values.append((strength * bernoulli(-force))[inner])
            for r, level in enumerate(levels):
                into = free[here] & (level[there] <= 0)
                a, b = level[here[into]], level[there[into]]
                part = np.clip(a / (a - b), _NEAREST, 1.0)  # of the edge, to the region's edge
                rate = strength[into] * bernoulli(-part * force[into]) / part
                absorbed[r] += np.bincount(index[here[into]], rate, F)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return scipy.sparse.csc_matrix(entries, shape=(F, F)), absorbed
