"""Capacity: many wells in a network, beside Hopfield's."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory.capacity import _hopfield_recalled, _sphere, capacity
from driftmatch.memory.landscape import landscape
from driftmatch.memory.tilt import reachable
from driftmatch.systems.wells import on_a_circle

KEY = jax.random.key(0)


@pytest.mark.slow
def test_more_wells_than_the_neurons_can_hold():
    found = capacity((14,), key=KEY, num_neurons=32, num_trials=20)
    assert found.success[0] < 0.98
    assert found.worst[0] < 0.9
    assert found.drift_errors[0] > 0.03
    assert found.intervals.shape == found.hopfield_intervals.shape == (1, 2)
    assert found.intervals[0, 0] < found.success[0] < found.intervals[0, 1]
    assert 0 < found.hopfield_success[0] < 1
    assert (found.dim, found.num_neurons, found.trials) == (2, 32, 20)


@pytest.mark.slow
def test_few_wells_are_all_recalled():
    """The control, at random in space."""
    found = capacity([3], key=KEY, num_neurons=64, arrangement="random", dim=3, num_trials=40)
    assert np.array_equal(found.num_wells, [3])
    assert [len(each) for each in found.successes] == [3]
    assert np.all(found.success > 0.95)
    assert found.dim == 3


def test_places_on_a_circle():
    """Two in a row, four as `wells` has them by default, all neighbours as far apart as asked."""
    assert np.allclose(on_a_circle(2), [[1, 0], [-1, 0]])
    assert np.allclose(on_a_circle(4), dm.systems.wells().parameters[0][1])
    for W in (2, 3, 7):
        places = on_a_circle(W, spacing=0.3)
        assert np.allclose(np.linalg.norm(places - np.roll(places, 1, axis=0), axis=1), 0.3)
        assert np.allclose(places.mean(axis=0), 0)


@pytest.mark.slow
def test_places_are_two_apart_and_all_can_be_reached():
    for W in (2, 9):
        places = on_a_circle(W)
        assert np.allclose(np.linalg.norm(np.diff(places, axis=0), axis=1), 2)
        assert reachable(landscape(dm.systems.wells(places, noise=0.3))) == tuple(range(W))
    places = _sphere(12, 3, KEY)
    apart = np.linalg.norm(places[:, None] - places, axis=-1)[~np.eye(12, dtype=bool)]
    assert apart.min() == pytest.approx(2)
    assert apart.max() < 8  # and none much nearer than others
    assert np.allclose(np.linalg.norm(places, axis=1), np.linalg.norm(places[0]))
    assert reachable(landscape(dm.systems.wells(places, noise=0.3))) == tuple(range(12))


def test_wells_of_the_same_signs_count_as_not_recalled():
    """All neurons along one direction: of four wells in a row two look like their neighbours."""
    network = dm.Network(np.ones((20, 1)), np.zeros((1, 20)), np.zeros(20))
    wells = landscape(dm.systems.wells([[-4.0], [-2.0], [2.0], [4.0]], noise=0.3))
    assert np.array_equal(_hopfield_recalled(network, wells, 5, KEY), np.zeros(4))
    pair = landscape(dm.systems.wells([[-2.0], [2.0]], noise=0.3))
    assert np.array_equal(_hopfield_recalled(network, pair, 5, KEY), [5, 5])


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"num_wells": (1, 2)}, "each of num_wells must be .* at least 2, got 1"),
        ({"num_wells": ()}, "num_wells must be a list of numbers"),
        ({"num_wells": 4}, "num_wells must be a list of numbers, got 4"),
        ({"num_wells": "24"}, "a list of numbers, got '24'"),
        ({"noise": "a"}, "noise must be a number, got 'a'"),
        ({"num_wells": (2.5,)}, "each of num_wells must be a whole number"),
        ({"arrangement": "line"}, "no arrangement 'line'; choose one of circle, random"),
        ({"dim": 3}, "a circle has 2 dimensions"),
        ({"num_trials": 0}, "num_trials must be"),
        ({"num_neurons": 2}, "needs at least 3 neurons"),
    ],
)
def test_bad_input(bad, words):
    with pytest.raises(dm.InputError, match=words):
        capacity(**({"num_wells": (2,), "key": KEY} | bad))
