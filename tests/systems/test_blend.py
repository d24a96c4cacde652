import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

import driftmatch as dm
from driftmatch.systems import blend, limit_cycle, lorenz, ornstein_uhlenbeck, van_der_pol

CENTRES = 2.4 * np.array([[1, 0, 0], [-0.5, 0.866, 0], [-0.5, -0.866, 0]])


@pytest.fixture(scope="module")
def three():
    """A fixed point, a limit cycle and chaos."""
    return blend([ornstein_uhlenbeck(), limit_cycle(), lorenz()], CENTRES)


@pytest.fixture(scope="module")
def near():
    """A cycle and a fixed point as near as they may be, of radius 2 and time scale 3."""
    return blend(
        [limit_cycle(omega=2.0), ornstein_uhlenbeck([[1.0, 3.0], [0.0, 2.0]])],
        [[0.0, 0.0], [6.0, 0.0]],
        radius=2.0,
        time_scale=3.0,
        noise=0.0,
    )


def drifts(sde, states):
    with jax.enable_x64(True):
        return np.array(jax.jit(jax.vmap(sde.drift))(jnp.asarray(states, float)))


def in_ball(number, dim, radius):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(number, dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return radius * directions * rng.random((number, 1)) ** (1 / dim)


def where(run, centres):
    """The nearest centre at each time, shape (M, T), and how far it is."""
    apart = np.linalg.norm(run.states[:, :, None] - np.asarray(centres), axis=-1)
    return apart.argmin(axis=-1), apart.min(axis=-1)


def quiet(sde):
    return dm.SDE(sde.drift, 0.0, sde.dim, start=sde.starts, time_scale=sde.time_scale)


def test_weights_sum_to_one_and_choose_the_nearest(three):
    states = jnp.array(in_ball(200, 3, 8.0))
    weights = np.array(jax.vmap(three._drift.weights)(states))
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    apart = np.linalg.norm(np.array(states)[:, None] - CENTRES, axis=-1)
    np.testing.assert_array_equal(weights.argmax(axis=1), apart.argmin(axis=1))
    np.testing.assert_allclose(
        jax.vmap(three._drift.weights)(jnp.array(CENTRES)), np.eye(3), atol=1e-4
    )


def error(found, expected):
    return np.linalg.norm(found - expected, axis=1).max() / np.sqrt(np.mean(expected**2))


def test_near_a_centre_the_flow_is_the_source_s_own(near):
    """Within 0.8 radii. Known without the tracing: the cycle turns by 2 per time and has radius 1,
    so that z = 2·state and time passes at 1/(2·3); the fixed point's slowest rate is 1."""
    y = in_ball(2000, 2, 0.8 * 2.0)
    turn = np.column_stack([-y[:, 1], y[:, 0]])
    radius = np.linalg.norm(y, axis=1, keepdims=True) / 2
    cycle = (y * (1 - radius**2) + 2 * turn) / 6
    rest = -y @ np.array([[1.0, 3.0], [0.0, 2.0]]).T / 3
    assert error(drifts(near, y), cycle) < 0.01
    assert error(drifts(near, np.add(y, [6.0, 0.0])), rest) < 0.01
    # The control: further out the other's leak is felt
    assert (
        error(drifts(near, 1.7 * y), (1.7 * y * (1 - (1.7 * radius) ** 2) + 3.4 * turn) / 6) > 0.1
    )


def test_near_each_of_three_centres(three):
    """The same for chaos, by what tracing found."""
    y = in_ball(2000, 3, 0.8)
    part = three._drift.parts[2]
    source = drifts(lorenz(), part.mean + y / part.shrink)
    assert error(drifts(three, CENTRES[2] + y), part.speed * part.shrink * source) < 0.01
    cycle = np.column_stack([drifts(limit_cycle(), y[:, :2]), -4 * y[:, 2]])
    assert error(drifts(three, CENTRES[1] + y), cycle) < 0.01


def test_the_time_scale_is_that_of_the_blend(near):
    """The cycle moves by its own spread in 3 time units: it turns by 1/3 a time."""
    run = dm.simulate(near, duration=120.0, dt=0.02, key=jax.random.key(0))
    angle = np.unwrap(np.arctan2(run.states[0, :, 1], run.states[0, :, 0]))
    assert (angle[-1] - angle[0]) / 120 == pytest.approx(1 / 3, rel=0.01)
    assert near.time_scale == 3.0
    # and its largest distance from the centre is the radius
    assert np.linalg.norm(run.states[0], axis=1).max() == pytest.approx(2.0, rel=0.02)


def test_starts_lie_on_the_attractors(three):
    run = dm.simulate(
        quiet(three), duration=60.0, dt=0.01, key=jax.random.key(0), num_trajectories=3,
        start=three.starts, save_every=5,
    )  # fmt: skip
    nearest, apart = where(run, CENTRES)
    np.testing.assert_array_equal(nearest, np.broadcast_to([[0], [1], [2]], nearest.shape))
    assert apart[0].max() < 1e-3  # at rest, next to its centre: others hardly reach there
    np.testing.assert_allclose(apart[1], 1, atol=0.02)  # on the circle from the first
    assert 0.9 < apart[2].max() < 1.1
    # Chaos comes back to where it started, of itself and not to rest
    back = np.linalg.norm(run.states[2, 200:] - run.states[2, 0], axis=1)
    assert back.min() < 0.15
    assert apart[2, -600:].std() > 0.05


def test_noise_of_the_default_size_moves_none_from_its_attractor(three):
    def places(noise):
        sde = dm.SDE(three.drift, noise, 3, start=three.starts)
        run = dm.simulate(
            sde, duration=200.0, dt=0.01, key=jax.random.key(1), num_trajectories=12, save_every=20
        )
        return where(run, CENTRES)

    assert float(np.array(three.diffusion(jnp.zeros(3)))[0, 0]) == pytest.approx(0.05)
    nearest, apart = places(0.05)
    np.testing.assert_array_equal(
        nearest, np.broadcast_to(np.arange(12)[:, None] % 3, nearest.shape)
    )
    assert apart.max() < 1.3
    assert len(set(places(1.5)[0][0])) > 1  # the control


@pytest.mark.slow
def test_lyapunov_exponents_are_those_of_the_sources(three):
    """Lorenz's 0.906 in the blend's time; 0 for the cycle, −1 for the fixed point.

    Trajectories that begin 10⁻³ apart take some 60 units of time to part, which burn-in leaves out.
    """
    found = [
        dm.lyapunov(
            quiet(three), duration=150.0, dt=0.02, key=jax.random.key(0), num_exponents=1,
            num_trajectories=16, burn_in=100.0, noise=False,
            start=start + 1e-3 * in_ball(16, 3, 1.0),
        ).exponents[0]
        for start in three.starts
    ]  # fmt: skip
    assert found[0] == pytest.approx(-1.0, abs=0.01)
    assert found[1] == pytest.approx(0.0, abs=0.01)
    assert found[2] == pytest.approx(0.906 * three._drift.parts[2].speed, rel=0.15)
    assert found[2] > 0.05


def test_every_state_comes_home(three):
    """From far out, and to all three: nothing else attracts."""
    starts = np.concatenate([in_ball(60, 3, 6.0), in_ball(60, 3, 60.0)])
    # Long enough to spiral out of the chaotic flow's own fixed points
    run = dm.simulate(
        quiet(three), duration=200.0, dt=0.01, key=jax.random.key(0), num_trajectories=120,
        start=starts, save_every=100,
    )  # fmt: skip
    nearest, apart = where(run, CENTRES)
    last, moves = nearest[:, -1], np.ptp(run.states[:, -15:], axis=1).max(axis=1)
    assert set(last) == {0, 1, 2}
    assert apart[:, -15:].max() < 1.1
    np.testing.assert_array_equal(moves > 0.1, last != 0)
    assert moves[last == 0].max() < 1e-4


def test_dimensions_that_a_system_has_not_leak_to_its_centre():
    sde = blend([limit_cycle(), limit_cycle()], [[0.0, 0.0, 1.0], [4.0, 0.0, -1.0]], noise=0.0)
    run = dm.simulate(sde, duration=5.0, dt=0.01, key=jax.random.key(0), start=[1.0, 0.0, 1.4])
    np.testing.assert_allclose(run.states[0, :, 2] - 1, 0.4 * np.exp(-4 * run.times), atol=2e-3)


def test_any_number_of_any_systems():
    duffing = dm.SDE(
        lambda z: jnp.stack([z[1], z[0] - z[0] ** 3 - 0.5 * z[1]]), 0.1, 2, start=[0.8, 0.0],
        name="duffing",
    )  # fmt: skip
    centres = [[0, 0], [3.5, 0], [0, 3.5], [3.5, 3.5]]
    # a radius within which the well at (1, 0) is the only one
    sde = blend((van_der_pol(), limit_cycle(), duffing, van_der_pol(mu=-1)), centres, radius=0.6)
    assert sde.starts.shape == (4, 2)
    assert sde.description.endswith(": van_der_pol, limit_cycle, duffing, van_der_pol")
    assert dict(sde.parameters)["radius"] == 0.6
    run = dm.simulate(
        sde, duration=60.0, dt=0.01, key=jax.random.key(0), num_trajectories=4, save_every=10
    )
    nearest, apart = where(run, centres)
    np.testing.assert_array_equal(nearest, np.broadcast_to(np.arange(4)[:, None], nearest.shape))
    moving = apart[:, 300:].mean(axis=1) > 0.3
    np.testing.assert_array_equal(moving, [True, True, False, False])
    # and van der Pol's is the relaxation oscillation, with its own period
    x = run.states[0, 100:, 0]
    frequency, power = scipy.signal.periodogram(x - x.mean(), fs=10)
    expected = sde._drift.parts[0].speed / 6.66328686
    assert frequency[power.argmax()] == pytest.approx(expected, abs=2 / 50)


def test_inside_a_compiled_function_and_in_both_precisions(near):
    for x64 in (False, True, False):
        with jax.enable_x64(x64):
            z = jnp.array([1.0, 0.5])
            assert jax.jit(lambda z: near.drift(z))(z).dtype == z.dtype
            assert np.all(np.isfinite(near.drift(1e3 * z)))


LINE = [[0.0, 0.0], [4.0, 0.0]]


@pytest.mark.parametrize(
    ("sdes", "centres", "options", "sentence"),
    [
        ([limit_cycle()], [[0.0, 0.0]], {}, "blend needs at least two systems, got 1: add another"),
        (limit_cycle(), [[0.0, 0.0]], {}, "sdes must be a list of SDEs, got SDE"),
        ([], np.zeros((0, 2)), {}, "blend needs at least two systems, got 0"),
        (3, LINE, {}, "sdes must be a list of SDEs, got 3"),
        (["lorenz", limit_cycle()], LINE, {}, "sdes must be SDEs, got str as number 0: functions"),
        ([limit_cycle(), lambda z: -z], LINE, {}, "sdes must be SDEs, got function as number 1"),
        ([limit_cycle()] * 2, [[0.0, 0.0]], {}, r"must have shape \(2, k\), .* got \(1, 2\)"),
        ([limit_cycle()] * 2, [0.0, 4.0], {}, r"centres must have shape \(2, k\), .* got \(2,\)"),
        ([limit_cycle(), lorenz()], LINE, {}, r"with k at least 3, got \(2, 2\)"),
        ([limit_cycle()] * 2, "far", {}, "centres must be numbers, got 'f"),
        ([limit_cycle()] * 2, [[0, 0], [np.nan, 4]], {}, "centres must be finite"),
        (
            [limit_cycle()] * 3,
            [[0.0, 0.0], [9.0, 0.0], [9.0, 2.9]],
            {},
            "centres 1 and 2 are 2.9 apart, too near for attractors of radius 1: move them at "
            "least 3 apart or lower radius",
        ),
        ([limit_cycle()] * 2, LINE, {"radius": 1.4}, "4 apart, too near .* radius 1.4: .* 4.2"),
        ([limit_cycle()] * 2, [[1.0, 1.0]] * 2, {}, "centres 0 and 1 are 0 apart, too near"),
        ([limit_cycle()] * 2, LINE, {"radius": 0.0}, r"radius must be a positive number, got 0\.0"),
        ([limit_cycle()] * 2, LINE, {"radius": "1"}, "radius must be a positive number, got '1'"),
        ([limit_cycle()] * 2, LINE, {"time_scale": -1.0}, "time_scale must be a positive number"),
        ([limit_cycle()] * 2, LINE, {"noise": -0.1}, r"noise must not be negative, got -0\.1"),
        ([limit_cycle()] * 2, LINE, {"noise": np.inf}, "noise must be finite, got inf"),
        (
            [limit_cycle(), dm.SDE(lambda z: z**2, 0.1, 1, start=[1.0], name="burst")],
            LINE,
            {},
            r"flow of burst from \[1\.0\] runs away .* give it a start in its attractor's basin",
        ),
        (
            [limit_cycle(), dm.SDE(van_der_pol().drift, 0.1, 2, name="vdp")],
            LINE,
            {},
            r"flow of vdp from \[0\.0, 0\.0\] rests at \[0\.0, 0\.0\], which is not stable",
        ),
    ],
)  # fmt: skip
def test_bad_input(sdes, centres, options, sentence):
    with pytest.raises(dm.InputError, match=sentence) as raised:
        blend(sdes, centres, **options)
    assert "\n" not in str(raised.value)
