"""First passage on grids, against quadrature and exact formulas."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from passages import LINE, beyond, energy, exit_of_a_disc, multiplicative, off_centre, passage, well
from problems import knowing
from scipy import integrate

import driftmatch as dm
from driftmatch.memory.first_passage import committor, mean_first_passage
from driftmatch.memory.regions import Regions
from driftmatch.outcomes import Outcome


def outside(radius):
    return lambda z: radius - jnp.sqrt(jnp.sum(z**2))


# On a grid, one dimension


@pytest.mark.parametrize("problem", knowing("passage_times"), ids=str)
def test_reference_values_of_the_double_well(problem):
    for (start, end), expected in problem.passage_times.items():
        T = mean_first_passage(problem.build(), beyond(end), grid=LINE)
        assert T.outcome is Outcome.SUCCESS
        assert float(T([start])) == pytest.approx(expected, rel=5e-5)


@pytest.mark.parametrize("D", [0.05, 0.1])
def test_second_order_in_the_cell(D):
    """At ten starts, against quadrature; no target's edge is on the edge of a cell."""
    starts, end = np.linspace(-1.6, 0.6, 10), 0.777
    exact = np.array([passage(x, end, D) for x in starts])

    def error(cells):
        T = mean_first_passage(well(D), beyond(end), grid=dm.Grid([-2.5], [2.5], cells))
        return np.abs(T(starts[:, None]) / exact - 1).max()

    errors = [error(cells) for cells in (250, 500, 1000)]
    assert errors[2] < 3e-4
    assert 1.7 < np.log2(errors[0] / errors[1]) < 2.3
    assert 1.7 < np.log2(errors[1] / errors[2]) < 2.3


def test_the_edge_may_lie_anywhere_in_a_cell():
    """Edges that are moved through a cell: T follows smoothly, without steps."""
    ends = 0.5 + 0.005 * np.linspace(0, 1, 11)
    found = [float(mean_first_passage(well(0.1), beyond(x), grid=LINE)([-1.0])) for x in ends]
    exact = [passage(-1.0, x, 0.1) for x in ends]
    np.testing.assert_allclose(found, exact, rtol=3e-5)


def test_the_number_of_cells_alone():
    """Cells are put around what the SDE visits."""
    T = mean_first_passage(well(0.1), beyond(0.5), grid=400)  # 20000 states are simulated
    assert T.grid.shape == (400,)
    assert float(T([-1.0])) == pytest.approx(passage(-1.0, 0.5, 0.1), rel=1e-3)


def test_a_network_stands_for_its_latent_sde():
    """One linear neuron, dz = −z/2 dt + dB, from 0 until |z| ≥ 1."""
    network = dm.Network([[1.0]], [[0.5]], [0.0], activation="identity", shared_noise=1.0)
    T = mean_first_passage(network, off_centre, grid=dm.Grid([-2], [2], 400))
    assert float(T([0.0])) == pytest.approx(exit_of_a_disc(0, 1, 0.5, 0.5, dim=1), rel=1e-4)


def test_multiplicative_noise():
    """dx = (1 + x/2) dB (Itô) until |x| ≥ 1:  (1 + x/2)² T''/2 = −1."""
    sde = dm.SDE(lambda z: 0 * z, lambda z: (1 + 0.5 * z)[:, None], 1)
    T = mean_first_passage(sde, off_centre, grid=dm.Grid([-1.3], [1.3], 700))
    x = np.linspace(-0.9, 0.9, 7)
    np.testing.assert_allclose(T(x[:, None]), multiplicative(x, 0.5), rtol=1e-4)
    # as Stratonovich's it would be another
    other = dm.SDE(sde.drift, sde.diffusion, 1, interpretation="stratonovich")
    T = mean_first_passage(other, off_centre, grid=dm.Grid([-1.3], [1.3], 700))
    assert np.abs(T(x[:, None]) / multiplicative(x, 0.5) - 1).max() > 0.1


def test_several_regions_are_one_target():
    """From 0 to either of two balls, by symmetry that from 0 with a mirror to one."""
    D, edge = 0.1, 0.7
    T = mean_first_passage(well(D), Regions([[-1.0], [1.0]], 1 - edge), grid=LINE)
    inner = lambda y: integrate.quad(lambda x: math.exp(energy(y, D) - energy(x, D)), 0, y)[0]  # noqa: E731
    exact = integrate.quad(inner, 0, edge)[0] / D
    assert float(T([0.0])) == pytest.approx(exact, rel=1e-4)
    assert float(T([0.9])) == 0.0


