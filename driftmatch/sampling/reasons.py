"""What is not stationary, in sentences."""

import numpy as np
from jaxtyping import Float

from driftmatch.outcomes import Outcome
from driftmatch.sampling.stationarity import Stationarity


def goes_on_for_ever(name: str, axis: int) -> tuple[Outcome, str]:
    return Outcome.FREE, (
        f"nothing depends on coordinate {axis} of {name}, which goes on for ever: it has no "
        "stationary density; if it is an angle, say so by periodic= with its period, or leave it "
        "out, or match in a box (box=)"
    )


def stays_apart(name: str) -> str:
    return (
        f"trajectories of {name} stay on attractors of their own for as long as was tried: how "
        "much of the time is spent on each is not known; choose one by start=, or raise the noise"
    )


def last_look(name: str, last: Stationarity, budget: int) -> tuple[Outcome, str | None]:
    """What a last look says, when there can be no other after so many steps."""
    if last.halves_agree and last.is_mixed:
        return Outcome.SUCCESS, None
    if last.halves_agree:
        return Outcome.NOT_MIXING, (
            f"trajectories of {name} pass so seldom between the parts that they visit that "
            f"{budget} steps do not show how much of the time is spent in each: choose a part by "
            "start=, or raise the noise"
        )
    return Outcome.DRIFTING, (
        f"coordinate {last.axis} of {name} still drifts after {budget} steps: the states are not "
        "yet those that it visits in the long run; start it nearer to where it ends, by start="
    )


def diverges(name: str, starts: Float[np.ndarray, "M k"], ends: Float[np.ndarray, "M k"]) -> str:
    """Where trajectories that cannot go on have got to."""
    if np.abs(ends).max() > 1e20 * max(np.abs(starts).max(), np.finfo(float).tiny):
        what = f"trajectories of {name} run away from its start towards infinity"
    else:
        worst = ends[np.argmax(np.abs(ends).max(axis=1))]
        what = (
            f"trajectories of {name} get nowhere near {worst.tolist()}: drift and noise are not "
            "finite there, or ask for ever smaller steps"
        )
    return (
        f"{what}: give it a start inside the basin of an attractor (start=), or match it on given "
        "states (states=) or in a box (box=)"
    )
