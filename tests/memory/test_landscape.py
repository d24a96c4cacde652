"""Landscapes: known potentials, networks, and drifts that have none."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory.landscape import landscape

CENTRES = np.array([[0.0, 0.0], [3.0, 0.5], [1.0, 2.5], [-2.0, 1.5]])
DEPTHS = np.array([1.0, 1.3, 0.8, 1.1])


def wells():
    return dm.systems.wells(CENTRES, DEPTHS, width=1.0, noise=0.3)


def potential(z):
    """Of `wells`, as its docstring has it."""
    E = DEPTHS.mean() / 4
    V = -DEPTHS + DEPTHS.mean() * np.sum((z[..., None, :] - CENTRES) ** 2, axis=-1)
    return -E * np.log(np.sum(np.exp(-V / E), axis=-1))


def from_potential(V, starts):
    return dm.SDE(lambda z: -jax.grad(V)(z), 0.1, dim=len(starts[0]), start=starts)


def test_the_double_well():
    found = landscape(dm.systems.double_well())
    assert np.allclose(found.minima, [[1.0], [-1.0]], atol=1e-12)
    assert np.allclose(found.energies, 0, atol=1e-12)
    assert np.allclose(found.depths, 0.25, atol=1e-3)  # the top is looked for between panels
    assert found.curl == 0
    assert found.spacing == pytest.approx(2)


def test_energies_of_a_tilted_double_well():
    """V = x⁴/4 − x²/2 + x/5: minima are the outer roots of x³ − x + 1/5."""
    found = landscape(
        from_potential(lambda z: z[0] ** 4 / 4 - z[0] ** 2 / 2 + z[0] / 5, [[1.0], [-1.0]])
    )
    roots = np.sort(np.roots([1, 0, -1, 0.2]).real)[[2, 0]]
    V = roots**4 / 4 - roots**2 / 2 + roots / 5
    assert np.allclose(found.minima[:, 0], roots, atol=1e-12)
    assert np.allclose(found.energies, V - V.min(), atol=1e-10)
    assert found.energies[1] == 0
    assert found.energies[0] > 0.3


def test_energies_and_potential_of_wells_in_the_plane():
    found = landscape(wells())
    V = potential(found.minima)
    assert np.allclose(found.energies, V - V.min(), atol=1e-7)
    z = np.random.default_rng(0).uniform(-3, 4, size=(5, 20, 2))
    assert np.allclose(found.potential(z), potential(z) - V.min(), atol=1e-6)
    assert found.potential(z).shape == (5, 20)
    assert found.circulation < 1e-7
    assert found.curl < 1e-12


def test_sharp_ridges_are_resolved(monkeypatch):
    """Wells that are narrow beside their distance; 256 nodes on a line are not enough for them."""
    centres = np.array([[0.0], [1.0], [11.0], [23.0]])
    sde = dm.systems.wells(centres, 1.0, width=0.5, noise=0.3)
    found = landscape(sde)
    assert np.allclose(found.energies, 0, atol=1e-5)
    assert np.all(found.depths > 0.5)
    monkeypatch.setattr(sys.modules["driftmatch.memory.landscape"], "_MOST_PANELS", 64)
    assert np.abs(landscape(sde).energies).max() > 0.1  # the control


def test_minima_are_in_the_order_of_the_starts_and_each_once():
    sde = wells()
    order = [2, 0, 2, 3]
    found = landscape(sde, starts=CENTRES[order] + 0.1)
    assert np.allclose(found.minima, landscape(sde).minima[[2, 0, 3]], atol=1e-9)


def test_a_start_far_away_finds_the_well_that_its_flow_leads_to():
    sde = wells()
    found = landscape(sde, starts=np.array([[30.0, 5.0], [-40.0, 30.0]]))
    assert np.allclose(found.minima, landscape(sde).minima[[1, 3]], atol=1e-9)


def test_a_network_has_the_landscape_of_its_target():
    sde = dm.systems.wells(depths=(1.0, 1.2, 0.9, 1.1), noise=0.35)
    box = ([-2.2, -2.2], [2.2, 2.2])
    network = dm.embed(sde, 96, key=jax.random.key(0), box=box).network
    found, target = landscape(network), landscape(sde)
    assert np.abs(found.minima - target.minima).max() < 0.03
    assert np.abs(found.energies - target.energies).max() < 0.01
    assert 0 < found.curl < 0.05
    assert 0 < found.circulation < 0.02
    assert np.allclose(landscape(network.latent()).energies, found.energies)


@pytest.mark.parametrize("turn", [0.0, 0.1, -0.2])
def test_curl_is_measured(turn):
    """f = (−1 + tJ)∇V, V = x⁴/4 − x²/2 + y²/2: by hand the curl is |t|/√(2 + 2t²) of the slopes."""
    found = landscape(turned(turn))
    assert np.allclose(found.minima, [[1, 0], [-1, 0]], atol=1e-9)
    assert found.curl == pytest.approx(abs(turn) / np.sqrt(2 + 2 * turn**2), rel=1e-3)


def turned(turn):
    def drift(z):
        x, y = z
        slope = jnp.stack([x**3 - x, y])
        return -slope + turn * jnp.stack([-slope[1], slope[0]])

    return dm.SDE(drift, 0.1, dim=2, start=[[1.0, 0.0], [-1.0, 0.0]])


def test_a_drift_with_curl_is_refused():
    with pytest.raises(dm.InputError, match="antisymmetric part of its slopes is 44% of them"):
        landscape(turned(0.8))


def test_a_torque_around_a_ring_is_no_gradient_though_it_has_no_curl_there():
    landscape(dm.systems.ring_of_wells(torque=0.0))
    with pytest.raises(dm.InputError, match="depends on the path by"):
        landscape(dm.systems.ring_of_wells(torque=0.4))


def test_what_has_no_landscape():
    with pytest.raises(dm.InputError, match="does not name a start for each of its wells"):
        landscape(dm.systems.van_der_pol())
    with pytest.raises(dm.InputError, match="does not name a start"):
        landscape(dm.SDE(lambda z: -z, 0.1, dim=2))
    with pytest.raises(dm.InputError, match="does not come to rest in a minimum"):
        landscape(dm.systems.van_der_pol(), starts=np.array([[2.0, 0.0], [-2.0, 0.0]]))
    with pytest.raises(dm.InputError, match="one well only"):
        landscape(dm.SDE(lambda z: -z, 0.1, dim=1), starts=np.array([[1.0], [2.0]]))
    with pytest.raises(dm.InputError, match="does not come to rest in a minimum"):
        landscape(dm.SDE(lambda z: z, 0.1, dim=1), starts=np.array([[0.0], [2.0]]))
    with pytest.raises(dm.InputError, match=r"of shape \(wells, 1\), got shape \(2,\)"):
        landscape(dm.systems.double_well(), starts=np.array([1.0, -1.0]))
    with pytest.raises(dm.InputError, match="must be an SDE or a Network, got str"):
        landscape("wells")
