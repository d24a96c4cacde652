"""Hopfield's network: energies, fixed points, capacity."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory.hopfield import HopfieldNetwork, signs_of
from driftmatch.memory.recall import corrupt

KEY = jax.random.key(0)


def random_patterns(W, n, seed=0):
    return np.random.default_rng(seed).choice([-1.0, 1.0], (W, n))


def connectivity(patterns):
    W = patterns.T @ patterns / patterns.shape[1]
    np.fill_diagonal(W, 0)
    return W


def test_the_energy_is_that_of_the_matrix():
    patterns = random_patterns(5, 30)
    states = random_patterns(7, 30, seed=1)
    field = np.random.default_rng(2).normal(size=30)
    W = connectivity(patterns)
    expected = -0.5 * np.einsum("mi,ij,mj->m", states, W, states)
    network = HopfieldNetwork(patterns)
    assert np.allclose(network.energy(states), expected, atol=1e-12)
    assert np.allclose(network.energy(states, field), expected - states @ field, atol=1e-12)
    assert np.allclose(network.energy(states[0]), expected[0])


@pytest.mark.parametrize("strength", [0.0, 0.4])
def test_no_step_climbs_and_each_is_a_sign(strength):
    """Neuron by neuron, against the matrix: what a sweep leaves is what single steps lead to."""
    patterns = random_patterns(8, 40)
    field = strength * patterns[0]
    network, W = HopfieldNetwork(patterns), connectivity(patterns)
    s = random_patterns(6, 40, seed=3)
    swept = network._swept(s, field, np.random.default_rng(4))
    energy = network.energy(s, field)
    for i in np.random.default_rng(4).permutation(40):
        h = s @ W[:, i] + field[i]
        s[:, i] = np.where(np.abs(h) < 1e-12, s[:, i], np.sign(h))
        assert np.all(network.energy(s, field) <= energy + 1e-12)
        energy = network.energy(s, field)
    assert np.array_equal(swept, s)


def test_all_neurons_at_once_would_climb():
    """The negative twin: Hopfield's argument needs one neuron after the other."""
    network = HopfieldNetwork(random_patterns(30, 40))
    W = connectivity(network.patterns)
    s, climbs = random_patterns(200, 40, seed=3), 0
    for _ in range(20):
        before, s = s, np.where(s @ W >= 0, 1.0, -1.0)
        climbs += np.sum(network.energy(s) > network.energy(before) + 1e-9)
    assert climbs > 0


def test_stored_patterns_are_fixed_points_at_low_load():
    patterns = random_patterns(8, 400)
    found = HopfieldNetwork(patterns).recall(0, key=KEY, start=patterns, cue_sweeps=0)
    assert np.array_equal(found.states, patterns)
    assert np.all(found.is_settled)
    assert np.array_equal(found.ended, np.arange(8))
    assert found.successes == 1


@pytest.mark.parametrize(("load", "least", "most"), [(0.05, 1, 1), (0.10, 0.98, 1), (0.2, 0, 0.3)])
def test_capacity_breaks_down_near_0_14_n(load, least, most):
    """Whether patterns keep an overlap of 0.9 with where they lead. Theory: 0.138 for n → ∞ (D.
    Amit, H. Gutfreund, H. Sompolinsky, Phys. Rev. Lett. 55, 1530 (1985))."""
    n, M = 800, 40
    patterns = random_patterns(int(load * n), n)
    network = HopfieldNetwork(patterns)
    found = network.recall(0, key=KEY, start=patterns[:M], cue_sweeps=0)
    kept = np.mean(found.overlaps[np.arange(M), np.arange(M)] >= 0.9)
    assert least <= kept <= most


def test_recall_from_damaged_patterns_and_by_a_cue():
    patterns = random_patterns(10, 300)
    network = HopfieldNetwork(patterns)

    def success(**options):
        return network.recall(4, key=KEY, num_trials=200, **options).success

    damaged = corrupt(patterns, 4, key=KEY, fraction=0.25, num_trials=200)
    assert success(start=damaged, cue_sweeps=0) > 0.98
    assert success(cue=1.0) == 1
    assert success(cue=0.0) < 0.3  # the control: from random states
    assert success(start=-damaged, cue_sweeps=0) == 0  # and from the mirror image


def test_ties_leave_a_neuron_as_it_is():
    """Two patterns that differ in half of the neurons: without the diagonal, s_i feels none."""
    network = HopfieldNetwork([[1.0, 1.0], [1.0, -1.0]])
    starts = [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]
    found = network.recall(0, key=KEY, start=starts, cue_sweeps=0)
    assert np.array_equal(found.states, starts)


def test_neural_states_become_signs():
    states = np.array([[1.0, 5.0, -1.0], [3.0, 4.0, -2.0], [2.9, 0.0, 9.0]])
    assert np.array_equal(signs_of(states), [[-1, 1, -1], [1, 1, -1], [1, -1, 1]])
    signs = random_patterns(3, 5)
    assert np.array_equal(HopfieldNetwork(signs).patterns, signs)


def test_the_same_key_gives_the_same_recall():
    network = HopfieldNetwork(random_patterns(30, 100))
    first, again, other = (
        network.recall(0, key=jax.random.key(seed), num_trials=20, cue=0.3).states
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        (np.ones((1, 5)), "at least two patterns, got 1"),
        (np.ones(5), r"have shape \(W, d\), got \(5,\)"),
        (np.ones((0, 5)), r"have shape \(W, d\), got \(0, 5\)"),
        (np.full((2, 5), np.nan), "must be finite"),
        ([[1.0, -1.0], [-1.0, 1.0], [1.0, -1.0]], "patterns 0 and 2 have the same signs"),
        ("patterns", "must be numbers of shape .*, got 'patterns'"),
    ],
)
def test_bad_patterns(patterns, words):
    with pytest.raises(dm.InputError, match=words):
        HopfieldNetwork(patterns)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"target": 3}, "target must be a whole number from 0 to 2"),
        ({"num_trials": 0}, "num_trials must be"),
        ({"start": np.zeros(8)}, "start must be of ±1"),
        ({"start": np.ones((2, 7))}, "start must have shape"),
        ({"key": 1}, "key must be one random key"),
        ({"sweeps": "a"}, "sweeps must be a whole number of at least 0, got 'a'"),
        ({"cue_sweeps": -1}, "cue_sweeps must be a whole number of at least 0, got -1"),
        ({"cue": np.nan}, "cue must be finite, got nan"),
        ({"cue": "a"}, "cue must be a number, got 'a'"),
    ],
)
def test_bad_recall(bad, words):
    given = {"target": 0, "key": KEY} | bad
    with pytest.raises(dm.InputError, match=words):
        HopfieldNetwork(random_patterns(3, 8)).recall(given.pop("target"), **given)
