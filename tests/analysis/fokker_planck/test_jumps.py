"""Jumps between cells that stand for an SDE."""

import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.analysis.fokker_planck.jumps import jump_process
from driftmatch.analysis.fokker_planck.null_vector import stationary_probabilities
from driftmatch.grids import Grid

ROOT = np.array([[1.0, 0.3], [-0.6, 0.5]])


def tilted_well():
    """f = −∇V with V = x⁴/4 − x²/2 + xy/5 + y² under anisotropic noise: reversible if D ∝ 1."""

    def drift(z):
        D = jnp.asarray(0.5 * ROOT @ ROOT.T)
        return -D @ jnp.stack([z[0] ** 3 - z[0] + 0.2 * z[1], 0.2 * z[0] + 2 * z[1]])

    return dm.SDE(drift, ROOT, 2)


GRID = Grid([-3, -2.5], [3, 2.5], (48, 40))


def test_rates_are_not_negative_and_conserve_probability():
    rates = jump_process(dm.systems.ornstein_uhlenbeck(D=ROOT @ ROOT.T), GRID).rates()
    assert rates.data.min() >= 0
    mass, residual, _ = stationary_probabilities(rates, iterative=False)
    assert residual < 1e-12
    assert mass.min() >= 0
    assert mass.sum() == pytest.approx(1)


def test_equilibrium_is_exact_on_any_grid():
    """The potential is quartic, so Simpson's rule along an edge is exact, anisotropic D or not."""
    jumps = jump_process(tilted_well(), GRID)
    mass, *_ = stationary_probabilities(jumps.rates(), iterative=False)
    x, y = GRID.centres.T
    exact = np.exp(-(x**4 / 4 - x**2 / 2 + 0.2 * x * y + y**2))
    np.testing.assert_allclose(mass, exact / exact.sum(), rtol=1e-9)
    assert abs(jumps.entropy_production(mass)) < 1e-12


def test_moments_of_the_jumps_are_drift_and_diffusion():
    """Far from the walls, and with little force: Σ rate · jump = f, Σ rate · jump jumpᵀ = 2D."""
    B, D = np.array([[2.0, -1.0], [1.0, 2.0]]), ROOT @ ROOT.T
    grid = Grid([-1, -1], [1, 1], 200)
    jumps = jump_process(dm.systems.ornstein_uhlenbeck(B, D), grid)
    drift, spread = np.zeros((grid.size, 2)), np.zeros((grid.size, 2, 2))
    for e in jumps.edges:
        step = grid.spacing * e.offset
        for cells, rate, sign in ((e.tail, e.forward, 1), (e.head, e.backward, -1)):
            drift += np.bincount(cells, rate, grid.size)[:, None] * sign * step
            spread += np.bincount(cells, rate, grid.size)[:, None, None] * np.outer(step, step)
    inner = np.all(np.abs(grid.centres) < 0.8, axis=1)
    np.testing.assert_allclose(drift[inner], -grid.centres[inner] @ B.T, atol=3e-4)  # h² = 1e-4
    np.testing.assert_allclose(
        spread[inner], np.broadcast_to(2 * D, (inner.sum(), 2, 2)), rtol=1e-3
    )


def test_current_is_that_of_a_rotation():
    """Of second order in the cell, with and without the numerical diffusion."""
    B = np.array([[1.0, -2.0], [2.0, 1.0]])
    sde = dm.systems.ornstein_uhlenbeck(B, 1.0)

    def errors(cells):
        grid = Grid([-5, -5], [5, 5], cells)
        density = np.exp(-0.5 * np.sum(grid.centres**2, axis=1)) / (2 * np.pi)
        turned = np.stack([2 * grid.centres[:, 1], -2 * grid.centres[:, 0]], axis=1)
        wanted = density[:, None] * turned
        fitted = jump_process(sde, grid)
        mass, *_ = stationary_probabilities(fitted.rates(), iterative=False)
        centred = fitted.centred(mass)
        again, *_ = stationary_probabilities(centred.rates(), iterative=False)
        off = fitted.current(mass) - wanted, centred.current(again) - wanted
        return np.abs(off).max(axis=(1, 2)) / np.abs(wanted).max()

    coarse, fine = errors(64), errors(128)
    assert np.all((coarse / fine > 3.6) & (coarse / fine < 4.4))
    assert fine[1] < 0.7 * fine[0]
    assert fine[0] < 3e-3


def test_centring_removes_numerical_diffusion():
    jumps = jump_process(dm.systems.limit_cycle(2.0, 0.1**0.5), Grid([-2, -2], [2, 2], 96))
    r2 = np.sum(jumps.grid.centres**2, axis=1)
    exact = np.exp(-(r2**2 / 4 - r2 / 2) / 0.05)
    exact /= exact.sum()

    def distance(jumps):
        mass, *_ = stationary_probabilities(jumps.rates(), iterative=False)
        return 0.5 * np.abs(mass - exact).sum(), mass

    before, mass = distance(jumps)
    after, _ = distance(jumps.centred(mass))
    assert after < before / 4
