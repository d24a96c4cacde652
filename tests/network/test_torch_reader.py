"""Weights of PyTorch: the network that was trained, found by names, and nothing guessed."""

import jax
import numpy as np
import pytest
import safetensors.numpy

import driftmatch as dm

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

N, K, ALPHA, DT = 30, 2, 0.1, 0.02
TIME = {"dt": DT, "alpha": ALPHA}


def low_rank(seed=0, n=N):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, K)) @ rng.normal(size=(K, n)) / np.sqrt(n)


def tensor(array):
    return torch.tensor(array, dtype=torch.float64)


class Currents(torch.nn.Module):
    """x ← x + α(−x + Wφ(x) + b + W_in u), as a user would write it."""

    def __init__(self, seed=0):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.w_in = torch.nn.Parameter(tensor(rng.normal(size=(N, 3))))
        self.wrec = torch.nn.Parameter(tensor(low_rank(seed)))
        self.b = torch.nn.Parameter(tensor(rng.normal(size=N)))
        self.w_out = torch.nn.Parameter(tensor(rng.normal(size=(1, N))))

    def forward(self, x, steps):
        states = [x]
        for _ in range(steps):
            x = states[-1]
            states.append(x + ALPHA * (-x + torch.tanh(x) @ self.wrec.T + self.b))
        return torch.stack(states)


class Rates(torch.nn.Module):
    """r ← r + α(−r + φ(Wr + b)), with W in a linear layer."""

    def __init__(self):
        super().__init__()
        self.h2h = torch.nn.Linear(N, N, dtype=torch.float64)
        with torch.no_grad():
            self.h2h.weight.copy_(tensor(low_rank(1)))

    def forward(self, r, steps):
        states = [r]
        for _ in range(steps):
            r = states[-1]
            states.append(r + ALPHA * (-r + torch.tanh(self.h2h(r))))
        return torch.stack(states)


def ours(net, x, dt, steps):
    """Euler's steps of dt, from neurons that need not be on the subspace."""
    with jax.enable_x64(True):
        run = dm.simulate(
            net.neural(), duration=steps * dt, dt=dt, key=jax.random.key(0), start=x,
            method="euler-maruyama",
        )  # fmt: skip
    return run.states[0]


def start(seed=5):
    return np.random.default_rng(seed).normal(size=N)


def test_currents_move_as_they_were_trained_to():
    module, x = Currents(), start()
    net = dm.Network.from_torch(module, **TIME)
    assert net.latent_dim == K
    assert net.tau == pytest.approx(DT / ALPHA)
    theirs = module(tensor(x), 300).detach().numpy()
    np.testing.assert_allclose(ours(net, x, DT, 300), theirs, atol=1e-9)


def test_rates_are_the_same_network_seen_as_currents():
    """x = Wr + b of every step."""
    module, r = Rates(), start()
    net = dm.Network.from_torch(module, **TIME)
    with torch.no_grad():
        theirs = module.h2h(module(tensor(r), 300)).numpy()
    np.testing.assert_allclose(ours(net, theirs[0], DT, 300), theirs, atol=1e-9)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("kind", ["RNN", "RNNCell"])
def test_an_rnn_is_eulers_step_of_tau(kind, nonlinearity):
    options = {} if kind == "RNNCell" else {"batch_first": True}
    module = getattr(torch.nn, kind)(
        3, N, nonlinearity=nonlinearity, dtype=torch.float64, **options
    )
    with torch.no_grad():
        getattr(module, "weight_hh_l0" if kind == "RNN" else "weight_hh").copy_(
            tensor(0.5 * low_rank())
        )
    with pytest.raises(dm.InputError, match="the map h ← φ"):
        dm.Network.from_torch(module, tau=1.0)
    with pytest.raises(dm.InputError, match="alpha=1"):
        dm.Network.from_torch(module, dt=0.5, alpha=0.5)
    net = dm.Network.from_torch(module, dt=0.5, alpha=1)
    assert net.activation.name == nonlinearity
    h = [tensor(start())]
    with torch.no_grad():
        for _ in range(20):
            u = torch.zeros(1, 3, dtype=torch.float64)
            after = (
                module(u[None], h[-1][None, None])[1][0, 0] if kind == "RNN"
                else module(u, h[-1][None])[0]
            )  # fmt: skip
            h.append(after)
    currents = torch.stack(h).numpy() @ net.W.T + net.bias
    np.testing.assert_allclose(ours(net, currents[0], 0.5, 20), currents, atol=1e-9)


