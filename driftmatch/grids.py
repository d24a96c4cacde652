"""A box cut into equal cells."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from driftmatch.arguments import as_list, as_scalar, check_array, check_flag, shown
from driftmatch.domain import check_coordinates, labels
from driftmatch.errors import InputError
from driftmatch.records import Record

if TYPE_CHECKING:
    import xarray


class Grid(Record):
    """A box in R^k cut into equal cells; quantities live at the centres of the cells.

    - `lower`, `upper`: the corners of the box, k numbers each, in units of z.
    - `shape`: the number of cells along each axis, k whole numbers of at least 4.
    - `wraps`: whether each axis is that of an angle, whose last cell borders on its first; no axis
      by default.
    - `coordinates`, `units`: names and units of the axes, or None; see `SDE`.

    Raises `InputError` when these do not fit together.
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    shape: tuple[int, ...]
    wraps: tuple[bool, ...]
    coordinates: tuple[str, ...] | None
    units: tuple[str, ...] | None

    def __init__(
        self,
        lower: Sequence[float] | np.ndarray,
        upper: Sequence[float] | np.ndarray,
        shape: Sequence[int] | int,
        wraps: Sequence[bool] | None = None,
        coordinates: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
    ):
        low, high = (
            np.atleast_1d(check_array(what, corner, (), ("k",)))
            for what, corner in (("lower", lower), ("upper", upper))
        )
        if low.shape != high.shape:
            raise InputError(f"lower has {len(low)} numbers but upper has {len(high)}")
        if not np.all(low < high):
            axis = int(np.argmin(low < high))
            raise InputError(
                f"lower must be below upper along every axis, got {low[axis]:g} and "
                f"{high[axis]:g} along axis {axis}"
            )
        cells = [shape] * len(low) if as_scalar(shape) is not None else as_list(shape) or []
        cells = [n for n in map(as_scalar, cells) if isinstance(n, int) and 4 <= n < 2**31]
        if len(cells) != len(low):
            raise InputError(
                f"shape must be {len(low)} whole numbers of at least 4, or one for every axis, "
                f"got {shown(shape)}"
            )
        object.__setattr__(self, "lower", tuple(low.tolist()))
        object.__setattr__(self, "upper", tuple(high.tolist()))
        object.__setattr__(self, "shape", tuple(cells))
        wraps = [False] * len(low) if wraps is None else as_list(wraps)
        if wraps is None or len(wraps) != len(low):
            raise InputError(f"wraps must be {len(low)} times True or False, got {shown(wraps)}")
        object.__setattr__(self, "wraps", tuple(check_flag("wraps", w) for w in wraps))
        names, units = check_coordinates(coordinates, units, len(low))
        object.__setattr__(self, "coordinates", names)
        object.__setattr__(self, "units", units)

    @property
    def dim(self) -> int:
        """k."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of cells."""
        return int(np.prod(self.shape))

    @cached_property
    def spacing(self) -> Float[np.ndarray, " k"]:
        """The edges of a cell."""
        return (np.array(self.upper) - np.array(self.lower)) / np.array(self.shape)

    @property
    def cell_volume(self) -> float:
        """Of one cell, in units of the coordinates multiplied."""
        return float(np.prod(self.spacing))

    @cached_property
    def axes(self) -> tuple[Float[np.ndarray, " cells"], ...]:
        """The centres of the cells along each axis."""
        return tuple(
            low + h * (np.arange(n) + 0.5)
            for low, h, n in zip(self.lower, self.spacing, self.shape, strict=True)
        )

    @cached_property
    def centres(self) -> Float[np.ndarray, "N k"]:
        """The centres of all cells, the last axis fastest."""
        return np.stack(np.meshgrid(*self.axes, indexing="ij"), axis=-1).reshape(-1, self.dim)

    def coarser(self) -> "Grid":
        """The same box with half as many cells along each axis."""
        return replace(self, shape=tuple(max(4, n // 2) for n in self.shape))

    def onto(self, axes: Sequence[int]) -> "Grid":
        """The grid of some of the axes, in the order given."""
        axes = check_axes(axes, self.dim)
        return Grid(
            [self.lower[a] for a in axes],
            [self.upper[a] for a in axes],
            [self.shape[a] for a in axes],
            [self.wraps[a] for a in axes],
            *(words and [words[a] for a in axes] for words in (self.coordinates, self.units)),
        )


def gridded(record: Any, **fields: Float[np.ndarray, "..."]) -> "xarray.Dataset":
    """What a record with a `grid` has at the centres of its cells, numbers, or vectors along a last
    axis `component`; its single numbers and words are attributes.

    The dimensions have the names of the coordinates, by default z, or z1, z2 ..., and an attribute
    `units` where there is one.
    """
    import xarray  # here, for it is slow to import

    grid: Grid = record.grid
    names = grid.coordinates or ()
    if not names or {*fields, "component"} & {*names}:
        names = labels(None, grid.dim)
    units = [{"units": unit} if unit else {} for unit in grid.units or grid.dim * ("",)]
    places = zip(names, grid.axes, units, strict=True)
    coords: dict[str, Any] = {name: (name, axis, unit) for name, axis, unit in places}
    if any(np.ndim(field) > grid.dim for field in fields.values()):
        coords["component"] = list(names)
    dims = (*names, "component")
    arrays = {name: (dims[: np.ndim(field)], field) for name, field in fields.items()}
    return xarray.Dataset(arrays, coords, record._attributes())


def check_axes(axes: Any, dim: int) -> list[int]:
    """Different axes, at least one."""
    chosen = [as_scalar(a) for a in as_list(axes) or []]
    if not chosen or len(set(chosen)) != len(chosen) or not all(a in range(dim) for a in chosen):
        raise InputError(f"axes must be different numbers from 0 to {dim - 1}, got {shown(axes)}")
    return [int(a) for a in chosen if a is not None]
