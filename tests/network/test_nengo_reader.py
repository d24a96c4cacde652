"""Ensembles of Nengo: the network that Nengo runs, step for step."""

import warnings

import jax
import numpy as np
import pytest

import driftmatch as dm

nengo = pytest.importorskip("nengo", reason="Nengo is not installed", exc_type=ImportError)

TAU, DT, STEPS = 0.1, 0.001, 1000
NEURONS = [nengo.Tanh(), nengo.Sigmoid(), nengo.RectifiedLinear(amplitude=0.5)]


def oscillator(neurons, **options):
    """An ensemble whose recurrent function turns and holds the radius, kicked at the beginning."""
    with nengo.Network(seed=1) as model:
        options = {"radius": 1.5, "neuron_type": neurons} | options
        ensemble = nengo.Ensemble(80, 2, **options)

        def turn(z):
            speed = TAU * (1 - z @ z)
            return [z[0] + speed * z[0] - TAU * 5 * z[1], z[1] + speed * z[1] + TAU * 5 * z[0]]

        nengo.Connection(ensemble, ensemble, function=turn, transform=[[1, 0], [0, 1]], synapse=TAU)
        kick = nengo.Node(lambda t: 8.0 if t < 0.1 else 0.0)
        nengo.Connection(kick, ensemble[0], synapse=TAU)
        model.probe = nengo.Probe(ensemble, "input")
    return model


def steps(net, start, number):
    """Euler's with dt' = τ(1 − e^(−dt/τ)), which is how Nengo's filter moves."""
    dt = net.tau * -np.expm1(-DT / net.tau)
    with jax.enable_x64(True):
        run = dm.simulate(
            net, duration=number * dt, dt=dt, key=jax.random.key(0), start=start,
            method="euler-maruyama",
        )  # fmt: skip
    return run.latent[0]


@pytest.mark.parametrize("neurons", NEURONS, ids=lambda neurons: type(neurons).__name__)
def test_the_network_moves_as_nengo_does(neurons):
    with nengo.Simulator(oscillator(neurons), dt=DT, progress_bar=False) as simulator:
        simulator.run_steps(2 * STEPS)
    net = dm.Network.from_nengo(simulator)
    theirs = simulator.data[simulator.model.toplevel.probe][STEPS:]  # the kick is over
    assert net.tau == TAU
    assert np.ptp(theirs, axis=0).min() > 1.0
    # What is left of the kick's filter, e^(−9), goes on as its own exponential
    left = 8.0 * -np.expm1(-1.0) * np.exp(-(STEPS * DT - 0.1) / TAU)
    ours = steps(net, theirs[0], len(theirs) - 1)
    np.testing.assert_allclose(ours, theirs, atol=20 * left)
    assert np.abs(ours - theirs).max() < 0.01


def test_the_drift_is_nengos_to_rounding():
    """Without a kick, from one sample to the next."""
    with nengo.Simulator(without_kick(), dt=DT, progress_bar=False) as simulator:
        simulator.run_steps(300)
    net = dm.Network.from_nengo(simulator)
    theirs = simulator.data[simulator.model.toplevel.probe]
    np.testing.assert_allclose(steps(net, theirs[0], 299), theirs, atol=1e-10)
    assert np.abs(theirs[-1]).max() > 1e-4


def without_kick():
    with nengo.Network(seed=3) as model:
        ensemble = nengo.Ensemble(50, 2, neuron_type=nengo.Tanh())
        nengo.Connection(ensemble, ensemble, transform=[[1.2, -0.5], [0.5, 1.2]], synapse=TAU)
        model.probe = nengo.Probe(ensemble, "input")
    return model


def test_a_network_with_a_seed_is_built():
    model = without_kick()
    with nengo.Simulator(model, progress_bar=False) as simulator:
        one = dm.Network.from_nengo(simulator)
    np.testing.assert_array_equal(dm.Network.from_nengo(model).readout, one.readout)


