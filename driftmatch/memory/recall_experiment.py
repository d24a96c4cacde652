"""Recall of wells on a circle: by a target, by its network, by Hopfield's network."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import (
    check_count,
    check_flag,
    check_key,
    check_meter,
    check_non_negative,
)
from driftmatch.embedding.embed import Embedding, embed
from driftmatch.errors import InputError
from driftmatch.memory.associative import AssociativeMemory, associative_memory
from driftmatch.memory.capacity import Capacity, capacity
from driftmatch.memory.curves import RecallCurve, recall_curve
from driftmatch.memory.tilt import Tilt
from driftmatch.memory.trials import Pooled, pooled
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.sampling.steps import time_scale_of
from driftmatch.systems.wells import on_a_circle, wells
from driftmatch.words import spelled

_AMPLITUDES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)  # of the tilt
_CUE_TIMES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # time scales
_NOISES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)  # of the one given
_TRIALS = 300  # at a point of a curve


class RecallExperiment(
    Record, told="target network hopfield tilts curves capacity drift_error embedding_outcome"
):
    """Recalls of every well from random states.

    - `embedding`: the network, and the wells as its `target`.
    - `memory`: every well recalled by its tilt.
    - `curves`: {"target", "network"}: success against the strength of the first well's cue, its
      length, and the noise; `capacity`: against the number of wells; None if not asked for.
    """

    embedding: Embedding
    memory: AssociativeMemory
    curves: Mapping[str, tuple[RecallCurve, ...]] | None
    capacity: Capacity | None

    @property
    def target(self) -> Pooled:
        """The trials of all wells by the target."""
        return pooled(self.memory.target)

    @property
    def network(self) -> Pooled:
        """All trials of the network together."""
        return pooled(self.memory.network)

    @property
    def hopfield(self) -> Pooled:
        """All trials of Hopfield's network together."""
        return pooled(self.memory.hopfield)

    @property
    def tilts(self) -> list[Float[np.ndarray, " k"]]:
        """The cues, in units of drift, one a well."""
        return [tilt.forcing for tilt in self.memory.tilts]

    @property
    def drift_error(self) -> float:
        """ε_f of the embedding."""
        return self.embedding.report.drift_error

    @property
    def embedding_outcome(self) -> Outcome:
        """How the embedding ended."""
        return self.embedding.outcome


@spelled
def recall_experiment(
    num_wells: int = 4,
    *,
    key: PRNGKeyArray,
    noise: float = 0.35,
    num_neurons: int = 256,
    num_trials: int = 1000,
    curves: bool = True,
    meter: AbstractMeter | bool = SILENT,
) -> RecallExperiment:
    """Recall every one of the wells on a circle by the input that tilts them.

    - `num_wells`: W, at least 2, and `noise`: σ; see `systems.wells`.
    - `key`: a random key. - `num_neurons`: of the network, and of Hopfield's.
    - `num_trials`: of each system, divided among the wells.
    - `curves`: whether to recall against the strength of the cue, its length, the noise, and the
      number of wells, too.

    Raises `InputError` for arguments that do not fit, and for fewer trials than wells.
    """
    W, n = check_count("num_wells", num_wells, least=2), check_count("num_neurons", num_neurons)
    noise, trials = check_non_negative("noise", noise), check_count("num_trials", num_trials)
    if trials < W:
        raise InputError(f"num_trials must be at least one a well, {W}, got {trials}")
    curves, meter = check_flag("curves", curves), check_meter(meter)
    keys = jax.random.split(check_key(key), 4)
    sde = wells(on_a_circle(W), noise=noise)
    embedding = embed(sde, n, key=keys[0], check=False, meter=meter)
    network = embedding.network
    found = associative_memory(sde, network, key=keys[1], num_trials=trials, meter=meter)
    if not curves:
        return RecallExperiment(embedding, found, None, None)
    systems = {"target": sde, "network": network}
    against = {
        who: _curves(system, found.tilts[0], each, meter)
        for (who, system), each in zip(systems.items(), jax.random.split(keys[2]), strict=True)
    }
    held = capacity(key=keys[3], num_neurons=n, noise=noise, meter=meter)
    return RecallExperiment(embedding, found, against, held)


def _curves(system: AbstractSDE, tilt: Tilt, key, meter) -> tuple[RecallCurve, ...]:
    """Against the strength of the cue, its length, and the noise."""
    scale = time_scale_of(system, key)
    varied: tuple[dict[str, Any], ...] = (
        {"amplitudes": _AMPLITUDES},
        {"cue_times": [scale * time for time in _CUE_TIMES]},
        {"noises": _NOISES},
    )
    return tuple(
        recall_curve(
            system, tilt, duration=40 * scale, release=20 * scale, key=each, num_trials=_TRIALS,
            meter=meter, **one,
        )
        for one, each in zip(varied, jax.random.split(key, len(varied)), strict=True)
    )  # fmt: skip
