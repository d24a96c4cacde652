import importlib.util
import json
import sys
import types

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.systems import dysts, flow_names, from_dysts

pytest.importorskip("dysts")

DRIVEN_WITHOUT_SAYING_SO = {"Torus"}


@pytest.mark.parametrize("name", sorted(set(flow_names()) - DRIVEN_WITHOUT_SAYING_SO))
def test_every_autonomous_flow_agrees_with_its_own_numbers(name):
    """In float64, at its start and at states around it."""
    sde = from_dysts(name, noise=0.1)
    flow = dysts._flow(name, ())
    rng = np.random.default_rng(0)
    states = flow.ic * (1 + 0.1 * rng.normal(size=(5, sde.dim)))
    states[0] = flow.ic
    with jax.enable_x64(True):
        values = np.array(jax.jit(jax.vmap(sde._drift))(jnp.array(states)))
    for state, value in zip(states, values, strict=True):
        expected = np.array(flow.rhs(state, 0.0), float)
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    assert sde.time_scale is not None
    assert sde.description
    np.testing.assert_array_equal(sde.start, flow.ic)
    noise = sde.diffusion(jnp.zeros(sde.dim))
    np.testing.assert_array_equal(noise, np.float32(0.1) * np.eye(sde.dim))
    json.dumps(dict(sde.parameters))


def test_all_but_the_driven_are_listed():
    assert len(flow_names()) >= 114
    assert not {"Duffing", "MackeyGlass", "ArnoldWeb"} & set(flow_names())


def test_lorenz_is_the_catalogue_s():
    z = jnp.array([1.0, 2.0, 3.0])
    ours = dm.systems.lorenz()
    theirs = from_dysts("Lorenz", 1.0, {"rho": 28, "sigma": 10, "beta": 8 / 3})
    np.testing.assert_allclose(theirs.drift(z), ours.drift(z), rtol=1e-6)
    assert 0.5 < theirs.time_scale / ours.time_scale < 2


def test_parameters_replace_dysts_own():
    z = jnp.array([1.0, 2.0, 3.0])
    sde = from_dysts("rossler", parameters={"c": 4})
    assert dict(sde.parameters) == {"a": 0.2, "b": 0.2, "c": 4.0, "noise": 0.0}
    np.testing.assert_allclose(sde.drift(z), [-5.0, 1.4, 0.2 + 3 - 12], rtol=1e-6)
    np.testing.assert_allclose(
        from_dysts("Rossler").drift(z), [-5.0, 1.4, 0.2 + 3 - 5.7 * 3], rtol=1e-6
    )


def test_noise_of_each_coordinate():
    sde = from_dysts("Rossler", [0.1, 0.2, 0.0])
    np.testing.assert_allclose(sde.diffusion(sde.start), np.diag([0.1, 0.2, 0.0]), rtol=1e-6)
    assert dict(sde.parameters)["noise"] == (0.1, 0.2, 0.0)


def test_equal_flows_compile_once():
    traces = []

    @eqx.filter_jit
    def drift(sde, z):
        traces.append(sde)
        return sde.drift(z)

    for _ in range(3):
        drift(from_dysts("Halvorsen", 0.1), jnp.ones(3))
    assert len(traces) == 1
    drift(from_dysts("Halvorsen", 0.1, {"a": 1.5}), jnp.ones(3))
    assert len(traces) == 2


def test_derivatives_exist():
    jacobian = jax.jacfwd(from_dysts("Lorenz96").drift)(jnp.array([1.0, 2.0, 3.0, 4.0]))
    # dx₀/dt = (x₁ − x₂)x₃ − x₀ + F
    np.testing.assert_allclose(jacobian[0], [-1.0, 4.0, -4.0, -1.0])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("Roessler",), "dysts has no flow 'Roessler'; did you mean 'Rossler'?"),
        (("MackeyGlass",), "MackeyGlass has a delay: its state is a function"),
        (("Duffing",), "Duffing is driven: its drift depends on time"),
        (("Torus",), "Torus is driven: its drift depends on time"),
        (("Rossler", -0.1), "noise must not be negative, got -0.1"),
        (("Rossler", np.nan), "noise must be finite, got nan"),
        (("Rossler", [1, 2]), "noise must be a number or have shape"),
        (("Rossler", "much"), "noise must be a number or numbers .* got 'much'"),
        (("Rossler", 0.1, {"d": 1.0}), "Rossler has no parameter 'd'; choose one of a, b, c"),
        (("Rossler", 0.1, {"a": "x"}), "a must be a number, got 'x'"),
        (("Hopfield", 0.1, {"k": 1.0}), "the parameter k of dysts' Hopfield is an array"),
    ],
)
def test_bad_input(arguments, sentence):
    with pytest.raises(dm.InputError, match=sentence):
        from_dysts(*arguments)


def test_dysts_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    dysts._metadata.cache_clear()
    try:
        assert flow_names() == []
        with pytest.raises(dm.InputError, match=r"pip install 'driftmatch\[dysts\]'"):
            from_dysts("Rossler")
    finally:
        dysts._metadata.cache_clear()


def test_compiled_functions_are_taken_in_python():
    """As Numba's dispatchers have it, which keep the Python function as ``py_func``."""

    def python(x):
        return x

    class Flow:
        compiled = staticmethod(types.SimpleNamespace(py_func=python))
        plain = staticmethod(python)

    assert {k: v.__func__ for k, v in dysts._uncompiled(Flow).items()} == {"compiled": python}


def test_a_flow_that_cannot_be_traced_says_so(monkeypatch):
    import dysts.flows

    class Rossler(dysts.flows.Rossler):
        def rhs(self, X, t):
            return [float(x) for x in X]

    monkeypatch.setattr(dysts.flows, "Rossler", Rossler)
    module = sys.modules["driftmatch.systems.dysts"]
    caches = (module._flow, module._checked_drift, module._time_scale)
    for cache in caches:
        cache.cache_clear()
    try:
        with pytest.raises(dm.InputError, match="Rossler cannot be traced by JAX"):
            from_dysts("Rossler")
    finally:
        for cache in caches:
            cache.cache_clear()
