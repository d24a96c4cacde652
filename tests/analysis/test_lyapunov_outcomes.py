"""Lyapunov exponents that are not to be trusted say so, and bad input is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
from flows import KEY, linear

from driftmatch.analysis.lyapunov import lyapunov
from driftmatch.errors import ComputationError, InputError
from driftmatch.network import Network, SharedNoise
from driftmatch.outcomes import Outcome
from driftmatch.sde import SDE
from driftmatch.simulation.scatter import is_noise_free
from driftmatch.simulation.simulate import simulate
from driftmatch.systems.chaos import dadras, lorenz
from driftmatch.systems.oscillators import limit_cycle
from driftmatch.wrappers import Forced


@pytest.mark.parametrize(
    ("start", "words"),
    [
        pytest.param(None, "towards infinity", marks=pytest.mark.slow),
        (np.full(1, 30.0), "non-finite"),
    ],
)
def test_divergence_is_told(start, words):
    sde = SDE(lambda z: z**3, 0.0, 1, start=np.full(1, 30.0))
    settings = {"duration": 5.0, "dt": 0.01, "key": KEY, "num_trajectories": 4, "start": start}
    with pytest.raises(ComputationError, match=words):
        lyapunov(sde, **settings)
    found = lyapunov(sde, throw=False, **settings)
    assert found.outcome is Outcome.NON_FINITE
    assert np.isnan(found.exponents).all()


def test_what_is_known_to_be_free_of_noise():
    network = Network(np.eye(3)[:, :1], np.zeros((1, 3)), np.zeros(3))
    for sde in (network.latent(), network.neural(), lorenz(noise=0.0)):
        assert is_noise_free(sde)
        assert is_noise_free(Forced(sde, lambda t: 0.0 * t))
    shared = Network(network.gamma, network.readout, network.bias, shared_noise=0.1)
    read_out = Network(
        network.gamma, network.readout, network.bias,
        shared_noise=SharedNoise(np.zeros((1, 1)), np.ones((1, 1, 3))),
    )  # fmt: skip
    for noisy in (shared, read_out):
        assert not is_noise_free(noisy.latent())
        assert not is_noise_free(noisy.neural())
    private = network.with_private_noise(0.1)
    assert is_noise_free(private.latent())
    assert not is_noise_free(private.neural())
    assert not is_noise_free(lorenz())
    assert not is_noise_free(SDE(lambda z: -z, lambda z: 0 * z[:, None], 1))  # not known


def test_a_large_network_is_not_asked_for_its_diffusion_matrix():
    """Which would have 10¹⁰ entries."""
    n = 100_000
    network = Network(np.ones((n, 1)), np.zeros((1, n)), np.zeros(n), private_noise=0.1)
    assert not is_noise_free(network.neural())


def short(**changes):
    """64 trajectories that set out 1 % apart on Dadras' attractor."""
    sde = dadras(noise=0.0)
    end = simulate(sde, duration=20.0, dt=0.01, key=KEY).states[0, -1]
    apart = 0.01 * np.abs(end).max() * np.random.default_rng(0).standard_normal((64, 3))
    settings = {"duration": 30.0, "dt": 0.01, "key": KEY, "burn_in": 0.0, "start": end + apart}
    return lyapunov(sde, **(settings | changes))


def test_trajectories_that_have_not_parted_are_told():
    """λ₂ = 0, and without the widening it would seem to be ten standard errors below."""
    found = short()
    assert found.outcome is Outcome.MOVING_TOGETHER
    off = abs(found.exponents[1])
    assert off < 4 * found.standard_error[1]
    assert off > 5 * short(burn_in=40.0).standard_error[1]


def test_the_default_burn_in_lets_trajectories_part():
    found = short(burn_in=None)
    assert found.outcome is Outcome.SUCCESS
    assert abs(found.exponents[1]) < 4 * found.standard_error[1]


