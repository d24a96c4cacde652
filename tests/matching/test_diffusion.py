"""The root of the diffusion as outputs, and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.evaluate import diffusion_matrices
from driftmatch.matching.diffusion import RootOutputs

STATES = np.random.default_rng(0).standard_normal((40, 3))
WEIGHTS = np.random.default_rng(1).dirichlet(np.ones(40))
ROTATION = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]


def sigma(z):
    x, y, w = z
    return jnp.array([[1.0, x, 0.0], [0.2, 1.5 + y, w], [x, 0.0, 0.5]])


def noisy(diffusion, dim=3):
    return dm.SDE(lambda z: -z, diffusion, dim)


@pytest.fixture(scope="module")
def sde():
    return noisy(sigma)


@pytest.fixture(scope="module")
def outputs(sde):
    return RootOutputs.of(sde, STATES, WEIGHTS)


def roots(outputs) -> np.ndarray:
    """(2D)^{1/2} at every state, from the entries above the diagonal."""
    k = len(outputs.mean)
    found = np.zeros((len(outputs.values), k, k))
    rows, columns = np.triu_indices(k)
    found[:, rows, columns] = outputs.values / outputs.scale
    found[:, columns, rows] = outputs.values / outputs.scale
    return found + outputs.mean


def test_squared_they_are_twice_the_diffusion(sde, outputs):
    R = roots(outputs)
    np.testing.assert_allclose(R @ R, 2 * diffusion_matrices(sde, STATES), rtol=1e-10, atol=1e-12)
    assert np.linalg.eigvalsh(R).min() > -1e-12
    np.testing.assert_allclose(WEIGHTS @ outputs.values, 0, atol=1e-12)


def test_a_rotation_of_the_noise_changes_nothing(outputs):
    """σQ dB is the same process as σ dB."""
    turned = noisy(lambda z: sigma(z) @ ROTATION)
    assert not np.allclose(turned.diffusion(jnp.ones(3)), sigma(jnp.ones(3)), atol=0.1)
    again = RootOutputs.of(turned, STATES, WEIGHTS)
    np.testing.assert_allclose(again.values, outputs.values, rtol=1e-9, atol=1e-10)
    wider = noisy(lambda z: jnp.concatenate([sigma(z), jnp.zeros((3, 2))], axis=1))
    np.testing.assert_allclose(
        RootOutputs.of(wider, STATES, WEIGHTS).values, outputs.values, rtol=1e-9, atol=1e-10
    )


def test_states_are_taken_one_by_one(sde, outputs):
    order = np.random.default_rng(3).permutation(40)
    again = RootOutputs.of(sde, STATES[order], WEIGHTS[order])
    np.testing.assert_allclose(again.values, outputs.values[order], rtol=1e-9, atol=1e-11)


def test_features_that_follow_them_give_the_diffusion_back(sde, outputs):
    """One feature a state, which is on there and off elsewhere."""
    noise = outputs.shared_noise(outputs.values)
    with jax.enable_x64(True):
        S = np.asarray(jax.vmap(noise)(jnp.eye(40)))
    np.testing.assert_allclose(
        S @ np.swapaxes(S, 1, 2), 2 * diffusion_matrices(sde, STATES), rtol=1e-9, atol=1e-11
    )
    np.testing.assert_allclose(S, np.swapaxes(S, 1, 2), rtol=0, atol=1e-14)
    silent = outputs.shared_noise(np.zeros((40, 6)))
    np.testing.assert_array_equal(silent(np.ones(40)), outputs.mean.astype(np.float32))


def test_their_squared_error_is_that_of_the_diffusion():
    """k ε_D², where the noise is the same in all directions: to first order, in numbers."""
    outputs = RootOutputs.of(noisy(lambda z: 0.7 * jnp.eye(3) + 0 * z[0]), STATES, WEIGHTS)
    rng = np.random.default_rng(4)
    change = 1e-4 * rng.standard_normal((40, 3, 3))
    change = change + np.swapaxes(change, 1, 2)
    R = 0.7 * np.eye(3) + change
    D = 0.5 * 0.7**2 * np.eye(3)
    wrong = np.sum((0.5 * R @ R - D) ** 2, axis=(1, 2))
    errors = (change[:, *np.triu_indices(3)] * outputs.scale) ** 2
    expected = 3 * (WEIGHTS @ wrong) / np.sum(D**2)
    assert WEIGHTS @ errors.sum(axis=1) == pytest.approx(expected, rel=1e-3)
    unweighted = (change[:, *np.triu_indices(3)] * outputs.scale[0]) ** 2  # off-diagonals once
    assert WEIGHTS @ unweighted.sum(axis=1) < 0.8 * expected  # the control


def test_where_there_is_no_diffusion_its_mean_is_wanted():
    """Beyond a bound, where the square root of the state is not a number."""
    states = np.array([[0.25], [1.0], [4.0], [-1.0]])
    weights = np.array([0.25, 0.25, 0.25, 0.25])
    outputs = RootOutputs.of(noisy(lambda z: jnp.sqrt(z)[:, None], 1), states, weights)
    R = roots(outputs)[:, 0, 0]
    np.testing.assert_allclose(R[:3], [0.5, 1.0, 2.0], rtol=1e-9)
    assert R[3] == pytest.approx(np.sqrt(1.75))  # of the mean of 0.25, 1 and 4


def test_no_noise_at_all_is_no_division_by_zero():
    outputs = RootOutputs.of(noisy(lambda z: 0 * jnp.diag(z)), STATES, WEIGHTS)
    np.testing.assert_array_equal(outputs.values, 0)
    assert np.all(np.isfinite(outputs.scale))
