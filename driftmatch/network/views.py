"""Which network an SDE is a view of, and what stands for one where an SDE is taken."""

from typing import Any

from driftmatch.abstract_sde import AbstractSDE, refuse_steered
from driftmatch.errors import InputError
from driftmatch.network.network import Network
from driftmatch.network.neural import NeuralSDE
from driftmatch.wrappers import unforced


def network_of(sde: AbstractSDE) -> Network | None:
    """The network whose dynamics this is, in latent coordinates or neurons, forced or not."""
    sde = unforced(sde)
    return sde.network if isinstance(sde, NeuralSDE) else sde if isinstance(sde, Network) else None


def input_gain(system: AbstractSDE) -> float:
    """What a forcing of the (latent) drift is multiplied by to be an input: τ of a network."""
    network = unforced(system)
    return network.tau if isinstance(network, Network) else 1.0


def as_sde(system: Any, *, error: str, hint: str = "") -> AbstractSDE:
    """What was given, a network without private noise; raises `InputError` for what is no SDE.

    - `error`: what is wanted instead, before ", got" and the class. - `hint`: what to do.
    """
    if not isinstance(system, AbstractSDE):
        raise InputError(f"{error}, got {type(system).__name__}{hint and '; '}{hint}")
    refuse_steered(system)
    return system.latent() if isinstance(system, Network) else system
