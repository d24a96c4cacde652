import numpy as np
import pytest
from drawing import network, network_run, target_run
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

import driftmatch as dm
from driftmatch.errors import InputError
from driftmatch.figures import View, save, symmetry, symmetry_sheet
from driftmatch.figures.parts.isosurfaces import isosurfaces
from driftmatch.figures.parts.streams import lattice, sizes, streams
from driftmatch.figures.parts.style import percent

BOX = np.array([[-2.0, -1.0, -3.0], [2.0, 1.0, 3.0]])


def taken_apart(k):
    net = network(k)
    return dm.symmetry(net), network_run(k, net)


def texts(ax):
    return [ax.get_title(), *(text.get_text() for text in ax.texts)]


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_every_dimension_is_drawn(k, tmp_path):
    fig = symmetry(*taken_apart(k))
    assert save(fig, tmp_path / "a.png").stat().st_size > 1000


def test_numbers_are_those_of_the_record():
    parts, run = taken_apart(2)
    roles = dm.symmetry_roles(parts, run.states)
    fig = symmetry(parts, run, label="my own")
    drift, energy, plus, minus = fig.axes
    assert any("my own, $n$ = 40" in t for t in texts(drift))
    assert any(f"{parts.asymmetry:.2f}" in t for t in texts(drift))
    assert any(percent(roles.descending_fraction) in t for t in texts(energy))
    for ax, i in ((plus, 0), (minus, 1)):
        wanted = f"outward {roles.outward[i]:+.2f}, drives {round(100 * roles.motion[i])} %"
        assert wanted.replace("-", "−") in texts(ax)


def test_curves_of_one_dimension():
    parts, run = taken_apart(1)
    panels = symmetry(parts, run).axes[:4]
    curves = [next(x for x in ax.lines if len(x.get_xdata()) > 2).get_xydata() for ax in panels]
    z = curves[0][:, :1]
    wanted = [parts.symmetric(z) + parts.asymmetric(z), parts.latent_energy(z)[:, None],
              parts.symmetric(z), parts.asymmetric(z)]  # fmt: skip
    for curve, values in zip(curves, wanted, strict=True):
        np.testing.assert_array_equal(curve[:, 0], z[:, 0])
        np.testing.assert_array_equal(curve[:, 1], values[:, 0])


def test_a_sheet_has_a_row_each():
    fig = Figure()
    rows = {f"k = {k}": taken_apart(k) for k in (2, 3)}
    assert symmetry_sheet(rows, fig=fig) is fig
    names = [ax.get_title() for ax in fig.axes]
    assert len(names) == 8
    assert [names[0], names[4]] == ["k = 2, $n$ = 40", "k = 3, $n$ = 40"]
    letters = [t.get_text() for ax in fig.axes for t in ax.texts if t.get_fontweight() == "bold"]
    assert letters == ["a", "b"]


def test_arrows_of_both_parts_are_on_one_scale():
    parts, run = taken_apart(3)
    _, _, *panels = symmetry(parts, run).axes
    view = View.of(run.states)
    ratios = []
    for ax, field in zip(panels, (parts.symmetric, parts.asymmetric), strict=True):
        (arrows,) = (c for c in ax.collections if isinstance(c, Quiver))
        drawn = np.sqrt(np.max(arrows.U**2 + arrows.V**2))
        ratios.append((drawn, sizes(field, view, run.states.reshape(-1, 3)).max()))
    (a, size_a), (b, size_b) = ratios
    assert size_a > 1.5 * size_b or size_b > 1.5 * size_a
    assert (a > b) == (size_a > size_b)


def test_streamlines_follow_the_field():
    """Of a shear, in a box of the user's own; a field that vanishes has none."""
    ax = Figure().add_subplot()
    view = View.of(BOX[:, :2])
    drawn = streams(ax, lambda z: np.stack([z[:, 1], 0 * z[:, 1]], axis=1), view)
    assert isinstance(drawn, LineCollection)
    steps = np.concatenate([np.diff(path, axis=0) for path in drawn.get_segments()])
    assert np.abs(steps[:, 0]).sum() > 10
    assert np.abs(steps[:, 1]).max() < 1e-9
    assert streams(ax, np.zeros_like, view) is None


def test_streamlines_leave_out_what_is_not_finite():
    ax = Figure().add_subplot()
    view = View.of(BOX[:, :2])
    drawn = streams(ax, lambda z: np.where(z[:, :1] > 0, np.nan, 1.0) * np.ones(2), view)
    assert np.concatenate(drawn.get_segments())[:, 0].max() < 0.2


