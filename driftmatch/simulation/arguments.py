"""What `simulate` was given, checked at the door."""

from typing import Any

import numpy as np
from jaxtyping import Float

from driftmatch.arguments import check_array, check_positive
from driftmatch.errors import InputError

MAX_STEPS = 2**31 - 2**10  # steps are counted in 32 bits


def check_steps(duration: Any, dt: Any, save_every: int) -> int:
    """How many steps of dt fit into the duration."""
    duration, dt = check_positive("duration", duration), check_positive("dt", dt)
    ratio = duration / dt
    if ratio > MAX_STEPS:
        raise InputError(
            f"duration / dt is {ratio:.3g} steps, more than {MAX_STEPS}: split the run, starting "
            "each part from the last state of the one before"
        )
    steps = int(ratio * (1 + 1e-9))  # 1 / 0.1 steps are 10 whatever the rounding
    if steps < 1:
        raise InputError(f"dt must not exceed the duration, got dt = {dt!r} and {duration!r}")
    if save_every > steps:
        raise InputError(
            f"save_every must not exceed the {steps} steps of the run, got {save_every}"
        )
    return steps


def check_leak(dt: float, tau: float) -> None:
    """Explicit steps of 2τ or more make the leak −x/τ grow, which bounded rates then hide."""
    if dt >= 2 * tau:
        raise InputError(
            f"dt = {dt:g} is too large for a network with tau = {tau:g}: explicit steps need dt "
            f"below {2 * tau:g}, and about {tau / 20:.1g} to be accurate"
        )


def check_start(
    start: Any, num_trajectories: int, dims: tuple[int, ...]
) -> Float[np.ndarray, "M d"]:
    """One start, or one for each trajectory, in any one of the spaces of these dimensions."""
    array = check_array("start", start)
    shapes = " or ".join(f"({d},) or ({num_trajectories}, {d})" for d in dims)
    if array.ndim not in (1, 2) or array.shape[-1] not in dims:
        raise InputError(f"start must have shape {shapes}, got {array.shape}")
    if array.ndim == 2 and len(array) != num_trajectories:
        raise InputError(
            f"start must have shape {shapes}, got {array.shape}; num_trajectories says how many "
            "starts there are"
        )
    return np.broadcast_to(array, (num_trajectories, array.shape[-1]))
