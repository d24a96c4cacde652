r"""A drift error judged where it is made: by how far it moves the state within its time.

Var f is made by the fast stretches of a flow, so that ε_f does not see errors in the slow ones,
where the state spends its time. Here, in whitened coordinates, with J = ∂f/∂z and T the time in
which a typical state moves by a standard deviation (`typical_time`),

    δᵀM⁻¹δ = min_Δ |Δ|² + T² |JΔ + δ|²,    M(z) = 1/T² + J Jᵀ,

is the squared displacement that a constant error δ of the drift amounts to: T|δ| where the flow is
neutral, |J⁻¹δ| where a shift Δ of the state makes good for it. It is compared with the displacement
by the drift itself and by the noise, and with ℓ, a tenth of a standard deviation, for points of
rest:

    e(z)² = δᵀM⁻¹δ / (fᵀM⁻¹f + (2/T) tr M⁻¹D + ℓ²).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.sampling.whitening import Whitening

Matrix = np.ndarray

_REST = 0.1  # ℓ, standard deviations
_STEP = 1e-4  # of the differences for J, standard deviations


@dataclass(frozen=True)
class LocalScales:
    """What counts as a large error at each of N states, in whitened coordinates.

    - `response`: M⁻¹, shape (N, k, k); `moved`: the denominator of e(z)², shape (N,).
    """

    response: Float[Matrix, "N k k"]
    moved: Float[Matrix, " N"]

    @classmethod
    def of(
        cls,
        sde: AbstractSDE,
        states: Float[Matrix, "N k"],
        whitening: Whitening,
        time: float,
    ) -> "LocalScales":
        """At states in the SDE's own coordinates; `time`: T."""
        rates = whitening.whiten_rates(drifts(sde, states))
        J = _jacobians(sde, states, whitening)
        left, stretch, _ = np.linalg.svd(J)  # by inverting a sum, steep walls would be singular
        each = left / (1 / time**2 + stretch**2)[:, None, :]
        response = each @ np.swapaxes(left, 1, 2)
        inverse = np.linalg.inv(whitening.factor)
        D = inverse @ diffusion_matrices(sde, states) @ inverse.T
        by_drift = np.einsum("ai,aij,aj->a", rates, response, rates)
        by_noise = 2 / time * np.einsum("aij,aji->a", response, D)
        return cls(response, by_drift + by_noise + _REST**2)

    def squared(self, errors: Float[Matrix, "N k"]) -> Float[Matrix, " N"]:
        """e² of whitened drift errors δ."""
        return np.einsum("ai,aij,aj->a", errors, self.response, errors) / self.moved

    @property
    def weights(self) -> Float[Matrix, " N"]:
        """e² of a unit error, on average over its directions; 0 where it is not defined."""
        k = self.response.shape[1]
        found = np.trace(self.response, axis1=1, axis2=2) / k / self.moved
        return np.where(np.isfinite(found), found, 0.0)


def typical_time(sde: AbstractSDE, states: Float[Matrix, "N k"], whitening: Whitening) -> float:
    """T = 1 / max(median |f'|/√k, E tr D'/k), where the time scale has the root mean square of f'.

    At most a thousand times that time scale: most of what comes to rest may rest already. Infinite
    for what never moves.
    """
    k = states.shape[1]
    speeds = np.linalg.norm(whitening.whiten_rates(drifts(sde, states)), axis=1) / np.sqrt(k)
    speeds = speeds[np.isfinite(speeds)]
    inverse = np.linalg.inv(whitening.factor)
    D = diffusion_matrices(sde, states)
    mean_D = D[np.isfinite(D).all(axis=(1, 2))].mean(axis=0)
    d = np.trace(inverse @ mean_D @ inverse.T) / k
    rate = max(np.median(speeds), d, 1e-3 * np.sqrt(np.mean(speeds**2)))
    return float(1 / rate) if rate > 0 else np.inf


def _jacobians(sde, states, whitening) -> Float[Matrix, "N k k"]:
    """∂f'/∂z' by central differences, which need not be compiled anew; 0 beyond a bound."""
    columns = []
    for step in _STEP * whitening.factor.T:
        difference = drifts(sde, states + step) - drifts(sde, states - step)
        columns.append(whitening.whiten_rates(difference / (2 * _STEP)))
    return np.nan_to_num(np.stack(columns, axis=2), nan=0.0, posinf=0.0, neginf=0.0)
