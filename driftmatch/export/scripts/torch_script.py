"""A low-rank recurrent network in PyTorch, with weights that driftmatch wrote.

    τ dx = [−x + Γ W_s φ(x) + b] dt + τ Γ S(x) dB + s√(2τ) dξ,    S(x) = S₀ + unvec(W_n φ(x))

Run it with --help. Γ, W_s and b are parameters that can be trained on.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

WEIGHTS = Path(__file__).with_name("weights.npz")
ACTIVATIONS = {
    "tanh": torch.tanh,
    "logistic": torch.sigmoid,
    "erf": torch.erf,
    "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    "relu": torch.relu,
    "identity": lambda x: x,
}


def load(path=WEIGHTS):
    """Γ, W_s, b, τ, s, S₀ and the rest, by name."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


class LowRankNetwork(torch.nn.Module):
    """n neurons x; parameters `gamma` (n, k), `readout` (k, n), `bias` (n,), buffers for the rest.

    `start`: latent states to begin from, shape (A, k), or None.
    """

    def __init__(self, weights):
        super().__init__()
        self.activation = str(weights["activation"])
        for name in ("gamma", "readout", "bias"):
            self.register_parameter(name, torch.nn.Parameter(_tensor(weights[name])))
        for name in ("noise_constant", "noise_readout", "private_noise", "tau", "start"):
            self.register_buffer(name, _tensor(weights[name]) if name in weights else None)

    def lift(self, z):
        """x = Γz + b of latent states, shape (..., k)."""
        return z @ self.gamma.T + self.bias

    def project(self, x):
        """z of the nearest point of the subspace, for neurons of shape (..., n)."""
        return (x - self.bias) @ torch.linalg.pinv(self.gamma).T

    def drift(self, x):
        """Per unit time, for neurons of shape (..., n)."""
        rates = self._rates(x)
        return (rates @ self.readout.T @ self.gamma.T + self.bias - x) / self.tau

    def noise(self, x, normals):
        """Γ S(x) and s√(2/τ) times standard normals: m shared ones, then n private ones."""
        S = self.noise_constant
        if self.noise_readout is not None:
            S = S + torch.einsum("kmn,...n->...km", self.noise_readout, self._rates(x))
        shared, private = normals.split([S.shape[-1], x.shape[-1]], -1)
        pushed = torch.einsum("nk,...km,...m->...n", self.gamma, S, shared)
        return pushed + self.private_noise * (2 / self.tau) ** 0.5 * private

    def get_extra_state(self):
        """The name of φ, so that a state dict is the whole network."""
        return {"activation": self.activation}

    def set_extra_state(self, state):
        self.activation = state["activation"]

    def forward(self, x, dt, steps=1, noise=True):
        """x before and after steps of Euler–Maruyama, from (..., n) to (steps + 1, ..., n).

        `noise`: False for none, or the standard normals of every step, (steps, ..., m + n).
        """
        components = self.noise_constant.shape[-1] + x.shape[-1]
        states = [x]
        for i in range(steps):
            x = states[-1]
            following = x + dt * self.drift(x)
            if noise is not False:
                shape = (*x.shape[:-1], components)
                drawn = noise is True
                normals = torch.randn(shape, dtype=x.dtype, device=x.device) if drawn else noise[i]
                following = following + dt**0.5 * self.noise(x, normals)
            states.append(following)
        return torch.stack(states)

    def _rates(self, x):
        return ACTIVATIONS[self.activation](x)


def _tensor(array):
    return torch.tensor(np.asarray(array), dtype=torch.float64)


def main():
    parser = argparse.ArgumentParser(description="Run the network and say where it went.")
    parser.add_argument("--duration", type=float, default=10.0)
    parser.add_argument("--dt", type=float, help="default: a 50th of tau")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    network = LowRankNetwork(load())
    dt = given.dt or float(network.tau) / 50
    with torch.no_grad():
        x = network.bias if network.start is None else network.lift(network.start[0])
        z = network.project(network(x, dt, round(given.duration / dt)))
    for j, c in enumerate(z.T, 1):
        mean, deviation, last = c.mean(), c.std(correction=0), c[-1]
        print(f"z{j}  mean {mean:.6g}  st. dev. {deviation:.6g}  last {last:.12g}")


if __name__ == "__main__":
    main()
