"""Which precision a run computes in, and what makes it so.

Time and states are kept in double precision, whatever JAX is set to: a clock that counts steps of
0.01 in single precision is 1 % slow after 10⁴ units of time. For the few numbers of most SDEs their
drift in double precision costs next to nothing either. The neurons of a network, where the time
goes, are in the precision that JAX is set to; at a state of order one that is enough.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from driftmatch.abstract_sde import AbstractSDE, AbstractWrapper
from driftmatch.network import Network, NeuralSDE, network_of
from driftmatch.wrappers import Forced, unforced

# Trajectories from which on the step had better be two products of matrices, a trajectory being a
# column: 0.44 ns a neuron and path, where sums take 0.56 with 64 and products over rows 0.55; with
# 32 the columns take 0.93.
WIDE = 64
_FAR = 1e3  # of a bias, in units in which φ changes by its own size


class Mixed(AbstractWrapper):
    """An SDE that is evaluated in another precision than that of the run's state.

    `wide`: many states, as columns, side by side.
    """

    sde: AbstractSDE
    dtype: np.dtype = eqx.field(static=True)
    wide: bool = eqx.field(static=True)

    def drift(self, z):
        if self.wide:
            arrays, rest = eqx.partition(unforced(self.sde), eqx.is_array)
            return _drift_of_many(rest)(arrays, z.astype(self.dtype)).astype(z.dtype)
        return self.sde.drift(z.astype(self.dtype)).astype(z.dtype)

    def diffusion(self, z):
        return self.sde.diffusion(z.astype(self.dtype)).astype(z.dtype)

    def noise(self, z, dB):
        return self.sde.noise(z.astype(self.dtype), dB.astype(self.dtype)).astype(z.dtype)


def _drift_of_many(rest):
    """The latent drift, which `vmap` turns into two products with states as columns."""

    @jax.custom_batching.custom_vmap
    def drift(arrays, z):
        return eqx.combine(arrays, rest).drift(z)

    @drift.def_vmap
    def drifts(size, batched, arrays, z):
        net, z = eqx.combine(arrays, rest), z.T
        x = net.lift.side_by_side(z)
        return ((net.readout @ net.activation(x) - z) / net.tau).T, True

    return drift


def is_wide(sde: AbstractSDE, num_trajectories: int) -> bool:
    """Whether the states of the run are columns."""
    return num_trajectories >= WIDE and isinstance(unforced(sde), Network)


def as_run(sde: AbstractSDE, *, wide: bool) -> tuple[AbstractSDE, np.dtype]:
    """The SDE to integrate in double precision, and the precision in which to keep its states.

    Called in the precision that JAX is set to.
    """
    dtype = working_dtype(sde)
    if network_of(sde) is None:
        return sde, dtype
    return Mixed(on_the_device(sde, dtype), dtype, wide), dtype


def working_dtype(sde: AbstractSDE) -> np.dtype:
    """The precision of the drift: for a network's that which JAX is set to, or else double.

    Double, too, for a network far from 0: where biases are as large as Γz, single precision would
    round away what is left of their sum. A neuron that stays far below threshold loses nothing.
    """
    network = network_of(sde)
    if network is None or _cancels(network):
        return np.dtype(np.float64)
    return np.dtype(jnp.result_type(float))


def _cancels(network: Network) -> bool:
    """Whether large biases are mostly made up for by Γz, where the network starts if it says so."""
    far = np.abs(network.bias) > _FAR
    if network.starts is None or not far.any():
        return bool(far.any())
    gamma, bias = np.asarray(network.gamma)[far], np.asarray(network.bias)[far]
    x = np.asarray(network.starts) @ gamma.T + bias
    return bool(np.any(np.abs(x) < 0.5 * np.abs(bias)))


def on_the_device(sde: Any, dtype: np.dtype) -> Any:
    """The same, but a network's arrays are on the device in this precision; inputs stay."""
    if isinstance(sde, Forced):
        return Forced(on_the_device(sde.sde, dtype), sde.input)
    if isinstance(sde, NeuralSDE):
        return NeuralSDE(on_the_device(sde.network, dtype), sde.input)
    if not isinstance(sde, Network):
        return sde
    arrays, rest = eqx.partition(sde.for_loop(), eqx.is_array_like)

    def placed(a):  # indices are no numbers to compute with
        return jax.device_put(np.array(a, dtype if np.asarray(a).dtype.kind == "f" else None))

    arrays = jax.tree.map(placed, arrays)
    return eqx.combine(arrays, rest)
