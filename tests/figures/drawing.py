"""Runs and networks small enough to draw in no time, for the tests of figures."""

from functools import cache

import numpy as np

from driftmatch import systems
from driftmatch.analysis.fokker_planck.stationary import StationaryDensity, stationary
from driftmatch.analysis.irreversibility.by_grid import GridRoute
from driftmatch.analysis.irreversibility.irreversibility import irreversibility
from driftmatch.analysis.irreversibility.record import Irreversibility
from driftmatch.grids import Grid
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


BOXES = {1: Grid([-2.0], [2.0], 400), 2: Grid([-2.0, -2.0], [2.0, 2.0], 96)}


@cache
def on_grid(k: int) -> Irreversibility:
    """On a grid, of a double well (k = 1), which is reversible, and of a noisy rotation (k = 2)."""
    sde = systems.double_well() if k == 1 else systems.limit_cycle(2.0, 0.5)
    return irreversibility(sde, method=GridRoute(BOXES[k]))


@cache
def density(k: int) -> StationaryDensity:
    """Of the same, and of a rotation and a trap beside it (k = 3)."""
    if k == 3:
        B = [[1.0, 1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]
        return stationary(systems.ornstein_uhlenbeck(B, 1.0), Grid([-4.0] * 3, [4.0] * 3, 20))
    found = on_grid(k).stationary
    assert found is not None
    return found
