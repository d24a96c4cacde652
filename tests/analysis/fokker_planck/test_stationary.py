"""Stationary densities and currents, against exact ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from problems import PROBLEMS, knowing, quick

import driftmatch as dm
from driftmatch.analysis.fokker_planck.stationary import stationary
from driftmatch.outcomes import Outcome

PLANAR = [p for p in knowing("log_density", "entropy_production") if p.build().dim <= 2]
EXPECTED_VARIATION = 1e-3


def exact_mass(problem, grid):
    with jax.enable_x64(True):
        logs = np.asarray(jax.vmap(problem.log_density)(jnp.asarray(grid.centres)))
    mass = np.exp(logs - logs.max())
    return mass / mass.sum()


def variation(density, problem):
    mass = density.density.ravel() * density.grid.cell_volume
    return 0.5 * np.abs(mass - exact_mass(problem, density.grid)).sum()


@pytest.mark.parametrize("problem", quick(PLANAR), ids=str)
def test_density_entropy_production_and_irreversible_drift(problem):
    density = stationary(problem.build())
    assert density.outcome is Outcome.SUCCESS
    assert variation(density, problem) < EXPECTED_VARIATION
    assert density.entropy_production == pytest.approx(
        problem.entropy_production, rel=1e-3, abs=1e-9
    )
    assert density.mean(np.ones(density.grid.shape)) == pytest.approx(1)
    assert density.density.min() >= 0
    with jax.enable_x64(True):
        exact = jax.vmap(problem.irreversible_drift)(jnp.asarray(density.grid.centres))
    exact = np.asarray(exact).reshape(density.irreversible.shape)
    squares = np.nansum((density.irreversible - exact) ** 2, axis=-1)
    size = np.sqrt(density.mean(np.sum(exact**2, axis=-1)))
    assert np.sqrt(density.mean(squares)) <= 0.02 * size + 1e-9


@pytest.mark.parametrize(
    "name",
    [
        "two_beads",
        "limit_cycle_D=0.1",
        pytest.param("kubo_oscillator", marks=pytest.mark.slow),
    ],
)
def test_second_order_in_the_cell(name):
    problem = next(p for p in PROBLEMS if p.name == name)
    sde = problem.build()
    fine = stationary(sde, 128)
    coarse = stationary(sde, fine.grid.coarser())
    order = np.log2(variation(coarse, problem) / variation(fine, problem))
    assert 1.7 < order < 2.6
    error = [d.entropy_production - problem.entropy_production for d in (coarse, fine)]
    assert 1.7 < np.log2(error[0] / error[1]) < 2.6


@pytest.mark.slow
def test_three_dimensions_with_anisotropic_noise():
    B = 2 * np.eye(3) - np.eye(3, k=1) - np.eye(3, k=-1)
    root = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    D = root @ np.diag([0.2, 0.5, 1.0]) @ root.T
    S = scipy.linalg.solve_continuous_lyapunov(B, 2 * D)
    exact = -np.trace(np.linalg.solve(D, B @ (B @ S - D)))
    reach = 5 * np.sqrt(np.diag(S))
    grid = dm.Grid(-reach, reach, 24)
    density = stationary(dm.systems.ornstein_uhlenbeck(B, D), grid)
    weights = np.exp(-0.5 * np.einsum("ni,ij,nj->n", grid.centres, np.linalg.inv(S), grid.centres))
    mass = density.density.ravel() * grid.cell_volume
    assert 0.5 * np.abs(mass - weights / weights.sum()).sum() < 5e-3
    assert density.entropy_production == pytest.approx(exact, rel=0.08)
    assert density.outcome is Outcome.SUCCESS
    plane = density.marginal([2, 0])
    assert plane.density.shape == (24, 24)
    assert plane.current.shape == (24, 24, 2)
    assert plane.mean(np.ones((24, 24))) == pytest.approx(1)
    second = plane.mean(plane.grid.centres[:, 0].reshape(24, 24) ** 2)
    assert second == pytest.approx(S[2, 2], rel=0.03)
    np.testing.assert_allclose(
        plane.density, np.einsum("abc->ca", density.density) * grid.spacing[1], rtol=1e-12
    )


def test_networks_are_taken_in_latent_coordinates():
    """One linear neuron: dx = (w − 1) x dt + √2 dB, a normal density of variance 1 / (1 − w)."""
    network = dm.Network(
        [[1.0]], [[0.5]], [0.0], activation="identity", shared_noise=2.0**0.5, start=[0.0]
    )
    density = stationary(network)
    x = density.grid.centres[:, 0]
    assert density.mean(x**2) == pytest.approx(2.0, rel=1e-4)


def test_walls_that_clip_are_reported():
    sde = dm.systems.ornstein_uhlenbeck()
    assert stationary(sde, dm.Grid([-1, -1], [1, 1], 40)).outcome is Outcome.CLIPPED
    assert stationary(sde, dm.Grid([-4, -4], [4, 4], 40)).outcome is Outcome.SUCCESS


def test_cells_too_coarse_for_the_noise_are_reported():
    sde = dm.systems.limit_cycle(5.0, 0.1)
    assert stationary(sde, dm.Grid([-2, -2], [2, 2], 40)).outcome is Outcome.COARSE


@pytest.mark.parametrize(
    ("build", "grid", "words"),
    [
        (lambda: dm.systems.ornstein_uhlenbeck(np.eye(4)), None, "4 dimensions and grids go up"),
        (dm.systems.double_well, dm.Grid([0, 0], [1, 1], 8), "grid has 2 dimensions"),
        (dm.systems.double_well, 3_000_000, "would not fit into memory"),
        (dm.systems.double_well, 3, "at least 4"),
        (dm.systems.double_well, "fine", "whole numbers"),
        (lambda: dm.systems.van_der_pol(noise=0.0), 8, "singular"),
        (
            lambda: dm.SDE(lambda z: -z, [[1.0], [0.0]], 2),
            8,
            "coordinate 1 of sde stays where it is, so there is no density",
        ),
    ],
)
def test_bad_input(build, grid, words):
    with pytest.raises(dm.InputError, match=words):
        stationary(build(), grid)


def test_marginals_of_what_is_not_there():
    density = stationary(dm.systems.ornstein_uhlenbeck(), 16)
    for axes in ([2], [0, 0], [-1]):
        with pytest.raises(dm.InputError, match="different numbers from 0 to 1"):
            density.marginal(axes)


@pytest.mark.parametrize(
    ("D", "outcome"), [(0.05, Outcome.SUCCESS), (0.006, Outcome.RARE_PASSAGES)]
)
def test_wells_between_which_passages_are_too_rare(D, outcome):
    """A tilted double well: its weights to 1e-3, or else the outcome says they are not known."""
    sde = dm.SDE(lambda z: z - z**3 - 0.05, (2 * D) ** 0.5, 1)
    grid = dm.Grid([-2.2], [2.2], 1000)
    found = dm.stationary(sde, grid)
    assert found.outcome is outcome
    if outcome.ok:
        z = grid.axes[0]
        exact = np.exp(-(z**4 / 4 - z**2 / 2 + 0.05 * z) / D)
        exact /= exact.sum() * grid.cell_volume
        assert np.abs(found.density - exact).sum() * grid.cell_volume < 1e-3
