"""What bounds an SDE's states: checks of bounds, of periods, and that starts keep within."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import ArrayLike, Float

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
            bound = np.array(np.broadcast_to(np.asarray(value, dtype=float), (dim,)))
        except (TypeError, ValueError):
            raise InputError(f"{what} must be a number, or {dim} numbers, got {value!r}") from None
        if np.any(np.isnan(bound)):
            raise InputError(f"{what} must not be nan; -inf and inf stand for no bound")
        given.append(bound)
    low, high = given
    if low is not None and high is not None and not np.all(low < high):
        raise InputError(f"lower must be below upper, got {low.tolist()} and {high.tolist()}")
    return low, high


def check_periods(periodic, dim, lower, upper) -> tuple[float | None, ...] | None:
    """The period of every coordinate, None for what is no angle; None if there are none."""
    if periodic is None:
        return None
    periods = tuple(periodic) if isinstance(periodic, Sequence | np.ndarray) else (periodic,) * dim
    wanted = f"periodic must be {dim} periods, None for what is no angle, got {periodic!r}"
    if len(periods) != dim:
        raise InputError(wanted)
    checked: list[float | None] = []
    for axis, period in enumerate(periods):
        if period is None:
            checked.append(None)
            continue
        try:
            value = float(period)
        except (TypeError, ValueError):
            raise InputError(wanted) from None
        if isinstance(period, bool | str) or not (np.isfinite(value) and value > 0):
            raise InputError(wanted)
        if any(b is not None and np.isfinite(b[axis]) for b in (lower, upper)):
            raise InputError(f"coordinate {axis} is periodic, so it can have no bound")
        checked.append(value)
    return tuple(checked) if any(p is not None for p in checked) else None


def check_inside(starts, lower, upper) -> None:
    """Refuse starts beyond a bound."""
    for start in starts:
        below = lower is not None and np.any(start < lower)
        above = upper is not None and np.any(start > upper)
        if below or above:
            raise InputError(f"start {start.tolist()} lies outside of the bounds lower and upper")
