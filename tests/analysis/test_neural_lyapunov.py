import time

import jax
import numpy as np
import pytest

from driftmatch.analysis.lyapunov import lyapunov
from driftmatch.analysis.neural_lyapunov import neural_lyapunov
from driftmatch.errors import ComputationError, InputError
from driftmatch.network import Network, SharedNoise
from driftmatch.outcomes import Outcome
from driftmatch.systems.oscillators import limit_cycle

KEY = jax.random.key(0)


def oscillating(n=12, *, private_noise=0.0, read_out=0.0, tau=0.5) -> Network:
    """A random network of rank 2 that turns and is held by its saturation."""
    rng = np.random.default_rng(1)
    gamma = rng.normal(size=(n, 2))
    field = np.array([[2.0, -1.5], [1.5, 2.0]])
    readout = field @ np.linalg.pinv(gamma)
    constant = 0.2 * np.eye(2)
    noise = SharedNoise(constant, read_out * rng.normal(size=(2, 2, n)) if read_out else None)
    return Network(
        gamma, readout, 0.1 * rng.normal(size=n), tau=tau, shared_noise=noise,
        private_noise=private_noise, start=np.ones(2),
    )  # fmt: skip


SETTINGS = {"duration": 40.0, "dt": 0.02, "key": KEY, "num_trajectories": 16, "burn_in": 8.0}


@pytest.mark.parametrize(
    ("private_noise", "read_out"),
    [
        pytest.param(0.0, 0.15, marks=pytest.mark.slow),
        (0.5, 0.0),
        pytest.param(0.5, 0.15, marks=pytest.mark.slow),
    ],
)
def test_all_exponents_are_those_of_the_dense_flow(private_noise, read_out):
    """By another route: twelve tangents in all neurons, under the very same noise."""
    network = oscillating(private_noise=private_noise, read_out=read_out)
    found = neural_lyapunov(network, **SETTINGS)
    dense = lyapunov(network.neural(), **SETTINGS)
    assert found.exponents.shape == found.standard_error.shape == (12,)
    assert np.all(np.diff(found.exponents) <= 0)
    leak = found.exponents == -2.0
    assert leak.sum() == found.num_leak == 10
    # The runs are equal but for the seconds in which tangents align, and for the steps of the leak.
    np.testing.assert_allclose(found.exponents, dense.exponents, atol=0.02)
    np.testing.assert_allclose(found.exponents[0], dense.exponents[0], atol=4e-3)
    assert found.sum == pytest.approx(dense.sum, abs=0.02)
    assert found.dimension == pytest.approx(dense.dimension, abs=0.02)
    assert np.all(found.standard_error[leak] == 0)
    assert np.all(found.standard_error[~leak] > 0)


@pytest.mark.slow
def test_private_noise_matters():
    """It moves the state to where the slopes are others; reading them on the subspace would not
    show it."""
    quiet = neural_lyapunov(oscillating(), **SETTINGS).within
    noisy = neural_lyapunov(oscillating(private_noise=0.5), **SETTINGS).within
    error = np.hypot(quiet.standard_error, noisy.standard_error)
    assert np.any(np.abs(noisy.exponents - quiet.exponents) > 8 * error)
    without = neural_lyapunov(oscillating(private_noise=0.5), noise=False, **SETTINGS).within
    latent = lyapunov(oscillating(), noise=False, **SETTINGS)
    np.testing.assert_allclose(without.exponents, latent.exponents, atol=1e-3)


def test_the_dimension_counts_the_leak():
    """Latent exponents 0 and −4 with −1/τ = −1 between them: by the formula 1 as before; with a
    positive one the leak would be the first to balance it."""
    gamma = np.linspace(0.5, 1.5, 20)[:, None]
    readout = 1.5 * np.linalg.pinv(gamma)
    network = Network(gamma, readout, np.zeros(20), activation="identity")  # λ = 1/2
    found = neural_lyapunov(network, duration=10.0, dt=0.02, key=KEY, start=np.ones(1))
    np.testing.assert_allclose(found.exponents[:2], [0.5, -1.0], atol=1e-4)
    assert found.within.dimension == 1
    assert found.dimension == pytest.approx(1.5, abs=1e-3)
    assert found.sum == pytest.approx(0.5 - 19, abs=1e-3)


@pytest.mark.slow
def test_an_input_that_leaves_the_subspace():
    """A constant I to every neuron is a bias; the subspace is then another one."""
    network, I = oscillating(), np.linspace(-2, 2, 12)
    moved = Network(
        network.gamma, network.readout, network.bias + I, tau=network.tau,
        shared_noise=network.shared_noise, start=network.starts,
    )  # fmt: skip
    driven = neural_lyapunov(network.neural(input=lambda t: jax.numpy.asarray(I)), **SETTINGS)
    expected = neural_lyapunov(moved, **SETTINGS)
    np.testing.assert_allclose(driven.exponents, expected.exponents, atol=0.02)
    assert abs(driven.exponents[0] - neural_lyapunov(network, **SETTINGS).exponents[0]) > 0.05


@pytest.mark.parametrize("shape", [(2,), (8, 2), (12,), (8, 12)])
def test_starts_of_every_shape(shape):
    found = neural_lyapunov(
        oscillating(private_noise=0.1), duration=2.0, dt=0.1, key=KEY, num_trajectories=8,
        start=np.full(shape, 0.3),
    )  # fmt: skip
    assert found.outcome is not Outcome.NON_FINITE
    assert found.duration == pytest.approx(16)


def test_ten_thousand_neurons_take_seconds():
    """An n×n matrix would take 400 MB and, a step, a thousand times the work."""
    began = time.perf_counter()
    found = neural_lyapunov(
        oscillating(10_000, private_noise=0.1), duration=4.0, dt=0.05, key=KEY, num_trajectories=4,
        burn_in=1.0,
    )  # fmt: skip
    assert time.perf_counter() - began < 60  # two when idle
    assert found.exponents.shape == (10_000,)
    assert np.sum(found.exponents == -2) == 9998


def test_divergence_is_told():
    network = Network([[1.0], [0.5]], [[5.0, 5.0]], [0.0, 0.0], activation="identity", tau=0.1)
    settings = {"duration": 40.0, "dt": 0.05, "key": KEY, "start": np.ones(1)}
    with pytest.raises(ComputationError, match="non-finite"):
        neural_lyapunov(network, **settings)
    found = neural_lyapunov(network, throw=False, **settings)
    assert found.outcome is Outcome.NON_FINITE
    assert np.isnan(found.dimension)
    assert np.isnan(found.sum)


@pytest.mark.parametrize(
    ("network", "change", "message"),
    [
        (limit_cycle(), {}, "takes a Network or"),
        (oscillating(), {"start": np.zeros(5)}, r"shape \(2,\) or .* or \(12,\)"),
        (oscillating(), {"dt": 1.0}, "too large for a network"),
        (oscillating(), {"duration": 0.1}, "20 steps"),
        (oscillating(), {"noise": 1}, "noise"),
        (oscillating(), {"num_trajectories": 2.0}, "num_trajectories"),
    ],
)
def test_bad_input(network, change, message):
    with pytest.raises(InputError, match=message):
        neural_lyapunov(network, **{"duration": 30.0, "dt": 0.05, "key": KEY} | change)
