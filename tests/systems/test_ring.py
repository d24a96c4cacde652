import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import driftmatch as dm
from driftmatch.systems import ring_of_wells
from driftmatch.systems.ring import log_rate_ratio

OTHERS = {"barrier": 0.6, "radius": 1.3, "stiffness": 15.0}


@eqx.filter_jit
def _drifts(sde, states):
    return jax.vmap(sde.drift)(states)


def drifts(sde, states):
    with jax.enable_x64(True):
        return np.array(_drifts(sde, jnp.asarray(states, float)))


def slopes(sde, states):
    with jax.enable_x64(True):
        return np.array(jax.jit(jax.vmap(jax.jacfwd(sde.drift)))(jnp.asarray(states, float)))


def potential(m, barrier=0.5, radius=1.0, stiffness=10.0):
    """V as the docstring has it."""
    h, R = barrier, radius

    def V(z):
        r, angle = jnp.hypot(*z), jnp.arctan2(z[1], z[0])
        g = (2 * r * R / (r**2 + R**2)) ** m
        ring = stiffness * (r**2 - R**2) ** 2 / (8 * R**2)
        return ring + 0.5 * h * (1 - g * jnp.cos(m * angle))

    return V


def circle(radius, points=4000, centre=(0.0, 0.0)):
    angles = 2 * np.pi * np.arange(points) / points
    return centre + radius * np.column_stack([np.cos(angles), np.sin(angles)])


def work(sde, loop):
    """∮ f·dz by the trapezoidal rule, which is exact to rounding for smooth closed curves."""
    step = np.fft.ifft(2j * np.pi * np.fft.fftfreq(len(loop))[:, None] * np.fft.fft(loop, axis=0),
                       axis=0).real  # fmt: skip
    return np.sum(drifts(sde, loop) * step)


@pytest.mark.parametrize("m", [2, 3, 6, 7, 20])
def test_without_torque_the_drift_descends_the_potential(m):
    with jax.enable_x64(True):
        sde = ring_of_wells(m, 0.0, **OTHERS)
        states = np.random.default_rng(0).normal(size=(50, 2)) * 1.3
        right, wrong = (
            -np.array(
                jax.jit(jax.vmap(jax.grad(potential(m, **(OTHERS | {"barrier": h})))))(states)
            )
            for h in (0.6, 0.61)
        )
    found = drifts(sde, states)
    np.testing.assert_allclose(found, right, atol=1e-11)
    assert np.abs(found - wrong).max() > 1e-3


@pytest.mark.parametrize("m", [2, 6])
def test_starts_are_minima_and_barriers_are_as_high_as_said(m):
    """By the drift alone: at rest, curved upward, and the work from well to barrier is h."""
    sde = ring_of_wells(m, 0.0, **OTHERS)
    assert sde.starts.shape == (m, 2)
    assert np.abs(drifts(sde, sde.starts)).max() < 1e-12
    assert np.linalg.eigvalsh(slopes(sde, sde.starts)).max() < 0
    angle = np.linspace(0, np.pi / m, 2001)
    arc = 1.3 * np.column_stack([np.cos(angle), np.sin(angle)])
    along = np.sum(drifts(sde, arc) * np.column_stack([-arc[:, 1], arc[:, 0]]), axis=1)
    assert -np.trapezoid(along, angle) == pytest.approx(0.6, rel=1e-5)
    # The curvature across the ring, in the mean of well and barrier
    ends = arc[[0, -1]]
    curvatures = -np.einsum("ni,nij,nj->n", ends, slopes(sde, ends), ends) / 1.3**2
    assert curvatures.mean() == pytest.approx(15.0, rel=1e-9)
    assert curvatures.min() > 0


@pytest.mark.parametrize("m", [2, 3, 4, 6, 12, 40])
def test_no_way_off_the_ring_is_lower(m):
    """At the least stiffness V ≥ h on the whole ray between two wells, and at half of it not."""
    h, R = 0.5, 1.2
    least = (3 + m / 2) * h / R**2
    ring_of_wells(m, barrier=h, radius=R, stiffness=least)
    with pytest.raises(dm.InputError, match="raise stiffness or lower barrier"):
        ring_of_wells(m, barrier=h, radius=R, stiffness=0.99 * least)
    r = np.linspace(0, 3 * R, 3001)
    ray = jnp.array(np.column_stack([r * np.cos(np.pi / m), r * np.sin(np.pi / m)]))
    with jax.enable_x64(True):
        lowest = [
            float(jax.vmap(potential(m, h, R, kappa))(ray).min()) for kappa in (least, least / 2)
        ]
    assert lowest[0] == pytest.approx(h, rel=1e-4)
    assert lowest[1] < 0.99 * h


