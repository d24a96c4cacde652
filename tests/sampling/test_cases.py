"""Systems on which guesses of where they live, how fast they are or where they end go wrong."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.systems.oscillators import van_der_pol

KEY = jax.random.key(0)
TURN = 2 * np.pi
FLAT = {
    "cubic": (lambda x: -(x**3), 0.5, (-3.0, 3.0)),
    "squared": (lambda x: -x * abs(x), 0.5, (-3.0, 3.0)),
    "sixth power": (lambda x: -12000 * (x - 0.5) ** 5, 0.05**0.5, (-0.2, 1.2)),
}


def by_quadrature(f, variance, low, high):
    """Mean and variance of x under p ∝ exp(∫ 2f/σ²)/σ²."""
    edges = np.linspace(low, high, 200_001)
    x, h = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    slope = 2 * f(x) / variance(x)
    log_p = np.cumsum(slope) * h - slope * h / 2 - np.log(variance(x))
    p = np.exp(log_p - log_p.max())
    mean = x @ p / p.sum()
    return mean, (x - mean) ** 2 @ p / p.sum()


def mean_and_variance(density):
    x = density.grid.centres[:, 0]
    mean = density.mean(x)
    return mean, density.mean((x - mean) ** 2)


def over_paths(values):
    """The mean of values of shape (M, T, ...) and its standard error from independent paths."""
    means = values.reshape(*values.shape[:2], -1).mean(axis=1)
    return means.mean(axis=0), means.std(axis=0, ddof=1) / len(means) ** 0.5


def wiener(drift=0.0, sigma=1.0, dim=1):
    return dm.SDE(lambda z: drift + 0 * z, sigma, dim)


def wells(sigma=0.0, scale=1.0, start=(0.5,)):
    return dm.SDE(lambda x: x - x**3 / scale**2, sigma * scale, 1, start=np.multiply(start, scale))


def plane_wells():
    return dm.SDE(lambda u: jnp.stack([u[0] - u[0] ** 3, -u[1]]), 0.0, 2, start=(0.5, 0.5))


def washboard(slope=0.5, sigma=0.5, periodic=TURN):
    return dm.SDE(lambda z: 1 - slope * jnp.sin(z), sigma, 1, periodic=periodic)


def kuramoto():
    def f(t):
        return jnp.array([0.8, 1.0, 1.3]) + jnp.sin(t[None, :] - t[:, None]).sum(1) / 3

    return dm.SDE(f, 0.1, 3, periodic=[TURN] * 3)


def clocked():
    def f(u):
        return jnp.stack([u[1], -u[0] - 0.2 * u[1] + jnp.cos(u[2]), jnp.ones(())])

    return dm.SDE(f, 0.0, 3)


def hindmarsh_rose():
    def f(u):
        x, y, z = u
        return jnp.stack([y - x**3 + 3 * x**2 - z + 3.25, 1 - 5 * x**2 - y,
                          0.006 * (4 * (x + 1.6) - z)])  # fmt: skip

    return dm.SDE(f, 0.01, 3, start=(-1.0, 0.0, 3.0))


def hodgkin_huxley(start=(-65.0, 0.05, 0.6, 0.32)):
    def f(u):
        V, m, h, n = u
        am = 0.1 * (V + 40) / (1 - jnp.exp(-(V + 40) / 10))
        ah, bh = 0.07 * jnp.exp(-(V + 65) / 20), 1 / (1 + jnp.exp(-(V + 35) / 10))
        an = 0.01 * (V + 55) / (1 - jnp.exp(-(V + 55) / 10))
        current = 120 * m**3 * h * (V - 50) + 36 * n**4 * (V + 77) + 0.3 * (V + 54.4)
        return jnp.stack([10 - current, am * (1 - m) - 4 * jnp.exp(-(V + 65) / 18) * m,
                          ah * (1 - h) - bh * h,
                          an * (1 - n) - 0.125 * jnp.exp(-(V + 65) / 80) * n])  # fmt: skip

    return dm.SDE(f, 0.0, 4, start=start)


def logistic(sigma):
    return dm.SDE(lambda x: x * (1 - x), lambda x: sigma * jnp.diag(x), 1, start=(1.0,))


def predator_and_prey():
    def f(u):
        eaten = u[0] * u[1] / (1 + u[0])
        return jnp.stack([u[0] * (1 - u[0] / 3) - eaten, eaten - 0.4 * u[1]])

    return dm.SDE(f, lambda u: 0.1 * jnp.diag(u), 2, start=(1.0, 1.0))


def geometric(growth, sigma, start):
    return dm.SDE(lambda x: growth * x, lambda x: sigma * jnp.diag(x), 1, start=(start,))


@functools.cache
def sampled(name):
    return dm.sample({"kuramoto": kuramoto, "hindmarsh_rose": hindmarsh_rose,
                      "predator_and_prey": predator_and_prey}[name](), key=KEY)  # fmt: skip


@pytest.mark.parametrize(("duration", "dt"), [(1e4, 0.01), (100.0, 1e-4)])
def test_a_clock_keeps_time(duration, dt):
    end = dm.simulate(wiener(1.0, 0.0), duration=duration, dt=dt, key=KEY,
                      save_every=round(duration / dt)).states[0, -1, 0]  # fmt: skip
    assert end == pytest.approx(duration, rel=1e-9)


@pytest.mark.parametrize("drift", [0.0, 1e3, 1e4])
def test_a_drift_does_not_change_how_a_wiener_process_spreads(drift):
    """Five standard errors of 2000 paths, 8 %: a false alarm in 1e-6 of runs."""
    ends = dm.simulate(wiener(drift, 0.1), duration=1000.0, dt=0.1, key=KEY,
                       num_trajectories=2000, save_every=10_000).states[:, -1, 0]  # fmt: skip
    assert ends.std() == pytest.approx(0.1 * 1000**0.5, rel=0.08)


@pytest.mark.slow
def test_far_from_zero_a_small_spread_is_kept():
    s = dm.sample(dm.SDE(lambda z: -(z - 1e6), 0.1, 1), key=KEY)
    variance, error = over_paths((s.runs - 1e6) ** 2)
    # Five standard errors: one false alarm in 1e5 runs. And 1 % for the step.
    assert abs(variance - 0.005) < 5 * error + 5e-5
    assert 5 * error < 5e-4
    assert s.outcome.ok


@pytest.mark.slow
def test_far_from_zero_can_be_embedded():
    found = dm.embed(dm.SDE(lambda z: -(z - 1e5), 0.1, 1), 64, key=KEY, check=False)
    assert found.outcome.ok
    assert found.report.drift_error < 0.05


@pytest.mark.slow
def test_exponents_do_not_depend_on_the_clock():
    long = dm.lyapunov(clocked(), duration=1e4, dt=0.02, key=KEY, num_trajectories=8)
    np.testing.assert_allclose(long.exponents, [0.0, -0.1, -0.1], atol=1e-3)


@pytest.mark.parametrize("name", FLAT)
def test_densities_of_flat_potentials(name):
    f, sigma, box = FLAT[name]
    found = dm.stationary(dm.SDE(f, sigma, 1))
    right = by_quadrature(f, lambda x: sigma**2 + 0 * x, *box)
    np.testing.assert_allclose(mean_and_variance(found), right, atol=1e-3)
    assert found.outcome.ok


@pytest.mark.parametrize("name", FLAT)
def test_flat_potentials_can_be_embedded(name):
    f, sigma, _ = FLAT[name]
    found = dm.embed(dm.SDE(f, sigma, 1), 64, key=KEY, check=False)
    assert found.report.drift_error < 0.02
    assert found.outcome.ok


def test_points_of_wells_without_noise():
    found = dm.fixed_points(wells(), key=KEY)
    np.testing.assert_allclose(found.points, [[-1.0], [0.0], [1.0]], atol=1e-9)
    for seed in range(4):  # in some of the boxes every descent ends in two of them
        found = dm.fixed_points(plane_wells(), key=jax.random.key(seed))
        np.testing.assert_allclose(found.points, [[-1.0, 0], [0, 0], [1, 0]], atol=1e-9)


@pytest.mark.parametrize("build", [wells, pytest.param(plane_wells, marks=pytest.mark.slow)])
def test_wells_without_noise_can_be_embedded(build):
    found = dm.embed(build(), 64, key=KEY, check=False)
    assert found.report.drift_error < 0.02
    assert found.outcome.ok


@pytest.mark.slow
def test_wells_without_noise_can_be_analysed():
    found = dm.analyse(wells(), key=KEY)
    np.testing.assert_allclose(found.fixed_points.points, [[-1.0], [0.0], [1.0]], atol=1e-9)


@pytest.mark.parametrize(
    "ask",
    [
        lambda sde: dm.embed(sde, 64, key=KEY, check=False),
        pytest.param(dm.stationary, marks=pytest.mark.slow),
        pytest.param(
            lambda sde: dm.irreversibility(sde, key=KEY, method="path"), marks=pytest.mark.slow
        ),
    ],
    ids=["embed", "stationary", "irreversibility"],
)
@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: wiener(dim=2), "nothing depends on coordinate 0"),
        (lambda: wiener(1.0, 0.5), "periodic="),
        (lambda: washboard(periodic=None), "it is an angle"),
        (lambda: geometric(0.03, 0.2, 1.0), "grows without bound"),
        (lambda: geometric(-0.5, 0.2, 100.0), "is absorbed at"),
    ],
    ids=["integrator", "rotator", "washboard", "growing", "decaying"],
)
def test_what_is_not_stationary_says_why(build, reason, ask):
    with pytest.raises(dm.ComputationError, match=reason):
        ask(build())


@pytest.mark.parametrize("method", ["score", "grid", "path"])
def test_entropy_production_of_a_rotator(method):
    """v²/D = 8; the errors are those of rounding, as the drift is constant."""
    found = dm.irreversibility(washboard(0.0), key=KEY, method=method)
    assert found.entropy_production == pytest.approx(8.0, abs=0.02 + 5 * found.standard_error)
    assert found.standard_error < 0.1
    assert found.outcome.ok


@pytest.mark.slow
def test_a_rotator_can_be_embedded():
    found = dm.embed(washboard(0.0), 64, key=KEY, check=False)
    assert found.report.drift_error < 0.02
    assert found.outcome.ok
    assert found.report.tau < 10


def circle_by_quadrature():
    """⟨cos⟩, ⟨sin⟩ and mean speed from Fourier modes c_m, 2πJ = ⟨f⟩ and 0 = −im(fp)_m − m²Dp_m."""
    m = np.arange(-60, 61)
    shift = np.eye(121)
    up, down = np.roll(shift, 1, axis=0), np.roll(shift, -1, axis=0)  # p_{m−1}, p_{m+1}
    up[0], down[-1] = 0, 0
    f_p = shift - 0.5 / 2j * (up - down)
    operator = -1j * m[:, None] * f_p - np.diag(m**2 * 0.125)
    operator[60] = shift[60]
    p = np.linalg.solve(operator, shift[60].astype(complex))
    return p[61].real, -p[61].imag, (f_p @ p)[60].real


def test_density_on_a_circle():
    cos, sin, speed = circle_by_quadrature()
    found = dm.stationary(washboard())
    phi = found.grid.centres[:, 0]
    assert (found.grid.lower, found.grid.upper) == ((0.0,), (TURN,))
    assert found.mean(np.cos(phi)) == pytest.approx(cos, abs=1e-3)
    assert found.mean(np.sin(phi)) == pytest.approx(sin, abs=1e-3)
    assert TURN * found.current.mean() == pytest.approx(speed, abs=1e-3)
    np.testing.assert_allclose(found.current, speed / TURN, rtol=1e-3)


def test_mean_speed_on_a_circle():
    """Within five standard errors of 64 paths, a false alarm in 1e-5 runs."""
    s = dm.sample(washboard(), key=KEY)
    speeds = np.ptp(s.runs[:, [0, -1], 0], axis=1) / (s.spacing * (s.runs.shape[1] - 1))
    error = speeds.std(ddof=1) / 8
    assert speeds.mean() == pytest.approx(circle_by_quadrature()[2], abs=2e-3 + 5 * error)
    assert error < 0.01


@pytest.mark.slow
def test_mean_frequency_of_phases():
    """Within five standard errors of 64 paths, a false alarm in 3e-5 runs."""
    s = sampled("kuramoto")
    speeds = (s.runs[:, -1] - s.runs[:, 0]) / (s.spacing * (s.runs.shape[1] - 1))
    error = speeds.std(axis=0, ddof=1) / 8
    assert np.all(np.abs(speeds.mean(axis=0) - 3.1 / 3) < 1e-3 + 5 * error)
    assert error.max() < 0.005
    assert s.outcome.ok


@pytest.mark.slow
def test_exponents_of_phases():
    """Those of the locked state, by its Jacobian; noise moves them by 0.01. Tangents of exponents
    0.066 apart take a seventh of the run to align, which leaves up to 5e-3 between the two."""
    found = dm.lyapunov(kuramoto(), duration=100.0, dt=0.05, key=KEY, samples=sampled("kuramoto"),
                        noise=False)  # fmt: skip
    assert found.exponents == pytest.approx([0.0, -0.90035, -0.96634], abs=5e-3)
    assert found.sum == pytest.approx(-1.86669, abs=1e-4)


@pytest.mark.slow
def test_phases_can_be_embedded():
    found = dm.embed(kuramoto(), 256, key=KEY, check=False, samples=sampled("kuramoto"))
    assert found.report.drift_error < 0.05


def test_points_of_a_stiff_oscillator():
    found = dm.fixed_points(van_der_pol(mu=5.0, noise=0.0), key=KEY)
    np.testing.assert_allclose(found.points, [[0.0, 0.0]], atol=1e-9)
    assert np.all(found.box[0] < -1.0)
    assert np.all(found.box[1] > 1.0)


@pytest.mark.slow
def test_a_stiff_oscillator_can_be_embedded():
    found = dm.embed(van_der_pol(mu=10.0, noise=0.02), 128, key=KEY, check=False)
    assert found.report.drift_error < 0.02


@pytest.mark.slow
def test_a_stiff_oscillator_can_be_compared():
    sde = van_der_pol(mu=20.0, noise=0.02)
    network = dm.embed(sde, 128, key=KEY, check=False).network
    found = dm.compare(sde, network, key=KEY, num_trajectories=16, num_starts=16)
    assert np.isfinite(found.drift_error)


def test_bursts_are_sampled_with_their_slow_variable():
    z = sampled("hindmarsh_rose").runs[:, :, 2]
    assert z.std() == pytest.approx(0.155, abs=0.004)


@pytest.mark.slow
def test_bursts_can_be_embedded():
    found = dm.embed(hindmarsh_rose(), 512, key=KEY, check=False, samples=sampled("hindmarsh_rose"))
    assert found.report.drift_error < 0.1 or not found.outcome.ok


@pytest.mark.parametrize("sigma", [0.0, 0.4])
def test_wells_as_small_as_atoms(sigma):
    found = dm.fixed_points(wells(sigma, scale=1e-10), key=KEY)
    np.testing.assert_allclose(found.points, [[-1e-10], [0.0], [1e-10]], atol=1e-18)


def test_scales_do_not_make_points():
    sde = dm.SDE(lambda u: jnp.stack([-u[0] + 1e-15 * u[1], -u[1]]), jnp.array([1e-9, 1e6]), 2)
    found = dm.fixed_points(sde, key=KEY)
    np.testing.assert_allclose(found.points / [1e-9, 1e6], [[0.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize(
    "start",
    [
        None,
        (-65.0, 0.05, 0.6, 0.32),
    ],
    ids=["anywhere", "at rest"],
)
def test_gates_stay_between_nought_and_one(start):
    sde = hodgkin_huxley(start)
    runs = dm.simulate(sde, duration=5.0, dt=0.01, key=KEY, num_trajectories=8,
                       save_every=10, start=start).states  # fmt: skip
    assert np.isfinite(runs).all()
    assert runs[:, :, 1:].min() >= 0
    assert runs[:, :, 1:].max() <= 1


@pytest.mark.slow
def test_sampled_gates_stay_between_nought_and_one():
    low, high = dm.sample(hodgkin_huxley(), key=KEY).extent
    assert low[1:].min() >= 0
    assert high[1:].max() <= 1
    assert high[0] > 20  # it spikes


@pytest.mark.parametrize(("sigma", "mean", "variance"), [(1.0, 0.5, 0.25), (0.5, 0.875, 7 / 64)])
def test_gamma_laws_of_a_population(sigma, mean, variance):
    found = dm.stationary(logistic(sigma))
    assert mean_and_variance(found) == pytest.approx((mean, variance), abs=2e-3)
    assert found.grid.lower[0] >= 0


def test_a_population_can_be_embedded():
    found = dm.embed(logistic(1.0), 64, key=KEY, check=False)
    assert found.report.drift_error < 0.05
    assert found.outcome.ok


def test_predator_and_prey_stay_positive():
    """And they balance: ⟨x/(1 + x)⟩ = 0.4 + σ²/2 exactly; five standard errors, 1e-5."""
    s = sampled("predator_and_prey")
    assert s.extent[0].min() > 0
    assert s.outcome.ok
    np.testing.assert_allclose(s.bounds[0], 0.0, atol=1e-3)
    x = s.runs[:, :, :1]
    eaten, error = over_paths(x / (1 + x))
    assert abs(eaten[0] - 0.405) < 5 * error[0] + 2e-3


def test_noise_that_vanishes_at_nought():
    """Births at a constant rate, deaths in proportion, of which the noise ends at 0."""

    def noise(x):
        return jnp.stack([jnp.ones(1), -jnp.sqrt(jnp.maximum(x, 0.0))], axis=1)

    found = dm.stationary(dm.SDE(lambda x: 1 - x, noise, 1, start=(1.0,)))
    right = by_quadrature(lambda x: 1 - x, lambda x: 1 + np.maximum(x, 0), -8, 40)
    assert mean_and_variance(found) == pytest.approx(right, abs=2e-3)
    assert right == pytest.approx((1.0, 1.0), abs=0.03)


def test_all_noise_vanishes_at_nought():
    sde = dm.SDE(lambda x: 1 - x, lambda x: jnp.sqrt(2 * jnp.maximum(x, 0.0))[:, None], 1)
    assert mean_and_variance(dm.stationary(sde)) == pytest.approx((1.0, 1.0), abs=3e-3)


def test_both_wells_are_found_from_one():
    sde = wells(0.25, start=(-1.0,))
    found = dm.stationary(sde)
    right = by_quadrature(lambda x: x - x**3, lambda x: 0.0625 + 0 * x, -2.5, 2.5)
    assert mean_and_variance(found) == pytest.approx(right, abs=1e-3)
    assert found.outcome.ok


def test_boltzmann_s_density_of_an_underdamped_particle():
    def f(u):
        return jnp.stack([u[1], u[0] - u[0] ** 3 - u[1]])

    found = dm.stationary(dm.SDE(f, jnp.array([[0.0], [0.7]]), 2, start=(1.0, 0.0)))
    x, v = (found.grid.centres[:, a].reshape(found.grid.shape) for a in (0, 1))
    T = 0.7**2 / 2
    x2 = by_quadrature(lambda x: x - x**3, lambda x: 2 * T + 0 * x, -3, 3)[1]
    assert found.mean(v**2) == pytest.approx(T, rel=0.01)
    assert found.mean(x**2) == pytest.approx(x2, rel=0.01)
    assert found.mean(x) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("drift", [lambda x: x**2, lambda x: x], ids=["square", "linear"])
def test_what_runs_away_is_refused(drift):
    with pytest.raises(dm.ComputationError, match=r"infinity|without bound"):
        dm.embed(dm.SDE(drift, 0.1, 1, start=(1.0,)), 64, key=KEY, check=False)
