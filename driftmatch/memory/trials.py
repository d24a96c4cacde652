"""So many of so many trials."""

import abc
from collections.abc import Iterable

import numpy as np

from driftmatch.analysis.intervals import wilson_interval
from driftmatch.arguments import shown
from driftmatch.errors import InputError
from driftmatch.records import Record
from driftmatch.words import spelled


class AbstractTrials(abc.ABC):
    """Trials of which some succeeded."""

    @property
    @abc.abstractmethod
    def trials(self) -> int:
        """M, how many there were."""

    @property
    @abc.abstractmethod
    def successes(self) -> int:
        """How many succeeded."""

    @property
    def success(self) -> float:
        """The fraction that succeeded."""
        return self.successes / self.trials

    @property
    def success_interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of `success`."""
        return wilson_interval(self.successes, self.trials)


class Pooled(AbstractTrials, Record, told="success success_interval trials"):
    """The trials of several records together. - `parts`: of each well, for example."""

    parts: tuple[AbstractTrials, ...]

    @property
    def trials(self) -> int:
        return sum(part.trials for part in self.parts)

    @property
    def successes(self) -> int:
        return sum(part.successes for part in self.parts)


@spelled
def pooled(parts: Iterable[AbstractTrials]) -> Pooled:
    """The trials of several recalls together.

    Raises `InputError` if there are none, and for what is no record of trials.
    """
    if not isinstance(parts, Iterable) or isinstance(parts, np.ndarray):
        raise InputError(f"pool a list of what recall returned, got {shown(parts)}")
    together = tuple(parts)
    if not together:
        raise InputError("there is nothing to pool: give what recall returned, once or more")
    for part in together:
        if not isinstance(part, AbstractTrials):
            raise InputError(f"pool what recall returned, got {type(part).__name__}")
    return Pooled(together)
