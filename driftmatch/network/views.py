"""Which network an SDE is a view of, and what stands for one where an SDE is taken."""

from typing import Any

import numpy as np

from driftmatch.abstract_sde import AbstractSDE, refuse_steered
from driftmatch.errors import InputError
from driftmatch.network.network import Network
from driftmatch.network.neural import NeuralSDE
from driftmatch.network.signed import Signed
from driftmatch.wrappers import unforced


def network_of(sde: AbstractSDE) -> Network | None:
    """The network whose dynamics this is, in latent coordinates or neurons, forced or not."""
    sde = unforced(sde)
    return sde.network if isinstance(sde, NeuralSDE) else sde if isinstance(sde, Network) else None


def as_low_rank(network: Network) -> Network:
    """The same neurons, with connectivity of low rank: under Dale's law one latent coordinate more,
    which rests at 0."""
    if not network.connectivity.keeps_subspace:
        raise InputError(
            f"the connectivity of {network.name} is sparse, and of no low rank: it is "
            "network.connectivity.matrix"
        )
    if not isinstance(network.connectivity, Signed):
        return network
    S, k = network.shared_noise, network.dim
    readout = None if S.readout is None else np.pad(S.readout, ((0, 1), (0, 0), (0, 0)))
    starts = None if network.starts is None else np.pad(network.starts, ((0, 0), (0, 1)))
    names, units = network.coordinates, network.units
    return network._with(
        connectivity=network.connectivity.low_rank(),
        shared_noise=S._replace(constant=np.pad(S.constant, ((0, 1), (0, 0))), readout=readout),
        _starts=starts,
        _coordinates=None if names is None else (*names, f"common {k + 1}"),
        _units=None if units is None else (*units, ""),
    )


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