@pytest.mark.parametrize("kind", ["state dict", "pt", "checkpoint", "safetensors", "arrays"])
def test_the_same_from_a_dict_or_a_file(kind, tmp_path):
    module = Currents()
    state = module.state_dict()
    if kind == "arrays":
        source = {name: value.numpy() for name, value in state.items()}
    elif kind == "state dict":
        source = state
    elif kind == "safetensors":
        source = tmp_path / "net.safetensors"
        safetensors.numpy.save_file({n: v.numpy() for n, v in state.items()}, source)
    else:
        source = tmp_path / "net.pt"
        torch.save(state if kind == "pt" else {"epoch": 3, "model": state}, source)
    net = dm.Network.from_torch(source, **TIME)
    np.testing.assert_allclose(net.W, module.wrec.detach(), atol=1e-12)
    np.testing.assert_array_equal(net.bias, module.b.detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_low_precision_is_no_rank(dtype):
    W = tensor(low_rank(n=64)).to(dtype)
    assert dm.Network.from_torch({"J": W}, tau=1.0, rank=K).latent_dim == K
    if dtype is torch.float32:
        assert dm.Network.from_torch({"J": W}, tau=1.0).latent_dim == K


def cut(W):
    U, s, V = np.linalg.svd(W)
    return U[:, :K] * s[:K] @ V[:K]


@pytest.mark.parametrize(
    ("state", "options", "expected"),
    [
        ({"W": (N, N)}, {}, lambda a: a["W"]),
        ({"layer.J": (N, N), "layer.bias": (N,)}, {}, lambda a: a["layer.J"]),
        ({"recurrent.weight": (N, N), "out.weight": (2, N), "out.bias": (2,)}, {},
         lambda a: a["recurrent.weight"]),
        ({"rnn.W_rec": (N, N), "fc.weight": (N, N)}, {}, lambda a: a["rnn.W_rec"]),
        ({"a": (N, N), "c": (N, N)}, {"recurrent": "c"}, lambda a: a["c"]),
        ({"W": (N, N), "b1": (N,), "bias_2": (N,)}, {"bias": ("b1", "bias_2")}, lambda a: a["W"]),
        ({"W": (N, N), "b": (N,), "bias": (N,)}, {"bias": ()}, lambda a: a["W"]),
        ({"m": (N, K), "n": (K, N)}, {}, lambda a: a["m"] @ a["n"]),
        ({"x.m": (N, K), "x.n": (N, K)}, {}, lambda a: a["x.m"] @ a["x.n"].T / N),
        ({"p": (N, K), "q": (K, N), "W": (N, N)}, {"recurrent": ["p", "q"]},
         lambda a: a["p"] @ a["q"]),
    ],
)  # fmt: skip
def test_names_are_found_or_given(state, options, expected):
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=shape) for name, shape in state.items()}
    net = dm.Network.from_torch(arrays, tau=1.0, rank=K, **options)
    np.testing.assert_allclose(net.W, cut(expected(arrays)), atol=1e-9)
    named = options.get("bias", [n for n in state if state[n] == (N,)])
    np.testing.assert_allclose(net.bias, sum((arrays[n] for n in named), np.zeros(N)))


