"""Associative memory at work: every well recalled by its tilt, beside Hopfield's network."""

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from driftmatch.analysis.intervals import wilson_interval
from driftmatch.errors import InputError
from driftmatch.memory.hopfield import HopfieldNetwork, HopfieldRecall
from driftmatch.memory.landscape import landscape
from driftmatch.memory.recall import Recall, recall
from driftmatch.memory.tilt import Tilt, tilt_toward
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.arguments import check_count, check_key

_CUE = 20  # time scales that a cue lasts, by default
_HOLD = 20  # time scales from its release to the end


@dataclass(frozen=True)
class AssociativeMemory:
    """Recalls of every well.

    - `tilts`: the cues, found on the target's landscape, one a well.
    - `target`, `network`: recalls by the SDE and by the network, one a well.
    - `hopfield`: recalls by a Hopfield network that stores the network's states in the wells.
    """

    tilts: tuple[Tilt, ...]
    target: tuple[Recall, ...]
    network: tuple[Recall, ...]
    hopfield: tuple[HopfieldRecall, ...]


@dataclass(frozen=True)
class Success:
    """Of several recalls together: how many `successes` in how many `trials`."""

    successes: int
    trials: int

    @property
    def fraction(self) -> float:
        return self.successes / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        return wilson_interval(self.successes, self.trials)


def pooled(recalls: tuple[Recall, ...] | tuple[HopfieldRecall, ...]) -> Success:
    """Successes and trials of all recalls together."""
    return Success(sum(r.successes for r in recalls), sum(r.trials for r in recalls))


def associative_memory(
    sde: AbstractSDE,
    network: Network,
    *,
    key: PRNGKeyArray,
    num_trials: int = 1000,
    margin: float | None = None,
    cue_duration: float | None = None,
    hold_duration: float | None = None,
    meter: AbstractMeter = SILENT,
) -> AssociativeMemory:
    """Recall every well from random states: by the SDE, by the network, by Hopfield's network.

    - `sde`: a system of wells; `network`: one that embeds it.
    - `key`: a random key; the SDE and the network have noise of their own.
    - `num_trials`: of each system, divided among the wells.
    - `margin`: see `tilt_toward`. - `cue_duration`, `hold_duration`: how long a cue lasts, and how
      long after it the trials are looked at; by default 20 time scales each.

    Raises `InputError` as `tilt_toward` does, and for fewer trials than wells.
    """
    wells = landscape(sde)
    W = len(wells.minima)
    if check_count("num_trials", num_trials) < W:
        raise InputError(f"num_trials must be at least one a well, {W}, got {num_trials}")
    shares = [len(part) for part in np.array_split(np.arange(num_trials), W)]
    scale = sde.time_scale or 1.0
    release = _CUE * scale if cue_duration is None else cue_duration
    duration = release + (_HOLD * scale if hold_duration is None else hold_duration)
    hopfield = HopfieldNetwork(np.asarray(network.lift(wells.minima)))
    tilts, by_target, by_network, by_hopfield = [], [], [], []
    for j, share in enumerate(shares):
        keys = jax.random.split(jax.random.fold_in(check_key(key), j), 3)
        tilt = tilt_toward(wells, j, margin=margin)
        tilts.append(tilt)
        for system, key_run, recalls in (
            (sde, keys[0], by_target),
            (network, keys[1], by_network),
        ):
            run = recall(
                system, tilt, duration=duration, release=release, key=key_run, num_trials=share,
                meter=meter,
            )  # fmt: skip
            recalls.append(run)
        by_hopfield.append(hopfield.recall(j, key=keys[2], num_trials=share))
    return AssociativeMemory(tuple(tilts), tuple(by_target), tuple(by_network), tuple(by_hopfield))
