"""Chaotic flows in three dimensions."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.sde import SDE
from driftmatch.systems.parameters import check_numbers
from driftmatch.words import spelled


class LorenzDrift(eqx.Module):
    """(s(y − x), x(ρ − z) − y, xy − βz)."""

    sigma: float
    rho: float
    beta: float

    def __call__(self, z: Float[Array, "3"]) -> Float[Array, "3"]:
        x, y, z = z
        return jnp.stack([self.sigma * (y - x), x * (self.rho - z) - y, x * y - self.beta * z])


class DadrasDrift(eqx.Module):
    """(y − px + oyz, ry − xz + z, cxy − ez)."""

    p: float
    o: float
    r: float
    c: float
    e: float

    def __call__(self, z: Float[Array, "3"]) -> Float[Array, "3"]:
        x, y, z = z
        return jnp.stack(
            [
                y - self.p * x + self.o * y * z,
                self.r * y - x * z + z,
                self.c * x * y - self.e * z,
            ]
        )


@spelled
def lorenz(sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3, noise: float = 1.0) -> SDE:
    """Lorenz's convection model, with noise on every coordinate:

        dx = s(y − x) dt + σ dB₁,  dy = [x(ρ − z) − y] dt + σ dB₂,  dz = (xy − βz) dt + σ dB₃.

    `sigma`: Lorenz's own σ, written s here; `rho`, `beta`; `noise`: σ, so that D = σ²/2.
    The flow contracts volumes at the rate −(s + 1 + β) everywhere.
    """
    p = check_numbers({"sigma": sigma, "rho": rho, "beta": beta, "noise": noise})
    return SDE(
        LorenzDrift(p["sigma"], p["rho"], p["beta"]),
        p["noise"],
        3,
        start=np.array([-7.0, -7.0, 25.0]),
        time_scale=0.11,
        coordinates=("x", "y", "z"),
        name="lorenz",
        description="Convection model, the butterfly: chaos between two lobes",
        equation="dx = s(y − x) dt + σ dB₁,  dy = [x(ρ − z) − y] dt + σ dB₂,  "
        "dz = (xy − βz) dt + σ dB₃",
        parameters=dict(p),
    )


@spelled
def dadras(
    p: float = 3.0,
    o: float = 2.7,
    r: float = 1.7,
    c: float = 2.0,
    e: float = 9.0,
    noise: float = 0.1,
) -> SDE:
    """Dadras and Momeni's flow, with noise on every coordinate:

        dx = (y − px + oyz) dt + σ dB₁,  dy = (ry − xz + z) dt + σ dB₂,  dz = (cxy − ez) dt + σ dB₃.

    `noise`: σ, so that D = σ²/2. The flow contracts volumes at the rate r − p − e everywhere.
    """
    given = check_numbers({"p": p, "o": o, "r": r, "c": c, "e": e, "noise": noise})
    return SDE(
        DadrasDrift(given["p"], given["o"], given["r"], given["c"], given["e"]),
        given["noise"],
        3,
        start=np.array([1.0, 1.0, 0.0]),
        time_scale=0.17,
        coordinates=("x", "y", "z"),
        name="dadras",
        description="Chaotic flow with two to four scrolls and sharp turns",
        equation="dx = (y − px + oyz) dt + σ dB₁,  dy = (ry − xz + z) dt + σ dB₂,  "
        "dz = (cxy − ez) dt + σ dB₃",
        parameters=dict(given),
    )
