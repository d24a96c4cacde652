"""Motion in potentials with several wells: memories that noise or an input moves between."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.spatial.distance import cdist

from driftmatch.arguments import check_array
from driftmatch.errors import InputError
from driftmatch.precision import like
from driftmatch.randomness import generator
from driftmatch.sde import SDE, as_tuples
from driftmatch.systems.parameters import (
    Numbers,
    check_numbers,
    check_places,
    nearest_two,
)
from driftmatch.words import spelled

_SQUARE = ((1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0))
_SMOOTHING = 0.25  # of the mean depth: rounds the ridges between wells
_ASIDE = 1e-3  # of the width: what leads back from so far aside is a minimum
_APART = 1e-2  # of the width: minima closer than this are one
_DESCENT = 10_000  # steps at most


class DoubleWellDrift(eqx.Module):
    """−V'(x) = x − x³."""

    def __call__(self, x: Float[Array, "1"]) -> Float[Array, "1"]:
        return x - x**3


@spelled
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
    stiffness: float  # κ
    smoothing: float  # E

    def __call__(self, z: Float[Array, " k"]) -> Float[Array, " k"]:
        centres = like(self.centres, z)
        parabolas = 0.5 * self.stiffness * jnp.sum((z - centres) ** 2, axis=1)
        pull = jax.nn.softmax((like(self.depths, z) - parabolas) / self.smoothing)
        return self.stiffness * (pull @ centres - z)


@spelled
def wells(
    centres: Numbers = _SQUARE,
    depths: Numbers = 1.0,
    width: float | None = None,
    noise: float = 0.65,
) -> SDE:
    r"""Overdamped motion among wells at given places:  dz = −∇V dt + σ dB,  D = σ²/2,

        V(z) = −E ln Σ_j exp(−V_j(z)/E),    V_j(z) = ⟨h⟩|z − c_j|²/w² − h_j,    E = ⟨h⟩/4

    the smooth minimum of parabolas around the centres, as deep as h_j and all of the same width.
    Every state is drawn to the wells, from however far, and the stationary density is ∝ exp(−V/D).
    The barrier between two equal wells at a distance L, with no other near, is
    h(L²/4w² − 0.17) high: 0.83 h at L = 2w. The drift, κ(Σ_j p_j c_j − z) with κ = 2⟨h⟩/w² and
    p = softmax(−V_j/E), recalls a pattern as a modern Hopfield network does.

    **Arguments**

    - `centres`: c_j, the patterns, shape (W, k) with W ≥ 2; by default the corners of a square.
    - `depths`: h_j > 0, one number for all or W numbers, in units of V; their mean is ⟨h⟩.
    - `width`: w > 0, in units of z; by default half the least distance between two centres.
    - `noise`: σ. At the defaults a well is left after some 30 time scales of 3/κ.

    The SDE's starts are the minima of V in the order of the centres.

    **Raises** `InputError` for fewer than two centres, centres that coincide, and wells so shallow
    or wide that they merge with others.

    **Source** of the recall dynamics: H. Ramsauer et al., *Hopfield networks is all you need*, ICLR
    (2021).
    """
    c = check_places("centres", centres, least=2)
    h = _check_depths(depths, len(c))
    p = check_numbers(
        {"width": nearest_two(c)[2] / 2 if width is None else width, "noise": noise},
        positive=("width",),
    )
    stiffness = 2 * h.mean() / p["width"] ** 2
    drift = WellsDrift(c, h, float(stiffness), float(_SMOOTHING * h.mean()))
    return SDE(
        drift,
        p["noise"],
        c.shape[1],
        start=_minima(drift, p["width"]),
        time_scale=3 / stiffness,  # several times the relaxation in a well: jumps are slower
        name="wells",
        description="Motion among wells at given places, each a memory",
        equation="dz = −∇V dt + σ dB,  V = −E ln Σ exp(−V_j/E),  V_j = ⟨h⟩|z − c_j|²/w² − h_j",
        parameters={"centres": as_tuples(c), "depths": as_tuples(h), **p},
    )


def on_a_circle(number: int, spacing: float = 2.0) -> Float[np.ndarray, "W 2"]:
    """Places for wells, evenly on a circle about 0 with neighbours `spacing` apart: two at
    (±spacing/2, 0), else the corners of a regular polygon, of which the first edge lies to the
    right: four are the default of `wells`."""
    turn = 0.0 if number == 2 else 0.5
    angles = 2 * np.pi * (np.arange(number) + turn) / number
    radius = spacing / (2 * np.sin(np.pi / number))
    return radius * np.column_stack([np.cos(angles), np.sin(angles)])


def _check_depths(depths: Numbers, num_wells: int) -> Float[np.ndarray, " W"]:
    h = check_array("depths", depths, (), (num_wells,))
    if not np.all(h > 0):
        raise InputError(f"depths must be positive, got {h.tolist()}: raise the lowest")
    return np.broadcast_to(h, num_wells).copy()


def _minima(drift: WellsDrift, width: float) -> Float[np.ndarray, "W k"]:
    """Where the flow from each centre ends, begun a little aside so that it leaves what is no
    minimum: f = 0 is z = Σ p_j(z) c_j, and iterating this descends V (the mean shift of
    D. Comaniciu, P. Meer, IEEE Trans. Pattern Anal. 24, 603 (2002))."""
    c = drift.centres
    z = c + _ASIDE * width * generator().standard_normal(c.shape)
    for _ in range(_DESCENT):
        log_pull = (drift.depths - 0.5 * drift.stiffness * cdist(z, c, "sqeuclidean")) / (
            drift.smoothing
        )
        pull = np.exp(log_pull - log_pull.max(axis=1, keepdims=True))
        before, z = z, pull @ c / pull.sum(axis=1, keepdims=True)
        if np.abs(z - before).max() <= 1e-12 * np.abs(c).max():
            break
    i, j, apart = nearest_two(z)
    if apart < _APART * width:
        raise InputError(
            f"wells {i} and {j} merge into one: make width smaller or their depths more alike"
        )
    return z