@pytest.mark.parametrize("torque", [0.4, -1.0])
def test_the_push_is_a_gradient_but_around_the_middle(torque):
    sde = ring_of_wells(5, torque, **OTHERS)
    loops = [circle(1.3), circle(1.1), circle(1.5, centre=(0.3, -0.2)), circle(1.3) * [1.4, 0.9]]
    for loop in loops:
        assert work(sde, loop) == pytest.approx(2 * np.pi * 1.3 * torque, rel=1e-5)
    assert work(sde, circle(0.5, centre=(1.6, 0.0))) == pytest.approx(0, abs=1e-6)
    assert abs(work(sde, circle(0.3))) < 0.5 * abs(2 * np.pi * 1.3 * torque)  # in the middle
    curl = np.diff(slopes(sde, circle(1.2, 12))[:, [0, 1], [1, 0]])
    assert np.abs(curl).max() < 1e-4
    kept = ring_of_wells(5, torque, keep_density=True, **OTHERS)  # the control
    assert abs(work(kept, circle(0.5, centre=(1.6, 0.0)))) > 1e-3


@pytest.mark.parametrize("keep_density", [False, True])
def test_a_reversed_torque_is_a_mirror_image(keep_density):
    mirror = np.array([1, -1])
    states = np.random.default_rng(0).normal(size=(30, 2))
    forth, back = (ring_of_wells(5, torque, keep_density=keep_density) for torque in (0.7, -0.7))
    np.testing.assert_allclose(
        drifts(back, states * mirror), drifts(forth, states) * mirror, atol=1e-12
    )
    assert np.abs(drifts(back, states) - drifts(forth, states)).max() > 0.1


def test_beyond_some_torque_there_are_no_wells():
    """The drift along the ring vanishes somewhere while |F| < mh/(2R), and only then."""
    critical = 5 * 0.6 / (2 * 1.3)
    ring = circle(1.3)
    for torque, signs in ((0.99 * critical, {-1, 1}), (1.01 * critical, {1})):
        f = drifts(ring_of_wells(5, torque, **OTHERS), ring)
        assert set(np.sign(ring[:, 0] * f[:, 1] - ring[:, 1] * f[:, 0])) == signs
        assert np.abs(np.sum(f * ring, axis=1)).max() < 1e-9  # it stays on the ring


def beyond(angle, sign):
    """A region: all states further around, counterclockwise (sign 1) or clockwise, up to π."""

    def level(z):
        turned = sign * jnp.arctan2(z[1], z[0])
        return jnp.where(turned >= 0, angle - turned, 1.0)

    return level


def log_ratio(sde, m):
    """ln of the odds that a state at the bottom of well 0 comes to the bottom of well 1 before that
    of well −1: from the backward equation on a grid."""
    grid = dm.Grid((-1.7, -1.7), (1.7, 1.7), (161, 161))
    angle = 2 * np.pi / m
    q = float(dm.memory.committor(sde, beyond(angle, -1), beyond(angle, 1), grid=grid)(sde.start))
    return np.log(q / (1 - q))


@pytest.mark.parametrize(
    ("m", "torque", "noise", "error"),
    [(6, 0.4, 0.45, 1e-3), (6, 0.0, 0.45, 0), (4, -0.2, 0.45, 1e-3), (3, 0.4, 0.45, 4e-3)],
)
def test_local_detailed_balance(m, torque, noise, error):
    exact = 2 * np.pi * torque / (m * noise**2 / 2)
    assert log_ratio(ring_of_wells(m, torque, noise), m) == pytest.approx(
        exact, rel=error, abs=1e-6
    )


def test_the_known_ratio_of_rates():
    ring = dm.systems.ring_of_wells(5, -0.3, 0.5, radius=2.0)
    assert log_rate_ratio(ring) == pytest.approx(-2 * np.pi * 2 * 0.3 / (5 * 0.125))
    # h = 0.5, R = 1, m = 6: there are wells below 1.5
    assert log_rate_ratio(dm.systems.ring_of_wells(torque=1.49)) is not None
    for other in (
        dm.systems.ring_of_wells(torque=1.5), dm.systems.ring_of_wells(noise=0.0),
        dm.systems.ring_of_wells(keep_density=True), dm.systems.double_well(),
    ):  # fmt: skip
        assert log_rate_ratio(other) is None


