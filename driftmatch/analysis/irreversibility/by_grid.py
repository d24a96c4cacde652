"""The route through the Fokker–Planck equation on a grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import PRNGKeyArray
from scipy.interpolate import RegularGridInterpolator

from driftmatch.analysis.flux import flux_drifts, undiffuse
from driftmatch.analysis.fokker_planck.stationary import StationaryDensity, as_grid, stationary
from driftmatch.analysis.irreversibility.record import AbstractRoute, Irreversibility
from driftmatch.errors import InputError
from driftmatch.grids import Grid
from driftmatch.sampling.angles import wrapped


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
            _score=_score_on(fine, sde),
        )


def _score_on(density: StationaryDensity, sde):
    """∇ln p = D⁻¹(f̃ − f_irr) with f_irr interpolated."""
    grid, axes, values = density.grid, list(density.grid.axes), density.irreversible
    period = [None if not wraps else up - low for low, up, wraps in
              zip(grid.lower, grid.upper, grid.wraps, strict=True)]  # fmt: skip
    for axis, wraps in enumerate(grid.wraps):
        if wraps:  # a cell more on either side
            h = grid.spacing[axis]
            axes[axis] = np.concatenate([axes[axis][:1] - h, axes[axis], axes[axis][-1:] + h])
            pad = [(int(a == axis), int(a == axis)) for a in range(values.ndim)]
            values = np.pad(values, pad, mode="wrap")
    interpolated = RegularGridInterpolator(axes, values, bounds_error=False, fill_value=np.nan)

    def score(z):
        drift, D = flux_drifts(sde, z)
        return undiffuse(D, drift - interpolated(wrapped(z, period)))

    return score
