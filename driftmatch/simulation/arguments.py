"""What `simulate` was given, checked at the door."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.errors import InputError
from driftmatch.randomness import seed_of

MAX_STEPS = 2**31 - 2**10  # steps are counted in 32 bits


def check_count(what: str, value: Any) -> int:
    """A whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InputError(f"{what} must be a whole number of at least 1, got {value!r}")
    return int(value)


def check_steps(duration: Any, dt: Any, save_every: int) -> int:
    """How many steps of dt fit into the duration."""
    for what, value in (("duration", duration), ("dt", dt)):
        if not (is_real(value) and np.isfinite(value) and value > 0):
            raise InputError(f"{what} must be a positive number, got {value!r}")
    ratio = float(duration) / float(dt)
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


def is_real(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def check_key(key: Any) -> PRNGKeyArray:
    """A random key of either kind, as a typed one."""
    try:
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.shape == ():
            return key
        if key.dtype == np.uint32:
            key = jax.random.wrap_key_data(jnp.asarray(key))
            if key.shape == ():
                return key
    except (AttributeError, TypeError, ValueError):
        pass
    raise InputError(
        f"key must be one random key, such as jax.random.key(0), got {type(key).__name__}"
    )


def check_start(
    start: Any, num_trajectories: int, dims: tuple[int, ...]
) -> Float[np.ndarray, "M d"]:
    """One start, or one for each trajectory, in any one of the spaces of these dimensions."""
    try:
        array = np.asarray(start, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"start must be an array of numbers, got {start!r}") from None
    shapes = " or ".join(f"({d},) or ({num_trajectories}, {d})" for d in dims)
    if array.ndim not in (1, 2) or array.shape[-1] not in dims:
        raise InputError(f"start must have shape {shapes}, got {array.shape}")
    if array.ndim == 2 and len(array) != num_trajectories:
        raise InputError(
            f"start must have shape {shapes}, got {array.shape}; num_trajectories says how many "
            "starts there are"
        )
    if not np.all(np.isfinite(array)):
        raise InputError("start must be finite")
    return np.broadcast_to(array, (num_trajectories, array.shape[-1]))


def scattered(
    starts: Float[np.ndarray, "A d"] | None, dim: int, num_trajectories: int, key: PRNGKeyArray
) -> Float[np.ndarray, "M d"]:
    """The default starts in turn, 0 if there is none; several trajectories begin a little apart."""
    starts = np.zeros((1, dim)) if starts is None else starts
    at = np.array(starts[np.arange(num_trajectories) % len(starts)], dtype=float)
    if num_trajectories == 1:
        return at
    largest = np.max(np.abs(at), axis=1, keepdims=True)
    apart = 0.01 * np.where(largest > 0, largest, 1.0)
    return at + apart * seed_of(key).standard_normal(at.shape)


def check_input(input: Any, dims: tuple[int, ...]) -> int:
    """The dimension of an input, one of those given."""
    if not callable(input):
        raise InputError(
            f"input must be a function of time, got {type(input).__name__}; for a constant one "
            "pass lambda t: value"
        )
    shapes = " or ".join(f"({d},)" for d in dims)
    try:
        t = jax.ShapeDtypeStruct((), jnp.result_type(float))
        shape = jax.eval_shape(lambda t: jnp.asarray(input(t)), t).shape
    except Exception as error:
        raise InputError(
            f"input failed on a time t; it must return shape {shapes} and be written with "
            f"jax.numpy: {type(error).__name__}: {error}"
        ) from error
    if len(shape) != 1 or shape[0] not in dims:
        raise InputError(f"input must return shape {shapes}, got {shape}")
    return shape[0]
