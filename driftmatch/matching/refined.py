r"""Variable projection: the readouts are eliminated, the features descend the reduced objective.

With features A = [ω_a φ(x_ai)], weights ω² and ridge R = s² diag r, r_i = Σ_a ω_a² φ'(x_ai)²
(the first-order effect of private noise s), the objective is

    J(Γ', b) = min_V ‖A V − ωY‖² + Σ_i R_i |V_i|² + slope barrier

It is minimised by Levenberg–Marquardt steps on its residuals, with Kaufman's approximation for the
projection (Golub & Pereyra 2003, Inverse Problems 19 R1; Kaufman 1975, BIT 15, 49). The linear
systems, of n(k + 1) unknowns, are solved by conjugate gradients on products with the curvature,
preconditioned by each neuron's own (k + 1)² block: O(Nnk) a product, no large matrix formed.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.linalg
from scipy.linalg import get_blas_funcs
from scipy.sparse.linalg import LinearOperator, cg

from driftmatch.matching.blocks import Blocks
from driftmatch.matching.problem import Features, MatchingProblem

SINGLE = np.float32
# Go on while so many steps lower the error by this part, or by half of it where steps are quick.
_STEPS, _PAYS, _LARGE = 3, 0.12, 1024
(syrk,) = get_blas_funcs(("syrk",), dtype=np.float64)


@dataclass
class Point:
    """The reduced objective at one θ = [Γ' | b], shape (n, k+1), with what its slopes need."""

    theta: np.ndarray
    objective: float
    readout: np.ndarray  # V, shape (n, q)
    features: np.ndarray  # A, shape (N, n), single precision
    slopes: np.ndarray  # ω φ', shape (N, n), single precision
    residual: np.ndarray  # A V − ωY, shape (N, q), single precision
    factor: tuple  # Cholesky factor of AᵀA + R
    root_noise: np.ndarray  # √r, shape (n,)
    root_noise_slopes: np.ndarray  # ∂√r_i/∂θ_i, shape (n, k+1)


class ReducedObjective:
    """J(θ), its gradient and its Gauss–Newton curvature, for one set of states.

    Features are computed in single precision and summed in double: their rounding, 1e-7, acts as
    noise far below any s worth training for.
    """

    def __init__(self, problem: MatchingProblem, max_slope: float, blocks: Blocks):
        self._problem = problem
        self._blocks = blocks
        omega = np.sqrt(problem.weights)[:, None]
        states = np.concatenate([problem.states, np.ones((len(omega), 1))], axis=1)
        self._states = states.astype(SINGLE)
        self._omega = omega.astype(SINGLE)
        self._targets = omega * problem.outputs
        # Single precision needs some ridge even when no noise is asked for.
        self._noise = max(problem.private_noise, 1e-6)
        self._max_slope = max_slope
        self._barrier_weight = 1e-5 * self._noise**2
        self._spare: list[tuple[np.ndarray, np.ndarray]] = []

    def release(self, point: Point) -> None:
        """Hand back the large arrays of a point that is no longer needed."""
        self._spare.append((point.features, point.slopes))

    def at(self, theta: np.ndarray) -> Point:
        """Evaluate J at θ; raises `numpy.linalg.LinAlgError` where it is not finite."""
        n, N, q = len(theta), len(self._states), self._targets.shape[1]
        features, slopes = (
            self._spare.pop()
            if self._spare
            else (np.empty((N, n), SINGLE), np.empty((N, n), SINGLE))
        )
        theta_t = np.ascontiguousarray(theta.T, dtype=SINGLE)

        def sums(share):
            gram, moment = np.zeros((n, n), order="F"), np.zeros((n, q))
            r, r_slopes = np.zeros(n), np.zeros(theta.shape)
            for s in share:
                value, slope, curvature = self._problem.activation.derivatives(
                    self._states[s] @ theta_t
                )
                omega = self._omega[s]
                np.multiply(value, omega, out=features[s])
                np.multiply(slope, omega, out=slopes[s])
                r += np.einsum("ai,ai->i", slopes[s], slopes[s])
                curvature *= slopes[s]
                r_slopes += 2 * (curvature.T @ (omega * self._states[s]))
                block = features[s].astype(np.float64)
                gram = syrk(1.0, block.T, beta=1.0, c=gram, overwrite_c=1)
                moment += block.T @ self._targets[s]
            return gram, moment, r, r_slopes

        gram, moment, r, r_slopes = self._blocks.sum(sums)
        r += 1e-12
        gram[np.diag_indices(n)] += self._noise**2 * r + 1e-15 * np.trace(gram)
        factor = scipy.linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
        readout = scipy.linalg.cho_solve(factor, moment, check_finite=False)
        residual = features @ readout.astype(SINGLE) - self._targets.astype(SINGLE)
        objective = (
            float(np.sum(residual.astype(np.float64) ** 2))
            + self._noise**2 * float(np.sum(readout**2, axis=1) @ r)
            + self._barrier_weight * float(np.sum(self._relative_slopes(theta) ** 4))
        )
        root = np.sqrt(r)
        root_slopes = r_slopes / (2 * root[:, None])
        return Point(
            theta, objective, readout, features, slopes, residual, factor, root, root_slopes
        )

    def gradient(self, point: Point) -> tuple[np.ndarray, np.ndarray]:
        """Half the gradient, shape (n, k+1), and each neuron's block, shape (n, k+1, k+1)."""
        readout_t = np.ascontiguousarray(point.readout.T, dtype=SINGLE)
        n, K = point.theta.shape

        def sums(share):
            gradient, squares = np.zeros((n, K)), np.zeros((K, n, K))
            for s in share:
                slope, state = point.slopes[s], self._states[s]
                back = point.residual[s] @ readout_t
                back *= slope
                gradient += back.T @ state
                squared = slope * slope
                for p in range(K):
                    squares[p] += squared.T @ (state[:, p : p + 1] * state)
            return gradient, squares

        gradient, squares = self._blocks.sum(sums)
        size = np.sum(point.readout**2, axis=1)
        noise = self._noise**2 * size
        rho = point.root_noise_slopes
        gradient += noise[:, None] * point.root_noise[:, None] * rho
        block = size[:, None, None] * np.moveaxis(squares, 0, 1)
        block += noise[:, None, None] * rho[:, :, None] * rho[:, None, :]
        barrier = self._barrier_force(point.theta)
        gradient[:, :-1] += barrier[:, None] * point.theta[:, :-1]
        block[:, range(K - 1), range(K - 1)] += 7 * barrier[:, None]
        floor = 1e-4 * np.trace(block, axis1=1, axis2=2) + 1e-10 * size.mean()
        return gradient, block + floor[:, None, None] * np.eye(K)

    def curvature(self, point: Point, direction: np.ndarray) -> np.ndarray:
        """Half the Gauss–Newton curvature (Kaufman) times a direction, shape (n, k+1)."""
        readout = point.readout.astype(SINGLE)
        readout_t = np.ascontiguousarray(readout.T)
        direction_t = np.ascontiguousarray(direction.T, dtype=SINGLE)
        change = np.empty_like(point.residual)
        s, rho, root = self._noise, point.root_noise_slopes, point.root_noise
        noise_change = s * point.readout * np.sum(rho * direction, axis=1)[:, None]

        def forward(share):
            moment = np.zeros(point.readout.shape)
            for a in share:
                moved = self._states[a] @ direction_t
                moved *= point.slopes[a]
                change[a] = moved @ readout
                moment += point.features[a].T @ change[a]
            return (moment,)

        (moment,) = self._blocks.sum(forward)
        moment += s * root[:, None] * noise_change
        followed = scipy.linalg.cho_solve(point.factor, moment, check_finite=False)
        followed_single = followed.astype(SINGLE)

        def backward(share):
            product = np.zeros(point.theta.shape)
            for a in share:
                left = change[a] - point.features[a] @ followed_single
                back = left @ readout_t
                back *= point.slopes[a]
                product += back.T @ self._states[a]
            return (product,)

        (product,) = self._blocks.sum(backward)
        noise_change -= s * root[:, None] * followed
        product += s * np.sum(point.readout * noise_change, axis=1)[:, None] * rho
        product[:, :-1] += 7 * self._barrier_force(point.theta)[:, None] * direction[:, :-1]
        return product

    def _relative_slopes(self, theta):
        return np.sum(theta[:, :-1] ** 2, axis=1) / self._max_slope**2

    def _barrier_force(self, theta):
        return 4 * self._barrier_weight * self._relative_slopes(theta) ** 3 / self._max_slope**2


class Objective(Protocol):
    """What `Descent` needs to know. Its points have a `theta` and an `objective`."""

    def at(self, theta: np.ndarray) -> Any: ...

    def gradient(self, point: Any) -> tuple[np.ndarray, np.ndarray]: ...

    def curvature(self, point: Any, direction: np.ndarray) -> np.ndarray: ...

    def release(self, point: Any) -> None: ...


class Descent:
    """Levenberg–Marquardt on an `Objective`, one step at a time."""

    def __init__(self, theta: np.ndarray, *, damping: float = 0.05, cg_iterations: int = 16):
        self.theta = theta
        self._damping = damping
        self._cg_iterations = cg_iterations
        self.gain = 0.0  # by which fraction the error fell in each of the last steps

    def run(
        self,
        objective: Objective,
        iterations: int,
        on_step=None,
        *,
        start: Any = None,
        most: int = 0,
    ) -> Any:
        """Take so many steps, and up to `most` while they pay; stop when none can be found.

        - `start`: the objective at θ, where it is known.
        """
        point = start or objective.at(self.theta)
        errors = [float(np.sqrt(point.objective))]
        pays = _PAYS * np.clip(len(self.theta) / _LARGE, 0.5, 1.0)
        for step in range(max(iterations, most)):
            if step >= iterations and errors[-1] > (1 - pays) * errors[-1 - min(_STEPS, step)]:
                break
            new = self._step(objective, point)
            if new is None:
                self.gain = 0.0
                return point
            errors.append(float(np.sqrt(new.objective)))
            objective.release(point)
            point = new
            self.theta = point.theta
            if on_step is not None:
                on_step(point)
        taken = min(_STEPS, len(errors) - 1)
        self.gain = 1 - (errors[-1] / errors[-1 - taken]) ** (1 / max(taken, 1))
        return point

    def _step(self, objective: Objective, point: Any) -> Any:
        gradient, own = objective.gradient(point)
        shape, size = gradient.shape, gradient.size
        inverse = np.linalg.inv(own)

        def per_block(matrix, flat):
            return np.einsum("ipq,iq->ip", matrix, flat.reshape(shape)).ravel()

        for _ in range(8):
            damping = self._damping
            system = _Operator(
                size,
                lambda v, d=damping: (
                    objective.curvature(point, v.reshape(shape)).ravel() + d * per_block(own, v)
                ),
            )
            preconditioner = _Operator(size, lambda v, d=damping: per_block(inverse, v) / (1 + d))
            step, _ = cg(
                system, -gradient.ravel(), rtol=0.05, maxiter=self._cg_iterations, M=preconditioner
            )
            # CG leaves stepᵀ(curvature + damping)step = −gradientᵀstep up to its residual.
            predicted = -gradient.ravel() @ step + damping * step @ per_block(own, step)
            try:
                new = objective.at(point.theta + step.reshape(shape))
            except np.linalg.LinAlgError:  # a step too far
                self._damping *= 4
                continue
            gain = (point.objective - new.objective) / predicted
            if new.objective < point.objective:
                self._damping *= (
                    0.3 if gain > 0.75 else 0.6 if gain > 0.5 else 1 if gain > 0.25 else 2
                )
                return new
            objective.release(new)
            self._damping *= 4
        return None


class _Operator(LinearOperator):
    """A symmetric linear operator from its product with a vector."""

    def __init__(self, size, product):
        super().__init__(np.float64, (size, size))
        self._product = product

    def _matvec(self, x):
        return self._product(x)


def features_of(theta: np.ndarray) -> Features:
    """The features that θ = [Γ' | b] stands for."""
    return Features(theta[:, :-1].copy(), theta[:, -1].copy())
