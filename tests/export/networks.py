"""Networks to hand to other frameworks, and the noise that ours is made of."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.simulation.integrators import SCHEMES

N, K, M = 20, 2, 3
EULER = SCHEMES["euler-maruyama"]
KEY = jax.random.key(3)
NOISES = ["none", "shared", "multiplicative", "private"]


def network(activation="tanh", noise="none", seed=0, **options):
    """A network that turns and grows where it is linear, with a start."""
    rng = np.random.default_rng(seed)
    gamma = rng.normal(size=(N, K))
    readout = 1.2 * np.linalg.pinv(gamma) + 0.4 * np.array([[0, 1], [-1, 0]]) @ gamma.T / N
    constant = 0.3 * rng.normal(size=(K, M)) * (noise != "none")
    of_rates = 0.2 * rng.normal(size=(K, M, N)) if noise == "multiplicative" else None
    return dm.Network(
        gamma, readout, 0.3 * rng.normal(size=N), tau=0.5, activation=activation,
        shared_noise=dm.SharedNoise(constant, of_rates),
        private_noise=0.1 if noise == "private" else 0.0, start=[0.5, -0.2],
        coordinates=["u", "v"], units=["mV", ""], **options,
    )  # fmt: skip


def path(net, dt, steps):
    """Our neurons by Euler–Maruyama in float64, shape (steps + 1, n), on these normals."""
    normals = np.random.default_rng(7).normal(size=(steps, net.noise_dim + net.num_neurons))
    with jax.enable_x64(True):
        start = net.lift(net.starts[0])
        sde = net.neural()
        if not net.shared_noise.constant.any():  # the whole road, from the public door on
            options = {"key": KEY, "method": "euler-maruyama", "start": start}
            run = dm.simulate(net, duration=steps * dt, dt=dt, **options)
            return run.neurons[0], normals

        def step(x, normal):
            return EULER.step(sde, None, x, jnp.array(0.0), jnp.array(dt), normal)[1], x

        last, before = jax.lax.scan(step, jnp.array(start), jnp.array(normals[:, : sde.noise_dim]))
        return np.vstack([before, last]), normals


def installed(package):
    """The package, or a skipped test that says why."""
    try:
        return importlib.import_module(package)
    except Exception as error:
        pytest.skip(f"{package} cannot be imported: {type(error).__name__}: {error}")
