"""What a record knows of one or two coordinates: density and fields, averaged over the others.

The mean of f_irr over the coordinates that are not shown, given those that are, times their density
is a current without divergence again, and conditional means of f_rev and f_irr add up to that of f.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter

from driftmatch.analysis.fokker_planck.stationary import StationaryDensity
from driftmatch.analysis.irreversibility.record import Irreversibility
from driftmatch.errors import InputError
from driftmatch.grids import Grid

SHARE = 0.999  # of the probability; fields are shown where it lies
_BINS = {1: 200, 2: 96}
_KERNEL = 1 / 48  # standard deviation of the kernel that smooths states, in sides of their box
_WEIGHT = 4.0  # states that must take part in a mean
_REACH = 4.5  # standard deviations of a Gaussian


@dataclass(frozen=True)
class Marginal:
    """Density and fields over one or two coordinates.

    - `grid`: its d axes are those shown. - `density`: p, shape (*cells).
    - `drift`, `reversible`, `irreversible`: conditional means, shape (*cells, d); NaN outside of
      the smallest region that holds 99.9 % of the probability.
    """

    grid: Grid
    density: Float[np.ndarray, "*cells"]
    drift: Float[np.ndarray, "*cells d"]
    reversible: Float[np.ndarray, "*cells d"]
    irreversible: Float[np.ndarray, "*cells d"]

    @property
    def fields(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.drift, self.reversible, self.irreversible

    def window(self) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]]:
        """The corners of a box around the region where fields are known, with some room."""
        return window_of(self.grid, np.isfinite(self.drift[..., 0]))


def checked_axes(axes: Sequence[int] | None, k: int) -> tuple[int, ...]:
    """The coordinates to show: those given, or the first one or two."""
    shown = min(k, 2)
    if axes is None:
        return tuple(range(shown))
    whole = all(isinstance(a, int | np.integer) and 0 <= a < k for a in axes)
    if not whole or len(axes) != shown or len(set(axes)) != shown:
        wanted = "(0,)" if k == 1 else f"two different numbers from 0 to {k - 1}"
        raise InputError(f"axes must be {wanted}, got {axes!r}")
    return tuple(int(a) for a in axes)


def held(density: Float[np.ndarray, "*cells"]) -> np.ndarray:
    """The smallest set of cells that holds 99.9 % of the probability."""
    order = np.argsort(density, axis=None)[::-1]
    mass = np.cumsum(density.ravel()[order])
    inside = np.zeros(density.size, dtype=bool)
    inside[order[: int(np.searchsorted(mass, SHARE * mass[-1])) + 1]] = True
    return inside.reshape(density.shape)


def window_of(grid: Grid, inside: Bool[np.ndarray, "*cells"]):
    """The corners of a box around some cells, a twentieth wider."""
    cells = np.argwhere(inside)
    low = np.array(grid.lower) + cells.min(axis=0) * grid.spacing
    high = np.array(grid.lower) + (cells.max(axis=0) + 1) * grid.spacing
    room = 0.05 * (high - low)
    return np.maximum(low - room, grid.lower), np.minimum(high + room, grid.upper)


def marginal_of(record: Irreversibility, axes: Sequence[int] | None) -> Marginal:
    """By the density that the record holds, by its states, or in closed form if it is linear.

    Raises `InputError` if it has no fields, or the axes do not fit.
    """
    if not record.has_fields:
        raise InputError(
            f"there is nothing to draw: the route along paths gives no fields of {record.name}; "
            'use method="score" or another'
        )
    shown = checked_axes(axes, record.sde.dim)
    if record.stationary is not None:
        return _of_density(record.stationary, shown)
    if record.states is not None:
        return _of_states(record, record.states, shown)
    return _of_gaussian(record, shown)


def _of_density(density: StationaryDensity, axes) -> Marginal:
    density = density.marginal(axes)
    return _cut(
        density.grid, density.density, (density.drift, density.reversible, density.irreversible)
    )


def _cut(grid, density, fields, also: Any = True) -> Marginal:
    inside = (held(density) & also)[..., None]
    return Marginal(grid, density, *(np.where(inside, field, np.nan) for field in fields))


def _fields_at(record: Irreversibility, z):
    """f, f_rev and f_irr."""
    irreversible, reversible = record.irreversible(z), record.reversible(z)
    return reversible + irreversible, reversible, irreversible


def _of_states(record: Irreversibility, states: Float[np.ndarray, "N k"], axes) -> Marginal:
    """A histogram, smoothed; beyond two dimensions so are the fields, weighted by the states."""
    coordinates = states[:, axes]
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    room = 4 * _KERNEL * (high - low)
    grid = Grid(low - room, high + room, _BINS[len(axes)])
    width = [_KERNEL * n / (1 + 8 * _KERNEL) for n in grid.shape]
    corners = zip(grid.lower, grid.upper, grid.shape, strict=True)
    edges = [np.linspace(a, b, n + 1) for a, b, n in corners]

    def smoothed(weights=None):
        return gaussian_filter(np.histogramdd(coordinates, edges, weights=weights)[0], width)

    count = smoothed()
    density = count / (count.sum() * grid.cell_volume)
    enough = count * np.prod([2 * np.sqrt(np.pi) * w for w in width]) > _WEIGHT
    if states.shape[1] == len(axes):
        order = list(np.argsort(axes))
        points = grid.centres[:, order]
        fields = [
            field[:, axes].reshape(*grid.shape, len(axes)) for field in _fields_at(record, points)
        ]
    else:
        fields = [
            np.stack([smoothed(field[:, a]) for a in axes], axis=-1)
            / np.maximum(count, np.finfo(float).tiny)[..., None]
            for field in _fields_at(record, states)
        ]
    return _cut(grid, density, fields, enough)


def _of_gaussian(record: Irreversibility, axes) -> Marginal:
    """Of a linear score −S⁻¹(z − m): linear fields at the mean of z given what is shown."""
    axes, k = list(axes), record.sde.dim
    at_zero = record.score(np.zeros(k))
    precision = at_zero - record.score(np.eye(k))
    mean, covariance = np.linalg.solve(precision, at_zero), np.linalg.inv(precision)
    S = covariance[np.ix_(axes, axes)]
    reach = _REACH * np.sqrt(np.diag(S))
    grid = Grid(mean[axes] - reach, mean[axes] + reach, _BINS[len(axes)])
    off = grid.centres - mean[axes]
    given = mean + off @ np.linalg.solve(S, covariance[axes])
    exponent = np.sum(off * np.linalg.solve(S, off.T).T, axis=1).reshape(grid.shape)
    density = np.exp(-0.5 * exponent) / np.sqrt(np.linalg.det(2 * np.pi * S))
    fields = [f[:, axes].reshape(*grid.shape, len(axes)) for f in _fields_at(record, given)]
    return _cut(grid, density, fields)
