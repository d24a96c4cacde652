"""No time and no state is rounded away, and networks are still single precision where it counts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.simulation.mixed import WIDE, as_run, working_dtype
from driftmatch.wrappers import Forced

KEY = jax.random.key(0)


def network(n=40, k=3, noisy=False):
    rng = np.random.default_rng(0)
    noise = dm.SharedNoise(0.2 * rng.normal(size=(k, 2)), rng.normal(size=(k, 2, n)) / n)
    return dm.Network(
        rng.normal(size=(n, k)), rng.normal(size=(k, n)) / n**0.5, rng.normal(size=n), tau=0.8,
        shared_noise=noise if noisy else 0.3, start=rng.normal(size=k),
    )  # fmt: skip


@pytest.mark.parametrize("solver", ["euler-maruyama", "heun"])
def test_a_clock_keeps_time(solver):
    """10⁷ steps. A sum of N equal terms in double precision is off by N/2 · 10⁻¹⁶ of itself at
    most, so 10⁹ steps are within 10⁻⁷; single precision came out 1.4 % short after 10⁶."""
    sde = dm.SDE(lambda z: jnp.ones(1), 0.0, dim=1)
    options = {"key": KEY, "method": solver}
    run = dm.simulate(sde, duration=1e5, dt=0.01, save_every=10**7, **options)
    assert run.states[0, -1, 0] == pytest.approx(1e5, rel=1e-9)
    run = dm.simulate(sde, duration=100.0, dt=1e-4, save_every=10**6, **options)
    assert run.states[0, -1, 0] == pytest.approx(100, rel=1e-9)
    single = np.cumsum(np.full(10**6, 0.01, np.float32), dtype=np.float32)[-1]
    assert abs(single / 1e4 - 1) > 1e-3  # the negative twin


@pytest.mark.parametrize("a", [0.0, 1e3, 1e4])
def test_a_drift_does_not_change_the_spread(a):
    """dz = a dt + 0.1 dB after T = 1000: standard deviation 0.1 √T = 3.162."""
    M = 20_000
    sde = dm.SDE(lambda z: a + 0 * z, 0.1, dim=1)
    run = dm.simulate(
        sde, duration=1000.0, dt=0.1, key=KEY, num_trajectories=M, save_every=10_000,
        start=np.zeros(1),
    )  # fmt: skip
    spread = run.states[:, -1, 0].std()
    error = 10**0.5 / np.sqrt(2 * M)
    assert abs(spread - 10**0.5) < 4.5 * error  # error rate 7e-6
    assert abs(3.45 - 10**0.5) > 4.5 * error  # what single precision gave


def test_a_state_far_from_zero_fluctuates_as_it_should():
    """dz = −(z − c) dt + 0.1 dB about c = 10⁶: 0.1/√2, where single precision counts in 0.06."""
    M, c = 20_000, 1e6
    sde = dm.SDE(lambda z: c - z, 0.1, dim=1)
    run = dm.simulate(
        sde, duration=8.0, dt=0.01, key=KEY, num_trajectories=M, save_every=800, start=[c]
    )
    spread, expected = run.states[:, -1, 0].std(), 0.1 / 2**0.5
    assert abs(spread - expected) < 4.5 * expected / np.sqrt(2 * M)  # error rate 7e-6
    assert np.std(run.states[:, -1, 0].astype(np.float32)) > 1.02 * spread  # kept in float32


@pytest.mark.parametrize("build", [lambda: dm.SDE(jnp.zeros_like, 0.0, dim=1), None])
def test_a_forcing_of_period_one_is_in_time_after_ten_thousand(build):
    """∫ 2π cos(2πt) dt over a quarter of a period is 1, by the trapezoidal rule to 3e-6."""
    steps, dt = 10_000_250, 1e-3
    net = dm.Network(np.eye(3, 1), np.zeros((1, 3)), np.zeros(3), tau=1e5)
    system, gain = (net, net.tau) if build is None else (build(), 1.0)
    run = dm.simulate(
        system, duration=steps * dt, dt=dt, key=KEY, save_every=250, start=np.zeros(1),
        input=lambda t: gain * 2 * jnp.pi * jnp.cos(2 * jnp.pi * t)[None],
    )  # fmt: skip
    change = np.diff(run.states[0, -2:, 0])[0]
    assert change == pytest.approx(1, abs=1e-5 if build else 1e-2)


def test_neurons_far_below_threshold_need_no_other_precision():
    """Unlike those whose large bias Γz makes up for."""
    gamma, start = np.array([[1.0], [1e-3], [1.0]]), np.array([2000.0])
    for bias, wanted in (([0, -1e5, 0], np.float32), ([0, 0, -1999.0], np.float64)):
        net = dm.Network(gamma, np.zeros((1, 3)), np.array(bias), start=start)
        assert working_dtype(net) == wanted


def test_which_precision():
    net, sde = network(), dm.SDE(lambda z: -z, 0.1, dim=2)
    options = {"duration": 0.1, "dt": 0.1, "key": KEY}
    for x64 in (False, True):
        with jax.enable_x64(x64):
            wanted = np.float64 if x64 else np.float32
            assert working_dtype(net.latent()) == working_dtype(net.neural()) == wanted
            forced = Forced(net.latent(), lambda t: jnp.zeros(3))
            assert as_run(forced, wide=False)[1] == wanted
            assert dm.simulate(net, **options).states.dtype == wanted
            assert dm.simulate(sde, **options).states.dtype == working_dtype(sde) == np.float64


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("solver", ["euler-maruyama", "heun"])
def test_both_precisions_see_one_path(noisy, solver):
    net = network(noisy=noisy)
    runs = []
    for x64 in (False, True):
        with jax.enable_x64(x64):
            runs.append(dm.simulate(net, duration=1.0, dt=0.01, key=KEY, method=solver).states)
    assert 1e-9 < np.max(np.abs(runs[0] - runs[1])) < 2e-6


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("solver", ["euler-maruyama", "heun"])
def test_states_as_columns_change_nothing(noisy, forced, solver):
    def run(M):
        with jax.enable_x64(True):
            return dm.simulate(
                network(noisy=noisy), duration=0.9, dt=0.01, key=KEY, num_trajectories=M,
                save_every=7, start=[0.3, -0.2, 0.5], method=solver,
                input=(lambda t: jnp.stack([t, 1 + t, -t])) if forced else None,
            ).states  # fmt: skip

    wide, narrow = run(WIDE), run(WIDE - 1)
    assert wide.shape == (WIDE, 13, 3)
    np.testing.assert_allclose(wide[:-1], narrow, rtol=0, atol=1e-12)
    assert np.ptp(wide[:, -1], axis=0).min() > 0.1


def test_states_as_columns_that_diverge_are_told():
    net = dm.Network(np.eye(3, 1), 3 * np.eye(1, 3), np.zeros(3), activation="relu")
    start = np.full((WIDE, 1), -1.0)
    start[5] = 1e30
    options = {"duration": 20.0, "dt": 0.1, "key": KEY, "num_trajectories": WIDE, "start": start}
    with pytest.raises(dm.ComputationError, match="trajectory 5 of network"):
        dm.simulate(net, save_every=10, **options)
    kept = dm.simulate(net, save_every=10, throw=False, **options)
    assert kept.states.shape[0] == WIDE
    assert np.isfinite(kept.states).all()


def test_a_first_run_is_one_compilation(compilations):
    sde = dm.SDE(lambda z: -z, 0.3, dim=3, start=np.ones(3))
    for system in (sde, network(41), network(41, noisy=True)):  # as no other test has
        for options in ({}, {"num_trajectories": 5}, {"num_trajectories": WIDE + 3}):
            compilations.clear()
            dm.simulate(system, duration=1.0, dt=0.01, key=jax.random.key(2), **options)
            assert len(compilations) == 1
            dm.simulate(system, duration=3.0, dt=0.02, key=jax.random.key(2), save_every=9,
                        **options)  # fmt: skip
            assert len(compilations) == 1
