"""Samples that were passed along, or made where they were not."""

from typing import Any

from jaxtyping import PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE, AbstractWrapper
from driftmatch.errors import InputError
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.sampling.sample import sample
from driftmatch.sampling.samples import Samples


def samples_of(
    sde: AbstractSDE, samples: Samples | None, key: PRNGKeyArray, meter: AbstractMeter = SILENT
) -> Samples:
    """The samples that were given, checked, or new ones."""
    samples = check_samples(sde, samples)
    return sample(sde, key=key, meter=meter) if samples is None else samples


def check_samples(sde: AbstractSDE, samples: Any) -> Samples | None:
    """What was passed as samples: those of an SDE of as many dimensions, or None."""
    if samples is None:
        return None
    if not isinstance(samples, Samples):
        raise InputError(
            f"samples must be what driftmatch.sample returned, got {type(samples).__name__}"
        )
    if samples.dim != sde.dim:
        raise InputError(
            f"samples are of {samples.name} with {samples.dim} dimensions, "
            f"but {sde.name} has {sde.dim}"
        )
    return samples


class Undriven(AbstractWrapper):
    """An SDE without its forcing."""

    sde: AbstractSDE
    is_driven = False  # pyright: ignore[reportAssignmentType]

    def forcing(self, t):
        return None


def undriven(sde: AbstractSDE) -> AbstractSDE:
    """The same SDE, without its input if it has one."""
    return Undriven(sde) if sde.is_driven else sde
