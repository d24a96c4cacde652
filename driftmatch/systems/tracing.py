"""Tracing NumPy code with JAX, through the dispatch protocols that NumPy defines for this
(NEP 13 for ufuncs, NEP 18 for other functions)."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import jax.scipy.special
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array

MAX_BRANCHES = 10


class TracingError(TypeError):
    """NumPy code did something that JAX has no counterpart for; the message says what."""


def trace_numpy(function: Callable[[Any], Any], x: Array) -> Array:
    """The value of a NumPy function as a JAX array that can be jitted, batched and differentiated.

    `function` takes an array and returns an array, or numbers in a tuple or list. It may write into
    arrays that it made from its argument, and may branch on values: each side of a branch is traced
    and `jnp.where` chooses.
    """
    return _explore(function, jnp.asarray(x), ())


def _explore(function: Callable[[Any], Any], x: Array, taken: tuple[bool, ...]) -> Array:
    """The value given the sides taken at the first branches, both sides of any later one."""
    decisions = iter(taken)

    def decide(condition: Array) -> bool:
        try:
            return next(decisions)
        except StopIteration:
            raise _BranchError(condition) from None

    try:
        value = function(_NumPyLike(x, decide))
    except _BranchError as branch:
        if len(taken) == MAX_BRANCHES:
            raise TracingError(f"it branches more than {MAX_BRANCHES} times") from None
        return jnp.where(
            branch.condition,
            _explore(function, x, (*taken, True)),
            _explore(function, x, (*taken, False)),
        )
    value = _unwrap(value)
    if isinstance(value, (tuple, list)):
        value = jnp.stack([jnp.asarray(v, x.dtype) for v in value])
    return jnp.asarray(value, x.dtype)


class _BranchError(BaseException):
    """Raised where traced code asks whether a value holds, and no side has been chosen yet."""

    def __init__(self, condition: Array):
        self.condition = condition


class _NumPyLike(np.lib.mixins.NDArrayOperatorsMixin):
    """A JAX value that NumPy functions and operators accept, and can be written into."""

    def __init__(self, value: Array, decide: Callable[[Array], bool]):
        self._value = value
        self._decide = decide

    def _wrap(self, tree):
        return jtu.tree_map(lambda v: _NumPyLike(v, self._decide), tree)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        function = getattr(_counterpart(ufunc.__name__), method)
        result = self._wrap(function(*_unwrap(inputs), **_unwrap(options)))
        if out is None:
            return result
        (target,) = out
        if not isinstance(target, _NumPyLike):
            raise TracingError("it writes values of the state into an array of fixed numbers")
        target[...] = result
        return target

    def __array_function__(self, function, types, args, options):
        return self._wrap(_counterpart(function.__name__)(*_unwrap(args), **_unwrap(options)))

    def __getitem__(self, index):
        return self._wrap(self._value[_unwrap(index)])

    def __setitem__(self, index, value):
        self._value = self._value.at[_unwrap(index)].set(_unwrap(value))

    def __iter__(self):
        return iter(self._wrap(list(self._value)))

    def __len__(self):
        return len(self._value)

    def __bool__(self):
        return self._decide(self._value)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        member = getattr(self._value, name)
        if callable(member):
            return lambda *args, **options: self._wrap(member(*_unwrap(args), **_unwrap(options)))
        return self._wrap(member) if isinstance(member, jax.Array) else member


def _unwrap(tree):
    """JAX values for what is wrapped and for arrays, these copied: JAX remembers by identity the
    arrays that it has compiled in, and would take one of the wrong precision if that changed."""

    def unwrap(leaf):
        if isinstance(leaf, _NumPyLike):
            return leaf._value
        return jnp.asarray(leaf.copy()) if isinstance(leaf, np.ndarray) else leaf

    return jtu.tree_map(unwrap, tree)


def _counterpart(name: str):
    """JAX's function of NumPy's or SciPy's name."""
    for module in (jnp, jax.scipy.special):
        if hasattr(module, name):
            return getattr(module, name)
    raise TracingError(f"it calls {name}, which JAX does not have")
