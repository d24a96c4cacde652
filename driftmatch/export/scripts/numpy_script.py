"""A low-rank recurrent network in NumPy, with weights that driftmatch wrote.

    τ dx = [−x + Γ W_s φ(x) + b] dt + τ Γ S(x) dB + s√(2τ) dξ,    S(x) = S₀ + unvec(W_n φ(x))

Run it with --help. On the subspace x = Γz + b it is an SDE in the few coordinates z.
"""

import argparse
import math
from pathlib import Path

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


def load(path=WEIGHTS):
    """Γ, W_s, b, τ, s, S₀ and the rest, by name."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def step(w, x, dt, normals):
    """x after a step of Euler–Maruyama; `normals`: m shared ones, then n private ones."""
    rates = ACTIVATIONS[str(w["activation"])](x)
    S = w["noise_constant"]
    if "noise_readout" in w:
        S = S + w["noise_readout"] @ rates
    shared, private = np.split(normals, [S.shape[1]])
    drift = (w["gamma"] @ (w["readout"] @ rates) + w["bias"] - x) / w["tau"]
    noise = w["gamma"] @ (S @ shared) + w["private_noise"] * np.sqrt(2 / w["tau"]) * private
    return x + dt * drift + np.sqrt(dt) * noise


def start(w):
    """x at the first of the latent starts, or at z = 0."""
    return w["gamma"] @ w["start"][0] + w["bias"] if "start" in w else w["bias"]


def run(w, duration, dt, seed=0):
    """x at times 0, dt, 2 dt ..., shape (T, n)."""
    rng = np.random.default_rng(seed)
    x = [start(w)]
    for _ in range(round(duration / dt)):
        x.append(step(w, x[-1], dt, rng.normal(size=w["noise_constant"].shape[1] + len(x[0]))))
    return np.array(x)


def main():
    parser = argparse.ArgumentParser(description="Run the network and say where it went.")
    parser.add_argument("--duration", type=float, default=10.0)
    parser.add_argument("--dt", type=float, help="default: a 50th of tau")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    w = load()
    x = run(w, given.duration, given.dt or float(w["tau"]) / 50, given.seed)
    z = (x - w["bias"]) @ np.linalg.pinv(w["gamma"]).T
    for j, c in enumerate(z.T, 1):
        print(f"z{j}  mean {c.mean():.6g}  st. dev. {c.std():.6g}  last {c[-1]:.12g}")


if __name__ == "__main__":
    main()
