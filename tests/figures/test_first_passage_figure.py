from dataclasses import replace

import numpy as np
import pytest
from gallery import grid_function
from matplotlib.contour import ContourSet

from driftmatch import systems
from driftmatch.errors import InputError
from driftmatch.figures import first_passage
from driftmatch.memory.first_passage import committor, mean_first_passage
from driftmatch.memory.regions import Regions

LEFT, RIGHT = Regions([[-1.0]], 0.2), Regions([[1.0]], 0.2)


def test_the_curve_is_the_record():
    record = mean_first_passage(systems.double_well(), RIGHT, grid=100)
    ax = first_passage(record)
    np.testing.assert_array_equal(ax.lines[0].get_xydata().T, [record.grid.axes[0], record.values])
    assert ax.get_ylabel() == "mean first-passage time"
    assert ax.get_title() == "double well"


def test_a_committor_runs_from_zero_to_one():
    ax = first_passage(committor(systems.double_well(), LEFT, RIGHT, grid=100))
    assert ax.get_ylabel() == "committor"
    assert ax.get_ylim() == (-0.02, 1.02)


@pytest.mark.parametrize("k", [2, 3])
def test_contours_carry_a_scale(k):
    ax = first_passage(grid_function(k))
    (bar,) = ax.child_axes
    assert bar.get_ylabel() == "mean first-passage time"
    assert sum(isinstance(c, ContourSet) for c in ax.collections) == 2


def test_long_times_are_in_powers_of_ten():
    record = grid_function(2)
    ax = first_passage(replace(record, values=2e6 * record.values))
    assert ax.child_axes[0].get_ylabel() == "mean first-passage time / 10$^{6}$"
    filled = next(c for c in ax.collections if isinstance(c, ContourSet))
    assert filled.zmax == pytest.approx(2 * record.values.max())


def test_hidden_coordinates_are_averaged_in_the_order_of_the_axes():
    record = grid_function(3)
    ax = first_passage(record, axes=(2, 0))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$z_{3}$", "$z_{1}$")
    filled = next(c for c in ax.collections if isinstance(c, ContourSet))
    assert filled.zmax == pytest.approx(record.values.mean(axis=1).max())


def test_what_cannot_be_drawn_is_refused_in_words():
    record = grid_function(2)
    with pytest.raises(InputError, match="what mean_first_passage or committor returned"):
        first_passage(record.values)  # pyright: ignore[reportArgumentType]
    record.values[0, 0] = np.nan
    try:
        with pytest.raises(InputError, match="nothing to draw: of my_own"):
            first_passage(record)
    finally:
        grid_function.cache_clear()
