"""Switching between rest, a cycle and chaos: a target and the network that embeds it."""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from driftmatch.arguments import check_count, check_key, check_meter
from driftmatch.embedding.embed import Embedding, embed
from driftmatch.matching.errors import matching_errors
from driftmatch.memory.regions import Regions
from driftmatch.memory.switching import Switching, check_commands, switch
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.records import Record
from driftmatch.sampling.surroundings import surroundings
from driftmatch.systems.blend import blend
from driftmatch.systems.chaos import lorenz
from driftmatch.systems.linear import ornstein_uhlenbeck
from driftmatch.systems.oscillators import van_der_pol
from driftmatch.words import spelled

KINDS = ("fixed point", "limit cycle", "chaos")
_COMMANDS = (0, 1, 2, 1, 0, 2, 0)
_PLACE = 2.4  # of the three attractors, from the middle, in radii


class SwitchingExperiment(
    Record, told="attractors commands target network drift_error drift_error_around"
):
    """Three attractors of one SDE, commanded one after the other, also in a network.

    - `embedding`: the network, and the SDE as its `target`. - `target`, `network`: the commands.
    - `drift_error`: ε_f on the attractors.
    """

    embedding: Embedding
    target: Switching
    network: Switching
    drift_error: float

    @property
    def runs(self) -> dict[str, Switching]:
        """By who was switched."""
        return {"target": self.target, "network": self.network}

    @property
    def attractors(self) -> tuple[str, ...]:
        """Their kinds, in the order in which commands count them."""
        return KINDS

    @property
    def commands(self) -> list[str]:
        """The kinds that were commanded."""
        return [KINDS[i] for i in self.target.commands]

    @property
    def drift_error_around(self) -> float:
        """ε_f with what lies around the attractors."""
        return self.embedding.report.drift_error


@spelled
def switching_experiment(
    *,
    key: PRNGKeyArray,
    num_neurons: int = 512,
    num_trials: int = 100,
    commands: Sequence[int] = _COMMANDS,
    meter: AbstractMeter | bool = SILENT,
) -> SwitchingExperiment:
    """Ornstein and Uhlenbeck's, van der Pol's and Lorenz' attractors in one state space, switched
    between by pulses.

    - `key`: a random key; target and network have noise of their own.
    - `num_neurons`: of the network. - `num_trials`: of each system.
    - `commands`: 0 for the fixed point, 1 for the limit cycle, 2 for chaos, in turn.

    Raises `InputError` for arguments that do not fit.
    """
    n, trials = check_count("num_neurons", num_neurons), check_count("num_trials", num_trials)
    order, meter = check_commands(commands, len(KINDS)), check_meter(meter)
    keys = jax.random.split(check_key(key), 5)
    angles = 2 * np.pi * np.arange(3) / 3
    centres = _PLACE * np.column_stack([np.cos(angles), np.sin(angles), np.zeros(3)])
    sde = blend([ornstein_uhlenbeck(), van_der_pol(), lorenz()], centres)
    states = surroundings(sde, key=keys[0])
    embedding = embed(sde, n, key=keys[1], states=states, meter=meter)
    visited = surroundings(sde, key=keys[4], number=10_000, share=0.0)
    error = matching_errors(sde, embedding.network, visited).drift
    regions = Regions(centres, 1.3)
    target, network = (
        switch(system, regions, order, key=each, num_trials=trials, meter=meter)
        for system, each in ((sde, keys[2]), (embedding.network, keys[3]))
    )
    return SwitchingExperiment(embedding, target, network, float(error))
