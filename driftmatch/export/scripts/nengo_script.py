"""A low-rank recurrent network in Nengo, with weights that driftmatch wrote.

    τ dz = [−z + W_s φ(Γz + b)] dt + τ S(x) dB,    x = Γz + b + private noise

is an ensemble with encoders Γ, gains 1 and biases b, whose output, decoded by W_s, returns to it
through a low-pass filter of time constant τ. Run it with --help.
"""

import argparse
import math
from pathlib import Path

import nengo
import numpy as np

WEIGHTS = Path(__file__).with_name("weights.npz")
OTHERS = {  # φ that Nengo has no neurons for
    "erf": np.vectorize(math.erf, otypes=[float]),
    "softplus": lambda x: np.logaddexp(0, x),
    "identity": lambda x: x,
}


def load(path=WEIGHTS):
    """Γ, W_s, b, τ, s, S₀ and the rest, by name."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


class Lowpass(nengo.Lowpass):
    """A low-pass filter that begins as if its output had been a value; the first is still 0."""

    begin = nengo.params.NdarrayParam("begin", shape=("*",))

    def __init__(self, tau, begin):
        super().__init__(tau)
        self.begin = begin

    def make_state(self, shape_in, shape_out, dt, dtype=None, y0=0):
        return super().make_state(shape_in, shape_out, dt, dtype, y0=self.begin)


class Once(nengo.Process):
    """A value at the first step, and then 0."""

    value = nengo.params.NdarrayParam("value", shape=("*",))

    def __init__(self, value):
        super().__init__(default_size_out=len(value))
        self.value = value

    def make_step(self, shape_in, shape_out, dt, rng, state):
        values = iter([self.value])
        return lambda t: next(values, np.zeros(shape_out))


def neurons(activation, function=None):
    """A type of neuron whose rate is φ of its current."""
    if function is None and activation not in OTHERS:
        return {
            "tanh": nengo.Tanh(tau_ref=1),
            "logistic": nengo.Sigmoid(tau_ref=1),
            "relu": nengo.RectifiedLinear(),
        }[activation]
    function = function or OTHERS[activation]

    class Rate(nengo.neurons.NeuronType):
        """φ, elementwise."""

        rule = activation

        def step(self, dt, J, output):
            output[...] = function(J)

        def max_rates_intercepts(self, gain, bias):
            return np.ones_like(gain), np.zeros_like(gain)  # gains and biases are given

    return Rate()


def build(w, function=None):
    """The network: `ensemble`, whose input is z, and `recurrent`, its connection to itself.

    `function`: φ in NumPy, in place of the one that the weights name.
    """
    (n, k), m, tau = w["gamma"].shape, w["noise_constant"].shape[1], float(w["tau"])
    normal = nengo.processes.WhiteNoise(nengo.dists.Gaussian(0, 1))  # over √dt
    with nengo.Network(label="low rank") as network:
        network.ensemble = nengo.Ensemble(
            n, k, encoders=w["gamma"], gain=np.ones(n), bias=w["bias"], normalize_encoders=False,
            neuron_type=neurons(str(w["activation"]), function),
        )  # fmt: skip
        solver = nengo.solvers.NoSolver(w["readout"].T)
        synapse = Lowpass(tau, w["start"][0]) if "start" in w else nengo.Lowpass(tau)
        network.recurrent = nengo.Connection(
            network.ensemble, network.ensemble, solver=solver, synapse=synapse
        )
        if "start" in w:
            once = nengo.Node(Once(w["start"][0]))
            nengo.Connection(once, network.ensemble, synapse=None)
        if w["noise_constant"].any() or "noise_readout" in w:
            network.shared = nengo.Node(normal, size_out=m)
            pushed, transform = network.shared, tau * w["noise_constant"]
            if "noise_readout" in w:
                pushed, transform = _multiplied(network, w), tau
            nengo.Connection(pushed, network.ensemble, transform=transform, synapse=tau)
        if w["private_noise"] > 0:
            network.private = nengo.Node(normal, size_out=n)
            size = float(w["private_noise"]) * math.sqrt(2 * tau)
            nengo.Connection(network.private, network.ensemble.neurons, transform=size, synapse=tau)
    return network


def _multiplied(network, w):
    """A node whose output is S(x) times the shared normals."""
    S, m = w["noise_constant"], w["noise_constant"].shape[1]
    node = nengo.Node(
        lambda t, v: (S + v[m:].reshape(S.shape)) @ v[:m], size_in=m + S.size, size_out=len(S)
    )
    nengo.Connection(network.shared, node[:m], synapse=None)
    flat = w["noise_readout"].reshape(S.size, -1)
    nengo.Connection(network.ensemble.neurons, node[m:], transform=flat, synapse=None)
    return node


def main():
    parser = argparse.ArgumentParser(description="Run the network and say where it went.")
    parser.add_argument("--duration", type=float, default=10.0)
    parser.add_argument("--dt", type=float, help="default: a 50th of tau")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    w = load()
    network = build(w)
    with network:
        probe = nengo.Probe(network.ensemble, "input")
    dt = given.dt or float(w["tau"]) / 50
    with nengo.Simulator(network, dt=dt, seed=given.seed, progress_bar=False) as simulator:
        simulator.run_steps(round(given.duration / dt))
    for j, c in enumerate(simulator.data[probe].T, 1):
        print(f"z{j}  mean {c.mean():.6g}  st. dev. {c.std():.6g}  last {c[-1]:.12g}")


if __name__ == "__main__":
    main()
