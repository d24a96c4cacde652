"""`embed`, end to end: accuracy, invariance, determinism, bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.matching.errors import matching_errors
from driftmatch.matching.fits import Backprop, LeastSquares

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def oscillator():
    return dm.systems.van_der_pol(mu=1.0, noise=0.3)


@pytest.fixture(scope="module")
def embedded(oscillator):
    return dm.embed(oscillator, 64, key=KEY, check=False)


def test_default_is_accurate_and_robust(embedded):
    report = embedded.report
    assert embedded.outcome is dm.Outcome.SUCCESS
    assert report.drift_error < 4e-3
    assert report.noisy_drift_error < 1e-2
    assert report.diffusion_error == 0
    assert embedded.network.num_neurons == 64


def test_reported_errors_are_those_of_the_latent_dynamics(oscillator, embedded):
    """An independent route: the errors from the JAX network on new states, by their formula."""
    run = dm.simulate(
        oscillator, duration=200.0, dt=0.02, key=jax.random.key(5), num_trajectories=32,
        save_every=50,
    )  # fmt: skip
    z = run.states[:, 40:].reshape(-1, 2)
    with jax.enable_x64(True):
        wanted = np.asarray(jax.vmap(oscillator.drift)(jnp.asarray(z, jnp.float64)))
        got = np.asarray(jax.vmap(embedded.network.latent().drift)(jnp.asarray(z, jnp.float64)))
    error = np.sqrt(np.mean(np.mean((got - wanted) ** 2, axis=0) / wanted.var(axis=0)))
    assert error == pytest.approx(embedded.report.drift_error, rel=0.3)


def test_same_key_same_network(oscillator, embedded):
    again = dm.embed(oscillator, 64, key=KEY, check=False).network
    np.testing.assert_array_equal(again.gamma, embedded.network.gamma)
    np.testing.assert_array_equal(again.readout, embedded.network.readout)
    other = dm.embed(oscillator, 64, key=jax.random.key(1)).network
    assert not np.array_equal(other.gamma, embedded.network.gamma)


@pytest.mark.parametrize("scale", [pytest.param(1e-4, marks=pytest.mark.slow), 1e4])
def test_units_do_not_matter(scale):
    """The same oscillator in other units, one coordinate far off the origin: the same errors."""
    base = dm.systems.van_der_pol(mu=1.0, noise=0.3)
    factors, shift = np.array([scale, 3.0]), np.array([20 * scale, -1.0])

    def drift(z):
        return base.drift((z - shift) / factors) * factors

    sde = dm.SDE(drift, 0.3 * factors, dim=2, start=factors + shift, time_scale=1.0)
    report = dm.embed(sde, 64, key=KEY, check=False).report
    assert report.drift_error < 5e-3
    assert report.noisy_drift_error < 1e-2


def test_scale_and_start_are_found_when_not_given():
    sde = dm.SDE(
        lambda z: 1e3 * jnp.stack([z[1], (1 - z[0] ** 2) * z[1] - z[0]]), 0.3 * 1e3**0.5, dim=2
    )
    embedding = dm.embed(sde, 64, key=KEY, check=False)
    assert 2e-4 < embedding.report.tau < 5e-3
    assert embedding.report.drift_error < 5e-3


def test_state_dependent_diffusion_is_matched():
    def diffusion(z):
        angle = 0.5 * z[0]
        rotation = jnp.array([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]])
        return rotation @ jnp.diag(jnp.array([0.3, 0.5 + 0.1 * jnp.tanh(z[1])]))

    sde = dm.SDE(lambda z: jnp.array([z[1], -z[0] - z[1]]), diffusion, dim=2, time_scale=1.0)
    embedding = dm.embed(sde, 96, key=KEY, check=False)
    assert embedding.report.diffusion_error < 1e-2
    assert embedding.report.drift_error < 1e-2
    # The control: the mean diffusion alone is not good enough.
    network = embedding.network
    constant = dm.Network(
        network.gamma, network.readout, network.bias, tau=network.tau,
        shared_noise=network.shared_noise.constant,
    )  # fmt: skip
    states = dm.simulate(sde, duration=500.0, dt=0.02, key=KEY, save_every=20).states[0]
    assert matching_errors(sde, constant, states).diffusion > 5e-2


def test_least_squares_without_ridge_is_accurate_and_fragile(oscillator):
    embedding = dm.embed(
        oscillator, 64, key=KEY, method="least-squares", private_noise=0.0, confine=False
    )
    assert embedding.report.drift_error < 5e-5
    assert embedding.report.noisy_drift_error > 1
    assert embedding.outcome is dm.Outcome.FRAGILE


def test_ridge_makes_least_squares_robust(oscillator):
    report = dm.embed(oscillator, 64, key=KEY, check=False, method=LeastSquares()).report
    assert report.noisy_drift_error < 0.1


@pytest.mark.slow
def test_backprop_learns(oscillator):
    short = dm.embed(oscillator, 64, key=KEY, check=False, method=Backprop(steps=100)).report
    longer = dm.embed(oscillator, 64, key=KEY, check=False, method=Backprop(steps=3000)).report
    assert longer.drift_error < 0.1
    assert longer.drift_error < 0.3 * short.drift_error


@pytest.mark.parametrize(
    "activation",
    ["relu", *(pytest.param(a, marks=pytest.mark.slow) for a in ("softplus", "logistic", "erf"))],
)
def test_every_activation_fits(oscillator, activation):
    report = dm.embed(oscillator, 64, key=KEY, check=False, activation=activation).report
    assert report.drift_error < 5e-2


def test_linear_network_embeds_a_linear_system():
    B = np.array([[2.0, -1.0], [1.0, 2.0]])
    sde = dm.systems.ornstein_uhlenbeck(B, np.eye(2))
    network = dm.embed(
        sde, 16, key=KEY, check=False, activation="identity", private_noise=1e-4
    ).network
    slope = np.asarray(jax.jacfwd(network.latent().drift)(jnp.zeros(2)))
    np.testing.assert_allclose(slope, -B, atol=2e-3)


def test_one_dimension_and_given_places():
    well = dm.systems.double_well(noise=0.3)
    assert dm.embed(well, 32, key=KEY, check=False, box=([-2.0], [2.0])).report.drift_error < 1e-2
    states = np.random.default_rng(0).uniform(-2, 2, (2000, 1))
    assert dm.embed(well, 32, key=KEY, check=False, states=states).report.drift_error < 1e-2


def test_offset_does_not_cost_robustness():
    """A system far from the origin: its mean rides on one saturated neuron, not on many."""
    base = dm.systems.van_der_pol(mu=1.0, noise=0.3)
    shift = np.array([1000.0, -500.0])
    sde = dm.SDE(lambda z: base.drift(z - shift), 0.3, dim=2, start=shift + 1, time_scale=1.0)
    assert dm.embed(sde, 64, key=KEY, check=False).report.noisy_drift_error < 1e-2


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"num_neurons": 2}, "at least 3 neurons"),
        ({"num_neurons": 64.0}, "whole number"),
        ({"num_neurons": True}, "whole number"),
        ({"key": 0}, "jax.random.key"),
        ({"method": "refinde"}, "'refined'"),
        ({"method": 3}, "no method"),
        ({"activation": "tan"}, "'tanh'"),
        ({"tau": -1.0}, "tau must be a positive number"),
        ({"tau": np.nan}, "tau must be a positive number"),
        ({"private_noise": -0.1}, "private_noise"),
        ({"states": np.zeros((100, 3))}, r"shape \(N, 2\)"),
        ({"states": np.full((100, 2), np.nan)}, "finite"),
        ({"box": ([1.0, 1.0], [0.0, 2.0])}, "the lower one below"),
        ({"box": (0.0, 1.0), "states": np.zeros((100, 2))}, "either states or box"),
        ({"box": 5}, "an upper corner"),
        ({"box": ([0.0], "x")}, "corners|numbers"),
        ({"box": ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])}, "an upper corner"),
        ({"states": "many"}, "must be numbers"),
        ({"tau": "1"}, "tau must be a positive number"),
        ({"private_noise": "none"}, "private_noise"),
        ({"num_neurons": 10**6}, "at most"),
        ({"activation": "identity", "confine": True}, "saturates"),
    ],
)
def test_bad_arguments_are_named(oscillator, kwargs, words):
    arguments = {"num_neurons": 64, "key": KEY} | kwargs
    with pytest.raises(dm.InputError, match=words):
        dm.embed(oscillator, arguments.pop("num_neurons"), **arguments)


def test_not_an_sde():
    with pytest.raises(dm.InputError, match="must be an SDE"):
        dm.embed(lambda z: -z, 64, key=KEY, check=False)  # type: ignore[arg-type]


def test_diverging_target_is_refused():
    sde = dm.SDE(lambda z: z**3 + 1, 0.1, dim=1)
    with pytest.raises(dm.ComputationError, match="run away from its start towards infinity"):
        dm.embed(sde, 32, key=KEY, check=False)


def test_target_that_comes_to_rest_is_matched_on_its_way():
    sde = dm.SDE(lambda z: 1.0 - z, 0.0, dim=1, time_scale=1.0)
    found = dm.embed(sde, 32, key=KEY, check=False)
    assert found.outcome.ok
    run = dm.simulate(found.network, duration=20.0, dt=0.01, key=KEY, start=[0.5])
    assert run.latent[0, 100, 0] == pytest.approx(1 - 0.5 * np.exp(-1), abs=0.01)
    assert run.latent[0, -1, 0] == pytest.approx(1.0, abs=0.01)


def test_target_that_never_moves_is_refused():
    still = dm.SDE(lambda z: 0.0 * z, 0.0, dim=1, time_scale=1.0)
    with pytest.raises(dm.ComputationError, match="nothing moves"):
        dm.embed(still, 32, key=KEY, check=False)


def test_same_key_same_network_on_one_core_and_on_two(oscillator, monkeypatch, embedded):
    import driftmatch.matching.blocks as module

    monkeypatch.setattr(module.os, "sched_getaffinity", lambda pid: {0}, raising=False)
    again = dm.embed(oscillator, 64, key=KEY, check=False).network
    np.testing.assert_array_equal(again.readout, embedded.network.readout)


@pytest.mark.slow
def test_guards_keep_the_network_from_strange_attractors():
    """Far starts end on the target's attractor with guards; without, some do not, in one of three
    networks at least (in all four that were tried; which ones may depend on rounding)."""
    sde = dm.systems.lorenz(noise=1.0)
    samples = dm.sample(sde, key=KEY)
    states = samples.runs[:, ::10].reshape(-1, 3)

    def astray(confine, seed):
        key = jax.random.key(seed)
        found = dm.embed(sde, 128, key=key, check=False, confine=confine, samples=samples)
        check = dm.basins(
            found.network, sde, states, key=key, num_starts=128, num_paths=32, samples=samples
        )
        return check.spurious_fraction

    assert [astray(True, seed) for seed in range(3)] == [0, 0, 0]
    assert max(astray(False, seed) for seed in range(3)) > 0.05


def test_constant_drift_and_half_line():
    """A coordinate that only flows, and a process that is not defined below zero."""
    flow = dm.SDE(lambda z: jnp.stack([-z[0], 1.0 + 0 * z[1]]), 0.5, dim=2, time_scale=1.0)
    embedding = dm.embed(flow, 64, key=KEY, check=False, box=([-2.0, -2.0], [2.0, 2.0]))
    slope = jax.vmap(embedding.network.latent().drift)(jnp.zeros((1, 2)))[0]
    np.testing.assert_allclose(slope, [0, 1], atol=2e-2)
    feller = dm.SDE(
        lambda z: 1 - z, lambda z: 0.3 * jnp.sqrt(z)[:, None], dim=1, start=[1.0], time_scale=1.0
    )
    assert dm.embed(feller, 64, key=KEY, check=False).report.diffusion_error < 2e-2


def test_given_states_are_held_out_too():
    """With hardly more states than neurons the report must show that they were learnt by heart."""
    sde = dm.systems.van_der_pol()
    states = np.random.default_rng(0).uniform(-2, 2, (60, 2))
    assert dm.embed(sde, 48, key=KEY, check=False, states=states).report.drift_error > 1e-4


def test_odd_fit_settings_are_named():
    with pytest.raises(dm.InputError, match="iterations"):
        dm.Refined(iterations=(0, 3))


@pytest.mark.slow
def test_sharp_switches_are_matched():
    """A repressilator in six dimensions, Hill exponent 2, with default settings."""

    def drift(z):
        m, p = z[:3], z[3:]
        return jnp.concatenate([0.05 - m + 50 / (1 + jnp.roll(p, 1) ** 2), m - p])

    sde = dm.SDE(drift, 0.0, 6, start=(1.0, 2.0, 3.0, 1.0, 2.0, 1.5))
    assert dm.embed(sde, 256, key=KEY, check=False).report.drift_error < 1e-2


@pytest.mark.slow
def test_chaos_with_spikes_is_faithful():
    """Rössler's λ₁ = 0.0714 within the 15 % that the closed loop tolerates.

    Seeds give 0.063 to 0.072; guards that are not quite off made it 0.00 to 0.056.
    """

    def drift(z):
        return jnp.stack([-z[1] - z[2], z[0] + 0.2 * z[1], 0.2 + z[2] * (z[0] - 5.7)])

    sde = dm.SDE(drift, 0.0, 3, start=(1.0, 1.0, 0.0))
    network = dm.embed(sde, 512, key=KEY, check=False).network
    exponents = dm.lyapunov(
        network.latent(), duration=3000.0, dt=0.02, key=KEY, num_exponents=1, start=network.start
    )
    assert exponents.exponents[0] == pytest.approx(0.0714, rel=0.15)
