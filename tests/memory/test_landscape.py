"""Landscapes: known potentials, networks, and drifts that have none."""

import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory.descent import descend
from driftmatch.memory.landscape import Landscape, landscape

CENTRES = np.array([[0.0, 0.0], [3.0, 0.5], [1.0, 2.5], [-2.0, 1.5]])
DEPTHS = np.array([1.0, 1.25, 0.75, 1.0])


@pytest.fixture(scope="module")
def plane():
    return landscape(dm.systems.wells(CENTRES, DEPTHS, width=1.0, noise=0.3))


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


def test_energies_and_potential_of_wells_in_the_plane(plane):
    found = plane
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
    monkeypatch.setattr(sys.modules["driftmatch.memory.line_work"], "_MOST_PANELS", 64)
    assert np.abs(landscape(sde).energies).max() > 0.1  # the control


def test_minima_are_in_the_order_of_the_starts(plane):
    order = [2, 0, 3, 1]
    found = landscape(plane.sde, starts=CENTRES[order] + 0.1)
    assert np.allclose(found.minima, plane.minima[order], atol=1e-9)


def test_starts_that_lead_to_one_well_are_refused(plane):
    """Or else the wells after them would be numbered anew, and a tilt lead to another one."""
    with pytest.raises(
        dm.InputError, match=r"starts 1 and 3 lead to the same well of wells, at \["
    ):
        landscape(plane.sde, starts=CENTRES[[2, 0, 3, 0]] + 0.1)
    landscape(plane.sde, starts=CENTRES[[2, 0, 3, 1]] + 0.1)  # the control


def test_a_start_far_away_finds_the_well_that_its_flow_leads_to(plane):
    far = np.array([[30.0, 5.0], [-40.0, 30.0], *plane.minima[[0, 2]]])
    assert np.allclose(landscape(plane.sde, starts=far).minima, plane.minima[[1, 3, 0, 2]])


def test_a_network_has_the_landscape_of_its_target(uneven_square):
    target, network, found = uneven_square
    assert np.abs(found.minima - target.minima).max() < 0.03
    assert np.abs(found.energies - target.energies).max() < 0.01
    assert 0 < found.curl < 0.05
    assert 0 < found.circulation < 0.02
    assert np.allclose(landscape(network.latent()).energies, found.energies)


def test_basins_are_where_the_flow_ends(plane, uneven_square):
    """Against long descents, and a minimum found by Newton's method at their ends; of a network the
    basins are its own."""
    z = np.random.default_rng(1).uniform(-4, 5, size=(2, 24, 2))
    for wells in (plane, uneven_square[2]):
        labels = wells.basins(z)
        ends = np.concatenate([descend(wells.sde, four) for four in z.reshape(-1, 4, 2)])
        apart = np.linalg.norm(ends[:, None] - wells.minima, axis=2)
        assert np.all(apart.min(axis=1) < 1e-6)
        assert np.array_equal(labels, apart.argmin(axis=1).reshape(2, 24))
        assert set(labels.flat) == {0, 1, 2, 3}


def test_basins_are_not_balls():
    """A narrow well at 0 beside a broad one at 8: the ridge between them is at 0.2."""
    sde = dm.SDE(Line(jnp.array([0.0, 0.2, 8.0])), 0.1, dim=1, start=np.array([[0.0], [8.0]]))
    z = np.array([[-3.0], [0.15], [0.25], [1.0], [3.9], [30.0], [np.nan], [np.inf]])
    expected = [0, 0, 1, 1, 1, 1, -1, -1]
    assert np.array_equal(landscape(sde).basins(z), expected)


class Line(eqx.Module):
    """f = −∏(z − r)/(1 + z²) with wells at the first and the last of three roots r."""

    roots: jax.Array

    def __call__(self, z):
        return -jnp.prod(z - self.roots, keepdims=True) / (1 + z**2)


def test_states_that_lead_to_no_known_well_have_no_basin(plane):
    """To a well that was not given a start, along a ridge, out of all bounds, and round a cycle."""
    two = landscape(plane.sde, starts=CENTRES[[1, 3]])
    assert np.array_equal(two.basins(plane.minima), [-1, 0, -1, 1])
    doubled = landscape(dm.systems.double_well())
    assert np.array_equal(doubled.basins([[0.0], [1e-3], [-1e-3], [1e6]]), [-1, 0, 1, 0])
    minima = np.array([[4.0, 0.0], [6.0, 0.0]])
    mixed = Landscape(beside_a_cycle(), minima, np.zeros(2), np.ones(2), 0.0, 0.0)
    assert np.array_equal(mixed.basins([[0.5, 0.0], [1.0, 1.0], [4.4, 0.5]]), [-1, -1, 0])
    assert doubled.basins(np.zeros((0, 1))).shape == (0,)
    with pytest.raises(dm.InputError, match=r"states must have shape \(..., 1\), got \(3, 2\)"):
        doubled.basins(np.zeros((3, 2)))


def beside_a_cycle():
    """Left of 2.5 a limit cycle around 0, right of it wells at (4, 0) and (6, 0)."""

    def drift(z):
        x, y = z
        cycle = z * (1 - z @ z) + jnp.stack([-y, x])
        wells = jnp.stack([-4 * (x - 5) * ((x - 5) ** 2 - 1), -y])
        share = jax.nn.sigmoid(20 * (x - 2.5))
        return share * wells + (1 - share) * cycle

    return dm.SDE(drift, 0.1, dim=2)


