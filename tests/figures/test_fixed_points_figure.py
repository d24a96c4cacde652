import numpy as np
import pytest
from drawing import network, sde, states, target_run
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from driftmatch.analysis.fixed_points import FixedPoints
from driftmatch.analysis.stability import Stability
from driftmatch.errors import InputError
from driftmatch.figures import View, attractor, eigenvalues, fixed_points, save
from driftmatch.figures.parts.style import INK
from driftmatch.outcomes import Outcome
from driftmatch.systems.wells import double_well


def record(k, of_network=False, number=None):
    """A stable, an unstable and (k > 1) a saddle and a center or degenerate point."""
    rng = np.random.default_rng(0)
    jacobians = [-np.eye(k), np.eye(k)]
    if k > 1:
        jacobians += [np.diag([1.0, *[-1.0] * (k - 1)]), np.zeros((k, k))]
    jacobians = np.array(jacobians)[:number]
    stability = Stability.of(jacobians)
    P = len(jacobians)
    return FixedPoints(
        points=rng.uniform(-1, 1, size=(P, k)),
        speed=np.zeros(P),
        jacobians=jacobians,
        eigenvalues=stability.eigenvalues,
        kind=stability.kind,
        unstable_dim=stability.unstable_dim,
        slow_points=rng.uniform(-1, 1, size=(2, k)),
        slow_speeds=np.array([0.01, 0.9]),
        slow_eigenvalues=np.zeros((2, k), complex),
        typical_speed=1.0,
        hits=np.full(P, 9),
        num_starts=64,
        box=np.array([[-1.5] * k, [1.5] * k]),
        outcome=Outcome.SUCCESS,
        name="name",
        network=network(k) if of_network else None,
    )


def markers(ax, gid="fixed point"):
    return [line for line in ax.lines if line.get_gid() == gid]


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("number", [None, 1, 0])
def test_alone(k, number, tmp_path):
    ax = fixed_points(record(k, number=number), sde=sde(1) if k == 1 else None)
    assert save(ax.figure, tmp_path / "f.png").stat().st_size > 1000


def test_one_dimension_on_the_line_of_no_drift():
    ax = fixed_points(record(1), sde=sde(1))
    for line in markers(ax):
        np.testing.assert_array_equal(line.get_ydata(), 0)
    curve = next(line for line in ax.lines if len(line.get_xdata()) > 100)
    np.testing.assert_allclose(curve.get_ydata(), -curve.get_xdata(), atol=1e-12)


def test_filled_open_and_half():
    found = record(2)
    ax = fixed_points(found)
    stable, unstable, saddle, undecided = markers(ax)
    for line, point in zip((stable, unstable, saddle, undecided), found.points, strict=True):
        np.testing.assert_allclose(line.get_xydata(), [point])
    assert to_rgb(stable.get_markerfacecolor()) == to_rgb(INK)
    assert to_rgb(unstable.get_markerfacecolor()) == to_rgb("white")
    assert saddle.get_fillstyle() == "left"
    assert undecided.get_marker() == "D"
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["slow point", "stable", "unstable", "saddle", "neutral"]


def test_only_what_is_slow_is_drawn_as_slow():
    def crosses(**options):
        lines = fixed_points(record(2), **options).lines
        return sum(len(line.get_xdata()) for line in lines if line.get_marker() == "x")

    assert crosses() == 1
    assert crosses(slower_than=1.0) == 2
    assert crosses(slower_than=0.0) == 0


@pytest.mark.parametrize("k", [2, 3, 5])
def test_over_another_panel(k, tmp_path):
    run, found = target_run(k), record(k)
    view = View.of(run.states)
    ax = attractor(run, view=view)
    limits = ax.get_xlim(), ax.get_ylim()
    assert fixed_points(found, ax=ax, view=view) is ax
    assert (ax.get_xlim(), ax.get_ylim()) == limits
    assert ax.get_legend() is None
    places = np.concatenate([line.get_xydata() for line in markers(ax)])
    expected = found.points if k == 2 else view.project(found.points)[:, :2]
    inside = np.all(np.abs(view.scaled(found.points)) <= 0.52, axis=1)
    np.testing.assert_allclose(places, expected[inside])
    save(ax.figure, tmp_path / "f.png")


def test_points_outside_of_the_view_are_left_out():
    view = View.of(np.array([[5.0, 5.0], [6.0, 6.0]]))
    assert markers(fixed_points(record(2), view=view)) == []


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("of_network", [False, True])
def test_eigenvalues(k, of_network, tmp_path):
    found = record(k, of_network)
    ax = eigenvalues(found)
    assert save(ax.figure, tmp_path / "e.png").stat().st_size > 1000
    lines = [line for line in ax.lines if line.get_marker() in ("o", "D")]
    for line, values in zip(lines, found.eigenvalues, strict=True):
        np.testing.assert_array_equal(line.get_xdata() + 1j * line.get_ydata(), values)
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert len(crosses) == of_network
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [word for word in words if "times" in word] == (
        [f"$−1/τ$, {40 - k} times"] if of_network else []
    )


def test_eigenvalues_of_nothing(tmp_path):
    save(eigenvalues(record(2, number=0)).figure, tmp_path / "e.png")
    assert (tmp_path / "e.png").stat().st_size > 0


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(InputError, match="5 dimensions need a view"):
        fixed_points(record(5))
    with pytest.raises(InputError, match="view is of 3 dimensions and the points have 2"):
        fixed_points(record(2), view=View.of(states(3)))


def test_empty_axes_get_a_frame_and_others_are_left_alone():
    well = double_well()
    found = record(1)
    ax = fixed_points(found, ax=Figure().add_subplot(), sde=well)
    assert ax.get_xlabel() == "$z$"
    curve = next(line for line in ax.lines if len(line.get_xdata()) > 100)
    np.testing.assert_allclose(
        curve.get_ydata(), curve.get_xdata() - curve.get_xdata() ** 3, atol=1e-4
    )
    other = Figure().add_subplot()
    other.plot([-9, 9], [0, 0])
    assert fixed_points(found, ax=other, sde=well).get_xlabel() == ""
