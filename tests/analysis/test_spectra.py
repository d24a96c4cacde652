import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from driftmatch.analysis.spectra import hellinger, power_spectrum, spectrum_distance
from driftmatch.errors import InputError


def autoregressive(a, shape, seed):
    """z_{t+1} = a z_t + noise, stationary from the start."""
    rng = np.random.default_rng(seed)
    M, T, k = shape
    noise = rng.standard_normal((T, M, k))
    z = np.empty((T, M, k))
    z[0] = noise[0] / np.sqrt(1 - a * a)
    for t in range(1, T):
        z[t] = a * z[t - 1] + noise[t]
    return z.swapaxes(0, 1)


def exact_spectrum(a, T, smoothing):
    frequency = np.fft.rfftfreq(T)
    power = 1 / np.abs(1 - a * np.exp(-2j * np.pi * frequency)) ** 2
    power = gaussian_filter1d(power, smoothing)
    return (power / power.sum())[:, None]


def test_spectrum_of_an_autoregressive_process():
    """Twenty-odd bins and 200 trajectories leave about 1 % of scatter in a bin."""
    found = power_spectrum(autoregressive(0.6, (200, 1024, 1), 0), smoothing=10.0)
    expected = exact_spectrum(0.6, 1024, 10)
    assert np.max(np.abs(found / expected - 1)) < 0.08
    assert np.max(np.abs(found / exact_spectrum(0.5, 1024, 10) - 1)) > 0.2


def test_distance_of_two_autoregressive_processes():
    expected = hellinger(exact_spectrum(0.3, 1024, 20), exact_spectrum(0.7, 1024, 20))
    a, b = autoregressive(0.3, (200, 1024, 2), 0), autoregressive(0.7, (100, 1024, 2), 1)
    assert spectrum_distance(a, b) == pytest.approx(expected, rel=0.05)
    assert spectrum_distance(a, b) == pytest.approx(spectrum_distance(b, a))
    assert spectrum_distance(a, autoregressive(0.3, (100, 1024, 2), 2)) < 0.1 * expected


def test_units_do_not_matter():
    a, b = autoregressive(0.3, (3, 512, 2), 0), autoregressive(0.7, (3, 512, 2), 1)
    assert spectrum_distance(a * [1e4, 1e-3] + 5, b) == pytest.approx(spectrum_distance(a, b))
    assert spectrum_distance(a, a) == 0


def test_separate_bands_are_as_far_apart_as_can_be():
    t = np.arange(4096)[:, None]
    slow, fast = np.sin(2 * np.pi * t / 64), np.sin(2 * np.pi * t / 4)
    assert spectrum_distance(slow, fast) == pytest.approx(1, abs=1e-3)
    assert spectrum_distance(slow, np.cos(2 * np.pi * t / 64)) < 1e-3


def test_spectra_are_averaged_before_they_are_compared():
    """The floor falls as 1/√M: from 1 trajectory to 64 of them eightfold."""
    a, b = autoregressive(0.5, (64, 1024, 1), 0), autoregressive(0.5, (64, 1024, 1), 1)
    single = np.mean([spectrum_distance(x, y) for x, y in zip(a, b, strict=True)])
    assert 5 < single / spectrum_distance(a, b) < 12


def test_the_lowest_bin_counts():
    """Trajectories that stay for ever on one side differ from those that change sides at once,
    though each has a flat spectrum once its own mean is taken away."""
    rng = np.random.default_rng(0)
    white = rng.standard_normal((64, 512, 1))
    stuck = white + 3 * np.sign(rng.standard_normal((64, 1, 1)))
    assert spectrum_distance(white, stuck) > 0.5
    of_each = stuck - stuck.mean(axis=1, keepdims=True)
    assert spectrum_distance(white, of_each) < 0.05


def test_constant_coordinates():
    moving = autoregressive(0.5, (4, 512, 1), 0)
    still = np.full_like(moving, 3.0)
    assert spectrum_distance(still, still + 1) == 0
    assert spectrum_distance(moving, still) > 0.5


def test_bad_input():
    a = np.zeros((2, 64, 3))
    with pytest.raises(InputError, match="same number of samples"):
        spectrum_distance(a, a[:, :-1])
    with pytest.raises(InputError, match="the same dimension"):
        spectrum_distance(a, a[..., :2])
    with pytest.raises(InputError, match="at least 4 samples"):
        power_spectrum(a[:, :3])
