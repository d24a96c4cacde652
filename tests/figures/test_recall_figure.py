from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from memories import ONSET, RELEASE, hopfield, recall, tilt

from driftmatch import figures
from driftmatch.errors import InputError
from driftmatch.figures import save
from driftmatch.figures.parts.style import NETWORK, TARGET
from driftmatch.figures.recall import telling_trial
from driftmatch.memory.associative import AssociativeMemory
from driftmatch.memory.curves import RecallCurve


def pair(k):
    return recall(k), recall(k, of_network=True)


def strips(fig):
    return list(fig.subfigs)


def dots(ax, color):
    """The states of one colour."""
    (found,) = [line for line in ax.lines if line.get_marker() == "o" and line.get_color() == color]
    return found.get_xydata()


@pytest.mark.parametrize("k", [1, 2, 3])
def test_every_dimension_is_drawn(k, tmp_path):
    fig = Figure(figsize=(7, 4))
    assert figures.recall(tilt(k), *pair(k), fig=fig) is fig
    assert save(fig, tmp_path / "a.png").stat().st_size > 1000
    assert len(strips(fig)) == 2


def test_dots_are_the_states_at_start_release_and_end():
    target, network = pair(2)
    fig = figures.recall(tilt(2), target, network)
    for ax, time in zip(strips(fig)[0].axes[:3], (0.0, RELEASE, 8.0), strict=True):
        for color, trial in ((TARGET, target), (NETWORK, network)):
            sample = np.argmin(np.abs(trial.trajectory.times - time))
            np.testing.assert_allclose(dots(ax, color), trial.trajectory.states[:, sample])


def test_the_cue_is_shaded_and_the_trial_came_from_far():
    target, network = pair(2)
    fig = figures.recall(tilt(2), target, network)
    traces = strips(fig)[1].axes[0]
    (cue,) = traces.patches
    assert (cue.get_x(), cue.get_x() + cue.get_width()) == (ONSET, RELEASE)
    trial = telling_trial(network)
    assert network.ended[trial] == 1
    away = np.linalg.norm(network.trajectory.states[:, 0] - network.regions.centres[1], axis=1)
    assert away[trial] == away[network.ended == 1].max()
    none = replace(network, ended=np.zeros(20, int))
    assert telling_trial(none) == away.argmax()


def test_hopfields_network_stands_beside():
    fig = figures.recall(tilt(2), *pair(2), hopfield())
    bars = strips(fig)[1].axes[-1].patches
    np.testing.assert_allclose([bar.get_height() for bar in bars], [17 / 20, 17 / 20, 0.8])


def test_with_the_memory_all_wells_are_shown():
    target, network = pair(2)
    memory = AssociativeMemory((tilt(2),) * 2, (target,) * 2, (network,) * 2, (hopfield(),) * 2)
    fig = figures.recall(tilt(2), target, network, memory=memory)
    assert len(strips(fig)[1].axes[-1].patches) == 6


def test_curves_are_a_panel_each():
    def curve(varied):
        return RecallCurve(varied, np.arange(3.0), np.array([1, 5, 9]), 10, 1, "wells")

    curves = {"target": [curve("amplitude"), curve("noise")], "network": [curve("amplitude")]}
    fig = figures.recall(tilt(1), *pair(1), curves=curves)
    amplitude, noise = strips(fig)[2].axes
    assert [len(ax.lines) for ax in (amplitude, noise)] == [3, 2]  # and the line at 1
    assert "noise" in noise.get_xlabel()


def test_what_cannot_be_drawn_is_refused_in_words():
    target, network = pair(2)
    with pytest.raises(InputError, match="what tilt_toward returned, got Landscape"):
        figures.recall(tilt(2).landscape, target, network)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="recall by a network, got one by an SDE"):
        figures.recall(tilt(2), target, target)
    with pytest.raises(InputError, match="calls for well 1, but the recall by the network for 0"):
        figures.recall(tilt(2), target, replace(network, target=0))
    with pytest.raises(InputError, match="4 wells in 2 dimensions, the recall by the target of 2"):
        figures.recall(tilt(2), recall(1), network)
    with pytest.raises(InputError, match="what recall_curve returned"):
        figures.recall(tilt(2), target, network, curves={"target": [1.0]})  # pyright: ignore
