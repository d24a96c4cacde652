"""Associative memory at work: every well recalled by its tilt, beside Hopfield's network."""

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import check_count, check_key, check_meter, check_positive, or_none
from driftmatch.errors import InputError
from driftmatch.memory.hopfield import HopfieldNetwork, HopfieldRecall
from driftmatch.memory.landscape import landscape
from driftmatch.memory.recall import Recall, recall
from driftmatch.memory.tilt import Tilt, tilt_toward
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network
from driftmatch.records import Record
from driftmatch.sampling.steps import default_step, time_scale_of
from driftmatch.words import spelled

_CUE = 20  # time scales that a cue lasts, by default
_HOLD = 20  # time scales from its release to the end


class AssociativeMemory(Record):
    """Recalls of every well.

    - `tilts`: the cues, found on the target's landscape, one a well.
    - `target`, `network`: recalls by the SDE and by the network, one a well.
    - `hopfield`: recalls by a Hopfield network that stores the network's states in the wells.
    """

    tilts: tuple[Tilt, ...]
    target: tuple[Recall, ...]
    network: tuple[Recall, ...]
    hopfield: tuple[HopfieldRecall, ...]


@spelled
def associative_memory(
    system: AbstractSDE,
    network: Network,
    *,
    key: PRNGKeyArray,
    num_trials: int = 1000,
    margin: float | None = None,
    cue_duration: float | None = None,
    hold_duration: float | None = None,
    meter: AbstractMeter | bool = SILENT,
) -> AssociativeMemory:
    """Recall every well from random states: by the SDE, by the network, by Hopfield's network.

    - `system`: a system of wells; `network`: one that embeds it.
    - `key`: a random key; the SDE and the network have noise of their own.
    - `num_trials`: of each system, divided among the wells.
    - `margin`: see `tilt_toward`. - `cue_duration`, `hold_duration`: how long a cue lasts, and how
      long after it the trials are looked at; by default 20 time scales each.

    Raises `InputError` as `tilt_toward` does, and for fewer trials than wells.
    """
    _check_pair(system, network)
    num_trials = check_count("num_trials", num_trials)
    margin = or_none(check_positive)("margin", margin)
    key_scale, key_trials = jax.random.split(check_key(key))
    times = [
        None if time is None else check_positive(what, time)
        for what, time in (("cue_duration", cue_duration), ("hold_duration", hold_duration))
    ]
    meter = check_meter(meter)
    wells = landscape(system)
    W = len(wells.minima)
    if num_trials < W:
        raise InputError(f"num_trials must be at least one a well, {W}, got {num_trials}")
    shares = [len(part) for part in np.array_split(np.arange(num_trials), W)]
    scale = time_scale_of(system, key_scale)
    release, hold = (
        default * scale if time is None else time
        for time, default in zip(times, (_CUE, _HOLD), strict=True)
    )
    own = time_scale_of(network, key_scale)
    steps = default_step(system, scale), default_step(network, own)
    hopfield = HopfieldNetwork(np.asarray(network.lift(wells.minima)))
    tilts, by_target, by_network, by_hopfield = [], [], [], []
    for j, share in enumerate(shares):
        keys = jax.random.split(jax.random.fold_in(key_trials, j), 3)
        tilt = tilt_toward(wells, j, margin=margin)
        tilts.append(tilt)
        for each, dt, key_run, recalls in (
            (system, steps[0], keys[0], by_target),
            (network, steps[1], keys[1], by_network),
        ):
            run = recall(
                each, tilt, duration=release + hold, release=release, dt=dt, key=key_run,
                num_trials=share, meter=meter,
            )  # fmt: skip
            recalls.append(run)
        by_hopfield.append(hopfield.recall(j, key=keys[2], num_trials=share))
    return AssociativeMemory(tuple(tilts), tuple(by_target), tuple(by_network), tuple(by_hopfield))


def _check_pair(sde, network) -> None:
    """That one is an SDE and the other a network of its dimension."""
    if not isinstance(sde, AbstractSDE):
        raise InputError(f"system must be the SDE of the wells, got {type(sde).__name__}")
    if not isinstance(network, Network):
        raise InputError(
            f"network must be a Network that embeds the SDE, got {type(network).__name__}"
        )
    if network.latent_dim != sde.dim:
        raise InputError(
            f"the network has {network.latent_dim} latent dimensions but {sde.name} has {sde.dim}"
        )
