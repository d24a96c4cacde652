"""The Helmholtz–Hodge split of a drift: a gradient and a part without sources, in a box."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.flux import as_stationary_sde
from driftmatch.analysis.fokker_planck.stationary import as_grid
from driftmatch.errors import InputError
from driftmatch.evaluate import drifts
from driftmatch.grids import Grid, gridded
from driftmatch.records import Record
from driftmatch.words import spelled

if TYPE_CHECKING:
    import xarray

_TINY = np.finfo(float).tiny


class HelmholtzHodge(Record):
    """f = −∇U + r with ∇·r = 0 inside a box and no r through its walls.

    - `grid`: the cells; the arrays below have its shape, first.
    - `potential`: U at the centres, with mean 0.
    - `gradient`: −∇U, and `rotational`: r, each with a last axis of k; they add up to f.
    - `gradient_fraction`: ∫|∇U|² / ∫|f|² over the box: 1 for a gradient, 0 for a flow
      without sources that runs along the walls.
    - `name`: of the SDE.
    """

    grid: Grid
    potential: Float[np.ndarray, "*cells"]
    gradient: Float[np.ndarray, "*cells k"]
    rotational: Float[np.ndarray, "*cells k"]
    gradient_fraction: float
    name: str

    def to_xarray(self) -> "xarray.Dataset":
        """`potential`, `gradient` and `rotational` over coordinates with names and `units`, the
        rest as attributes."""
        return gridded(
            self, potential=self.potential, gradient=self.gradient, rotational=self.rotational
        )


@spelled
def helmholtz_hodge(
    system: AbstractSDE, grid: Grid | Sequence[int] | int | None = None
) -> HelmholtzHodge:
    r"""Split a drift into a gradient and a part without sources, all over a box alike; k ≤ 3.

        f = −∇U + r,    −∇²U = ∇·f,    n·(f + ∇U) = 0 at the walls

    This weighs all states alike and knows neither noise nor density; it is not the reversible and
    irreversible split (`irreversibility`), whose two parts are orthogonal under the stationary
    density. A rotation that crosses the walls of the box has a gradient part here.

    `grid`: as for `stationary`. Components of f live on the faces of the cells, where the split is
    orthogonal to rounding; Poisson's equation is solved by a cosine transform.

    Source: H. Bhatia et al., IEEE Trans. Vis. Comput. Graph. 19, 1386 (2013).
    """
    sde = as_stationary_sde(system)
    grid = as_grid(sde, grid)
    on_faces = [_face_component(sde, grid, axis) for axis in range(grid.dim)]
    sources = sum(
        np.diff(_closed(f, axis), axis=axis) / h
        for axis, (f, h) in enumerate(zip(on_faces, grid.spacing, strict=True))
    )
    U = _poisson(np.asarray(sources), grid)
    slopes = [-np.diff(U, axis=axis) / h for axis, h in enumerate(grid.spacing)]
    f = _finite_drifts(sde, grid.centres).reshape(*grid.shape, grid.dim)
    smooth = [np.gradient(-U, h, axis=axis, edge_order=2) for axis, h in enumerate(grid.spacing)]
    gradient = np.stack(smooth, axis=-1)
    size = sum(float(np.sum(component**2)) for component in on_faces)
    return HelmholtzHodge(
        grid,
        U,
        gradient,
        f - gradient,
        min(1.0, sum(float(np.sum(slope**2)) for slope in slopes) / max(size, _TINY)),
        sde.name,
    )


def _face_component(sde: AbstractSDE, grid: Grid, axis: int) -> np.ndarray:
    """f along an axis on the inner faces across it."""
    axes = list(grid.axes)
    axes[axis] = 0.5 * (axes[axis][1:] + axes[axis][:-1])
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return _finite_drifts(sde, points.reshape(-1, grid.dim))[:, axis].reshape(points.shape[:-1])


def _finite_drifts(sde: AbstractSDE, points: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "N k"]:
    values = drifts(sde, points)
    if not np.all(np.isfinite(values)):
        raise InputError(f"the drift of {sde.name} is not finite in the box: choose another grid")
    return values


def _closed(component: np.ndarray, axis: int) -> np.ndarray:
    """With nothing through the outer faces."""
    return np.pad(component, [(1, 1) if a == axis else (0, 0) for a in range(component.ndim)])


def _poisson(sources: np.ndarray, grid: Grid) -> np.ndarray:
    """U with −∇²U = sources and no slope at the walls, for differences between neighbours."""
    eigenvalues = np.zeros(grid.shape)
    for axis, (n, h) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        values = (2 - 2 * np.cos(np.pi * np.arange(n) / n)) / h**2
        eigenvalues += values.reshape([-1 if a == axis else 1 for a in range(grid.dim)])
    modes = np.asarray(scipy.fft.dctn(sources, type=2))
    eigenvalues.flat[0] = 1.0
    modes /= eigenvalues
    modes.flat[0] = 0.0
    return np.asarray(scipy.fft.idctn(modes, type=2))
