"""The matching problem and its features."""

import numpy as np

from driftmatch.activations import ACTIVATIONS
from driftmatch.matching.problem import Features, MatchingProblem
from driftmatch.matching.readouts import FreeReadouts

RNG = np.random.default_rng(0)
FEATURES = Features(RNG.standard_normal((5, 2)), RNG.standard_normal(5))


def test_arguments_are_those_of_each_neuron():
    states = RNG.standard_normal((7, 2))
    x = FEATURES.arguments(states)
    for a, i in np.ndindex(7, 5):
        assert np.isclose(x[a, i], FEATURES.gamma[i] @ states[a] + FEATURES.bias[i], rtol=1e-14)


def test_some_of_the_features():
    some = FEATURES[[3, 0]]
    assert len(some) == 2
    np.testing.assert_array_equal(some.gamma, FEATURES.gamma[[3, 0]])
    np.testing.assert_array_equal(some.bias, FEATURES.bias[[3, 0]])


def test_a_subset_is_weighed_anew():
    weights = np.array([0.1, 0.3, 0.6])
    z = np.arange(6.0).reshape(3, 2)
    problem = MatchingProblem(z, 2 * z, weights, ACTIVATIONS["tanh"], 0.01, FreeReadouts())
    part = problem.subset(2)
    np.testing.assert_allclose(part.weights, [0.25, 0.75], rtol=1e-15)
    np.testing.assert_array_equal(part.states, z[:2])
    np.testing.assert_array_equal(part.outputs, 2 * z[:2])
    assert (part.activation, part.private_noise) == (problem.activation, 0.01)
    np.testing.assert_array_equal(problem.weights, weights)
