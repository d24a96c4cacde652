"""Systems with more noise, or with less."""

from typing import overload

import equinox as eqx
import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE, AbstractWrapper
from driftmatch.arguments import check_non_negative
from driftmatch.errors import InputError
from driftmatch.network.network import Network
from driftmatch.network.shared_noise import SharedNoise
from driftmatch.precision import like
from driftmatch.words import spelled


@overload
def with_noise(system: Network, factor: float) -> Network: ...
@overload
def with_noise(system: AbstractSDE, factor: float) -> "NoisierSDE": ...
@spelled
def with_noise(system: AbstractSDE, factor: float) -> "NoisierSDE | Network":
    """The same system with its noise multiplied by a factor; of a network, shared and private."""
    if not isinstance(system, AbstractSDE):
        raise InputError(f"system must be a Network or an SDE, got {type(system).__name__}")
    factor = check_non_negative("factor", factor)
    if not isinstance(system, Network):
        return NoisierSDE(system, np.asarray(factor, dtype=float))
    constant, readout = system.shared_noise
    shared = SharedNoise(factor * constant, None if readout is None else factor * readout)
    if system.private_noise > 0:
        system = system.with_private_noise(factor * system.private_noise)
    return eqx.tree_at(lambda network: network.shared_noise, system, shared)


class NoisierSDE(AbstractWrapper):
    """dz = f(z) dt + ασ(z) dB: an SDE whose noise is multiplied by a factor α."""

    sde: AbstractSDE
    factor: Float[np.ndarray, ""]

    def diffusion(self, z):
        return like(self.factor, z) * self.sde.diffusion(z)

    def noise(self, z, dB):
        return like(self.factor, z) * self.sde.noise(z, dB)
