import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import driftmatch as dm
from driftmatch.activations import Activation, inverse_integral
from driftmatch.evaluate import drifts
from driftmatch.network import Network

ALL = pytest.mark.parametrize("activation", dm.ACTIVATIONS)
RNG = np.random.default_rng(0)


def network(activation="tanh", n=24, k=2, seed=0, *, symmetric=False):
    rng = np.random.default_rng(seed)
    gamma, readout = rng.normal(size=(n, k)), rng.normal(size=(k, n)) / n**0.5
    if symmetric:
        readout = gamma.T / n
    return Network(gamma, readout, rng.normal(size=n), tau=0.3, activation=activation)


def dense(net):
    """W₊ and W₋ as matrices."""
    W = net.gamma @ net.readout
    return (W + W.T) / 2, (W - W.T) / 2


def rates(net, x):
    return net.activation.derivatives(x)[0]


def climbs(net, right_hand_side, x, dt=0.02, steps=400):
    """How far the energy rises, at most, in a step along a path of τ dx/dt = right_hand_side(x)."""
    energy = dm.symmetry(net).energy
    path = [x]
    for _ in range(steps):
        a = right_hand_side(x)
        b = right_hand_side(x + dt / 2 * a)
        c = right_hand_side(x + dt / 2 * b)
        x = x + dt / 6 * (a + 2 * b + 2 * c + right_hand_side(x + dt * c))
        path.append(x)
    return float(np.diff(energy(np.array(path))).max())


@ALL
def test_fields_add_up_to_the_latent_drift(activation):
    net = network(activation)
    z = 3 * RNG.normal(size=(50, 2))
    parts = dm.symmetry(net)
    drift = drifts(net.latent(), z)
    total = parts.symmetric(z) + parts.asymmetric(z)
    np.testing.assert_allclose(total, drift, rtol=1e-13, atol=1e-13 * np.abs(drift).max())


@ALL
def test_fields_and_energy_are_those_of_the_dense_matrices(activation):
    net = network(activation)
    plus, minus = dense(net)
    parts, z = dm.symmetry(net), RNG.normal(size=(5, 2))
    x = z @ net.gamma.T + net.bias
    phi = rates(net, x)
    projector = np.linalg.pinv(net.gamma)
    for found, wanted in [
        (parts.symmetric(z), (phi @ plus - x + net.bias) @ projector.T / net.tau),
        (parts.asymmetric(z), phi @ minus.T @ projector.T / net.tau),
        (
            parts.energy(x),
            -0.5 * np.sum(phi @ plus * phi, axis=1)
            - phi @ net.bias
            + inverse_integral(net.activation, x).sum(axis=1),
        ),
    ]:
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)
    np.testing.assert_array_equal(parts.latent_energy(z), parts.energy(x))


@ALL
def test_the_energy_has_the_gradient_of_the_symmetric_part(activation):
    """∂E/∂x_i = −φ'(x_i) [−x + W₊φ + b]_i, by differences of energies."""
    net = network(activation)
    plus, _ = dense(net)
    parts, h = dm.symmetry(net), 1e-5
    x = np.random.default_rng(5).normal(size=24)
    steps = h * np.eye(24)
    found = (parts.energy(x + steps) - parts.energy(x - steps)) / (2 * h)
    phi, gain, _ = net.activation.derivatives(x)
    np.testing.assert_allclose(found, -gain * (-x + plus @ phi + net.bias), atol=1e-8)


@ALL
def test_latent_gradient_and_divergences_by_differences(activation):
    net = network(activation, k=3)
    parts, h = dm.symmetry(net), 1e-5
    z = np.random.default_rng(3).normal(size=3)
    steps = h * np.eye(3)
    slope = (parts.latent_energy(z + steps) - parts.latent_energy(z - steps)) / (2 * h)
    np.testing.assert_allclose(parts.latent_gradient(z), slope, atol=1e-7)
    for found, field in zip(parts.divergences(z), (parts.symmetric, parts.asymmetric), strict=True):
        jacobian = (field(z + steps) - field(z - steps)) / (2 * h)
        np.testing.assert_allclose(found, np.trace(jacobian), atol=1e-6)


def test_an_activation_of_the_users_own():
    """Without a closed form, φ(0) ≠ 0: the gradient is as before."""
    cube = Activation(
        "shifted", lambda x: x**3 + x + 2, lambda x: (x**3 + x + 2, 3 * x**2 + 1, 6 * x), False
    )
    net = network(cube)
    plus, _ = dense(net)
    parts, h = dm.symmetry(net), 1e-5
    x = np.random.default_rng(5).normal(size=24)
    steps = h * np.eye(24)
    found = (parts.energy(x + steps) - parts.energy(x - steps)) / (2 * h)
    wanted = -(3 * x**2 + 1) * (-x + plus @ rates(net, x) + net.bias)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "erf", "softplus"])
