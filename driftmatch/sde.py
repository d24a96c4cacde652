"""What an SDE is: the one interface that targets, estimates and networks share."""

import abc
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from driftmatch.arguments import (
    Checked,
    check_array,
    check_choice,
    check_count,
    check_positive,
    check_text,
    is_traced,
    or_none,
    shown,
)
from driftmatch.closures import as_module, uncompiled
from driftmatch.domain import check_bounds, check_coordinates, check_inside, check_periods
from driftmatch.errors import InputError
from driftmatch.precision import like

if TYPE_CHECKING:  # to a type checker an AbstractVar would be a field to initialise
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar

Drift = Callable[[Array], Array]


class AbstractSDE(eqx.Module):
    r"""An Itô stochastic differential equation

        dz = [f(z) + c(t)] dt + σ(z) dB,    z ∈ R^k,  B ∈ R^m,    D(z) = ½ σ(z) σ(z)ᵀ

    with drift f, diffusion (noise amplitude) σ and an optional forcing c(t). Everything is
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


class SDE(AbstractSDE):
    r"""An SDE from functions:  dz = f(z) dt + σ(z) dB.

    **Arguments**

    - `drift`: f, from shape ``(k,)`` to ``(k,)``, written with ``jax.numpy``.
    - `diffusion`: σ, a function from ``(k,)`` to ``(k, m)``, or a constant: a scalar (σ times the
      identity), a vector of k (diagonal) or a matrix of k rows. 0 gives an ODE.
    - `dim`: k.
    - `interpretation`: "ito", or "stratonovich", which is converted here, once:
      f_i ← f_i + ½ Σ_jl σ_jl ∂_j σ_il.
    - `start`: a state near the attractor, shape (k,), or one for each of several, shape (A, k);
      `time_scale`: how long the state takes to change by its own size. Both are found when needed
      if they are not given.
    - `lower`, `upper`: bounds that the SDE itself keeps, such as 0 for a concentration, one number
      or k (−inf and inf for none): default boxes and grids end there.
    - `periodic`: the period of every coordinate that is an angle, and None for the others, such as
      ``[2 * jnp.pi, None]``; drift and diffusion must repeat with it. Grids wrap round there.
    - `coordinates`: k different names, such as ``["V", "w"]``, and `units`: k units, such as
      ``["mV", ""]``, for axes of figures and for files.
    - `name`, `description`, `equation`: words for tables and figures.
    - `parameters`: what the drift and the diffusion were built from, for tables and files.

    Raises `InputError` when a shape is wrong or the drift is not finite at `start`.
    """

    dim: int = eqx.field(static=True)
    noise_dim: int = eqx.field(static=True)
    _drift: Drift
    _diffusion: Callable[[Array], Array] | np.ndarray
    _starts: np.ndarray | None
    _time_scale: float | None = eqx.field(static=True)
    _lower: np.ndarray | None
    _upper: np.ndarray | None
    _periodic: tuple[float | None, ...] | None = eqx.field(static=True)
    _coordinates: tuple[str, ...] | None = eqx.field(static=True)
    _units: tuple[str, ...] | None = eqx.field(static=True)
    _name: str = eqx.field(static=True)
    description: str = eqx.field(static=True)
    equation: str = eqx.field(static=True)
    parameters: tuple[tuple[str, object], ...] = eqx.field(static=True)

    def __init__(
        self,
        drift: Drift,
        diffusion: Callable[[Array], Array] | ArrayLike,
        dim: int,
        *,
        interpretation: Literal["ito", "stratonovich"] = "ito",
        start: ArrayLike | None = None,
        time_scale: float | None = None,
        lower: ArrayLike | None = None,
        upper: ArrayLike | None = None,
        periodic: Sequence[float | None] | float | None = None,
        coordinates: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        name: str = "sde",
        description: str = "",
        equation: str = "",
        parameters: Mapping[str, object] | None = None,
    ):
        self.dim = check_count("dim", dim)
        check_choice("interpretation", interpretation, ("ito", "stratonovich"))
        if not callable(drift):
            raise InputError(f"drift must be a function of the state, got {type(drift).__name__}")
        self._starts = None if start is None else check_starts(start, self.dim)
        self._time_scale = or_none(check_positive)("time_scale", time_scale)
        self._lower, self._upper = check_bounds(lower, upper, self.dim)
        self._periodic = check_periods(periodic, self.dim, self._lower, self._upper)
        self._coordinates, self._units = check_coordinates(coordinates, units, self.dim)
        if self._starts is not None and not is_traced(self._starts):
            check_inside(self._starts, self._lower, self._upper)
        drift = uncompiled(drift)
        self._diffusion = (
            uncompiled(diffusion)
            if callable(diffusion)
            else _constant_diffusion(diffusion, self.dim)
        )
        self.noise_dim = _check_functions(drift, self._diffusion, self.dim)
        drift = as_module(drift, self.dim)
        if callable(self._diffusion):
            self._diffusion = as_module(self._diffusion, self.dim)
        if interpretation == "stratonovich" and callable(self._diffusion):
            drift = StratonovichDrift(drift, self._diffusion)
        self._drift = drift
        self._name = check_text("name", name)
        self.description = check_text("description", description)
        self.equation = check_text("equation", equation)
        if not isinstance(parameters, Mapping | None):
            raise InputError(f"parameters must be named values in a dict, got {shown(parameters)}")
        self.parameters = tuple((k, as_tuples(v)) for k, v in (parameters or {}).items())
        if self._starts is not None and not is_traced(self._starts):
            values = jax.jit(jax.vmap(self.drift))(jnp.asarray(self._starts))
            if not is_traced(values):
                _check_finite(np.asarray(values), self._starts)

    def drift(self, z):
        return jnp.asarray(self._drift(z))

    def diffusion(self, z):
        if callable(self._diffusion):
            return jnp.asarray(self._diffusion(z))
        return like(self._diffusion, z)

    @property
    def starts(self):
        return self._starts

    @property
    def time_scale(self):
        return self._time_scale

    @property
    def lower(self):
        return self._lower

    @property
    def upper(self):
        return self._upper

    @property
    def periodic(self):
        return self._periodic

    @property
    def coordinates(self):
        return self._coordinates

    @property
    def units(self):
        return self._units

    @property
    def name(self):
        return self._name

    @property
    def has_constant_diffusion(self):
        return not callable(self._diffusion)


class StratonovichDrift(eqx.Module):
    """The Itô drift of a Stratonovich SDE:  f_i + ½ Σ_jl σ_jl ∂_j σ_il."""

    drift: Drift
    diffusion: Callable[[Array], Array]

    def __call__(self, z):
        sigma = self.diffusion(z)
        along_columns = jax.vmap(lambda c: jax.jvp(self.diffusion, (z,), (c,))[1], in_axes=1)
        return self.drift(z) + 0.5 * jnp.einsum("lil->i", along_columns(sigma))


def check_system(system: Any, what: str = "system") -> AbstractSDE:
    """Any SDE, a network among them; raises `InputError` for what is none."""
    if not isinstance(system, AbstractSDE):
        raise InputError(f"{what} must be a Network or an SDE, got {type(system).__name__}")
    return system


def check_starts(start: ArrayLike, dim: int) -> Float[Checked, "A k"]:
    """One start, or one for each attractor, as one a row, a copy."""
    return check_array("start", start, (dim,), ("A", dim)).reshape(-1, dim).copy()


def _content(leaf: object) -> object:
    """What a leaf's hash is of."""
    array = np.asarray(leaf)
    return (array + 0.0).tobytes() if array.dtype.kind in "fc" else array.tobytes()  # −0 is 0


