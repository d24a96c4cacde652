"""Readouts against dense least squares, what each fit is for, and when one starts again."""

from dataclasses import replace

import numpy as np
import pytest

from driftmatch.activations import ACTIVATIONS
from driftmatch.errors import InputError
from driftmatch.matching.features import RandomFeatures
from driftmatch.matching.fits import (
    FITS,
    Backprop,
    LeastSquares,
    Refined,
    get_fit,
)
from driftmatch.matching.problem import MatchingProblem
from driftmatch.matching.readouts import LEAST_RIDGE, FreeReadouts
from driftmatch.meters import SILENT, SilentMeter

NEURONS = 192


class Counts(SilentMeter):
    """How often a fit began."""

    def __init__(self):
        self.starts = 0

    def start(self, description, total):
        self.starts += 1


def waves(fit, spread: float, seed: int = 0) -> MatchingProblem:
    """Waves along directions of six variables; where they are high, states weigh more."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((fit.num_states(NEURONS, 6), 6))
    directions = np.random.default_rng(7).standard_normal((6, 6))
    weights = np.exp(spread * rng.standard_normal(len(z)))
    outputs = np.sin(z @ directions)
    return MatchingProblem(
        z, outputs, weights / weights.sum(), ACTIVATIONS["tanh"], 0.01, FreeReadouts()
    )


def weighted_error(fitted, problem) -> float:
    rates = problem.activation.derivatives(fitted.features.arguments(problem.states))[0]
    squares = np.sum((rates @ fitted.readout - problem.outputs) ** 2, axis=1)
    return np.sqrt(problem.weights @ squares)


def fit_counted(fit, problem):
    counts = Counts()
    return fit.fit(problem, NEURONS, np.random.default_rng(1), counts), counts


@pytest.mark.parametrize(("spread", "starts"), [(0.0, 1), (3.0, 2)])
def test_starts_again_where_half_of_the_states_mislead(spread, starts):
    fit = Refined(iterations=(12, 2))
    _, counts = fit_counted(fit, waves(fit, spread))
    assert counts.starts == starts


def test_starting_again_pays(monkeypatch):
    fit = Refined(iterations=(12, 2))
    problem = waves(fit, 3.0)
    again, _ = fit_counted(fit, problem)
    monkeypatch.setattr("driftmatch.matching.fits._HOLDS", np.inf)
    once, counts = fit_counted(fit, problem)
    assert counts.starts == 1
    others = waves(fit, 0.0, seed=1)  # states that neither of them saw, all alike
    assert weighted_error(again, others) < 0.8 * weighted_error(once, others)
    assert again.num_states == 2 * once.num_states


def small(number=800, private_noise=0.01, seed=0, frequency=1.0) -> MatchingProblem:
    """Two outputs of two variables, unevenly weighted."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((number, 2))
    outputs = np.stack([np.sin(frequency * z[:, 0]) * z[:, 1], z[:, 0]], axis=1)
    weights = rng.exponential(size=number)
    phi = ACTIVATIONS["tanh"]
    return MatchingProblem(z, outputs, weights / weights.sum(), phi, private_noise, FreeReadouts())


def features_of(problem, number=10, slope=1.5):
    return RandomFeatures().draw(problem.states, number, np.random.default_rng(3), slope=slope)


def dense(problem, features):
    """A over the root of the ridge, and the targets over zeros."""
    value, slope, _ = problem.activation.derivatives(features.arguments(problem.states))
    root = np.sqrt(problem.weights)[:, None]
    ridge = problem.private_noise * np.diag(np.sqrt(problem.weights @ slope**2))
    zeros = np.zeros((len(features), problem.outputs.shape[1]))
    return np.concatenate([root * value, ridge]), np.concatenate([root * problem.outputs, zeros])


@pytest.mark.parametrize("noise", [0.0, 1e-6, 0.99 * LEAST_RIDGE, LEAST_RIDGE, 0.01, 1.0])
def test_the_readout_is_that_of_dense_least_squares(noise):
    """On both sides of where the normal equations take over."""
    problem = small(private_noise=noise)
    features = features_of(problem)
    expected = np.linalg.lstsq(*dense(problem, features), rcond=None)[0]
    np.testing.assert_allclose(
        FreeReadouts().solve(problem, features), expected, rtol=1e-6, atol=1e-8
    )
    other = np.linalg.lstsq(*dense(replace(problem, private_noise=noise + 0.02), features))[0]
    assert np.abs(other - expected).max() > 1e-4  # the control


@pytest.mark.parametrize(("noise", "error"), [(0.0, 1e-10), (1e-5, 1e-6)])
def test_outputs_made_of_the_features_are_read_exactly(noise, error):
    problem = small(private_noise=noise)
    features = features_of(problem)
    planted = np.random.default_rng(4).standard_normal((10, 2))
    rates = problem.activation.derivatives(features.arguments(problem.states))[0]
    found = FreeReadouts().solve(replace(problem, outputs=rates @ planted), features)
    np.testing.assert_allclose(rates @ found, rates @ planted, atol=error)
    if noise == 0:
        np.testing.assert_allclose(found, planted, atol=1e-8)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_readouts_are_linear_in_the_outputs_and_know_no_order(noise):
    problem = small(private_noise=noise)
    features = features_of(problem)
    V = FreeReadouts().solve(problem, features)
    mixed = replace(problem, outputs=problem.outputs @ [[2.0, 1.0], [0.0, -1.0]])
    np.testing.assert_allclose(
        FreeReadouts().solve(mixed, features), V @ [[2.0, 1.0], [0.0, -1.0]], rtol=1e-6, atol=1e-8
    )
    rng = np.random.default_rng(5)
    states, neurons = rng.permutation(800), rng.permutation(10)
    shuffled = replace(
        problem, states=problem.states[states], outputs=problem.outputs[states],
        weights=problem.weights[states],
    )  # fmt: skip
    np.testing.assert_allclose(
        FreeReadouts().solve(shuffled, features[neurons]), V[neurons], rtol=1e-6, atol=1e-8
    )
    unequal = replace(shuffled, outputs=problem.outputs)  # the control
    assert np.abs(FreeReadouts().solve(unequal, features[neurons]) - V[neurons]).max() > 0.1


