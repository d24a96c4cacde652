import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from driftmatch.analysis.lyapunov import LyapunovSpectrum
from driftmatch.analysis.neural_lyapunov import NeuralSpectrum
from driftmatch.errors import InputError
from driftmatch.figures import lyapunov, lyapunov_history, save
from driftmatch.figures.lyapunov import rounded
from driftmatch.figures.parts.style import NETWORK, TARGET
from driftmatch.outcomes import Outcome


def spectrum(exponents, error=0.01, outcome=Outcome.SUCCESS) -> LyapunovSpectrum:
    exponents = np.array(exponents, float)
    errors = np.full(len(exponents), error)
    settling = 1 + 0.1 * np.cos(np.arange(20))[:, None] / np.arange(1, 21)[:, None]
    history = exponents * settling / settling[-1]
    return LyapunovSpectrum(exponents, errors, exponents.sum(), error, 2.0, 100.0, history, outcome)


def neural(exponents, n=512, leak=-10.0) -> NeuralSpectrum:
    within = spectrum(exponents)
    number = n - len(exponents)
    return NeuralSpectrum(within, leak, number, within.sum + number * leak, 0.01, 2.1)


LORENZ = (0.906, 0.0, -14.572)


def points(ax, color):
    """What stands with error bars, by colour: x, y and half the length of the bars."""
    for bars in ax.containers:
        assert isinstance(bars, ErrorbarContainer)
        line, _, (stems,) = bars.lines
        if to_rgb(line.get_color()) == to_rgb(color):
            ends = np.array(stems.get_segments())[:, :, 1]
            return line.get_xdata(), line.get_ydata(), np.diff(ends, axis=1)[:, 0] / 2
    raise AssertionError("nothing of that colour")


def words(ax):
    return {text.get_text() for text in ax.texts}


@pytest.mark.parametrize("k", [1, 2, 3, 5, 10, 30])
def test_every_number_of_exponents_is_drawn(k, tmp_path):
    ax = lyapunov(spectrum(np.linspace(1, -5, k)), spectrum(np.linspace(1.1, -5, k)))
    assert save(ax.figure, tmp_path / "l.png").stat().st_size > 1000


def test_target_and_network_with_their_errors():
    target, network = spectrum(LORENZ), spectrum((0.9, 0.001, -14.5), error=0.02)
    ax = lyapunov(target, network)
    for record, color in ((target, TARGET), (network, NETWORK)):
        _, values, bars = points(ax, color)
        np.testing.assert_array_equal(values, record.exponents)
        np.testing.assert_allclose(bars, 2 * record.standard_error)
    np.testing.assert_allclose(points(ax, TARGET)[0] + 0.28, points(ax, NETWORK)[0])
    assert {"0.91", "0.90", "−14.57", "−14.50", "0.00"} <= words(ax)
    assert ax.get_yscale() == "symlog"  # 0.9 and 14.6


def test_either_alone():
    ax = lyapunov(network=spectrum((0.0, -1.0)))
    np.testing.assert_array_equal(points(ax, NETWORK)[0], [1, 2])
    assert ax.get_yscale() == "linear"
    with pytest.raises(AssertionError):
        points(ax, TARGET)


def test_the_leak_is_told_apart():
    """509 of 512 exponents are one open point each, of which few are drawn, at −1/τ."""
    ax = lyapunov(spectrum(LORENZ), neural(LORENZ))
    np.testing.assert_array_equal(points(ax, NETWORK)[1], LORENZ)
    (leaks,) = (line for line in ax.lines if line.get_markerfacecolor() == "white")
    np.testing.assert_array_equal(leaks.get_ydata(), np.full(3, -10.0))
    np.testing.assert_allclose(leaks.get_xdata(), [3.14, 4.14, 5.14])
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == ["$λ_{1}$", "$λ_{2}$", "$λ_{3}$", "…", "$λ_{511}$", "$λ_{512}$"]
    assert any("509" in word for word in words(ax))


def test_all_of_a_small_network_are_drawn():
    ax = lyapunov(network=neural((0.0, -1.0), n=6, leak=-2.0))
    (leaks,) = (line for line in ax.lines if line.get_markerfacecolor() == "white")
    np.testing.assert_array_equal(leaks.get_xdata(), [3, 4, 5, 6])


def test_history_is_in_errors_off_the_end():
    record = spectrum(LORENZ)
    ax = lyapunov_history(record, neural(LORENZ))
    lines = [line for line in ax.lines if to_rgb(line.get_color()) == to_rgb(TARGET)]
    assert len(lines) == 3
    for i, line in enumerate(lines):
        np.testing.assert_allclose(line.get_xdata(), np.arange(1, 21) / 20)
        np.testing.assert_allclose(line.get_ydata(), (record.history[:, i] - LORENZ[i]) / 0.01)
    assert len(ax.lines) == 6


def test_in_axes_of_the_users_own():
    ax = Figure().add_subplot()
    assert lyapunov(spectrum(LORENZ), ax=ax) is ax
    assert lyapunov_history(spectrum(LORENZ), ax=ax) is ax


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (0.9056, 0.003, "0.906"),
        (-14.5723, 0.03, "−14.57"),
        (-0.0001, 0.01, "0.00"),
        (1.0, 0.0, "1"),
        (-2.0, 1e-9, "−2.0000"),
        (123.4, 20.0, "123"),
    ],
)
def test_rounding(value, error, expected):
    assert rounded(value, error) == expected


@pytest.mark.parametrize("draw", [lyapunov, lyapunov_history])
def test_what_cannot_be_drawn_is_refused_in_words(draw):
    with pytest.raises(InputError, match="of a target, of a network, or of both"):
        draw()
    with pytest.raises(InputError, match="network must be a spectrum"):
        draw(spectrum(LORENZ), np.array(LORENZ))
    with pytest.raises(InputError, match="of the target, the run became non-finite"):
        draw(spectrum((np.nan, np.nan), outcome=Outcome.NON_FINITE))
