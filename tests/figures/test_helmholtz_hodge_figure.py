import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from scipy.interpolate import RegularGridInterpolator

import driftmatch as dm
from driftmatch.errors import InputError
from driftmatch.figures import helmholtz_hodge, save

BOX = [-2.0, -2.0], [2.0, 2.0]


def split(name, k=2, cells=64):
    return dm.helmholtz_hodge(getattr(dm.systems, name)(), dm.Grid([-2.0] * k, [2.0] * k, cells))


def segments(ax):
    return [s for c in ax.collections if isinstance(c, LineCollection) for s in c.get_segments()]


@pytest.mark.parametrize(("name", "k"), [("double_well", 1), ("lorenz", 3)])
def test_every_dimension_is_drawn(name, k, tmp_path):
    fig = Figure()
    assert helmholtz_hodge(split(name, k, 24), fig=fig) is fig
    assert save(fig, tmp_path / "h.png").stat().st_size > 1000
    assert name.replace("_", " ") in fig.get_suptitle()


def test_lines_descend_the_potential_and_the_others_have_no_sources():
    record = split("limit_cycle")
    _, gradient, rotational = helmholtz_hodge(record).axes[:3]
    U = RegularGridInterpolator(record.grid.axes, record.potential)
    steps = np.array(segments(gradient)).clip(-1.96, 1.96)
    assert len(steps) > 300
    assert np.mean(U(steps[:, 1]) < U(steps[:, 0]) + 1e-6) > 0.99
    a, b = np.array(segments(rotational)).transpose(1, 2, 0)
    assert np.mean(a[0] * b[1] > a[1] * b[0]) > 0.99
    assert f"{100 * record.gradient_fraction:.2g} %" in gradient.figure.get_suptitle()


def test_a_pure_rotation_has_no_lines_of_a_gradient():
    def drift(z):  # the curl of (1 − x²/4)(1 − y²/4), which is 0 on the walls
        x, y = z
        return jnp.stack([-(1 - x**2 / 4) * y, (1 - y**2 / 4) * x])

    record = dm.helmholtz_hodge(dm.SDE(drift, 1.0, 2), dm.Grid(*BOX, 64))
    _, gradient, rotational = helmholtz_hodge(record).axes[:3]
    assert segments(gradient) == []
    assert len(segments(rotational)) > 300


def test_curves_of_one_dimension():
    record = split("double_well", 1, 200)
    drift, gradient, rotational = helmholtz_hodge(record).axes[:3]
    z = drift.lines[1].get_xdata()
    np.testing.assert_allclose(drift.lines[1].get_ydata(), z - z**3, atol=1e-5)
    np.testing.assert_allclose(gradient.lines[1].get_ydata()[1:-1], (z - z**3)[1:-1], atol=0.01)
    assert drift.get_ylim() == rotational.get_ylim()


def test_means_over_the_third_coordinate_are_drawn_of_those_chosen():
    record = split("lorenz", 3, 24)
    fig = helmholtz_hodge(record, axes=(2, 0))
    assert (fig.axes[0].get_xlabel(), fig.axes[0].get_ylabel()) == ("z", "x")


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(InputError, match="what helmholtz_hodge returned, got SDE"):
        helmholtz_hodge(dm.systems.lorenz())  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="two different numbers"):
        helmholtz_hodge(split("lorenz", 3, 8), axes=(0,))
