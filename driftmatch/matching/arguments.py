"""What `embed` was given, checked at the door."""

from typing import Any

import numpy as np

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import (
    check_array,
    check_box,
    check_count,
    check_non_negative,
    check_positive,
    or_none,
)
from driftmatch.errors import ComputationError, InputError
from driftmatch.matching.design import NUM_HELD_OUT, NUM_VISITED
from driftmatch.network import Network, as_sde

_ROUNDING = 1e-12  # of the size of numbers: what is spread less has no spread
MAX_NEURONS = 8192  # the refined fit's arrays then take some 20 GB


def check_arguments(sde, num_neurons, tau, private_noise) -> tuple[int, float | None, float | None]:
    """The size, the time constant and the noise, for a target; `InputError` if one is unusable."""
    if not isinstance(sde, AbstractSDE):
        raise InputError(
            f"the target must be an SDE (driftmatch.SDE or a system), got {type(sde).__name__}"
        )
    if sde.is_driven:
        raise InputError(
            f"{sde.name} is driven by an input that depends on time, which a network of its own "
            "cannot hold: leave the input out, and give it to the network when it is simulated"
        )
    num_neurons = check_count("num_neurons", num_neurons)
    if num_neurons <= sde.dim:
        raise InputError(
            f"a network for {sde.dim} dimensions needs at least {sde.dim + 1} neurons, "
            f"got {num_neurons}; 64 or more is usual"
        )
    if num_neurons > MAX_NEURONS:
        raise InputError(
            f"num_neurons must be at most {MAX_NEURONS} to be fitted in memory, got {num_neurons}; "
            "larger networks can be built with driftmatch.Network"
        )
    tau = or_none(check_positive)("tau", tau)
    return num_neurons, tau, or_none(check_non_negative)("private_noise", private_noise)


def check_pair(what: str, sde: Any, network: Any, *, on_circles: bool = False) -> AbstractSDE:
    """The SDE, once the other is known to be a network that can embed it; angles that are laid out
    `on_circles` take two dimensions each."""
    if not isinstance(sde, AbstractSDE) or not isinstance(network, Network):
        raise InputError(
            f"{what} takes an SDE and a Network, "
            f"got {type(sde).__name__} and {type(network).__name__}"
        )
    num_angles = sum(p is not None for p in sde.periodic or ()) if on_circles else 0
    if network.latent_dim != sde.dim + num_angles:
        angles = f", {num_angles} of them angles that take two each," if num_angles else ""
        raise InputError(
            f"{sde.name} has {sde.dim} dimensions{angles} and the network {network.latent_dim} "
            "latent ones"
        )
    return as_sde(sde, error=f"{what} takes an SDE")


def given_states(sde, states, box, rng) -> tuple[np.ndarray, np.ndarray]:
    """States to match at and others to judge by, from the user's own states or box."""
    if states is not None and box is not None:
        raise InputError("give either states or box, not both")
    k = sde.dim
    if states is not None:
        states = check_array("states", states)
        if states.ndim != 2 or states.shape[1] != k or len(states) < 20 * (k + 1):
            raise InputError(
                f"states must have shape (N, {k}) with N of at least {20 * (k + 1)}, "
                f"got {states.shape}"
            )
        states = rng.permutation(states)
        return states[len(states) // 5 :], states[: len(states) // 5]
    low, high = check_box(box, k)
    evenly = low + (high - low) * rng.random((NUM_VISITED + NUM_HELD_OUT, k))
    return evenly[:NUM_VISITED], evenly[NUM_VISITED:]


def check_spread(sde, visited) -> None:
    """Raise `ComputationError` when there is but one state to match at."""
    spread = np.ptp(visited, axis=0)
    if np.all(spread <= _ROUNDING * np.abs(visited).max(axis=0)):
        raise ComputationError(
            f"the trajectories of {sde.name} settle on one point, where there is nothing to match; "
            "give the target noise, or say where to match with states= or box="
        )
