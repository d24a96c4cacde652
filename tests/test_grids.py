"""Boxes of cells."""

import numpy as np
import pytest

from driftmatch.errors import InputError
from driftmatch.grids import Grid


def test_centres_fill_the_box_in_the_order_of_the_shape():
    grid = Grid([0.0, -1.0], [1.0, 3.0], (4, 8))
    assert grid.dim == 2
    assert grid.size == 32
    np.testing.assert_allclose(grid.spacing, [0.25, 0.5])
    assert grid.cell_volume == pytest.approx(0.125)
    centres = grid.centres.reshape(4, 8, 2)
    np.testing.assert_allclose(centres[0, 0], [0.125, -0.75])
    np.testing.assert_allclose(centres[3, 7], [0.875, 2.75])
    np.testing.assert_allclose(centres[:, 2, 0], grid.axes[0])


def test_one_number_of_cells_serves_every_axis():
    assert Grid([0, 0, 0], [1, 1, 1], 5).shape == (5, 5, 5)
    assert Grid(0.0, 1.0, 5).shape == (5,)


def test_coarser_and_onto():
    grid = Grid([0, 1, 2], [1, 2, 3], (8, 9, 10))
    assert grid.coarser().shape == (4, 4, 5)
    assert grid.onto([2, 0]) == Grid([2, 0], [3, 1], (10, 8))


@pytest.mark.parametrize(
    ("lower", "upper", "shape", "words"),
    [
        ([0, 0], [1], 8, "lower has 2 numbers but upper has 1"),
        ([0, 1], [1, 1], 8, "below upper along every axis, got 1 and 1 along axis 1"),
        ([0, np.nan], [1, 1], 8, "finite"),
        ("a", [1], 8, "lower must be"),
        ([0], [1], 3, "at least 4"),
        ([0], [1], 8.5, "whole numbers"),
        ([0], [1], True, "whole numbers"),
        ([0, 0], [1, 1], (8, 8, 8), "2 whole numbers"),
    ],
)
def test_bad_boxes_are_refused(lower, upper, shape, words):
    with pytest.raises(InputError, match=words):
        Grid(lower, upper, shape)
