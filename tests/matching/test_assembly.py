"""From features and readouts to the network: formulas, units, guards and noise."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.activations import ACTIVATIONS
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.matching.assembly import CONSTANT_BIAS, Assembly
from driftmatch.matching.confinement import place_guards
from driftmatch.matching.design import Design
from driftmatch.matching.errors import matching_errors
from driftmatch.matching.features import RandomFeatures
from driftmatch.matching.readouts import FreeReadouts
from driftmatch.sampling.whitening import Whitening

VISITED = np.random.default_rng(0).standard_normal((1500, 2)) @ [[3.0, 1.0], [0.0, 0.2]] + [10, -1]
TAU = 0.4


def drift(z):
    x, y = z
    return jnp.stack([jnp.sin(x) - y, 0.3 * x - y**3])


def target(diffusion=0.2, **options):
    return dm.SDE(drift, diffusion, 2, name="a target", **options)


def assembly(sde, visited=VISITED, activation="tanh", private_noise=0.01) -> Assembly:
    """Matched at the very states that were visited, all weighted alike."""
    whitening = Whitening.of(visited)
    rates = whitening.whiten_rates(drifts(sde, visited))
    weights = np.full(len(visited), 1 / len(visited))
    points = Design(whitening.whiten(visited), rates, weights)
    phi = ACTIVATIONS[activation]
    return Assembly(sde, points, whitening, TAU, phi, private_noise, visited)


@pytest.fixture(scope="module")
def task():
    return assembly(target())


@pytest.fixture(scope="module")
def fitted(task):
    features = RandomFeatures().draw(task.problem.states, 30, np.random.default_rng(1))
    return features, FreeReadouts().solve(task.problem, features)


def residual(task, features, readout):
    rates = task.problem.activation.derivatives(features.arguments(task.problem.states))[0]
    return rates @ readout - task.problem.outputs


def unscaled(task, outputs):
    """z' + τf' in whitened coordinates, of outputs in drift errors' units."""
    return np.linalg.solve(task.whitening.factor, (task.scale * outputs).T).T


