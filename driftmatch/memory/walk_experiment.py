"""A walk through a ring of wells: a target and the network that embeds it, side by side."""

from collections.abc import Mapping

import jax
from jaxtyping import PRNGKeyArray

from driftmatch.arguments import (
    check_count,
    check_flag,
    check_key,
    check_meter,
    check_number,
    check_positive,
)
from driftmatch.embedding.embed import Embedding, embed
from driftmatch.memory.sequential import Walk, WalkCurve, walk, walk_curve
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.systems.ring import log_rate_ratio, ring_of_wells
from driftmatch.words import spelled

_TORQUES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the one given
_NOISES = (0.8, 0.9, 1.0, 1.1, 1.2)  # of the one given
_AROUND_NONE = (-0.2, -0.1, 0.0, 0.1, 0.2)  # torques, where none is given


class WalkExperiment(
    Record, told="target network log_rate_ratio_theory drift_error embedding_outcome curves"
):
    """Walks of a ring of wells and of a network that embeds it.

    - `embedding`: the network, and the ring as its `target`. - `target`, `network`: their walks.
    - `curves`: walks against {"torque", "noise"}, if they were asked for.
    """

    embedding: Embedding
    target: Walk
    network: Walk
    curves: Mapping[str, WalkCurve]

    @property
    def walks(self) -> dict[str, Walk]:
        """By who walked."""
        return {"target": self.target, "network": self.network}

    @property
    def log_rate_ratio_theory(self) -> float | None:
        """ln(k₊/k₋) by local detailed balance; None where the torque leaves no wells."""
        return log_rate_ratio(self.embedding.target)

    @property
    def drift_error(self) -> float:
        """ε_f of the embedding."""
        return self.embedding.report.drift_error

    @property
    def embedding_outcome(self) -> Outcome:
        """How the embedding ended."""
        return self.embedding.outcome


@spelled
def walk_experiment(
    num_wells: int = 6,
    *,
    key: PRNGKeyArray,
    torque: float = 0.4,
    noise: float = 0.45,
    num_neurons: int = 256,
    curves: bool = True,
    meter: AbstractMeter | bool = SILENT,
) -> WalkExperiment:
    """Let a ring of wells and a network that embeds it walk on their own.

    - `num_wells`: m, at least 3, or there is no order; `torque`: F; `noise`: σ > 0, or nothing ever
      jumps; see `systems.ring_of_wells`.
    - `key`: a random key; target and network have noise of their own.
    - `num_neurons`: of the network. - `curves`: whether to walk against torque and noise, too, at
      five values each, with a network trained for each of them.

    Raises `InputError` for arguments that do not fit.
    """
    m, n = check_count("num_wells", num_wells, least=3), check_count("num_neurons", num_neurons)
    torque, noise = check_number("torque", torque), check_positive("noise", noise)
    curves, meter = check_flag("curves", curves), check_meter(meter)
    keys = jax.random.split(check_key(key), 5)
    ring = ring_of_wells(m, torque, noise)
    embedding = embed(ring, n, key=keys[0], check=False, meter=meter)
    target = walk(ring, key=keys[1], meter=meter)
    network = walk(embedding.network, key=keys[2], meter=meter)
    found: dict[str, WalkCurve] = {}
    if curves:
        found["torque"] = walk_curve(
            lambda F: ring_of_wells(m, F, noise),
            [share * torque for share in _TORQUES] if torque else _AROUND_NONE,
            key=keys[3], num_neurons=n, meter=meter,
        )  # fmt: skip
        found["noise"] = walk_curve(
            lambda s: ring_of_wells(m, torque, s), [share * noise for share in _NOISES],
            key=keys[4], parameter="noise", num_neurons=n, meter=meter,
        )  # fmt: skip
    return WalkExperiment(embedding, target, network, found)
