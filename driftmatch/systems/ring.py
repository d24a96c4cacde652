"""Wells on a ring, and a current that walks through them in order."""

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.arguments import check_count, check_flag
from driftmatch.errors import InputError
from driftmatch.sde import SDE
from driftmatch.systems.parameters import check_numbers
from driftmatch.words import spelled

_CORE = 0.4  # of the radius: the push fades around so much of the middle


class RingDrift(eqx.Module):
    """−∇V + a(r) F R ∇θ, a = 1 − exp(−(r/0.4R)⁴); given D, times exp(−½h(1 + g cos mθ)/D)."""

    num_wells: int = eqx.field(static=True)
    torque: float
    barrier: float
    radius: float
    stiffness: float
    temperature: float | None  # D

    def __call__(self, z: Float[Array, "2"]) -> Float[Array, "2"]:
        x, y = z
        R, m, h = self.radius, self.num_wells, self.barrier
        r2 = x * x + y * y
        # With u = 2R(x + iy)/(r² + R²), g cos mθ is Re uᵐ, and its gradient
        # m Re(uᵐ⁻¹∇u), where ∇u = s(1, i) − u (x, y) s/R and s = 2R/(r² + R²).
        s = 2 * R / (r2 + R * R)
        c, d = _power(s * x, s * y, m - 1)  # uᵐ⁻¹ = c + id
        wave = s * (c * x - d * y)  # g cos mθ
        slope = m * s * (jnp.stack([c, -d]) - wave / R * z)
        inward = -self.stiffness * (r2 - R * R) / (2 * R * R) * z
        fading = -jnp.expm1(-((r2 / (_CORE * R) ** 2) ** 2)) / jnp.where(r2 > 0, r2, 1.0)  # a/r²
        push = self.torque * R * fading * jnp.stack([-y, x])
        if self.temperature is not None:
            push = push * jnp.exp(-0.5 * h * (1 + wave) / self.temperature)
        return inward + 0.5 * h * slope + push


def _power(a: Array, b: Array, n: int) -> tuple[Array, Array]:
    """(a + ib)ⁿ by repeated squaring."""
    c, d = jnp.ones_like(a), jnp.zeros_like(a)
    while n:
        if n % 2:
            c, d = c * a - d * b, c * b + d * a
        a, b, n = a * a - b * b, 2 * a * b, n // 2
    return c, d


@spelled
def ring_of_wells(
    num_wells: int = 6,
    torque: float = 0.4,
    noise: float = 0.45,
    *,
    barrier: float = 0.5,
    radius: float = 1.0,
    stiffness: float = 10.0,
    keep_density: bool = False,
) -> SDE:
    r"""m equal wells on a ring, and a torque that turns the state from one to the next:

        dz = (−∇V + F R ∇θ) dt + σ dB,    D = σ²/2
        V = κ(r² − R²)²/(8R²) + ½h(1 − g(r) cos mθ),    g = (2rR/(r² + R²))ᵐ

    A push of size F along the ring, F R/r off it, and fading to 0 around the middle. Elsewhere it
    is a gradient, and does the same work 2πRF/m on every way from one well to the next: so jumps
    forward and backward have rates of ratio k₊/k₋ = exp(2πRF/(mD)) (local detailed balance), in a
    wide ring as in a narrow one, as long as jumps are rare and few go through the middle. The
    density is shifted forward in each well. Beyond |F| = mh/(2R) there are no wells left.

    With `keep_density` the push is F R ∇θ exp(−½h(1 + g cos mθ)/D) instead: of size F on the
    barriers and F exp(−h/D) in the wells. It keeps the density ∝ exp(−V/D) at every F and only adds
    a current, the less of it the higher the barriers; the balance of rates above does not hold.

    **Arguments**

    - `num_wells`: m ≥ 2; well j is at the angle 2πj/m.
    - `torque`: F, in units of the drift; positive for counterclockwise.
    - `noise`: σ. At the defaults a well is left after some 30 time scales.
    - `barrier`: h > 0, the height of the barrier between neighbours without a torque.
    - `radius`: R > 0.
    - `stiffness`: κ, the curvature of V across the ring (in its mean along the ring).
    - `keep_density`: whether the push keeps the density; it then depends on the noise, which must
      be positive.

    The SDE's starts are the minima of V, in order.

    **Raises** `InputError` for parameters out of their bounds, among them a κ below
    (3 + m/2)h/R², with which ways off the ring would have lower barriers than h.

    **Source** of the balance: U. Seifert, Rep. Prog. Phys. 75, 126001 (2012).
    """
    if isinstance(num_wells, float) and num_wells.is_integer():  # as a command line gives it
        num_wells = int(num_wells)
    m = check_count("num_wells", num_wells, least=2)
    p = check_numbers(
        {"torque": torque, "noise": noise, "barrier": barrier, "radius": radius,
         "stiffness": stiffness},
        positive=("barrier", "radius", "stiffness"),
    )  # fmt: skip
    keep_density = check_flag("keep_density", keep_density)
    if keep_density and p["noise"] == 0:
        raise InputError("keep_density needs noise: without it there is no density to keep")
    R, h, kappa = p["radius"], p["barrier"], p["stiffness"]
    least = (3 + m / 2) * h / R**2
    if kappa < least:
        raise InputError(
            f"stiffness must be at least (3 + m/2)h/R² = {least:.3g}, got {kappa:g}, or ways off "
            "the ring are lower than barrier: raise stiffness or lower barrier"
        )
    angles = 2 * np.pi * np.arange(m) / m
    push = "F R ∇θ exp(−½h(1 + g cos mθ)/D)" if keep_density else "F R ∇θ"
    return SDE(
        RingDrift(m, p["torque"], h, R, kappa, p["noise"] ** 2 / 2 if keep_density else None),
        p["noise"],
        2,
        start=R * np.column_stack([np.cos(angles), np.sin(angles)]),
        # Several times the faster relaxation in a well, across or along the ring: jumps are slower
        time_scale=5 / max(kappa, 0.5 * h * m**2 / R**2),
        name="ring_of_wells",
        description="Wells on a ring, and a torque from one to the next",
        equation=f"dz = (−∇V + {push}) dt + σ dB,  "
        "V = κ(r² − R²)²/(8R²) + ½h(1 − g cos mθ),  g = (2rR/(r² + R²))ᵐ",
        parameters={"num_wells": m, **p, "keep_density": keep_density},
    )


def log_rate_ratio(sde: object) -> float | None:
    """ln(k₊/k₋) = 2πRF/(mD), of jumps forward and backward in a ring of wells, by local detailed
    balance; None of other systems, without noise, and where |F| ≥ mh/(2R) leaves no wells."""
    if not isinstance(sde, SDE) or sde.name != "ring_of_wells":
        return None
    p: dict[str, Any] = dict(sde.parameters)
    m, F, R, D = p["num_wells"], p["torque"], p["radius"], p["noise"] ** 2 / 2
    if p["keep_density"] or D == 0 or abs(F) >= m * p["barrier"] / (2 * R):
        return None
    return 2 * math.pi * R * F / (m * D)