@pytest.mark.parametrize("weights", [False, True])
def test_full_weights_are_the_same_matrix(weights):
    """A solver for weights folds the encoders into the decoders."""
    with nengo.Network(seed=2) as model:
        ensemble = nengo.Ensemble(40, 2, neuron_type=nengo.Tanh(), radius=2)
        solver = nengo.solvers.LstsqL2(weights=weights)
        nengo.Connection(ensemble, ensemble, solver=solver, synapse=TAU, seed=5)
    with nengo.Simulator(model, progress_bar=False) as simulator:
        net = dm.Network.from_nengo(simulator, rank=2)
    built = simulator.data[ensemble]
    currents = net.lift(net.project(built.bias + built.scaled_encoders @ [0.5, -0.3]))
    np.testing.assert_allclose(currents, built.bias + built.scaled_encoders @ [0.5, -0.3])
    identity = net.gamma @ (net.readout @ np.tanh(currents))
    np.testing.assert_allclose(identity, built.scaled_encoders @ [0.5, -0.3], atol=0.3)


def test_neurons_to_neurons_are_a_matrix():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 30)) / 30
    with nengo.Network() as model:
        ensemble = nengo.Ensemble(
            30, 1, gain=np.linspace(1, 2, 30), bias=np.ones(30), neuron_type=nengo.Tanh(tau_ref=0.5)
        )
        nengo.Connection(ensemble.neurons, ensemble.neurons, transform=W, synapse=TAU)
    net = dm.Network.from_nengo(model)
    assert net.latent_dim == 2
    np.testing.assert_allclose(net.W, 2 * np.linspace(1, 2, 30)[:, None] * W, atol=1e-12)


@pytest.mark.parametrize("activation", dm.ACTIVATIONS)
def test_what_was_exported_comes_back(activation):
    rng = np.random.default_rng(0)
    net = dm.Network(
        rng.normal(size=(30, 2)), rng.normal(size=(2, 30)) / 30, rng.normal(size=30), tau=0.2,
        activation=activation, start=[0.5, -0.5],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = dm.Network.from_nengo(dm.export.nengo(net))
    for name in ("gamma", "readout", "bias", "starts"):
        np.testing.assert_array_equal(getattr(same, name), getattr(net, name))
    assert (same.tau, same.activation) == (0.2, net.activation)


def model(neurons=None, *, synapse=0.1, connections=1, **options):
    with nengo.Network() as made:
        ensemble = nengo.Ensemble(10, 1, neuron_type=neurons or nengo.Tanh())
        other = nengo.Ensemble(10, 1, neuron_type=nengo.Tanh())
        nengo.Connection(ensemble, other)
        for _ in range(connections):
            nengo.Connection(ensemble, ensemble, synapse=synapse, **options)
    return made


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (3, r"source must be a nengo\.Simulator"),
        (model(nengo.LIFRate()), "got LIFRate"),
        (model(nengo.SpikingRectifiedLinear()), "got SpikingRectifiedLinear"),
        (model(nengo.Direct()), "must have|neurons must"),
        (model(synapse=None), "Nengo cannot build this network: Input graph has cycles"),
        (model(synapse=0), r"must be a nengo\.Lowpass"),
        (model(synapse=nengo.Alpha(0.1)), r"must be a nengo\.Lowpass"),
        (model(connections=0), "so nothing recurs"),
        (model(connections=2), "pass the one that is meant as connection="),
        (model(learning_rule_type=nengo.Voja()),
         "learns"),
    ],
)  # fmt: skip
def test_what_is_no_network_of_ours(source, sentence):
    with pytest.raises(dm.InputError, match=sentence):
        dm.Network.from_nengo(source)


def test_the_connection_may_be_named():
    made = model(connections=2)
    which = made.all_connections[2]
    net = dm.Network.from_nengo(made, connection=which)
    assert net.latent_dim == 1
    with pytest.raises(dm.InputError, match="connection must be one of the network's"):
        dm.Network.from_nengo(made, connection=made.all_connections[0])
