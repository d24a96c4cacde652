"""The closed form for linear systems."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Float, PRNGKeyArray

from driftmatch.analysis.flux import require_regular
from driftmatch.analysis.irreversibility.record import AbstractRoute, Irreversibility
from driftmatch.errors import InputError
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.outcomes import Outcome
from driftmatch.randomness import generator
from driftmatch.records import Record

_PROBES = 8
_TOLERANCE = 1e-9


class LinearScore(Record):
    """∇ln p = −S⁻¹(z − m). - `mean`: m, shape (k,). - `precision`: S⁻¹, shape (k, k)."""

    mean: Float[np.ndarray, " k"]
    precision: Float[np.ndarray, "k k"]

    def __call__(self, states: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "N k"]:
        return -(states - self.mean) @ self.precision


@dataclass(frozen=True)
class LinearRoute(AbstractRoute):
    r"""Exact for  dz = −B(z − m) dt + √(2D) dB:

        BS + SBᵀ = 2D,  Q = BS − D,  σ̇ = −tr(D⁻¹BQ),  ∇ln p = −S⁻¹(z − m),  f_irr = −QS⁻¹(z − m)

    Refuses an SDE that is not linear with constant noise, or not stable.
    """

    def __call__(self, sde, trajectory, key: PRNGKeyArray | None, samples, meter):
        if trajectory is not None:
            raise InputError(
                "the closed form uses the SDE alone: leave the trajectory out, or use "
                'method="score" or "path"'
            )
        B, m, D = _linear_parts(sde)
        S = scipy.linalg.solve_continuous_lyapunov(B, 2 * D)
        S = 0.5 * (S + S.T)
        # Probed again where the density lies
        spread = 2 * np.linalg.cholesky(S)
        _check_linear(
            sde,
            m + generator().standard_normal((_PROBES, len(m))) @ spread.T,
            -B,
            B @ m,
        )
        Q = B @ S - D
        rate = -float(np.trace(np.linalg.solve(D, B @ Q)))
        score = LinearScore(m, np.linalg.inv(S))
        return Irreversibility(rate, 0.0, "linear", Outcome.SUCCESS, sde, _score=score)


def _linear_parts(sde):
    """B, m and D of a linear SDE, found by probing it at random states."""
    k = sde.dim
    rng = generator()
    reach = 1.0 if sde.starts is None else 1.0 + np.abs(sde.starts).max()
    probes = reach * rng.standard_normal((_PROBES, k))
    with jax.enable_x64(True):
        at_zero = jnp.zeros(k, jnp.float64)
        A = np.asarray(jax.jacfwd(sde.drift)(at_zero), float)
    offset = drifts(sde, np.zeros((1, k)))[0]
    _check_linear(sde, probes, A, offset)
    D = diffusion_matrices(sde, probes)
    if not np.all(np.abs(D - D[0]) <= _TOLERANCE * np.abs(D).max()):
        raise InputError(
            f"the noise of {sde.name} depends on the state, so there is no closed form: use "
            'method="score" or "grid"'
        )
    require_regular(sde, probes[:1], D[:1])
    slowest = np.linalg.eigvals(A).real.max()
    if slowest >= 0:
        raise InputError(
            f"{sde.name} is not stable (an eigenvalue of its drift has real part {slowest:.3g}), "
            "so it has no stationary state"
        )
    return -A, np.linalg.solve(-A, offset), D[0]


def _check_linear(sde, probes, A, offset) -> None:
    """Refuse a drift that is not Az + offset at the probes, coordinate by coordinate."""
    found, expected = drifts(sde, probes), probes @ A.T + offset
    scale = np.abs(expected).max(axis=0) + np.abs(A).max(axis=1)
    if not np.all(np.abs(found - expected) <= _TOLERANCE * scale):
        raise InputError(
            f'{sde.name} is not linear, so it has no closed form: use method="score" or "grid"'
        )
