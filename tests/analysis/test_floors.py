import numpy as np
import pytest

from driftmatch.analysis.floors import GROUPS, distances_and_floors

NAMES = ("state_space_divergence", "spectrum_distance", "sliced_wasserstein")


def white(seed, scale=1.0, k=2):
    return scale * np.random.default_rng(seed).standard_normal((2 * GROUPS, 200, k))


def smooth(states):
    """Much slower, with the same distribution of states."""
    for _ in range(3):
        states = np.sqrt(0.5) * (states + np.roll(states, 1, axis=1))
    return states / states.std()


def ratios(target, network):
    found = distances_and_floors(target, network)
    assert set(found) == {*NAMES, *(f"{name}_floor" for name in NAMES)}
    return [found[name] / found[f"{name}_floor"] for name in NAMES]


@pytest.mark.parametrize("k", [1, 2, pytest.param(4, marks=pytest.mark.slow)])
def test_two_runs_of_one_system_are_at_the_floor(k):
    """The scatter of the ratios is about 3 % here."""
    np.testing.assert_allclose(ratios(white(0, k=k), white(1, k=k)), 1, atol=0.15)


def test_what_differs_is_above_it():
    density, spectrum, wasserstein = ratios(white(0), white(1, 0.5))
    assert density > 1.5
    assert wasserstein > 3
    assert spectrum == pytest.approx(1, abs=0.15)
    density, spectrum, wasserstein = ratios(white(0), smooth(white(1)))
    assert spectrum > 3
    assert density < 1.5


def test_the_floor_is_the_targets_alone():
    first = distances_and_floors(white(0), white(1, 0.7))
    second = distances_and_floors(white(0), white(2, 3.0))
    for name in NAMES:
        assert first[f"{name}_floor"] == second[f"{name}_floor"]


@pytest.mark.slow
def test_errors_are_the_scatter_between_networks():
    """Of 12 networks beside one target: a standard deviation is known to about a fifth then, and
    the error holds some scatter of the target's groups, so that it is rather too large."""
    target = white(0)
    found = [distances_and_floors(target, white(seed, 0.9), errors=True) for seed in range(1, 13)]
    for name in NAMES:
        scatter = np.std([each[name] for each in found], ddof=1)
        error = np.mean([each[f"{name}_error"] for each in found])
        assert 0.7 < error / scatter < 2.5
