import numpy as np
import pytest
from drawing import network, network_run, target_run
from matplotlib.figure import Figure

from driftmatch.analysis.subspace import subspace as find_subspace
from driftmatch.errors import InputError
from driftmatch.figures import Recovery, save, subspace
from driftmatch.simulation.trajectory import NetworkTrajectory


def recovery(k, noise=0.0, measured=True):
    net = network(k).with_private_noise(noise)
    run = network_run(k, net)
    x = run.neurons + noise * np.random.default_rng(0).normal(size=run.neurons.shape)
    run = NetworkTrajectory(run.times, run.latent, run.outcome, net, run.dt, None, x)
    found = find_subspace(run, k)
    return Recovery(run, found, found.align(net, run if measured else None))


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_every_dimension_is_drawn(k, tmp_path):
    fig = subspace([recovery(k, s) for s in (0.0, 0.01, 0.1)])
    assert save(fig, tmp_path / "s.png").stat().st_size > 1000
    letters = [t.get_text() for ax in fig.axes for t in ax.texts if t.get_fontweight() == "bold"]
    assert letters == ["a", "b", "c", "d"]


def test_numbers_are_those_of_the_records():
    rows = [recovery(2, s) for s in (0.1, 0.0, 0.01)]
    traces, spectra, states, angles = subspace(rows).axes
    by_noise = sorted(rows, key=lambda row: row.run.network.private_noise)
    lines = [line for line in spectra.lines if len(line.get_xdata()) > 2]
    for line, row in zip(lines, by_noise, strict=True):
        np.testing.assert_allclose(line.get_ydata(), np.maximum(row.subspace.variance[:24], 1e-17))
    gap = next(line for line in spectra.lines if len(line.get_xdata()) == 2)
    assert gap.get_xdata()[0] == 2.5
    measured = angles.lines[0]
    np.testing.assert_array_equal(measured.get_xdata(), [0.01, 0.1])
    np.testing.assert_array_equal(
        measured.get_ydata(), [row.alignment.principal_angles.max() for row in by_noise[1:]]
    )
    assert "0.1" in traces.get_title()
    true, recovered = states.lines
    stop = len(true.get_xdata())
    np.testing.assert_array_equal(true.get_xydata(), rows[0].run.latent[0, :stop])
    expected = rows[0].alignment.latent(rows[0].run.neurons[0, :stop])
    np.testing.assert_allclose(recovered.get_xydata(), expected)


def test_one_run_without_noise_or_error(tmp_path):
    fig = Figure()
    assert subspace([recovery(2, measured=False)], fig=fig) is fig
    save(fig, tmp_path / "s.svg")
    assert "0.01" in subspace([recovery(2, s) for s in (0.01, 0.1)], shown=0).axes[0].get_title()


def test_what_cannot_be_drawn_is_refused_in_words():
    row = recovery(2)
    with pytest.raises(InputError, match="recoveries is empty"):
        subspace([])
    with pytest.raises(InputError, match="an index of 1 recoveries, got 1"):
        subspace([row], shown=1)
    with pytest.raises(InputError, match="needs a network's run"):
        subspace([row._replace(run=target_run(2))])
