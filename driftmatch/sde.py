"""An SDE from functions."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractNamed, AbstractWrapper, check_starts
from driftmatch.arguments import (
    check_choice,
    check_count,
    check_positive,
    check_text,
    check_vector,
    is_traced,
    or_none,
    shown,
)
from driftmatch.closures import as_module, uncompiled
from driftmatch.domain import check_bounds, check_coordinates, check_inside, check_periods
from driftmatch.drift_and_diffusion import (
    WithoutInput,
    check_functions,
    constant_diffusion,
    takes_input,
)
from driftmatch.errors import InputError
from driftmatch.precision import like

if TYPE_CHECKING:  # to a type checker an AbstractVar would be a field to initialise
    pass
else:
    pass

Drift = Callable[..., Array]


class SDE(AbstractNamed):
    r"""An SDE from functions:  dz = f(z) dt + σ(z) dB.

    **Arguments**

    - `drift`: f, from shape ``(k,)`` to ``(k,)``, written with ``jax.numpy``.
    - `diffusion`: σ, a function from ``(k,)`` to ``(k, m)``, or a constant: a scalar (σ times the
      identity), a vector of k (diagonal) or a matrix of k rows. 0 gives an ODE.
    - `dim`: k.
    - `input_dim`: p, if they are functions of an input u of shape (p,) too: f(z, u) and σ(z, u), or
      σ(z) alone; `at` gives the SDE at a constant u.
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
    _input_dim: int = eqx.field(static=True)
    _drift: Drift
    _diffusion: Callable[[Array], Array] | np.ndarray
    _lower: np.ndarray | None
    _upper: np.ndarray | None
    _periodic: tuple[float | None, ...] | None = eqx.field(static=True)
    description: str = eqx.field(static=True)
    equation: str = eqx.field(static=True)
    parameters: tuple[tuple[str, object], ...] = eqx.field(static=True)

    def __init__(
        self,
        drift: Drift,
        diffusion: Callable[[Array], Array] | ArrayLike,
        dim: int,
        *,
        input_dim: int = 0,
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
        self._input_dim = check_count("input_dim", input_dim, least=0)
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
            else constant_diffusion(diffusion, self.dim)
        )
        sizes = (self.dim, self.input_dim) if self.input_dim else (self.dim,)
        if self.input_dim and callable(self._diffusion) and not takes_input(self._diffusion):
            self._diffusion = WithoutInput(self._diffusion)  # pyright: ignore[reportAttributeAccessIssue]
        self.noise_dim = check_functions(drift, self._diffusion, self.dim, self.input_dim)
        drift = as_module(drift, *sizes)
        if isinstance(self._diffusion, WithoutInput):
            self._diffusion = WithoutInput(as_module(self._diffusion.function, self.dim))  # pyright: ignore[reportAttributeAccessIssue]
        elif callable(self._diffusion):
            self._diffusion = as_module(self._diffusion, *sizes)
        if interpretation == "stratonovich" and callable(self._diffusion):
            drift = StratonovichDrift(drift, self._diffusion)
        self._drift = drift
        self._name = check_text("name", name)
        self.description = check_text("description", description)
        self.equation = check_text("equation", equation)
        if not isinstance(parameters, Mapping | None):
            raise InputError(f"parameters must be named values in a dict, got {shown(parameters)}")
        self.parameters = tuple((k, as_tuples(v)) for k, v in (parameters or {}).items())
        if self._starts is not None and not self.input_dim and not is_traced(self._starts):
            values = jax.jit(jax.vmap(self.drift))(jnp.asarray(self._starts))
            if not is_traced(values):
                _check_finite(np.asarray(values), self._starts)

    def drift(self, z, u=None):
        return jnp.asarray(self._drift(z, *self._given(u)))

    def diffusion(self, z, u=None):
        if callable(self._diffusion):
            return jnp.asarray(self._diffusion(z, *self._given(u)))
        return like(self._diffusion, z)

    def _given(self, u):
        """The input, where there is one."""
        if (u is None) == (self.input_dim == 0):
            return () if u is None else (u,)
        if u is None:
            raise InputError(
                f"{self.name} is steered by an input of shape ({self.input_dim},): hold it at a "
                "value by .at(value)"
            )
        raise InputError(f"{self.name} takes no input")

    @property
    def input_dim(self):
        return self._input_dim

    def at(self, input):
        if self.input_dim == 0:
            return super().at(input)
        return AtInput(self, check_vector("input", input, self.input_dim))

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
    def has_constant_diffusion(self):
        return not callable(self._diffusion)


class AtInput(AbstractWrapper):
    """An SDE at a constant input u:  dz = f(z, u) dt + σ(z, u) dB."""

    sde: SDE
    u: Float[Array | np.ndarray, " p"]
    input_dim = 0  # pyright: ignore[reportAssignmentType]

    def drift(self, z):
        return self.sde.drift(z, like(self.u, z))

    def diffusion(self, z):
        return self.sde.diffusion(z, like(self.u, z))

    def noise(self, z, dB):
        return self.diffusion(z) @ dB


class StratonovichDrift(eqx.Module):
    """The Itô drift of a Stratonovich SDE:  f_i + ½ Σ_jl σ_jl ∂_j σ_il."""

    drift: Drift
    diffusion: Callable[[Array], Array]

    def __call__(self, z, *u):
        def sigma(z):
            return self.diffusion(z, *u)

        along_columns = jax.vmap(lambda c: jax.jvp(sigma, (z,), (c,))[1], in_axes=1)
        return self.drift(z, *u) + 0.5 * jnp.einsum("lil->i", along_columns(sigma(z)))


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
