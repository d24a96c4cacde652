"""Dale's law: the signs hold exactly, the optimum is the optimum, and what it costs is little."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from driftmatch.activations import ACTIVATIONS
from driftmatch.errors import ComputationError, InputError
from driftmatch.matching import dale
from driftmatch.matching.cones import Task, at_once, by_splitting, hull_corners
from driftmatch.matching.dale import signed_features, signed_readouts
from driftmatch.matching.fits import LeastSquares
from driftmatch.matching.problem import MatchingProblem
from driftmatch.matching.readouts import FreeReadouts

LOGISTIC = ACTIVATIONS["logistic"]


def make_instance(n=10, k=2, number=80, seed=0):
    """Random features of two signs, with a constant neuron of either last, and what is wanted."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((number, k))
    gamma = np.concatenate([rng.standard_normal((n - 2, k)), np.zeros((2, k))])
    bias = np.append(rng.standard_normal(n - 2), [20.0, 20.0])
    signs = np.append(np.where(np.arange(n - 2) % 3 == 0, -1.0, 1.0), [1.0, -1.0])
    rates, slopes, _ = LOGISTIC.derivatives(z @ gamma.T + bias)
    weights = np.full(number, 1 / number)
    return gamma, signs, rates, slopes, z + np.sin(z), weights, 0.1


def objective(instance, readout, common, constancy):
    _, _, rates, slopes, wanted, weights, s = instance
    r = weights @ slopes**2
    error = weights @ np.sum((rates @ readout.T - wanted) ** 2, axis=1)
    error += s**2 * np.sum(r * readout**2)
    return error + constancy * (weights @ (rates @ common) ** 2 + s**2 * np.sum(r * common**2))


def wrong_signs(gamma, signs, found):
    """Entries of W of a wrong sign, however it is summed."""
    by_product = gamma @ found.readout + found.common
    by_lift = np.append(gamma, np.ones((len(gamma), 1)), axis=1) @ np.vstack(found)
    by_terms = found.common + np.sum(gamma[:, :, None] * found.readout, axis=1)
    return sum(int(np.sum(signs * W < 0)) for W in (by_product, by_lift, by_terms))


def flow(number, rng):
    """States of the plane about van der Pol's cycle and z + τf there."""
    z = rng.uniform(-1, 1, (number, 2)) * np.array([2.5, 4.0])
    x, y = z.T
    return z, z + 0.5 * np.stack([y, (1 - x**2) * y - x], axis=1)


def make_problem(number=3000, seed=0, activation=LOGISTIC):
    z, wanted = flow(number, np.random.default_rng(seed))
    wanted = (wanted - wanted.mean(axis=0)) / flow_scale()
    states = z / np.array([2.5, 4.0]) * 3**0.5
    weights = np.full(number, 1 / number)
    return MatchingProblem(states, wanted, weights, activation, 0.01, FreeReadouts())


def flow_scale():
    z, wanted = flow(4096, np.random.default_rng(9))
    return (wanted - z).std(axis=0)


@pytest.mark.parametrize("solve", [at_once, by_splitting])
def test_a_small_instance_agrees_with_another_solver(solve):
    instance, omega = make_instance(n=8, number=30), 0.3
    gamma, signs, _, slopes, *_ = instance
    n, k = gamma.shape

    def parts(x):
        return x[: k * n].reshape(k, n), x[k * n :]

    entries = np.concatenate(
        [
            signs[:, None, None] * np.eye(n)[:, None] * row[:, None]
            for row in np.append(gamma, np.ones((n, 1)), axis=1)
        ]
    ).reshape(n * n, -1)
    feedback = np.concatenate([np.zeros((len(slopes), k * n)), -slopes], axis=1)
    rows = np.concatenate([entries, feedback])
    bounds = np.concatenate([np.zeros(len(entries)), np.full(len(feedback), 1.001)])
    start = np.zeros((k + 1) * n)
    at_zero = objective(instance, *parts(start), omega)
    units = np.eye(len(start))
    half = [
        (objective(instance, *parts(e), omega), objective(instance, *parts(-e), omega))
        for e in units
    ]
    slope = np.array([(a - b) / 2 for a, b in half])
    both = np.array([[objective(instance, *parts(a + b), omega) for a in units] for b in units])
    ahead = np.array([a for a, _ in half])
    P = both - ahead[:, None] - ahead + at_zero
    other = minimize(
        lambda x: at_zero + slope @ x + x @ P @ x / 2,
        np.append(np.zeros(k * n), signs),
        jac=lambda x: slope + P @ x,
        constraints={"type": "ineq", "fun": lambda x: rows @ x - bounds, "jac": lambda _: rows},
        method="SLSQP",
        options={"maxiter": 1000, "ftol": 1e-12},
    )
    assert other.success
    readout, common = solve(Task(*instance, omega))
    assert objective(instance, readout, common, omega) == pytest.approx(other.fun, rel=1e-3)
    found = signed_readouts(*instance, constancy=omega)
    assert objective(instance, *found, omega) == pytest.approx(other.fun, rel=1e-3)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("dense", [0, 10**6])
