"""Functions of the user's as modules: the numbers that a closure holds are leaves for JAX.

What cannot be taken apart stays whole, and works on copies of the arrays that it holds: JAX
remembers, by the identity of a NumPy array, what it has made of it; see `precision`.
"""

import dis
import functools
from collections.abc import Callable
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

Function = Callable[..., Array]

_PLAIN = (str, bytes, bool, int, type(None), type(Ellipsis))
# Whose modules and functions hold nothing that a user changes.
_LIBRARIES = {"jax", "jaxlib", "numpy", "scipy", "equinox", "diffrax", "optax", "jaxtyping"}
_LIBRARIES |= {"math", "cmath", "functools", "itertools", "operator", "builtins"}
# Functions that ask what a number is would be told that it is traced.
_ASKING = {"isinstance", "type", "isscalar", "hasattr", "getattr", "eval", "exec", "globals"}
# What is changed from inside, to count calls say, must be the thing itself and no copy.
_CHANGING = {
    "append",
    "extend",
    "insert",
    "pop",
    "popitem",
    "remove",
    "clear",
    "update",
    "setdefault",
}
_CHANGES = {"STORE_SUBSCR", "DELETE_SUBSCR", "STORE_ATTR", "DELETE_ATTR", "STORE_GLOBAL"}


class _UnknownError(Exception):
    """Something was captured that could change without being noticed."""


class _Source:
    """A function without the numbers that it holds; equal for all that differ in these alone."""

    def __init__(self, function: FunctionType):
        self.function = function
        self.same = function.__code__, function.__globals__.get("__name__")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and self.same == other.same

    def __hash__(self) -> int:
        return hash(self.same)

    def __reduce__(self):
        return _Source, (self.function,)


class _Same:
    """An object that is equal to itself alone, such as a module or one of its functions."""

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)

    def __reduce__(self):
        return _Same, (self.value,)


class _Constant(eqx.Module):
    value: Any = eqx.field(static=True)


class _Dict(eqx.Module):
    """In the order in which it was filled, which JAX's own dicts forget."""

    names: tuple[str, ...] = eqx.field(static=True)
    values: tuple[Any, ...]


class Captured(eqx.Module):
    """A plain function; the numbers and arrays that it closes over, as they were, are leaves.

    Functions of one line of code that hold different numbers are one structure with other leaves,
    so that they share what is compiled (`compilation.compiled`). Global variables that the
    function reads count as held.
    """

    source: _Source = eqx.field(static=True)
    cells: tuple[Any, ...]
    defaults: tuple[Any, ...]
    options: dict[str, Any]
    read: dict[str, Any]

    def __call__(self, *arguments, **options):
        return self._function()(*arguments, **options)

    def _function(self) -> FunctionType:
        given = self.source.function
        function = FunctionType(
            given.__code__,
            given.__globals__ | {name: _released(value) for name, value in self.read.items()},
            given.__name__,
            tuple(map(_released, self.defaults)) or None,
            tuple(CellType(_released(value)) for value in self.cells) or None,
        )
        function.__kwdefaults__ = {k: _released(v) for k, v in self.options.items()} or None
        return function


class CapturedPartial(eqx.Module):
    """``functools.partial`` of a captured function."""

    function: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    def __call__(self, *arguments, **options):
        held = {name: _released(value) for name, value in self.options.items()}
        function = _released(self.function)
        return function(*map(_released, self.arguments), *arguments, **held | options)


def as_module(function: Any, *sizes: int) -> Any:
    """A function of vectors of these sizes, or of a number, as a module; a module is left alone."""
    if isinstance(function, eqx.Module):
        return function
    function = uncompiled(function)
    shapes = [(size,) for size in sizes] or [()]
    given = [jax.ShapeDtypeStruct(shape, jnp.result_type(float)) for shape in shapes]
    held = _captured(function)
    if held is not None:
        for module in (held, _with_constants(held)):
            if _takes_values(module, given):
                return module
    jaxpr = _trace(function, given)
    if any(isinstance(value, np.ndarray) for value in jaxpr.consts):
        return _OwnConstants(function)
    return Static(function)


def uncompiled(function: Any) -> Any:
    """What was given to ``jax.jit``, which would keep the arrays that it met."""
    while isinstance(function, jax.stages.Wrapped):
        function = function.__wrapped__  # pyright: ignore[reportAttributeAccessIssue]
    return function


class Static(eqx.Module):
    """A plain function inside of a module: part of its structure, and no leaf, for JAX."""

    function: Function = eqx.field(static=True)

    def __call__(self, *arguments: Array) -> Array:
        return self.function(*arguments)


