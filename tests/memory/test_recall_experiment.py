"""Wells on a circle, recalled by target, network and Hopfield's network."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory import recall_experiment
from driftmatch.memory.associative import associative_memory
from driftmatch.memory.recall_experiment import RecallExperiment

KEY = jax.random.key(0)


def test_what_is_told(square_sde, square_network):
    found = associative_memory(square_sde, square_network, key=KEY, num_trials=40)
    report = dm.EmbeddingReport(0.01, 0.02, 0.01, 0.0, 1.0, 1.0, 64, 0, 1.0, 1.0)
    embedding = dm.Embedding(square_network, report, dm.Outcome.SUCCESS, square_sde)
    done = RecallExperiment(embedding, found, None, None)
    record = done.to_dict()
    for who in ("target", "network", "hopfield"):
        assert record[who]["trials"] == 40
        assert record[who]["success"] == getattr(done, who).success
        assert record[who]["success_interval"] == list(getattr(done, who).success_interval)
    assert record["tilts"] == [tilt.forcing.tolist() for tilt in found.tilts]
    assert (record["curves"], record["capacity"]) == (None, None)
    assert (record["drift_error"], record["embedding_outcome"]) == (0.01, "success")
    assert len(str(record)) < 2000


def test_fewer_trials_than_wells_are_refused():
    with pytest.raises(dm.InputError, match="at least one a well, 4, got 3"):
        recall_experiment(4, key=KEY, num_trials=3)


@pytest.mark.slow
def test_a_real_recall():
    done = recall_experiment(3, key=KEY, num_neurons=48, num_trials=90, curves=False)
    assert [done.target.trials, done.network.trials, done.hopfield.trials] == [90] * 3
    assert done.target.success > 0.95
    assert np.shape(done.tilts) == (3, 2)
