"""Each framework, run by itself, takes the steps that ours takes."""

import sys

import numpy as np
import pytest
from networks import NOISES, M, N, installed, network, path

import driftmatch as dm
from driftmatch.export.scripts import numpy_script
from driftmatch.export.weights import weights_of
from driftmatch.optional import optional

DT, STEPS = 0.01, 1000


def close(ours, theirs, tolerance=1e-10):
    assert ours.shape == theirs.shape
    assert np.abs(ours).max() > 0.3
    np.testing.assert_allclose(theirs, ours, atol=tolerance * np.abs(ours).max())


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("activation", dm.ACTIVATIONS)
def test_numpy(activation, noise):
    ours, normals = path(net := network(activation, noise), DT, STEPS)
    w = weights_of(net)
    x = [numpy_script.start(w)]
    for normal in normals:
        x.append(numpy_script.step(w, x[-1], DT, normal))
    close(ours, np.array(x))


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("activation", dm.ACTIVATIONS)
def test_torch(activation, noise):
    torch = installed("torch")
    ours, normals = path(net := network(activation, noise), DT, STEPS)
    module = dm.export.torch(net)
    with torch.no_grad():
        x = module(module.lift(module.start[0]), DT, STEPS, noise=torch.tensor(normals))
    close(ours, x.numpy())
    np.testing.assert_allclose(module.project(x).detach(), net.project(ours), atol=1e-9)


def test_torch_takes_batches_and_draws_its_noise():
    torch = installed("torch")
    module = dm.export.torch(network(noise="multiplicative"))
    x = module.lift(torch.zeros(400, 2, dtype=torch.float64))
    torch.manual_seed(0)
    with torch.no_grad():
        after = module(x, DT, 20)
        still = module(x, DT, 20, noise=False)
        scatter = module.project(after[1]).T.cov()
    assert after.shape == (21, 400, N)
    assert torch.equal(still[:, 0], still[:, 1])
    S = weights_of(network(noise="multiplicative"))
    rates = np.tanh(S["bias"])
    S = S["noise_constant"] + S["noise_readout"] @ rates
    np.testing.assert_allclose(scatter, DT * S @ S.T, atol=0.25 * DT * (S @ S.T).max())


def test_torch_learns():
    installed("torch")
    module = dm.export.torch(network())
    x = module(module.bias, DT, 5, noise=False)
    x[-1].square().sum().backward()
    assert {name for name, _ in module.named_parameters()} == {"gamma", "readout", "bias"}
    assert all(p.grad.abs().max() > 0 for p in module.parameters())


def nengo_run(net, steps, dt, seed=0):
    """z and what the nodes of noise sent, of a run in Nengo."""
    nengo = installed("nengo")
    model = dm.export.nengo(net)
    with model:
        latent = nengo.Probe(model.ensemble, "input")
        neurons = nengo.Probe(model.ensemble.neurons, "input")
        sent = [
            nengo.Probe(node)
            for node in (getattr(model, name, None) for name in ("shared", "private"))
            if node is not None
        ]
    with nengo.Simulator(model, dt=dt, seed=seed, progress_bar=False) as simulator:
        simulator.run_steps(steps)
    return simulator.data[latent], simulator.data[neurons], [simulator.data[p] for p in sent]


@pytest.mark.parametrize("activation", dm.ACTIVATIONS)
def test_nengo_steps_as_we_do(activation):
    """Its exact filter takes steps of Euler with dt' = τ(1 − e^(−dt/τ))."""
    net = network(activation)
    z, x, _ = nengo_run(net, STEPS, DT)
    ours, _ = path(net, 0.5 * -np.expm1(-DT / 0.5), STEPS - 1)
    close(ours, x)
    np.testing.assert_allclose(z, net.project(ours), atol=1e-9)


