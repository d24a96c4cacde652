"""What the experiments with memories were given, checked at the door."""

from typing import Any

import numpy as np
from jaxtyping import Float

from driftmatch.arguments import check_array
from driftmatch.errors import InputError
from driftmatch.sde import AbstractSDE


def check_system(system: Any, what: str = "system") -> AbstractSDE:
    """Any SDE, a network among them."""
    if not isinstance(system, AbstractSDE):
        raise InputError(f"{what} must be a Network or an SDE, got {type(system).__name__}")
    return system


def as_rows(what: str, value: Any, rows: str, dim: int | None = None) -> (
    Float[np.ndarray, "W d"]
):  # fmt: skip
    """Finite numbers of shape (W, d), where `rows` is the word for W, and d is given or any."""
    return check_array(what, value, (rows, "d" if dim is None else dim))
