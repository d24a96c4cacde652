import numpy as np
import pytest
from matplotlib.figure import Figure

from driftmatch.figures.parts.streamlines import streamlines
from driftmatch.figures.parts.streams import stream

SIDE = np.linspace(0, 1, 81)
POINTS = np.stack(np.meshgrid(SIDE, SIDE, indexing="ij"), axis=-1)
OFF = POINTS - 0.5
TURN = np.stack([-OFF[..., 1], OFF[..., 0]], axis=-1)
SPACING = 0.05


def radii(line):
    return np.linalg.norm(line - 0.5, axis=1)


def test_lines_of_a_rotation_are_closed_circles():
    disc = np.where(np.linalg.norm(OFF, axis=-1, keepdims=True) < 0.48, TURN, np.nan)
    lines = streamlines(disc, SPACING)
    closed = [line for line in lines if np.array_equal(line[0], line[-1])]
    assert len(closed) >= 5
    for line in closed:
        assert np.ptp(radii(line)) < 2e-3
        a, b = (line[:-1] - 0.5).T, (line[1:] - 0.5).T
        assert np.all(a[0] * b[1] > a[1] * b[0])  # in the sense of the field


def test_lines_follow_a_field_and_not_another_one():
    """A saddle: the product of the coordinates is kept along its lines, the radius is not."""
    field = OFF * np.array([1.0, -1.0])
    lines = [line - 0.5 for line in streamlines(field, SPACING) if len(line) > 30]
    assert len(lines) > 8
    assert max(np.ptp(line.prod(axis=1)) for line in lines) < 2e-3
    assert max(np.ptp(np.linalg.norm(line, axis=1)) for line in lines) > 0.1


@pytest.mark.parametrize(
    "field", [TURN, OFF * [1.0, -1.0], TURN - 0.3 * OFF], ids=["turn", "saddle", "spiral"]
)
def test_lines_keep_apart_and_leave_no_gap(field):
    lines = streamlines(field, SPACING)
    for i, line in enumerate(lines):
        others = np.concatenate([other for j, other in enumerate(lines) if j != i])
        middle = line[len(line) // 2]
        assert np.linalg.norm(others - middle, axis=1).min() > 0.5 * SPACING
    every = np.concatenate(lines)
    inside = np.all(np.abs(OFF) < 0.42, axis=-1) & (np.linalg.norm(OFF, axis=-1) > 0.1)
    gaps = [np.linalg.norm(every - point, axis=1).min() for point in POINTS[inside][::7]]
    assert np.quantile(gaps, 0.95) < 1.3 * SPACING


def test_no_step_is_of_no_length():
    for field in (TURN, OFF, -OFF, TURN - 0.3 * OFF):
        for line in streamlines(field, SPACING):
            assert np.linalg.norm(np.diff(line, axis=0), axis=1).min() > 1e-5


@pytest.mark.parametrize("width", [0.03, 0.06])
def test_a_speck_of_a_field_comes_to_an_end(width):
    speck = np.where(np.linalg.norm(OFF, axis=-1, keepdims=True) < width, TURN, np.nan)
    assert len(streamlines(speck, SPACING)) <= 2


def test_lines_are_as_wide_as_the_field_is_large():
    low, high = np.array([-1.0, -2.0]), np.array([1.0, 2.0])
    shear = np.stack([POINTS[..., 1] * 2.0, 0 * POINTS[..., 1]], axis=-1)  # in sides: from 0 to 1
    ax = Figure().add_subplot()
    drawn = stream(ax, shear, low, high, full=0.5, color="k", linewidth=1.0)
    assert drawn is not None
    heights = np.array([segment[:, 1].mean() for segment in drawn.get_segments()])
    wanted = 0.4 + 1.6 * np.minimum((heights + 2) / 4 / 0.5, 1)
    np.testing.assert_allclose(drawn.get_linewidths(), wanted, atol=0.06)
    assert (heights.min() + 2) / 4 > 0.01 - 1 / 80  # below a fiftieth nothing


def test_nothing_is_drawn_of_nothing():
    ax = Figure().add_subplot()
    for field in (np.zeros_like(TURN), np.full_like(TURN, np.nan)):
        assert stream(ax, field, [0, 0], [1, 1], full=1.0, color="k") is None
    assert stream(ax, 0.01 * TURN, [0, 0], [1, 1], full=1.0, color="k") is None