def test_the_symmetric_part_alone_never_climbs(activation):
    """And the whole network, the control, does, if it turns enough."""
    gamma = network().gamma
    middle = np.array([[1.0, 4.0], [-4.0, 1.0]])
    net = Network(gamma, middle @ gamma.T / 6, network().bias, activation=activation)
    plus, minus = dense(net)
    x = 2 * np.random.default_rng(1).normal(size=24)
    down = climbs(net, lambda x: -x + plus @ rates(net, x) + net.bias, x)
    whole = climbs(net, lambda x: -x + (plus + minus) @ rates(net, x) + net.bias, x)
    assert down < 1e-12
    assert whole > 1e-2


def test_sizes_are_those_of_the_dense_matrices():
    """And, by a second route, of traces of k × k matrices."""
    net = network(k=3)
    parts = dm.symmetry(net)
    plus, minus = dense(net)
    sizes = [parts.norm, parts.symmetric_norm, parts.asymmetric_norm]
    wanted = [np.linalg.norm(W) for W in (plus + minus, plus, minus)]
    np.testing.assert_allclose(sizes, wanted, rtol=1e-12)
    overlap = net.readout @ net.gamma
    square = np.trace(net.gamma.T @ net.gamma @ net.readout @ net.readout.T)
    trace = np.trace(overlap @ overlap)
    np.testing.assert_allclose(parts.asymmetry, 0.5 * (1 - trace / square), rtol=1e-12)


def test_controls_of_the_asymmetry():
    rng = np.random.default_rng(2)
    gamma, turn = rng.normal(size=(30, 2)), np.array([[0.0, 1.0], [-1.0, 0.0]])
    for middle, wanted in [(np.diag([2.0, -1.0]), 0.0), (turn, 1.0), (np.eye(2) + turn, 0.5)]:
        if wanted == 0.5:
            gamma = np.linalg.qr(gamma)[0]
        parts = dm.symmetry(Network(gamma, middle @ gamma.T, np.zeros(30)))
        assert abs(parts.asymmetry - wanted) < 1e-14
        z = rng.normal(size=(10, 2))
        if wanted == 0.0:  # not 1e-8: nothing cancels
            assert parts.asymmetric_norm < 1e-13 * parts.norm
            np.testing.assert_allclose(parts.asymmetric(z), 0, atol=1e-12)
    assert np.isnan(dm.symmetry(Network(gamma, np.zeros((2, 30)), np.zeros(30))).asymmetry)


def test_nothing_depends_on_the_gauge():
    """Numbers stay, fields turn with z; a shift of b along Γ leaves W as it is."""
    net = network(k=3)
    A = np.random.default_rng(7).normal(size=(3, 3)) * [1.0, 30.0, 0.1]
    same = Network(net.gamma @ A, np.linalg.solve(A, net.readout), net.bias, tau=net.tau)
    shifted = Network(
        same.gamma, same.readout, net.bias + same.gamma @ [1.0, -2.0, 0.5], tau=net.tau
    )
    z = np.random.default_rng(8).normal(size=(3000, 3))
    turned = z @ np.linalg.inv(A).T
    one, two = dm.symmetry(net), dm.symmetry(same)
    for other in (two, dm.symmetry(shifted)):
        for name in ("norm", "symmetric_norm", "asymmetric_norm", "asymmetry"):
            np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-10)
    np.testing.assert_allclose(two.symmetric(turned) @ A.T, one.symmetric(z), atol=1e-9)
    np.testing.assert_allclose(two.asymmetric(turned) @ A.T, one.asymmetric(z), atol=1e-9)
    np.testing.assert_allclose(two.latent_energy(turned), one.latent_energy(z), atol=1e-9)
    np.testing.assert_array_equal(two.descends(turned), one.descends(z))
    roles, others = dm.symmetry_roles(one, z), dm.symmetry_roles(two, turned)
    for name in ("outward", "motion", "divergence", "size"):
        # The whitening keeps a millionth of each coordinate's own scale.
        np.testing.assert_allclose(getattr(others, name), getattr(roles, name), rtol=1e-3)
    # Moved aside by draws that turn with the coordinates: within four standard errors of a mean.
    np.testing.assert_allclose(others.restoring, roles.restoring, atol=0.15)


def test_where_the_projected_flow_descends():
    """Everywhere if the symmetric flow stays on the subspace; elsewhere as its slope says."""
    z = 2 * np.random.default_rng(1).normal(size=(500, 2))
    assert dm.symmetry(network(symmetric=True)).descending_fraction(z) == 1
    parts = dm.symmetry(network(seed=4, n=6))
    h = 1e-6 * parts.symmetric(z)
    falls = parts.latent_energy(z + h) <= parts.latent_energy(z - h)
    fraction = parts.descending_fraction(z)
    assert 0.2 < fraction < 0.98  # the control
    assert abs(fraction - falls.mean()) < 0.01
    missing = np.full((1, 2), np.nan)
    assert parts.descending_fraction(np.concatenate([z, missing])) == fraction
    assert np.isnan(parts.descending_fraction(missing))