def as_tuples(value: object) -> object:
    """Arrays and lists as tuples: what describes an SDE is a part of its structure for JAX."""
    if isinstance(value, np.ndarray | np.generic | jax.Array) and not is_traced(value):
        value = np.asarray(value).tolist()
    return tuple(as_tuples(part) for part in value) if isinstance(value, list | tuple) else value


def _check_finite(values: Float[np.ndarray, "A k"], starts: Float[np.ndarray, "A k"]) -> None:
    for at, value in zip(starts, values, strict=True):
        if not np.all(np.isfinite(value)):
            raise InputError(
                f"the drift is not finite at the start {at.tolist()}: it gave {value.tolist()}; "
                "mend the drift or pass another start"
            )


def _constant_diffusion(value: ArrayLike, dim: int) -> np.ndarray:
    """The k × m matrix that a scalar, a vector or a matrix stands for."""
    matrix = check_array("diffusion", value)
    if matrix.ndim == 0:
        return matrix * np.eye(dim)
    if matrix.shape == (dim,):
        return matrix * np.eye(dim)
    if matrix.ndim == 2 and matrix.shape[0] == dim and matrix.shape[1] >= 1:
        return matrix
    raise InputError(
        f"a constant diffusion must be a scalar, a vector of {dim} or a matrix of {dim} rows, "
        f"got shape {matrix.shape}"
    )


def _takes(function: Callable) -> int | None:
    """How many arguments it must be given; None if it does not say."""
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
               for p in given)  # fmt: skip


def _check_functions(drift: Drift, diffusion, dim: int) -> int:
    """Trace both functions once, without computing, and return m."""
    state = jax.ShapeDtypeStruct((dim,), jnp.result_type(float))

    def shape_of(function, what):
        try:
            value = jax.eval_shape(lambda z: jnp.asarray(function(z)), state)
        except jax.errors.TracerArrayConversionError as error:
            raise InputError(
                f"the {what} must be written with jax.numpy: NumPy and math functions cannot be "
                "traced (replace np.sin by jnp.sin, and so on)"
            ) from error
        except jax.errors.TracerBoolConversionError as error:
            raise InputError(
                f"the {what} branches on the values of the state: use jnp.where instead of if"
            ) from error
        except jax.errors.ConcretizationTypeError as error:
            raise InputError(
                f"the {what} makes plain numbers of the state, as math.sin and float do: use "
                "jnp.sin, and leave arrays as they are"
            ) from error
        except Exception as error:
            if (takes := _takes(function)) is not None and takes > 1:
                raise InputError(
                    f"the {what} takes {takes} arguments, and is given the state alone: what "
                    "depends on time is added by simulate(..., input=a function of time), and "
                    "parameters are fixed by lambda z: f(z, a) or functools.partial"
                ) from error
            raise InputError(
                f"the {what} failed on a state of shape ({dim},): {type(error).__name__}: {error}"
            ) from error
        if jnp.issubdtype(value.dtype, jnp.complexfloating):
            raise InputError(f"the {what} must be real, got {value.dtype}: take jnp.real")
        return value.shape

    shape = shape_of(drift, "drift")
    if shape != (dim,):
        raise InputError(
            f"the drift must return shape ({dim},) for a state of shape ({dim},), got {shape}"
        )
    if not callable(diffusion):
        return diffusion.shape[1]
    shape = shape_of(diffusion, "diffusion")
    if len(shape) != 2 or shape[0] != dim or shape[1] < 1:
        raise InputError(
            f"the diffusion must return shape ({dim}, m) for a state of shape ({dim},), "
            f"got {shape}; for a diagonal one return jnp.diag(...)"
        )
    return shape[1]
