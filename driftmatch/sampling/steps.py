"""The time scale of an experiment, and the step to simulate it with, where the user gives none."""

from jaxtyping import PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.network import Network
from driftmatch.sampling.sample import STEPS_PER_TIME_SCALE, sample

_STEPS_PER_TAU = 20


def time_scale_of(system: AbstractSDE, key: PRNGKeyArray) -> float:
    """In which the state changes by about its own size: the system's own, or found by `sample`.

    Raises `ComputationError` for a system without one that diverges or stays nowhere.
    """
    if system.time_scale is not None:
        return system.time_scale
    return sample(system, key=key).require_place().time_scale


def default_step(system: AbstractSDE, time_scale: float) -> float:
    """A 50th of the time scale; for a network at most a 20th of τ."""
    step = time_scale / STEPS_PER_TIME_SCALE
    return min(step, system.tau / _STEPS_PER_TAU) if isinstance(system, Network) else step
