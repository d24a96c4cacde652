"""What the experiments with memories were given, checked at the door."""

from typing import Any

from driftmatch.errors import InputError
from driftmatch.sde import AbstractSDE


def check_system(system: Any, what: str = "system") -> AbstractSDE:
    """Any SDE, a network among them."""
    if not isinstance(system, AbstractSDE):
        raise InputError(f"{what} must be a Network or an SDE, got {type(system).__name__}")
    return system
