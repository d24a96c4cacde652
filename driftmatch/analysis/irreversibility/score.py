r"""The score ∇ln p from samples, by a linear solve.

For every function φ of the state, ⟨Lφ⟩ = 0 in the stationary state of the generator L = f̃·∇ + ∇·D∇.
With ⟨∇·(D∇φ)⟩ = −⟨∇φ·D∇ln p⟩ (Hyvärinen's identity) this is

    ⟨∇φ · D ∇U⟩ = −⟨∇φ · f̃⟩    for all φ,    U = −ln p

the normal equations of  min_U ⟨(D⁻¹f̃ + ∇U)ᵀ D (D⁻¹f̃ + ∇U)⟩:  f̃ is split into a gradient and what
is orthogonal to every gradient under p, and the latter is f_irr. It is score matching with one side
replaced by what is known, the drift: nothing is left to estimate where f̃ is a gradient itself, and
the error falls with the irreversibility, not with the size of the score.

U is a polynomial of second degree, which is all that a linear system needs, plus random features
tanh(Γz + b).

Source: A. Hyvärinen, J. Mach. Learn. Res. 6, 695 (2005) (score matching).
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float

from driftmatch.activations import ACTIVATIONS
from driftmatch.analysis.flux import diffuse, undiffuse
from driftmatch.matching.blocks import blocks
from driftmatch.matching.features import RandomFeatures
from driftmatch.matching.problem import Features
from driftmatch.records import Record
from driftmatch.sampling.whitening import Whitening

Matrix = np.ndarray

_ROWS = 1024
_RIDGES = 10.0 ** np.arange(-12, 1)


@dataclass(frozen=True)
class FluxSamples:
    """Stationary states with what the SDE does there.

    - `states`: z, shape (N, k). - `drifts`: f̃, shape (N, k).
    - `diffusion`: D, shape (N, k, k), or (1, k, k) where it is constant.
    """

    states: Float[Matrix, "N k"]
    drifts: Float[Matrix, "N k"]
    diffusion: Float[Matrix, "#N k k"]

    def __len__(self) -> int:
        return len(self.states)

    def irreversible(self, model: "ScoreModel") -> Float[Matrix, "N k"]:
        """f̃ − D∇ln p."""
        return self.drifts - diffuse(self.diffusion, model(self.states))

    def dissipation(self, vectors: Float[Matrix, "N k"]) -> Float[Matrix, " N"]:
        """vᵀ D⁻¹ v at every state."""
        return np.sum(vectors * undiffuse(self.diffusion, vectors), axis=1)


class ScoreModel(Record):
    """∇ln p = −q − P(z − μ) − Σ_i a_i φ'(Γ_i·z + b_i) Γ_i.

    - `mean`: μ, shape (k,); `precision`: P, shape (k, k); `tilt`: q, shape (k,), which is 0 up to
      what a finite number of samples leaves.
    - `features`: Γ and b, in units of z; `weights`: a, shape (n,).
    """

    mean: Float[Matrix, " k"]
    precision: Float[Matrix, "k k"]
    tilt: Float[Matrix, " k"]
    features: Features
    weights: Float[Matrix, " n"]

    def __call__(self, states: Float[Matrix, "N k"]) -> Float[Matrix, "N k"]:
        gradients = (states - self.mean) @ self.precision + self.tilt
        if np.any(self.weights):
            for first in range(0, len(states), _ROWS):
                rows = slice(first, first + _ROWS)
                slopes = _slopes(self.features, states[rows])
                gradients[rows] += (slopes * self.weights) @ self.features.gamma
        return -gradients


def features_for(
    states: Float[Matrix, "N k"], number: int, slope: float, rng: np.random.Generator
) -> Features:
    """Random features of the states, in units of z."""
    whitening = Whitening.of(states)
    chosen = states[rng.choice(len(states), min(len(states), 20_000), replace=False)]
    features = RandomFeatures(slope).draw(whitening.whiten(chosen), number, rng)
    gamma = scipy.linalg.solve_triangular(whitening.factor, features.gamma.T, lower=True, trans=1)
    return Features(gamma.T, features.bias - whitening.mean @ gamma)


class ScoreFit(Record):
    """Two models, one from each half of the samples, and what their features are worth.

    - `models`: the two. - `misfit`: how much ⟨f_irrᵀD⁻¹f_irr⟩ grows with half of the features.
    """

    models: tuple[ScoreModel, ScoreModel]
    misfit: float

    def __call__(self, states: Float[Matrix, "N k"]) -> Float[Matrix, "N k"]:
        """The mean of the two models."""
        return 0.5 * (self.models[0](states) + self.models[1](states))


def fit_scores(halves: tuple[FluxSamples, FluxSamples], features: Features) -> ScoreFit:
    """Fit each half of the samples; the other half chooses its ridge."""
    quadratic = [_quadratic(half) for half in halves]
    systems = [
        _normal_equations(half, features, *potential)
        for half, potential in zip(halves, quadratic, strict=True)
    ]
    half = len(features) // 2
    fewer = [(gram[:half, :half], right[:half]) for gram, right in systems]
    weights = _ridge_solutions(systems)
    misfit = _explained(systems, weights) - _explained(fewer, _ridge_solutions(fewer))
    first, second = (
        ScoreModel(*potential, features, w) for potential, w in zip(quadratic, weights, strict=True)
    )
    return ScoreFit((first, second), misfit)


def _explained(systems, weights) -> float:
    """By how much the features lower ⟨f_irrᵀD⁻¹f_irr⟩, the mean of both halves."""
    values = [
        2 * w @ right - w @ gram @ w for (gram, right), w in zip(systems, weights, strict=True)
    ]
    return float(np.mean(values))


def _quadratic(samples: FluxSamples):
    """μ, P and q of the best U = ½ (z − μ)ᵀP(z − μ) + q·z, with μ the mean:

    DPS + SPD = −⟨f̃ (z − μ)ᵀ⟩ − transposed,  ⟨D⟩q = −⟨f̃ + DP(z − μ)⟩
    """
    mean = samples.states.mean(axis=0)
    centred = samples.states - mean
    S = centred.T @ centred / len(samples)
    C = -samples.drifts.T @ centred / len(samples)
    D = samples.diffusion.mean(axis=0)
    variances, axes = np.linalg.eigh(D)
    inverse = (axes / np.sqrt(variances)) @ axes.T
    # In coordinates in which D is the identity the equation is Lyapunov's.
    P = scipy.linalg.solve_continuous_lyapunov(inverse @ S @ inverse, inverse @ (C + C.T) @ inverse)
    P = inverse @ P @ inverse
    left = np.mean(samples.drifts + diffuse(samples.diffusion, centred @ P), axis=0)
    return mean, P, -np.linalg.solve(D, left)


def _normal_equations(samples: FluxSamples, features: Features, mean, precision, tilt):
    """⟨∇φ·D∇φ⟩ and −⟨∇φ·(f̃ + DP(z − μ) + Dq)⟩, for features φ of the states."""
    gradients = (samples.states - mean) @ precision + tilt
    residual = samples.drifts + diffuse(samples.diffusion, gradients)
    is_constant = len(samples.diffusion) == 1
    root = np.linalg.cholesky(samples.diffusion)

    def share_sums(share):
        gram, right = np.zeros((len(features),) * 2), np.zeros(len(features))
        for rows in share:
            slopes = _slopes(features, samples.states[rows])
            right -= np.sum(slopes * (residual[rows] @ features.gamma.T), axis=0)
            if is_constant:
                gram += slopes.T @ slopes
            else:
                for column in np.moveaxis(root[rows], 2, 0):
                    along = slopes * (column @ features.gamma.T)
                    gram += along.T @ along
        return gram, right

    with blocks(len(samples), _ROWS) as shares:
        gram, right = shares.sum(share_sums)
    if is_constant:
        gram *= features.gamma @ samples.diffusion[0] @ features.gamma.T
    return gram / len(samples), right / len(samples)


def _ridge_solutions(systems):
    """For each half's system the solution with the ridge that suits the other half best."""
    scale = np.sqrt(np.maximum(sum(np.diag(gram) for gram, _ in systems), 1e-300))
    scaled = [(gram / np.outer(scale, scale), right / scale) for gram, right in systems]
    spectra = [scipy.linalg.eigh(gram) for gram, _ in scaled]

    def solutions(ridge):
        return [
            axes @ ((axes.T @ right) / np.maximum(values + ridge, 1e-15))
            for (values, axes), (_, right) in zip(spectra, scaled, strict=True)
        ]

    def loss(weights):
        others = zip(weights, reversed(scaled), strict=True)
        return sum(w @ gram @ w - 2 * w @ right for w, (gram, right) in others)

    best = min((solutions(ridge) for ridge in _RIDGES), key=loss)
    if loss(best) >= 0:  # the features only fit noise
        best = [np.zeros_like(w) for w in best]
    return [w / scale for w in best]


def _slopes(features: Features, states):
    """φ' of every feature at every state."""
    return ACTIVATIONS["tanh"].derivatives(features.arguments(states))[1]
