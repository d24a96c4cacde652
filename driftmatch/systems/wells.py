"""Motion in a potential."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from driftmatch.sde import SDE
from driftmatch.systems.parameters import check_numbers


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
        start=np.array([1.0]),
        time_scale=1.0,
        name="double_well",
        description="Overdamped motion between two wells",
        equation="dx = (x − x³) dt + σ dB",
        parameters=dict(parameters),
    )
