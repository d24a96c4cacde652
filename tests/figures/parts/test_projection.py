import numpy as np
import pytest
from drawing import states
from matplotlib.figure import Figure

from driftmatch.errors import InputError
from driftmatch.figures.parts.projection import View


@pytest.mark.parametrize("k", [1, 2, 3])
def test_limits_hold_all_states_and_no_more(k):
    one, two = states(k), 2 + states(k, seed=3)
    view = View.of(one, two)
    both = np.concatenate([one, two]).reshape(-1, k)
    np.testing.assert_array_equal(view.low, both.min(axis=0))
    np.testing.assert_array_equal(view.high, both.max(axis=0))
    scaled = view.scaled(both)
    np.testing.assert_allclose(scaled.min(axis=0), -0.5, atol=1e-12)
    np.testing.assert_allclose(scaled.max(axis=0), 0.5, atol=1e-12)


def test_projection_is_a_rotation_of_the_scaled_states():
    z = states(3).reshape(-1, 3)
    view = View.of(z, azimuth=30.0, elevation=20.0)
    np.testing.assert_allclose(view.directions @ view.directions.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(view.directions) == pytest.approx(1.0)
    np.testing.assert_allclose(view.project(z) @ view.directions, view.scaled(z), atol=1e-12)


def test_from_above_the_first_two_coordinates_are_seen_as_they_are():
    z = states(3).reshape(-1, 3)
    view = View.of(z, azimuth=-90.0, elevation=90.0)
    np.testing.assert_allclose(view.project(z), view.scaled(z), atol=1e-12)


def test_higher_the_axis_higher_on_the_page():
    view = View.of(states(3))
    up = view.project(np.array([view.low, [*view.low[:2], view.high[2]]]))
    assert up[1, 1] > up[0, 1]
    assert up[1, 0] == pytest.approx(up[0, 0])


def test_beyond_three_dimensions_principal_components_are_shown():
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    z = rng.normal(size=(4000, 6)) * [9, 5, 3, 1, 0.5, 0.1] @ rotation.T
    view = View.of(z)
    overlap = np.abs(view.basis.T @ rotation)
    np.testing.assert_allclose(overlap[:, :3], np.eye(3), atol=0.1)
    centred = z - z.mean(axis=0)
    spread = (centred @ view.basis).std(axis=0)
    expected = np.linalg.svd(centred, compute_uv=False)[:3] / np.sqrt(len(z))
    np.testing.assert_allclose(spread, expected, rtol=1e-9)


def test_a_flat_coordinate_and_infinite_states_are_no_obstacle():
    z = states(3).reshape(-1, 3)
    z[:, 1] = 4.0
    z[5] = np.nan
    view = View.of(z)
    assert np.all(np.isfinite(view.low))
    assert np.all(view.high > view.low)


def test_nothing_finite_is_refused():
    with pytest.raises(InputError, match="no state of the run is finite"):
        View.of(np.full((3, 2), np.nan))


def test_ticks_stand_at_their_values():
    view = View(("a", "b", "c"), np.zeros(3), np.array([10.0, 20.0, 30.0]), np.zeros(3), np.eye(3),
                azimuth=-35.0)  # fmt: skip
    ax = Figure().add_subplot()
    view.draw_box(ax)
    places = {text.get_text(): np.array(text.get_position()) for text in ax.texts}
    assert {"a", "b", "c", "10", "20"} <= set(places)
    # 20 of the third axis stands two thirds up the leftmost edge.
    left = min(ax.patches[0].get_xy(), key=lambda corner: corner[0])
    height = view.project(np.array([[0, 0, 30.0]]))[0, 1] - view.project(np.zeros((1, 3)))[0, 1]
    third = [t for t in ax.texts if t.get_text() == "20" and t.get_va() == "center"]
    assert third[0].get_position()[1] == pytest.approx(left[1] + 2 / 3 * height)
