"""The Helmholtz–Hodge split."""

import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm

BOX = dm.Grid([-2, -3], [2, 3], (160, 200))


def test_a_gradient_with_no_flow_through_the_walls_is_recovered():
    def drift(z):  # −∇U, U = cos(πx/2) cos(πy/3) about the walls at ±2 and ±3
        x, y = jnp.pi * z[0] / 2, jnp.pi * z[1] / 3
        return jnp.stack(
            [jnp.pi / 2 * jnp.sin(x) * jnp.cos(y), jnp.pi / 3 * jnp.cos(x) * jnp.sin(y)]
        )

    split = dm.helmholtz_hodge(dm.SDE(drift, 1.0, 2), BOX)
    x, y = (BOX.centres * [np.pi / 2, np.pi / 3]).T
    np.testing.assert_allclose(split.potential.ravel(), np.cos(x) * np.cos(y), atol=2e-3)
    assert split.gradient_fraction == pytest.approx(1, abs=1e-3)
    assert np.abs(split.rotational).max() < 5e-3


def test_a_rotation_along_the_walls_is_no_gradient():
    def drift(z):  # the curl of (1 − x²/4)(1 − y²/9), which is 0 on the walls
        x, y = z
        return jnp.stack([-(1 - x**2 / 4) * 2 * y / 9, (1 - y**2 / 9) * x / 2])

    split = dm.helmholtz_hodge(dm.SDE(drift, 1.0, 2), BOX)
    assert split.gradient_fraction < 1e-8
    assert np.abs(split.gradient).max() < 1e-3


@pytest.mark.parametrize(
    "sde",
    [dm.systems.double_well(), dm.systems.van_der_pol(), dm.systems.lorenz()],
    ids=lambda sde: sde.name,
)
def test_the_parts_add_up_and_the_rotational_one_has_no_sources(sde):
    k = sde.dim
    grid = dm.Grid([-2.0] * k, [2.0] * k, 24)
    split = dm.helmholtz_hodge(sde, grid)
    total = split.gradient + split.rotational
    from driftmatch.evaluate import drifts

    np.testing.assert_allclose(total.reshape(-1, k), drifts(sde, grid.centres), atol=1e-9)
    inner = (slice(2, -2),) * k
    sources = sum(
        np.gradient(split.rotational[..., a], grid.spacing[a], axis=a)[inner] for a in range(k)
    )
    assert np.abs(sources).max() < 0.05 * np.abs(total).max()
    assert 0 <= split.gradient_fraction <= 1


def test_it_is_not_the_irreversible_part():
    """Beads at two temperatures: f = −Bx with B symmetric is a gradient, yet irreversible."""
    sde = dm.systems.ornstein_uhlenbeck([[2.0, -1.0], [-1.0, 2.0]], [[1.0, 0.0], [0.0, 10.0]])
    beads = dm.irreversibility(sde, method="linear")
    assert beads.entropy_production == pytest.approx(2.025)
    curl = np.array([beads.irreversible([0.0, 1.0])[0], beads.irreversible([1.0, 0.0])[1]])
    assert np.abs(curl[0] - curl[1]) > 0.1


def test_drifts_that_are_not_finite_are_refused():
    with pytest.raises(dm.InputError, match="not finite in the box"):
        dm.helmholtz_hodge(dm.SDE(lambda z: 1 / z, 1.0, 1, start=[1.0]), dm.Grid(-1, 1, 9))
