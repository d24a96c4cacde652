"""A network as n neurons."""

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.closures import as_module
from driftmatch.precision import like
from driftmatch.wrappers import Input

if TYPE_CHECKING:  # networks make these of themselves
    from driftmatch.network.network import Network


class NeuralSDE(AbstractSDE):
    r"""dx = τ⁻¹[−x + Γ W_s φ(x) + b + I(t)] dt + Γ S(x) dB + s√(2/τ) dξ, in all of R^n.

    Its noise has m shared components followed, if s > 0, by n private ones.
    """

    network: "Network"
    input: Input | None = eqx.field(
        default=None, converter=lambda f: None if f is None else as_module(f)
    )

    @property
    def dim(self):
        return self.network.num_neurons

    @property
    def noise_dim(self):
        private = self.network.num_neurons if self.network.private_noise > 0 else 0
        return self.network.shared_noise.constant.shape[1] + private

    def drift(self, x):
        net = self.network
        received = net.connectivity.step(net.activation(x), like(net.bias, x))
        return (received - x) / net.tau

    def diffusion(self, x):
        return jax.vmap(lambda e: self.noise(x, e), out_axes=1)(
            jnp.eye(self.noise_dim, dtype=x.dtype)
        )

    def noise(self, x, dB):
        net = self.network
        m = net.shared_noise.constant.shape[1]
        private = net.private_noise * (2 / net.tau) ** 0.5 * dB[m:]
        onto = jnp.zeros((), x.dtype) if net.private_noise == 0 else private
        return net.lift.spread(self._amplitude(x) @ dB[:m], onto)

    def _amplitude(self, x):
        """S, without rates that nobody reads."""
        shared = self.network.shared_noise
        if shared.readout is None:
            return like(shared.constant, x)
        return shared(self.network.activation(x))

    def forcing(self, t):
        if self.input is None:
            return None
        value = self.input(t)
        net = self.network
        if value.shape == (net.latent_dim,):
            value = net.lift.push(value)
        return value / net.tau

    @property
    def starts(self):
        net = self.network
        return None if net.starts is None else net.lift(net.starts)

    @property
    def time_scale(self):
        return self.network.time_scale

    @property
    def name(self):
        return self.network.name

    @property
    def has_constant_diffusion(self):
        return self.network.shared_noise.readout is None
