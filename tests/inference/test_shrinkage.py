"""Shrinking by degree: nearer to the truth on average, the same in all coordinates."""

import jax
import numpy as np
import pytest

from driftmatch.inference.basis import Basis, monomials
from driftmatch.inference.regression import Choice, solve, sums
from driftmatch.inference.shrinkage import kept
from driftmatch.inference.transitions import block_numbers

ANGLES = (False, False)
CUBIC = Basis(np.zeros((0, 2)), np.zeros(0), np.asarray(99.0), monomials(ANGLES, 3), ANGLES)
N = 1000


@pytest.fixture(autouse=True)
def precise():
    with jax.enable_x64(True):
        yield


def errors(truth, noise, number=100):
    """Mean squares of least squares and of what is kept of it, over fresh noise."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((N, 2))
    f, total = truth(z), np.zeros(2)
    for _ in range(number):
        y = f + noise * rng.standard_normal(f.shape) @ [[1.0, 0.7], [0.0, 0.2]]
        fit = solve(Choice(CUBIC, 0.0), sums(CUBIC, z, y, np.ones(N), block_numbers(N)))
        for i, c in enumerate((fit.coefficients, kept(fit, fit.coefficients))):
            total[i] += np.mean((CUBIC.at(z) @ c - f) ** 2)
    return total / number


@pytest.mark.parametrize(
    ("truth", "noise", "most"),
    [
        (lambda z: -z, 1.0, 0.55),  # the squares and cubes say nothing: 14 of 20 coefficients
        (lambda z: z - z**3, 3.0, 0.85),  # odd: the squares say nothing
        (lambda z: 0.03 * (z**2 - z**3), 1.0, 0.97),  # every degree about as large as its scatter
        (lambda z: 1 + z + z**2 + z**3, 0.1, 1.001),
    ],
)
def test_nearer_on_average(truth, noise, most):
    plain, shrunk = errors(truth, noise)
    assert shrunk < most * plain


def test_what_is_certain_stays():
    z = np.random.default_rng(1).standard_normal((N, 2))
    y = z - z**3 + z**2 + 1e-3 * np.random.default_rng(2).standard_normal((N, 2))
    fit = solve(Choice(CUBIC, 0.0), sums(CUBIC, z, y, np.ones(N), block_numbers(N)))
    np.testing.assert_allclose(kept(fit, fit.coefficients), fit.coefficients, atol=1e-4)


def test_the_same_in_other_coordinates():
    """Linear maps of centred states and of the outputs change nothing."""
    rng = np.random.default_rng(3)
    z, B = rng.standard_normal((N, 2)), np.array([[3.0, 1.0], [-0.2, 0.5]])
    y = 0.3 * z**2 + rng.standard_normal((N, 2))
    functions = []
    for states, values in ((z, y), (z @ B.T, y @ B.T)):
        total = sums(CUBIC, states, values, np.ones(N), block_numbers(N))
        fit = solve(Choice(CUBIC, 0.0), total)
        functions.append(CUBIC.at(states) @ kept(fit, fit.coefficients))
    np.testing.assert_allclose(functions[0] @ B.T, functions[1], atol=1e-6)


def test_functions_that_depend_on_each_other_are_left_alone():
    angle = np.random.default_rng(4).uniform(0, 2 * np.pi, N)
    z = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    total = sums(CUBIC, z, z, np.ones(N), block_numbers(N))
    fit = solve(Choice(CUBIC, 0.0), total)
    found = CUBIC.at(z) @ kept(fit, fit.coefficients)
    np.testing.assert_allclose(found, z, atol=1e-6)


def test_what_has_no_noise_stays_to_the_last_digit():
    """One output is a function of the state, the other scatters: neither is touched."""
    rng = np.random.default_rng(5)
    z = rng.standard_normal((N, 2))
    y = np.stack([z[:, 1], rng.standard_normal(N)], axis=1)
    fit = solve(Choice(CUBIC, 0.0), sums(CUBIC, z, y, np.ones(N), block_numbers(N)))
    found = kept(fit, fit.coefficients)
    np.testing.assert_allclose(found[:, 0], fit.coefficients[:, 0], atol=1e-10)


def test_what_is_not_finite_is_left_alone():
    z = np.random.default_rng(6).standard_normal((N, 2))
    fit = solve(Choice(CUBIC, 0.0), sums(CUBIC, z, z, np.ones(N), block_numbers(N)))
    far = fit._replace(scores=np.full_like(fit.scores, np.inf))
    np.testing.assert_array_equal(kept(far, fit.coefficients), fit.coefficients)
