"""Dale's law: the signs hold exactly, the optimum is the optimum, and what it costs is little."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.activations import ACTIVATIONS
from driftmatch.errors import InputError
from driftmatch.matching.dale import (
    check_pairs,
    check_rates,
    common_readout,
    readouts_in_pairs,
    signed_features,
)
from driftmatch.matching.fits import LeastSquares, Refined
from driftmatch.matching.problem import MatchingProblem
from driftmatch.matching.readouts import FreeReadouts
from driftmatch.meters import SILENT
from driftmatch.network import as_low_rank

KEY = jax.random.key(0)
LOGISTIC = ACTIVATIONS["logistic"]


def wrong_signs(gamma, signs, readout, common):
    """Entries of W of a wrong sign, however it is summed."""
    by_product = gamma @ readout + common
    by_lift = np.append(gamma, np.ones((len(gamma), 1)), axis=1) @ np.vstack([readout, common])
    by_terms = common + np.sum(gamma[:, :, None] * readout, axis=1)
    return sum(int(np.sum(signs * W < 0)) for W in (by_product, by_lift, by_terms))


def flow(number, rng):
    """States of the plane about van der Pol's cycle and z + τf there."""
    z = rng.uniform(-1, 1, (number, 2)) * np.array([2.5, 4.0])
    x, y = z.T
    return z, z + 0.5 * np.stack([y, (1 - x**2) * y - x], axis=1)


def make_problem(number=3000, seed=0, activation=LOGISTIC):
    z, wanted = flow(number, np.random.default_rng(seed))
    wanted = (wanted - wanted.mean(axis=0)) / flow_scale()
    states = z / np.array([2.5, 4.0]) * 3**0.5
    weights = np.full(number, 1 / number)
    return MatchingProblem(states, wanted, weights, activation, 0.01, FreeReadouts())


def flow_scale():
    z, wanted = flow(4096, np.random.default_rng(9))
    return (wanted - z).std(axis=0)


def test_pairs_keep_the_new_coordinate_and_cost_no_accuracy():
    problem = make_problem()
    found = signed_features(
        problem,
        128,
        np.random.default_rng(0),
        num_matched=2,
        excitatory=0.8,
        guards=None,
        fit=Refined(),
        meter=SILENT,
    )
    assert (found.signs > 0).mean() == pytest.approx(0.8, abs=0.01)
    gamma, bias = found.features.gamma, found.features.bias
    rates, slopes, _ = LOGISTIC.derivatives(found.features.arguments(problem.states))
    weights = problem.weights
    readout = readouts_in_pairs(found, rates, slopes, problem.outputs, weights, 0.01)
    common = common_readout(gamma, found, readout, rates, slopes, weights, 0.01)
    assert wrong_signs(gamma, found.signs, readout, common) == 0
    assert np.max(slopes @ common) <= -1
    fresh = make_problem(seed=1)
    rng = np.random.default_rng(2)
    x = fresh.states @ gamma.T + bias
    for noise, bound in ((0.0, 3e-3), (0.01, 6e-3)):
        rates = LOGISTIC.derivatives(x + noise * rng.standard_normal(x.shape))[0]
        wanted = flow(3000, np.random.default_rng(1))[1]
        wanted = (wanted - flow(3000, np.random.default_rng(0))[1].mean(axis=0)) / flow_scale()
        error = np.sqrt(np.mean((rates @ readout.T - wanted) ** 2))
        assert error < bound
        if noise == 0:
            assert np.abs(rates @ common).max() < 1e-9


def test_what_pairs_cannot_do_is_refused():
    with pytest.raises(InputError, match="softplus"):
        check_pairs(ACTIVATIONS["softplus"])
    check_rates(ACTIVATIONS["softplus"])
    with pytest.raises(InputError, match="'tanh' are: use activation='logistic'"):
        check_rates(ACTIVATIONS["tanh"])
    with pytest.raises(InputError, match="use more neurons"):
        signed_features(
            make_problem(500), 4, np.random.default_rng(0), num_matched=2, excitatory=0.8,
            guards=None, fit=LeastSquares(), meter=SILENT,
        )  # fmt: skip


