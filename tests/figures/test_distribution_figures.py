import numpy as np
import pytest
from drawing import network_run, target_run

from driftmatch.analysis.spectra import power_spectrum
from driftmatch.errors import InputError
from driftmatch.figures import densities, spectra


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
def test_one_filled_and_one_open_histogram_a_coordinate(k):
    ax = densities(target_run(k), network_run(k))
    filled = [p for p in ax.patches if p.get_fill()]
    assert len(filled) == min(k, 6)
    assert len(ax.patches) == 2 * min(k, 6)


def test_heights_are_the_counts():
    targets, nets = target_run(2, T=500), network_run(2, T=300)
    ax = densities(targets, nets, num_bins=20)
    z = targets.states.reshape(-1, 2)
    for i in range(2):
        p, q = ax.patches[2 * i].get_data(), ax.patches[2 * i + 1].get_data()
        edges = z[:, i].mean() + z[:, i].std() * p.edges
        a = np.histogram(z[:, i], edges)[0] / len(z)
        b = np.histogram(nets.states[..., i], edges)[0] / nets.states[..., i].size
        level = 1 - i
        top = max(a.max(), b.max())
        np.testing.assert_allclose(p.values - level, 0.85 * a / top, atol=1e-12)
        np.testing.assert_allclose(q.values - level, 0.85 * b / top, atol=1e-12)


def test_spectra_are_those_of_the_runs():
    run, k = target_run(2, T=400), 2
    ax = spectra(run, network_run(2, T=400), smoothing=2.0)
    power = np.log10(power_spectrum(run.states, smoothing=2.0)[1:])
    for i in range(k):
        line = ax.lines[i]
        height = 4 * (line.get_ydata() - (k - 1 - i)) / 0.85
        shown = np.isfinite(height)
        assert shown.any()
        expected = 4 + power[:, i] - power[:, i].max()
        np.testing.assert_allclose(height[shown], expected[shown], atol=1e-9)
        np.testing.assert_allclose(line.get_xdata(), np.fft.rfftfreq(400, 0.1)[1:])
    assert ax.get_xscale() == "log"


def test_nothing_finite_is_refused():
    bad = target_run(2)
    bad.states[:] = np.nan
    with pytest.raises(InputError, match="no state"):
        densities(bad, network_run(2))
    with pytest.raises(InputError, match="no trajectory"):
        spectra(bad, network_run(2))