def test_a_hundred_thousand_neurons():
    """In the memory of the network and of blocks of states, a thousandth of a dense matrix's."""
    n = 100_000
    rng = np.random.default_rng(0)
    net = Network(rng.normal(size=(n, 3)), rng.normal(size=(3, n)) / n, np.zeros(n))
    tracemalloc.start()
    parts = dm.symmetry(net)
    fraction = parts.descending_fraction(rng.normal(size=(30, 3)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * n * n / 200
    assert abs(parts.asymmetry - 0.5) < 0.01  # independent Γ and W_s
    assert 0 <= fraction <= 1


def test_shapes_and_blocks(monkeypatch):
    net = network(k=3)
    parts = dm.symmetry(net)
    z = RNG.normal(size=(4, 5, 3))
    whole = parts.symmetric(z), parts.latent_energy(z), parts.descends(z), parts.divergences(z)
    assert [a.shape for a in whole] == [(4, 5, 3), (4, 5), (4, 5), (4, 5, 2)]
    assert parts.symmetric(z[0, 0]).shape == (3,)
    assert parts.latent_energy(z[0, 0]).shape == ()
    assert parts.symmetric(z[:0]).shape == (0, 5, 3)
    monkeypatch.setattr("driftmatch.analysis.symmetry._BLOCK", 7 * 24)
    np.testing.assert_allclose(parts.symmetric(z), whole[0], rtol=1e-13)
    assert parts.symmetric(z.astype(np.float32)).dtype == np.float64


def linear(A):
    """A network with g₊ = (sym A − 1) z and g₋ = anti A z."""
    gamma = np.linalg.qr(np.random.default_rng(0).normal(size=(20, 2)))[0]
    return dm.symmetry(Network(gamma, np.array(A) @ gamma.T, np.zeros(20), activation="identity"))


RING = np.stack([np.cos(np.arange(360)), np.sin(np.arange(360))], axis=1) * 3
RING = np.concatenate([RING, -RING])


@pytest.mark.parametrize(
    ("A", "outward", "motion", "divergence"),
    [
        ([[1.0, -2.0], [2.0, 1.0]], (0, 0), (0, 1), (0, 0)),  # turns
        ([[3.0, 0.0], [0.0, 3.0]], (1, 0), (1, 0), (4, 0)),  # pushes outward
        ([[-1.0, 0.0], [0.0, -1.0]], (-1, 0), (1, 0), (-4, 0)),  # holds
        ([[2.0, -1.0], [1.0, 2.0]], (0.5**0.5, 0), (0.5, 0.5), (2, 0)),  # does both
    ],
)
def test_roles_of_linear_flows(A, outward, motion, divergence):
    roles = dm.symmetry_roles(linear(A), RING)
    np.testing.assert_allclose(roles.outward, outward, atol=1e-3)
    np.testing.assert_allclose(roles.motion, motion, atol=1e-3)
    np.testing.assert_allclose(roles.divergence, divergence, atol=1e-12)
    assert roles.num_states == 720
    assert 0 <= roles.descending_fraction <= 1


def test_what_leads_back_to_a_cloud():
    """Of a cloud, what is moved aside and far from all states is mostly outside."""
    cloud = np.random.default_rng(0).normal(size=(5000, 2))
    for A, low, high in [
        (-np.eye(2), 0.5, 5.0),
        (3 * np.eye(2), -5.0, -0.5),
        ([[1.0, -2.0], [2.0, 1.0]], -0.3, 0.3),
    ]:
        back = dm.symmetry_roles(linear(A), cloud).restoring
        assert low < sum(back) < high


def test_bad_input_is_refused_in_words():
    net = network()
    parts = dm.symmetry(net)
    with pytest.raises(dm.InputError, match="decomposes a Network, got NeuralSDE"):
        dm.symmetry(net.neural())  # pyright: ignore
    with pytest.raises(dm.InputError, match=r"shape \(..., 2\), got \(5, 3\)"):
        parts.symmetric(np.zeros((5, 3)))
    with pytest.raises(dm.InputError, match=r"shape \(..., 24\)"):
        parts.energy(np.zeros(2))
    with pytest.raises(dm.InputError, match=r"shape \(..., 2\)"):
        dm.symmetry_roles(parts, np.zeros(3))
    with pytest.raises(dm.InputError, match="more than 2 finite states, got 2"):
        dm.symmetry_roles(parts, np.zeros((2, 2)))
    assert replace(parts, asymmetry=0.5).asymmetry == 0.5
