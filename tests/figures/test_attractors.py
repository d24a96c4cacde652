import numpy as np
import pytest
from drawing import network, network_run, sde, states, target_run
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from driftmatch.errors import InputError
from driftmatch.figures import Comparison, View, attractor, compare_attractors, save
from driftmatch.figures.parts.style import NETWORK, TARGET


def trajectories(ax):
    return [line for line in ax.lines if line.get_gid() != "edge"]


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("make", [target_run, network_run])
def test_every_dimension_is_drawn(k, make, tmp_path):
    ax = attractor(make(k))
    assert save(ax.figure, tmp_path / "a.png").stat().st_size > 1000


def test_one_dimension_is_a_trace_and_a_histogram():
    run = target_run(1, M=3)
    ax = attractor(run)
    for line, z in zip(ax.lines, run.states, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), run.times)
        np.testing.assert_array_equal(line.get_ydata(), z[:, 0])
    (stairs,) = ax.child_axes[0].patches
    assert stairs.get_data().values.sum() == run.states.size


def test_two_dimensions_are_the_states_themselves():
    run = network_run(2)
    ax = attractor(run)
    lines = trajectories(ax)
    assert len(lines) == 2
    for line, z in zip(lines, run.states, strict=True):
        np.testing.assert_array_equal(line.get_xydata(), z)
    assert to_rgb(lines[0].get_color()) == to_rgb(NETWORK)
    for axis, low, high in zip("xy", run.states.min((0, 1)), run.states.max((0, 1)), strict=True):
        shown = getattr(ax, f"get_{axis}lim")()
        assert shown[0] < low < high < shown[1]


def test_streamlines_follow_the_drift():
    """Of f(z) = −z: radial, inward; without an SDE there are none."""
    run = target_run(2)
    with_drift, without = attractor(run, sde=sde(2)), attractor(run)
    (streams,) = (c for c in with_drift.collections if isinstance(c, LineCollection))
    paths = streams.get_segments()
    middle = np.concatenate([(p[1:] + p[:-1]) / 2 for p in paths])
    along = np.concatenate([np.diff(p, axis=0) for p in paths])
    moved = np.linalg.norm(along, axis=1) > 0
    middle, along = middle[moved], along[moved]
    far = np.linalg.norm(middle, axis=1) > 0.3
    outward = np.sum(middle * along, axis=1)[far]
    cosine = outward / np.linalg.norm(middle[far], axis=1) / np.linalg.norm(along[far], axis=1)
    assert np.median(cosine) < -0.99
    assert not without.collections


@pytest.mark.parametrize("k", [3, 5])
def test_three_dimensions_are_the_projected_states(k):
    run = target_run(k)
    view = View.of(run.states)
    ax = attractor(run, view=view)
    (lines,) = (c for c in ax.collections if isinstance(c, LineCollection))
    points = view.project(run.states)[..., :2]
    wanted = np.stack([points[:, :-1], points[:, 1:]], axis=2).reshape(-1, 4)
    drawn = np.array(lines.get_segments()).reshape(-1, 4)
    np.testing.assert_allclose(drawn[np.lexsort(drawn.T)], wanted[np.lexsort(wanted.T)], atol=1e-12)


def test_near_lines_are_stronger_and_on_top():
    run = target_run(3)
    view = View.of(run.states)
    (lines,) = (c for c in attractor(run, view=view).collections if isinstance(c, LineCollection))
    paleness = lines.get_colors()[:, 0]
    assert np.all(np.diff(paleness) <= 1e-12)
    assert paleness[0] > paleness[-1] + 0.3


def test_a_long_run_is_drawn_whole_by_a_thinner_line():
    z = np.tile(states(2, M=1), (1, 400, 1))
    z[0, -1] = [0.0, 0.0]
    run = target_run(2)
    long = type(run)(0.1 * np.arange(z.shape[1]), z, run.outcome, "long", 0.1)
    (line,) = trajectories(attractor(long))
    np.testing.assert_array_equal(line.get_xydata()[[0, -1]], z[0, [0, -1]])
    assert len(line.get_xydata()) > 10_000
    assert line.get_linewidth() < trajectories(attractor(run))[0].get_linewidth()


