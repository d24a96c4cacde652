import numpy as np

from driftmatch.analysis.neurons import lively_neurons, rates, telling_neurons
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.simulation.trajectory import NetworkTrajectory


def recorded() -> NetworkTrajectory:
    """Three groups of ten copies, and ten neurons that are constant."""
    gamma = np.concatenate([np.repeat(np.eye(3), 10, axis=0), np.zeros((10, 3))])
    net = Network(gamma, np.zeros((3, 40)), np.zeros(40))
    times = 0.1 * np.arange(60)
    z = np.sin(times[:, None] * (1 + np.arange(3)))
    return NetworkTrajectory(times, z[None], Outcome.SUCCESS, net, 0.1)


def test_chosen_neurons_vary_and_differ():
    """Of k groups of copies one of each is chosen, and no constant neuron."""
    run = recorded()
    assert sorted(telling_neurons(run, 3) // 10) == [0, 1, 2]
    assert lively_neurons(run, 30).max() < 30
    assert len(telling_neurons(run, 100)) == 40


def test_rates_are_those_of_the_neurons():
    run = recorded()
    found = rates(run, slice(5, 9), np.array([0, 12]))
    np.testing.assert_allclose(found, np.tanh(run.neurons[0, 5:9][:, [0, 12]]))
