"""The SDE as a flux."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.analysis.flux import (
    as_stationary_sde,
    diffuse,
    divergences,
    flux_drifts,
    undiffuse,
)
from driftmatch.wrappers import Forced

STATES = np.random.default_rng(0).normal(size=(5, 2))


def multiplicative():
    """D = ½ diag((1 + x²)², 1 + y⁴)."""
    return dm.SDE(
        lambda z: -z, lambda z: jnp.diag(jnp.stack([1 + z[0] ** 2, jnp.sqrt(1 + z[1] ** 4)])), 2
    )


def test_flux_drift_leaves_out_the_divergence_of_D():
    drift, D = flux_drifts(multiplicative(), STATES)
    x, y = STATES.T
    np.testing.assert_allclose(D[:, 0, 0], 0.5 * (1 + x**2) ** 2, rtol=1e-12)
    np.testing.assert_allclose(drift[:, 0], -x - 2 * x * (1 + x**2), rtol=1e-12)
    np.testing.assert_allclose(drift[:, 1], -y - 2 * y**3, rtol=1e-12)
    np.testing.assert_allclose(
        divergences(multiplicative(), STATES), -2 - 2 - 6 * x**2 - 6 * y**2, rtol=1e-12
    )


def test_a_constant_D_is_given_once():
    drift, D = flux_drifts(dm.systems.ornstein_uhlenbeck(), STATES)
    assert D.shape == (1, 2, 2)
    np.testing.assert_allclose(drift, -STATES @ np.array([[2.0, -1.0], [1.0, 2.0]]).T)


@pytest.mark.parametrize("number", [1, 5])
def test_diffuse_and_undiffuse_are_inverse(number):
    A = np.random.default_rng(1).normal(size=(number, 2, 2))
    D = A @ np.swapaxes(A, 1, 2) + np.eye(2)
    np.testing.assert_allclose(undiffuse(D, diffuse(D, STATES)), STATES, rtol=1e-10)
    np.testing.assert_allclose(diffuse(D, STATES)[3], D[3 % number] @ STATES[3])


def test_singular_noise_is_refused_with_its_direction():
    sde = dm.SDE(lambda z: -z, jnp.array([[1.0], [1.0]]), 2, name="lopsided")
    with pytest.raises(dm.InputError, match=r"lopsided is singular.*no noise along.*0\.707"):
        flux_drifts(sde, STATES)


def test_badly_scaled_noise_is_not_singular():
    found = flux_drifts(dm.SDE(lambda z: -z, np.array([1e-6, 1e6]), 2), STATES)
    assert all(np.all(np.isfinite(part)) for part in jax.tree.leaves(found))


def test_infinite_drifts_are_refused_with_the_place():
    sde = dm.SDE(lambda z: 1 / z, 1.0, 1, name="pole")
    with pytest.raises(dm.InputError, match=r"pole is not finite at \(0\)"):
        flux_drifts(sde, np.array([[1.0], [0.0]]))


def test_networks_stand_for_their_latent_sde():
    network = dm.Network(np.ones((3, 1)), np.ones((1, 3)), np.zeros(3), shared_noise=1.0)
    assert as_stationary_sde(network).dim == 1


def test_what_is_driven_or_no_sde_is_refused():
    driven = Forced(dm.systems.double_well(), lambda t: jnp.sin(t)[None])
    with pytest.raises(dm.InputError, match="depends on time"):
        as_stationary_sde(driven)
    with pytest.raises(dm.InputError, match="got function"):
        as_stationary_sde(lambda z: -z)  # type: ignore[arg-type]


def test_batches_do_not_show():
    """More states than one batch, and a number that is no multiple of it."""
    states = np.random.default_rng(2).normal(size=(4999, 2))
    drift, _ = flux_drifts(multiplicative(), states)
    again, _ = flux_drifts(multiplicative(), states[4700:])
    np.testing.assert_allclose(drift[4700:], again, rtol=1e-13)
    assert drift.shape == (4999, 2)