def noisy_error(problem, features, readout, s, draws=40) -> np.ndarray:
    """The mean squared error with noise s in every neuron, of several draws."""
    rng = np.random.default_rng(6)
    x = features.arguments(problem.states)
    found = []
    for _ in range(draws):
        rates = problem.activation.derivatives(x + s * rng.standard_normal(x.shape))[0]
        found.append(problem.weights @ np.sum((rates @ readout - problem.outputs) ** 2, axis=1))
    return np.array(found)


def test_of_all_ridges_that_of_the_noise_withstands_it_best():
    """Of noises three times less and more, by more than five standard errors of the differences."""
    problem = small(private_noise=0.03)
    features = features_of(problem, 20)
    best, *others = (
        noisy_error(
            problem,
            features,
            FreeReadouts().solve(replace(problem, private_noise=s), features),
            0.03,
        )
        for s in (0.03, 0.01, 0.1)
    )
    for other in others:  # the noise is the same in both
        difference = other - best
        assert difference.mean() > 5 * difference.std(ddof=1) / len(difference) ** 0.5


def test_more_ridge_means_smaller_readouts_and_larger_errors():
    problem = small()
    features = features_of(problem, 20)
    sizes, errors = [], []
    for s in (0.0, 1e-5, 1e-3, 1e-2, 0.1, 1.0):
        V = FreeReadouts().solve(replace(problem, private_noise=s), features)
        slopes = problem.activation.derivatives(features.arguments(problem.states))[1]
        sizes.append(np.sum(V**2, axis=1) @ (problem.weights @ slopes**2))
        errors.append(noisy_error(problem, features, V, 0.0, draws=1)[0])
    assert np.all(np.diff(sizes) < 0)
    assert np.all(np.diff(errors) > 0)


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize(
    "fit", [LeastSquares(), Refined(iterations=(2, 1))], ids=["least", "refined"]
)
def test_one_stream_gives_one_fit(fit, noise):
    problem = small(fit.num_states(16, 2), noise)
    one, again, other = (
        fit.fit(problem, 16, np.random.default_rng(seed), SILENT) for seed in (1, 1, 2)
    )
    for each in (one, again, other):
        assert each.features.gamma.shape == (16, 2)
        assert each.readout.shape == (16, 2)
    np.testing.assert_array_equal(one.features.gamma, again.features.gamma)
    np.testing.assert_array_equal(one.readout, again.readout)
    assert not np.array_equal(one.features.gamma, other.features.gamma)


def test_refining_pays():
    """Least squares starts where refinement does: a third of its error is left, on fresh states."""
    least, refined = LeastSquares(), Refined()
    learnt, fresh = (
        small(refined.num_states(24, 2), frequency=2.0),
        small(4000, seed=1, frequency=2.0),
    )
    one, two = (
        weighted_error(fit.fit(learnt, 24, np.random.default_rng(1), SILENT), fresh)
        for fit in (least, refined)
    )
    assert two < one / 3


@pytest.mark.parametrize(("frequency", "slope"), [(0.01, 0.1), (6.0, 1.0)])
def test_without_noise_the_slope_that_suits_the_outputs_is_found(frequency, slope):
    """Slopes are log-normal about 0.1, 0.3 or 1; the median of 24 is within 1.5 of its own all but
    once in 10⁶."""
    problem = small(4096, 0.0, frequency=frequency)
    fitted = LeastSquares().fit(problem, 24, np.random.default_rng(1), SILENT)
    median = np.median(np.linalg.norm(fitted.features.gamma, axis=1))
    assert slope / 1.5 < median < 1.5 * slope


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_first_step_of_adam_is_as_long_as_the_learning_rate(sign):
    """From zero readouts, downhill, features at rest; batches are drawn by weight."""
    problem = small(300)
    rates = problem.activation
    rates = replace(rates, name="logistic", function=ACTIVATIONS["logistic"].function,
                    derivatives=ACTIVATIONS["logistic"].derivatives)  # fmt: skip
    outputs = np.tile([1.0, -1.0], (300, 1))
    outputs[0] *= sign
    weights = np.zeros(300)
    weights[0] = 1.0
    problem = replace(problem, activation=rates, outputs=outputs, weights=weights)
    fit = Backprop(steps=1, batch_size=8, learning_rate=0.01)
    fitted = fit.fit(problem, 5, np.random.default_rng(3), SILENT)
    np.testing.assert_allclose(
        fitted.readout, np.tile([0.01 * sign, -0.01 * sign], (5, 1)), rtol=1e-3
    )
    np.testing.assert_allclose(fitted.features.gamma, features_of(problem, 5).gamma, rtol=1e-6)


def test_fits_go_by_name():
    for name, fit in FITS.items():
        assert get_fit(name) is fit
        assert get_fit(fit) is fit
    assert get_fit("least_squares") == LeastSquares()
    with pytest.raises(InputError, match="no method 'refine'; did you mean 'refined'"):
        get_fit("refine")