def test_committor_by_quadrature():
    """q ∝ ∫ e^{V/D}, for edges within cells."""
    D, low, high = 0.1, -0.83, 0.412
    q = committor(well(D), lambda z: z[0] - low, beyond(high), grid=LINE)
    x = np.linspace(low + 0.01, high - 0.01, 9)
    scale = lambda x: integrate.quad(lambda y: math.exp(energy(y, D)), low, x)[0]  # noqa: E731
    exact = np.array([scale(end) for end in x]) / scale(high)
    np.testing.assert_allclose(q(x[:, None]), exact, atol=2e-4)
    assert float(q([-2.0])) == 0.0
    assert float(q([0.6])) == 1.0
    swapped = committor(well(D), beyond(high), lambda z: z[0] - low, grid=LINE)
    np.testing.assert_allclose(q.values + swapped.values, 1.0, atol=1e-12)


def test_committor_of_a_symmetric_well():
    q = committor(well(0.05), Regions([[-1.0]], 0.2), Regions([[1.0]], 0.2), grid=LINE)
    assert float(q([0.0])) == pytest.approx(0.5, abs=1e-9)
    assert q.outcome is Outcome.SUCCESS


# Rare passages


def waves(D):
    """Wells at multiples of 2π with barriers of 2."""
    return dm.SDE(lambda z: -jnp.sin(z), (2 * D) ** 0.5, 1)


def from_the_middle(D):
    """Of three wells: which of the outer barriers is crossed first."""
    return committor(waves(D), lambda z: z[0] + 5.9, beyond(5.9), grid=dm.Grid([-6.6], [6.6], 660))


@pytest.mark.parametrize("cells", [250, 1000, 4000])
def test_barriers_of_25_D_are_no_harder(cells):
    T = mean_first_passage(well(0.01), beyond(1.0), grid=dm.Grid([-2.5], [2.5], cells))
    assert float(T([-1.0])) == pytest.approx(
        passage(-1.0, 1.0, 0.01), rel=5e-3 * (250 / cells) ** 2
    )
    assert T.outcome is Outcome.SUCCESS


@pytest.mark.parametrize("D", [0.1, 0.08, 0.072])
def test_a_deep_well_between(D):
    """Left to either side alike, up to 28 D of barrier."""
    q = from_the_middle(D)
    assert q.outcome is Outcome.SUCCESS
    assert float(q([0.0])) == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("D", [0.008, 0.006, 0.002])
def test_passages_lost_in_rounding_errors_say_so(D):
    """Barriers of 31, 42 and 125 D; and of 40 D and more around the well in the middle."""
    T = mean_first_passage(well(D), beyond(1.0), grid=LINE)
    assert T.outcome is Outcome.RARE_PASSAGES
    assert np.isnan(T([-1.0]))
    assert float(T([1.1])) == 0.0
    for D in (0.05, 0.04, 0.03):
        assert from_the_middle(D).outcome is Outcome.RARE_PASSAGES


# On a grid, two dimensions


@pytest.mark.parametrize("stiffness", [0.0, 2.0])
def test_exit_of_a_disc(stiffness):
    """Brownian motion, T = (R² − r²)/4D, and a trap, of second order in the cell."""
    D, R = 0.3, 0.9
    sde = dm.SDE(lambda z: -stiffness * z, (2 * D) ** 0.5, 2)
    angles = np.linspace(0, 6, 9)
    starts = 0.6 * np.column_stack([np.cos(angles), np.sin(angles)])
    exact = exit_of_a_disc(0.6, R, stiffness, D)

    def error(cells):
        T = mean_first_passage(sde, outside(R), grid=dm.Grid([-1, -1], [1, 1], cells))
        return np.abs(T(starts) / exact - 1).max()

    coarse, fine = error(50), error(200)
    assert fine < 5e-4
    assert coarse / fine > 8  # 16, but for how the circle cuts the cells


def turned(angle, lengths=(1.0, 0.25)):
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s], [s, c]]) @ np.diag(lengths)


@pytest.mark.parametrize("angle", [0.0, 0.5, math.pi / 4, 2.0])
def test_anisotropic_noise_however_turned(angle):
    """z = A y with y in a round trap: the disc becomes an ellipse and D = D₀ A Aᵀ."""
    A, D = turned(angle), 0.3
    inverse = np.linalg.inv(A)
    sde = dm.SDE(lambda z: -2.0 * z, (2 * D) ** 0.5 * A, 2)
    grid = dm.Grid([-1, -1], [1, 1], 200)
    T = mean_first_passage(sde, lambda z: 0.8 - jnp.sqrt(jnp.sum((inverse @ z) ** 2)), grid=grid)
    angles = np.linspace(0, 6, 9)
    starts = 0.5 * np.column_stack([np.cos(angles), np.sin(angles)]) @ A.T
    np.testing.assert_allclose(T(starts), exit_of_a_disc(0.5, 0.8, 2.0, D), rtol=2e-3)
    # without the correlation of the noise it is another
    plain = dm.SDE(lambda z: -2.0 * z, np.diag((2 * D * np.diag(A @ A.T)) ** 0.5), 2)
    T = mean_first_passage(plain, lambda z: 0.8 - jnp.sqrt(jnp.sum((inverse @ z) ** 2)), grid=grid)
    off = np.abs(T(starts) / exit_of_a_disc(0.5, 0.8, 2.0, D) - 1).max()
    assert (off > 0.05) == (angle > 0)


