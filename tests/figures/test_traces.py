import itertools

import numpy as np
import pytest
from drawing import network, network_run, target_run

from driftmatch.errors import InputError
from driftmatch.figures import neuron_traces


def curves(ax):
    return [line for line in ax.lines if len(line.get_xdata()) > 2]


def test_lines_are_the_rates_moved_up_and_down():
    run = network_run(3)
    chosen = [3, 17, 30]
    lines = curves(neuron_traces(run, chosen))
    rates = np.tanh(run.neurons[0][:, chosen])
    for line, rate in zip(lines, rates.T, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), run.times)
        moved = line.get_ydata() - rate
        np.testing.assert_allclose(moved, moved[0], atol=1e-12)


def test_traces_do_not_overlap_and_carry_their_numbers():
    ax = neuron_traces(network_run(2), [0, 5, 9, 39])
    lines = curves(ax)
    for upper, lower in itertools.pairwise(lines):
        assert upper.get_ydata().min() > lower.get_ydata().max()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "5", "9", "39"]


def test_sixty_characteristic_times_are_shown_unless_told():
    run = network_run(2, T=900)
    (line,) = curves(neuron_traces(run, [0]))
    assert line.get_xdata()[-1] == pytest.approx(60 * run.network.time_scale, abs=0.1)
    (line,) = curves(neuron_traces(run, [0], duration=5.0))
    assert line.get_xdata()[-1] == pytest.approx(5.0, abs=0.1)


def test_the_bar_has_the_length_it_says():
    ax = neuron_traces(network_run(2), 5)
    (bar,) = (line for line in ax.lines if len(line.get_xdata()) == 2)
    assert np.ptp(bar.get_ydata()) == pytest.approx(float(ax.texts[0].get_text()))


def test_bad_neurons_are_refused():
    with pytest.raises(InputError, match="from 0 to 39"):
        neuron_traces(network_run(2), [40])
    with pytest.raises(InputError, match="from 0 to 39"):
        neuron_traces(network_run(2), 0)
    with pytest.raises((InputError, TypeError)):
        neuron_traces(target_run(2))  # pyright: ignore


def test_a_small_network_has_fewer_traces():
    net = network(1, n=3)
    assert len(curves(neuron_traces(network_run(1, net), 5))) == 3
