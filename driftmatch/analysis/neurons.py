"""Rates of single neurons, and which neurons tell most."""

import numpy as np
from jaxtyping import Float

from driftmatch.simulation.trajectory import NetworkTrajectory

_CANDIDATES = 2048
_SAMPLES = 400


def lively_neurons(run: NetworkTrajectory, number: int) -> np.ndarray:
    """Indices of the neurons whose rates vary most, in ascending order."""
    candidates, sampled = _sampled(run)
    return np.sort(candidates[np.argsort(-sampled.std(axis=0), kind="stable")[:number]])


def telling_neurons(run: NetworkTrajectory, number: int, stop: int | None = None) -> np.ndarray:
    """Indices of neurons whose rates vary much and are least correlated, in ascending order.

    `stop`: look at so many samples only.
    """
    candidates, sampled = _sampled(run, stop)
    spread = sampled.std(axis=0)
    lively = np.argsort(-spread, kind="stable")[: max(number, np.sum(spread >= 0.5 * spread.max()))]
    scores = (sampled - sampled.mean(axis=0))[:, lively] / np.maximum(spread[lively], 1e-12)
    chosen, likeness = [0], np.zeros(len(lively))
    while len(chosen) < min(number, len(lively)):
        likeness = np.maximum(likeness, np.abs(scores.T @ scores[:, chosen[-1]]))
        likeness[chosen] = np.inf
        chosen.append(int(likeness.argmin()))
    return np.sort(candidates[lively[chosen[:number]]])


def rates(
    run: NetworkTrajectory, times: slice | np.ndarray, neurons: np.ndarray
) -> Float[np.ndarray, "t m"]:
    """φ(x) of some neurons at some samples of the first trajectory."""
    x = run.neurons_at(times, neurons)[0]
    return run.network.activation.derivatives(np.asarray(x, np.float64))[0]


def _sampled(run, stop: int | None = None) -> tuple[np.ndarray, Float[np.ndarray, "t m"]]:
    """Indices of neurons all over the network, and their rates all over the first trajectory."""
    n, T = run.network.num_neurons, len(run.times[:stop])
    candidates = np.unique(np.linspace(0, n - 1, min(n, _CANDIDATES)).astype(int))
    sampled = rates(run, np.unique(np.linspace(0, T - 1, _SAMPLES).astype(int)), candidates)
    return candidates, sampled[np.isfinite(sampled).all(axis=1)]
