"""Ridge regression in closed form, and cross-validation that finds the true degree."""

import jax
import numpy as np
import pytest

from driftmatch.inference.basis import Basis, candidates, monomials
from driftmatch.inference.regression import Choice, choose, solve, sums
from driftmatch.inference.transitions import block_numbers
from driftmatch.matching.features import RandomFeatures

ANGLES = (False, False)
N = 4000


def basis(degree=3, features=0):
    rng = np.random.default_rng(9)
    gamma, bias = rng.standard_normal((features, 2)), rng.standard_normal(features)
    return Basis(gamma, bias, np.asarray(99.0), monomials(ANGLES, degree), ANGLES)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    z, weights = rng.standard_normal((N, 2)), rng.random(N) + 0.1
    return z, weights, block_numbers(N)


@pytest.fixture(autouse=True)
def precise():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize(("features", "ridge"), [(0, 0.0), (8, 0.0), (8, 0.1)])
def test_against_least_squares(data, features, ridge):
    z, weights, blocks = data
    y = np.random.default_rng(1).standard_normal((N, 3))
    chosen = Choice(basis(2, features), ridge)
    fit = solve(chosen, sums(chosen.basis, z, y, weights, blocks))
    phi, root = chosen.basis.at(z), np.sqrt(weights)[:, None]
    held = np.sqrt(np.diag(fit.ridge))
    rows = np.concatenate([root * phi, np.diag(held)])
    wanted = np.linalg.lstsq(rows, np.concatenate([root * y, np.zeros((len(held), 3))]), rcond=None)
    np.testing.assert_allclose(fit.coefficients, wanted[0], rtol=1e-6, atol=1e-8)
    # Scores of all blocks add up to what the ridge holds back.
    np.testing.assert_allclose(
        fit.scores.sum(axis=0), fit.ridge @ fit.coefficients, rtol=1e-6, atol=1e-6
    )
    monomial = slice(0, len(chosen.basis.exponents))
    assert held[monomial].max() < 1e-4, "monomials carry no ridge"


def test_sums_are_those_of_the_rows(data, monkeypatch):
    z, weights, blocks = data
    y = np.random.default_rng(1).standard_normal((N, 1))
    monkeypatch.setattr("driftmatch.inference.regression._ROWS", 1000)  # more than one part
    total = sums(basis(1), z, y, weights, blocks)
    phi = basis(1).at(z)
    for block in (0, 17, 63):
        own = blocks == block
        weighted = weights[own, None] * phi[own]
        np.testing.assert_allclose(total.gram[block], weighted.T @ phi[own])
        np.testing.assert_allclose(total.moment[block], weighted.T @ y[own])
        np.testing.assert_allclose(total.square[block], np.sum(weights[own, None] * y[own] ** 2, 0))


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
@pytest.mark.parametrize(("tolerance", "least"), [(0.5, 0.7), (2.0, 0.9)])
def test_the_true_degree_is_chosen(data, degree, tolerance, least):
    """In so many of 20 recordings, and never a lower one. The seeds are fixed; another set of them
    would fail about once in twenty."""
    z, weights, blocks = data
    bases = [basis(d) for d in (1, 2, 3, 4, 5)]
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = (z[:, :1] ** degree - z[:, :1]) + 3 * rng.standard_normal((N, 1))
        fit = choose(bases, z, y, weights, blocks, tolerance=tolerance)
        found.append(max(map(sum, fit.choice.basis.exponents)))
    assert np.mean(np.array(found) == degree) >= least, found
    assert min(found) >= degree


def test_features_where_no_polynomial_fits(data):
    z, weights, blocks = data
    rng = np.random.default_rng(3)
    y = np.abs(z[:, :1]) * np.sign(z[:, 1:]) + 0.05 * rng.standard_normal((N, 1))
    bases = candidates(z, ANGLES, RandomFeatures(), rng, numbers=(64,), degrees=(1, 2, 3))
    fit = choose(bases, z, y, weights, blocks)
    assert len(fit.choice.basis.bias) == 64
    left = y - fit.choice.basis.at(z) @ fit.coefficients
    cubic = choose(bases[:3], z, y, weights, blocks)
    left_cubic = y - cubic.choice.basis.at(z) @ cubic.coefficients
    assert left.var() < 0.6 * left_cubic.var()


def test_functions_that_are_one_another():
    """Of a coordinate that is twice the other: no state tells them apart, and nothing explodes."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((N, 1))
    z = np.concatenate([x, 2 * x], axis=1)
    fit = choose([basis(1), basis(2)], z, x, np.ones(N), block_numbers(N))
    np.testing.assert_allclose(fit.choice.basis.at(z) @ fit.coefficients, x, atol=1e-6)
    assert np.abs(fit.coefficients).max() < 10