def test_local_detailed_balance_has_its_limits():
    """It holds in a ring four times as wide, no longer when many go through the middle, and not at
    all with a push that keeps the density."""
    D = 0.35**2 / 2
    ratios = [
        log_ratio(sde, 6) / (2 * np.pi * 0.2 / (6 * D))
        for sde in (
            ring_of_wells(torque=0.2, noise=0.35, stiffness=40.0),
            ring_of_wells(torque=0.2, noise=0.35, stiffness=6.0),
            ring_of_wells(torque=0.2, noise=0.35, stiffness=3.0),
            ring_of_wells(torque=0.2, noise=0.35, keep_density=True),
        )
    ]
    np.testing.assert_allclose(ratios[:2], 1, atol=5e-3)
    assert ratios[2] < 0.98
    assert ratios[3] < 0.5


def test_jumps_of_a_simulation_keep_local_detailed_balance():
    """Given how many jumps there are, forward ones are binomial. Error rate 1e-3, and the bias of
    cores of finite size (2 % of the ratio) is a fifth of a standard error."""
    sde = ring_of_wells(torque=0.2)
    T = sde.time_scale
    run = dm.simulate(
        sde, duration=1000 * T, dt=T / 50, key=jax.random.key(1), num_trajectories=32, save_every=5
    )
    visits = dm.memory.dwell(run, sde.starts)
    forward, backward = visits.forward_rate.events, visits.backward_rate.events
    assert backward > 40

    def p_value(torque):
        ratio = np.exp(2 * np.pi * torque / (6 * 0.45**2 / 2))
        return scipy.stats.binomtest(forward, forward + backward, ratio / (1 + ratio)).pvalue

    assert p_value(0.2) > 1e-3
    assert p_value(0.3) < 1e-3
    assert p_value(0.1) < 1e-3


GRID = dm.Grid((-1.9, -1.9), (1.9, 1.9), (160, 160))


def boltzmann(noise):
    with jax.enable_x64(True):
        V = np.array(jax.vmap(potential(6))(jnp.array(GRID.centres)))
    p = np.exp(-V / (noise**2 / 2))
    return p / p.sum()


def polar_mean(function, noise, m=6):
    """Of the density ∝ exp(−V/D), over radii and angles."""
    r, angle = np.meshgrid(np.linspace(0.005, 2, 400), np.linspace(0, 2 * np.pi, 361)[:-1])
    g = (2 * r / (r**2 + 1)) ** m * np.cos(m * angle)
    V = 10 * (r**2 - 1) ** 2 / 8 + 0.25 * (1 - g)
    return np.average(function(r, g), weights=r * np.exp(-V / (noise**2 / 2)))


def test_keep_density_keeps_it_and_adds_a_current():
    noise, F = 0.45, 0.6
    D = noise**2 / 2
    kept = dm.stationary(ring_of_wells(6, F, noise, keep_density=True), grid=GRID)
    shifted = dm.stationary(ring_of_wells(6, F, noise), grid=GRID)
    p = boltzmann(noise)

    def variation(found):
        return 0.5 * np.abs(found.density.ravel() / found.density.sum() - p).sum()

    assert variation(kept) < 1e-3
    assert variation(shifted) > 0.1  # the control
    # σ̇ = E|f_turn|²/D
    fade = lambda r: 1 - np.exp(-((r / 0.4) ** 4))  # noqa: E731
    production = polar_mean(
        lambda r, g: (F * fade(r) / r * np.exp(-0.25 * (1 + g) / D)) ** 2 / D, noise
    )
    assert kept.entropy_production == pytest.approx(production, rel=5e-3)
    assert shifted.entropy_production > 5 * kept.entropy_production


def test_without_keep_density_it_is_shifted_forward():
    x, y = GRID.centres.T
    for torque in (0.4, 0.0, -0.4):
        p = dm.stationary(ring_of_wells(torque=torque), grid=GRID).density.ravel()
        shift = np.sum(p * np.sin(6 * np.arctan2(y, x))) / p.sum()
        assert shift == pytest.approx(0, abs=1e-6) if torque == 0 else shift * torque > 0.05


