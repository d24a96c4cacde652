"""How much a run may cost: fewer paths, then shorter ones, where all of them would take minutes."""

from typing import NamedTuple

import numpy as np

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.network import NeuralSDE, network_of

WORK = 1e10  # neurons times steps of all paths, in a call: about a minute on two cores
FEW_PATHS = 64  # as many as samples have runs
_LEAST_NEURONS, _NEURONS_PER_DIM = 8, 4  # that a step of an SDE other than a network costs
_STEPS_PER_TAU = 2


class Run(NamedTuple):
    """How many paths, how many steps each, and whether that is less than was wanted."""

    paths: int
    steps: float
    is_cut: bool


def affordable(sde: AbstractSDE, paths: int, steps: float, *, least: int, work: float) -> Run:
    """The run that was wanted, or one of no more than so much `work`, in neuron steps.

    Paths should last until they have forgotten their starts, so there are first fewer of them, down
    to 64; only then are they shorter, down to the `least` number of steps.
    """
    most = work / neurons_of(sde)  # steps of all paths
    if paths * steps <= most:
        return Run(paths, steps, False)
    paths = min(paths, max(FEW_PATHS, int(most / steps)))
    return Run(paths, min(steps, max(most / paths, least)), True)


def neurons_of(sde: AbstractSDE) -> int:
    """As how many neurons a step of a path costs; a neuron with noise of its own counts twice."""
    network = network_of(sde)
    if network is None:
        return _LEAST_NEURONS + _NEURONS_PER_DIM * sde.dim
    return max(_LEAST_NEURONS, (1 + isinstance(sde, NeuralSDE)) * network.num_neurons)


def leak_step(sde: AbstractSDE) -> float:
    """The longest step in which a network's leak −1/τ decays as it should; inf for other SDEs.

    Steps that `sample` found short enough are longer where τ is small: the leak is not felt among
    the states that are visited.
    """
    network = network_of(sde)
    return np.inf if network is None else network.tau / _STEPS_PER_TAU
