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

from driftmatch.arguments import check_choice, check_flag, check_text, shown
from driftmatch.errors import InputError


@dataclass(frozen=True)
class Activation:
    """An elementwise rate function φ.

    - `name`: the name it is chosen and saved by.
    - `function`: φ in JAX.
    - `derivatives`: x ↦ (φ, φ', φ'') in NumPy, in the precision of x.
    - `is_bounded`: whether |φ| has a bound, and so the network's states too.
    - `integral`: x ↦ ∫₀^{φ(x)} φ⁻¹(r) dr in NumPy, or None: `inverse_integral` then integrates φ.
    """

    name: str
    function: Callable[[Array], Array] = field(repr=False)
    derivatives: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]] = field(
        repr=False
    )
    is_bounded: bool = field(repr=False)
    integral: Callable[[np.ndarray], np.ndarray] | None = field(default=None, repr=False)

    def __post_init__(self):
        check_text("name", self.name)
        check_flag("is_bounded", self.is_bounded)
        for what in ("function", "derivatives", "integral"):
            value = getattr(self, what)
            if not callable(value) and not (what == "integral" and value is None):
                raise InputError(f"{what} must be a function of x, got {shown(value)}")

    def __call__(self, x: Array) -> Array:
        return self.function(x)

    def __reduce__(self) -> str | tuple:
        # JAX's functions cannot be pickled; the catalogue's activations are known by their names.
        if ACTIVATIONS.get(self.name) is self:
            return get_activation, (self.name,)
        return super().__reduce__()


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


# ∫₀^{φ(x)} φ⁻¹(r) dr = x φ(x) − ∫φ dx, written so that nothing large cancels anywhere.
def _tanh_integral(x):
    """x tanh x − ln cosh x, which tends to ln 2."""
    a = np.abs(x)
    t = np.tanh(np.minimum(a, 1.0))
    near = np.minimum(a, 1.0) * t + 0.5 * np.log1p(-t * t)
    u = np.exp(-2 * a)
    return np.where(a < 1, near, np.log(2) - 2 * a * u / (1 + u) - np.log1p(u))


def _logistic_integral(x):
    """Minus the entropy of a coin: s ln s + (1 − s) ln(1 − s), s = φ(x)."""
    s, rest = scipy.special.expit(x), scipy.special.expit(-x)
    return -s * np.logaddexp(0, -x) - rest * np.logaddexp(0, x)


def _erf_integral(x):
    """(1 − e^{−x²})/√π."""
    return -np.expm1(-x * x) / np.sqrt(np.pi)


def _softplus_integral(x):
    """x φ(x) + Li₂(−e^x), with Li₂(−e^x) = −π²/6 − x²/2 − Li₂(−e^{−x}) where x > 0."""
    u = np.exp(-np.abs(x))
    j = np.arange(8, 0, -1)
    series = np.polyval([*((-1.0) ** j / j**2), 0.0], np.minimum(u, 0.01))
    dilogarithm = np.where(u < 0.01, series, scipy.special.spence(1 + u))  # Li₂(−u)
    below = x * np.log1p(u) + dilogarithm
    above = 0.5 * x * x - np.pi**2 / 6 + x * np.log1p(u) - dilogarithm
    return np.where(x > 0, above, below)


def _relu_integral(x):
    return 0.5 * np.maximum(x, 0) ** 2


def _identity_integral(x):
    return 0.5 * x * x


ACTIVATIONS = {
    a.name: a
    for a in (
        Activation("tanh", jnp.tanh, _tanh, True, _tanh_integral),
        Activation("logistic", jax.nn.sigmoid, _logistic, True, _logistic_integral),
        Activation("erf", jax.scipy.special.erf, _erf, True, _erf_integral),
        Activation("softplus", jax.nn.softplus, _softplus, False, _softplus_integral),
        Activation("relu", jax.nn.relu, _relu, False, _relu_integral),
        Activation("identity", lambda x: x, _identity, False, _identity_integral),
    )
}


def get_activation(activation: str | Activation) -> Activation:
    """The activation of that name; raises `InputError` with the nearest name for an unknown one."""
    if isinstance(activation, Activation):
        return activation
    return ACTIVATIONS[check_choice("activation", activation, ACTIVATIONS)]


def check_named(activation: Activation) -> str:
    """The name of an activation of the table; raises `InputError` for one of the user's own."""
    known = ACTIVATIONS.get(activation.name)
    if known is None or known.function is not activation.function:
        raise InputError(
            f"the activation {activation.name!r} is not one that a file can name; choose one of "
            f"{', '.join(ACTIVATIONS)}"
        )
    return activation.name


_PANEL = 0.25  # width of a panel of quadrature, so that a kink at 0 lies between two
_MAX_PANELS = 40_000


def inverse_integral(activation: Activation, x: np.ndarray) -> np.ndarray:
    r"""The energy of a neuron that stands at x:  ∫₀^{φ(x)} φ⁻¹(r) dr,  elementwise in float64.

    Its derivative is x φ'(x). Closed forms for the activations of the table. For others it is
    x φ(x) − ∫₀ˣ φ, which differs by a constant if φ(0) ≠ 0, by Gauss–Legendre quadrature of φ on
    panels of width ¼ (wider ones if x spans more than 10⁴).

    Source: J. Hopfield, PNAS 81, 3088 (1984).
    """
    x = np.asarray(x, dtype=np.float64)
    if activation.integral is not None:
        return activation.integral(x)

    def rate(at):
        return np.asarray(activation.derivatives(at)[0], dtype=np.float64)

    reach = np.max(np.abs(x), initial=0.0, where=np.isfinite(x))
    width = max(_PANEL, reach / _MAX_PANELS)
    panels = int(np.ceil(reach / width)) + 1
    edges = width * np.arange(-panels, panels + 1)
    at, weights = np.polynomial.legendre.leggauss(12)
    at, weights = 0.5 * (at + 1), 0.5 * weights  # on [0, 1]
    whole = width * rate(edges[:-1, None] + width * at) @ weights
    primitive = np.concatenate([[0.0], np.cumsum(whole)])
    left = np.clip(np.floor(np.nan_to_num(x) / width).astype(int) + panels, 0, 2 * panels)
    past = x - edges[left]
    part = sum(w * rate(edges[left] + a * past) for a, w in zip(at, weights, strict=True)) * past
    return x * rate(x) - (primitive[left] - primitive[panels] + part)
