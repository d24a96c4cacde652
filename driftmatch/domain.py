"""Bounds, periods, names and units of coordinates, as an SDE is given them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from driftmatch.arguments import as_list, as_scalar, shown
from driftmatch.errors import InputError


def check_bounds(
    lower: ArrayLike | None, upper: ArrayLike | None, dim: int
) -> tuple[Float[np.ndarray, " k"] | None, Float[np.ndarray, " k"] | None]:
    """Lower and upper bounds of every coordinate, or None."""
    given = []
    for what, value in (("lower", lower), ("upper", upper)):
        if value is None:
            given.append(None)
            continue
        try:
            array = np.asarray(value)
            if array.dtype.kind not in "fiu":
                raise ValueError
            bound = np.array(np.broadcast_to(array.astype(float), (dim,)))
        except (TypeError, ValueError):
            raise InputError(
                f"{what} must be a number, or {dim} numbers, got {shown(value)}"
            ) from None
        if np.any(np.isnan(bound)):
            raise InputError(f"{what} must not be nan; -inf and inf stand for no bound")
        given.append(bound)
    low, high = given
    if low is not None and high is not None and not np.all(low < high):
        raise InputError(f"lower must be below upper, got {low.tolist()} and {high.tolist()}")
    return low, high


def check_periods(
    periodic: Any, dim: int, lower: np.ndarray | None, upper: np.ndarray | None
) -> tuple[float | None, ...] | None:
    """The period of every coordinate that is an angle, or None if there is none."""
    if periodic is None:
        return None
    is_list = isinstance(periodic, Sequence | np.ndarray) and not isinstance(periodic, str)
    periods = list(periodic) if is_list and np.ndim(periodic) == 1 else [periodic] * dim
    wanted = f"periodic must be {dim} periods, None for what is no angle, got {shown(periodic)}"
    if len(periods) != dim:
        raise InputError(wanted)
    checked: list[float | None] = []
    for axis, period in enumerate(periods):
        if period is None:
            checked.append(None)
            continue
        value = as_scalar(period)
        if value is None or not 0 < value < np.inf:
            raise InputError(wanted)
        if any(b is not None and np.isfinite(b[axis]) for b in (lower, upper)):
            raise InputError(f"coordinate {axis} is periodic, so it can have no bound")
        checked.append(float(value))
    return tuple(checked) if any(p is not None for p in checked) else None


def check_coordinates(
    coordinates: Sequence[str] | None, units: Sequence[str] | None, dim: int
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Names and units of all coordinates, or None where they are not given."""
    names = _words("coordinates", "names", coordinates, dim)
    if names is not None and (len(set(names)) < dim or "" in names):
        raise InputError(f"coordinates must be {dim} different names, got {shown(coordinates)}")
    return names, _words("units", 'units, "" for none', units, dim)


def labels(coordinates: Sequence[str] | None, dim: int) -> tuple[str, ...]:
    """The names of coordinates; z, or z1, z2 ..., where they have none."""
    if coordinates is not None:
        return tuple(coordinates)
    return ("z",) if dim == 1 else tuple(f"z{axis + 1}" for axis in range(dim))


def _words(what: str, wanted: str, value: Any, dim: int) -> tuple[str, ...] | None:
    if value is None:
        return None
    words = as_list(value) or []
    if len(words) != dim or not all(isinstance(word, str) for word in words):
        raise InputError(f"{what} must be a list of {dim} {wanted}, got {shown(value)}")
    return tuple(map(str, words))


def check_inside(starts: np.ndarray, lower: np.ndarray | None, upper: np.ndarray | None) -> None:
    """Refuse starts beyond the bounds."""
    for start in starts:
        below = lower is not None and np.any(start < lower)
        above = upper is not None and np.any(start > upper)
        if below or above:
            raise InputError(f"start {start.tolist()} lies outside of the bounds lower and upper")
