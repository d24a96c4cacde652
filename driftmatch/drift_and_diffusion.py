"""What an SDE is made of, as the user gives it: two functions, or a function and numbers."""

import inspect
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from driftmatch.arguments import check_array
from driftmatch.errors import InputError


def constant_diffusion(value: ArrayLike, dim: int) -> np.ndarray:
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


def check_functions(drift: Callable, diffusion: Any, dim: int, input_dim: int) -> int:
    """Trace both functions once, without computing, and return m."""
    sizes = (dim, input_dim) if input_dim else (dim,)
    given = [jax.ShapeDtypeStruct((size,), jnp.result_type(float)) for size in sizes]
    of_what = f"a state of shape ({dim},)"
    if input_dim:
        of_what += f" and an input of shape ({input_dim},)"

    def shape_of(function, what):
        try:
            value = jax.eval_shape(lambda *x: jnp.asarray(function(*x)), *given)
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
            _explain_arguments(function, what, input_dim, error)
            hint = "; its numbers are u[0], u[1], …" if input_dim else ""
            raise InputError(
                f"the {what} failed on {of_what}: {type(error).__name__}: {error}{hint}"
            ) from error
        if jnp.issubdtype(value.dtype, jnp.complexfloating):
            raise InputError(f"the {what} must be real, got {value.dtype}: take jnp.real")
        return value.shape

    shape = shape_of(drift, "drift")
    if shape != (dim,):
        raise InputError(f"the drift must return shape ({dim},) for {of_what}, got {shape}")
    if not callable(diffusion):
        return diffusion.shape[1]
    shape = shape_of(diffusion, "diffusion")
    if len(shape) != 2 or shape[0] != dim or shape[1] < 1:
        raise InputError(
            f"the diffusion must return shape ({dim}, m) for {of_what}, got {shape}; for a "
            "diagonal one return jnp.diag(...)"
        )
    return shape[1]


class WithoutInput(eqx.Module):
    """A function of z as one of z and u."""

    function: Callable

    def __call__(self, z, u):
        return self.function(z)


def takes_input(function: Callable) -> bool:
    """Whether it takes z and u, and not z alone."""
    return num_arguments(function) != 1


def num_arguments(function: Callable) -> int | None:
    """How many arguments it must be given; None if it does not say."""
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
               for p in given)  # fmt: skip


def _explain_arguments(function, what, input_dim, error) -> None:
    """Raises an `InputError` for a function that takes another number of arguments."""
    takes = num_arguments(function)
    if takes is None or takes == 1 + (input_dim > 0):
        return
    if input_dim:
        raise InputError(
            f"the {what} takes {takes} argument{'s' * (takes != 1)}, and is given the state and "
            "the input"
        ) from error
    alone = f"the {what} takes {takes} arguments, and is given the state alone"
    if takes == 2:
        raise InputError(
            f"{alone}: if the second is an input, say how many numbers it has by input_dim= and "
            "pass simulate(..., input=a function of time); a parameter is fixed by "
            "lambda z: f(z, a) or functools.partial"
        ) from error
    if takes > 2:
        raise InputError(
            f"{alone}, or with input_dim= the state and an input; parameters are fixed by "
            "lambda z: f(z, a) or functools.partial"
        ) from error