class _OwnConstants(eqx.Module):
    function: Function = eqx.field(static=True)

    def __call__(self, *arguments: Array) -> Array:
        jaxpr = _trace(self.function, arguments)
        constants = [
            np.array(value, variable.aval.dtype) if isinstance(value, np.ndarray) else value
            for variable, value in zip(jaxpr.jaxpr.constvars, jaxpr.consts, strict=True)
        ]
        return jax.core.eval_jaxpr(jaxpr.jaxpr, constants, *arguments)[0]


def _trace(function: Function, arguments):
    # The lambda is new each time, so that JAX keeps nothing of this trace.
    return jax.make_jaxpr(lambda *x: jnp.asarray(function(*x)))(*arguments)


def _takes_values(held: eqx.Module, given: list[jax.ShapeDtypeStruct]) -> bool:
    """Whether the function works when what it holds is traced; it may branch on it, say."""
    values, rest = eqx.partition(held, lambda leaf: type(leaf) is float or eqx.is_array_like(leaf))
    try:
        jax.eval_shape(lambda values, *x: eqx.combine(values, rest)(*x), values, *given)
    except Exception:  # whoever calls it as it is will say what is wrong with it
        return False
    return True


def _with_constants(held: eqx.Module) -> eqx.Module:
    """The same where floats are part of the program, for functions that branch on them."""
    return jax.tree.map(
        lambda leaf: _Constant((float, leaf.hex())) if type(leaf) is float else leaf, held
    )


def _captured(function: Any) -> Any:
    """The same function as a module that holds its numbers; None if that would not be safe.

    Not safe is what holds objects that could change unseen: instances, classes and modules of the
    user's, generators, functions that name themselves; nor what changes something that it holds.
    """
    try:
        if isinstance(function, functools.partial):
            return CapturedPartial(
                _held(function.func, ()),
                tuple(_held(value, ()) for value in function.args),
                {name: _held(value, ()) for name, value in function.keywords.items()},
            )
        return _capture(function, ()) if isinstance(function, FunctionType) else None
    except (_UnknownError, RecursionError):
        return None


def _capture(function: FunctionType, within: tuple[FunctionType, ...]) -> Captured:
    names = _names(function.__code__)
    if (
        function in within
        or vars(function).keys() - {"__wrapped__"}
        or names & (_ASKING | _CHANGING)
    ):
        raise _UnknownError
    within = (*within, function)
    try:
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError as error:  # not filled yet
        raise _UnknownError from error
    known = function.__globals__
    read = {name: known[name] for name in names if name in known}
    return Captured(
        _Source(function),
        tuple(_held(value, within) for value in cells),
        tuple(_held(value, within) for value in function.__defaults__ or ()),
        {name: _held(value, within) for name, value in (function.__kwdefaults__ or {}).items()},
        {name: _held(value, within) for name, value in sorted(read.items())},
    )


def _names(code: CodeType) -> set[str]:
    """All names that a function and those defined inside of it look up."""
    for step in dis.get_instructions(code):
        changes = step.opname == "STORE_DEREF" and step.argval in code.co_freevars
        if changes or step.opname in _CHANGES or step.opname == "IMPORT_NAME":
            raise _UnknownError
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _held(value: Any, within: tuple[FunctionType, ...]) -> Any:
    """What is kept of a captured value: numbers as leaves, the rest as structure."""
    if type(value) is float or isinstance(value, jax.Array | eqx.Module):
        return value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fciub":
        return np.array(value)
    if isinstance(value, _PLAIN):
        return _Constant((type(value), value))
    if type(value) is tuple:
        return tuple(_held(part, within) for part in value)
    if type(value) is list:
        return [_held(part, within) for part in value]
    if type(value) is dict and all(isinstance(name, str) for name in value):
        return _Dict(tuple(value), tuple(_held(part, within) for part in value.values()))
    if _is_of_a_library(value):
        return _Constant(_Same(value))
    if isinstance(value, FunctionType):
        return _capture(value, within)
    raise _UnknownError


def _is_of_a_library(value: Any) -> bool:
    """A module, function or class that nobody changes while a program runs."""
    if isinstance(value, FunctionType) and value.__closure__:
        return False
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    root = home.partition(".")[0] if isinstance(home, str) else ""
    known = root in _LIBRARIES and hasattr(value, "__name__")
    return known and (callable(value) or isinstance(value, ModuleType))


def _released(value: Any) -> Any:
    """What was captured, for the function to use."""
    if isinstance(value, _Constant):
        kept = value.value
        if isinstance(kept, _Same):
            return kept.value
        kind, content = kept
        return float.fromhex(content) if kind is float else content
    if isinstance(value, Captured):
        return value._function()
    if type(value) is tuple:
        return tuple(map(_released, value))
    if type(value) is list:
        return list(map(_released, value))
    if isinstance(value, _Dict):
        return dict(zip(value.names, map(_released, value.values), strict=True))
    return value.copy() if isinstance(value, np.ndarray) else value
