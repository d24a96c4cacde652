"""Distances of two ensembles, each beside its floor."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from driftmatch.analysis.densities import (
    MAX_BINNED_DIM,
    histogram,
    kullback_leibler,
    sliced_wasserstein,
    state_space_divergence,
)
from driftmatch.analysis.spectra import hellinger, power_spectrum

GROUPS = 32


def distances_and_floors(
    target: Float[np.ndarray, "M T k"],
    network: Float[np.ndarray, "M T k"],
    *,
    neighbours: int = GROUPS - 1,
    errors: bool = False,
) -> dict[str, float]:
    """`state_space_divergence`, `spectrum_distance` and `sliced_wasserstein` of a network's
    trajectories from a target's, and each under its name with ``_floor`` its floor.

    Trajectories are dealt into 32 groups, so M must be a multiple of 32. A distance is the mean
    over pairs of a target group and a network group; its floor, over pairs of two target groups. So
    both are of one sample size, and many pairs tell their ratio to a few per cent: of every group
    with its `neighbours` next ones. With `errors` the distances' standard errors come too, under
    ``_error``: over the network's groups, so they are for networks beside one and the same target.
    """
    if target.shape[2] > MAX_BINNED_DIM:
        divergence = _distance_and_floor(state_space_divergence, target, network, neighbours=1)
    else:
        states = target.reshape(-1, target.shape[2])
        low, high = states.min(axis=0), states.max(axis=0)  # one grid for all groups
        divergence = _distance_and_floor(
            kullback_leibler, target, network, neighbours=neighbours,
            summary=lambda group: histogram(group, low, high),
        )  # fmt: skip
    found = {
        "state_space_divergence": divergence,
        "spectrum_distance": _distance_and_floor(
            hellinger, target, network, neighbours=neighbours, summary=power_spectrum
        ),
        "sliced_wasserstein": _distance_and_floor(
            sliced_wasserstein, target, network, summary=_thinned, neighbours=3
        ),
    }
    distances = {name: each[0] for name, each in found.items()}
    distances |= {f"{name}_floor": each[1] for name, each in found.items()}
    return distances | (
        {f"{name}_error": each[2] for name, each in found.items()} if errors else {}
    )


def in_floors(distance: float, floor: float) -> float:
    """A distance as a multiple of its floor; a target that repeats itself exactly has floor 0."""
    return distance / floor if floor else (1.0 if distance == 0 else np.inf)


def _distance_and_floor(
    distance: Callable,
    target: np.ndarray,
    network: np.ndarray,
    *,
    summary: Callable = lambda group: group,
    neighbours: int,
) -> tuple[float, float, float]:
    """Means of `distance` between summaries of groups: target to network, and target to target;
    and the standard error of the first.

    Every group is compared with its `neighbours` next ones, cyclically.
    """
    a, b = ([summary(group) for group in np.split(x, GROUPS)] for x in (target, network))
    pairs = [(i, (i + s) % GROUPS) for i in range(GROUPS) for s in range(1, neighbours + 1)]
    between = [distance(a[i], b[j]) for i, j in pairs]
    within = [distance(a[i], a[j]) for i, j in pairs]
    of_groups = np.bincount([j for _, j in pairs], weights=between) / neighbours
    error = float(of_groups.std(ddof=1) / np.sqrt(GROUPS))
    return float(np.mean(between)), float(np.mean(within)), error


def _thinned(group, size=2000):
    """About so many of the states, evenly over the group."""
    states = group.reshape(-1, group.shape[2])
    return states[:: max(1, len(states) // size)]