def test_equal_starts_count_as_one():
    """Without noise they stay equal, and the error is that of one trajectory."""
    start = np.tile([1.0, 1.0, 0.0], (64, 1))
    found = short(start=start)
    one = short(start=start[:1], num_trajectories=1)
    assert found.outcome is Outcome.MOVING_TOGETHER
    assert one.outcome is Outcome.SUCCESS
    np.testing.assert_allclose(found.standard_error, one.standard_error, rtol=0.7)


def slow(rate=0.5, growth=-3.0):
    """(y, x) with dy = −κy dt + κ dB and dx = (a + y)x dt: exponents −κ and a, and the growth of x
    is correlated for a time 1/κ."""
    noise = np.array([[rate], [0.0]])
    return SDE(
        lambda z: jnp.stack([-rate * z[0], (growth + z[0]) * z[1]]), noise, 2, start=np.ones(2)
    )


@pytest.mark.parametrize(("num_trajectories", "duration"), [(1, 200.0), (4, 60.0), (64, 20.0)])
def test_standard_errors_cover(num_trajectories, duration):
    """Of 40 runs at most 9 are more than two errors off, which is by chance 1 in 10⁴ at 5 %, and
    1 in 500 at the 8 % of 19 blocks that are a little correlated; errors are not idle either."""
    sde = slow()
    runs = [
        lyapunov(
            sde, duration=duration, dt=0.05, key=jax.random.key(seed), burn_in=10.0,
            num_trajectories=num_trajectories, start=np.ones((num_trajectories, 2)),
        )
        for seed in range(40)
    ]  # fmt: skip
    off = np.array([run.exponents[1] + 3 for run in runs])
    errors = np.array([run.standard_error[1] for run in runs])
    assert np.sum(np.abs(off) > 2 * errors) <= 9
    assert 0.6 < np.sqrt(np.mean((off / errors) ** 2)) < 1.7
    # Twice the rate of a Brownian motion of variance 1, less what is lost at the ends.
    exact = (1 / (num_trajectories * duration)) ** 0.5
    assert np.median(errors) == pytest.approx(exact, rel=0.3)


def test_history_ends_at_the_estimate():
    settings = {"num_trajectories": 8, "start": np.ones((8, 2))}
    found = lyapunov(limit_cycle(), duration=20.0, dt=0.02, key=KEY, **settings)
    assert found.history.shape == (20, 2)
    np.testing.assert_allclose(found.history[-1], found.exponents)
    assert np.ptp(found.history[:, 1]) > 0


def test_tangents_that_turn_parallel_are_told():
    B = [[8.0, 7.9], [7.9, 8.0]]
    settings = {"duration": 200.0, "dt": 0.02, "key": KEY, "start": np.ones((4, 2))}
    settings |= {"num_trajectories": 4}
    found = lyapunov(linear(B, 0.0), qr_every=250, **settings)
    assert found.outcome is Outcome.PARALLEL_TANGENTS
    assert found.exponents[1] > -12  # lost in rounding
    assert lyapunov(linear(B, 0.0), **settings).exponents[1] == pytest.approx(-15.9, abs=5e-3)


@pytest.mark.slow
def test_a_clock_does_not_wear_out():
    """A pendulum at rest that is pumped by cos 2.2t, its third coordinate being t, for 10⁴ units of
    time: Floquet's exponents, which depend on the frequency. With the clock in single precision
    they came out 0.02 off."""

    def pump(t):
        return 1 + 0.5 * np.cos(2.2 * t)

    def drift(z):
        pull = (1 + 0.5 * jnp.cos(2.2 * z[2])) * jnp.sin(z[0])
        return jnp.stack([z[1], -0.2 * z[1] - pull, jnp.ones_like(z[2])])

    period = 2 * np.pi / 2.2
    columns = [
        scipy.integrate.solve_ivp(
            lambda t, y: [y[1], -0.2 * y[1] - pump(t) * y[0]], (0, period), y, rtol=1e-10
        ).y[:, -1]
        for y in np.eye(2)
    ]  # fmt: skip
    multipliers = np.abs(np.linalg.eigvals(np.transpose(columns)))
    floquet = np.sort(np.log(multipliers) / period)[::-1]
    sde = SDE(drift, 0.0, 3, start=np.zeros(3))
    start = np.linspace(0, 0.1, 8)[:, None] * np.array([1.0, 0.0, 0.0])
    found = lyapunov(
        sde, duration=1e4, dt=0.01, key=KEY, num_trajectories=8, burn_in=20.0, start=start
    )
    np.testing.assert_allclose(found.exponents, [0, *floquet], rtol=0, atol=1e-3)


