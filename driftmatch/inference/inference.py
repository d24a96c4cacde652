"""What `infer` returns."""

from dataclasses import field

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from driftmatch.arguments import check_array
from driftmatch.inference.diagnostics import Halves, Residuals, Twin
from driftmatch.inference.estimate import symmetric
from driftmatch.inference.inferred_sde import InferredSDE
from driftmatch.outcomes import Outcome
from driftmatch.recordings.recording import Recording
from driftmatch.records import Record

Matrix = np.ndarray

FINE, COARSE = 0.05, 0.2  # of Δt ‖∇f‖


class Lag(Record):
    """What an estimate over a lag of so many samples looks like.

    - `diffusion`: the mean of D over the states, its diagonal, shape (k,), in units of z² per time.
    - `correlation`: the largest of what is left over, one to ten lags apart.
    """

    samples: int
    diffusion: Float[Matrix, " k"]
    correlation: float


class Inference(Record):
    r"""An SDE from a recording, with what is known of its errors.

    - `sde`: dz = f(z) dt + σ(z) dB, for `embed`, `simulate` and everything else that takes an SDE.
    - `outcome`: SUCCESS, or the first thing that speaks against it; `reason`: that with numbers.
    - `findings`: all that was found, in sentences.
    - `stiffness`: Δt‖∇f‖; see `sampling`.
    - `measurement_noise`: its covariance Σ, shape (k, k), in units of z²; 0 if none is seen.
    - `drift_error`, `diffusion_error`: the expected error, root mean square over the recorded
      states, relative to that of f and of D's diagonal, in the coordinate where it is largest.
    - `forced`: the share of recorded states where D had an eigenvalue below minus a hundredth
      of its mean, and was made positive.
    - `entropy_production`, `entropy_production_error`: σ̇ of the recording, per unit time, and its
      standard error; infinite and NaN if D cannot be told from a singular one.
    - `lag`: over how many samples increments were taken; `lags`: what others give.
    - `num_functions`: how many functions the drift and the diffusion are made of.
    - `residuals`, `twin`, `halves`: what is left over; the model's own recording beside the real
      one; the recording's halves.
    - `recording`: what it was inferred from; of neurons, the components.
    - `drift_replicates`, shape (S, p, k), `diffusion_replicates`, shape (S, r, e): how coefficients
      deviate in recordings drawn again.
    """

    sde: InferredSDE
    outcome: Outcome
    reason: str | None
    findings: tuple[str, ...]
    stiffness: float
    measurement_noise: Float[Matrix, "k k"]
    drift_error: float
    diffusion_error: float
    forced: float
    entropy_production: float
    entropy_production_error: float
    lag: int
    lags: tuple[Lag, ...]
    num_functions: tuple[int, int]
    residuals: Residuals
    twin: Twin = field(repr=False)
    halves: Halves
    recording: Recording = field(repr=False)
    drift_replicates: Float[Matrix, "S p k"] = field(repr=False)
    diffusion_replicates: Float[Matrix, "S r e"] = field(repr=False)

    @property
    def sampling(self) -> str:
        """Whether increments as they are would be "fine" (Δt‖∇f‖ below 0.05), "coarse" (below 0.2)
        or "unreliable"; the outcome says whether the correction for the interval sufficed."""
        words = ("fine", FINE), ("coarse", COARSE)
        return next((word for word, most in words if self.stiffness < most), "unreliable")

    @property
    def has_measurement_noise(self) -> bool:
        """Whether the data show any."""
        return bool(np.any(self.measurement_noise != 0))

    @property
    def measurement_noise_share(self) -> float:
        """The largest √Σ_ii, in standard deviations of the coordinate as it was recorded."""
        pieces = [np.asarray(self.recording.states[p], np.float64) for p in self.recording.pieces]
        spread = np.concatenate(pieces).std(axis=0)
        return float(np.sqrt(np.max(np.diag(self.measurement_noise) / spread**2)))

    def drift_errors(self, states: ArrayLike) -> Float[Matrix, "N k"]:
        """The standard error of f at states of shape (N, k)."""
        z = self._scaled(states)
        phi = self.sde.estimate.basis.at(z)
        moved = np.einsum("np,spk->snk", phi, self.drift_replicates)
        return (moved @ np.asarray(self.sde.factor).T).std(axis=0)

    def diffusion_errors(self, states: ArrayLike) -> Float[Matrix, "N k k"]:
        """The standard error of the entries of D at states of shape (N, k)."""
        psi = self.sde.estimate.diffusion_basis.at(self._scaled(states))
        moved = np.einsum("np,spe->sne", psi, self.diffusion_replicates)
        L = np.asarray(self.sde.factor)
        return (L @ symmetric(moved, len(L)) @ L.T).std(axis=0)

    def _scaled(self, states: ArrayLike) -> Float[Matrix, "N k"]:
        z = check_array("states", states, ("N", self.sde.dim))
        return (z - np.asarray(self.sde.mean)) @ np.asarray(self.sde.inverse).T
