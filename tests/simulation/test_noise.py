"""Normals that are functions of key, step, trajectory and component."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from driftmatch.simulation.noise import block_of_normals, normals, trajectory_keys

KEY = jax.random.key(3)


def draw(first, steps, M, components, key=KEY):
    return np.asarray(block_of_normals(trajectory_keys(key, M), first, steps, components))


def test_nothing_but_its_own_counters_counts():
    """However a run is cut, whatever is beside: across both layouts of the computation too."""
    whole = draw(0, 64, 40, 5)
    assert np.array_equal(draw(17, 9, 40, 5), whole[17:26])
    assert np.array_equal(draw(0, 64, 3, 5), whole[:, :, :3])
    assert np.array_equal(draw(0, 64, 40, 2), whole[:, :2])
    assert np.array_equal(draw(63, 1, 1, 1)[0], whole[63, :1, :1])
    assert np.array_equal(normals(KEY, 30, 40, 5), whole[30].T)
    numbers = np.concatenate([whole.ravel(), draw(0, 64, 40, 5, jax.random.key(4)).ravel()])
    assert len(np.unique(numbers)) > len(numbers) - 50  # some are equal by chance, about five


def test_one_path_in_both_precisions():
    with jax.enable_x64(True):
        assert np.array_equal(draw(5, 20, 7, 3), np.asarray(DRAWN))


DRAWN = draw(5, 20, 7, 3)


def test_steps_beyond_single_precision_have_noise_of_their_own():
    assert not np.allclose(draw(2**24, 1, 5, 3), draw(2**24 + 1, 1, 5, 3))
    assert np.array_equal(draw(2**24, 2, 5, 3)[1], draw(2**24 + 1, 1, 5, 3)[0])


def test_they_are_standard_normals():
    """10⁶ of them: Kolmogorov–Smirnov and four moments, each wrong in one of 10⁴ keys."""
    z = draw(0, 250, 1000, 4).astype(float)
    assert scipy.stats.kstest(z.ravel(), "norm").pvalue > 1e-4
    N = z.size
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(z**power) - mean) < 3.9 * np.sqrt(variance / N)
    beyond = np.sum(np.abs(z) > 4.5)
    assert scipy.stats.poisson(N * 2 * scipy.stats.norm.sf(4.5)).sf(beyond - 1) > 1e-4
    # The negative twin: numbers 1 % too large.
    assert abs(np.mean((1.01 * z) ** 2) - 1) > 3.9 * np.sqrt(2 / N)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_neighbours_are_independent(axis):
    z = np.moveaxis(draw(0, 300, 60, 40), axis, 0).astype(float)
    product = z[1:] * z[:-1]
    assert abs(product.mean()) * np.sqrt(product.size) < 3.9  # wrong in one of 10⁴ keys
    squares = (z[1:] ** 2 - 1) * (z[:-1] ** 2 - 1) / 2
    assert abs(squares.mean()) * np.sqrt(squares.size) < 3.9


def test_traced_steps():
    found = jax.jit(lambda i: block_of_normals(trajectory_keys(KEY, 2), i, 4, 3))(jnp.int32(9))
    np.testing.assert_allclose(found, draw(9, 4, 2, 3), rtol=1e-5)
