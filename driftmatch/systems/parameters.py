"""The check that every parameter of a catalogue system passes at the door."""

import math
import numbers
from collections.abc import Collection

from driftmatch.errors import InputError


def check_numbers(
    parameters: dict[str, float], *, nonnegative: Collection[str] = ("noise",)
) -> dict[str, float]:
    """The parameters as floats; raises `InputError` for what is no finite number."""
    for name, value in parameters.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise InputError(f"{name} must be a number, got {value!r}")
        if not math.isfinite(value):
            raise InputError(f"{name} must be finite, got {value!r}")
        if name in nonnegative and value < 0:
            raise InputError(f"{name} must not be negative, got {value!r}")
    return {name: float(value) for name, value in parameters.items()}
