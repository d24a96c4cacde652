"""How latent coordinates lie in the neurons: one interface, and the affine subspace x = Γz + b.

States may be arrays of NumPy, which are answered in double precision, or of JAX, in theirs.
"""

import abc
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from driftmatch.arguments import check_array, is_traced
from driftmatch.errors import InputError
from driftmatch.precision import alike, like

if TYPE_CHECKING:  # to a type checker an AbstractVar would be a field to initialise
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar

Matrix = np.ndarray

# Up to this rank Γz is a sum over columns, which XLA fuses with the activation: 0.36 µs a step of
# 512 neurons at k = 3 where a product takes 0.39, and 5.9 where it takes 7.2 with 10⁴. At k = 8
# both take 0.57, at k = 32 the product 1.6 and the sum 2.6.
FEW = 4


class AbstractLift(eqx.Module):
    """z ∈ R^k as neurons x ∈ R^n, and back.

    With Γ = ∂x/∂z: vectors go forth by Γ (`push`) and back by Γ⁺ (`components`), gradients go back
    by Γᵀ (`pull`).

    - `gamma`: Γ, shape (n, k), of independent columns; `bias`: b, shape (n,), the neurons at z = 0.
    """

    gamma: AbstractVar[Float[Array | Matrix, "n k"]]
    bias: AbstractVar[Float[Array | Matrix, " n"]]

    @property
    @abc.abstractmethod
    def num_neurons(self) -> int:
        """n."""

    @property
    @abc.abstractmethod
    def latent_dim(self) -> int:
        """k."""

    @abc.abstractmethod
    def __call__(self, z: Float[ArrayLike, "... k"]) -> Float[Any, "... n"]:
        """x, the neurons of latent states."""

    @abc.abstractmethod
    def project(self, x: Float[ArrayLike, "... n"]) -> Float[Any, "... k"]:
        """z, the coordinates of the nearest point that has any."""

    @abc.abstractmethod
    def push(self, v: Float[ArrayLike, "... k"]) -> Float[Any, "... n"]:
        """Γv."""

    @abc.abstractmethod
    def components(self, w: Float[ArrayLike, "... n"]) -> Float[Any, "... k"]:
        """Γ⁺w."""

    @abc.abstractmethod
    def inverse(self) -> Float[Array | Matrix, "k n"]:
        """Γ⁺, the pseudo-inverse of Γ."""

    @abc.abstractmethod
    def pull(self, w: Float[ArrayLike, "... n"]) -> Float[Any, "... k"]:
        """Γᵀw."""

    @abc.abstractmethod
    def spread(
        self, z: Float[Array, " k"], onto: Float[Array, "*n"] | None = None
    ) -> Float[Array, " n"]:
        """Γz + `onto`, which makes x if it is not given, of one state inside of a step."""

    @abc.abstractmethod
    def of(self, neurons: Any) -> "AbstractLift":
        """The same for some of the neurons, by an index of NumPy."""

    @abc.abstractmethod
    def side_by_side(self, z: Float[Array, "k M"]) -> Float[Array, "n M"]:
        """x of many states, a state being a column, inside of a step."""

    @abc.abstractmethod
    def for_loop(self) -> "AbstractLift":
        """The same, laid out for a loop, and not to be changed."""


class Affine(AbstractLift):
    """x = Γz + b."""

    gamma: Float[Array | Matrix, "n k"]
    bias: Float[Array | Matrix, " n"]
    # Of Γ, each contiguous: strided, they cost a third more. Only where a loop asked for them.
    columns: Float[Array | Matrix, "k n"] | None = None

    @property
    def num_neurons(self):
        return self.gamma.shape[0]

    @property
    def latent_dim(self):
        return self.gamma.shape[1]

    def __call__(self, z):
        z = _states("z", z, self.latent_dim, self.gamma)
        return z @ alike(self.gamma, z).T + alike(self.bias, z)

    def project(self, x):
        x = _states("x", x, self.num_neurons, self.gamma)
        return (x - alike(self.bias, x)) @ alike(self.inverse(), x).T

    def push(self, v):
        v = _states("v", v, self.latent_dim, self.gamma)
        return v @ alike(self.gamma, v).T

    def components(self, w):
        w = _states("w", w, self.num_neurons, self.gamma)
        return w @ alike(self.inverse(), w).T

    def pull(self, w):
        w = _states("w", w, self.num_neurons, self.gamma)
        return w @ alike(self.gamma, w)

    def spread(self, z, onto=None):
        columns = like(self.gamma.T if self.columns is None else self.columns, z)
        total = like(self.bias, z) if onto is None else onto
        if len(columns) > FEW:
            return z @ columns + total
        for j in range(len(columns)):
            total = total + columns[j] * z[j]
        return total

    def side_by_side(self, z):
        gamma = self.gamma if self.columns is None else self.columns.T
        return gamma @ z + self.bias[:, None]

    def of(self, neurons):
        return Affine(self.gamma[neurons], self.bias[neurons])

    def inverse(self):
        pinv: Any = jnp.linalg.pinv if is_traced(self.gamma) else np.linalg.pinv
        return pinv(self.gamma)

    def for_loop(self):
        return Affine(self.gamma, self.bias, np.ascontiguousarray(np.asarray(self.gamma).T))


def affine(gamma: Any, bias: Any) -> Affine:
    """Γ and b as they were given, checked; raises `InputError` unless Γ has full rank."""
    gamma = check_array("gamma", gamma, ("n", "k")).copy()
    n, k = gamma.shape
    bias = check_array("bias", bias, (n,)).copy()
    if n < k:
        raise InputError(f"a network of {n} neurons cannot carry {k} latent dimensions")
    if not is_traced(gamma) and not has_independent_columns(gamma):
        raise InputError("gamma must have independent columns")
    return Affine(gamma, bias)


def as_latent(what: str, states: ArrayLike, lift: AbstractLift) -> Any:
    """Latent states, of which those that come as neurons are the nearest; if n = k all are."""
    states = check_array(what, states)
    n, k = lift.num_neurons, lift.latent_dim
    return lift.project(states) if states.shape[-1:] == (n,) and n != k else states


def has_independent_columns(gamma: Matrix) -> bool:
    """Whether Γ has full rank, its columns being in whatever units."""
    lengths = np.linalg.norm(gamma, axis=0)
    return bool(lengths.all() and np.linalg.matrix_rank(gamma / lengths) == gamma.shape[1])


def _states(what: str, value: ArrayLike, dim: int, gamma: ArrayLike) -> Any:
    """Any states that have a shape of (..., dim): of JAX if they or Γ are, or else of NumPy."""
    if not isinstance(value, jax.Array) or jnp.iscomplexobj(value):
        states = check_array(what, value, (..., dim), finite=False, empty=True)
        return like(states, gamma) if isinstance(gamma, jax.Array) else states
    if value.ndim == 0 or value.shape[-1] != dim:
        raise InputError(f"{what} must have shape (..., {dim}), got {value.shape}")
    return value
