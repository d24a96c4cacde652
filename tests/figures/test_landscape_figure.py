import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from memories import recall, tilt

from driftmatch.errors import InputError
from driftmatch.figures import landscape, save
from driftmatch.figures.parts.style import INK, NETWORK, TARGET
from driftmatch.figures.parts.surfaces import Surface


def marks(ax, marker):
    """Where marks of a kind are, in data coordinates."""
    found = [line.get_xydata() for line in ax.lines if line.get_marker() == marker]
    return np.concatenate(found) if found else np.empty((0, 2))


def numbers(ax):
    return {text.get_text(): np.array(text.xy) for text in ax.texts}


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("tilted", [False, True])
def test_every_dimension_is_drawn(k, tilted, tmp_path):
    cue = tilt(k)
    ax = Figure().add_subplot()
    assert landscape(cue.landscape, cue if tilted else None, ax=ax) is ax
    assert set(numbers(ax)) == {str(j) for j in range(len(cue.landscape.minima))}
    assert save(ax.figure, tmp_path / "l.png").stat().st_size > 1000


def test_the_curve_is_the_tilted_potential():
    cue = tilt(1)
    for forcing, c in ((None, 0.0), (cue, cue.forcing[0])):
        z, values = landscape(cue.landscape, forcing).lines[0].get_data()
        expected = z**4 / 4 - z**2 / 2 + 0.25 - c * z
        np.testing.assert_allclose(values, expected, atol=1e-6)


def test_contours_are_of_the_tilted_potential():
    cue = tilt(2)
    surface = Surface.of(cue.landscape)
    c = cue.forcing
    expected = cue.landscape.potential(surface.states) - surface.states @ c
    np.testing.assert_allclose(surface.tilted(c), expected)
    np.testing.assert_allclose(surface.states[3, 7], [surface.lines[0][3], surface.lines[1][7]])


def test_wells_are_where_the_tilt_has_moved_them_and_crosses_at_the_folds():
    cue = tilt(2)
    ax = landscape(cue.landscape, cue)
    np.testing.assert_allclose(marks(ax, "s"), [cue.resting_state])
    assert len(marks(ax, "o")) == 0
    np.testing.assert_allclose(marks(ax, "x"), cue.path.last[[0, 2, 3]])
    weak = landscape(cue.landscape, 0.2 * cue.forcing)
    assert len(marks(weak, "x")) == 0
    assert len(marks(weak, "o")) == 4


def test_a_plane_holds_three_wells_and_others_are_hollow():
    cue = tilt(3)
    surface = Surface.of(cue.landscape, first=1)
    assert surface.wells == (1, 0, 2)
    at = surface.coordinates(cue.landscape.minima)
    back = surface.origin + at @ surface.basis.T
    on_plane = np.linalg.norm(back - cue.landscape.minima, axis=1) < 1e-9
    np.testing.assert_array_equal(on_plane, [True, True, True, False])
    np.testing.assert_allclose(surface.basis.T @ surface.basis, np.eye(2), atol=1e-12)
    ax = landscape(cue.landscape)
    fill = [to_hex(line.get_markerfacecolor()) for line in ax.lines if line.get_marker() == "o"]
    assert fill == [INK.lower()] * 3 + ["#ffffff"]


@pytest.mark.parametrize(("of_network", "color"), [(False, TARGET), (True, NETWORK)])
def test_states_are_those_given_in_the_colour_of_their_run(of_network, color):
    trial = recall(2, of_network=of_network)
    states = trial.trajectory.states
    ax = landscape(trial_landscape := tilt(2).landscape, None, trial.trajectory)
    drawn = [line for line in ax.lines if len(line.get_xdata()) == states.shape[1]]
    assert len(drawn) == 12
    np.testing.assert_allclose(drawn[3].get_xydata(), states[3])
    assert {line.get_color() for line in drawn} == {color}
    dots = landscape(trial_landscape, None, states[:, 0], color="k").lines[0]
    np.testing.assert_allclose(dots.get_xydata(), states[:, 0])
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    assert np.mean(np.all((states > low) & (states < high), axis=-1)) > 0.95


def test_in_one_dimension_dots_are_at_their_heights():
    cue = tilt(1)
    z = np.array([[-1.3], [-0.2], [0.4]])
    dots = landscape(cue.landscape, cue, z).lines[1]
    np.testing.assert_allclose(dots.get_xdata(), z[:, 0])
    expected = cue.landscape.potential(z) - z @ cue.forcing
    np.testing.assert_allclose(dots.get_ydata(), expected, atol=1e-3)


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(InputError, match=r"it is tilt\.landscape"):
        landscape(tilt(2))  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match=r"shape \(N, 2\) for dots"):
        landscape(tilt(2).landscape, None, np.zeros((5, 3)))
    with pytest.raises(InputError, match="2 wells in 1 dimensions, the tilt is of 4 in 2"):
        landscape(tilt(1).landscape, tilt(2))
    with pytest.raises(InputError, match=r"direction must have shape \(2,\)"):
        landscape(tilt(2).landscape, [1.0, 2.0, 3.0])
