"""What the experiments with memories were given, checked at the door."""

from typing import Any

import numpy as np
from jaxtyping import Float

from driftmatch.errors import InputError
from driftmatch.network import Network
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.arguments import is_real


def is_finite(value: Any) -> bool:
    """Whether it is one finite number."""
    return is_real(value) and bool(np.isfinite(value))


def check_positive(what: str, value: Any) -> float:
    """A finite number above 0."""
    if not (is_finite(value) and value > 0):
        raise InputError(f"{what} must be a positive number, got {value!r}")
    return float(value)


def check_index(what: str, value: Any, number: int) -> int:
    """Which one of so many."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not (whole and 0 <= value < number):
        raise InputError(f"{what} must be a whole number from 0 to {number - 1}, got {value!r}")
    return int(value)


def check_system(system: Any, what: str = "system") -> AbstractSDE | Network:
    """Either of them."""
    if not isinstance(system, AbstractSDE | Network):
        raise InputError(f"{what} must be a Network or an SDE, got {type(system).__name__}")
    return system


def as_rows(what: str, value: Any, rows: str, dim: int | None = None) -> (
    Float[np.ndarray, "W d"]
):  # fmt: skip
    """Finite numbers of shape (W, d), where `rows` is the word for W, and d is given or any."""
    shape = f"({rows}, {'d' if dim is None else dim})"
    wanted = f"{what} must be finite numbers of shape {shape}"
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{wanted}, got {type(value).__name__}") from None
    if array.ndim != 2 or array.size == 0 or dim not in (None, array.shape[1]):
        raise InputError(f"{wanted}, got shape {array.shape}")
    if not np.all(np.isfinite(array)):
        raise InputError(f"{wanted}, got some that are not finite")
    return array
