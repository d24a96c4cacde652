"""Wells on a ring, and a current that walks through them in order."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.errors import InputError
from driftmatch.sde import SDE
from driftmatch.systems.parameters import check_numbers

_CORE = 0.4  # of the radius: inside it the circulation fades to 0 at the middle


class RingDrift(eqx.Module):
    """−∇V + F a(r) RJz/r²; with `temperature` D, times exp(−½h(1 + cos mθ g(r))/D)."""

    num_wells: int = eqx.field(static=True)
    torque: float
    barrier: float
    radius: float
    stiffness: float
    temperature: float | None

    def __call__(self, z: Float[Array, "2"]) -> Float[Array, "2"]:
        x, y = z
        R, m, h = self.radius, self.num_wells, self.barrier
        r2 = x * x + y * y
        # u = 2R(x + iy)/(r² + R²), of modulus g^(1/m), at most 1; uᵐ⁻¹ by products
        scale = 2 * R / (r2 + R * R)
        a, b = scale * x, scale * y
        c, s = jnp.ones_like(x), jnp.zeros_like(x)
        for _ in range(m - 1):
            c, s = c * a - s * b, c * b + s * a
        wave, across = c * a - s * b, c * b + s * a  # g cos mθ, g sin mθ
        # ∇Re uᵐ = m Re(uᵐ⁻¹ ∇u),  ∇u = s₀(1, i) − s₀² (x + iy)(x, y)/R
        radial = -scale / R * wave
        slope = m * jnp.stack([scale * c + radial * x, -scale * s + radial * y])
        ring = -self.stiffness * (r2 - R * R) / (2 * R * R) * z
        core = (r2 / (_CORE * R) ** 2) ** 2
        fading = -jnp.expm1(-core) / jnp.where(r2 > 0, r2, 1.0)
        turn = self.torque * R * fading * jnp.stack([-y, x])
        if self.temperature is not None:
            turn = turn * jnp.exp(-0.5 * h * (1 + wave) / self.temperature)
        return ring + 0.5 * h * slope + turn


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

        dz = (−∇V + f_turn) dt + σ dB,    D = σ²/2
        V = κ(r² − R²)²/(8R²) + ½h(1 − g(r) cos mθ),    g = (2rR/(r² + R²))ᵐ

    The torque F pushes along the ring, f_turn = F R ∇θ, a gradient everywhere but around the middle
    (where it fades). So local detailed balance is exact at every width of the ring: jumps forward
    and backward have rates of ratio k₊/k₋ = exp(2πRF/(mD)). The density changes with F.
    With `keep_density` the push is F R ∇θ exp(−½h(1 + g cos mθ)/D) instead, which keeps the density
    ∝ exp(−V/D) at every F and only adds a current: F on the barriers and less in the wells.

    **Arguments**

    - `num_wells`: m ≥ 2; well j is at the angle 2πj/m. - `torque`: F, positive for counterclockwise.
    - `noise`: σ. - `barrier`: h > 0, their height. - `radius`: R > 0. - `stiffness`: κ > 0, the
      curvature of V across the ring.
    - `keep_density`: whether the circulation keeps the density; it then depends on the noise, which
      must be positive.

    **Source** of the balance: U. Seifert, Rep. Prog. Phys. 75, 126001 (2012).
    """
    if isinstance(num_wells, float) and num_wells.is_integer():
        num_wells = int(num_wells)
    if isinstance(num_wells, bool) or not isinstance(num_wells, int | np.integer) or num_wells < 2:
        raise InputError(f"num_wells must be a whole number of at least 2, got {num_wells!r}")
    p = check_numbers(
        {"torque": torque, "noise": noise, "barrier": barrier, "radius": radius,
         "stiffness": stiffness}
    )  # fmt: skip
    for name in ("barrier", "radius", "stiffness"):
        if p[name] <= 0:
            raise InputError(f"{name} must be positive, got {p[name]!r}")
    if keep_density and p["noise"] == 0:
        raise InputError("keep_density needs noise: without it there is no density to keep")
    m, R = int(num_wells), p["radius"]
    drift = RingDrift(
        m, p["torque"], p["barrier"], R, p["stiffness"],
        p["noise"] ** 2 / 2 if keep_density else None,
    )  # fmt: skip
    angles = 2 * np.pi * np.arange(m) / m
    return SDE(
        drift,
        p["noise"],
        2,
        start=R * np.column_stack([np.cos(angles), np.sin(angles)]),
        time_scale=5 / max(p["stiffness"], p["barrier"] * m**2 / (2 * R**2)),
        name="ring_of_wells",
        description="Wells on a ring with a torque that walks through them in order",
        equation="dz = (−∇V + F R ∇θ) dt + σ dB,  V = κ(r² − R²)²/(8R²) + ½h(1 − g(r) cos mθ)",
        parameters={"num_wells": m} | p | {"keep_density": bool(keep_density)},
    )