def test_noise_that_grows_outwards():
    """D = D₀(1 + r²) without drift (Itô):  T = ∫ ln(1 + s²)/(2D₀ s) ds."""
    D, R = 0.2, 0.9
    sde = dm.SDE(lambda z: 0 * z, lambda z: jnp.sqrt(2 * D * (1 + jnp.sum(z**2))) * jnp.eye(2), 2)
    T = mean_first_passage(sde, outside(R), grid=dm.Grid([-1, -1], [1, 1], 160))
    for r in (0.0, 0.3, 0.7):
        exact = integrate.quad(lambda s: math.log1p(s**2) / s / (2 * D), r, R)[0]
        assert float(T([-0.6 * r, 0.8 * r])) == pytest.approx(exact, rel=1e-3)


def test_committor_of_an_annulus():
    """Between circles q = ln(r/a)/ln(b/a), whatever D is; the outer target reaches the walls."""
    a, b = 0.25, 0.9
    sde = dm.SDE(lambda z: 0 * z, 0.7, 2)
    grid = dm.Grid([-1, -1], [1, 1], 200)
    q = committor(sde, Regions([[0.0, 0.0]], a), outside(b), grid=grid)
    angles = np.linspace(0, 6, 9)
    for r in (0.3, 0.5, 0.8):
        starts = r * np.column_stack([np.cos(angles), np.sin(angles)])
        np.testing.assert_allclose(q(starts), math.log(r / a) / math.log(b / a), atol=2e-3)


def test_a_circulation_does_not_change_when_a_disc_is_left():
    """Nor does it leave the jumps reversible: the solve must not need that."""
    D, R = 0.3, 0.9
    sde = dm.SDE(lambda z: 5 * jnp.stack([-z[1], z[0]]) - 2 * z, (2 * D) ** 0.5, 2)
    T = mean_first_passage(sde, outside(R), grid=dm.Grid([-1, -1], [1, 1], 200))
    assert float(T([0.4, 0.3])) == pytest.approx(exit_of_a_disc(0.5, R, 2.0, D), rel=2e-3)


# What the cells do not resolve


def whirl(theta, D=0.1):
    """A round trap whose circulation does not change when a disc is left."""
    return dm.SDE(lambda z: theta * jnp.stack([-z[1], z[0]]) - z, (2 * D) ** 0.5, 2)


DISC = dm.Grid([-1.1, -1.1], [1.1, 1.1], 128)
LEFT = outside(1.0)


@pytest.mark.parametrize("theta", [0.0, 5.0, 10.0, 20.0, 50.0])
def test_numerical_diffusion_is_noticed(theta):
    """T is the same for every circulation; where the grid's is off by a twentieth it says so. The
    numerical diffusion where the stationary state is, as `stationary` judges, would not: the way
    out leads where the flow is faster."""
    exact = exit_of_a_disc(0, 1, 1.0, 0.1)
    T = mean_first_passage(whirl(theta), LEFT, grid=DISC)
    error = abs(float(T([0.0, 0.0])) / exact - 1)
    assert T.outcome is (Outcome.SUCCESS if error < 0.05 else Outcome.COARSE)
    assert (error < 0.05) == (theta <= 5)
    if theta == 10:
        assert error > 0.1
        density = dm.stationary(whirl(theta), DISC)
        assert density.numerical_diffusion < 0.05


def test_the_change_tells_the_error():
    """Of second order, a third of the change; with some circulation, and no less than half."""
    exact = exit_of_a_disc(0, 1, 1.0, 0.1)
    T = mean_first_passage(whirl(5.0), LEFT, grid=DISC)
    error = abs(float(T([0.0, 0.0])) / exact - 1)
    assert 0.5 < 3 * error / T.change < 2


def between_wells(theta):
    """Of V = x⁴/4 − x²/2 + y², with a circulation across the force."""

    def drift(z):
        force = jnp.stack([z[0] - z[0] ** 3, -2 * z[1]])
        return force + theta * jnp.stack([-force[1], force[0]])

    sde = dm.SDE(drift, 0.08**0.5, 2)
    regions = Regions([[-1.0, 0.0], [1.0, 0.0]], 0.2)
    return committor(sde, regions[0], regions[1], grid=dm.Grid([-1.8, -1.2], [1.8, 1.2], 100))


