"""Programs that are compiled once for all that differs in numbers, and dropped when long unused."""

import contextlib
import functools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import equinox as eqx
import jax
import numpy as np

# Programs that are kept. An SDE that shares none costs one to be simulated and eight to be
# embedded, each of some megabytes, which JAX alone would keep for ever.
LIMIT = 192

_programs: OrderedDict[Hashable, Callable] = OrderedDict()
# Hashes of what needs its floats as they are, to branch on them.
_fixed: OrderedDict[int, None] = OrderedDict()


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
        holds_floats = any(type(leaf) is float for leaf in leaves)
        if holds_floats and family not in _fixed:
            with contextlib.suppress(Exception):  # what is wrong is said below, floats as they are
                return _run(function, leaves, structure, _is_number)
        value = _run(function, leaves, structure, _is_array)
        if holds_floats:
            _remember(_fixed, family, None)
        return value

    return call


def _run(function, leaves, structure, is_value):
    which = tuple(map(is_value, leaves))
    fixed = [leaf for leaf, given in zip(leaves, which, strict=True) if not given]
    key = function, structure, which, tuple(map(_content, fixed))
    program = _programs.get(key) or _program(function, structure, which, fixed)
    arrays, rest = program([leaf for leaf, given in zip(leaves, which, strict=True) if given])
    _remember(_programs, key, program)
    return eqx.combine(arrays, rest.value)


def _remember(table: OrderedDict, key: Hashable, value: Any) -> None:
    """As the last to be forgotten."""
    table.pop(key, None)
    table[key] = value
    while len(table) > LIMIT:
        table.popitem(last=False)


def _program(function, structure, which, fixed):
    def program(values):
        values, constants = iter(values), iter(fixed)
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
    return type(leaf) if _is_number(leaf) else _content(leaf)


def _content(leaf):
    """What makes a leaf that is no value what it is; 0 is not −0, nor is 1 True."""
    return type(leaf), leaf.hex() if type(leaf) is float else leaf
