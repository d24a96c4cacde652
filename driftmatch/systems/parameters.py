"""The checks that parameters pass at the door."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist, squareform

from driftmatch.arguments import (
    check_array,
    check_non_negative,
    check_number,
    check_positive,
    shown,
)
from driftmatch.errors import InputError
from driftmatch.words import did_you_mean

Numbers = ArrayLike | Sequence[float] | Sequence[Sequence[float]]


def check_numbers(
    parameters: Mapping[str, object],
    *,
    nonnegative: Collection[str] = ("noise",),
    positive: Collection[str] = (),
) -> dict[str, float]:
    """The parameters as floats; raises `InputError` for what is no finite number."""
    checked = {}
    for name, value in parameters.items():
        if name in positive:
            checked[name] = check_positive(name, value)
        elif name in nonnegative:
            checked[name] = check_non_negative(name, value)
        else:
            checked[name] = check_number(name, value)
    return checked


def check_places(name: str, value: Numbers, *, least: int = 1) -> Float[np.ndarray, "W k"]:
    """States, one a row, no two of them the same."""
    places = check_array(name, value, ("number", "k")).copy()
    if len(places) < least:
        raise InputError(f"{name} must be at least {least}, got {len(places)}: add another")
    i, j, apart = nearest_two(places)
    if apart <= 1e-9 * np.abs(places).max():
        raise InputError(f"{name} {i} and {j} coincide at {places[i].tolist()}: leave one out")
    return places


def nearest_two(places: Float[np.ndarray, "W k"]) -> tuple[int, int, float]:
    """Which two states of at least two are nearest, and how far they are apart."""
    apart = squareform(pdist(places))
    np.fill_diagonal(apart, np.inf)
    i, j = np.unravel_index(np.argmin(apart), apart.shape)
    return int(min(i, j)), int(max(i, j)), float(apart[i, j])


def check_names(what: str, function: Callable, parameters: Collection[str]) -> None:
    """Raises `InputError`, with the nearest name, for a parameter that a function does not take."""
    known = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return
    for name in parameters:
        if name not in known:
            nearest = did_you_mean(name, known) if known else "; it has none"
            raise InputError(f"{what} has no parameter {name!r}{nearest}")


def named(parameters: Any) -> dict[str, Any]:
    """Parameters by name, of which there may be none."""
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping) or not all(isinstance(name, str) for name in parameters):
        raise InputError(f"parameters must be named values in a dict, got {shown(parameters)}")
    return dict(parameters)