@pytest.mark.parametrize("noise", NOISES[1:])
def test_nengo_with_noise(noise):
    """The same recursion on the noise that its nodes drew, which are normals over √dt."""
    net = network(noise=noise)
    _, x, sent = nengo_run(net, STEPS, DT)
    w, gain, y = weights_of(net), -np.expm1(-DT / 0.5), np.zeros(N)
    z = net.starts[0]
    rows = [x[0]]
    for i in range(STEPS - 1):
        rates = np.tanh(rows[-1])
        S = w["noise_constant"] + (w["noise_readout"] @ rates if "noise_readout" in w else 0)
        z = z + gain * (w["readout"] @ rates - z + 0.5 * S @ sent[0][i])
        if noise == "private":
            y = y + gain * (0.1 * np.sqrt(2 * 0.5) * sent[1][i] - y)
        rows.append(w["gamma"] @ z + w["bias"] + y)
    close(x, np.array(rows))
    assert np.std(sent[0]) == pytest.approx(1 / np.sqrt(DT), rel=0.05)


def test_nengo_takes_neurons_of_a_kind_of_its_own():
    nengo = installed("nengo")
    kinds = {name: type(dm.export.nengo(network(name)).ensemble.neuron_type) for name in
             dm.ACTIVATIONS}  # fmt: skip
    assert kinds["tanh"] is nengo.Tanh
    assert kinds["logistic"] is nengo.Sigmoid
    assert kinds["relu"] is nengo.RectifiedLinear
    steep = dm.Activation("steep", lambda x: x**3, lambda x: (x**3, 3 * x**2, 6 * x), False)
    net = network(steep)
    _, x, _ = nengo_run(net, 50, DT)
    ours, _ = path(net, 0.5 * -np.expm1(-DT / 0.5), 49)
    close(ours, x)


def brian_run(net, steps, dt, seed=0):
    brian2 = installed("brian2")
    brian2.prefs.codegen.target = "numpy"
    brian2.defaultclock.dt = dt * brian2.second
    model = dm.export.brian2(net)
    monitor = brian2.StateMonitor(model.neurons, "x", record=True)
    model.network.add(monitor)
    brian2.seed(seed)
    model.network.run(steps * dt * brian2.second)
    return np.array(monitor.x[:]).T


@pytest.mark.parametrize("activation", dm.ACTIVATIONS)
def test_brian2(activation):
    net = network(activation)
    x = brian_run(net, STEPS, DT)
    ours, _ = path(net, DT, STEPS - 1)
    close(ours, x)


@pytest.mark.parametrize("noise", NOISES[1:])
def test_brian2_with_noise(noise):
    """On the normals that NumPy's generator gives it: those of the operation, then ξ."""
    net = network(noise=noise)
    x = brian_run(net, STEPS, DT)
    np.random.seed(0)
    w, rows = weights_of(net), [net.lift(net.starts[0])]
    for _ in range(STEPS - 1):
        shared, private = np.random.standard_normal(M), np.random.standard_normal(N)
        rows.append(numpy_script.step(w, rows[-1], DT, np.append(shared, private)))
    close(np.array(rows), x)


def test_starts_may_be_unknown():
    net = dm.Network(np.eye(3, 2), np.eye(2, 3), np.ones(3))
    assert np.array_equal(numpy_script.start(weights_of(net)), np.ones(3))
    module = dm.export.torch(net) if installed("torch") else None
    assert module is not None
    assert module.start is None


@pytest.mark.parametrize("framework", ["torch", "nengo", "brian2"])
def test_what_is_not_installed_is_named(framework, monkeypatch):
    monkeypatch.setitem(sys.modules, framework, None)
    with pytest.raises(dm.InputError, match=rf"pip install 'driftmatch\[{framework}\]'"):
        getattr(dm.export, framework)(network())


def test_what_cannot_be_imported_says_why(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("raise AttributeError('no ptp')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(dm.InputError, match=r"cannot be imported \(AttributeError: no ptp\)"):
        optional("broken_package")


@pytest.mark.parametrize("framework", ["torch"])
def test_torch_has_no_activation_of_a_users_own(framework):
    mine = dm.Activation("mine", lambda x: x, lambda x: (x, x, x), False)
    with pytest.raises(dm.InputError, match="'mine' is not one that a file can name"):
        getattr(dm.export, framework)(network(mine))
