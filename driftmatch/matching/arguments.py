"""What `embed` was given, checked at the door."""

import numpy as np

from driftmatch.errors import ComputationError, InputError
from driftmatch.matching.states import NUM_HELD_OUT, NUM_VISITED
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.arguments import is_real

MAX_NEURONS = 8192  # the refined fit's arrays then take some 20 GB


def check_arguments(sde, num_neurons, tau, private_noise) -> None:
    """Raise `InputError` for a target, a size, a time constant or a noise that cannot be used."""
    if not isinstance(sde, AbstractSDE):
        raise InputError(
            f"the target must be an SDE (driftmatch.SDE or a system), got {type(sde).__name__}"
        )
    if isinstance(num_neurons, bool) or not isinstance(num_neurons, (int, np.integer)):
        raise InputError(f"num_neurons must be a whole number, got {num_neurons!r}")
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
    if tau is not None and not (is_real(tau) and np.isfinite(tau) and tau > 0):
        raise InputError(f"tau must be positive, got {tau!r}")
    if not (is_real(private_noise) and np.isfinite(private_noise) and private_noise >= 0):
        raise InputError(f"private_noise must be a number of at least 0, got {private_noise!r}")


def given_states(sde, states, box, rng) -> tuple[np.ndarray, np.ndarray]:
    """States to match at and others to judge by, from the user's own states or box."""
    if states is not None and box is not None:
        raise InputError("give either states or box, not both")
    k = sde.dim
    if states is not None:
        states = _array("states", states)
        if states.ndim != 2 or states.shape[1] != k or len(states) < 20 * (k + 1):
            raise InputError(
                f"states must have shape (N, {k}) with N of at least {20 * (k + 1)}, "
                f"got {states.shape}"
            )
        if not np.all(np.isfinite(states)):
            raise InputError("states must be finite")
        states = rng.permutation(states)
        return states[len(states) // 5 :], states[: len(states) // 5]
    wanted = f"box must be (lower, upper) corners of {k} numbers each with lower < upper"
    if not isinstance(box, (tuple, list, np.ndarray)) or len(box) != 2:
        raise InputError(f"{wanted}, got {box!r}")
    try:
        low, high = (np.broadcast_to(_array("box", corner), (k,)) for corner in box)
    except (TypeError, ValueError) as error:
        raise InputError(f"{wanted}, got {box!r}") from error
    if not (np.all(np.isfinite(low)) and np.all(np.isfinite(high)) and np.all(low < high)):
        raise InputError(f"{wanted}, got {box!r}")
    evenly = low + (high - low) * rng.random((NUM_VISITED + NUM_HELD_OUT, k))
    return evenly[:NUM_VISITED], evenly[NUM_VISITED:]


def check_spread(sde, visited) -> None:
    """Raise `ComputationError` when there is but one state to match at."""
    spread, size = visited.std(axis=0), np.abs(visited).mean(axis=0)
    if np.all(spread <= 1e-6 * (1e-3 * size.max() + size)):
        raise ComputationError(
            f"the trajectories of {sde.name} settle on one point, where there is nothing to match; "
            "give the target noise, or say where to match with states= or box="
        )


def _array(what, value) -> np.ndarray:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} must be numbers, got {type(value).__name__}") from error
