"""Regions: balls that label states and measure distances."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory.regions import Regions, as_level, as_regions, cores, filling

CORNERS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -2.0]])


def test_labels_are_those_of_the_balls_that_states_lie_in():
    regions = Regions(CORNERS, [0.5, 0.2, 0.3, 1.0])
    states = np.random.default_rng(0).uniform(-3, 3, (5, 4000, 2))
    labels = regions.labels(states)
    assert labels.shape == (5, 4000)
    inside = np.linalg.norm(states[..., None, :] - CORNERS, axis=-1) <= regions.radii
    assert inside.sum(axis=-1).max() == 1
    np.testing.assert_array_equal(labels, np.where(inside.any(-1), inside.argmax(-1), -1))
    assert set(np.unique(labels)) == {-1, 0, 1, 2, 3}


def test_labels_of_pieces_are_those_of_the_whole(monkeypatch):
    regions = Regions(CORNERS)
    states = np.random.default_rng(1).uniform(-2, 2, (1001, 2)).astype(np.float32)
    whole = regions.labels(states)
    monkeypatch.setattr("driftmatch.memory.regions._CHUNK", 20)
    np.testing.assert_array_equal(regions.labels(states), whole)


def test_whole_numbers_are_states_too():
    """Centres must not be rounded to the states' type."""
    regions = Regions([[0.5], [2.5]], 0.6)
    np.testing.assert_array_equal(regions.labels(np.arange(5)[:, None]), [0, 0, 1, 1, -1])


def test_the_edge_belongs_to_the_region_and_a_state_alone_has_a_label():
    regions = Regions([[0.0], [2.0]], [1.0, 0.5])
    assert regions.labels(np.array([1.0])) == 0
    assert regions.labels(np.array([1.25])) == -1
    assert regions.labels(np.array([np.nan])) == -1


def test_default_radii():
    """0.3 of the least distance, √2; of cores 0.1 √k of it, which grows until it meets 0.3."""
    np.testing.assert_allclose(Regions(CORNERS).radii, 0.3 * 2**0.5)
    np.testing.assert_allclose(cores(CORNERS).radii, 0.1 * 2**0.5 * 2**0.5)
    many = np.eye(16)
    np.testing.assert_allclose(cores(many).radii, Regions(many).radii)
    assert as_regions(CORNERS).radii[0] == Regions(CORNERS).radii[0]
    regions = Regions(CORNERS, 0.1)
    assert as_regions(regions) is regions


def test_filling_balls_are_as_large_as_their_own_neighbours_let_them_be():
    """0.45 of the distance to the nearest; with 0.6 of it they overlap."""
    centres = np.array([[0.0, 0.0], [1.0, 0.0], [8.0, 0.0]])
    np.testing.assert_allclose(filling(centres).radii, [0.45, 0.45, 0.45 * 7])
    for seed in range(20):
        c = np.random.default_rng(seed).normal(size=(8, 3))
        assert len(filling(c)) == 8
        with pytest.raises(dm.InputError, match="overlap"):
            Regions(c, 0.6 / 0.45 * filling(c).radii)
    with pytest.raises(dm.InputError, match="single region needs a radius"):
        filling([[0.0]])


def test_parts():
    regions = Regions(CORNERS, [0.5, 0.2, 0.3, 1.0])
    assert len(regions) == 4
    assert regions.dim == 2
    for which, expected in ((2, [2]), (-1, [3]), (slice(1, None), [1, 2, 3]), ([0, 3], [0, 3])):
        part = regions[which]
        np.testing.assert_array_equal(part.centres, CORNERS[expected])
        np.testing.assert_array_equal(part.radii, regions.radii[expected])
    assert [len(part) for part in regions] == [1, 1, 1, 1]


def test_distance_is_negative_inside_and_has_unit_slope():
    regions = Regions(CORNERS, [0.5, 0.2, 0.3, 1.0])
    level = as_level(regions, 2)
    states = jnp.asarray(np.random.default_rng(2).uniform(-3, 3, (1000, 2)))
    values = np.asarray(jax.vmap(level)(states))
    np.testing.assert_array_equal(values <= 0, regions.labels(np.asarray(states)) >= 0)
    slopes = np.asarray(jax.vmap(jax.grad(level))(states))
    np.testing.assert_allclose(np.linalg.norm(slopes, axis=1), 1.0, atol=1e-5)


def test_levels_in_both_precisions():
    """A level that closes over NumPy numbers is not spoiled by what JAX remembers of them."""
    c = np.array([1.0, 2.0])
    level = as_level(lambda z: jnp.sum((z - c) ** 2) - 1.0, 2)
    regions = as_level(Regions(CORNERS), 2)
    for function in (level, regions):
        single = eqx.filter_jit(function)(jnp.zeros(2))
        with jax.enable_x64(True):
            double = eqx.filter_jit(function)(jnp.zeros(2))
        assert eqx.filter_jit(function)(jnp.zeros(2)) == single
        assert float(single) == pytest.approx(float(double), rel=1e-6)


@pytest.mark.parametrize(
    ("centres", "radius", "words"),
    [
        ([-1.0, 1.0], None, r"shape \(W, k\), got \(2,\)"),
        ([], None, "shape .W, k."),
        ([[]], 1.0, "shape .W, k."),
        ([["a"]], 1.0, "must be .*numbers of shape"),
        ([[0.0], [np.nan]], None, "finite"),
        ([[0.0]], None, "single region needs a radius"),
        ([[0.0], [1.0], [0.0]], None, "centres 0 and 2 coincide"),
        ([[0.0], [1.0]], [0.1, 0.1, 0.1], "a number or have shape .2,."),
        ([[0.0], [1.0]], 0.0, "positive"),
        ([[0.0], [1.0]], [0.1, np.nan], "radius must be finite"),
        ([[0.0], [1.0]], "wide", "must be .*numbers of shape"),
        ([[0.0], [5.0], [5.5]], 0.3, "regions 1 and 2 overlap.*lower radius"),
        ([[0.0, 0.0], [5.0, 0.0], [9.0, 0.0]], [4.5, 0.6, 1.0], "regions 0 and 1 overlap"),
    ],
)
def test_bad_regions(centres, radius, words):
    with pytest.raises(dm.InputError, match=words):
        Regions(centres, radius)


def test_balls_may_touch():
    assert len(Regions([[0.0], [1.0]], 0.5)) == 2


def test_states_of_another_dimension():
    with pytest.raises(dm.InputError, match="2 dimensions but the states have shape"):
        Regions(CORNERS).labels(np.zeros((3, 5, 3)))
    with pytest.raises(dm.InputError, match="2 dimensions"):
        Regions(CORNERS).labels(np.zeros(()))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Regions([[0.0]], 1.0), "goal has 1 dimensions but the SDE 2"),
        (3.0, "Regions or a function that is negative inside, got float"),
        (lambda z: z, r"one real number .* shape \(2,\)"),
        (lambda z: z[0] > 1, "one real number .* got bool"),
        (lambda z: np.sin(z[0]) - z[5], "write it with jax.numpy"),
        (lambda z: 1.0 if z[0] > 0 else -1.0, "write it with jax.numpy"),
    ],
)
def test_bad_levels(target, words):
    with pytest.raises(dm.InputError, match=words):
        as_level(target, 2, "goal")
