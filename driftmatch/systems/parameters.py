"""The checks that parameters pass at the door."""

import inspect
import math
import numbers
from collections.abc import Callable, Collection, Mapping

from driftmatch.errors import InputError
from driftmatch.words import did_you_mean


def check_numbers(
    parameters: Mapping[str, object], *, nonnegative: Collection[str] = ("noise",)
) -> dict[str, float]:
    """The parameters as floats; raises `InputError` for what is no finite number."""
    checked = {}
    for name, value in parameters.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise InputError(f"{name} must be a number, got {value!r}")
        checked[name] = float(value)
        if not math.isfinite(value):
            raise InputError(f"{name} must be finite, got {value!r}")
        if name in nonnegative and value < 0:
            raise InputError(f"{name} must not be negative, got {value!r}")
    return checked


def check_names(what: str, function: Callable, parameters: Collection[str]) -> None:
    """Raises `InputError`, with the nearest name, for a parameter that a function does not take."""
    known = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return
    for name in parameters:
        if name not in known:
            nearest = did_you_mean(name, known) if known else "; it has none"
            raise InputError(f"{what} has no parameter {name!r}{nearest}")
