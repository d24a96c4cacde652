"""A fit learns from more states where half of them mislead."""

import numpy as np
import pytest

from driftmatch.activations import ACTIVATIONS
from driftmatch.matching.fits import Refined
from driftmatch.matching.problem import MatchingProblem
from driftmatch.matching.readouts import FreeReadouts
from driftmatch.meters import SilentMeter

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
