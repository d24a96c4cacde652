"""Where an SDE lives, how fast it is, and whether it is stationary."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.outcomes import Outcome

KEY = jax.random.key(0)
B, D = np.array([[2.0, -1.0], [1.0, 2.0]]), np.eye(2)


@pytest.fixture(scope="module")
def linear():
    return dm.sample(dm.systems.ornstein_uhlenbeck(B, D), key=jax.random.key(2))


@pytest.fixture(scope="module")
def lorenz():
    bare = dm.SDE(dm.systems.lorenz(noise=1.0).drift, 1.0, dim=3)
    return dm.sample(bare, key=jax.random.key(3))


def test_states_have_the_targets_statistics(linear):
    """An Ornstein–Uhlenbeck process: covariance known. Five standard errors of 20 000 states."""
    assert linear.outcome is Outcome.SUCCESS
    assert linear.reason is None
    np.testing.assert_allclose(np.cov(linear.states, rowvar=False), 0.5 * np.eye(2), atol=0.025)
    np.testing.assert_allclose(linear.states.mean(axis=0), 0, atol=5 * (0.5 / 20_000) ** 0.5)
    learnt, _ = linear.halves(np.random.default_rng(0))
    covariance = np.cov(learnt[:20_000], rowvar=False)
    np.testing.assert_allclose(covariance, 0.5 * np.eye(2), atol=0.025)


def test_what_is_known_of_a_linear_system(linear):
    """The drift −Bz of states of covariance ½ is √(tr BBᵀ/2) = √5 per whitened coordinate, more
    than the diffusion 1/½; all relaxes at the rate 2."""
    assert linear.time_scale == pytest.approx(5**-0.5, rel=0.02)
    assert linear.step <= linear.longest_step
    assert linear.step <= 1.001 * linear.time_scale / 50
    assert linear.relaxation_time == pytest.approx(0.5, rel=0.2)
    assert not np.isfinite(linear.bounds).any()
    np.testing.assert_array_equal(linear.starts, linear.runs[:, -1])
    assert np.all(linear.extent[0] < -2)
    assert np.all(linear.extent[1] > 2)


def test_time_scale_is_found(lorenz):
    assert 0.05 < lorenz.time_scale < 0.2
    assert lorenz.outcome is Outcome.SUCCESS


@pytest.mark.parametrize(("length", "time"), [(1e6, 1e-9), (1e-6, 1e9)])
def test_units_do_not_matter(length, time):
    drift = lambda z: -jnp.asarray(B) @ z / time  # noqa: E731
    scaled = dm.sample(dm.SDE(drift, length * (2 / time) ** 0.5, dim=2), key=KEY)
    assert scaled.outcome is Outcome.SUCCESS
    assert scaled.time_scale == pytest.approx(time * 5**-0.5, rel=0.02)
    covariance = np.cov(scaled.states / length, rowvar=False)
    np.testing.assert_allclose(covariance, 0.5 * np.eye(2), atol=0.025)


def test_the_same_key_gives_the_same_samples(linear):
    sde = dm.systems.ornstein_uhlenbeck(B, D)
    np.testing.assert_array_equal(dm.sample(sde, key=jax.random.key(2)).runs, linear.runs)
    other = dm.sample(sde, key=jax.random.key(1))
    assert not np.array_equal(other.starts, linear.starts)


def test_a_network_stands_for_its_latent_sde():
    net = dm.Network([[1.0], [0.5]], [[0.3, 0.1]], [0.0, 0.0], shared_noise=1.0)
    runs = [dm.sample(system, key=KEY).runs for system in (net, net.latent())]
    np.testing.assert_array_equal(*runs)


@pytest.mark.parametrize(
    ("make", "outcome", "words"),
    [
        (lambda: dm.SDE(lambda z: 0 * z, 1.0, dim=1), Outcome.FREE, "goes on for ever"),
        (lambda: dm.SDE(jnp.tanh, 0.1, dim=1), Outcome.UNCONFINED, "box="),
        (
            lambda: dm.SDE(lambda z: jnp.stack([1.0 + 0 * z[0], -z[1]]), 0.5, dim=2),
            Outcome.FREE,
            "coordinate 0",
        ),
        (lambda: dm.SDE(lambda z: -z, lambda z: z[None], 1, start=[1.0]), Outcome.ABSORBED, "("),
    ],
)
def test_what_has_no_place(make, outcome, words):
    found = dm.sample(make(), key=KEY)
    assert found.outcome is outcome
    assert words in found.reason
    with pytest.raises(dm.ComputationError):
        found.require_place()


def test_an_angle_that_is_named_has_a_place():
    turning = dm.SDE(
        lambda z: jnp.stack([1.0 + 0 * z[0], -z[1]]), 0.5, dim=2, periodic=[2 * np.pi, None]
    )
    found = dm.sample(turning, key=KEY)
    assert found.outcome is Outcome.SUCCESS
    angles = found.states[:, 0]
    assert 0 <= angles.min() < angles.max() < 2 * np.pi
    assert np.abs(np.exp(1j * angles).mean()) < 0.05
    assert found.runs[..., 0].max() > 2 * np.pi  # windings are counted


def test_wells_that_are_never_left_are_told():
    double = dm.SDE(lambda z: z - z**3, 0.05, dim=1, start=[[-1.0], [1.0]])
    found = dm.sample(double, key=KEY)
    assert found.outcome is Outcome.NOT_MIXING
    assert found.require_place() is found


def test_what_still_drifts_is_told(monkeypatch):
    monkeypatch.setattr("driftmatch.sampling.sample._BUDGET", 3000)
    slow = dm.SDE(lambda z: -jnp.array([1e-4, 1.0]) * z, 0.1, dim=2, start=[1e3, 0.0])
    found = dm.sample(slow, key=KEY)
    assert found.outcome is Outcome.DRIFTING
    assert "coordinate 0" in found.reason


def test_what_comes_to_rest_is_sampled_on_its_way():
    found = dm.sample(dm.SDE(lambda z: 1.0 - z, 0.0, dim=1), key=KEY)
    assert found.is_resting
    assert found.outcome is Outcome.SUCCESS
    np.testing.assert_allclose(found.starts, 1.0, atol=1e-2)
    assert found.extent[0, 0] < 1.0 < found.extent[1, 0]


@pytest.mark.parametrize("drift", [lambda z: z**3 + 1, lambda z: z])
def test_what_diverges_is_refused(drift):
    with pytest.raises(dm.ComputationError, match="run away from its start towards infinity"):
        dm.sample(dm.SDE(drift, 0.1, dim=1), key=KEY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sde": lambda z: -z}, "takes an SDE or a Network, got function"),
        ({"key": 0}, "key must be one random key"),
        ({"meter": "loud"}, "meter"),
    ],
)
def test_bad_input(change, message):
    options = {"sde": dm.systems.ornstein_uhlenbeck(), "key": KEY} | change
    with pytest.raises(dm.InputError, match=message):
        dm.sample(options.pop("sde"), **options)
