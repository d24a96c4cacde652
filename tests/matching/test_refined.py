"""Variable projection: its gradient and curvature against differences, and what it is for."""

import numpy as np
import pytest

from driftmatch.activations import ACTIVATIONS
from driftmatch.matching.blocks import blocks
from driftmatch.matching.features import Moments, RandomFeatures, select_features
from driftmatch.matching.problem import MatchingProblem
from driftmatch.matching.readouts import FreeReadouts
from driftmatch.matching.refined import Descent, ReducedObjective, features_of


def make_problem(activation="tanh", number=1500, private_noise=0.02, seed=0):
    """Two outputs of two variables, unevenly weighted."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((number, 2))
    outputs = np.stack([z[:, 0] * z[:, 1], np.sin(2 * z[:, 0]) + z[:, 1]], axis=1)
    weights = rng.random(number) + 0.1
    return MatchingProblem(
        z, outputs, weights / weights.sum(), ACTIVATIONS[activation], private_noise, FreeReadouts()
    )


def make_theta(problem, n=24, seed=1):
    features = RandomFeatures().draw(problem.states, n, np.random.default_rng(seed))
    return np.concatenate([features.gamma, features.bias[:, None]], axis=1)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "erf", "softplus"])
def test_gradient_is_the_slope_of_the_objective(activation):
    problem = make_problem(activation)
    theta = make_theta(problem)
    direction = np.random.default_rng(2).standard_normal(theta.shape)
    with blocks(len(problem.weights)) as shared:
        objective = ReducedObjective(problem, 8.0, shared)
        gradient, _ = objective.gradient(objective.at(theta))

        def difference(h):
            ahead, behind = (objective.at(theta + d * direction).objective for d in (h, -h))
            return (ahead - behind) / (2 * h)

        slope = (4 * difference(2e-3) - difference(4e-3)) / 3
    assert 2 * np.sum(gradient * direction) == pytest.approx(slope, rel=2e-3)


def test_curvature_is_symmetric_and_positive():
    problem = make_problem()
    theta = make_theta(problem)
    rng = np.random.default_rng(3)
    with blocks(len(problem.weights)) as shared:
        objective = ReducedObjective(problem, 8.0, shared)
        point = objective.at(theta)
        objective.gradient(point)
        for _ in range(5):
            u, v = rng.standard_normal((2, *theta.shape))
            uv = np.sum(u * objective.curvature(point, v))
            vu = np.sum(v * objective.curvature(point, u))
            vv = np.sum(v * objective.curvature(point, v))
            uu = np.sum(u * objective.curvature(point, u))
            assert uv == pytest.approx(vu, abs=1e-4 * np.sqrt(uu * vv))
            assert vv > 0


def test_projection_leaves_nothing_that_a_readout_could_follow():
    """Kaufman's curvature equals that of the residual with the readouts solved for anew."""
    problem = make_problem(private_noise=1e-3)
    theta = make_theta(problem, n=12)
    v = np.random.default_rng(4).standard_normal(theta.shape)
    s, omega = problem.private_noise, np.sqrt(problem.weights)[:, None]
    value, slope, curvature = problem.activation.derivatives(
        problem.states @ theta[:, :2].T + theta[:, 2]
    )
    r = problem.weights @ slope**2
    extended = np.concatenate([problem.states, np.ones((len(omega), 1))], axis=1)
    A = np.concatenate([omega * value, s * np.diag(np.sqrt(r))])
    Y = np.concatenate([omega * problem.outputs, np.zeros((len(theta), 2))])
    V = np.linalg.lstsq(A, Y, rcond=None)[0]
    moved = omega * slope * (extended @ v.T)
    r_change = 2 * problem.weights @ (slope * curvature * (extended @ v.T))
    dA = np.concatenate([moved, s * np.diag(r_change / (2 * np.sqrt(r)))])
    change = dA @ V
    left = change - A @ np.linalg.lstsq(A, change, rcond=None)[0]
    with blocks(len(omega)) as shared:
        objective = ReducedObjective(problem, 1e3, shared)
        product = objective.curvature(objective.at(theta), v)
    assert np.sum(v * product) == pytest.approx(np.sum(left**2), rel=1e-3)


