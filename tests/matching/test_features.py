"""Random features, moments and readouts, against dense linear algebra and Monte Carlo."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from driftmatch.activations import ACTIVATIONS
from driftmatch.errors import ComputationError
from driftmatch.matching.features import Moments, RandomFeatures, select_features
from driftmatch.matching.problem import Features, MatchingProblem
from driftmatch.matching.readouts import FreeReadouts

UPPER = np.triu_indices(12)


def make_problem(activation="tanh", number=1000, private_noise=0.02, seed=0) -> MatchingProblem:
    """Two outputs of three variables, unevenly weighted."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((number, 3))
    outputs = np.stack([z[:, 0] * z[:, 1], np.sin(2 * z[:, 2])], axis=1)
    weights = rng.exponential(size=number)
    phi = ACTIVATIONS[activation]
    return MatchingProblem(z, outputs, weights / weights.sum(), phi, private_noise, FreeReadouts())


def some_features(problem, number=12, seed=1) -> Features:
    return RandomFeatures().draw(problem.states, number, np.random.default_rng(seed))


def dense(problem, features):
    """A, its targets and r, formed whole in float64."""
    value, slope, _ = problem.activation.derivatives(features.arguments(problem.states))
    root = np.sqrt(problem.weights)[:, None]
    return root * value, root * problem.outputs, problem.weights @ slope**2


def test_slopes_are_log_normal_and_directions_even():
    """Both tests reject what is true once in 10⁴."""
    states = np.random.default_rng(0).standard_normal((50, 3))
    features = RandomFeatures().draw(states, 4000, np.random.default_rng(2), slope=0.7)
    lengths = np.linalg.norm(features.gamma, axis=1)
    logarithms = np.log(lengths / 0.7) / 0.4
    assert kstest(logarithms, "norm").pvalue > 1e-4
    assert kstest(1.2 * logarithms, "norm").pvalue < 1e-4  # the control
    directions = features.gamma / lengths[:, None]
    # On a sphere each coordinate is spread evenly over (−1, 1).
    assert kstest(directions.ravel()[::3], "uniform", (-1, 2)).pvalue > 1e-4
    assert kstest(1.2 * directions.ravel()[::3], "uniform", (-1, 2)).pvalue < 1e-4


def test_thresholds_lie_just_beyond_states():
    """Each feature is centred on 1.1 times one of the states, and not on the state itself."""
    states = np.random.default_rng(0).standard_normal((40, 3))
    features = RandomFeatures().draw(states, 100, np.random.default_rng(3))
    assert np.all(np.abs(features.arguments(1.1 * states)).min(axis=0) < 1e-12)
    assert np.all(np.abs(features.arguments(states)).min(axis=0) > 1e-9)


def test_one_stream_gives_the_same_features_at_any_slope():
    problem = make_problem()
    one, two = (
        RandomFeatures().draw(problem.states, 12, np.random.default_rng(4), slope=slope)
        for slope in (1.0, 2.0)
    )
    np.testing.assert_allclose(two.gamma, 2 * one.gamma, rtol=1e-15)
    np.testing.assert_allclose(two.bias, 2 * one.bias, rtol=1e-15)


@pytest.mark.parametrize("number", [1, 255, 256, 257, 1500])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_moments_are_those_of_the_dense_features(activation, number):
    """Whatever blocks the states fall into."""
    problem = make_problem(activation, number)
    features = some_features(problem)
    A, Y, r = dense(problem, features)
    double, single = Moments(problem, features, precise=True), Moments(problem, features)
    for moments, rtol in ((double, 1e-12), (single, 1e-5)):
        for found, expected in (
            (moments.gram[UPPER], (A.T @ A)[UPPER]), (moments.moment, A.T @ Y), (moments.noise, r),
        ):  # fmt: skip
            np.testing.assert_allclose(
                found, expected, rtol=rtol, atol=rtol * np.abs(expected).max()
            )


def test_a_state_given_twice_weighs_double():
    problem = make_problem(number=300)
    features = some_features(problem)
    twice = replace(
        problem,
        states=np.concatenate([problem.states, problem.states[:100]]),
        outputs=np.concatenate([problem.outputs, problem.outputs[:100]]),
        weights=np.concatenate([problem.weights, problem.weights[:100]]),
    )
    doubled = replace(problem, weights=problem.weights * np.repeat([2, 1], [100, 200]))
    a, b = (Moments(each, features, precise=True) for each in (twice, doubled))
    for name in ("gram", "moment", "noise"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12, atol=1e-14)
    plain = Moments(problem, features, precise=True)
    assert not np.allclose(plain.noise, a.noise, rtol=1e-2)  # the control


