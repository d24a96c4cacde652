"""Runs and networks small enough to draw in no time, for the tests of figures."""

import numpy as np

from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.sde import SDE
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory


def network(k: int, n: int = 40) -> Network:
    rng = np.random.default_rng(k)
    gamma, readout = rng.normal(size=(n, k)), rng.normal(size=(k, n)) / n
    return Network(gamma, readout, rng.normal(size=n), shared_noise=0.1, time_scale=0.5)


def sde(k: int) -> SDE:
    return SDE(lambda z: -z, 0.3, k, start=np.ones(k))


def states(k: int, *, M: int = 2, T: int = 60, seed: int = 0) -> np.ndarray:
    """Closed curves with a little noise, every coordinate with a scale of its own."""
    rng = np.random.default_rng(seed)
    phase = np.linspace(0, 12, T)[:, None] * (1 + np.arange(k)) + np.arange(k)
    return np.stack([np.sin(phase + 0.1 * m) for m in range(M)]) * (1 + np.arange(k)) + (
        0.02 * rng.normal(size=(M, T, k))
    )


def target_run(k: int, **kwargs) -> Trajectory:
    z = states(k, **kwargs)
    return Trajectory(0.1 * np.arange(z.shape[1]), z, Outcome.SUCCESS, "target", 0.1)


def network_run(k: int, net: Network | None = None, **kwargs) -> NetworkTrajectory:
    z = states(k, **{"seed": 1, **kwargs})
    net = network(k) if net is None else net
    return NetworkTrajectory(0.1 * np.arange(z.shape[1]), z, Outcome.SUCCESS, net, 0.1)
