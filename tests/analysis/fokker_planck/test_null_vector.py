"""Stationary probabilities of jump processes."""

import numpy as np
import pytest
import scipy.sparse

from driftmatch.analysis.fokker_planck.null_vector import stationary_probabilities


def random_rates(number, seed=0, spread=3.0):
    rng = np.random.default_rng(seed)
    rates = 10 ** (spread * rng.random((number, number))) * (rng.random((number, number)) < 0.2)
    rates += np.diag(np.ones(number - 1), 1) + np.diag(np.ones(number - 1), -1)
    np.fill_diagonal(rates, 0)
    return rates


@pytest.mark.parametrize("iterative", [False, True])
def test_against_the_dense_null_space(iterative):
    rates = random_rates(60)
    mass, residual, _ = stationary_probabilities(
        scipy.sparse.csc_matrix(rates), iterative=iterative
    )
    generator = rates - np.diag(rates.sum(axis=0))
    exact = np.linalg.svd(generator)[2][-1]
    np.testing.assert_allclose(mass, exact / exact.sum(), rtol=1e-8)
    assert residual < 1e-10


def test_tails_keep_their_digits():
    """A birth–death chain whose probabilities span 200 decades, from detailed balance."""
    number, ratio = 401, 10.0
    up, down = np.ones(number - 1), np.full(number - 1, ratio)
    rates = scipy.sparse.csc_matrix(np.diag(up, -1) + np.diag(down, 1))
    mass, *_ = stationary_probabilities(rates, iterative=False)
    np.testing.assert_allclose(mass[:200], mass[0] * ratio ** -np.arange(200.0), rtol=1e-9)


@pytest.mark.parametrize("iterative", [False, True])
def test_rare_passages_between_two_groups(iterative):
    """Two groups with 1e-8 of the rates between them: the weights follow from the passages."""
    a, b = random_rates(30, 1, 0.5), random_rates(30, 2, 0.5)
    rates = np.block([[a, np.zeros((30, 30))], [np.zeros((30, 30)), b]])
    rates[30, 0], rates[0, 30] = 3e-8, 1e-8
    mass, *_ = stationary_probabilities(scipy.sparse.csc_matrix(rates), iterative=iterative)
    assert mass[0] * 3e-8 == pytest.approx(mass[30] * 1e-8, rel=1e-3)


@pytest.mark.parametrize("iterative", [False, True])
@pytest.mark.parametrize(("passage", "is_unique"), [(1e-8, True), (1e-18, False)])
def test_passages_as_rare_as_rounding_are_told(passage, is_unique, iterative):
    """Whatever the weights of the groups, next to no residual is left: that alone is no proof."""
    a, b = random_rates(30, 1, 0.5), random_rates(30, 2, 0.5)
    rates = np.block([[a, np.zeros((30, 30))], [np.zeros((30, 30)), b]])
    rates[30, 0], rates[0, 30] = 3 * passage, passage
    tilt = np.linspace(0.5, 1.5, 60)
    _, residual, came_back = stationary_probabilities(
        scipy.sparse.csc_matrix(rates), iterative=iterative, tilt=tilt
    )
    assert residual < 1e-8
    assert came_back == is_unique
