"""The route through the Fokker–Planck equation on a grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, PRNGKeyArray
from scipy.interpolate import RegularGridInterpolator

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.flux import flux_drifts, undiffuse
from driftmatch.analysis.fokker_planck.stationary import StationaryDensity, as_grid, stationary
from driftmatch.analysis.irreversibility.record import AbstractRoute, Irreversibility
from driftmatch.errors import InputError
from driftmatch.grids import Grid
from driftmatch.records import Record
from driftmatch.sampling.angles import Periods, wrapped


@dataclass(frozen=True)
class GridRoute(AbstractRoute):
    """σ̇ and the fields from the stationary density and current on a grid; k ≤ 3.

    The rate is extrapolated from the grid and one with half as many cells along each axis (the
    error is of second order); the standard error is the size of that correction. The fields are
    interpolated; they are NaN where the density is below 1e-9 of its maximum.

    - `grid`: as for `stationary`.
    """

    grid: Grid | Sequence[int] | int | None = None

    def __post_init__(self):
        if not isinstance(self.grid, Grid | None):
            axes = len(self.grid) if isinstance(self.grid, Sequence | np.ndarray) else 1
            Grid(np.zeros(axes), np.ones(axes), self.grid)

    def __call__(self, sde, trajectory, key: PRNGKeyArray | None, samples, meter):
        if trajectory is not None:
            raise InputError(
                "the route through a grid uses the SDE alone: leave the trajectory out, or use "
                'method="score" or "path"'
            )
        grid = as_grid(sde, self.grid, samples, meter)
        flux_drifts(sde, grid.coarser().centres)  # a density has no need of noise, but a rate has
        fine, coarse = (stationary(sde, g, meter=meter) for g in (grid, grid.coarser()))
        correction = (fine.entropy_production - coarse.entropy_production) / 3
        return Irreversibility(
            fine.entropy_production + correction,
            abs(correction),
            "grid",
            fine.outcome,
            sde,
            stationary=fine,
            _score=GridScore(fine, sde),
        )


class GridScore(Record):
    """∇ln p = D⁻¹(f̃ − f_irr) with f_irr interpolated on the grid of a `density`, of an `sde`."""

    density: StationaryDensity
    sde: AbstractSDE

    def __call__(self, z: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "N k"]:
        drift, D = flux_drifts(self.sde, z)
        return undiffuse(D, drift - self._irreversible(wrapped(z, self._period)))

    @cached_property
    def _period(self) -> Periods:
        grid = self.density.grid
        corners = zip(grid.lower, grid.upper, grid.wraps, strict=True)
        return [up - low if wraps else None for low, up, wraps in corners]

    @cached_property
    def _irreversible(self) -> RegularGridInterpolator:
        grid, axes, values = (
            self.density.grid,
            list(self.density.grid.axes),
            self.density.irreversible,
        )
        for axis, wraps in enumerate(grid.wraps):
            if wraps:  # a cell more on either side
                h = grid.spacing[axis]
                axes[axis] = np.concatenate([axes[axis][:1] - h, axes[axis], axes[axis][-1:] + h])
                pad = [(int(a == axis), int(a == axis)) for a in range(values.ndim)]
                values = np.pad(values, pad, mode="wrap")
        return RegularGridInterpolator(axes, values, bounds_error=False, fill_value=np.nan)
