"""The stationary density and current of an SDE on a grid."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import jax
import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.flux import as_stationary_sde
from driftmatch.analysis.fokker_planck.box import box_around, wall_mass
from driftmatch.analysis.fokker_planck.jumps import JumpProcess, jump_process
from driftmatch.analysis.fokker_planck.null_vector import stationary_probabilities
from driftmatch.arguments import check_array, check_meter
from driftmatch.errors import InputError
from driftmatch.evaluate import drifts
from driftmatch.grids import Grid, check_axes, gridded
from driftmatch.meters import SILENT, AbstractMeter, task
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.sampling.given import check_samples, samples_of
from driftmatch.sampling.samples import Samples
from driftmatch.words import spelled

if TYPE_CHECKING:
    import xarray

MAX_DIM = 3
MAX_CELLS = 2_000_000
_CELLS = {1: 1000, 2: 256, 3: 64}  # along each axis, by dimension
_SOLUTIONS = 3  # with the one from a changed start
_WALL_MASS = 1e-3
_NUMERICAL_DIFFUSION = 0.05
_RESIDUAL = 1e-8
_RELIABLE = 1e-9  # of the largest probability: below it currents are differences of rounding errors


class StationaryDensity(Record):
    """The stationary density p of an SDE on a grid, and the probability current J.

    - `grid`: the cells; arrays below have its shape, first.
    - `density`: p at the centres, never negative and with integral 1, per unit volume of z.
    - `current`: J, with a last axis of k; its divergence is 0.
    - `drift`: f there.
    - `entropy_production`: its rate on this grid, in k_B per unit time.
    - `wall_mass`: the probability in the outermost cells.
    - `numerical_diffusion`: how much, relative to D, the scheme had to remove again: the smaller,
      the better the cells resolve the flow.
    - `outcome`: whether the walls clip the density or the cells are too coarse for it.
    - `name`: of the SDE.
    """

    grid: Grid
    density: Float[np.ndarray, "*cells"]
    current: Float[np.ndarray, "*cells k"]
    drift: Float[np.ndarray, "*cells k"]
    entropy_production: float
    wall_mass: float
    numerical_diffusion: float
    outcome: Outcome
    name: str

    @property
    def potential(self) -> Float[np.ndarray, "*cells"]:
        """−ln p, the quasi-potential in units of the noise."""
        with np.errstate(divide="ignore"):
            return -np.log(self.density)

    @property
    def irreversible(self) -> Float[np.ndarray, "*cells k"]:
        """f_irr = J/p; NaN where p is below 1e-9 of its maximum."""
        reliable = self.density > _RELIABLE * self.density.max()
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(reliable[..., None], self.current / self.density[..., None], np.nan)

    @property
    def reversible(self) -> Float[np.ndarray, "*cells k"]:
        """f_rev = f − J/p = D∇ln p + ∇·D."""
        return self.drift - self.irreversible

    def to_xarray(self) -> "xarray.Dataset":
        """`density`, `current` and `drift` over coordinates with names and `units`, the rest as
        attributes."""
        return gridded(self, density=self.density, current=self.current, drift=self.drift)

    def mean(self, values: Float[np.ndarray, "*cells"]) -> float:
        """⟨values⟩ under p."""
        values = check_array("values", values, finite=False)
        axes = zip(values.shape, self.grid.shape, strict=False)
        if values.ndim != self.grid.dim or not all(n in (1, cells) for n, cells in axes):
            raise InputError(
                f"values must have the shape of the grid, {self.grid.shape}, or spread over it, "
                f"got {values.shape}"
            )
        return float(np.sum(self.density * values) * self.grid.cell_volume)

    def marginal(self, axes: Sequence[int]) -> "StationaryDensity":
        """Density and current of some coordinates: p and J summed over the others.

        `drift` becomes its conditional mean; `entropy_production` stays that of the whole.
        """
        k = self.grid.dim
        axes = check_axes(axes, k)
        others = tuple(a for a in range(k) if a not in axes)
        volume = float(np.prod(self.grid.spacing[list(others)]))
        order = np.argsort(np.argsort(axes))

        def summed(values):
            return np.transpose(values.sum(axis=others) * volume, order)

        density = summed(self.density)
        current = np.stack([summed(self.current[..., a]) for a in axes], axis=-1)
        drift = np.stack([summed(self.density * self.drift[..., a]) for a in axes], axis=-1)
        return StationaryDensity(
            self.grid.onto(axes),
            density,
            current,
            drift / np.maximum(density, np.finfo(float).tiny)[..., None],
            self.entropy_production,
            self.wall_mass,
            self.numerical_diffusion,
            self.outcome,
            self.name,
        )


@spelled
def stationary(
    system: AbstractSDE,
    grid: Grid | Sequence[int] | int | None = None,
    *,
    samples: Samples | None = None,
    meter: AbstractMeter | bool = SILENT,
) -> StationaryDensity:
    r"""Solve the stationary Fokker–Planck equation of an SDE on a grid, k ≤ 3.

        ∇·J = 0,    J = f p − ∇·(D p),    ∫ p dz = 1,    no flux through the walls

    Finite volumes with exponentially fitted fluxes (`fokker_planck.jumps`): p is positive and of
    unit mass by construction, for any D, also anisotropic and state-dependent, and without noise
    along some coordinates, as in underdamped Langevin dynamics (there `entropy_production` is
    NaN); of fourth order in the cell at equilibrium, and of second order otherwise. Axes of angles
    wrap round.

    **Arguments**

    - `system`: an SDE, a network among them.
    - `grid`: a `Grid`; or the number of cells along each axis (one number, or k), in a box around
      what the SDE visits; by default 1000, 256² or 64³. The box is widened, by solutions on coarse
      grids, until no more probability turns up outside, and ends where states end.
    - `samples`: what `sample` found; made here if a box is needed and they are not given.
    - `meter`: told of the progress.

    **Returns** a `StationaryDensity`; its outcome says if the walls clip the density, the cells are
    too coarse for the noise, passages between wells are too rare (barriers above some 20 D) for
    their weights to be computed, or the solver did not converge.

    **Raises** `InputError` for more than three dimensions, a grid that does not fit, a D that is
    singular along no coordinate, and an SDE driven in time; `ComputationError` if the SDE has no
    stationary density, with the reason.

    **Cost** on two cores: 256² one or two seconds and 0.3 GB, 512² some five seconds and 0.7 GB
    (sparse LU); 64³ ten to thirty seconds and 0.6 GB (GMRES with an incomplete LU).
    """
    sde = as_stationary_sde(system)
    meter = check_meter(meter)
    grid = as_grid(sde, grid, check_samples(sde, samples), meter)
    iterative = grid.dim > 2
    with task(meter, f"density of {sde.name}", _SOLUTIONS):
        jumps = jump_process(sde, grid, may_be_silent=True)
        mass, *_ = stationary_probabilities(jumps.rates(), iterative=iterative, meter=meter)
        jumps = jumps.centred(mass)
        # A ramp across the box along no axis, so that wells seldom have the same weight
        ramp = (grid.centres - grid.lower) / (np.array(grid.upper) - grid.lower)
        tilt = 0.5 + ramp @ np.array([1.0, 0.62, 0.38])[: grid.dim]
        mass, residual, is_unique = stationary_probabilities(
            jumps.rates(), iterative=iterative, tilt=tilt, meter=meter
        )
    return _record(sde, jumps, mass, residual, is_unique)


def as_grid(
    sde: AbstractSDE,
    grid: Grid | Sequence[int] | int | None,
    samples: Samples | None = None,
    meter: AbstractMeter = SILENT,
) -> Grid:
    """The grid that was given, or one around what the SDE visits; refuses what does not fit."""
    if sde.dim > MAX_DIM:
        raise InputError(
            f"{sde.name} has {sde.dim} dimensions and grids go up to {MAX_DIM}; for entropy "
            'production and irreversible drift there is irreversibility(..., method="score")'
        )
    if not isinstance(grid, Grid):
        cells = _CELLS[sde.dim] if grid is None else grid
        trial = Grid(np.zeros(sde.dim), np.ones(sde.dim), cells)  # checks the cells early
        _check_size(trial)
        samples = samples_of(sde, samples, jax.random.key(0), meter).require_place()
        grid = box_around(sde, samples, trial.shape, meter)
    if grid.dim != sde.dim:
        raise InputError(f"the grid has {grid.dim} dimensions but {sde.name} has {sde.dim}")
    _check_size(grid)
    if sde.coordinates is None and sde.units is None:
        return grid
    return replace(grid, coordinates=sde.coordinates, units=sde.units)


def _check_size(grid: Grid) -> None:
    if grid.size > MAX_CELLS:
        raise InputError(
            f"a grid of {grid.size} cells would not fit into memory: use at most {MAX_CELLS}"
        )


def _record(sde: AbstractSDE, jumps: JumpProcess, mass, residual, is_unique) -> StationaryDensity:
    grid = jumps.grid
    wall = wall_mass(sde, grid, mass)
    coarse = jumps.numerical_diffusion(mass)
    outcome = Outcome.SUCCESS
    if not residual < _RESIDUAL:
        outcome = Outcome.UNCONVERGED
    elif not is_unique:
        outcome = Outcome.RARE_PASSAGES
    elif coarse > _NUMERICAL_DIFFUSION:
        outcome = Outcome.COARSE
    elif wall > _WALL_MASS:
        outcome = Outcome.CLIPPED
    return StationaryDensity(
        grid,
        mass.reshape(grid.shape) / grid.cell_volume,
        jumps.current(mass).reshape(*grid.shape, grid.dim),
        drifts(sde, grid.centres).reshape(*grid.shape, grid.dim),
        jumps.entropy_production(mass),
        wall,
        coarse,
        outcome,
        sde.name,
    )