def test_the_size_of_the_push():
    """F on the ring; with keep_density F on a barrier and F exp(−h/D) in a well."""
    well, barrier = 1.3 * np.array([[1, 0], [np.cos(np.pi / 6), np.sin(np.pi / 6)]])
    still, pushed, kept = (
        drifts(ring_of_wells(6, F, 0.8, keep_density=keep, **OTHERS), [well, barrier])
        for F, keep in ((0.0, False), (0.3, False), (0.3, True))
    )
    sizes = np.linalg.norm(pushed - still, axis=1), np.linalg.norm(kept - still, axis=1)
    np.testing.assert_allclose(sizes[0], [0.3, 0.3], rtol=1e-9)
    np.testing.assert_allclose(sizes[1], [0.3 * np.exp(-0.6 / 0.32), 0.3], rtol=1e-9)
    assert (pushed - still)[0] @ [0, 1] > 0  # counterclockwise


def test_the_defaults_visit_every_well_in_1000_time_scales():
    """About 33 jumps, 98 % of them to the next of six wells: fewer than five have a probability
    below 1e-8."""
    sde = ring_of_wells()
    T = sde.time_scale
    run = dm.simulate(
        sde, duration=1000 * T, dt=T / 50, key=jax.random.key(0), num_trajectories=8,
        start=sde.starts[0] + np.zeros((8, 2)), save_every=5,
    )  # fmt: skip
    visits = dm.memory.dwell(run, sde.starts)
    assert all(set(visits.region[visits.trajectory == m]) == set(range(6)) for m in range(8))
    # 8000 time scales, some 270 jumps: a standard error of 6 %
    assert visits.total_time / len(visits.jumps) == pytest.approx(30 * T, rel=0.3)
    assert visits.in_order_fraction > 0.9
    # The control: wells of twice the depth
    deep = ring_of_wells(barrier=1.0)
    run = dm.simulate(
        deep, duration=1000 * T, dt=T / 50, key=jax.random.key(0), num_trajectories=8,
        start=sde.starts[0] + np.zeros((8, 2)), save_every=5,
    )  # fmt: skip
    visits = dm.memory.dwell(run, sde.starts)
    assert not all(set(visits.region[visits.trajectory == m]) == set(range(6)) for m in range(8))


def test_whole_numbers_of_any_kind():
    for m in (4, 4.0, np.int64(4), np.float64(4)):
        sde = ring_of_wells(m)
        assert len(sde.starts) == 4
        assert dict(sde.parameters)["num_wells"] == 4
    assert np.abs(drifts(ring_of_wells(100, stiffness=30), circle(1.0, 7))).max() < 100
    assert np.all(np.isfinite(drifts(ring_of_wells(), [[0.0, 0.0], [1e3, -1e3]])))


def test_the_equation_says_which_push():
    assert "F R ∇θ)" in ring_of_wells().equation
    assert "F R ∇θ exp(−½h(1 + g cos mθ)/D))" in ring_of_wells(keep_density=True).equation


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"num_wells": 1}, "num_wells must be a whole number of at least 2, got 1"),
        ({"num_wells": -3}, "num_wells must be a whole number of at least 2, got -3"),
        ({"num_wells": 2.5}, r"num_wells must be a whole number of at least 2, got 2\.5"),
        ({"num_wells": np.nan}, "num_wells must be a whole number of at least 2, got nan"),
        ({"num_wells": "six"}, "num_wells must be a whole number of at least 2, got 'six'"),
        ({"num_wells": None}, "num_wells must be a whole number of at least 2, got None"),
        ({"num_wells": True}, "num_wells must be a whole number of at least 2, got True"),
        ({"num_wells": [3, 4]}, r"num_wells must be a whole number of at least 2, got \[3, 4\]"),
        ({"keep_density": "false"}, "keep_density must be True or False, got 'false'"),
        ({"keep_density": 1}, "keep_density must be True or False, got 1"),
        ({"keep_density": None}, "keep_density must be True or False, got None"),
        ({"keep_density": True, "noise": 0.0}, "keep_density needs noise: without it there is no"),
        ({"barrier": 0.0}, r"barrier must be a positive number, got 0\.0"),
        ({"radius": -1.0}, r"radius must be a positive number, got -1\.0"),
        ({"stiffness": 0}, "stiffness must be a positive number, got 0"),
        (
            {"barrier": 2.0},
            r"stiffness must be at least \(3 \+ m/2\)h/R² = 12, got 10, or ways off",
        ),
        ({"num_wells": 40}, "= 11.5, got 10, .* raise stiffness or lower barrier"),
    ],
)
def test_bad_input(arguments, sentence):
    with pytest.raises(dm.InputError, match=sentence) as raised:
        ring_of_wells(**arguments)
    assert "\n" not in str(raised.value)
