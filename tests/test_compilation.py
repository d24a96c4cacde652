"""What a long session keeps of its programs."""

import gc
import math
import weakref

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from driftmatch import compilation
from driftmatch.compilation import compiled

Z = jnp.ones(3)


class Unseen:
    """Of the user's: a function that holds one shares nothing."""

    def __init__(self, a):
        self.a = a


def closure(a):
    held = Unseen(a)

    def function(z):
        return held.a * z

    return function, weakref.ref(held)


@compiled
def apply(function, z):
    return function(z)


def test_what_was_not_called_for_longest_is_forgotten(monkeypatch):
    monkeypatch.setattr(compilation, "LIMIT", 3)
    held = []
    for a in range(8):
        function, ref = closure(float(a))
        np.testing.assert_array_equal(apply(function, Z), a * Z)
        held.append(ref)
    del function
    gc.collect()
    assert len(compilation._programs) == 3
    alive = [ref() is not None for ref in held]
    assert sum(alive) <= 3
    assert alive[-1]
    assert not any(alive[:5])


def test_what_is_called_again_is_kept(monkeypatch):
    """The control: in order of their making, the first would have gone."""
    monkeypatch.setattr(compilation, "LIMIT", 3)
    traces = []

    @compiled
    def traced(function, z):
        traces.append(function)
        return function(z)

    first = closure(1.0)[0]
    for a in range(6):
        traced(first, Z)
        traced(closure(float(a))[0], Z)
    assert traces.count(first) == 1


def test_one_program_for_all_values_of_one_structure_in_either_precision():
    traces = []

    @compiled
    def scaled(parameters, z, number):
        traces.append(1)
        return parameters["a"] * z * number

    for x64 in (False, True):
        with jax.enable_x64(x64):
            for a in (1.0, np.float32(2), jnp.array(3.0)):
                value = scaled({"a": a}, jnp.ones(2), 2)
                assert value.dtype == jnp.ones(2).dtype
                np.testing.assert_allclose(value, 2 * float(a))
    number = len(traces)
    scaled({"a": 7.0}, jnp.ones(2), 2)
    assert len(traces) == number
    scaled({"a": 7.0}, jnp.ones(2), 3)
    assert len(traces) == number + 1


def test_errors_of_the_function_come_out_once_and_as_they_are():
    calls = []

    @compiled
    def failing(a, z):
        calls.append(1)
        return z if z[0] > a else -z

    with pytest.raises(jax.errors.TracerBoolConversionError):
        failing(1.0, Z)
    with pytest.raises(jax.errors.TracerBoolConversionError):
        failing(jnp.ones(()), Z)


def test_what_is_no_array_comes_back():
    @compiled
    def mixed(z):
        return {"z": 2 * z, "name": "two", "none": None}

    value = mixed(Z)
    assert value["name"] == "two"
    assert value["none"] is None
    np.testing.assert_array_equal(value["z"], 2 * Z)


class Sign(eqx.Module):
    a: float

    def __call__(self, z):
        return z * math.copysign(1.0, self.a)


class Power(eqx.Module):
    p: float

    def __call__(self, z):
        return jnp.linalg.norm(z, ord=self.p) * z


def test_floats_that_must_be_known_are_part_of_the_program():
    """Whatever error a traced one gives; and −0 is not 0."""
    np.testing.assert_array_equal(apply(Sign(0.0), Z), Z)
    np.testing.assert_array_equal(apply(Sign(-0.0), Z), -Z)
    for p in (1.0, 2.0):
        np.testing.assert_allclose(apply(Power(p), Z), np.linalg.norm(Z, ord=p) * Z, rtol=1e-6)
