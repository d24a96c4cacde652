import numpy as np
import pytest
from drawing import network, network_run, target_run
from matplotlib.figure import Figure

from driftmatch.analysis.neurons import lively_neurons
from driftmatch.errors import InputError
from driftmatch.figures import network_schematic, save
from driftmatch.figures.network import _ordered


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_every_rank_is_drawn(k, tmp_path):
    net = network(k)
    fig = network_schematic(net, network_run(k, net))
    assert f"{net.num_neurons} neurons" in fig.axes[0].get_title()
    assert save(fig, tmp_path / "n.pdf").stat().st_size > 1000


def test_a_network_of_three_neurons_is_drawn():
    net = network(1, n=3)
    fig = network_schematic(net, network_run(1, net))
    fig.draw_without_rendering()
    assert "3 neurons" in fig.axes[0].get_title()


def test_matrices_are_those_of_the_network():
    net = network(3)
    run = network_run(3, net)
    shown = _ordered(net, lively_neurons(run, 32))
    images = [image.get_array() for image in network_schematic(net, run).axes[1].images]
    W, gamma, readout = net.gamma @ net.readout, net.gamma, net.readout
    wanted = (W[np.ix_(shown, shown)], gamma[shown], readout[:, shown])
    assert [image.shape for image in images] == [(32, 32), (32, 3), (3, 32)]
    for image, matrix in zip(images, wanted, strict=True):
        inside = np.abs(image) < 1
        assert inside.mean() > 0.9
        ratio = image[inside] / matrix[inside]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-10)


def test_arrows_are_the_three_strongest_inputs():
    net = network(2, n=5)
    run = network_run(2, net)
    shown = _ordered(net, lively_neurons(run, 32))
    ax = network_schematic(net, run).axes[0]
    arrows = [p for p in ax.patches if hasattr(p, "get_arrowstyle")]
    assert len(arrows) == 3 * 5
    angles = np.pi / 2 - 2 * np.pi * np.arange(5) / 5
    places = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    W = np.abs((net.gamma @ net.readout)[np.ix_(shown, shown)])
    np.fill_diagonal(W, 0)
    for i in range(5):
        sources = {
            int(np.linalg.norm(places - a._posA_posB[0], axis=1).argmin())
            for a in arrows
            if np.allclose(a._posA_posB[1], places[i])
        }
        assert i not in sources
        assert len(sources) == 3
        assert min(W[i, list(sources)]) >= min(0.97 * W.max(), np.sort(W[i])[-3]) - 1e-12


def test_the_figure_given_is_drawn_on():
    fig = Figure()
    net = network(2)
    assert network_schematic(net, network_run(2, net), fig=fig) is fig


def test_a_run_of_something_else_is_refused():
    with pytest.raises(InputError, match="another network"):
        network_schematic(network(2), network_run(2, network(2, n=50)))
    with pytest.raises((InputError, TypeError)):
        network_schematic(network(2), target_run(2))  # pyright: ignore