def test_no_entry_has_the_wrong_sign(k, dense, monkeypatch):
    monkeypatch.setattr(dale, "_MOST_DENSE", dense)
    instance = make_instance(n=24, k=k, seed=k)
    found = signed_readouts(*instance)
    assert wrong_signs(*instance[:2], found) == 0
    assert np.max(instance[3] @ found.common) <= -1
    # The control: without the coordinate along 1 many are.
    free = found._replace(common=np.zeros_like(found.common))
    assert wrong_signs(*instance[:2], free) > 0


@pytest.mark.parametrize(("k", "n"), [(1, 9), (2, 500), (3, 2000), (4, 300), (5, 100), (9, 100)])
def test_corners_hold_all_rows(k, n):
    rng = np.random.default_rng(k)
    gamma = rng.standard_normal((n, k))
    gamma /= np.linalg.norm(gamma, axis=1, keepdims=True)  # all of them corners
    corners = hull_corners(gamma)
    assert len(corners) <= 60
    directions = rng.standard_normal((k, 400))
    assert np.all((corners @ directions).max(axis=0) >= (gamma @ directions).max(axis=0) - 1e-9)


def test_pairs_keep_the_new_coordinate_and_cost_no_accuracy():
    problem = make_problem()
    found = signed_features(problem, 128, np.random.default_rng(0))
    assert (found.signs > 0).mean() == pytest.approx(0.8, abs=0.01)
    gamma, bias = found.features.gamma, found.features.bias
    rates, slopes, _ = LOGISTIC.derivatives(found.features.arguments(problem.states))
    solved = signed_readouts(
        gamma, found.signs, rates, slopes, problem.outputs, problem.weights, 0.01,
        partners=found.partners,
    )  # fmt: skip
    assert wrong_signs(gamma, found.signs, solved) == 0
    assert np.max(slopes @ solved.common) <= -1
    fresh = make_problem(seed=1)
    rng = np.random.default_rng(2)
    x = fresh.states @ gamma.T + bias
    for noise, bound in ((0.0, 3e-3), (0.01, 6e-3)):
        rates = LOGISTIC.derivatives(x + noise * rng.standard_normal(x.shape))[0]
        wanted = flow(3000, np.random.default_rng(1))[1]
        wanted = (wanted - flow(3000, np.random.default_rng(0))[1].mean(axis=0)) / flow_scale()
        error = np.sqrt(np.mean((rates @ solved.readout.T - wanted) ** 2))
        assert error < bound
        if noise == 0:
            assert np.abs(rates @ solved.common).max() < 1e-9


def test_what_pairs_cannot_do_is_refused():
    problem = make_problem(500)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="softplus"):
        signed_features(replace(problem, activation=ACTIVATIONS["softplus"]), 64, rng)
    with pytest.raises(InputError, match="use more neurons"):
        signed_features(problem, 4, rng, fit=LeastSquares())


def test_no_inhibition_is_refused():
    gamma, signs, *others = make_instance()
    with pytest.raises(ComputationError, match="inhibitory"):
        signed_readouts(gamma, np.ones_like(signs), *others)