def test_the_network_has_the_drift_of_its_features(task, fitted):
    """W_s φ read in whitened coordinates, by the dense formula; and all of W."""
    features, readout = fitted
    network, largest = task.assemble(features, readout, None, 1.0)
    z = task.whitening.whiten(VISITED)
    rates = np.tanh(features.arguments(z))
    whitened = (unscaled(task, rates @ readout) - z) / TAU
    expected = whitened @ task.whitening.factor.T
    np.testing.assert_allclose(drifts(network, VISITED), expected, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(network.W, network.gamma @ network.readout, rtol=1e-14)
    assert np.linalg.matrix_rank(network.W) == 2
    in_whitened = np.linalg.solve(task.whitening.factor, network.readout[:, :-1])
    assert largest == pytest.approx(np.abs(in_whitened).max(), rel=1e-9)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu"])
def test_one_constant_neuron_carries_the_mean(activation):
    """Without features the network rests where the states are centred."""
    task = assembly(target(), activation=activation)
    features = RandomFeatures().draw(task.problem.states, 5, np.random.default_rng(1))
    network, _ = task.assemble(features, np.zeros((5, 2)), None, 1.0)
    np.testing.assert_array_equal(network.gamma[-1], 0)
    assert network.bias[-1] == CONSTANT_BIAS
    expected = (task.whitening.mean - VISITED) / TAU
    np.testing.assert_allclose(drifts(network, VISITED), expected, atol=1e-9)


def test_outputs_are_those_that_the_target_wants(task):
    """A readout that gave them exactly would be the target: z' + τf' in drift errors' units."""
    z = task.whitening.whiten(VISITED)
    rates = np.linalg.solve(task.whitening.factor, drifts(task.sde, VISITED).T).T
    wanted = unscaled(task, task.problem.outputs)
    np.testing.assert_allclose(wanted, z + TAU * rates, rtol=1e-9, atol=1e-9)


def test_what_the_fit_minimises_is_the_drift_error(task, fitted):
    """Σ w |residual|² = k ε_f², of the assembled network on these states."""
    network, _ = task.assemble(*fitted, None, 1.0)
    squares = task.problem.weights @ np.sum(residual(task, *fitted) ** 2, axis=1)
    error = matching_errors(task.sde, network, VISITED).drift
    assert squares == pytest.approx(2 * error**2, rel=1e-8)
    worse, _ = task.assemble(fitted[0], 0.9 * fitted[1], None, 1.0)
    assert matching_errors(task.sde, worse, VISITED).drift > 1.01 * error  # the control


def test_the_order_of_the_features_does_not_matter(task, fitted):
    features, readout = fitted
    order = np.random.default_rng(2).permutation(30)
    one, other = (
        task.assemble(f, V, None, 1.0)[0] for f, V in (fitted, (features[order], readout[order]))
    )
    np.testing.assert_array_equal(other.gamma[:-1], one.gamma[:-1][order])
    np.testing.assert_allclose(drifts(other, VISITED), drifts(one, VISITED), rtol=1e-9, atol=1e-9)


def test_units_do_not_matter(task, fitted):
    """z → Sz: the problem stays, and the network is the same one in the new units."""
    S, shift = np.array([1e3, 1e-2]), np.array([-5.0, 40.0])
    moved = dm.SDE(lambda z: jnp.array(S) * drift((z - shift) / S), 0.2, 2)
    other = assembly(moved, VISITED * S + shift)
    np.testing.assert_allclose(other.problem.states, task.problem.states, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(other.problem.outputs, task.problem.outputs, rtol=1e-6, atol=1e-7)
    one, two = (each.assemble(*fitted, None, 1.0)[0] for each in (task, other))
    expected = S * drifts(one, VISITED)
    np.testing.assert_allclose(drifts(two, VISITED * S + shift) / S, expected / S, atol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_guards_change_nothing_inside_and_turn_back_outside(activation):
    task = assembly(target(), activation=activation)
    z = task.problem.states
    features = RandomFeatures().draw(z, 30, np.random.default_rng(1))
    readout = 3 * FreeReadouts().solve(
        task.problem, features
    )  # three times as strong: it leads outward
    guards = place_guards(z, task.problem.activation, 8)
    bare, guarded = (task.assemble(features, readout, g, 1.0)[0] for g in (None, guards))
    assert guarded.num_neurons == bare.num_neurons + 8 + 3  # guards and counterweights
    # They are off to 1e-8, and as strong as they need to be.
    np.testing.assert_allclose(drifts(guarded, VISITED), drifts(bare, VISITED), atol=1e-4)
    one, other = (dm.symmetry(net).symmetric(VISITED) for net in (guarded, bare))
    np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(other).max())
    far = guards.rays * (1.3 * guards.radii)[:, None]
    outward = [
        np.sum(task.whitening.whiten_rates(drifts(net, task.whitening.unwhiten(far))) * far, axis=1)
        for net in (guarded, bare)
    ]
    assert np.all(outward[0] < 0)
    assert np.any(outward[1] > 0)  # the control


def state_noise(z):
    return jnp.array([[0.5 + 0.1 * jnp.cos(z[0]), 0.1], [0.0, 0.3 + 0.05 * z[1]]])


def test_noise_that_depends_on_the_state_is_read_from_the_same_features():
    """S = mean + unvec(V φ) by the dense formula; guards and the constant neuron add nothing."""
    task = assembly(target(state_noise))
    features = RandomFeatures().draw(task.problem.states, 30, np.random.default_rng(1))
    readout = FreeReadouts().solve(task.problem, features)
    assert readout.shape == (30, 5)  # two of the drift, three of the noise
    guards = place_guards(task.problem.states, task.problem.activation, 8)
    network, _ = task.assemble(features, readout, guards, 1.0)
    assert network.num_neurons == 42
    np.testing.assert_array_equal(network.shared_noise.readout[:, :, 30:], 0)
    values = np.tanh(features.arguments(task.problem.states)) @ readout[:, 2:]
    S = np.zeros((len(VISITED), 2, 2))
    for entry, (i, j) in enumerate([(0, 0), (0, 1), (1, 1)]):
        S[:, i, j] = S[:, j, i] = values[:, entry] / task.roots.scale[entry]
    S += task.roots.mean
    expected = 0.5 * S @ np.swapaxes(S, 1, 2)
    np.testing.assert_allclose(diffusion_matrices(network, VISITED), expected, rtol=1e-8, atol=1e-9)


def test_constant_noise_is_the_targets_own():
    sigma = np.array([[0.2, 0.0, 0.1], [0.0, 0.3, -0.1]])
    task = assembly(target(sigma))
    features = RandomFeatures().draw(task.problem.states, 5, np.random.default_rng(1))
    network, _ = task.assemble(features, np.zeros((5, 2)), None, 1.0)
    np.testing.assert_allclose(network.shared_noise.constant, sigma, rtol=1e-14)
    assert network.shared_noise.readout is None


def test_what_the_network_is_told_of_its_target(task, fitted):
    """One start says less than a state that was visited; several say where the attractors are."""
    network, _ = task.assemble(*fitted, None, 2.5)
    assert (network.name, network.tau, network.time_scale) == ("a target", TAU, 2.5)
    np.testing.assert_array_equal(network.starts, VISITED[:1])
    one = replace_start(task, [9.0, -1.0]).assemble(*fitted, None, 1.0)[0]
    np.testing.assert_array_equal(one.starts, VISITED[:1])
    several = replace_start(task, [[9.0, -1.0], [8.0, 0.0]]).assemble(*fitted, None, 1.0)[0]
    np.testing.assert_array_equal(several.starts, [[9.0, -1.0], [8.0, 0.0]])


def replace_start(task, start) -> Assembly:
    points = replace(task.points)
    of = task.whitening, TAU, task.problem.activation, 0.01, VISITED
    return Assembly(target(start=start), points, *of)
