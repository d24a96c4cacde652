"""How well recall works against the strength of the cue, its length, and the noise."""

from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE, check_system
from driftmatch.analysis.intervals import wilson_interval
from driftmatch.arguments import check_array, check_key, check_non_negative, check_positive, or_none
from driftmatch.errors import InputError
from driftmatch.memory.recall import recall
from driftmatch.memory.tilt import Tilt
from driftmatch.network import with_noise
from driftmatch.records import Record
from driftmatch.sampling.steps import default_step, time_scale_of
from driftmatch.words import spelled
from driftmatch.wrappers import Input

Varied = Literal["amplitude", "cue time", "noise"]


class RecallCurve(Record, told="varied values trials successes success intervals target name"):
    """Success of recall while one thing is varied.

    - `varied`: "amplitude" (multiples of the cue), "cue time" or "noise" (multiples of the
      system's).
    - `values`: of it, shape (V,).
    - `successes`: how many trials ended in the target, shape (V,); `trials`: of how many, each.
    - `target`: the index of the memory called for. - `name`: of the system.
    """

    varied: Varied
    values: Float[np.ndarray, " V"]
    successes: Int[np.ndarray, " V"]
    trials: int
    target: int
    name: str

    @property
    def success(self) -> Float[np.ndarray, " V"]:
        """The fractions that ended in the target."""
        return self.successes / self.trials

    @property
    def intervals(self) -> Float[np.ndarray, "V 2"]:
        """Wilson's 95 % intervals of `success`."""
        return intervals(self.successes, np.full(len(self.successes), self.trials))


@spelled
def recall_curve(
    system: AbstractSDE,
    cue: Tilt | Input | ArrayLike,
    *,
    duration: float,
    release: float,
    key: PRNGKeyArray,
    amplitudes: ArrayLike | None = None,
    cue_times: ArrayLike | None = None,
    noises: ArrayLike | None = None,
    onset: float = 0.0,
    dt: float | None = None,
    **options: Any,
) -> RecallCurve:
    """Success of recall against the amplitude of the cue, its length, or the noise.

    One of the three is given, and everything else is as in `recall`. Each value is tried with other
    noise and other starts, so that the intervals are independent; all share one compilation.

    **Arguments**

    - `amplitudes`: what the cue is multiplied by.
    - `cue_times`: how long it lasts; what follows is as long as from `release` to `duration`.
    - `noises`: what the noise of the system is multiplied by; see `with_noise`.
    - `options`: further arguments of `recall`.
    """
    system = check_system(system)
    varied, values = _varied({"amplitude": amplitudes, "cue time": cue_times, "noise": noises})
    duration, release = check_positive("duration", duration), check_positive("release", release)
    onset = check_non_negative("onset", onset)
    dt = or_none(check_positive)("dt", dt)
    key_step, *keys = jax.random.split(check_key(key), len(values) + 1)
    dt = default_step(system, time_scale_of(system, key_step)) if dt is None else dt
    results = []
    for value, each in zip(values, keys, strict=True):
        run, until, end, amplitude = system, release, duration, 1.0
        if varied == "amplitude":
            amplitude = float(value)
        elif varied == "cue time":
            until, end = onset + value, onset + value + duration - release
        else:
            run = with_noise(system, value)
        results.append(
            recall(
                run, cue, duration=float(end), release=float(until), onset=onset, dt=dt, key=each,
                amplitude=amplitude, **options,
            )
        )  # fmt: skip
    successes = np.array([result.successes for result in results])
    first = results[0]
    return RecallCurve(varied, values, successes, first.trials, first.target, system.name)


def _varied(given: dict[Varied, ArrayLike | None]) -> tuple[Varied, Float[np.ndarray, " V"]]:
    """The one thing of which there are values."""
    chosen: list[tuple[Varied, ArrayLike]]
    chosen = [(name, values) for name, values in given.items() if values is not None]
    if len(chosen) != 1:
        raise InputError(
            f"one of amplitudes, cue_times and noises must be given, got {len(chosen)} of them"
        )
    varied, values = chosen[0]
    array = check_array(f"the values of {varied}", values, ("V",))
    if varied == "cue time" and np.any(array <= 0):
        raise InputError(f"cue times must be positive, got {array.min():g}")
    if varied == "noise" and np.any(array < 0):
        raise InputError(f"noises must not be negative, got {array.min():g}")
    return varied, array


def intervals(successes, trials) -> Float[np.ndarray, "V 2"]:
    """Wilson's, of each."""
    pairs = zip(successes, trials, strict=True)
    return np.array([wilson_interval(int(count), int(total)) for count, total in pairs])
