"""A box cut into equal cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from driftmatch.errors import InputError


@dataclass(frozen=True)
class Grid:
    """A box in R^k cut into equal cells; quantities live at the centres of the cells.

    - `lower`, `upper`: the corners of the box, k numbers each, in units of z.
    - `shape`: the number of cells along each axis, k whole numbers of at least 4.

    Raises `InputError` when these do not fit together.
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    shape: tuple[int, ...]

    def __init__(
        self,
        lower: Sequence[float] | np.ndarray,
        upper: Sequence[float] | np.ndarray,
        shape: Sequence[int] | int,
    ):
        corners = {}
        for name, corner in (("lower", lower), ("upper", upper)):
            try:
                corners[name] = np.atleast_1d(np.asarray(corner, dtype=float))
            except (TypeError, ValueError):
                raise InputError(
                    f"{name} must be the box's corner, k numbers, got {corner!r}"
                ) from None
            if corners[name].ndim != 1 or not np.all(np.isfinite(corners[name])):
                raise InputError(f"{name} must be k finite numbers, got {corner!r}")
        low, high = corners["lower"], corners["upper"]
        if low.shape != high.shape:
            raise InputError(f"lower has {len(low)} numbers but upper has {len(high)}")
        if not np.all(low < high):
            axis = int(np.argmin(low < high))
            raise InputError(
                f"lower must be below upper along every axis, got {low[axis]:g} and "
                f"{high[axis]:g} along axis {axis}"
            )
        cells = tuple(shape) if isinstance(shape, Sequence | np.ndarray) else (shape,) * len(low)
        if len(cells) != len(low) or not all(_is_count(n) and n >= 4 for n in cells):
            raise InputError(
                f"shape must be {len(low)} whole numbers of at least 4, or one for every axis, "
                f"got {shape!r}"
            )
        object.__setattr__(self, "lower", tuple(low.tolist()))
        object.__setattr__(self, "upper", tuple(high.tolist()))
        object.__setattr__(self, "shape", tuple(int(n) for n in cells))

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
        return Grid(self.lower, self.upper, tuple(max(4, n // 2) for n in self.shape))

    def onto(self, axes: Sequence[int]) -> "Grid":
        """The grid of some of the axes, in the order given."""
        return Grid(
            [self.lower[a] for a in axes],
            [self.upper[a] for a in axes],
            [self.shape[a] for a in axes],
        )


def _is_count(value) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
