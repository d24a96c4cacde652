import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.systems import ornstein_uhlenbeck

B = np.array([[2.0, -1.0, 0.0], [0.5, 1.0, 0.2], [0.0, 0.3, 3.0]])
D = np.array([[1.0, 0.4, 0.0], [0.4, 2.0, 0.1], [0.0, 0.1, 0.5]])


def test_drift_and_diffusion():
    sde = ornstein_uhlenbeck(B, D)
    x = np.array([1.0, -2.0, 0.5])
    with jax.enable_x64(True):
        sigma = np.array(sde.diffusion(jnp.array(x)))
        np.testing.assert_allclose(sde.drift(jnp.array(x)), -B @ x, rtol=1e-14)
    np.testing.assert_allclose(sigma @ sigma.T / 2, D, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(sigma, sigma.T, atol=1e-15)
    assert sde.has_constant_diffusion


def test_singular_diffusion():
    """Underdamped motion: noise on the velocity alone."""
    sde = ornstein_uhlenbeck([[0, -1], [1, 0.5]], [[0, 0], [0, 0.3]])
    sigma = np.array(sde.diffusion(jnp.zeros(2)))
    np.testing.assert_allclose(sigma @ sigma.T / 2, [[0, 0], [0, 0.3]], atol=1e-7)


def test_numbers_stand_for_matrices():
    np.testing.assert_allclose(
        ornstein_uhlenbeck(B, 0.5).diffusion(jnp.zeros(3)), np.eye(3), rtol=1e-6
    )
    assert ornstein_uhlenbeck(3.0).dim == 1


def test_time_scale_does_not_depend_on_the_coordinates():
    turn = np.diag([1.0, 1e4, 1e-3]) @ np.linalg.qr(B + 1)[0]
    inverse = np.linalg.inv(turn)
    turned = ornstein_uhlenbeck(turn @ B @ inverse, turn @ D @ turn.T)
    assert turned.time_scale == pytest.approx(ornstein_uhlenbeck(B, D).time_scale)


@pytest.mark.parametrize(
    ("B", "D", "sentence"),
    [
        ([[1, 2, 3], [4, 5, 6]], 1, r"B must be a square matrix, got shape \(2, 3\)"),
        ([[-1, 0], [0, 1]], 1, "B must have eigenvalues of positive real part.* -1"),
        ([[0, -1], [1, 0]], 1, "B must have eigenvalues of positive real part"),
        ([[np.nan]], 1, "B must be finite"),
        ("two", 1, "B must be numbers, got 'two'"),
        ([[1, 2], [3]], 1, "B must be numbers"),
        (np.eye(2), [1, 2], r"D must be a number or a matrix of shape \(2, 2\), got shape \(2,\)"),
        (np.eye(2), [[1, 1], [0, 1]], "D must be symmetric"),
        (np.eye(2), [[1, 2], [2, 1]], "D must be positive semidefinite.*smallest eigenvalue is -1"),
        (np.eye(2), -1, "D must be positive semidefinite"),
    ],
)
def test_bad_matrices(B, D, sentence):
    with pytest.raises(dm.InputError, match=sentence):
        ornstein_uhlenbeck(B, D)
