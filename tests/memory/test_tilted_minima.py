"""Minima followed through a tilt: the double well in closed form, many wells by brute force."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.memory.descent import descend
from driftmatch.memory.landscape import Landscape, landscape
from driftmatch.memory.tilted_minima import follow_minima
from driftmatch.systems.wells import on_a_circle

FOLD = 2 / (3 * 3**0.5)


def outer_roots(a):
    """The minima of x⁴/4 − x²/2 − a x, right and left: x³ − x = a."""
    roots = np.sort(np.roots([1, 0, -1, -a]).real)
    return roots[2], roots[0]


@pytest.fixture(scope="module")
def double_well():
    return landscape(dm.systems.double_well())


def test_the_fold_of_the_double_well(double_well):
    path = follow_minima(double_well, [1.0], largest=0.5)
    assert np.isnan(path.folds[0])
    assert path.folds[1] == pytest.approx(FOLD, rel=1e-8)
    assert path.left == (0,)
    assert path.last[1, 0] == pytest.approx(-(3**-0.5), abs=1e-4)
    assert path.last_potential[1] - 0.25 == pytest.approx(1 / 36 - 1 / 6, abs=1e-5)
    gone = np.isnan(path.minima[:, 1, 0])
    assert np.array_equal(gone, path.amplitudes > FOLD)


def test_the_fold_does_not_depend_on_steps_or_scale(double_well):
    for largest, steps, c in [(0.5, 7, 1.0), (40.0, 100, 1.0), (1.0, 1000, -2.0), (1.0, 1, 3.0)]:
        path = follow_minima(double_well, [c], largest=largest, steps=steps)
        lost, kept = (1, 0) if c > 0 else (0, 1)
        assert path.folds[lost] == pytest.approx(FOLD / abs(c), rel=1e-8)
        assert path.left == (kept,)


def test_minima_solve_the_cubic(double_well):
    path = follow_minima(double_well, [1.0], largest=0.38, steps=19)
    expected = np.array([outer_roots(a) for a in path.amplitudes])
    assert np.abs(path.minima[..., 0] - expected).max() < 1e-9
    V = expected**4 / 4 - expected**2 / 2 + 0.25
    assert np.abs(path.energies - (V - path.amplitudes[:, None] * expected)).max() < 1e-9


def test_energies_obey_the_envelope_theorem_and_agree_with_direct_integrals(uneven_square):
    """dE_j/da = −c·z_j, and V on straight lines from the first minimum of all."""
    wells = uneven_square[0]
    c = np.array([0.2, -0.1])
    path = follow_minima(wells, c, steps=200)
    assert path.left == (0, 1, 2, 3)
    slopes = np.gradient(path.energies, path.amplitudes, axis=0, edge_order=2)
    assert np.abs(slopes + path.minima @ c).max() < 1e-5
    direct = wells.potential(path.minima) - path.amplitudes[:, None] * (path.minima @ c)
    assert np.abs(direct - path.energies).max() < 1e-6
    assert np.ptp(path.energies, axis=0).min() > 0.01


def test_many_wells_side_by_side_are_not_mistaken_for_each_other():
    """16 wells on a circle, against the flow from where each well was a little before."""
    circle = on_a_circle(16, spacing=2 * np.sin(np.pi / 16))
    sde = dm.systems.wells(circle, 1.0, noise=0.1)
    wells = landscape(sde)
    c = np.array([9.0, 1.0])
    path = follow_minima(wells, c, steps=10)
    assert 0 < len(path.left) < 16
    z = wells.minima.copy()
    alive = np.ones(16, dtype=bool)
    for a, minima in zip(path.amplitudes[1:], path.minima[1:], strict=True):
        new = descend(sde, z, a * c)
        alive &= np.linalg.norm(new - z, axis=1) < 0.5 * wells.spacing
        assert np.array_equal(alive, np.isfinite(minima[:, 0]))
        assert np.allclose(new[alive], minima[alive], atol=1e-6)
        z[alive] = new[alive]


def test_a_strong_tilt_moves_the_last_well_as_far_as_its_parabola_says(square):
    """Far out V is one parabola of curvature 2h/w² = 2 about (1, 1)."""
    path = follow_minima(square, [100.0, 100.0])
    assert path.left == (0,)
    assert np.allclose(path.last[0], [51.0, 51.0], atol=1e-6)
    assert path.last_potential[0] == pytest.approx(2 * 50**2, rel=1e-6)


class Mobile(eqx.Module):
    """f = −M∇V with V = (x⁴ − 2x²)/4 + ½(y − x)²."""

    mobility: jax.Array

    def __call__(self, z):
        x, y = z
        return -self.mobility @ jnp.stack([x**3 - x - (y - x), y - x])


def test_a_fold_does_not_depend_on_units():
    """Tilted by c = M(1, 0) a, the minima obey y = x and x³ − x = a whatever M is, and are lost
    where that folds; the symmetric part of ∂f/∂z would have it earlier, or never there at all."""
    starts = np.array([[1.0, 1.0], [-1.0, -1.0]])
    folds = []
    for ratio in (1.0, 10.0):
        M = np.diag([1.0, ratio])
        sde = dm.SDE(Mobile(jnp.asarray(M)), 0.1, dim=2, start=starts)
        wells = Landscape(sde, starts, np.zeros(2), np.full(2, 0.25), 0.0, 0.0)
        path = follow_minima(wells, M @ [1.0, 0.0], largest=0.5)
        assert path.left == (0,)
        folds.append(path.folds[1])
    assert folds == pytest.approx([FOLD, FOLD], rel=1e-7)


def test_an_sde_stands_for_its_landscape(double_well):
    path = follow_minima(dm.systems.double_well(), [1.0], largest=0.5)
    assert np.array_equal(path.last, follow_minima(double_well, [1.0], largest=0.5).last)


@pytest.mark.parametrize(
    ("direction", "options", "words"),
    [
        ([1.0, 0.0], {}, r"direction must have shape .1,., got \(2,\)"),
        ([np.nan], {}, "direction must be finite"),
        ("up", {}, "direction must be numbers of shape .1,., got 'up'"),
        ([1.0], {"largest": 0.0}, "largest must be a positive number"),
        ([1.0], {"largest": "a"}, "largest must be a positive number, got 'a'"),
        ([1.0], {"steps": 0}, "steps must be a whole number"),
        ([1e6], {}, "lower it"),
    ],
)
def test_bad_input(double_well, direction, options, words):
    with pytest.raises(dm.InputError, match=words):
        follow_minima(double_well, direction, **options)
