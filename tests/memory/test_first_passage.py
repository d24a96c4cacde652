"""First passage: grids against quadrature and exact formulas, simulations against both."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import knowing
from scipy import integrate

import driftmatch as dm
from driftmatch.memory.first_passage import committor, mean_first_passage, passage_times
from driftmatch.memory.regions import Regions
from driftmatch.meters import AbstractMeter
from driftmatch.outcomes import Outcome

LINE = dm.Grid([-2.5], [2.5], 1000)


def well(D):
    return dm.systems.double_well((2 * D) ** 0.5)


def energy(x, D):
    """V/D of the double well."""
    return (x**4 / 4 - x**2 / 2) / D


def passage(start, end, D):
    """Mean first passage of the double well upwards, by quadrature of the closed formula."""

    def inner(y):
        weight = lambda x: math.exp(energy(y, D) - energy(x, D))  # noqa: E731
        return integrate.quad(weight, -4, y, limit=200, points=[min(-1.0, y)])[0]

    return integrate.quad(inner, start, end, limit=200)[0] / D


@functools.cache  # one function for each x, so that what was compiled for it serves again
def beyond(x):
    """A target: all states above x."""
    return lambda z: x - z[0]


def off_centre(z):
    """A target: |z| ≥ 1."""
    return 1 - jnp.sqrt(jnp.sum(z**2) + 1e-30)


def outside(radius):
    return lambda z: radius - jnp.sqrt(jnp.sum(z**2))


def exit_of_a_disc(r, R, stiffness, D, dim=2):
    """T of dz = −κz dt + √(2D) dB from |z| = r until |z| = R, from the radial equation."""

    def slope(s):
        weight = lambda u: (u / s) ** (dim - 1) * math.exp(stiffness * (s**2 - u**2) / (2 * D))  # noqa: E731
        return integrate.quad(weight, 0, s)[0] / D

    return integrate.quad(slope, r, R)[0]


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


def multiplicative(x, a):
    """T of dx = (1 + ax) dB from x until |x| = 1."""
    F = lambda x: 2 / a**2 * np.log(1 + a * x)  # noqa: E731
    return F(x) - (F(1) + F(-1)) / 2 - x * (F(1) - F(-1)) / 2


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
    assert T.outcome is Outcome.UNCONVERGED
    assert np.isnan(T([-1.0]))
    assert float(T([1.1])) == 0.0
    for D in (0.05, 0.04, 0.03):
        assert from_the_middle(D).outcome is Outcome.UNCONVERGED


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
        (0.0, r"shape \(1,\), got \(\)"),
        ([0.0, 1.0], r"shape \(1,\), got \(2,\)"),
        ([3.0], "outside the grid .* wider Grid"),
        ([np.nan], "outside the grid"),
    ):
        with pytest.raises(dm.InputError, match=words):
            T(z)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: mean_first_passage(dm.systems.lorenz(noise=1.0), beyond(1.0)), "passage_times"),
        (lambda: mean_first_passage(well(0.0), beyond(1.0), grid=LINE), "singular"),
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


# By simulation


def test_simulation_agrees_with_the_grid():
    """In one and in two dimensions, to three standard errors (a false alarm once in 370 times)."""
    D = 0.1
    T = mean_first_passage(well(D), beyond(0.5), grid=LINE)
    p = passage_times(
        well(D), [-1.0], beyond(0.5), duration=2000.0, dt=0.05, key=jax.random.key(0),
        num_trajectories=4000,
    )  # fmt: skip
    assert p.outcome is Outcome.SUCCESS
    assert p.mean == pytest.approx(p.times.mean())
    assert p.standard_error == pytest.approx(p.times.std(ddof=1) / 4000**0.5, rel=1e-6)
    assert p.standard_error < 0.02 * p.mean
    assert abs(p.mean - T([-1.0])) < 3 * p.standard_error
    sde = dm.systems.ring_of_wells(torque=0.2, noise=0.6)
    goal = Regions(sde.starts[[2]], 0.3)
    T = mean_first_passage(sde, goal, grid=dm.Grid([-2.2, -2.2], [2.2, 2.2], 120))
    p = passage_times(
        sde, sde.starts[0], goal, duration=1000.0, dt=0.02, key=jax.random.key(1),
        num_trajectories=1000,
    )  # fmt: skip
    assert abs(p.mean - T(sde.starts[0])) < 3 * p.standard_error
    assert p.standard_error < 0.04 * p.mean


def plain(sde, start, dt, number, key):
    """The mean time of the first sample with |z| ≥ 1: the way without a bridge."""
    run = dm.simulate(sde, duration=25.0, dt=dt, key=key, num_trajectories=number, start=start)
    out = np.linalg.norm(run.states, axis=2) >= 1
    return dt * np.where(out.any(axis=1), out.argmax(axis=1), out.shape[1]).mean()


@pytest.mark.parametrize("dim", [1, 2])
def test_large_steps_are_right_where_plain_sampling_is_far_off(dim):
    """A trap in a disc, left after some 1.4 or 0.7: steps of 0.1."""
    sde, start = dm.SDE(lambda z: -z, 1.0, dim), np.zeros(dim)
    exact = exit_of_a_disc(0, 1, 1.0, 0.5, dim)
    p = passage_times(
        sde,
        start,
        off_centre,
        duration=50.0,
        dt=0.1,
        key=jax.random.key(2),
        num_trajectories=40_000,
    )
    assert p.mean == pytest.approx(exact, abs=3 * p.standard_error + 0.004 * exact)
    assert plain(sde, start, 0.1, 4000, jax.random.key(3)) > 1.5 * exact


def test_first_order_in_the_step():
    """dx = (1 + 0.8x) dB, whose bridges have the noise of their beginnings only. A quarter of the
    step leaves a quarter of the error; plain sampling would leave half of it at best."""
    sde = dm.SDE(lambda z: 0 * z, lambda z: (1 + 0.8 * z)[:, None], 1)
    exact = float(multiplicative(0.0, 0.8))
    errors, plain_errors = [], []
    for dt in (0.2, 0.05):
        p = passage_times(
            sde, [0.0], off_centre, duration=50.0, dt=dt, key=jax.random.key(4),
            num_trajectories=100_000,
        )  # fmt: skip
        errors.append(p.mean / exact - 1)
        assert p.standard_error / exact < 0.003
        plain_errors.append(plain(sde, np.zeros(1), dt, 4000, jax.random.key(5)) / exact - 1)
    assert 0.75 < np.log(errors[0] / errors[1]) / np.log(4) < 1.3
    assert np.log(plain_errors[0] / plain_errors[1]) / np.log(4) < 0.65


def test_standard_errors_are_honest_when_many_have_not_arrived():
    """60 runs of 100, of which some 40 have arrived: nearly exponential, so the mean is right, and
    95 % of the intervals hold it (fewer than 52 of 60 once in 80 times). The mean of those that
    arrived is not."""
    D = 0.1
    exact = passage(-1.0, 0.0, D)
    key = jax.random.key(6)
    held, naive = 0, []
    for _ in range(60):
        key, now = jax.random.split(key)
        p = passage_times(
            well(D),
            [-1.0],
            beyond(0.0),
            duration=0.5 * exact,
            dt=0.05,
            key=now,
            num_trajectories=100,
        )
        assert p.outcome is Outcome.CENSORED
        assert 20 < len(p.times) < 60
        held += abs(p.mean - exact) < 1.96 * p.standard_error
        naive.append(p.times.mean())
    assert held >= 52
    assert np.mean(naive) < 0.5 * exact


def test_arrivals_after_the_duration_do_not_count():
    """Noise belongs to a step, so a shorter run is the beginning of a longer one, wherever its end
    lies in a block of steps."""
    D, dt = 0.2, 0.05
    run = lambda steps: passage_times(  # noqa: E731
        well(D), [-1.0], beyond(0.0), duration=steps * dt, dt=dt, key=jax.random.key(7),
        num_trajectories=64,
    )  # fmt: skip
    whole = run(20_000)
    assert len(whole.times) == 64
    for steps in (1, 100, 255, 256, 257, 300):
        part = run(steps)
        assert part.duration == pytest.approx(steps * dt)
        np.testing.assert_array_equal(part.times, whole.times[whole.times < steps * dt])
        if len(part.times):
            at_risk = part.times.sum() + (64 - len(part.times)) * steps * dt
            assert part.mean == pytest.approx(at_risk / len(part.times))


def test_few_arrivals():
    p = passage_times(
        well(0.1), [-1.0], beyond(0.0), duration=1.0, dt=0.05, key=jax.random.key(8),
        num_trajectories=20,
    )  # fmt: skip
    assert p.outcome is Outcome.FEW_EVENTS
    assert p.num_trajectories == 20
    p = passage_times(well(0.01), [-1.0], beyond(0.0), duration=1.0, dt=0.05, key=jax.random.key(8))
    assert len(p.times) == 0
    assert p.mean == p.standard_error == math.inf
    assert p.outcome is Outcome.FEW_EVENTS


def test_many_starts():
    starts = np.array([[-1.0], [0.9]] * 50)
    p = passage_times(
        well(0.05), starts, beyond(1.0), duration=0.5, dt=0.01, key=jax.random.key(9),
        num_trajectories=100,
    )  # fmt: skip
    assert 25 < len(p.times) <= 50


def test_what_comes_after_the_arrival_does_not_matter():
    """Over the barrier of x²/2 − x³/3, beyond which the state diverges in no time."""
    sde = dm.SDE(lambda z: -z + z**2, 0.6, 1)
    p = passage_times(sde, [0.0], beyond(2.0), duration=200.0, dt=0.02, key=jax.random.key(10))
    assert p.outcome is Outcome.SUCCESS
    with pytest.raises(dm.ComputationError, match=r"non-finite before t = .* lower dt = 0.02"):
        passage_times(sde, [0.0], beyond(1e30), duration=2000.0, dt=0.02, key=jax.random.key(10))


def test_without_noise_arrivals_are_those_of_the_flow():
    """dx = 1 dt reaches 1 after 1, to half a step."""
    sde = dm.SDE(lambda z: jnp.ones(1), 0.0, 1)
    p = passage_times(sde, [0.0], beyond(1.0), duration=5.0, dt=0.01, key=jax.random.key(11))
    np.testing.assert_allclose(p.times, 1.0, atol=0.0101)


def test_private_noise_counts():
    """A linear neuron with shared and private noise, dz = −z/2 dt + dB + s√2 dξ; the latent SDE
    alone would take longer."""
    network = dm.Network(
        [[1.0]], [[0.5]], [0.0], activation="identity", shared_noise=1.0, private_noise=1.0
    )
    ask = lambda network: passage_times(  # noqa: E731
        network, [0.0], off_centre, duration=30.0, dt=0.05, key=jax.random.key(12),
        num_trajectories=4000,
    )  # fmt: skip
    sde = dm.SDE(lambda z: -z / 2, 3.0**0.5, 1)
    exact = float(mean_first_passage(sde, off_centre, grid=dm.Grid([-2], [2], 400))([0.0]))
    noisy, quiet = ask(network), ask(network.with_private_noise(0.0))
    assert abs(noisy.mean - exact) < 3 * noisy.standard_error
    assert quiet.mean > 2 * noisy.mean


def test_single_precision_is_enough():
    """The same mean in both, to three standard errors, with steps of 5·10⁻⁴, whose drift is four
    digits below the state."""
    sde = dm.SDE(lambda z: -z, 1.0, 1)
    ask = lambda: passage_times(  # noqa: E731
        sde, [0.5], off_centre, duration=20.0, dt=5e-4, key=jax.random.key(13),
        num_trajectories=1000,
    )  # fmt: skip
    single = ask()
    with jax.enable_x64(True):
        double = ask()
    exact = exit_of_a_disc(0.5, 1, 1.0, 0.5, dim=1)
    for p in (single, double):
        assert abs(p.mean - exact) < 3 * p.standard_error
        assert p.standard_error < 0.05 * exact


class Counting(AbstractMeter):
    """Counts what it is told, and may interrupt."""

    def __init__(self, interrupt=False):
        self.total, self.steps, self.stopped, self.interrupt = 0, 0, 0, interrupt

    def start(self, description, total):
        self.total = total

    def advance(self, steps, note=""):
        self.steps += steps
        if self.interrupt:
            raise KeyboardInterrupt

    def stop(self):
        self.stopped += 1


def test_the_run_ends_with_the_last_arrival_or_an_interrupt():
    meter = Counting()
    p = passage_times(
        well(0.2), [-1.0], beyond(0.0), duration=1e6, dt=0.05, key=jax.random.key(14), meter=meter
    )
    assert meter.total == 20_000_000
    assert p.times.max() / 0.05 <= meter.steps < p.times.max() / 0.05 + 300
    assert meter.stopped == 1
    meter = Counting(interrupt=True)
    with pytest.raises(KeyboardInterrupt):
        passage_times(
            well(0.01), [-1.0], beyond(0.0), duration=1e6, dt=0.05, key=jax.random.key(14),
            meter=meter,
        )  # fmt: skip
    assert meter.steps < 1000
    assert meter.stopped == 1


def test_compiles_once():
    """For runs of any length and step, and for other regions of the same number."""
    traced = []

    def drift(z):
        traced.append(1)
        return -z

    sde = dm.SDE(drift, 1.0, 1)
    counts = []
    for duration, dt, centre in ((1.0, 0.05, 2.0), (3.0, 0.05, 2.0), (60.0, 0.1, 1.5)):
        passage_times(
            sde, [0.0], Regions([[centre]], 0.5), duration=duration, dt=dt, key=jax.random.key(0)
        )
        counts.append(len(traced))
    assert counts[0] == counts[1] == counts[2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": [1.0]}, "start lies inside the target"),
        ({"start": [0.0, 1.0]}, "start must have shape"),
        ({"start": [np.nan]}, "start must be finite"),
        ({"target": Regions([[0.0, 0.0]], 1.0)}, "target has 2 dimensions"),
        ({"target": 3.0}, "Regions or a function"),
        ({"duration": -1.0}, "duration must be a positive number"),
        ({"dt": 20.0}, "dt must not exceed the duration"),
        ({"key": 0}, "key must be one random key"),
        ({"num_trajectories": 0}, "num_trajectories must be a whole number"),
        ({"sde": lambda z: z}, "must be an SDE"),
        ({"sde": dm.Network([[1.0]], [[0.5]], [0.0], tau=0.01)}, "too large for a network"),
    ],
)
def test_bad_input_of_simulations(changes, words):
    arguments = {
        "sde": well(0.1), "start": [-1.0], "target": beyond(0.5), "duration": 10.0, "dt": 0.05,
        "key": jax.random.key(0), "num_trajectories": 4,
    }  # fmt: skip
    with pytest.raises(dm.InputError, match=words):
        passage_times(**(arguments | changes))
