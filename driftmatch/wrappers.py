"""SDEs that are another one but for something: an input, most of all."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from driftmatch.closures import as_module
from driftmatch.errors import InputError
from driftmatch.sde import AbstractSDE

if TYPE_CHECKING:  # to a type checker an AbstractVar would be a field to initialise
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar

Input = Callable[[Array], Array]


class AbstractWrapper(AbstractSDE):
    """An SDE that is another one but for what a subclass overrides."""

    sde: AbstractVar[AbstractSDE]

    @property
    def dim(self):
        return self.sde.dim

    @property
    def noise_dim(self):
        return self.sde.noise_dim

    def drift(self, z):
        return self.sde.drift(z)

    def diffusion(self, z):
        return self.sde.diffusion(z)

    def noise(self, z, dB):
        return self.sde.noise(z, dB)

    def forcing(self, t):
        return self.sde.forcing(t)

    @property
    def starts(self):
        return self.sde.starts

    @property
    def time_scale(self):
        return self.sde.time_scale

    @property
    def lower(self):
        return self.sde.lower

    @property
    def upper(self):
        return self.sde.upper

    @property
    def periodic(self):
        return self.sde.periodic

    @property
    def coordinates(self):
        return self.sde.coordinates

    @property
    def units(self):
        return self.sde.units

    @property
    def name(self):
        return self.sde.name

    @property
    def has_constant_diffusion(self):
        return self.sde.has_constant_diffusion


class Forced(AbstractWrapper):
    """An SDE with an input added to its drift:  dz = [f(z) + c(t)] dt + σ(z) dB."""

    sde: AbstractSDE
    input: Input = eqx.field(converter=as_module)

    def forcing(self, t):
        inner = self.sde.forcing(t)
        return self.input(t) if inner is None else inner + self.input(t)


class OverTau(eqx.Module):
    """u(t)/τ, an input's part of the latent drift."""

    input: Input = eqx.field(converter=as_module)
    tau: float = eqx.field(static=True)

    def __call__(self, t):
        return self.input(t) / self.tau


def unforced(sde: AbstractSDE) -> AbstractSDE:
    """What is forced, or the SDE itself."""
    while isinstance(sde, Forced):
        sde = sde.sde
    return sde


def check_input(input: Any, dims: tuple[int, ...]) -> int:
    """The dimension of an input, one of those given."""
    if not callable(input):
        raise InputError(
            f"input must be a function of time, got {type(input).__name__}; for a constant one "
            "pass lambda t: value"
        )
    shapes = " or ".join(f"({d},)" for d in dims)
    try:
        t = jax.ShapeDtypeStruct((), jnp.result_type(float))
        shape = jax.eval_shape(lambda t: jnp.asarray(input(t)), t).shape
    except Exception as error:
        raise InputError(
            f"input failed on a time t; it must return shape {shapes} and be written with "
            f"jax.numpy: {type(error).__name__}: {error}"
        ) from error
    if len(shape) != 1 or shape[0] not in dims:
        raise InputError(f"input must return shape {shapes}, got {shape}")
    return shape[0]
