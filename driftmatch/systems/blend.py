"""Several attractors side by side in one state space."""

from collections.abc import Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import check_array, shown
from driftmatch.errors import InputError
from driftmatch.precision import like
from driftmatch.sde import SDE, as_tuples
from driftmatch.systems.attractor import trace_attractor
from driftmatch.systems.parameters import (
    Numbers,
    check_numbers,
    nearest_two,
)
from driftmatch.words import spelled

_APART = 3.0  # radii: the least distance of two centres
_EDGE = 1.5  # of the radius: how far out an attractor's own flow is followed
_SHARPNESS = 12  # of that edge, an even number
_LEAK = 4.0  # per time scale: pulls back what is beyond
_OWN = 0.8  # of the radius: how far out the flow is the system's own
_FOREIGN = 7.5  # −ln of the weight that another attractor has there, at most
_WIDEST = 0.25  # of the radius: b² over the least distance, at most


class Placed(eqx.Module):
    """The noise-free flow of an SDE, moved to a centre, scaled to a radius and sped up.

    z ↦ a v(ỹ) − λ(y − ỹ), where y = z − c; ỹ is y cut softly at 1.5 radii, where a falls from 1 to
    0; v is the flow of y = shrink · (state − mean). Dimensions that the SDE does not have leak to
    0 with λ.
    """

    sde: AbstractSDE
    centre: Float[np.ndarray, " k"]  # c
    mean: Float[np.ndarray, " j"]
    shrink: float
    speed: float  # the SDE's time scale over the blend's
    radius: float
    leak: float  # λ

    def __call__(self, z: Float[Array, " k"]) -> Float[Array, " k"]:
        y = z - like(self.centre, z)
        j = self.sde.dim
        far = (jnp.sum(y**2) / (_EDGE * self.radius) ** 2) ** (_SHARPNESS // 2)
        cut = y * (1 + far) ** (-1 / _SHARPNESS)
        own = self.sde.drift(like(self.mean, z) + cut[:j] / self.shrink)
        flow = self.speed * self.shrink * own / (1 + far)
        rest = -self.leak * cut[j:]
        return jnp.concatenate([flow, rest]) - self.leak * (y - cut)


class BlendDrift(eqx.Module):
    """Σ_j w_j(z) f_j(z), w = softmax(−|z − c_j|²/(2b²))."""

    parts: tuple[Placed, ...]
    spread: float  # b

    def weights(self, z: Float[Array, " k"]) -> Float[Array, " A"]:
        squares = jnp.stack([jnp.sum((z - like(part.centre, z)) ** 2) for part in self.parts])
        return jax.nn.softmax(-0.5 * squares / self.spread**2)

    def __call__(self, z: Float[Array, " k"]) -> Float[Array, " k"]:
        return self.weights(z) @ jnp.stack([part(z) for part in self.parts])


@spelled
def blend(
    sdes: Iterable[AbstractSDE],
    centres: Numbers,
    *,
    radius: float = 1.0,
    time_scale: float = 1.0,
    noise: float = 0.05,
) -> SDE:
    r"""Attractors of several systems, side by side in one state space:

        dz = Σ_j w_j(z) f_j(z) dt + σ dB,    w = softmax(−|z − c_j|²/(2b²)),  Σ_j w_j = 1

    f_j is the noise-free flow of system j around the attractor that its start leads to: moved so
    that the attractor's mean is at c_j, scaled so that it just fits into a ball of the given radius
    (a fixed point has no size, and the flow around it is not scaled), and sped up to the given time
    scale. Beyond 1.5 radii it gives way to a leak back, as it does in the dimensions that the
    system does not have. Seams between the regions of two attractors are as wide as leaves the flow
    within 0.8 radii r to its system, to 1 %: with the least distance L of two centres

        b² = L · min((L − 1.6 r)/15, r/4),

    as a network follows wide seams better than narrow ones.

    **Arguments**

    - `sdes`: two or more, of at most k dimensions; their own noise and inputs are left out.
    - `centres`: c_j, shape (A, k), at least 3 radii apart.
    - `radius`: in units of z.
    - `time_scale`: in which the state on each attractor moves by about the attractor's size, or
      comes back to a fixed point.
    - `noise`: σ, the same in all directions.

    The SDE's starts are states on the attractors, in order. What lies in a basin of its own within
    1.5 radii in a source, such as the other well of a double well, does so in the blend.

    **Raises** `InputError` for fewer than two systems, centres that do not fit, and a system whose
    noise-free flow runs away, does not settle or rests where it is not stable.
    """
    p = check_numbers(
        {"radius": radius, "time_scale": time_scale, "noise": noise},
        positive=("radius", "time_scale"),
    )
    systems = _check_systems(sdes)
    c = _check_centres(centres, systems, p["radius"])
    parts, starts = [], []
    for sde, centre in zip(systems, c, strict=True):
        part, start = _placed(sde, centre, p["radius"], p["time_scale"])
        parts.append(part)
        starts.append(start)
    names = ", ".join(sde.name for sde in systems)
    common = systems[0].coordinates  # but no units, as all are scaled
    is_common = all(sde.coordinates == common and sde.dim == c.shape[1] for sde in systems)
    return SDE(
        BlendDrift(tuple(parts), _spread(nearest_two(c)[2], p["radius"])),
        p["noise"],
        c.shape[1],
        start=np.array(starts),
        time_scale=p["time_scale"],
        coordinates=common if is_common else None,
        name="blend",
        description=f"Attractors side by side: {names}",
        equation="dz = Σ w_j(z) f_j(z) dt + σ dB,  w = softmax(−|z − c_j|²/(2b²))",
        parameters={"centres": as_tuples(c), **p},
    )


def _spread(apart: float, radius: float) -> float:
    """b. At x along the line between two centres the other's weight is exp(−L (L − 2x)/(2b²))."""
    seam = min((apart - 2 * _OWN * radius) / (2 * _FOREIGN), _WIDEST * radius)
    return float(np.sqrt(apart * seam))


def _check_systems(sdes: Iterable[AbstractSDE]) -> list[AbstractSDE]:
    if not isinstance(sdes, Iterable) or isinstance(sdes, np.ndarray):
        raise InputError(f"sdes must be a list of SDEs, got {shown(sdes)}")
    systems = list(sdes)
    for i, sde in enumerate(systems):
        if not isinstance(sde, AbstractSDE):
            raise InputError(
                f"sdes must be SDEs, got {type(sde).__name__} as number {i}: functions become one "
                "by driftmatch.SDE(drift, diffusion, dim)"
            )
    if len(systems) < 2:
        raise InputError(f"blend needs at least two systems, got {len(systems)}: add another")
    return systems


def _check_centres(
    centres: Numbers, systems: list[AbstractSDE], radius: float
) -> Float[np.ndarray, "A k"]:
    c = check_array("centres", centres).copy()
    k = max(sde.dim for sde in systems)
    if c.ndim != 2 or len(c) != len(systems) or c.shape[1] < k:
        raise InputError(
            f"centres must have shape ({len(systems)}, k), one for each system, with k at least "
            f"{k}, got {c.shape}"
        )
    i, j, apart = nearest_two(c)
    if apart < _APART * radius:
        raise InputError(
            f"centres {i} and {j} are {apart:.3g} apart, too near for attractors of radius "
            f"{radius:g}: move them at least {_APART * radius:g} apart or lower radius"
        )
    return c


def _placed(
    sde: AbstractSDE, centre: Float[np.ndarray, " k"], radius: float, time_scale: float
) -> tuple[Placed, Float[np.ndarray, " k"]]:
    """The flow in its place, and a state on its attractor."""
    found = trace_attractor(sde)
    shrink = radius / found.extent if found.extent > 0 else 1.0
    speed = 1 / (found.rate * time_scale)
    part = Placed(sde, centre, found.mean, shrink, speed, radius, _LEAK / time_scale)
    start = centre.copy()
    start[: sde.dim] += shrink * (found.state - found.mean)
    return part, start
