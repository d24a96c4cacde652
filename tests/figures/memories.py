"""Records of memory experiments, invented or computed in no time, for the tests of figures."""

from functools import cache

import numpy as np
from drawing import network, on_grid

from driftmatch import systems
from driftmatch.memory.dwell import Dwell, dwell
from driftmatch.memory.hopfield import HopfieldRecall
from driftmatch.memory.recall import Recall
from driftmatch.memory.regions import Regions, filling
from driftmatch.memory.sequential import Walk
from driftmatch.memory.switching import Switching
from driftmatch.memory.tilt import Tilt, tilt_toward
from driftmatch.outcomes import Outcome
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory

SQUARE = [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]]
TETRAHEDRON = [[1.0, 1.0, 1.0], [-1.0, -1.0, 1.0], [-1.0, 1.0, -1.0], [1.0, -1.0, -1.0]]
ONSET, RELEASE, DURATION = 2.0, 5.0, 8.0


@cache
def tilt(k: int) -> Tilt:
    """Toward well 1, of two wells (k = 1) or four."""
    if k == 1:
        return tilt_toward(systems.double_well(), 1)
    return tilt_toward(systems.wells(centres=SQUARE if k == 2 else TETRAHEDRON), 1)


def run(states: np.ndarray, duration: float, *, of_network: bool) -> Trajectory | NetworkTrajectory:
    """A record with these states, shape (M, T, k)."""
    times = np.linspace(0, duration, states.shape[1])
    if of_network:
        return NetworkTrajectory(times, states, Outcome.SUCCESS, network(states.shape[2]), 0.1)
    return Trajectory(times, states, Outcome.SUCCESS, "target", 0.1)


def recall(k: int, *, of_network: bool = False, M: int = 20, failures: int = 3) -> Recall:
    """From all over to well 1 under the tilt, and back to the well; a few stay where they were."""
    cue = tilt(k)
    rng = np.random.default_rng(int(of_network))
    t = np.linspace(0, DURATION, 81)[:, None]
    begin = rng.uniform(-1.4, 1.4, (M, 1, k))
    way = np.clip((t - ONSET) / 2, 0, 1), np.clip(t - RELEASE, 0, 1)
    z = begin + way[0] * (cue.resting_state - begin)
    z = z + way[1] * (cue.landscape.minima[1] - cue.resting_state)
    z = z + 0.05 * rng.normal(size=z.shape)
    z[:failures] = cue.landscape.minima[0] + 0.05 * rng.normal(size=z[:failures].shape)
    regions = filling(cue.landscape.minima)
    states = run(z, DURATION, of_network=of_network)
    return Recall(1, regions.labels(z[:, -1]), regions.labels(z[:, 50]), states, ONSET, RELEASE,
                  regions)  # fmt: skip


def hopfield(target: int = 1, W: int = 4) -> HopfieldRecall:
    """Eight trials of ten recalled."""
    overlaps = np.zeros((10, W))
    overlaps[:8, target] = 1.0
    return HopfieldRecall(target, np.ones((10, 5)), overlaps, np.ones(10, bool))


def ring(W: int) -> Regions:
    angles = 2 * np.pi * np.arange(W) / W
    return Regions(np.column_stack([np.cos(angles), np.sin(angles)]))


def walked(W: int = 4, *, of_network: bool = False, M: int = 3, jumps: int = 40):
    """From region to the next or, one time in five, the one before; 1 to 9 samples in each."""
    rng = np.random.default_rng(W + 10 * of_network)
    regions = ring(W)
    order = np.cumsum(rng.choice([1, -1], (M, jumps), p=[0.8, 0.2]), axis=1) % W
    stays = rng.integers(1, 10, (M, jumps))
    T = stays.sum(axis=1).min()
    labels = np.stack([np.repeat(o, s)[:T] for o, s in zip(order, stays, strict=True)])
    z = regions.centres[labels] + 0.03 * rng.normal(size=(M, T, 2))
    return run(z, 0.5 * (T - 1), of_network=of_network), regions


def dwelt(W: int = 4, **options) -> Dwell:
    return dwell(*walked(W, **options))


def walk(W: int = 4, *, of_network: bool = False) -> Walk:
    trajectory, regions = walked(W, of_network=of_network)
    return Walk(dwell(trajectory, regions), on_grid(2), trajectory)


def switching(k: int = 3, *, of_network: bool = False, commands=(0, 1, 2, 1), M: int = 5):
    """At each attractor a little circle; the last trial stays at the first attractor."""
    rng = np.random.default_rng(int(of_network))
    centres = np.zeros((3, k))
    centres[np.arange(3), np.arange(3) % k] = [3.0, 3.0, -3.0 if k == 2 else 3.0]
    regions = Regions(centres, 1.2)
    phase = np.linspace(0, 12, 50)
    circle = np.zeros((50, k))
    circle[:, 0], circle[:, 1] = np.cos(phase), np.sin(phase)
    z = np.concatenate([centres[c] + 0.5 * circle for c in commands])
    z = z + 0.02 * rng.normal(size=(M, *z.shape))
    z[-1] = centres[0] + 0.01 * rng.normal(size=z[-1].shape)
    ends = 50 * (1 + np.arange(len(commands))) - 1
    trajectory = run(z, 10.0 * len(commands), of_network=of_network)
    return Switching(np.array(commands), regions.labels(z[:, ends]), 2.0, 10.0,
                     np.ones((len(commands), k)), trajectory, regions)  # fmt: skip