@pytest.fixture(scope="module")
def embedded():
    return dm.embed(
        dm.systems.van_der_pol(), 96, connectivity=dm.Dale(0.75), activation="logistic", key=KEY
    )


def test_it_is_as_faithful_as_a_free_network(embedded):
    assert embedded.outcome is dm.Outcome.SUCCESS, embedded.reason
    assert embedded.report.noisy_drift_error < 1e-2
    signs = embedded.network.connectivity.signs
    assert np.sum(signs * embedded.network.W < 0) == 0
    assert (signs > 0).mean() == pytest.approx(0.75, abs=0.03)
    free = dm.embed(dm.systems.van_der_pol(), 96, activation="logistic", key=KEY, check=False)
    W = free.network.W
    assert np.minimum((W < 0).mean(axis=0), (W > 0).mean(axis=0)).mean() > 0.1  # the control


def test_guards_are_off_where_the_target_goes_and_push_back_beyond(embedded):
    """In pairs that inhibit: they add nothing to the drift inside, and lead back from outside."""
    net, num_guards = embedded.network, embedded.report.num_guards
    assert num_guards == 8  # half of the pairs of 24 neurons that inhibit
    first = np.arange(num_guards // 2)
    guards = np.append(first, first + np.flatnonzero(net.gamma[:, 0] == -net.gamma[0, 0])[0])
    np.testing.assert_array_equal(net.gamma[guards[4:]], -net.gamma[guards[:4]])
    assert np.all(net.connectivity.signs[guards] == -1)
    push = np.asarray(net.readout)[:, guards] / net.tau
    run = np.asarray(dm.simulate(net, duration=50.0, dt=0.01, key=KEY).states[0], float)
    inside = net.activation.derivatives(net.lift(run))[0][:, guards] @ push.T
    far = 4 * np.abs(run).max(axis=0) * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1], [0, 1]])
    beyond = net.activation.derivatives(net.lift(far))[0][:, guards] @ push.T
    assert np.abs(inside).max() < 1e-5 * np.linalg.norm(beyond, axis=1).min()
    assert np.all(np.sum(beyond * far, axis=1) < 0)


def test_neurons_stay_on_the_subspace(embedded):
    """Without noise to rounding; and noise that pushes along 1 is called back."""
    net = embedded.network
    run = {"duration": 20.0, "dt": 0.01, "key": KEY}
    latent = dm.simulate(net, **run)
    neural = dm.simulate(net, start=net.lift(latent.states[0, 0]), **run)
    np.testing.assert_allclose(neural.states, latent.states, atol=1e-4)
    beside = dm.simulate(net, start=net.lift(latent.states[0, 0]) + 0.1, **run)
    off = beside.neurons[0] - net.lift(np.asarray(beside.states[0], float))
    assert np.abs(off[0]).max() > 0.05
    assert np.abs(off[-1]).max() < 1e-3


def test_all_that_a_connectivity_does(embedded):
    net, rng = embedded.network, np.random.default_rng(0)
    W, signed = net.W, net.connectivity
    rates = rng.random((3, net.num_neurons))
    np.testing.assert_allclose(signed(rates), rates @ W.T, atol=1e-9)
    np.testing.assert_allclose(signed.transposed(rates), rates @ W, atol=1e-9)
    inverse = np.linalg.pinv(net.gamma)
    np.testing.assert_allclose(signed.transposed_readout(), inverse @ W.T, atol=1e-9)
    plus, minus = (np.linalg.norm((W + s * W.T) / 2) for s in (1, -1))
    np.testing.assert_allclose(signed.norms(), (plus, minus), rtol=1e-9)
    values = np.linalg.eigvals(W)
    largest = values[np.argsort(-np.abs(values))][:3]
    np.testing.assert_allclose(
        np.sort(signed.eigenvalues()[:3].real), np.sort(largest.real), rtol=1e-6
    )
    with jax.enable_x64(True):
        step = signed.step(jnp.asarray(rates[0]), jnp.ones(net.num_neurons))
    np.testing.assert_allclose(step, W @ rates[0] + 1, atol=1e-9)
    twice = net.split(2)
    np.testing.assert_allclose(twice.W.sum(axis=1)[::2], W.sum(axis=1), atol=1e-9)
    whole = as_low_rank(net)
    np.testing.assert_allclose(whole.W, W, atol=1e-12)
    assert whole.dim == net.dim + 1


