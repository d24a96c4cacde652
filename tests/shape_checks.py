"""Beartype on every jaxtyping annotation of the package while it is tested; see `conftest`.

Parameters are checked together with the result, after the call: nonsense is refused at the door by
an `InputError`, and what is not refused has to be what the annotation says. Where something like an
array is taken, lists are too, whose shapes are left to the door. Other annotations than of arrays
are left to pyright.
"""

import inspect
from typing import Any, get_args

import jax
import numpy as np
from beartype import beartype
from jaxtyping import AbstractArray

_checked_with_result: set[tuple[str, str]] = set()


def checked(function):
    """The type checker that jaxtyping's import hook is given.

    jaxtyping passes it two functions for each one of the package: the first takes the parameters
    and the result, the second the parameters alone, before the call.
    """
    hints = {
        name: with_lists(hint) if says_shape(hint) else Any
        for name, hint in function.__annotations__.items()
    }
    name = function.__module__, function.__qualname__
    takes_result = any(n.startswith("ret") for n in inspect.getfullargspec(function).kwonlyargs)
    if takes_result and "return" in hints:
        _checked_with_result.add(name)
    elif name in _checked_with_result:
        _checked_with_result.discard(name)
        hints = {}
    if all(hint is Any for hint in hints.values()):
        return function
    function.__annotations__ = hints
    return beartype(function)


def says_shape(hint) -> bool:
    """Whether the type of an array is anywhere in it."""
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(says_shape(part) for part in get_args(hint))


def with_lists(hint):
    """Of what is like an array, of JAX or NumPy, nested lists too."""
    kinds = {getattr(part, "array_type", None) for part in get_args(hint)}
    return hint | list | tuple if {jax.Array, np.ndarray} <= kinds else hint
