"""Slow iterations become fast ones, and bad steps are taken back."""

import numpy as np
import pytest

from driftmatch.inference.acceleration import Step, accelerated

RATES = np.array([0.999, 0.98, 0.5, 0.1])  # of what is left after an iteration
AIM = np.array([3.0, -2.0, 1.0, 5.0])


def likelihood(x):
    return -50 * float((1 - RATES) @ (x - AIM) ** 2)


def step(x):
    end = AIM + RATES * (x - AIM)
    return Step(x, end, likelihood(x), end)


def solved(step=step, rounds=30, moved=lambda _, to: to):
    return accelerated(step, moved, lambda a, b: a @ b.T, np.zeros(4), rounds=rounds, gain=1e-6)


def test_a_linear_iteration_ends_in_as_many_rounds_as_it_has_rates():
    np.testing.assert_allclose(solved(), AIM, atol=1e-5)
    plain = np.zeros(4)
    for _ in range(30):
        plain = step(plain).end
    assert np.abs(plain - AIM).max() > 1, "the iteration alone does not"


def test_steps_that_are_less_likely_are_taken_back():
    """Every extrapolation leads astray: what is left are plain iterations, each likelier."""
    found = solved(moved=lambda x, to: x + 1e3)
    assert likelihood(found) > likelihood(np.zeros(4))
    assert likelihood(found) >= likelihood(step(np.zeros(4)).end)


@pytest.mark.parametrize("first", [True, False])
def test_what_diverges(first):
    """At once: None. Later: the likeliest that was seen."""
    seen = []

    def failing(x):
        seen.append(x)
        return None if first or len(seen) > 3 else step(x)

    found = solved(failing)
    assert (found is None) == first
    if not first:
        assert likelihood(found) > likelihood(seen[0])
