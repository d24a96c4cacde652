"""Programs that are compiled once for all that differs in numbers, and dropped when long unused."""

import functools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import equinox as eqx
import jax
import numpy as np

# Programs that are kept. A closure costs about three of them to be embedded or simulated, each of
# some megabytes, which JAX alone would keep for ever.
LIMIT = 192

_programs: OrderedDict[Hashable, Callable] = OrderedDict()
_fixed: set[int] = set()  # hashes of what needs its floats as they are, to branch on them
_NEEDS_VALUES = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)


class _Rest(eqx.Module):
    """What a function returned that is no array."""

    value: Any = eqx.field(static=True)


def compiled(function: Callable) -> Callable:
    """`function`, compiled for every structure of its arguments, like ``equinox.filter_jit``.

    Arrays, and Python's floats inside of the arguments, such as the parameters of a drift, are
    values that a program is given; all else is its structure. So sweeps of parameters that are
    fields of a module, or numbers that a closure holds (`Captured`), compile once. Functions that
    branch on a float, or hand it to NumPy, are compiled for each of its values. Beyond `LIMIT`,
    what was not called for longest is forgotten.
    """

    @functools.wraps(function)
    def call(*arguments, **options):
        leaves, structure = jax.tree.flatten((arguments, options))
        family = hash((function, structure, tuple(map(_kind, leaves))))
        if family not in _fixed:
            try:
                return _run(function, leaves, structure, _is_number)
            except _NEEDS_VALUES:
                if not any(type(leaf) is float for leaf in leaves):
                    raise
        value = _run(function, leaves, structure, _is_array)
        _fixed.add(family)
        return value

    return call


def _run(function, leaves, structure, is_value):
    which = tuple(map(is_value, leaves))
    fixed = tuple(
        (type(leaf), leaf) for leaf, given in zip(leaves, which, strict=True) if not given
    )
    key = function, structure, which, fixed
    program = _programs.pop(key, None) or _program(function, structure, which, fixed)
    _programs[key] = program  # the last to be forgotten
    while len(_programs) > LIMIT:
        _programs.popitem(last=False)
    arrays, rest = program([leaf for leaf, given in zip(leaves, which, strict=True) if given])
    return eqx.combine(arrays, rest.value)


def _program(function, structure, which, fixed):
    def program(values):
        values, constants = iter(values), (value for _, value in fixed)
        leaves = [next(values) if given else next(constants) for given in which]
        arguments, options = jax.tree.unflatten(structure, leaves)
        arrays, rest = eqx.partition(function(*arguments, **options), eqx.is_array)
        return arrays, _Rest(rest)

    return jax.jit(program)


def _is_array(leaf):
    return isinstance(leaf, jax.Array | np.ndarray | np.generic)


def _is_number(leaf):
    return type(leaf) is float or _is_array(leaf)


def _kind(leaf):
    return type(leaf) if _is_number(leaf) else (type(leaf), leaf)
