import numpy as np
import pytest
from drawing import network, network_run

from driftmatch.errors import InputError
from driftmatch.figures import balance


def test_currents_add_up_to_what_neurons_receive():
    net = network(2)
    run = network_run(2, net)
    left, right = balance(net, run).axes
    excitation, inhibition, both = (line.get_ydata() for line in right.lines)
    rates = np.tanh(net.lift(run.latent[0]))
    np.testing.assert_allclose(both, (rates @ net.W.T).mean(axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(excitation + inhibition, both, rtol=1e-5, atol=1e-6)
    assert excitation.min() > 0 > inhibition.max()
    values = np.linalg.eigvals(net.W)
    drawn = left.lines[-1].get_xdata()
    assert max(drawn) == pytest.approx(max(values.real), abs=1e-6)
    assert len(drawn) == 40


def test_what_does_not_belong_together():
    with pytest.raises(InputError, match="3 latent dimensions and the network 2"):
        balance(network(2), network_run(3))
    with pytest.raises(InputError, match="at most 4096 neurons"):
        balance(network(2, 5000), network_run(2))
    with pytest.raises(InputError, match="got str"):
        balance("net", network_run(2))
