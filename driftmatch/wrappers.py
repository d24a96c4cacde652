"""SDEs that are another one but for something: an input, most of all."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from driftmatch.abstract_sde import AbstractSDE, AbstractWrapper
from driftmatch.closures import as_module
from driftmatch.errors import InputError

if TYPE_CHECKING:  # to a type checker an AbstractVar would be a field to initialise
    pass
else:
    pass

Input = Callable[[Array], Array]


class Driven(AbstractWrapper):
    """An SDE whose input changes:  dz = f(z, u(t)) dt + σ(z, u(t)) dB."""

    sde: AbstractSDE
    input: Input = eqx.field(converter=as_module)
    is_driven = True  # pyright: ignore[reportAssignmentType]
    input_dim = 0  # pyright: ignore[reportAssignmentType]

    def at_time(self, t):
        return self.sde.at(jnp.reshape(self.input(t), (self.sde.input_dim,)))

    def drift(self, z):
        self._refuse()

    def diffusion(self, z):
        self._refuse()

    def noise(self, z, dB):
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise InputError(
            f"the input of {self.name} depends on time: hold it at a value by .at(value)"
        )


class Forced(AbstractWrapper):
    """An SDE with an input added to its drift:  dz = [f(z) + c(t)] dt + σ(z) dB."""

    sde: AbstractSDE
    input: Input = eqx.field(converter=as_module)

    is_driven = True  # pyright: ignore[reportAssignmentType]
    input_dim = 0  # pyright: ignore[reportAssignmentType]

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


class Steering(eqx.Module):
    """A steering input u(t) of p numbers as one of k latent coordinates, of which it moves the
    last p."""

    input: Input = eqx.field(converter=as_module)
    latent_dim: int = eqx.field(static=True)
    input_dim: int = eqx.field(static=True)

    def __call__(self, t):
        u = jnp.reshape(self.input(t), (self.input_dim,))
        return jnp.concatenate([jnp.zeros(self.latent_dim - self.input_dim, u.dtype), u])


def check_input(input: Any, dims: tuple[int, ...]) -> int:
    """The dimension of an input, one of those given; of one dimension it may be a number."""
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
    if shape == () and 1 in dims:
        return 1
    if len(shape) != 1 or shape[0] not in dims:
        raise InputError(f"input must return shape {shapes}, got {shape}")
    return shape[0]
