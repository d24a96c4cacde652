from dataclasses import replace

import numpy as np
import pytest
from drawing import density
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import driftmatch as dm
from driftmatch.errors import InputError
from driftmatch.figures import potential, save, stationary
from driftmatch.outcomes import Outcome

LONGEST = max(Outcome, key=lambda outcome: len(str(outcome)))


def lines(ax):
    return [s for c in ax.collections if isinstance(c, LineCollection) for s in c.get_segments()]


def notes(ax):
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("draw", [stationary, potential])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_every_dimension_is_drawn(draw, k, tmp_path):
    ax = Figure().add_subplot()
    assert draw(density(k), ax=ax) is ax
    assert save(ax.figure, tmp_path / "s.png").stat().st_size > 1000


def test_curves_of_one_dimension():
    ax = stationary(density(1))
    np.testing.assert_array_equal(
        ax.lines[0].get_xydata(), np.transpose([density(1).grid.axes[0], density(1).density])
    )
    curve = potential(density(1)).lines[0]
    z = curve.get_xdata()
    near = np.abs(z) < 1.5
    wanted = (z**4 / 4 - z**2 / 2 + 0.25) / 0.125
    np.testing.assert_allclose(curve.get_ydata()[near], wanted[near], atol=2e-3)


def test_the_current_of_a_cycle_turns_and_at_equilibrium_there_is_none():
    ax = stationary(density(2))
    a, b = np.array(lines(ax)).transpose(1, 2, 0)
    assert a.shape[1] > 100
    assert np.all(a[0] * b[1] > a[1] * b[0])
    assert "widest lines" in notes(ax)[0]
    trap = dm.systems.ornstein_uhlenbeck([[1.0, 0.0], [0.0, 2.0]], 1.0)
    still = stationary(dm.stationary(trap, dm.Grid([-5.0, -4.0], [5.0, 4.0], 64)))
    assert lines(still) == []
    assert notes(still) == ["no current: in equilibrium"]


def test_the_number_in_the_note_is_the_current():
    """J times the side of the picture, from the density itself."""
    ax = stationary(density(2))
    side = np.ptp(ax.get_xlim())
    inside = density(2).density > 0.02 * density(2).density.max()
    J = np.linalg.norm(density(2).current, axis=-1)[inside]
    written = float(notes(ax)[0].split("= ")[1].split()[0])
    assert 0.9 * np.quantile(J, 0.9) * side < written < 1.05 * J.max() * side


def test_levels_of_the_potential_are_one_apart():
    ax = potential(density(2))
    filled = ax.collections[0]
    np.testing.assert_array_equal(filled.levels, np.arange(13))
    low, high = np.transpose([ax.get_xlim(), ax.get_ylim()])
    shown = density(2).grid.centres[
        (density(2).potential - density(2).potential.min()).ravel() < 12
    ]
    assert np.all(shown >= low)
    assert np.all(shown <= high)


@pytest.mark.parametrize("axes", [(0, 1), (2, 0)])
def test_axes_are_chosen_and_named(axes):
    ax = stationary(density(3), axes=axes)
    assert (ax.get_xlabel(), ax.get_ylabel()) == tuple(f"$z_{{{a + 1}}}$" for a in axes)
    # The first two coordinates turn; either of them and the third are in equilibrium.
    assert (len(lines(ax)) > 0) == (axes == (0, 1))


@pytest.mark.parametrize("draw", [stationary, potential])
def test_the_longest_outcome_is_inside_of_the_figure(draw):
    for k in (1, 2):
        ax = draw(replace(density(k), outcome=LONGEST))
        ax.figure.draw_without_rendering()
        (note,) = ax.texts
        assert note.get_text().replace("\n", " ") == str(LONGEST)
        box = note.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= ax.figure.bbox.width
        assert ax.title.get_window_extent().y1 <= ax.figure.bbox.height
        assert ax.title.get_window_extent().y0 >= box.y1 - 1


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(InputError, match="what stationary returned, got SDE"):
        stationary(dm.systems.lorenz())  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="two different numbers"):
        potential(density(2), axes=(0,))