@pytest.mark.parametrize("through", ["module", "state dict", "file"])
@pytest.mark.parametrize("activation", dm.ACTIVATIONS)
def test_our_own_modules_come_back_whole(through, activation, tmp_path):
    rng = np.random.default_rng(0)
    noise = dm.SharedNoise(rng.normal(size=(K, 3)), rng.normal(size=(K, 3, N)))
    net = dm.Network(
        rng.normal(size=(N, K)), rng.normal(size=(K, N)), rng.normal(size=N), tau=0.3,
        activation=activation, shared_noise=noise, private_noise=0.1, start=[0.1, 0.2],
    )  # fmt: skip
    source = dm.export.torch(net)
    if through != "module":
        source = source.state_dict()
    if through == "file":
        torch.save(source, tmp_path / "net.pt")
        source = tmp_path / "net.pt"
    same = dm.Network.from_torch(source)
    for name in ("gamma", "readout", "bias", "starts"):
        np.testing.assert_array_equal(getattr(same, name), getattr(net, name))
    np.testing.assert_array_equal(same.shared_noise.readout, noise.readout)
    np.testing.assert_array_equal(same.shared_noise.constant, noise.constant)
    assert (same.tau, same.private_noise, same.activation) == (0.3, 0.1, net.activation)


class Malicious:
    """What runs when it is unpickled."""

    def __reduce__(self):
        return print, ("this must never be run",)


def test_a_file_that_would_run_code_is_refused(tmp_path, capsys):
    torch.save({"W": torch.eye(3), "more": Malicious()}, tmp_path / "bad.pt")
    with pytest.raises(dm.InputError, match="without running code from it"):
        dm.Network.from_torch(tmp_path / "bad.pt", tau=1.0)
    torch.save(Currents(), tmp_path / "module.pt")
    with pytest.raises(dm.InputError, match=r"save module\.state_dict\(\)"):
        dm.Network.from_torch(tmp_path / "module.pt", tau=1.0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["net.pt", "net.safetensors"])
def test_a_file_of_something_else(name, tmp_path):
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(dm.InputError, match="cannot be read as a state dict"):
        dm.Network.from_torch(tmp_path / name, tau=1.0)
    with pytest.raises(dm.InputError, match="there is no file"):
        dm.Network.from_torch(tmp_path / "none.pt", tau=1.0)


W = low_rank()


@pytest.mark.parametrize(
    ("source", "options", "sentence"),
    [
        (3, {}, "source must be a module"),
        ({}, {}, "there are none"),
        ({"A": W}, {}, r"name it by recurrent=, there are A \(30, 30\)"),
        ({"W": W, "x.J": W}, {}, "name one of W or x.J by recurrent="),
        ({"W": W}, {"recurrent": "w"}, "did you mean 'W'"),
        ({"W": W}, {"recurrent": 3}, "recurrent must be the name"),
        ({"W": W, "b": W[0], "bias": W[0]}, {}, "of b, bias by bias="),
        ({"W": W}, {"bias": "b"}, "there is no tensor 'b'"),
        ({"W": W}, {"bias": 1}, "bias must be a name"),
        ({"W": W}, {"tau": None}, r"tau = dt/alpha"),
        ({"W": W}, {"dt": 0.1}, r"tau = dt/alpha"),
        ({"W": W}, {"dt": 0.1, "alpha": 0.1}, r"tau = dt/alpha"),
        ({"W": W}, {"tau": None, "dt": 0.1, "alpha": 2}, "alpha must be at most 1"),
        ({"weight_hh_l0": W}, {}, "the map h ← φ"),
        (
            {"weight_hh_l0": W, "weight_hh_l0_reverse": W},
            {"dt": 1.0, "alpha": 1.0, "tau": None},
            "runs backwards in time",
        ),
        ({"weight_hh_l0": np.ones((90, 30))}, {}, "an LSTM or a GRU"),
        ({"W": W}, {"tau": np.ones(N)}, "tau must be one number"),
        ({"W": np.random.default_rng(0).normal(size=(N, N))}, {}, "which is not low"),
    ],
)
def test_what_is_not_clear_is_asked(source, options, sentence):
    with pytest.raises(dm.InputError, match=sentence):
        dm.Network.from_torch(source, **{"tau": 1.0} | options)


def test_a_bias_of_the_readout_is_none_of_the_neurons():
    state = {"rnn.h2h.weight": W, "readout.weight": W, "readout.bias": np.ones(N)}
    assert not np.any(dm.Network.from_torch(state, tau=1.0).bias)
    own = dm.Network.from_torch(state | {"rnn.h2h.bias": np.ones(N)}, tau=1.0)
    np.testing.assert_array_equal(own.bias, 1)
