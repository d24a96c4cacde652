"""Rest, a cycle and chaos, commanded in turn."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory import Regions, switching_experiment
from driftmatch.memory.switching import Switching
from driftmatch.memory.switching_experiment import SwitchingExperiment

REPORT = dm.EmbeddingReport(0.03, 0.04, 0.01, 0.0, 1.0, 1.0, 64, 0, 1.0, 1.0)


def test_what_is_told():
    net = dm.Network(np.eye(4, 3), np.ones((3, 4)), np.zeros(4))
    times = np.arange(5.0)
    run = dm.Trajectory(times, np.zeros((4, 5, 3)), dm.Outcome.SUCCESS, "three", 1.0)
    commands, ended = np.array([0, 2]), np.array([[0, 2], [0, 1], [0, 2], [-1, 2]])
    regions = Regions(np.eye(3), 0.3)
    one = Switching(commands, ended, 1.0, 2.0, np.zeros((2, 3)), run, regions)
    embedding = dm.Embedding(net, REPORT, dm.Outcome.SUCCESS, dm.systems.lorenz())
    record = SwitchingExperiment(embedding, one, one, 0.01).to_dict()
    assert record["commands"] == ["fixed point", "chaos"]
    assert record["attractors"] == ["fixed point", "limit cycle", "chaos"]
    assert record["target"]["success_by_command"] == [0.75, 0.75]
    assert record["target"]["success"] == 0.75
    assert record["target"]["trials"] == 4
    assert (record["drift_error"], record["drift_error_around"]) == (0.01, 0.03)
    assert "trajectory" not in record["target"]


@pytest.mark.slow
def test_a_real_one():
    done = switching_experiment(
        key=jax.random.key(0), num_neurons=256, num_trials=20, commands=[0, 1, 2]
    )
    assert done.commands == ["fixed point", "limit cycle", "chaos"]
    for run in done.runs.values():
        assert run.success > 0.9
