"""Orders of convergence, against exact paths and exact moments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.randomness import split
from driftmatch.simulation.integrators import euler_maruyama, heun
from driftmatch.simulation.noise import block_of_normals, trajectory_keys

MU, SIGMA = 1.0, 0.7
FORMULAS = {"euler-maruyama": euler_maruyama, "heun": heun}


def brownian_end(key, steps, dt, M, m):
    """B at the end of a run of `simulate`, shape (M, m), drawn as it documents."""
    draws = block_of_normals(trajectory_keys(split(key)[1], M), 0, steps, m)
    return np.sqrt(dt) * np.asarray(draws, dtype=float).sum(axis=0).T


def geometric(name="gbm"):
    return dm.SDE(lambda z: MU * z, lambda z: SIGMA * z[:, None], dim=1, start=[1.0], name=name)


@pytest.fixture(scope="module")
def geometric_errors():
    """By solver and dt: errors at t = 1 of paths of dz = μz dt + σz dB against the exact paths."""
    errors = {}
    sde, M, key = geometric(), 10_000, jax.random.key(1)
    for solver in FORMULAS:
        for level in (3, 5, 7):
            dt = 2.0**-level
            run = dm.simulate(
                sde,
                duration=1.0,
                dt=dt,
                key=key,
                num_trajectories=M,
                start=[1.0],
                save_every=2**level,
                method=solver,
            )
            B = brownian_end(key, 2**level, dt, M, 1)
            exact = np.exp(MU - SIGMA**2 / 2 + SIGMA * B)
            errors[solver, dt] = (run.states[:, -1] - exact)[:, 0]
    return errors


@pytest.mark.parametrize("solver", FORMULAS)
def test_strong_order_half_for_multiplicative_noise(geometric_errors, solver):
    rms = {dt: np.sqrt(np.mean(e**2)) for (s, dt), e in geometric_errors.items() if s == solver}
    slope = np.polyfit(np.log(list(rms)), np.log(list(rms.values())), 1)[0]
    # The slope's standard error over keys is about 0.03: a false alarm is rarer than 1e-3.
    assert 0.38 < slope < 0.62
    assert rms[2.0**-7] < 0.15


def test_weak_error_of_euler_maruyama_is_the_known_one(geometric_errors):
    for level in (3, 5):
        dt = 2.0**-level
        error = geometric_errors["euler-maruyama", dt]
        expected = (1 + MU * dt) ** 2**level - np.exp(MU)  # order 1
        standard_error = error.std() / np.sqrt(len(error))
        assert abs(error.mean() - expected) < 4.5 * standard_error  # error rate 7e-6
        # The negative twin: no error at all is not what is seen.
        assert abs(error.mean()) > 4.5 * standard_error


@pytest.mark.parametrize("solver", FORMULAS)
def test_strong_order_one_for_additive_noise(solver):
    """Coarse steps on the Brownian paths of a run whose steps are 32 times finer and more."""
    with jax.enable_x64(True):
        fine, M = 2**14, 200
        dB = np.random.default_rng(0).normal(size=(fine, M)) / np.sqrt(fine)

        def drift(z, t):
            return jnp.sin(2 * z) - z + jnp.cos(t)

        def ends(steps, sigma):
            def step(z, x):
                i, increment = x
                noise = sigma(z) * increment
                return FORMULAS[solver](drift, z, i / steps, 1 / steps, noise), None

            increments = dB.reshape(steps, -1, M).sum(axis=1)
            return jax.lax.scan(step, jnp.zeros(M), (jnp.arange(steps), increments))[0]

        def slope(sigma):
            steps = [2**level for level in range(4, 10)]
            exact = ends(fine, sigma)
            rms = [np.sqrt(np.mean((ends(n, sigma) - exact) ** 2)) for n in steps]
            return -np.polyfit(np.log(steps), np.log(rms), 1)[0]

        # 200 paths leave a standard error of about 0.03: a false alarm is rarer than 1e-3.
        assert 0.88 < slope(lambda z: 0.5) < 1.12
        # The negative twin: with multiplicative noise the order is ½.
        assert slope(lambda z: 0.5 + 0.5 * jnp.tanh(2 * z)) < 0.75


@pytest.mark.parametrize(("solver", "order"), [("euler-maruyama", 1), ("heun", 2)])
def test_order_without_noise(solver, order):
    rotation = np.array([[0.0, 2.0], [-2.0, 0.0]])
    exact = np.array([np.cos(2.0), -np.sin(2.0)])
    with jax.enable_x64(True):
        sde = dm.SDE(lambda z: jnp.asarray(rotation) @ z, 0.0, dim=2, start=[1.0, 0.0])
        errors = []
        for steps in (64, 256):
            run = dm.simulate(sde, duration=1.0, dt=1 / steps, key=jax.random.key(0), method=solver)
            errors.append(np.linalg.norm(run.states[0, -1] - exact))
    assert np.log(errors[0] / errors[1]) / np.log(4) == pytest.approx(order, abs=0.05)


@pytest.mark.parametrize("solver", ["euler-maruyama", "heun"])
def test_a_drift_below_rounding_is_kept_by_the_noise(solver):
    """From z = 10⁵, where a step's drift is a quarter of the distance of two numbers in single
    precision."""
    z, apart, M, steps = 1e5, 2.0**-7, 1000, 200
    drift, noise = apart / 4, 2 * apart  # in a step of 1
    sde = dm.SDE(lambda z: drift + 0 * z, noise, dim=1)
    run = dm.simulate(
        sde,
        duration=float(steps),
        dt=1.0,
        key=jax.random.key(5),
        num_trajectories=M,
        start=[z],
        method=solver,
    )
    assert run.states.dtype == np.float64
    moved = run.states[:, -1, 0].astype(float) - z
    error = noise * np.sqrt(steps / M)
    assert abs(moved.mean() - drift * steps) < 4 * error  # false alarms: 6e-5
    assert drift * steps > 16 * error  # what was rounded away would show