def test_starts_and_noise_of_other_systems_share_what_is_compiled(plane, monkeypatch):
    module = sys.modules["driftmatch.memory.descent"]
    traced = []

    def counted(self, z):
        traced.append(1)
        return self.drift(z)

    monkeypatch.setattr(module.BareDrift, "__call__", counted)
    other = dm.systems.wells(CENTRES + 0.01, DEPTHS[::-1].copy(), width=1.0, noise=0.7)
    found = landscape(other)
    found.potential(np.zeros((7, 2)))
    assert traced == []
    jax.vmap(module.bare_drift(other))(jnp.zeros((3, 2)))
    assert traced == [1]  # the control


@pytest.mark.parametrize("turn", [0.0, 0.1, -0.2])
def test_curl_is_measured(turn):
    """f = (−1 + tJ)∇V, V = x⁴/4 − x²/2 + y²/2: by hand the curl is |t|/√(2 + 2t²) of the slopes."""
    found = landscape(turned(turn))
    assert np.allclose(found.minima, [[1, 0], [-1, 0]], atol=1e-9)
    assert found.curl == pytest.approx(abs(turn) / np.sqrt(2 + 2 * turn**2), rel=1e-3)


class Turned(eqx.Module):
    turn: jax.Array

    def __call__(self, z):
        x, y = z
        slope = jnp.stack([x**3 - x, y])
        return -slope + self.turn * jnp.stack([-slope[1], slope[0]])


def turned(turn):
    return dm.SDE(Turned(jnp.asarray(turn)), 0.1, dim=2, start=np.array([[1.0, 0], [-1.0, 0]]))


def test_a_drift_with_curl_is_refused():
    with pytest.raises(dm.InputError, match="antisymmetric part of its slopes is 44% of them"):
        landscape(turned(0.8))


MOBILITY = np.diag([1.0, 10.0])


class Mobile(eqx.Module):
    """f = −M∇V with V = (x⁴ − 2x²)/4 + ½(y − x)²: its minima are ±(1, 1)."""

    mobility: jax.Array

    def __call__(self, z):
        x, y = z
        return -self.mobility @ jnp.stack([x**3 - x - (y - x), y - x])


def test_stability_does_not_depend_on_units():
    """With D ∝ M the system is in equilibrium, and in units in which D is isotropic it is a
    gradient. The symmetric part of ∂f/∂z has a positive eigenvalue in its minima."""
    starts = np.array([[1.0, 1.0], [-1.0, -1.0]])
    noise = np.sqrt(2 * 0.05 * MOBILITY)
    sde = dm.SDE(Mobile(jnp.asarray(MOBILITY)), noise, dim=2, start=starts)
    J = -MOBILITY @ [[3.0, -1.0], [-1.0, 1.0]]
    assert np.linalg.eigvalsh(J + J.T).max() > 0 > np.linalg.eigvals(J).real.max()
    assert np.allclose(descend(sde, starts + 0.1), starts, atol=1e-9)
    with pytest.raises(dm.InputError, match=r"as D is anisotropic, .* z' = L⁻¹z, D = LLᵀ"):
        landscape(sde)

    L = np.sqrt(MOBILITY)
    inverse = jnp.asarray(np.linalg.inv(L))
    drift = Mobile(jnp.asarray(MOBILITY))
    isotropic = dm.SDE(
        lambda z: inverse @ drift(L @ z), 0.3, dim=2, start=starts @ np.linalg.inv(L)
    )
    found = landscape(isotropic)
    assert found.curl < 1e-6
    assert np.allclose(found.minima @ L, starts, atol=1e-6)


def test_a_torque_around_a_ring_is_no_gradient_though_it_has_no_curl_there():
    landscape(ring(0.0))
    with pytest.raises(dm.InputError, match="depends on the path by"):
        landscape(ring(0.4))


def ring(torque):
    """With the torque as an array, so that both are compiled once."""
    sde = dm.systems.ring_of_wells(torque=torque)
    return eqx.tree_at(lambda sde: sde._drift.torque, sde, jnp.asarray(torque))


class Scaled(eqx.Module):
    factor: jax.Array

    def __call__(self, z):
        return self.factor * z


def test_what_has_no_landscape():
    with pytest.raises(dm.InputError, match="does not name a start for each of its wells"):
        landscape(dm.systems.van_der_pol())
    with pytest.raises(dm.InputError, match="does not name a start"):
        landscape(dm.SDE(lambda z: -z, 0.1, dim=2))
    with pytest.raises(dm.InputError, match="does not come to rest in a minimum"):
        landscape(dm.systems.van_der_pol(), starts=np.array([[2.0, 0.0], [-2.0, 0.0]]))
    with pytest.raises(dm.InputError, match="one well only"):
        landscape(dm.SDE(Scaled(jnp.array(-1.0)), 0.1, dim=1), starts=np.array([[1.0], [2.0]]))
    with pytest.raises(dm.InputError, match="does not come to rest in a minimum"):
        landscape(dm.SDE(Scaled(jnp.array(1.0)), 0.1, dim=1), starts=np.array([[0.0], [2.0]]))
    for starts, got in (
        (np.array([1.0, -1.0]), r"shape \(wells, 1\), got \(2,\)"),
        ("a", r"shape \(wells, 1\), got 'a'"),
        ([[0.0], [1.0, 2.0]], r"shape \(wells, 1\), got \[\[0"),
        ([[0.0], [np.nan]], "be finite, got"),
    ):
        with pytest.raises(dm.InputError, match=rf"starts must .*{got}"):
            landscape(dm.systems.double_well(), starts=starts)
    with pytest.raises(dm.InputError, match="must be a Network or an SDE, got str"):
        landscape("wells")