@pytest.mark.parametrize("k", [3, 5])
def test_arrows_are_the_projected_field(k):
    ax = Figure().add_subplot()
    states = network_run(k).states.reshape(-1, k)
    view = View.of(states)
    matrix = np.random.default_rng(0).normal(size=(k, k))

    def field(z):
        return z @ matrix.T

    largest = sizes(field, view, states).max()
    arrows = streams(ax, field, view, at=states, spacing=1e-9, full_length=2 * largest)
    tails, length = view.project(states), 0.16 / (2 * largest)
    wanted = length * (view.project(states + 1e-3 * field(states)) - tails) / 1e-3
    order = np.argsort(tails[:, 2])
    np.testing.assert_allclose(np.column_stack([arrows.X, arrows.Y]), tails[order, :2])
    np.testing.assert_allclose(np.column_stack([arrows.U, arrows.V]), wanted[order, :2], atol=1e-9)


def test_arrows_are_cut_thinned_and_on_a_lattice():
    ax = Figure().add_subplot()
    view = View.of(BOX)
    arrows = streams(ax, lambda z: 1.0 * (z > 1.9), view, number=4)
    assert len(arrows.X) == 64
    assert np.hypot(arrows.U, arrows.V).max() <= 0.16 + 1e-9
    crowd = np.random.default_rng(0).uniform(*BOX, (5000, 3))
    few = streams(ax, lambda z: z, view, at=crowd, spacing=0.5)
    assert len(few.X) == 8
    assert streams(ax, np.zeros_like, view) is None
    assert streams(ax, lambda z: np.full_like(z, np.nan), view) is None


def ball(z):
    """Distance from the middle of the box, in sides."""
    return np.linalg.norm(z / (BOX[1] - BOX[0]), axis=1)


def test_a_sphere_is_seen_as_a_disc_of_two_layers():
    ax = Figure().add_subplot()
    image = isosurfaces(ax, ball, View.of(BOX), [0.3], ["#808080"], opacity=0.3, resolution=48)
    cover = np.asarray(image.get_array())[..., 3]
    pixel = np.sqrt(3) / len(cover)
    assert abs(np.sum(cover > 0) * pixel**2 / (np.pi * 0.3**2) - 1) < 0.02
    middle = len(cover) // 2
    assert abs(cover[middle, middle] - (1 - 0.7**2)) < 0.01
    assert cover.max() > 0.8  # towards the rim a ray runs along in the layer


def test_spheres_lie_within_spheres():
    """The nearer one covers; nothing is drawn of a level that is not taken."""
    ax = Figure().add_subplot()
    view = View.of(BOX)
    image = isosurfaces(ax, ball, view, [0.2, 0.35, 7.0], ["#FF0000", "#0000FF", "#00FF00"])
    red, green, blue, cover = np.moveaxis(np.asarray(image.get_array()), -1, 0)
    middle, pixel = len(cover) // 2, np.sqrt(3) / len(cover)
    between = middle + round(0.27 / pixel)
    assert 0.1 < red[middle, middle] < blue[middle, middle]
    assert red[middle, between] < 0.15 < blue[middle, between]
    assert abs(cover[middle, middle] - (1 - 0.7**4)) < 0.01
    assert green.max() < 0.15


def test_the_lattice_runs_between_the_limits():
    points = lattice(View.of(BOX), (2, 3, 4)).reshape(2, 3, 4, 3)
    np.testing.assert_allclose(points[0, 0, 0], BOX[0])
    np.testing.assert_allclose(points[1, 2, 3], BOX[1])
    np.testing.assert_allclose(points[0, 0, :, 2], np.linspace(-3, 3, 4))


def test_what_cannot_be_drawn_is_refused_in_words():
    parts, run = taken_apart(2)
    with pytest.raises(InputError, match="rows is empty"):
        symmetry_sheet({})
    with pytest.raises(InputError, match="2 latent dimensions and its run 3"):
        symmetry(parts, target_run(3))
    with pytest.raises(InputError, match="two samples"):
        symmetry(parts, network_run(2, T=1))
    with pytest.raises(InputError, match="one dimension"):
        streams(Figure().add_subplot(), np.zeros_like, View.of(run.states[..., :1]))
    with pytest.raises(InputError, match="three coordinates, got 2"):
        isosurfaces(Figure().add_subplot(), ball, View.of(run.states), [0.1], ["red"])