def test_descent_beats_the_start_and_a_wrong_gradient_would_not():
    problem = make_problem()
    theta = make_theta(problem, n=16)
    with blocks(len(problem.weights)) as shared:
        objective = ReducedObjective(problem, 8.0, shared)
        before = objective.at(theta).objective
        after = Descent(theta).run(objective, 12).objective
        reversed_slopes = ReducedObjective(problem, 8.0, shared)
        true_gradient = reversed_slopes.gradient
        reversed_slopes.gradient = lambda p: (-true_gradient(p)[0], true_gradient(p)[1])
        stuck = Descent(theta).run(reversed_slopes, 12).objective
    assert after < 0.2 * before
    assert stuck > 0.9 * before


def test_steps_go_on_while_they_pay():
    """As many as asked for, and beyond them only while three lower the error by 6 %."""
    problem = make_problem()
    theta = make_theta(problem, n=16)
    errors = []
    with blocks(len(problem.weights)) as shared:
        objective = ReducedObjective(problem, 8.0, shared)
        descent = Descent(theta)
        descent.run(objective, 3, lambda p: errors.append(p.objective**0.5), most=60)
    assert 3 < len(errors) < 60
    assert all(errors[i] < 0.94 * errors[i - 3] for i in range(3, len(errors) - 1))
    assert errors[-1] >= 0.94 * errors[-4]
    assert descent.gain == pytest.approx(1 - (errors[-1] / errors[-4]) ** (1 / 3))


def test_noise_ridge_predicts_the_error_with_noisy_neurons():
    """The objective equals the mean squared error under private noise to first order in s²."""
    problem = make_problem(private_noise=0.03, number=4000)
    theta = make_theta(problem, n=32)
    with blocks(len(problem.weights)) as shared:
        point = Descent(theta).run(ReducedObjective(problem, 8.0, shared), 10)
    features = features_of(point.theta)
    readout = FreeReadouts().solve(problem, features)
    rng = np.random.default_rng(5)
    measured = []
    for _ in range(20):
        x = features.arguments(problem.states)
        x = x + problem.private_noise * rng.standard_normal(x.shape)
        error = problem.activation.derivatives(x)[0] @ readout - problem.outputs
        measured.append(problem.weights @ np.sum(error**2, axis=1))
    assert np.mean(measured) == pytest.approx(point.objective, rel=0.05)


def test_selection_beats_a_random_choice():
    problem = make_problem(number=3000)
    rng = np.random.default_rng(6)
    candidates = RandomFeatures().draw(problem.states, 120, rng)

    def objective(features):
        moments = Moments(problem, features, precise=True)
        V = moments.solve(problem.private_noise**2 * moments.noise)
        fitted = problem.activation.derivatives(features.arguments(problem.states))[0] @ V
        error = problem.weights @ np.sum((fitted - problem.outputs) ** 2, axis=1)
        return error + problem.private_noise**2 * np.sum(V**2, axis=1) @ moments.noise

    kept = objective(select_features(problem, candidates, 30))
    assert kept < 0.7 * np.median(
        [objective(candidates[rng.permutation(120)[:30]]) for _ in range(9)]
    )


def test_moments_do_not_depend_on_the_precision_of_the_features():
    problem = make_problem()
    features = RandomFeatures().draw(problem.states, 40, np.random.default_rng(7))
    single, double = Moments(problem, features), Moments(problem, features, precise=True)
    upper = np.triu_indices(40)
    np.testing.assert_allclose(single.gram[upper], double.gram[upper], atol=1e-6)
    omega = np.sqrt(problem.weights)[:, None]
    A = omega * problem.activation.derivatives(features.arguments(problem.states))[0]
    np.testing.assert_allclose(double.gram[upper], (A.T @ A)[upper], rtol=1e-12, atol=1e-14)
