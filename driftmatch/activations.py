"""Elementwise activations φ: one definition for JAX, one with its derivatives for NumPy.

Networks run in JAX; the fits are linear algebra on large feature matrices and run in NumPy, where
they also need φ' and φ''. A test holds the two definitions together.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jaxtyping import Array

from driftmatch.errors import InputError
from driftmatch.words import did_you_mean


@dataclass(frozen=True)
class Activation:
    """An elementwise rate function φ.

    - `name`: the name it is chosen and saved by.
    - `function`: φ in JAX.
    - `derivatives`: x ↦ (φ, φ', φ'') in NumPy, in the precision of x.
    - `is_bounded`: whether |φ| has a bound, and so the network's states too.
    """

    name: str
    function: Callable[[Array], Array] = field(repr=False)
    derivatives: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]] = field(
        repr=False
    )
    is_bounded: bool = field(repr=False)

    def __call__(self, x: Array) -> Array:
        return self.function(x)


def _tanh(x):
    value = np.tanh(x)
    slope = 1 - value * value
    return value, slope, -2 * value * slope


def _logistic(x):
    value = scipy.special.expit(x)
    slope = value * (1 - value)
    return value, slope, slope * (1 - 2 * value)


def _erf(x):
    slope = (2 / np.sqrt(np.pi, dtype=x.dtype)) * np.exp(-x * x)
    return scipy.special.erf(x), slope, -2 * x * slope


def _softplus(x):
    slope = scipy.special.expit(x)
    return np.logaddexp(np.zeros((), x.dtype), x), slope, slope * (1 - slope)


def _relu(x):
    return np.maximum(x, 0), (x > 0).astype(x.dtype), np.zeros_like(x)


def _identity(x):
    return x.copy(), np.ones_like(x), np.zeros_like(x)


ACTIVATIONS = {
    a.name: a
    for a in (
        Activation("tanh", jnp.tanh, _tanh, True),
        Activation("logistic", jax.nn.sigmoid, _logistic, True),
        Activation("erf", jax.scipy.special.erf, _erf, True),
        Activation("softplus", jax.nn.softplus, _softplus, False),
        Activation("relu", jax.nn.relu, _relu, False),
        Activation("identity", lambda x: x, _identity, False),
    )
}


def get_activation(activation: str | Activation) -> Activation:
    """The activation of that name; raises `InputError` with the nearest name for an unknown one."""
    if isinstance(activation, Activation):
        return activation
    try:
        return ACTIVATIONS[activation]
    except (KeyError, TypeError):
        raise InputError(
            f"there is no activation {activation!r}{did_you_mean(activation, ACTIVATIONS)}"
        ) from None
