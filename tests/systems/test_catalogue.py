import inspect
import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.systems import CATALOGUE

NAMES = list(CATALOGUE)
WITH_NUMBERS = [n for n in NAMES if n != "ornstein_uhlenbeck"]
OTHER_KINDS = {"centres", "depths", "width", "num_wells", "keep_density"}  # tested by themselves


def run_heun(sde, duration, dt, num_paths=16):
    """A plain Heun run from the start, of its own so that no other part of the library decides."""

    def step(z, key):
        dB = jnp.sqrt(dt) * jax.random.normal(key, (num_paths, sde.noise_dim))
        kick = jax.vmap(sde.noise)(z, dB)
        f = jax.vmap(sde.drift)(z)
        z = z + kick + 0.5 * dt * (f + jax.vmap(sde.drift)(z + kick + dt * f))
        return z, z

    keys = jax.random.split(jax.random.key(0), round(duration / dt))
    starts = jnp.tile(jnp.array(sde.start), (num_paths, 1))
    return np.array(jax.jit(lambda z: jax.lax.scan(step, z, keys)[1])(starts))


@pytest.mark.parametrize("name", NAMES)
def test_entries_describe_themselves(name):
    sde = CATALOGUE[name]()
    assert sde.name == name
    assert sde.description
    assert "\n" not in sde.description + sde.equation
    assert sde.equation.startswith("d")
    assert list(dict(sde.parameters)) == list(inspect.signature(CATALOGUE[name]).parameters)
    json.dumps(dict(sde.parameters))
    assert CATALOGUE[name](**dict(sde.parameters)).parameters == sde.parameters
    assert getattr(dm.systems, name) is CATALOGUE[name]


@pytest.mark.parametrize("name", NAMES)
def test_start_and_time_scale(name):
    """The start lies on or near the attractor, and the time scale is (rms whitened drift)⁻¹ within
    a factor of two and a quarter."""
    sde = CATALOGUE[name]()
    states = run_heun(sde, 300 * sde.time_scale, sde.time_scale / 40)
    assert np.all(np.isfinite(states))
    states = states[len(states) // 10 :: 10].reshape(-1, sde.dim).astype(float)
    factor = np.linalg.cholesky(np.atleast_2d(np.cov(states.T)))
    distance = np.linalg.norm(np.linalg.solve(factor, sde.start - states.mean(axis=0)))
    assert distance < 2 * np.sqrt(sde.dim)
    drifts = np.array(jax.vmap(sde.drift)(jnp.array(states, jnp.float32)))
    rate = np.sqrt(np.mean(np.linalg.solve(factor, drifts.T) ** 2))
    assert 1 / 2.25 < sde.time_scale * rate < 2.25


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_no_noise_gives_an_ode(name):
    numbers = {p: 0.0 for p in inspect.signature(CATALOGUE[name]).parameters if p == "jitter"}
    sde = CATALOGUE[name](**numbers, noise=0.0)
    assert not np.any(sde.diffusion(jnp.array(sde.start)))


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_noise_is_the_amplitude(name):
    sde = CATALOGUE[name](noise=0.4)
    sigma = np.array(sde.diffusion(jnp.array(sde.start)))[:, : sde.dim]
    np.testing.assert_allclose(sigma, 0.4 * np.eye(sde.dim), rtol=1e-6)


@pytest.mark.parametrize("name", WITH_NUMBERS)
@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (np.nan, "must be (finite|a positive number), got nan"),
        (np.inf, "must be (finite|a positive number), got inf"),
        ("1", "must be a (positive )?number, got '1'"),
        (None, "must be a (positive )?number, got None"),
        (True, "must be a (positive )?number, got True"),
        ([1.0, 2.0], "must be a (positive )?number"),
    ],
)
def test_bad_parameters(name, value, sentence):
    for parameter in set(inspect.signature(CATALOGUE[name]).parameters) - OTHER_KINDS:
        with pytest.raises(dm.InputError, match=f"{parameter} {sentence}"):
            CATALOGUE[name](**{parameter: value})


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_negative_noise(name):
    with pytest.raises(dm.InputError, match=r"noise must not be negative, got -0\.1"):
        CATALOGUE[name](noise=-0.1)


def test_other_bounds():
    with pytest.raises(dm.InputError, match="jitter must not be negative"):
        dm.systems.kubo_oscillator(jitter=-1)
    with pytest.raises(dm.InputError, match="epsilon must be a positive number, got 0"):
        dm.systems.fitzhugh_nagumo(epsilon=0)


@pytest.mark.parametrize("name", NAMES)
def test_equal_systems_compile_once(name):
    traces = []

    @eqx.filter_jit
    def drift(sde, z):
        traces.append(sde)
        return sde.drift(z) + sde.diffusion(z).sum()

    z = jnp.array(CATALOGUE[name]().start)
    for _ in range(3):
        drift(CATALOGUE[name](), z)
    assert len(traces) == 1


def test_different_systems_differ():
    drift = eqx.filter_jit(lambda sde, z: sde.drift(z))
    z = jnp.array([1.0, 2.0, 3.0])
    assert drift(dm.systems.lorenz(rho=28), z)[1] == 1.0 * (28 - 3.0) - 2.0
    assert drift(dm.systems.lorenz(rho=20), z)[1] == 1.0 * (20 - 3.0) - 2.0


@pytest.mark.parametrize("name", NAMES)
def test_both_precisions_work_one_after_the_other(name):
    sde = CATALOGUE[name]()
    step = eqx.filter_jit(lambda sde, z: sde.drift(z) + sde.diffusion(z).sum())
    for x64 in (False, True, False, True):
        with jax.enable_x64(x64):
            z = jnp.array(sde.start)
            fixed = jax.jit(lambda z, sde=sde: sde.drift(z) + sde.diffusion(z).sum())
            assert z.dtype == (np.float64 if x64 else np.float32)
            assert step(sde, z).dtype == fixed(z).dtype == z.dtype


def test_a_list_of_several_dimensions():
    assert {CATALOGUE[n]().dim for n in NAMES} == {1, 2, 3}