def test_spectra_of_its_neurons(embedded):
    """The common coordinate has an eigenvalue and an exponent of its own, as the dense W says."""
    net = embedded.network
    found = dm.fixed_points(net, ([-0.5, -0.5], [0.5, 0.5]), key=KEY, num_starts=16)
    x = net.lift(found.points[0])
    J = (net.W * net.activation.derivatives(x)[1] - np.eye(net.num_neurons)) / net.tau
    values = np.sort_complex(np.linalg.eigvals(J))
    own = found.neural_eigenvalues
    whole = np.append(own.latent[0], np.full(own.multiplicity, own.leak))
    np.testing.assert_allclose(np.sort_complex(whole), values, atol=1e-6)
    spectrum = dm.neural_lyapunov(net, duration=20.0, dt=0.01, key=KEY, num_trajectories=2)
    assert len(spectrum.within.exponents) == 3
    assert spectrum.within.exponents[-1] < -2 / net.tau


def test_it_is_kept_and_exported(embedded, tmp_path):
    net = embedded.network
    dm.save(tmp_path / "net.safetensors", net)
    assert dm.load(tmp_path / "net.safetensors") == net
    dm.export.numpy(tmp_path / "net.npz", net)
    with np.load(tmp_path / "net.npz") as weights:
        np.testing.assert_allclose(weights["gamma"] @ weights["readout"], net.W, atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
def test_saturated_pairs_carry_no_level(seed):
    """Their rates are constant too, next to 0 on one side: v was 5·10⁷¹ there (seed 0)."""
    found = dm.embed(
        dm.systems.double_well(), 32, connectivity=dm.Dale(), activation="logistic",
        key=jax.random.key(seed), check=False,
    )  # fmt: skip
    common, net = found.network.connectivity.common, found.network
    assert np.abs(common).max() < 1e4
    rates = net.activation.derivatives(net.lift(np.linspace(-1.5, 1.5, 50)[:, None]))[0]
    assert np.abs(rates @ common).max() < 1e-8 * np.abs(common).max()


def test_it_can_be_steered():
    fork = dm.SDE(lambda z, u: u[0] * z - z**3, 0.2, dim=1, input_dim=1, name="fork")
    found = dm.embed(
        fork, 96, inputs=dm.InputRange(-1, 1), connectivity=dm.Dale(), activation="logistic",
        key=KEY, check=False,
    )  # fmt: skip
    assert found.report.drift_error < 1e-2
    assert np.sum(found.network.connectivity.signs * found.network.W < 0) == 0


@pytest.mark.slow
def test_signs_cost_no_faithfulness():
    sde = dm.systems.lorenz()
    found = dm.embed(sde, 1024, connectivity=dm.Dale(), activation="logistic", key=KEY)
    assert found.report.noisy_drift_error < 2e-2
    assert np.sum(found.network.connectivity.signs * found.network.W < 0) == 0
    assert found.outcome is dm.Outcome.SUCCESS, found.reason
    loop = found.closed_loop
    assert loop.state_space_divergence < 1.3 * loop.state_space_divergence_floor
    assert loop.escaped_fraction == loop.astray_fraction == 0
