"""Recall of every well by target, network and Hopfield's network."""

import jax
import numpy as np
import pytest
from rescaled import UNITS, rescaled

import driftmatch as dm
from driftmatch.memory.associative import associative_memory
from driftmatch.memory.recall import recall
from driftmatch.memory.trials import pooled

KEY = jax.random.key(0)


@pytest.fixture
def four(square_sde, square_network):
    return square_sde, square_network


def correlation(one, other):
    """Of the starts of their trials."""
    starts = (recall.trajectory.states[:, 0].ravel() for recall in (one, other))
    return np.corrcoef(*starts)[0, 1]


def test_every_well_is_recalled(four):
    found = associative_memory(*four, key=KEY, num_trials=402)
    for who in ("target", "network", "hopfield"):
        recalls = getattr(found, who)
        assert [r.trials for r in recalls] == [101, 101, 100, 100]
        assert [r.target for r in recalls] == [0, 1, 2, 3]
        assert pooled(recalls).trials == 402
        assert pooled(recalls).success > 0.98
        low, high = pooled(recalls).success_interval
        assert low < pooled(recalls).success <= high
    np.testing.assert_allclose(
        [tilt.forcing / tilt.strength for tilt in found.tilts],
        found.tilts[0].landscape.minima / 2**0.5, atol=1e-3,
    )  # fmt: skip


@pytest.mark.slow
def test_target_and_network_have_noise_of_their_own(four):
    """Of independent starts, 2 × 100 numbers, the correlation is within 4.5/√200 of 0, but once in
    10⁵; of one key, as in the control, they are the same."""
    found = associative_memory(*four, key=KEY, num_trials=400)
    for j in range(4):
        assert abs(correlation(found.target[j], found.network[j])) < 4.5 / 200**0.5
        assert abs(correlation(found.target[j], found.target[j - 1])) < 4.5 / 200**0.5
    both = (
        recall(system, found.tilts[0], duration=1.0, key=KEY, num_trials=100) for system in four
    )
    assert correlation(*both) > 0.999


def of_units(sde, size, time):
    """Success of target and network by a short cue, where nobody knows the unit of time."""
    system = rescaled(sde, 0.35, size, time, named=False)
    network = dm.embed(system, num_neurons=32, key=KEY, check=False, method="least-squares").network
    times = {"cue_duration": 1.5 * time, "hold_duration": 6 * time}
    found = associative_memory(system, network, key=KEY, num_trials=200, **times)
    return [pooled(recalls).success for recalls in (found.target, found.network)]


@pytest.fixture(scope="module")
def of_ones(square_sde):
    return of_units(square_sde, 1.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "time"), UNITS[1:3])
def test_units_do_not_matter(square_sde, of_ones, size, time):
    assert 0.4 < min(of_ones) <= max(of_ones) < 0.95
    # Of rounding a trial or three of 200 may end elsewhere.
    assert np.allclose(of_units(square_sde, size, time), of_ones, atol=0.015)


@pytest.mark.slow
def test_a_margin_too_small_leaves_most_where_they_were(four):
    weak = associative_memory(*four, key=KEY, num_trials=200, margin=0.05)
    assert pooled(weak.target).success < 0.6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_trials": 3}, "at least one a well"),
        ({"network": "system"}, "network must be a Network that embeds the SDE, got SDE"),
        ({"system": 3}, "system must be the SDE of the wells, got int"),
        (
            {"system": dm.systems.double_well()},
            "the network has 2 latent dimensions but double_well",
        ),
        ({"hold_duration": 0.0}, "hold_duration must be a positive number, got 0.0"),
        ({"cue_duration": "a"}, "cue_duration must be a positive number, got 'a'"),
        ({"key": 0}, "key must be one random key"),
    ],
)
def test_bad_input(four, change, words):
    pair = dict(zip(("system", "network"), four, strict=True))
    given = {"key": KEY} | pair | {k: pair.get(str(v), v) for k, v in change.items()}
    with pytest.raises(dm.InputError, match=words):
        associative_memory(given.pop("system"), given.pop("network"), **given)