def test_a_committor_smeared_by_numerical_diffusion():
    assert between_wells(10.0).outcome is Outcome.COARSE
    assert between_wells(0.0).outcome is Outcome.SUCCESS


def test_cells_as_large_as_the_target():
    ask = lambda radius: mean_first_passage(well(0.1), Regions([[0.4975]], radius), grid=LINE)  # noqa: E731
    assert ask(0.002).outcome is Outcome.COARSE
    assert ask(0.02).outcome is Outcome.SUCCESS
    few = mean_first_passage(well(0.1), beyond(0.0), grid=dm.Grid([-2.5], [2.5], 7))
    assert few.outcome is Outcome.COARSE


def test_walls_in_the_way():
    """A wall beside the well leaves out half of it; one on the far side of the target nothing."""
    exact = passage(-1.0, 0.5, 0.1)
    ask = lambda low, high: mean_first_passage(  # noqa: E731
        well(0.1), beyond(0.5), grid=dm.Grid([low], [high], 500)
    )
    assert ask(-1.05, 2.5).outcome is Outcome.CLIPPED
    assert abs(float(ask(-1.05, 2.5)([-1.0])) / exact - 1) > 0.1
    assert ask(-2.5, 0.6).outcome is Outcome.SUCCESS
    q = committor(well(0.1), lambda z: z[0] + 0.9, beyond(0.9), grid=dm.Grid([-1.0], [1.0], 500))
    assert q.outcome is Outcome.SUCCESS


# What a grid function is


def test_interpolation():
    T = mean_first_passage(well(0.1), beyond(0.5), grid=LINE)
    assert T([-1.0]).shape == ()
    assert T(np.zeros((3, 2, 1))).shape == (3, 2)
    assert float(T([-2.5])) == T.values[0]
    between = 0.5 * (LINE.axes[0][10] + LINE.axes[0][11])
    assert float(T([between])) == pytest.approx((T.values[10] + T.values[11]) / 2)
    assert T.name == "double_well"
    for z, words in (
        (0.0, r"shape \(\.\.\., 1\), got \(\)"),
        ([0.0, 1.0], r"shape \(\.\.\., 1\), got \(2,\)"),
        ([3.0], "outside the grid .* wider Grid"),
        ([np.nan], "z must be finite"),
    ):
        with pytest.raises(dm.InputError, match=words):
            T(z)


PRIVATE = dm.Network(
    [[1.0]], [[0.5]], [0.0], activation="identity", shared_noise=1.0, private_noise=0.1
)
BROKEN = dm.SDE(lambda z: -z, lambda z: jnp.log(z)[:, None], 1)


def test_private_noise_may_be_left_out():
    T = mean_first_passage(PRIVATE.with_private_noise(0.0), off_centre, grid=LINE)
    assert T.outcome is Outcome.SUCCESS


def test_without_noise_along_a_direction_the_message_is_of_passages():
    with pytest.raises(dm.InputError, match="singular") as error:
        mean_first_passage(well(0.0), beyond(1.0), grid=LINE)
    assert "entropy" not in str(error.value)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: mean_first_passage(dm.systems.lorenz(noise=1.0), beyond(1.0)), "passage_times"),
        (lambda: mean_first_passage(well(0.0), beyond(1.0), grid=LINE), "singular.*passage_times"),
        (lambda: mean_first_passage(BROKEN, beyond(1.0), grid=LINE), "not finite at"),
        (lambda: mean_first_passage(PRIVATE, off_centre, grid=LINE), "private.*passage_times"),
        (lambda: committor(PRIVATE, beyond(1.0), off_centre, grid=LINE), "with_private_noise"),
        (lambda: mean_first_passage(well(0.1), beyond(3.0), grid=LINE), "target holds no cell"),
        (lambda: mean_first_passage(well(0.1), beyond(-3.0), grid=LINE), "holds every cell"),
        (lambda: mean_first_passage(well(0.1), Regions([[1, 0]], 1), grid=LINE), "target has 2"),
        (lambda: mean_first_passage(well(0.1), lambda z: jnp.log(z[0]), grid=LINE), "not finite"),
        (lambda: mean_first_passage(well(0.1), beyond(1.0), grid="fine"), "whole numbers"),
        (lambda: mean_first_passage(lambda z: z, beyond(1.0), grid=LINE), "must be an SDE"),
        (lambda: committor(well(0.1), beyond(1.0), beyond(0.5), grid=LINE), "overlap"),
        (lambda: committor(well(0.1), beyond(3.0), beyond(0.5), grid=LINE), "source holds no cell"),
        (lambda: committor(well(0.1), beyond(0.0), lambda z: z[0], grid=LINE), "no cell between"),
    ],
)  # fmt: skip
def test_bad_input_on_grids(ask, words):
    with pytest.raises(dm.InputError, match=words):
        ask()
