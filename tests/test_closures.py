"""What closures hold becomes values, so that functions of one line share what is compiled."""

import functools
import pickle
import sys
import types

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from driftmatch.closures import Captured, as_module
from driftmatch.compilation import compiled

Z = jnp.array([0.3, -0.7])
SCALE = 2.0  # a global that some of these read


def structure(function):
    return jax.tree.structure(function)


def by_cell(a):
    return lambda z: jnp.tanh(a * z)


def by_default(a):
    return lambda z, a=a: jnp.tanh(a * z)


def by_keyword(a):
    def function(z, *, a=a):
        return jnp.tanh(a * z)

    return function


def by_partial(a):
    return functools.partial(lambda a, z: jnp.tanh(a * z), a)


def by_array(a):
    b = np.array([a, a])
    return lambda z: jnp.tanh(b * z)


def by_dict(a):
    p = {"gain": a, "kind": "tanh", "powers": [1, (2, a)]}
    return lambda z: jnp.tanh(p["gain"] * z) + 0 * p["powers"][0]


def by_helper(a):
    def gain(z):
        return a * z

    return lambda z: jnp.tanh(gain(z))


def by_module(a):
    gain = Gain(a)
    return lambda z: jnp.tanh(gain(z))


class Gain(eqx.Module):
    a: float

    def __call__(self, z):
        return self.a * z


def by_global(a):
    global SCALE
    SCALE = a
    return eval("lambda z: jnp.tanh(SCALE * z)", globals())  # its code is equal every time


@pytest.mark.parametrize(
    "build",
    [
        by_cell,
        by_default,
        by_keyword,
        by_partial,
        by_array,
        by_dict,
        by_helper,
        by_module,
        by_global,
    ],
)
def test_functions_that_differ_in_numbers_are_one_structure_with_other_leaves(build):
    few, many = as_module(build(2.0), 2), as_module(build(5.0), 2)
    assert structure(few) == structure(many)
    assert hash(structure(few)) == hash(structure(many))
    for function, a in ((few, 2.0), (many, 5.0)):
        np.testing.assert_allclose(function(Z), jnp.tanh(a * Z), rtol=1e-6)
        np.testing.assert_allclose(jax.jit(lambda f, z: f(z))(function, Z), function(Z), rtol=1e-6)


def test_numbers_are_those_of_when_it_was_made():
    """Not those of later: a sweep that changes one dict or array must not change what it made."""
    p, b = {"a": 2.0}, np.array([3.0, 3.0])
    function = as_module(lambda z: p["a"] * b * z, 2)
    p["a"], b[0] = 100.0, 100.0
    np.testing.assert_allclose(function(Z), 6 * Z, rtol=1e-6)


class Holder:
    a = 2.0


def branches(a):
    return lambda z: z if a > 1 else -z


def numpys(a):
    A = a * np.eye(2)
    return lambda z: np.linalg.inv(A) @ z


def recursive(a):
    def power(z, n=3):
        return z if n == 0 else a * power(z, n - 1)

    return lambda z: power(z)


def of_an_instance(a):
    holder = Holder()
    holder.a = a
    return lambda z: holder.a * z


def of_a_module(a):
    module = types.ModuleType("parameters")
    module.a = a
    return lambda z: module.a * z


def imports(a):
    sys.modules["driftmatch_test_parameters"] = module = types.ModuleType("parameters")
    module.a = a

    def function(z):
        from driftmatch_test_parameters import a  # pyright: ignore

        return a * z

    return function


def asks(a):
    return lambda z: z * (a if isinstance(a, float) else 7.0)


def with_an_attribute(a):
    def gain(z):
        return gain.a * z

    gain.a = a
    return gain


@pytest.mark.parametrize(
    "build",
    [numpys, recursive, of_an_instance, of_a_module, imports, asks, with_an_attribute],
)
def test_what_cannot_be_taken_apart_stays_whole_and_right(build):
    for a in (0.5, 2.0):
        function = as_module(build(a), 2)
        assert not isinstance(function, Captured)
        for found in (function(Z), compiled(lambda f, z: f(z))(function, Z)):
            np.testing.assert_allclose(found, build(a)(Z), rtol=1e-6)
    assert structure(as_module(build(0.5), 2)) != structure(as_module(build(2.0), 2))


def test_what_branches_on_a_number_is_compiled_for_each():
    for a in (0.5, 2.0, 0.5):
        function = as_module(branches(a), 2)
        np.testing.assert_array_equal(compiled(lambda f, z: f(z))(function, Z), branches(a)(Z))
    assert structure(as_module(branches(0.5), 2)) == structure(as_module(branches(0.5), 2))
    assert structure(as_module(branches(0.5), 2)) != structure(as_module(branches(2.0), 2))


def test_dicts_keep_their_order():
    """JAX's own do not: parameters that are unpacked would change places, when compiled alone."""

    def build(p):
        def function(z):
            sigma, beta = p.values()
            return sigma * z**beta

        return function

    z = jnp.array([1.0, 2.0])
    function = as_module(build({"sigma": 3.0, "beta": 2.0}), 2)
    assert isinstance(function, Captured)
    np.testing.assert_allclose(compiled(lambda f, z: f(z))(function, z), 3 * z**2, rtol=1e-6)


def test_what_is_compiled_already_keeps_its_decorators():
    def negative(f):
        @functools.wraps(f)
        def inner(z):
            return -f(z)

        return inner

    function = as_module(jax.jit(negative(lambda z: 2 * z)), 2)
    np.testing.assert_array_equal(function(Z), -2 * Z)
    slope = as_module(jax.jit(jax.grad(lambda z: jnp.sum(z**2))), 2)
    np.testing.assert_allclose(slope(Z), 2 * Z, rtol=1e-6)


def test_whole_numbers_and_words_are_structure():
    """They may be how often a loop runs: other ones are other programs."""

    def build(n, word="a"):
        return as_module(lambda z: sum(z for _ in range(n)) * len(word), 2)

    assert structure(build(2)) == structure(build(2)) != structure(build(3))
    assert structure(build(1)) != structure(build(True))
    assert structure(build(2, "b")) != structure(build(2))


def of_this_file(z):
    return SCALE * z


def test_functions_of_files_pickle():
    again = pickle.loads(pickle.dumps(as_module(of_this_file, 2)))
    np.testing.assert_array_equal(again(Z), of_this_file(Z))


def counted(run, arguments):
    """How often a function is traced while it is called with all of these."""
    traces = []

    @compiled
    def function(*given):
        traces.append(1)
        return run(*given)

    values = [function(*one) for one in arguments]
    return len(traces), values


def test_a_sweep_over_parameters_is_compiled_once():
    """By closures and by fields of modules; the control, which branches on its field, each time."""
    values = (0.5, 1.5, 2.5, 3.5)
    for build in (by_cell, Gain):
        number, found = counted(lambda f, z: f(z), [(as_module(build(a), 2), Z) for a in values])
        assert number == 1
        for a, one in zip(values, found, strict=True):
            np.testing.assert_allclose(one, as_module(build(a), 2)(Z), rtol=1e-6)

    class Branch(eqx.Module):
        a: float

        def __call__(self, z):
            return z if self.a > 1 else -z

    number, found = counted(lambda f, z: f(z), [(Branch(a), Z) for a in values])
    assert number >= len(values)
    np.testing.assert_array_equal(np.stack(found), [-Z, Z, Z, Z])
