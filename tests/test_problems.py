"""Every known answer of the bank, found again by a second route."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
from problems import PROBLEMS, Problem, knowing

from driftmatch.abstract_sde import AbstractSDE


def diffusion_tensor(sde: AbstractSDE, z):
    sigma = sde.diffusion(z)
    return 0.5 * sigma @ sigma.T


def current_over_density(sde: AbstractSDE, log_density, z):
    """J/p = f − ∇·(Dp)/p, by automatic differentiation of the definition."""

    def flux(x):
        return diffusion_tensor(sde, x) * jnp.exp(log_density(x) - log_density(z))

    return sde.drift(z) - jnp.einsum("ijj->i", jax.jacfwd(flux)(z))


def fokker_planck_residual(sde: AbstractSDE, log_density, z):
    """∇·J / p."""

    def current(x):
        return current_over_density(sde, log_density, x) * jnp.exp(log_density(x) - log_density(z))

    return jnp.trace(jax.jacfwd(current)(z))


def some_states(sde: AbstractSDE, number: int = 50):
    return jnp.array(np.random.default_rng(0).normal(size=(number, sde.dim)))


@pytest.mark.parametrize("problem", knowing("log_density"), ids=repr)
def test_the_density_is_stationary(problem: Problem):
    with jax.enable_x64(True):
        sde = problem.build()
        states = some_states(sde)

        @jax.jit
        @jax.vmap
        def residuals(z):
            def wrong(z):
                return 1.1 * problem.log_density(z)

            return (
                fokker_planck_residual(sde, problem.log_density, z),
                fokker_planck_residual(sde, wrong, z),
            )

        right, wrong = residuals(states)
        assert np.abs(right).max() < 1e-9
        assert np.abs(wrong).max() > 1e-2


@pytest.mark.parametrize("problem", knowing("irreversible_drift"), ids=repr)
def test_the_irreversible_drift_is_the_current_over_the_density(problem: Problem):
    with jax.enable_x64(True):
        sde = problem.build()
        states = some_states(sde, 10)
        found = jax.jit(jax.vmap(lambda z: current_over_density(sde, problem.log_density, z)))
        known = jax.jit(jax.vmap(problem.irreversible_drift))
        np.testing.assert_allclose(found(states), known(states), atol=1e-9)


@pytest.mark.parametrize("problem", knowing("entropy_production"), ids=repr)
def test_the_entropy_production_is_the_mean_of_the_irreversible_drift(problem: Problem):
    """E[f_irrᵀ D⁻¹ f_irr]: over a grid for one and two dimensions, by moments for linear ones."""
    with jax.enable_x64(True):
        sde = problem.build()
        if problem.covariance is not None:
            M = np.array(jax.jacfwd(problem.irreversible_drift)(jnp.zeros(sde.dim)))
            D = np.array(diffusion_tensor(sde, jnp.zeros(sde.dim)))
            value = np.trace(M.T @ np.linalg.solve(D, M) @ problem.covariance)
        else:
            axes = np.meshgrid(*[np.linspace(-3, 3, 601)] * sde.dim)
            states = jnp.array(np.stack(axes, -1).reshape(-1, sde.dim))

            def production(z):
                f = problem.irreversible_drift(z)
                return f @ jnp.linalg.solve(diffusion_tensor(sde, z), f)

            weights = np.exp(jax.vmap(problem.log_density)(states))
            value = np.average(jax.jit(jax.vmap(production))(states), weights=weights)
    assert value == pytest.approx(problem.entropy_production, rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("problem", knowing("divergence"), ids=repr)
def test_the_divergence_is_the_same_everywhere(problem: Problem):
    with jax.enable_x64(True):
        sde = problem.build()
        divergence = jax.jit(jax.vmap(lambda z: jnp.trace(jax.jacfwd(sde.drift)(z))))
        divergences = divergence(some_states(sde))
    np.testing.assert_allclose(divergences, problem.divergence, rtol=1e-12)


@pytest.mark.parametrize("problem", knowing("lyapunov", "divergence"), ids=repr)
def test_the_exponents_add_up_to_the_divergence(problem: Problem):
    assert sum(problem.lyapunov) == pytest.approx(problem.divergence, abs=2e-3)


@pytest.mark.parametrize("problem", knowing("passage_times"), ids=repr)
def test_passage_times_solve_the_backward_equation(problem: Problem):
    """f T' + D T'' = −1 with T' = 0 far out and T(to) = 0, as a linear system on a grid."""
    with jax.enable_x64(True):
        sde = problem.build()
        D = float(diffusion_tensor(sde, jnp.zeros(1))[0, 0])
        for (start, end), expected in problem.passage_times.items():
            x = np.linspace(-2.5, end, 20_001)
            h = x[1] - x[0]
            f = np.array(jax.vmap(sde.drift)(jnp.array(x[:, None])))[:, 0]
            bands = np.zeros((3, x.size))
            bands[0, 1:] = D / h**2 + f[:-1] / (2 * h)
            bands[1] = -2 * D / h**2
            bands[2, :-1] = D / h**2 - f[1:] / (2 * h)
            bands[0, 1] = 2 * D / h**2  # mirror at the far end
            bands[1, -1], bands[2, -2] = 1.0, 0.0
            right = -np.ones(x.size)
            right[-1] = 0.0
            T = scipy.linalg.solve_banded((1, 1), bands, right)
            assert np.interp(start, x, T) == pytest.approx(expected, rel=3e-5)


@pytest.mark.parametrize("problem", knowing("period"), ids=repr)
def test_the_period(problem: Problem):
    with jax.enable_x64(True):
        sde = problem.build()
        drift = eqx.filter_jit(sde.drift)

        def crossing(t, z):
            return z[1]

        crossing.direction = -1
        run = scipy.integrate.solve_ivp(
            lambda t, z: np.array(drift(jnp.array(z))), (0, 80), sde.start,
            "DOP853", events=crossing, rtol=1e-11, atol=1e-11,
        )  # fmt: skip
    assert np.diff(run.t_events[0])[-1] == pytest.approx(problem.period, abs=1e-7)


def test_the_exact_path_solves_its_equation():
    """By Itô's formula, x = F(t, B) has noise ∂F/∂B and drift ∂F/∂t + ½ ∂²F/∂B²."""
    (problem,) = knowing("exact")
    sde = problem.build()
    t, B, h = 0.7, 0.3, 1e-4
    F = problem.exact
    x = np.array([F(t, B)])
    noise = (F(t, B + h) - F(t, B - h)) / (2 * h)
    drift = (F(t + h, B) - F(t - h, B)) / (2 * h)
    drift += 0.5 * (F(t, B + h) - 2 * F(t, B) + F(t, B - h)) / h**2
    assert F(0.0, 0.0) == pytest.approx(sde.start[0])
    assert float(sde.diffusion(jnp.array(x))[0, 0]) == pytest.approx(noise, rel=1e-5)
    assert float(sde.drift(jnp.array(x))[0]) == pytest.approx(drift, rel=1e-5)


def test_names_are_unique():
    assert len({p.name for p in PROBLEMS}) == len(PROBLEMS)
