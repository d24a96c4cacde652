"""A ring of wells and its network, side by side."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory import walk_experiment
from driftmatch.memory.walk_experiment import WalkExperiment

KEY = jax.random.key(0)


def few():
    """Three wells that are hardly ever left, watched for a moment."""
    ring = dm.systems.ring_of_wells(3, 0.3, 0.4)
    one = dm.memory.walk(ring, key=KEY, duration=5.0, num_trajectories=2)
    report = dm.EmbeddingReport(0.01, 0.02, 0.01, 0.0, 1.0, 1.0, 64, 0, 1.0, 1.0)
    embedding = dm.Embedding(dm.Network(np.eye(4, 2), np.ones((2, 4)), np.zeros(4)), report,
                             dm.Outcome.SUCCESS, ring)  # fmt: skip
    return WalkExperiment(embedding, one, one, {})


def test_what_is_told():
    found = few()
    record = found.to_dict()
    assert list(record) == [
        "target", "network", "log_rate_ratio_theory", "drift_error", "embedding_outcome", "curves",
    ]  # fmt: skip
    assert record["target"] == found.target.to_dict()
    assert (record["drift_error"], record["embedding_outcome"]) == (0.01, "success")
    # 2πRF/(mD), D = σ²/2
    assert record["log_rate_ratio_theory"] == pytest.approx(2 * np.pi * 0.3 / (3 * 0.08))


def test_a_walk_tells_its_numbers_and_no_recording():
    one = few().target
    record = one.to_dict()
    assert record["jumps"] == len(one.dwell.jumps)
    assert record["forward_rate"] == one.dwell.forward_rate.value
    assert record["forward_rate_interval"] == list(one.dwell.forward_rate.interval)
    assert record["entropy_production"] == one.irreversibility.entropy_production
    assert record["doubtful"] == one.doubtful
    assert len(str(record)) < 5000


def test_what_is_doubtful():
    one = few().target
    assert one.dwell.never_visited == (2,)  # two trajectories, and no time to come there
    assert one.doubtful["dwell"] == f"{dm.Outcome.UNVISITED} (wells 2)"
    assert set(one.doubtful) <= {"dwell", "irreversibility"}


@pytest.mark.slow
def test_a_real_walk():
    """Small, but the real thing: target and network hold the theory in an interval that is twice
    as wide as that of 95 %."""
    done = walk_experiment(4, key=KEY, torque=0.3, noise=0.5, num_neurons=48, curves=False)
    assert done.curves == {}
    # σ²/2 = 1/8, m = 4, R = 1
    assert done.log_rate_ratio_theory == pytest.approx(2 * np.pi * 0.3 / (4 / 8))
    for one in done.walks.values():
        assert len(one.dwell.jumps) > 500
        low, high = one.dwell.log_rate_ratio_interval
        edge = 0.5 * (high - low)
        assert low - edge < done.log_rate_ratio_theory < high + edge
    assert not np.array_equal(done.target.dwell.jumps, done.network.dwell.jumps)
