"""Recordings of walks between regions: by hand, and of Markov chains."""

from types import SimpleNamespace

import numpy as np

from driftmatch.memory.dwell import dwell
from driftmatch.memory.regions import Regions

SEEDS = 200


def recording(labels, times=None):
    """Trajectories that are in region w where a label is w, and outside of all where it is −1."""
    labels = np.atleast_2d(labels)
    times = np.arange(labels.shape[1], dtype=float) if times is None else np.asarray(times)
    return SimpleNamespace(times=times, states=labels[..., None].astype(float), name="walk")


def regions(number):
    return Regions(np.arange(float(number))[:, None], 0.3)


def walk(generator, duration, rng, start=0):
    """A path of the jump process up to `duration`: its states, one after the other, and when each
    began, with the end as a last entry."""
    leaving = -np.diag(generator)
    chances = np.cumsum(np.where(np.eye(len(generator)), 0, generator / leaving[:, None]), axis=1)
    states, times = [start], [0.0]
    while True:
        now = times[-1] + rng.exponential(1 / leaving[states[-1]])
        if now >= duration:
            return np.array([*states, states[-1]]), np.array([*times, duration])
        times.append(now)
        states.append(int(np.searchsorted(chances[states[-1]], rng.random())))


GENERATOR = np.array([[-1.5, 1.0, 0.5], [0.2, -0.5, 0.3], [2.0, 1.0, -3.0]])


def chains(duration, generator=GENERATOR, seeds=SEEDS):
    """Exact recordings: a sample at every jump."""
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        states, times = walk(generator, duration, rng, rng.integers(len(generator)))
        yield dwell(recording(states, times), regions(len(generator)))


def coverage(intervals, truth):
    low, high = np.moveaxis(np.asarray(intervals), -1, 0)
    return float(np.mean((low <= truth) & (truth <= high)))
