"""Motion in potentials with several wells: memories that noise or an input moves between."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from driftmatch.errors import InputError
from driftmatch.precision import like
from driftmatch.sde import SDE
from driftmatch.systems.parameters import check_numbers

_SQUARE = ((1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0))
_SMOOTHING = 0.25  # of the mean depth: rounds the ridges between wells
_APART = 1e-3  # of the width: minima closer than this are one


class DoubleWellDrift(eqx.Module):
    """−V'(x) = x − x³."""

    def __call__(self, x: Float[Array, "1"]) -> Float[Array, "1"]:
        return x - x**3


def double_well(noise: float = 0.5) -> SDE:
    """Overdamped motion in V(x) = x⁴/4 − x²/2:  dx = (x − x³) dt + σ dB.

    The wells are at ±1, the barrier at 0 is ¼ high, and the stationary density is ∝ exp(−V/D) with
    D = σ²/2. `noise`: σ.
    """
    parameters = check_numbers({"noise": noise})
    return SDE(
        DoubleWellDrift(),
        parameters["noise"],
        1,
        start=np.array([[1.0], [-1.0]]),
        time_scale=1.0,
        name="double_well",
        description="Overdamped motion between two wells",
        equation="dx = (x − x³) dt + σ dB",
        parameters=dict(parameters),
    )


class WellsDrift(eqx.Module):
    """κ(Σ_j p_j(z) c_j − z) with p = softmax((h_j − ½κ|z − c_j|²)/E)."""

    centres: Float[np.ndarray, "W k"]
    depths: Float[np.ndarray, " W"]
    stiffness: float
    smoothing: float

    def __call__(self, z: Float[Array, " k"]) -> Float[Array, " k"]:
        centres = like(self.centres, z)
        parabolas = 0.5 * self.stiffness * jnp.sum((z - centres) ** 2, axis=1)
        pull = jax.nn.softmax((like(self.depths, z) - parabolas) / self.smoothing)
        return self.stiffness * (pull @ centres - z)


def wells(
    centres: ArrayLike = _SQUARE,
    depths: ArrayLike = 1.0,
    width: float | None = None,
    noise: float = 0.65,
) -> SDE:
    r"""Overdamped motion among wells at given places:  dz = −∇V dt + σ dB,  D = σ²/2,

        V(z) = −E ln Σ_j exp(−V_j(z)/E),    V_j(z) = −h_j + h̄ |z − c_j|²/w²,    E = h̄/4

    the smooth minimum of equal parabolas. Every state is drawn to the wells, from however far; the
    stationary density is ∝ exp(−V/D). Two equal wells 2w apart have a barrier of 0.83 h between
    them. The drift, h̄(2/w²)(Σ_j p_j c_j − z) with p = softmax(−V_j/E), recalls a pattern as a
    modern Hopfield network does.

    **Arguments**

    - `centres`: c_j, the patterns, shape (W, k) with W ≥ 2; by default the corners of a square.
    - `depths`: h_j > 0, one number for all or W numbers, in units of V; their mean is h̄.
    - `width`: w > 0, in units of z; by default half the least distance between two centres.
    - `noise`: σ. At the default a well of the default depth is left after some 60 time scales.

    **Raises** `InputError` for fewer than two wells, centres that coincide, and wells so shallow or
    wide that they merge.

    **Source** of the recall dynamics: H. Ramsauer et al., *Hopfield networks is all you need*, ICLR
    (2021).
    """
    c = _check_centres(centres)
    h = _check_depths(depths, len(c))
    apart = np.linalg.norm(c[:, None] - c[None], axis=-1) + np.diag(np.full(len(c), np.inf))
    i, j = np.unravel_index(np.argmin(apart), apart.shape)
    if apart[i, j] <= 1e-9 * np.abs(c).max():
        raise InputError(
            f"centres {min(i, j)} and {max(i, j)} coincide at {c[i].tolist()}: leave one out"
        )
    p = check_numbers({"noise": noise, "width": apart[i, j] / 2 if width is None else width})
    if p["width"] <= 0:
        raise InputError(f"width must be positive, got {width!r}")
    stiffness = 2 * h.mean() / p["width"] ** 2
    drift = WellsDrift(c, h, stiffness, _SMOOTHING * h.mean())
    minima = _minima(drift)
    _check_apart(minima, p["width"])
    return SDE(
        drift,
        p["noise"],
        c.shape[1],
        start=minima,
        time_scale=1 / stiffness,
        name="wells",
        description="Motion among wells at given places, each a memory",
        equation="dz = −∇V dt + σ dB,  V = −E ln Σ exp(−V_j/E),  V_j = −h_j + h̄|z − c_j|²/w²",
        parameters={"centres": c.tolist(), "depths": h.tolist()} | p,
    )


def _check_centres(centres: ArrayLike) -> np.ndarray:
    try:
        c = np.asarray(centres, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"centres must be an array of numbers, got {centres!r}") from None
    if c.ndim != 2 or c.shape[1] < 1:
        raise InputError(f"centres must have shape (wells, k), got {c.shape}")
    if len(c) < 2:
        raise InputError(f"wells needs at least two centres, got {len(c)}")
    if not np.all(np.isfinite(c)):
        raise InputError("centres must be finite")
    return c


def _check_depths(depths: ArrayLike, num_wells: int) -> np.ndarray:
    try:
        h = np.asarray(depths, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"depths must be numbers, got {depths!r}") from None
    if h.ndim > 1 or (h.ndim == 1 and len(h) != num_wells):
        raise InputError(
            f"depths must be one number or {num_wells}, one for each centre, got shape {h.shape}"
        )
    if not (np.all(np.isfinite(h)) and np.all(h > 0)):
        raise InputError(f"depths must be positive, got {h.tolist()}")
    return np.broadcast_to(h, num_wells).copy()


def _minima(drift: WellsDrift) -> Float[np.ndarray, "W k"]:
    """Where the flow from each centre ends: f = 0 is z = Σ p_j(z) c_j, and iterating it descends V
    (the mean shift of D. Comaniciu, P. Meer, IEEE Trans. Pattern Anal. 24, 603 (2002))."""
    z = drift.centres
    for _ in range(10_000):
        V = 0.5 * drift.stiffness * np.sum((z[:, None] - drift.centres) ** 2, axis=-1)
        log_pull = (drift.depths - V) / drift.smoothing
        pull = np.exp(log_pull - log_pull.max(axis=1, keepdims=True))
        new = pull @ drift.centres / pull.sum(axis=1, keepdims=True)
        if np.abs(new - z).max() <= 1e-12 * np.abs(drift.centres).max():
            break
        z = new
    return z


def _check_apart(minima: Float[np.ndarray, "W k"], width: float) -> None:
    apart = np.linalg.norm(minima[:, None] - minima[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    i, j = np.unravel_index(np.argmin(apart), apart.shape)
    if apart[i, j] < _APART * width:
        raise InputError(
            f"wells {min(i, j)} and {max(i, j)} merge: make width smaller or their depths more "
            "alike"
        )
