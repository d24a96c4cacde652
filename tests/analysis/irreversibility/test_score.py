"""The score from samples."""

import numpy as np
import pytest

from driftmatch.analysis.irreversibility.score import (
    FluxSamples,
    ScoreModel,
    features_for,
    fit_scores,
)
from driftmatch.matching.problem import Features

S = np.array([[2.0, 0.6], [0.6, 1.0]])
PRECISION = np.linalg.inv(S)
TILT = np.array([0.3, -0.1])
MEAN = np.array([1.0, -2.0])
D = np.array([[1.0, 0.2], [0.2, 0.5]])
Q = np.array([[0.0, 0.7], [-0.7, 0.0]])


def normal_samples(seed, number, turn=Q, root=D):
    """Of a normal density, with the drift f̃ = −(D + Q)S⁻¹(z − μ), of which it is stationary."""
    rng = np.random.default_rng(seed)
    states = MEAN + rng.standard_normal((number, 2)) @ np.linalg.cholesky(S).T
    return FluxSamples(states, -(states - MEAN) @ PRECISION @ (root + turn).T, root[None])


def normal_fit(number, turn=Q, features=16):
    halves = normal_samples(0, number, turn), normal_samples(1, number, turn)
    chosen = features_for(halves[0].states, features, 1.5, np.random.default_rng(2))
    return fit_scores(halves, chosen), normal_samples(3, 2000, turn)


def relative(found, exact):
    return np.sqrt(np.sum((found - exact) ** 2) / np.sum(exact**2))


def test_normal_densities():
    """The error falls as one over the root of the number of samples."""
    errors = []
    for number in (1000, 16_000):
        fit, fresh = normal_fit(number)
        errors.append(relative(fit(fresh.states), -(fresh.states - MEAN) @ PRECISION))
    assert errors[1] < 0.02
    assert errors[1] < errors[0] / 2


def test_nothing_is_left_to_estimate_where_the_drift_is_a_gradient():
    fit, fresh = normal_fit(500, turn=0 * Q)
    assert relative(fit(fresh.states), -(fresh.states - MEAN) @ PRECISION) < 1e-6
    assert np.abs(fresh.irreversible(fit.models[0])).max() < 1e-5


def test_a_density_that_is_not_normal():
    """p ∝ exp(−r⁴/4), r² distributed as the root of a χ², under a turn that depends on r."""
    rng = np.random.default_rng(0)

    def samples(number):
        radius = (2 * rng.chisquare(1, number)) ** 0.25  # r⁴/4 is half a χ² of one degree
        angle = rng.uniform(0, 2 * np.pi, number)
        z = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        r2 = np.sum(z**2, axis=1, keepdims=True)
        turn = 0.3 * (1 + r2) * np.stack([-z[:, 1], z[:, 0]], axis=1)
        return FluxSamples(z, -r2 * z + turn, np.eye(2)[None])

    halves = samples(20_000), samples(20_000)
    features = features_for(halves[0].states, 256, 1.5, rng)
    fit, fresh = fit_scores(halves, features), samples(2000)
    exact = -np.sum(fresh.states**2, axis=1, keepdims=True) * fresh.states
    assert relative(fit(fresh.states), exact) < 0.1
    quadratic = fit_scores(halves, features[np.arange(1)])
    assert relative(quadratic(fresh.states), exact) > 0.2


def test_noise_that_depends_on_the_state_but_does_not_vary():
    """D given once and D given at every state are the same problem."""
    halves = normal_samples(0, 2000), normal_samples(1, 2000)
    features = features_for(halves[0].states, 16, 1.5, np.random.default_rng(2))
    everywhere = tuple(
        FluxSamples(h.states, h.drifts, np.repeat(h.diffusion, len(h), axis=0)) for h in halves
    )
    one, other = fit_scores(halves, features), fit_scores(everywhere, features)
    z = normal_samples(3, 100).states
    np.testing.assert_allclose(one(z), other(z), rtol=1e-6, atol=1e-8)
    assert one.misfit == pytest.approx(other.misfit, abs=1e-8)


def test_models_are_gradients_and_read_like_their_formula():
    rng = np.random.default_rng(0)
    features, weights = Features(rng.normal(size=(5, 2)), rng.normal(size=5)), rng.normal(size=5)
    model = ScoreModel(MEAN, PRECISION, TILT, features, weights)

    def minus_log_p(z):
        quadratic = 0.5 * (z - MEAN) @ PRECISION @ (z - MEAN)
        return quadratic + TILT @ z + weights @ np.tanh(features.gamma @ z + features.bias)

    z, h = np.array([0.3, -0.7]), 1e-5
    slopes = [(minus_log_p(z + h * e) - minus_log_p(z - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(model(z[None])[0], -np.array(slopes), atol=1e-8)


def test_features_move_with_the_units():
    """In other units of the states, arguments of the features are what they were."""
    states = normal_samples(0, 500).states
    A = np.array([[1e3, 0.0], [0.0, 1e-4]])
    one, other = (features_for(z, 8, 1.5, np.random.default_rng(0)) for z in (states, states @ A.T))
    np.testing.assert_allclose(
        one.arguments(states), other.arguments(states @ A.T), rtol=1e-6, atol=1e-6
    )


def test_dissipation():
    samples = normal_samples(0, 10)
    v = np.random.default_rng(1).normal(size=(10, 2))
    expected = np.einsum("ni,ij,nj->n", v, np.linalg.inv(D), v)
    np.testing.assert_allclose(samples.dissipation(v), expected)
