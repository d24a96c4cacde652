"""Oscillators in the plane."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.sde import SDE
from driftmatch.systems.parameters import check_numbers
from driftmatch.words import spelled


class VanDerPolDrift(eqx.Module):
    """(y, μ(1 − x²)y − x)."""

    mu: float

    def __call__(self, z: Float[Array, "2"]) -> Float[Array, "2"]:
        x, y = z
        return jnp.stack([y, self.mu * (1 - x * x) * y - x])


class LimitCycleDrift(eqx.Module):
    """z(1 − r²) + ωJz − damping·z, with Jz = (−y, x)."""

    omega: float
    damping: float = 0.0

    def __call__(self, z: Float[Array, "2"]) -> Float[Array, "2"]:
        return z * (1 - self.damping - z @ z) + self.omega * _quarter_turn(z)


class KuboNoise(eqx.Module):
    """(σI | ηJz): independent noise in the plane, and noise of the frequency."""

    noise: float
    jitter: float

    def __call__(self, z: Float[Array, "2"]) -> Float[Array, "2 3"]:
        return jnp.column_stack([self.noise * jnp.eye(2), self.jitter * _quarter_turn(z)])


class FitzHughNagumoDrift(eqx.Module):
    """((v − v³/3 − w + I)/ε, v + a − bw)."""

    epsilon: float
    a: float
    b: float
    current: float

    def __call__(self, z: Float[Array, "2"]) -> Float[Array, "2"]:
        v, w = z
        return jnp.stack(
            [(v - v**3 / 3 - w + self.current) / self.epsilon, v + self.a - self.b * w]
        )


@spelled
def van_der_pol(mu: float = 1.0, noise: float = 0.3) -> SDE:
    """Van der Pol's oscillator:  dx = y dt + σ dB₁,  dy = [μ(1 − x²)y − x] dt + σ dB₂.

    `mu`: μ, the strength of the relaxation; `noise`: σ, so that D = σ²/2.
    """
    p = check_numbers({"mu": mu, "noise": noise})
    return SDE(
        VanDerPolDrift(p["mu"]),
        p["noise"],
        2,
        start=np.array([2.0, 0.0]),
        time_scale=1 / math.hypot(1, 0.65 * p["mu"]),
        coordinates=("x", "y"),
        name="van_der_pol",
        description="Relaxation oscillator with one limit cycle",
        equation="dx = y dt + σ dB₁,  dy = [μ(1 − x²)y − x] dt + σ dB₂",
        parameters=dict(p),
    )


@spelled
def limit_cycle(omega: float = 1.0, noise: float = 0.3) -> SDE:
    """The normal form of a Hopf bifurcation:  dz = [z(1 − r²) + ωJz] dt + σ dB,  Jz = (−y, x).

    Its stationary density is ∝ exp(−(r⁴/4 − r²/2)/D) at every ω, with D = σ²/2, and its
    irreversible drift is ωJz. `omega`: ω, the angular frequency; `noise`: σ.
    """
    p = check_numbers({"omega": omega, "noise": noise})
    return SDE(
        LimitCycleDrift(p["omega"]),
        p["noise"],
        2,
        start=np.array([1.0, 0.0]),
        time_scale=1 / max(abs(p["omega"]), 0.5),
        name="limit_cycle",
        description="Circular limit cycle whose density and current are known exactly",
        equation="dz = [z(1 − r²) + ωJz] dt + σ dB,  Jz = (−y, x)",
        parameters=dict(p),
    )


@spelled
def kubo_oscillator(omega: float = 1.0, jitter: float = 0.5, noise: float = 0.3) -> SDE:
    """A limit cycle with a fluctuating frequency, after Kubo: noise that is neither constant nor
    diagonal. In Stratonovich's and in Itô's form

        dz = [z(1 − r²) + ωJz] dt + σ dB + ηJz ∘ dB₃
           = [z(1 − η²/2 − r²) + ωJz] dt + σ dB + ηJz dB₃,    D(z) = ½[σ²I + η²(Jz)(Jz)ᵀ].

    A random rotation leaves every rotationally symmetric density as it is. So the stationary
    density is that of `limit_cycle`, ∝ exp(−(r⁴/4 − r²/2)/(σ²/2)), at every η; the irreversible
    drift is ωJz, and the entropy production rate is E[2ω²r²/(σ² + η²r²)].

    `omega`: ω, the mean angular frequency; `jitter`: η, in radians per square root of time;
    `noise`: σ.
    """
    p = check_numbers(
        {"omega": omega, "jitter": jitter, "noise": noise}, nonnegative=("jitter", "noise")
    )
    return SDE(
        LimitCycleDrift(p["omega"], p["jitter"] ** 2 / 2),
        KuboNoise(p["noise"], p["jitter"]),
        2,
        start=np.array([1.0, 0.0]),
        time_scale=1 / max(abs(p["omega"]), p["jitter"] ** 2 / 2, 0.5),
        name="kubo_oscillator",
        description="Limit cycle with a fluctuating frequency: state-dependent, non-diagonal noise",
        equation="dz = [z(1 − η²/2 − r²) + ωJz] dt + σ dB + ηJz dB₃,  Jz = (−y, x)",
        parameters=dict(p),
    )


@spelled
def fitzhugh_nagumo(
    epsilon: float = 0.1,
    a: float = 0.7,
    b: float = 0.8,
    current: float = 0.5,
    noise: float = 0.1,
) -> SDE:
    """FitzHugh and Nagumo's neuron:

        dv = (v − v³/3 − w + I)/ε dt + σ dB₁,  dw = (v + a − bw) dt + σ dB₂.

    `epsilon`: ε > 0, the ratio of the two time scales; `current`: I; `noise`: σ. It fires
    periodically at the default current and is excitable, at rest until kicked, at I = 0.
    """
    p = check_numbers(
        {"epsilon": epsilon, "a": a, "b": b, "current": current, "noise": noise},
        positive=("epsilon",),
    )
    return SDE(
        FitzHughNagumoDrift(p["epsilon"], p["a"], p["b"], p["current"]),
        p["noise"],
        2,
        start=np.array([-1.0, 0.0]),
        time_scale=1.2 * p["epsilon"] ** 0.5,
        coordinates=("v", "w"),
        name="fitzhugh_nagumo",
        description="Model neuron that fires or is excitable, fast and slow at once",
        equation="dv = (v − v³/3 − w + I)/ε dt + σ dB₁,  dw = (v + a − bw) dt + σ dB₂",
        parameters=dict(p),
    )


def _quarter_turn(z: Float[Array, "2"]) -> Float[Array, "2"]:
    """Jz = (−y, x)."""
    return jnp.stack([-z[1], z[0]])
