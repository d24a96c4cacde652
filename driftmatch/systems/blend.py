"""Several attractors side by side in one state space."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.integrate
from jaxtyping import Array, ArrayLike, Float

from driftmatch.errors import InputError
from driftmatch.precision import like
from driftmatch.sde import SDE, AbstractSDE
from driftmatch.systems.parameters import check_numbers

_EDGE = 1.5  # of the radius: how far out an attractor's own flow is followed
_SHARPNESS = 12  # of that edge
_LEAK = 4.0  # per time scale: pulls back what is beyond
_SEAM = 0.25  # of the radius: the width of the seams between two attractors' regions
_TIMES = 4000


class Placed(eqx.Module):
    """An SDE's noise-free flow, moved to a centre, scaled to a radius and sped up to a time scale.

    z ↦ a g(ỹ) − λ(y − ỹ), with y = z − c, ỹ = y cut softly at 1.5 radii, where a falls from 1 to
    0, and g the flow of y = radius/extent (state − mean). What the SDE has not in dimensions leaks
    back with λ.
    """

    sde: AbstractSDE
    centre: Float[np.ndarray, " k"]
    mean: Float[np.ndarray, " j"]
    shrink: float  # radius / extent
    speed: float  # the SDE's time scale / the blend's
    radius: float
    leak: float

    def __call__(self, z: Float[Array, " k"]) -> Float[Array, " k"]:
        y = z - like(self.centre, z)
        far = (jnp.sum(y**2) / (_EDGE * self.radius) ** 2) ** (_SHARPNESS // 2)
        cut = y * (1 + far) ** (-1 / _SHARPNESS)
        j = self.sde.dim
        own = self.sde.drift(like(self.mean, z) + cut[:j] / self.shrink)
        flow = self.speed * self.shrink * own / (1 + far)
        rest = -self.leak * cut[j:]
        return jnp.concatenate([flow, rest]) - self.leak * (y - cut)


class BlendDrift(eqx.Module):
    """Σ_j w_j(z) f_j(z), w = softmax(−|z − c_j|²/(2b²))."""

    parts: tuple[Placed, ...]
    spread: float  # b

    def __call__(self, z: Float[Array, " k"]) -> Float[Array, " k"]:
        distances2 = jnp.stack([jnp.sum((z - like(part.centre, z)) ** 2) for part in self.parts])
        weights = jax.nn.softmax(-0.5 * distances2 / self.spread**2)
        return weights @ jnp.stack([part(z) for part in self.parts])


def blend(
    sdes: Sequence[AbstractSDE],
    centres: ArrayLike,
    *,
    radius: float = 1.0,
    time_scale: float = 1.0,
    noise: float = 0.05,
) -> SDE:
    r"""Attractors of several systems, side by side in one state space:

        dz = Σ_j w_j(z) f_j(z) dt + σ dB,    w = softmax(−|z − c_j|²/(2b²)),  Σ_j w_j = 1

    f_j is the noise-free flow of system j, moved so that the mean of its attractor is at c_j, scaled
    so that the attractor fits into a ball of the given radius (a fixed point keeps its own scale),
    and sped up to the given time scale. Beyond 1.5 radii the flow gives way to a leak back, which
    also holds the dimensions that a system does not have.

    **Arguments**

    - `sdes`: two or more, of at most k dimensions; their own noise is left out.
    - `centres`: c_j, shape (A, k), at least 3 radii apart.
    - `radius`, in units of z; `time_scale`: in which each moves by about its own size.
    - `noise`: σ, the same in all directions.

    **Raises** `InputError` for fewer than two systems, centres that do not fit, and a system whose
    attractor cannot be traced from its start.
    """
    sdes = list(sdes) if isinstance(sdes, Sequence) else [sdes]
    for i, sde in enumerate(sdes):
        if not isinstance(sde, AbstractSDE):
            raise InputError(f"sdes must be SDEs, got {type(sde).__name__} as number {i}")
    if len(sdes) < 2:
        raise InputError(f"blend needs at least two systems, got {len(sdes)}")
    p = check_numbers({"radius": radius, "time_scale": time_scale, "noise": noise})
    for name in ("radius", "time_scale"):
        if p[name] <= 0:
            raise InputError(f"{name} must be positive, got {p[name]!r}")
    c = _check_centres(centres, sdes, p["radius"])
    parts, starts = [], []
    for sde, centre in zip(sdes, c, strict=True):
        part, state = _placed(sde, centre, p["radius"], p["time_scale"])
        parts.append(part)
        starts.append(state)
    apart = np.linalg.norm(c[:, None] - c[None], axis=-1) + np.diag(np.full(len(c), np.inf))
    # w_1/w_2 = exp(L x/b²) at a distance x from the middle between centres L apart
    spread = np.sqrt(apart.min() * _SEAM * p["radius"])
    names = ", ".join(sde.name for sde in sdes)
    return SDE(
        BlendDrift(tuple(parts), float(spread)),
        p["noise"],
        c.shape[1],
        start=np.array(starts),
        time_scale=p["time_scale"],
        name="blend",
        description=f"Attractors side by side: {names}",
        equation="dz = Σ w_j(z) f_j(z) dt + σ dB,  w = softmax(−|z − c_j|²/(2b²))",
        parameters={"centres": c.tolist()} | p,
    )


def _check_centres(centres: ArrayLike, sdes: list[AbstractSDE], radius: float) -> np.ndarray:
    try:
        c = np.asarray(centres, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"centres must be an array of numbers, got {centres!r}") from None
    k = max(sde.dim for sde in sdes)
    if c.ndim != 2 or len(c) != len(sdes) or c.shape[1] < k:
        raise InputError(
            f"centres must have shape ({len(sdes)}, k), one for each system, with k at least {k}, "
            f"got {c.shape}"
        )
    if not np.all(np.isfinite(c)):
        raise InputError("centres must be finite")
    for i in range(len(c)):
        for j in range(i):
            if (distance := np.linalg.norm(c[i] - c[j])) < 3 * radius:
                raise InputError(
                    f"centres {j} and {i} are {distance:.3g} apart, too near for attractors of "
                    f"radius {radius:g}: move them at least {3 * radius:g} apart or lower radius"
                )
    return c


def _placed(sde: AbstractSDE, centre, radius, time_scale) -> tuple[Placed, np.ndarray]:
    """The flow in its place, and a state on its attractor."""
    states, rate = _traced(sde)
    mean = states.mean(axis=0)
    extent = np.linalg.norm(states - mean, axis=1).max()
    shrink = radius / extent if extent > 1e-6 * (1 + np.abs(mean).max()) else 1.0
    part = Placed(
        sde, centre, mean, float(shrink), 1 / (rate * time_scale), radius, _LEAK / time_scale
    )
    start = centre.copy()
    start[: sde.dim] += shrink * (states[-1] - mean)
    return part, start


def _traced(sde: AbstractSDE) -> tuple[Float[np.ndarray, "T j"], float]:
    """States on the noise-free attractor that the start leads to, and its rate of change."""
    with jax.enable_x64(True):
        drift = eqx.filter_jit(sde.drift)
        start = np.zeros(sde.dim) if sde.start is None else np.asarray(sde.start, float)
        slopes = np.asarray(jax.jacfwd(sde.drift)(jnp.asarray(start)))
        fastest = np.linalg.norm(slopes, 2)

        def run(at, duration):
            times = np.linspace(0, duration, _TIMES)
            result = scipy.integrate.solve_ivp(
                lambda t, z: np.asarray(drift(jnp.asarray(z)), float), (0, duration), at,
                method="LSODA", t_eval=times, rtol=1e-6, atol=1e-9 * (1 + np.abs(at).max()),
            )  # fmt: skip
            if not result.success or not np.all(np.isfinite(result.y)):
                raise InputError(
                    f"the attractor of {sde.name} cannot be traced: its noise-free flow from "
                    f"{start.tolist()} does not stay finite; give it another start"
                )
            return result.y.T

        scale = sde.time_scale or 1 / max(fastest, 1e-12)
        states = run(run(start, 100 * scale)[-1], 200 * scale)
        flow = np.asarray(jax.vmap(sde.drift)(jnp.asarray(states)))
        spread = states.std(axis=0)
        moving = spread > 1e-6 * (1 + np.abs(states).max())
        if np.any(moving):
            return states, float(np.sqrt(np.mean((flow[:, moving] / spread[moving]) ** 2)))
        # At rest the slowest way back sets the time.
        rates = np.abs(np.linalg.eigvals(np.asarray(jax.jacfwd(sde.drift)(states[-1]))).real)
        return states, float(max(rates.min(), 1e-12))
