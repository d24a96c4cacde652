"""What an SDE is: the one interface that targets, estimates and networks share."""

import abc
import inspect
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from driftmatch.arguments import Checked, check_array
from driftmatch.errors import InputError

if TYPE_CHECKING:  # to a type checker an AbstractVar would be a field to initialise
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar


class AbstractSDE(eqx.Module):
    r"""An Itô stochastic differential equation

        dz = [f(z) + c(t)] dt + σ(z) dB,    z ∈ R^k,  B ∈ R^m,    D(z) = ½ σ(z) σ(z)ᵀ

    with drift f, diffusion (noise amplitude) σ and an optional forcing c(t), or a family of them,
    steered by an input u ∈ R^p (`input_dim`), of which `at` gives one. Everything is
    written for one state of shape ``(k,)``; batch with ``jax.vmap``. Units: z in the user's own,
    f in z per unit time, σ in z per square root of unit time.
    `dim` is k and `noise_dim` m.
    """

    dim: AbstractVar[int]
    noise_dim: AbstractVar[int]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in {"drift", "diffusion", "noise", "forcing"} & inspect.get_annotations(
            cls
        ).keys():
            raise InputError(f"{name} is a method of every SDE: call the field something else")

    @abc.abstractmethod
    def drift(self, z: Float[Array, " k"]) -> Float[Array, " k"]:
        """f(z), without forcing."""

    @abc.abstractmethod
    def diffusion(self, z: Float[Array, " k"]) -> Float[Array, "k m"]:
        """σ(z), a matrix always."""

    def noise(self, z: Float[Array, " k"], dB: Float[Array, " m"]) -> Float[Array, " k"]:
        """σ(z) dB; overridden where the matrix need not be formed."""
        return self.diffusion(z) @ dB

    def forcing(self, t: Float[Array, ""]) -> Float[Array, " k"] | None:
        """c(t), or None for an autonomous system."""
        return None

    @property
    def is_driven(self) -> bool:
        """Whether it depends on time."""
        return self.forcing(jnp.zeros(())) is not None

    def at_time(self, t: Float[Array, ""]) -> "AbstractSDE":
        """The SDE whose drift and diffusion are those of that moment, forcing apart."""
        return self

    @property
    def input_dim(self) -> int:
        """p, how many numbers steer it; 0 if nothing does."""
        return 0

    def at(self, input: ArrayLike) -> "AbstractSDE":
        """The SDE at a constant input, shape (p,), or a number if p = 1."""
        raise InputError(f"{self.name} takes no input: it is the same at all of them")

    @property
    def start(self) -> Float[np.ndarray, " k"] | None:
        """A state from which the attractor, or the first of several, is reached, or None if nobody
        named one."""
        return None if self.starts is None else self.starts[0]

    @property
    def starts(self) -> Float[np.ndarray, "A k"] | None:
        """States from which, together, every attractor is reached, one a row, or None; `start`
        alone if a class says no more."""
        if type(self).start is AbstractSDE.start or self.start is None:
            return None
        return np.atleast_2d(np.asarray(self.start, dtype=float))

    @property
    def time_scale(self) -> float | None:
        """The time in which the state changes by about its own size, or None if unknown."""
        return None

    @property
    def lower(self) -> Float[np.ndarray, " k"] | None:
        """What no coordinate falls below, −inf for no bound; None if nobody said."""
        return None

    @property
    def upper(self) -> Float[np.ndarray, " k"] | None:
        """What no coordinate rises above, inf for no bound; None if nobody said."""
        return None

    @property
    def periodic(self) -> tuple[float | None, ...] | None:
        """The period of each coordinate that is an angle, None for the others; None if there is no
        angle. Drift and diffusion repeat with these periods; paths count windings."""
        return None

    @property
    def coordinates(self) -> tuple[str, ...] | None:
        """The names of the coordinates, such as ``("V", "w")``; None if nobody named them."""
        return None

    @property
    def units(self) -> tuple[str, ...] | None:
        """The unit of each coordinate, such as ``("mV", "")``, or None."""
        return None

    @property
    def name(self) -> str:
        """Of the system, or else of its class: for tables and figures."""
        return type(self).__name__

    @property
    def has_constant_diffusion(self) -> bool:
        """Whether σ is known not to depend on the state."""
        return False

    def __hash__(self):
        # By content, as modules are compared; ``jax.jit(sde.drift)`` needs one.
        leaves, structure = jax.tree.flatten(self)
        return hash((structure, *map(_content, leaves)))

    def __repr__(self):
        return f"{type(self).__name__}({self.name!r}, dim={self.dim})"


class AbstractNamed(AbstractSDE):
    """An SDE that was told where it starts, how fast it is, and what it is called."""

    _starts: Float[Array | np.ndarray, "A k"] | None
    _time_scale: float | None = eqx.field(static=True)
    _coordinates: tuple[str, ...] | None = eqx.field(static=True)
    _units: tuple[str, ...] | None = eqx.field(static=True)
    _name: str = eqx.field(static=True)

    @property
    def starts(self):
        return self._starts

    @property
    def time_scale(self):
        return self._time_scale

    @property
    def coordinates(self):
        return self._coordinates

    @property
    def units(self):
        return self._units

    @property
    def name(self):
        return self._name


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
    def is_driven(self):
        return self.sde.is_driven

    def at_time(self, t):
        held = self.sde.at_time(t)
        return self if held is self.sde else eqx.tree_at(lambda wrapper: wrapper.sde, self, held)

    @property
    def input_dim(self):
        return self.sde.input_dim

    def at(self, input):
        return eqx.tree_at(lambda wrapper: wrapper.sde, self, self.sde.at(input))

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


def check_system(system: Any, what: str = "system") -> AbstractSDE:
    """Any SDE, a network among them; raises `InputError` for what is none."""
    if not isinstance(system, AbstractSDE):
        raise InputError(f"{what} must be a Network or an SDE, got {type(system).__name__}")
    return refuse_steered(system)


def refuse_steered(system: AbstractSDE) -> AbstractSDE:
    """The same SDE; raises `InputError` for one that an input steers."""
    if system.input_dim:
        raise InputError(
            f"{system.name} is steered by an input of shape ({system.input_dim},): choose a value, "
            "by .at(value)"
        )
    return system


def check_starts(start: ArrayLike, dim: int) -> Float[Checked, "A k"]:
    """One start, or one for each attractor, as one a row, a copy."""
    return check_array("start", start, (dim,), ("A", dim)).reshape(-1, dim).copy()


def _content(leaf: object) -> object:
    """What a leaf's hash is of."""
    array = np.asarray(leaf)
    return (array + 0.0).tobytes() if array.dtype.kind in "fc" else array.tobytes()  # −0 is 0