@pytest.mark.parametrize("k", [1, 2, 3])
def test_of_many_trials_fewer_are_drawn_and_each_to_its_end(k):
    """Decisions: 200 trials that leave the middle late, the first half to one side."""
    rng = np.random.default_rng(0)
    t = np.linspace(0, 10, 1000)
    side = np.where(np.arange(200) < 100, -1.0, 1.0)[:, None, None]
    z = side / (1 + np.exp(8 - t))[None, :, None] + 0.02 * rng.normal(size=(200, 1000, k))
    run = target_run(k)
    ax = attractor(type(run)(t, z, run.outcome, "decisions", 0.01))
    if k == 3:
        (lines,) = (c for c in ax.collections if isinstance(c, LineCollection))
        ends = np.array(lines.get_segments())[:, 1]
        view = View.of(z)
        reached = [view.project(one[-1])[:2] for one in z]
        drawn = [np.any(np.all(np.isclose(ends, at), axis=1)) for at in reached]
    else:
        lines = trajectories(ax)
        drawn = [any(np.isclose(line.get_ydata()[-1], one[-1, -1]) for line in lines) for one in z]
        assert len(lines) == sum(drawn)
    assert 2 <= sum(drawn) < 100
    assert any(drawn[:100])
    assert any(drawn[100:])


def test_samples_too_close_to_be_told_apart_are_thinned():
    t = np.linspace(0, 2 * np.pi, 200_001)
    z = np.stack([np.cos(t), np.sin(t)], axis=1)[None]
    run = target_run(2)
    fine = type(run)(t, z, run.outcome, "fine", t[1])
    (line,) = trajectories(attractor(fine))
    drawn = line.get_xydata()
    assert 500 < len(drawn) < 20_000
    assert np.linalg.norm(np.diff(drawn, axis=0), axis=1).max() < 0.02
    assert np.linalg.norm(drawn[-1] - z[0, -1]) < 0.02


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_rows_hold_target_and_network_in_one_view(k):
    net, targets = network(k), target_run(k)
    run = network_run(k, net)
    fig = compare_attractors([(sde(k), net, targets, run, "name")])
    left, right, _, traces = fig.axes
    assert left.get_ylim() == right.get_ylim()
    assert left.get_xlim() == right.get_xlim()
    assert left.get_title() == "name, target"
    assert "40" in right.get_title()
    assert len([line for line in traces.lines if len(line.get_xdata()) > 2]) == 5


def test_the_drift_error_is_in_the_title_if_it_is_given():
    net, run = network(2), target_run(2)
    row = Comparison(sde(2), net, run, network_run(2, net), "name")
    assert compare_attractors([row]).axes[1].get_title() == "network, $n$ = 40"
    given = compare_attractors([row._replace(drift_error=0.0123)]).axes[1].get_title()
    assert given == "network, $n$ = 40, $ε_f$ = 1.2 %"


def test_several_rows_in_a_figure_of_the_users_own():
    rows = [(sde(k), network(k), target_run(k), network_run(k), f"k = {k}") for k in (2, 3)]
    fig = Figure()
    assert compare_attractors(rows, fig=fig) is fig
    letters = [t.get_text() for ax in fig.axes for t in ax.texts if t.get_fontweight() == "bold"]
    assert letters == ["a", "b"]


def test_colors_are_the_targets_and_the_networks():
    def rgb(run):
        return to_rgb(trajectories(attractor(run))[0].get_color())

    assert rgb(target_run(2)) == to_rgb(TARGET)
    assert rgb(network_run(2)) == to_rgb(NETWORK)


def test_what_cannot_be_drawn_is_refused_in_words():
    run = target_run(2)
    with pytest.raises(InputError, match="rows is empty"):
        compare_attractors([])
    with pytest.raises(InputError, match="view is of 3 dimensions"):
        attractor(run, view=View.of(states(3)))
    with pytest.raises(InputError, match="two samples"):
        attractor(target_run(2, T=1))
    with pytest.raises((InputError, TypeError)):
        attractor(states(2))  # pyright: ignore
    with pytest.raises(InputError, match="ordinary axes"):
        attractor(target_run(3), ax=Figure().add_subplot(projection="3d"))
