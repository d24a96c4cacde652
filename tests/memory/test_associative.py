"""Recall of every well by target, network and Hopfield's network."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory.associative import associative_memory, pooled

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def four():
    sde = dm.systems.wells(noise=0.35)
    return sde, dm.embed(sde, num_neurons=64, key=KEY, fit="least-squares").network


def test_every_well_is_recalled(four):
    found = associative_memory(*four, key=KEY, num_trials=402)
    for who in ("target", "network", "hopfield"):
        recalls = getattr(found, who)
        assert [r.trials for r in recalls] == [101, 101, 100, 100]
        assert [r.target for r in recalls] == [0, 1, 2, 3]
        assert pooled(recalls).trials == 402
        assert pooled(recalls).fraction > 0.98
        low, high = pooled(recalls).interval
        assert low < pooled(recalls).fraction <= high
    np.testing.assert_allclose(
        [tilt.forcing / tilt.strength for tilt in found.tilts],
        found.tilts[0].landscape.minima / 2**0.5, atol=1e-3,
    )  # fmt: skip
    runs = found.target[0].trajectory.states, found.network[0].trajectory.states
    assert not np.allclose(*runs), "target and network have noise of their own"


def test_a_margin_too_small_leaves_most_where_they_were(four):
    weak = associative_memory(*four, key=KEY, num_trials=200, margin=0.05)
    assert pooled(weak.target).fraction < 0.6


def test_bad_input(four):
    with pytest.raises(dm.InputError, match="at least one a well"):
        associative_memory(*four, key=KEY, num_trials=3)
