from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from memories import switching as record

from driftmatch.errors import InputError
from driftmatch.figures import save, switching
from driftmatch.figures.parts.style import NETWORK, TARGET
from driftmatch.figures.switching import attractors_view, followed

NAMES = ("rest", "cycle", "chaos")


def pair(k=3, **options):
    return record(k, **options), record(k, of_network=True, **options)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_every_dimension_is_drawn(k, tmp_path):
    fig = Figure(figsize=(7, 7))
    assert switching(*pair(k), names=NAMES, fig=fig) is fig
    assert save(fig, tmp_path / "s.png").stat().st_size > 1000
    assert [len(part.axes) for part in fig.subfigs] == [3, 3]


def test_coordinates_are_those_of_one_trial_and_pulses_are_shaded():
    target, network = pair()
    fig = switching(target, network, trial=2)
    hosts = fig.subfigs[0].axes
    for host, run, color in zip(hosts, (target, network), (TARGET, NETWORK), strict=False):
        for i, ax in enumerate(host.child_axes):
            (line,) = ax.lines
            np.testing.assert_allclose(line.get_ydata(), run.trajectory.states[2, :, i])
            assert line.get_color() == color
            edges = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
            assert edges == [(0, 2), (10, 12), (20, 22), (30, 32)]


def test_commands_are_named_above():
    fig = switching(*pair(), names=NAMES)
    first = fig.subfigs[0].axes[0].child_axes[0]
    assert [t.get_text() for t in first.texts] == ["rest", "cycle", "chaos", "cycle"]
    assert [t.xy[0] for t in first.texts] == [5, 15, 25, 35]


def test_time_runs_alike_in_all_panels():
    """Left and right edges and limits are the same, whatever stands beside the axes."""
    target, network = pair()
    shorter = replace(network.trajectory, times=network.trajectory.times * 0.99)
    fig = switching(target, replace(network, trajectory=shorter), names=NAMES)
    fig.draw_without_rendering()
    *hosts, traces = fig.subfigs[0].axes
    panels = [ax for host in hosts for ax in host.child_axes] + [traces]
    assert len(panels) == 7
    for ax in panels:
        assert ax.get_xlim() == (0, 40)
        np.testing.assert_allclose(
            ax.get_window_extent().intervalx, traces.get_window_extent().intervalx
        )


def test_success_is_that_of_the_record():
    target, network = pair()
    ax = switching(target, network, names=NAMES).subfigs[1].axes[2]
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(drawn["target"], target.successes / 5)
    np.testing.assert_allclose(drawn["network"], [1, 0.8, 0.8, 0.8])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["rest", "cycle", "chaos", "cycle"]


def test_the_trial_shown_followed_the_commands():
    run = record()
    assert run.ended[-1].tolist() != run.commands.tolist()
    assert run.ended[followed(run)].tolist() == run.commands.tolist()


def test_the_window_is_that_of_the_attractors():
    run = record(2)
    view = attractors_view(run)
    assert np.all(view.low > run.regions.centres.min(axis=0) - 1)
    assert np.all(view.high < run.regions.centres.max(axis=0) + 1)


def test_what_cannot_be_drawn_is_refused_in_words():
    target, network = pair()
    with pytest.raises(InputError, match="network must be of a network"):
        switching(target, target)
    with pytest.raises(InputError, match="names must be 3"):
        switching(target, network, names=("a", "b"))
    with pytest.raises(InputError, match="the same commands"):
        switching(target, record(of_network=True, commands=(0, 1)))
    with pytest.raises(InputError, match="trial must be a whole number from 0 to 4, got 5"):
        switching(target, network, trial=5)
    with pytest.raises(InputError, match="what switch returned"):
        switching(target.trajectory, network)  # pyright: ignore[reportArgumentType]