def test_a_short_run_is_as_long_as_asked():
    settings = {"num_trajectories": 8, "start": np.ones((8, 2))}
    found = lyapunov(limit_cycle(), duration=0.2, dt=0.01, key=KEY, **settings)
    assert found.duration == pytest.approx(1.6)


NET = Network([[1.0], [0.5]], [[0.1, 0.1]], [0.0, 0.0], tau=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sde": lambda z: -z}, "takes an SDE or a Network, got function"),
        ({"duration": -1.0}, "duration"),
        ({"duration": np.nan}, "duration"),
        ({"duration": True}, "duration"),
        ({"duration": 0.5}, "at least 20 steps"),
        ({"duration": 1e12}, "steps, more than"),
        ({"dt": 0.0}, "dt"),
        ({"dt": "0.1"}, "dt"),
        ({"dt": 20.0}, "dt must not exceed the duration"),
        ({"sde": NET, "dt": 0.2, "start": np.zeros(1)}, "too large for a network with tau = 0.1"),
        ({"burn_in": -1.0}, "burn_in"),
        ({"burn_in": np.inf}, "burn_in"),
        ({"burn_in": "long"}, "burn_in"),
        ({"burn_in": True}, "burn_in"),
        ({"num_exponents": 3}, "2 Lyapunov exponents, not 3"),
        ({"num_exponents": 0}, "num_exponents"),
        ({"num_exponents": 1.0}, "num_exponents"),
        ({"num_trajectories": 0}, "num_trajectories"),
        ({"num_trajectories": True}, "num_trajectories"),
        ({"qr_every": 0}, "qr_every"),
        ({"qr_every": 2.5}, "qr_every"),
        ({"start": np.zeros(3)}, "start"),
        ({"start": np.zeros((5, 2))}, "start"),
        ({"start": [np.nan, 0.0]}, "start"),
        ({"start": "here"}, "start"),
        ({"noise": 0.3}, "noise must be True or False"),
        ({"throw": "no"}, "throw must be True or False"),
        ({"key": 0}, "key"),
    ],
)
def test_bad_input(change, message):
    arguments = {"sde": limit_cycle(), "duration": 10.0, "dt": 0.1, "key": KEY} | change
    with pytest.raises(InputError, match=message):
        lyapunov(arguments.pop("sde"), **arguments)


def test_rest_that_is_slow_has_dimension_zero():
    sde = SDE(lambda z: jnp.array([-0.01, -20.0]) * z, 0.0, 2, start=[0.1, 0.1])
    found = lyapunov(sde, duration=1000.0, dt=0.01, key=jax.random.key(0))
    np.testing.assert_allclose(found.exponents, [-0.01, -20], rtol=1e-3)
    assert found.dimension == 0


@pytest.mark.slow
def test_several_attractors_are_told():
    """A cycle of radius 1 beside a stable rest at 3: starts on both give no common spectrum."""

    def drift(z):
        r = jnp.sqrt(z @ z)
        return -z / r * (r - 1) * (r - 2) * (r - 3) * (1 + (r > 2)) + jnp.array([-z[1], z[0]])

    options = {"duration": 100.0, "dt": 0.01, "key": jax.random.key(0), "num_trajectories": 8}
    both = SDE(drift, 0.0, 2, start=[[1.0, 0.0], [3.0, 0.0]])
    assert lyapunov(both, **options).outcome is Outcome.SEVERAL_ATTRACTORS
    one = SDE(drift, 0.0, 2, start=[1.0, 0.0])
    assert lyapunov(one, **options).outcome.ok
