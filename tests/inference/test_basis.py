"""Functions of the state: which monomials there are, angles that come round, and nothing beyond."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from driftmatch.inference.basis import Basis, candidates, in_batches, monomials
from driftmatch.matching.features import RandomFeatures

SMALL = {"numbers": (16,), "degrees": (0, 1, 2, 3, 4)}


@pytest.mark.parametrize(("k", "degree"), [*itertools.product((1, 2, 3), (0, 1, 2, 4))])
def test_all_monomials_up_to_a_degree(k, degree):
    found = monomials((False,) * k, degree)
    wanted = {e for e in itertools.product(range(degree + 1), repeat=k) if sum(e) <= degree}
    assert set(found) == wanted
    assert len(found) == len(wanted)
    assert found[0] == (0,) * k
    assert [sum(e) for e in found] == sorted(sum(e) for e in found)


def test_of_an_angle_the_fourier_modes():
    """cosᵃ sinᵇ with b ≤ 1 and a + b ≤ d span cos jθ, sin jθ for j ≤ d, and no function twice."""
    for degree in (1, 2, 3):
        exponents = monomials((True,), degree)
        assert len(exponents) == 2 * degree + 1
        theta = np.linspace(0, 2 * np.pi, 50)[:, None]
        none = np.zeros((0, 2)), np.zeros(0)
        with jax.enable_x64(True):
            phi = Basis(*none, np.asarray(1.0), exponents, (True,)).at(theta)
        j = np.arange(1, degree + 1)
        modes = np.concatenate([np.ones_like(theta), np.cos(j * theta), np.sin(j * theta)], axis=1)
        combined = phi @ np.linalg.lstsq(phi, modes, rcond=None)[0]
        np.testing.assert_allclose(combined, modes, atol=1e-10)
        assert np.linalg.matrix_rank(phi) == phi.shape[1]


def test_values_and_features():
    rng = np.random.default_rng(0)
    z, gamma, bias = rng.standard_normal((30, 2)), rng.standard_normal((4, 2)), rng.random(4)
    basis = Basis(gamma, bias, np.asarray(99.0), ((0, 0), (1, 2)), (False, False))
    with jax.enable_x64(True):
        phi = basis.at(z)
    wanted = np.c_[np.ones(30), z[:, 0] * z[:, 1] ** 2, np.tanh(z @ gamma.T + bias)]
    np.testing.assert_allclose(phi, wanted, rtol=1e-12, atol=1e-12)
    assert basis.size == 6


@pytest.mark.parametrize("angles", [(False, False), (False, True)])
def test_the_reach_is_beyond_what_was_recorded(angles):
    rng = np.random.default_rng(1)
    z = rng.standard_normal((5000, 2)) * (1, 9)
    found = candidates(z, angles, RandomFeatures(), rng, **SMALL)
    with jax.enable_x64(True):
        for basis in found:
            np.testing.assert_allclose(np.asarray(basis.within(jnp.asarray(z))), z, rtol=1e-12)
            ray = np.stack([3.0 * basis.reach * np.array([1.0, 0.0]), [basis.reach, 0.0]])
            far, near = basis.at(ray)
            np.testing.assert_allclose(far, near, rtol=1e-9, atol=1e-9)
            if angles[1]:
                there, again = basis.at(np.array([[0.3, 0.5], [0.3, 0.5 + 6 * np.pi]]))
                np.testing.assert_allclose(there, again, atol=1e-12)


def test_where_all_coordinates_are_angles():
    z = np.linspace(0, 20, 100)[:, None]
    found = candidates(z, (True,), RandomFeatures(), np.random.default_rng(3), **SMALL)
    with jax.enable_x64(True):
        for basis in found:
            slope = jax.vmap(jax.jacfwd(basis))(jnp.asarray(z))
            assert np.isfinite(slope).all()
            np.testing.assert_allclose(basis(jnp.asarray(z)), basis.at(z), atol=1e-12)


def test_not_more_functions_than_a_tenth_of_the_states():
    rng = np.random.default_rng(2)
    for number in (5, 100, 400):
        z = rng.standard_normal((number, 2))
        found = candidates(z, (False, False), RandomFeatures(), rng, **SMALL)
        assert found
        assert max(basis.size for basis in found) <= max(number // 10, 1)


@pytest.mark.parametrize("N", [1, 5, 2**14, 2**14 + 1])
def test_batches_are_of_one_size_and_give_all(N):
    seen = []

    def double(z, t, factor):
        seen.append(z.shape)
        return factor * z, z[:, 0] + t

    z, t = np.arange(2.0 * N).reshape(N, 2), np.arange(float(N))
    twice, total = in_batches(double, z, 2.0, more=(t,))
    np.testing.assert_allclose(twice, 2 * z)
    np.testing.assert_allclose(total, z[:, 0] + t)
    assert len(set(seen)) == 1
