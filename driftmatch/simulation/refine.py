"""Finer steps where coarser ones do not do."""

from collections.abc import Callable
from typing import TypeVar

from driftmatch.errors import ComputationError

_REFINEMENTS = (1, 4, 16)

T = TypeVar("T")


def refined(attempt: Callable[[int], tuple[T, bool]], *, is_given: bool) -> T:
    """What the first attempt returns that does, or else the last one, with steps that are 1, 4 and
    16 times as fine; with a step that is given there is one attempt.

    `attempt`: how much finer ↦ (result, whether it does). It may raise `ComputationError` where a
    run does not stay finite; that of the last attempt is raised here.
    """
    refinements = _REFINEMENTS[:1] if is_given else _REFINEMENTS
    for refinement in refinements[:-1]:
        try:
            result, is_good = attempt(refinement)
        except ComputationError:
            continue
        if is_good:
            return result
    return attempt(refinements[-1])[0]