@pytest.mark.parametrize("activation", ["tanh", "logistic", "erf", "softplus", "identity"])
def test_r_is_the_variance_that_a_noisy_neuron_adds(activation):
    """E (φ(x + sξ) − φ(x))² / s² over states and 400 draws, to standard errors and an s² of 10⁻⁴.

    Twelve features are tested at 4.5 standard errors: what is true fails once in 10⁴.
    """
    problem = make_problem(activation, number=500)
    features = some_features(problem)
    r = Moments(problem, features, precise=True).noise
    s, rng = 1e-2, np.random.default_rng(5)
    x = features.arguments(problem.states)
    rate = problem.activation.derivatives(x)[0]
    draws = np.array([
        problem.weights
        @ (problem.activation.derivatives(x + s * rng.standard_normal(x.shape))[0] - rate) ** 2
        for _ in range(400)
    ]) / s**2  # fmt: skip
    error = draws.std(axis=0, ddof=1) / 20

    def deviations(r):
        return np.abs(draws.mean(axis=0) - r) / (error + 5e-4 * r)

    assert np.all(deviations(r) < 4.5)
    if activation != "identity":  # the control: all of whose slopes are 1
        slopes = problem.activation.derivatives(x)[1]
        assert np.any(deviations(np.mean(slopes**2, axis=0)) > 4.5)  # states weighted alike
        assert np.any(deviations((problem.weights @ slopes) ** 2) > 4.5)  # (E φ')² for E φ'²


@pytest.mark.parametrize("ridge", [1e-4, 1e-2, 1.0])
def test_the_readout_is_that_of_ridge_regression(ridge):
    """By least squares with the root of the ridge below the features, and by normal equations."""
    problem = make_problem()
    features = some_features(problem)
    A, Y, r = dense(problem, features)
    V = Moments(problem, features, precise=True).solve(ridge * r)
    below = np.concatenate([A, np.diag(np.sqrt(ridge * r))])
    stacked = np.linalg.lstsq(below, np.concatenate([Y, np.zeros((12, 2))]), rcond=None)[0]
    np.testing.assert_allclose(V, stacked, rtol=1e-9, atol=1e-10)
    normal = np.linalg.solve(A.T @ A + np.diag(ridge * r), A.T @ Y)
    np.testing.assert_allclose(V, normal, rtol=1e-9, atol=1e-10)
    without = np.linalg.lstsq(A, Y, rcond=None)[0]
    assert np.abs(V - without).max() > 1e-6  # the control


def test_solving_leaves_the_moments_as_they_were():
    problem = make_problem()
    moments = Moments(problem, some_features(problem))
    first = moments.solve(np.full(12, 1e-3))
    moments.solve(np.full(12, 1.0))
    np.testing.assert_array_equal(moments.solve(np.full(12, 1e-3)), first)


def test_what_determines_no_readout_is_said_so():
    problem = make_problem()
    moments = Moments(problem, some_features(problem))
    with pytest.raises(ComputationError, match="not determined: raise private_noise or use fewer"):
        moments.solve(np.full(12, -10.0))


def planted(number=60):
    """A problem whose outputs are made of the last four of the candidates, and these."""
    problem = make_problem()
    candidates = some_features(problem, number, seed=6)
    rates = problem.activation.derivatives(candidates.arguments(problem.states))[0]
    readout = np.zeros((number, 2))
    readout[-4:] = [[1.0, 0.5], [-1.0, 1.0], [0.5, -1.0], [1.0, 1.0]]
    return replace(problem, outputs=rates @ readout), candidates


def kept(problem, candidates, number, **options) -> set[float]:
    return set(select_features(problem, candidates, number, **options).bias.tolist())


def test_what_the_outputs_are_made_of_is_kept():
    problem, candidates = planted()
    wanted = set(candidates.bias[-4:].tolist())
    assert wanted <= kept(problem, candidates, 8)
    assert not wanted & kept(problem, candidates, 8, rounds=0)  # the control: the first eight


def test_the_order_of_the_candidates_does_not_matter():
    problem, candidates = planted()
    order = np.random.default_rng(7).permutation(60)
    assert kept(problem, candidates[order], 8) == kept(problem, candidates, 8)


def test_the_units_of_the_outputs_do_not_matter():
    problem, candidates = planted()
    larger = replace(problem, outputs=1e3 * problem.outputs)
    assert kept(larger, candidates, 8) == kept(problem, candidates, 8)


def test_silent_features_are_left_out():
    """Saturated at every state, and so without use where another is the constant."""
    problem, candidates = planted()
    silent = Features(1e-3 * candidates.gamma[:20], np.full(20, 30.0) + np.arange(20))
    both = Features(
        np.concatenate([silent.gamma, candidates.gamma]),
        np.concatenate([silent.bias, candidates.bias]),
    )
    assert kept(problem, both, 30) <= set(candidates.bias.tolist())


def test_all_are_kept_where_there_are_no_more():
    problem, candidates = planted()
    assert select_features(problem, candidates, 60) is candidates
    assert select_features(problem, candidates, 99) is candidates
    assert len(select_features(problem, candidates, 59)) == 59
