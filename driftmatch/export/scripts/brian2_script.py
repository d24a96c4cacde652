"""A low-rank recurrent network in Brian 2, with weights that driftmatch wrote.

    τ dx = [−x + Γ W_s φ(x) + b] dt + τ Γ S(x) dB + s√(2τ) dξ,    S(x) = S₀ + unvec(W_n φ(x))

One unit of the network's time is one second. What neurons receive is computed by two small products
in NumPy before each step, as W has low rank; so this runs in Brian's runtime mode, not standalone.
Run it with --help.
"""

import argparse
import math
from pathlib import Path
from typing import Any, NamedTuple

import brian2
import numpy as np

WEIGHTS = Path(__file__).with_name("weights.npz")
ACTIVATIONS = {
    "tanh": np.tanh,
    "logistic": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x),
    "erf": np.vectorize(math.erf, otypes=[float]),
    "softplus": lambda x: np.logaddexp(0, x),
    "relu": lambda x: np.maximum(x, 0),
    "identity": lambda x: x,
}
EQUATIONS = """
dx/dt = (received + bias - x)/tau + private_noise*sqrt(2/tau)*xi : 1
received : 1
bias : 1 (constant)
"""


class Model(NamedTuple):
    """What runs, ``model.network.run(1 * brian2.second)``, and what it is made of."""

    equations: str
    namespace: dict[str, Any]
    neurons: Any
    network: Any


def load(path=WEIGHTS):
    """Γ, W_s, b, τ, s, S₀ and the rest, by name."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def build(w, function=None):
    """The model, which steps by ``brian2.defaultclock.dt``.

    `function`: φ in NumPy, in place of the one that the weights name.
    """
    phi = function or ACTIVATIONS[str(w["activation"])]
    namespace = {
        "tau": float(w["tau"]) * brian2.second,
        "private_noise": float(w["private_noise"]),
    }
    neurons = brian2.NeuronGroup(
        len(w["gamma"]), EQUATIONS, method="euler", namespace=namespace, name="neurons"
    )
    neurons.bias = w["bias"]
    neurons.x = w["gamma"] @ w["start"][0] + w["bias"] if "start" in w else w["bias"]

    @brian2.network_operation(when="start", name="recurrence")
    def recurrence():
        rates = phi(neurons.x[:])
        S = w["noise_constant"]
        if "noise_readout" in w:
            S = S + w["noise_readout"] @ rates
        pushed = S @ np.random.standard_normal(S.shape[1]) / np.sqrt(neurons.dt_[:])
        neurons.received = w["gamma"] @ (w["readout"] @ rates + w["tau"] * pushed)

    return Model(EQUATIONS, namespace, neurons, brian2.Network(neurons, recurrence))


def main():
    parser = argparse.ArgumentParser(description="Run the network and say where it went.")
    parser.add_argument("--duration", type=float, default=10.0)
    parser.add_argument("--dt", type=float, help="default: a 50th of tau")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    w = load()
    brian2.prefs.codegen.target = "numpy"  # nothing to compile
    brian2.seed(given.seed)
    brian2.defaultclock.dt = (given.dt or float(w["tau"]) / 50) * brian2.second
    model = build(w)
    monitor = brian2.StateMonitor(model.neurons, "x", record=True)
    model.network.add(monitor)
    model.network.run(given.duration * brian2.second)
    x = np.vstack([monitor.x[:].T, model.neurons.x[:]])
    z = (x - w["bias"]) @ np.linalg.pinv(w["gamma"]).T
    for j, c in enumerate(z.T, 1):
        print(f"z{j}  mean {c.mean():.6g}  st. dev. {c.std():.6g}  last {c[-1]:.12g}")


if __name__ == "__main__":
    main()
