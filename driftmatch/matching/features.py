"""Where random features come from, and which of many are kept."""

import abc
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from driftmatch.arguments import check_non_negative, check_positive, clean_fields, shown
from driftmatch.errors import ComputationError, InputError
from driftmatch.matching.blocks import blocks, one_blas_thread
from driftmatch.matching.problem import Features, MatchingProblem
from driftmatch.matching.refined import syrk


class AbstractFeatures(abc.ABC):
    """Where candidates for features come from."""

    @abc.abstractmethod
    def draw(
        self,
        states: np.ndarray,
        number: int,
        rng: np.random.Generator,
        *,
        slope: float | None = None,
    ) -> Features:
        """`number` features for whitened states, shape (N, k), their typical |Γ'_i| as given."""


def check_features(what: str, value: Any) -> AbstractFeatures:
    if not isinstance(value, AbstractFeatures):
        raise InputError(f"{what} must be an AbstractFeatures, got {shown(value)}")
    return value


@dataclass(frozen=True)
class RandomFeatures(AbstractFeatures):
    """In random directions, centred on random states, with log-normal slopes.

    - `slope`: their median |Γ'_i|; `spread`: the standard deviation of its logarithm.
    """

    slope: float = 1.5
    spread: float = 0.4

    def __post_init__(self):
        clean_fields(self, slope=check_positive, spread=check_non_negative)

    def draw(self, states, number, rng, *, slope=None):
        directions = rng.standard_normal((number, states.shape[1]))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        slope = self.slope if slope is None else slope
        gamma = slope * np.exp(self.spread * rng.standard_normal((number, 1))) * directions
        centres = 1.1 * states[rng.integers(len(states), size=number)]
        return Features(gamma, -np.sum(gamma * centres, axis=1))


def select_features(
    problem: MatchingProblem, candidates: Features, number: int, *, rounds: int = 3
) -> Features:
    r"""Keep the `number` candidates that a noise-robust readout leans on most.

    n neurons spread over the candidates with density ρ leave a noise of s² Σ |V_i|² r_i / (nρ_i) in
    the readout; the best density for given V is ρ_i ∝ |V_i| √r_i. A few rounds of solving and
    reweighting approach the sparse optimum (iteratively reweighted least squares).
    """
    if number >= len(candidates):
        return candidates
    moments = Moments(problem, candidates)
    score = np.ones(len(candidates))
    density = score / len(score)
    for _ in range(rounds):
        readout = moments.solve(
            max(problem.private_noise, 1e-3) ** 2 * moments.noise / (number * density)
        )
        score = np.sqrt(np.sum(readout**2, axis=1) * moments.noise)
        density = score / score.sum() + 1e-6 / len(candidates)
    return candidates[np.argsort(-score, kind="stable")[:number]]


class Moments:
    """AᵀA (upper triangle), AᵀωY and r = Σ ω² φ'² of weighted features A, summed in float64.

    - `precise`: compute the features in float64 too, not only their sums.
    """

    def __init__(self, problem: MatchingProblem, features: Features, *, precise: bool = False):
        n, q = len(features), problem.outputs.shape[1]
        dtype = np.float64 if precise else np.float32
        states, gamma_t = problem.states.astype(dtype), features.gamma.T.astype(dtype)
        bias = features.bias.astype(dtype)

        def sums(share):
            gram, moment, noise = np.zeros((n, n), order="F"), np.zeros((n, q)), np.zeros(n)
            for s in share:
                value, slope, _ = problem.activation.derivatives(states[s] @ gamma_t + bias)
                weights = problem.weights[s]
                noise += weights @ (slope * slope)
                block = value * np.sqrt(weights)[:, None]
                gram = syrk(1.0, block.T, beta=1.0, c=gram, overwrite_c=1)
                moment += value.T @ (weights[:, None] * problem.outputs[s])
            return gram, moment, noise

        with blocks(len(states)) as shared:
            self.gram, self.moment, self.noise = shared.sum(sums)

    def solve(self, ridge: np.ndarray) -> np.ndarray:
        """V of (AᵀA + diag ridge) V = AᵀωY, by Cholesky; the ridge keeps it well conditioned."""
        gram = self.gram.copy(order="F")
        gram[np.diag_indices(len(gram))] += ridge + 1e-14 * np.trace(gram) / len(gram)
        with one_blas_thread():
            try:
                factor = scipy.linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
            except np.linalg.LinAlgError as error:
                raise ComputationError(
                    "the readouts are not determined: raise private_noise or use fewer neurons"
                ) from error
            return scipy.linalg.cho_solve(factor, self.moment, check_finite=False)
