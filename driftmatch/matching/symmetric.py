r"""Symmetric connectivity W = ΓMΓᵀ, for drifts that descend a potential.

Its readout is its features again,

    W_sφ(Γz + b) = MΓᵀφ(Γz + b) = M∇U(z),    U(z) = Σ_i Φ(Γ_i·z + b_i),    Φ' = φ,

so z + τf must be M times a gradient: M⁻¹∇f must be symmetric. Where φ does not decrease U is
convex, and in the metric of M⁻¹ so must ½|z|² − τV be, f = −M∇V: τ is at most 1 over the steepest
slope of f.

In coordinates ζ with M = m·1 the features descend, readouts and all, by the Levenberg–Marquardt
steps of `refined`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.activations import Activation
from driftmatch.errors import InputError
from driftmatch.evaluate import diffusion_matrices, slopes
from driftmatch.matching.blocks import Blocks
from driftmatch.matching.cones import least, semidefinite
from driftmatch.matching.problem import MatchingProblem
from driftmatch.matching.refined import SINGLE
from driftmatch.sampling.whitening import Whitening

Matrix = np.ndarray

_LOOKED_AT = 1024  # states
_ARGUMENTS, _LAST = np.linspace(-60.0, 60.0, 601), 200  # the last 200 are from 20 on
_UNDECIDED = 1e-6  # by how much noise decides where several metrics are as good
_DEFINITE = 1e-4  # of D⁻¹, the least that a metric is
_BATCH = 64  # states
_SINGULAR = 1e-6  # least eigenvalue over the largest
_NOT_A_GRADIENT = 1e-2  # share of ∇f


class GradientMetric(NamedTuple):
    """P = BᵀB, in which a drift is nearest to a gradient flow, in whitened coordinates.

    - `root`: B, of ζ = Bz'.
    - `asymmetry`: E‖J₋‖²/E‖J‖² of the Jacobian J = ∂f/∂ζ over the states, 0 for f = −P⁻¹∇V.
    - `steepest`: the largest eigenvalue of −J₊ over the states.
    """

    root: Float[Matrix, "k k"]
    asymmetry: float
    steepest: float

    @classmethod
    def of(
        cls, sde: AbstractSDE, visited: Float[Matrix, "N k"], whitening: Whitening
    ) -> "GradientMetric":
        """P of the least E‖PJ − JᵀP‖²; where there are more, near D⁻¹, the one of equilibrium."""
        some = np.linspace(0, len(visited) - 1, min(_LOOKED_AT, len(visited))).astype(int)
        states, L, k = visited[some], whitening.factor, sde.dim
        J = np.linalg.solve(L, slopes(sde, states) @ L)
        J = J[np.isfinite(J).all(axis=(1, 2))]
        wanted = _inverse_diffusion(sde, states, L)
        found = _least_curl(J, wanted)
        root = np.linalg.cholesky(found * k / np.trace(found)).T
        inner = root @ J @ np.linalg.inv(root)
        odd = 0.5 * (inner - np.swapaxes(inner, 1, 2))
        size = max(float(np.sum(inner**2)), np.finfo(float).tiny)
        steepest = -np.linalg.eigvalsh(inner - odd).min() if len(J) else 0.0
        return cls(root, float(np.sum(odd**2)) / size, float(steepest))

    def check(self, name: str) -> None:
        """Raises `InputError` for a drift that is no gradient flow."""
        if self.asymmetry > _NOT_A_GRADIENT:
            raise InputError(
                f"{name} is no gradient flow, and symmetric connectivity gives no other: in the "
                f"metric that suits it best, {100 * self.asymmetry:.3g} % of its Jacobian (of the "
                "squared norm) is antisymmetric; leave connectivity out, or see by "
                "driftmatch.asymmetry_front what symmetry costs"
            )


def _least_curl(J: Float[Matrix, "N k k"], near: Float[Matrix, "k k"]) -> Float[Matrix, "k k"]:
    """P ⪰ εP₀ of the least E‖PJ − JᵀP‖²/E‖J‖² + μ‖P − P₀‖², P₀ = `near`: a small cone programme."""
    k = len(near)
    # The order in which Clarabel takes the entries of a symmetric matrix, off its diagonal by √2.
    rows, columns = np.tril_indices(k)
    number = len(rows)
    basis = np.zeros((number, k, k))
    basis[np.arange(number), rows, columns] = basis[np.arange(number), columns, rows] = 1
    curvature = np.zeros((number, number))
    for i in range(0, len(J), _BATCH):
        curls = np.einsum("bij,sjl->bsil", basis, J[i : i + _BATCH])
        curls = (curls - np.swapaxes(curls, 2, 3)).reshape(number, -1)
        curvature += curls @ curls.T
    curvature /= max(float(np.sum(J**2)), np.finfo(float).tiny)
    curvature += _UNDECIDED * np.eye(number)
    linear, wanted = -_UNDECIDED * near[rows, columns], near[rows, columns]
    found = np.tensordot(np.linalg.solve(curvature, -linear), basis, 1)
    if np.linalg.eigvalsh(found - _DEFINITE * near)[0] >= 0:
        return found  # the constraint does not bind
    root = np.where(rows == columns, 1.0, 2**0.5)
    solved = least(
        curvature / _UNDECIDED,
        linear / _UNDECIDED,
        -np.diag(root),
        -_DEFINITE * root * wanted,
        semidefinite(k),
    )
    found = near if solved is None else np.tensordot(solved, basis, 1)
    return found if np.linalg.eigvalsh(found)[0] > 0 else near


def _inverse_diffusion(sde: AbstractSDE, states: Matrix, factor: Matrix) -> Matrix:
    """D⁻¹ of the mean D in whitened coordinates, of trace k; 1 if there is no noise in some."""
    k = sde.dim
    D = np.nanmean(diffusion_matrices(sde, states), axis=0)
    D = np.linalg.solve(factor, np.linalg.solve(factor, D).T)
    values = np.linalg.eigvalsh(D)
    if not np.all(np.isfinite(values)) or values[0] <= _SINGULAR * values[-1]:
        return np.eye(k)
    inverse = np.linalg.inv(D)
    return inverse * k / np.trace(inverse)


def check_monotone(activation: Activation) -> None:
    """Raises `InputError` unless φ does not decrease and saturates."""
    rates, gains, _ = activation.derivatives(_ARGUMENTS)
    settled = rates[-1] != 0 and abs(rates[-1] - rates[-_LAST]) < 1e-8
    if gains.min() < 0 or not activation.is_bounded or not settled:
        raise InputError(
            "a symmetric network has an energy, and a constant neuron for the mean, where rates do "
            f"not decrease and saturate, which those of {activation.name!r} do not: use 'tanh' or "
            "'logistic'"
        )


@dataclass
class Point:
    """The objective at one θ = [Γ | b], with what its slopes need."""

    theta: Matrix
    objective: float
    readout: Matrix  # mΓT, shape (n, q)
    features: Matrix  # ωφ, shape (N, n), single precision
    slopes: Matrix  # ωφ', shape (N, n), single precision
    residual: Matrix  # shape (N, q), single precision
    root_noise: Matrix  # √r, shape (n,)
    root_noise_slopes: Matrix  # ∂√r_i/∂θ_i, shape (n, k+1)


class SymmetricObjective:
    r"""E|mφ(Γζ + b)ΓT − Y|² + s² Σ_i r_i |mΓ_iT|²,  r_i = E φ'_i²: what `Descent` needs to know.

    - `problem`: of ζ and Y; its states, outputs, weights, φ and s.
    - `gain`: m; `units`: T, shape (k, q), from readouts in ζ to outputs.
    """

    def __init__(self, problem: MatchingProblem, gain: float, units: Matrix, blocks: Blocks):
        self._problem, self._gain, self._units, self._blocks = problem, gain, units, blocks
        omega = np.sqrt(problem.weights)[:, None]
        states = np.concatenate([problem.states, np.ones((len(omega), 1))], axis=1)
        self._states, self._omega = states.astype(SINGLE), omega.astype(SINGLE)
        self._targets = (omega * problem.outputs).astype(SINGLE)
        self._noise = max(problem.private_noise, 1e-6)

    def release(self, point: Point) -> None:
        """Nothing is kept."""

    def at(self, theta: Matrix) -> Point:
        """Evaluate at θ; raises `numpy.linalg.LinAlgError` where it is not finite."""
        n, N, q = len(theta), len(self._states), self._targets.shape[1]
        features, slopes = np.empty((N, n), SINGLE), np.empty((N, n), SINGLE)
        residual = np.empty((N, q), SINGLE)
        readout = self._gain * theta[:, :-1] @ self._units
        theta_t, single = theta.T.astype(SINGLE), readout.astype(SINGLE)

        def sums(share):
            square, r, r_slopes = 0.0, np.zeros(n), np.zeros(theta.shape)
            for a in share:
                value, slope, curvature = self._problem.activation.derivatives(
                    self._states[a] @ theta_t
                )
                features[a], slopes[a] = value * self._omega[a], slope * self._omega[a]
                residual[a] = features[a] @ single - self._targets[a]
                square += float(np.sum(residual[a].astype(float) ** 2))
                r += np.einsum("ai,ai->i", slopes[a], slopes[a])
                curvature *= slopes[a]
                r_slopes += 2 * (curvature.T @ (self._omega[a] * self._states[a]))
            return square, r, r_slopes

        square, r, r_slopes = self._blocks.sum(sums)
        r = r + 1e-12
        objective = square + self._noise**2 * float(np.sum(readout**2, axis=1) @ r)
        if not np.isfinite(objective):
            raise np.linalg.LinAlgError("the objective is not finite")
        root = np.sqrt(r)
        return Point(
            theta,
            objective,
            readout,
            features,
            slopes,
            residual,
            root,
            r_slopes / (2 * root[:, None]),
        )

    def gradient(self, point: Point) -> tuple[Matrix, Matrix]:
        """Half the gradient, shape (n, k+1), and each neuron's block, shape (n, k+1, k+1)."""
        n, K = point.theta.shape
        readout_t = point.readout.T.astype(SINGLE)

        def sums(share):
            gradient, moved = np.zeros((n, K)), np.zeros((n, len(readout_t)))
            squares, mixed, own = np.zeros((K, n, K)), np.zeros((n, K)), np.zeros(n)
            for a in share:
                slope, feature, state = point.slopes[a], point.features[a], self._states[a]
                gradient += (point.residual[a] @ readout_t * slope).T @ state
                moved += feature.T @ point.residual[a]
                mixed += (slope * feature).T @ state
                own += np.einsum("ai,ai->i", feature, feature)
                squared = slope * slope
                for p in range(K):
                    squares[p] += squared.T @ (state[:, p : p + 1] * state)
            return gradient, moved, squares, mixed, own

        gradient, moved, squares, mixed, own = self._blocks.sum(sums)
        s, m, T, rho, root = (
            self._noise, self._gain, self._units, point.root_noise_slopes, point.root_noise,
        )  # fmt: skip
        size = np.sum(point.readout**2, axis=1)
        along = m * point.readout @ T.T  # what moves a readout along itself
        gradient[:, :-1] += m * moved @ T.T + s**2 * (root**2)[:, None] * along
        gradient += s**2 * (size * root)[:, None] * rho
        block = size[:, None, None] * np.moveaxis(squares, 0, 1)
        block += (s**2 * size)[:, None, None] * rho[:, :, None] * rho[:, None, :]
        mixed = mixed + s**2 * root[:, None] * rho
        cross = mixed[:, :, None] * along[:, None, :]
        block[:, :, :-1] += cross
        block[:, :-1, :] += np.swapaxes(cross, 1, 2)
        block[:, :-1, :-1] += (own + s**2 * root**2)[:, None, None] * (m**2 * T @ T.T)
        # Steps are damped alike in all directions: what saturates moves little but not at once far.
        floor = np.trace(block, axis1=1, axis2=2).mean()
        return gradient, block + floor * np.eye(K)

    def curvature(self, point: Point, direction: Matrix) -> Matrix:
        """Half the Gauss–Newton curvature times a direction, shape (n, k+1)."""
        readout, direction_t = point.readout.astype(SINGLE), direction.T.astype(SINGLE)
        more = self._gain * direction[:, :-1] @ self._units
        more_single = more.astype(SINGLE)

        def sums(share):
            product, moved = np.zeros(direction.shape), np.zeros(more.shape)
            for a in share:
                slope, feature = point.slopes[a], point.features[a]
                change = (self._states[a] @ direction_t * slope) @ readout + feature @ more_single
                product += (change @ readout.T * slope).T @ self._states[a]
                moved += feature.T @ change
            return product, moved

        product, moved = self._blocks.sum(sums)
        s, rho, root = self._noise, point.root_noise_slopes, point.root_noise[:, None]
        noise = s * (root * more + point.readout * np.sum(rho * direction, axis=1)[:, None])
        moved = moved + s * root * noise
        product[:, :-1] += self._gain * moved @ self._units.T
        return product + s * np.sum(point.readout * noise, axis=1)[:, None] * rho
