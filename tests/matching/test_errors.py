"""Errors of a network against its target: by hand, state by state, and in other units."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.matching.errors import STATES_A_BLOCK, drift_scales, matching_errors
from driftmatch.network import SharedNoise
from driftmatch.sampling.whitening import Whitening

RNG = np.random.default_rng(0)
B = np.array([[1.0, -2.0], [2.0, 0.5]])
MANY = RNG.standard_normal((STATES_A_BLOCK + 5, 2)) * [1.0, 3.0] + [0.5, 0.0]
FEW = MANY[:100]


def decay(noise=0.5, dim=2):
    """dz = −z dt + σ dB."""
    return dm.SDE(lambda z: -z, noise, dim)


def rotation(noise=0.5):
    return dm.SDE(lambda z: -jnp.array(B) @ z, noise, 2)


def linear(matrix, *, tau=0.5, **options) -> dm.Network:
    """A network of four linear neurons with the drift −matrix z, but for rounding."""
    gamma = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
    readout = (np.eye(2) - tau * matrix) @ np.linalg.pinv(gamma)
    options = {"shared_noise": 0.5} | options
    return dm.Network(gamma, readout, np.zeros(4), tau=tau, activation="identity", **options)


def test_a_network_that_is_its_target_has_no_error():
    errors = matching_errors(rotation(), linear(B), MANY, private_noise=0.0)
    np.testing.assert_allclose(errors, 0, atol=1e-14)


@pytest.mark.parametrize("factor", [0.5, 0.9, 2.0])
def test_a_drift_of_another_size(factor):
    """f̂ = a f about a mean of zero: ε_f = |a − 1|."""
    states = np.concatenate([MANY, -MANY])
    errors = matching_errors(rotation(), linear(factor * B), states, private_noise=0.0)
    assert errors.drift == pytest.approx(abs(factor - 1), rel=1e-9)
    assert errors.noisy_drift == pytest.approx(errors.drift, rel=1e-12)
    assert errors.diffusion == pytest.approx(0, abs=1e-14)


def test_each_component_is_judged_by_its_own_spread():
    """One component is wrong by half of itself, the other right: ½/√2, in whatever units."""
    for units in ([1.0, 1.0], [1e3, 1.0], [1.0, 1e3]):
        states = np.concatenate([FEW, -FEW]) * units
        errors = matching_errors(decay(), linear(np.diag([1.5, 1.0])), states)
        assert errors.drift == pytest.approx(0.5 / 2**0.5, rel=1e-9)


@pytest.mark.parametrize("s", [1e-3, 0.1])
def test_noise_in_the_neurons_adds_its_variance(s):
    """Of linear neurons s² |row of W_s|² / τ² a component, whatever the drift's error.

    Over 20000 states its mean has a standard error of one in 140, to which that of the cross term
    comes; at five of them what is true fails once in 10⁶.
    """
    states = np.tile(np.concatenate([FEW, -FEW]), (100, 1))
    network = linear((1 + 0.1 * s) * B)
    errors = matching_errors(rotation(), network, states, private_noise=s, key=jax.random.key(3))
    variance = (states @ B.T).var(axis=0)
    added = s**2 * np.sum(np.asarray(network.readout) ** 2, axis=1) / network.tau**2
    expected = np.mean(added / variance)
    cross = 2 * np.sqrt(expected) * errors.drift / np.sqrt(2 * len(states))
    found = errors.noisy_drift**2 - errors.drift**2
    assert abs(found - expected) < 5 * (expected / len(states) ** 0.5 + cross)
    assert abs(found - 1.1 * expected) > 5 * (expected / len(states) ** 0.5 + cross)  # the control


def test_the_key_is_that_of_the_noise():
    of = {"private_noise": 0.1}
    first, again, other = (
        matching_errors(rotation(), linear(B), FEW, key=jax.random.key(seed), **of)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first.noisy_drift != other.noisy_drift
    assert first.drift == other.drift


@pytest.mark.parametrize(("given", "wanted"), [(0.5, 0.4), (0.0, 0.4), (1.0, 0.1)])
def test_diffusions_of_another_size(given, wanted):
    """σ̂ = a and σ = b: ε_D = |a² − b²| / b²."""
    errors = matching_errors(decay(wanted), linear(np.eye(2), shared_noise=given), FEW)
    assert errors.diffusion == pytest.approx(abs(given**2 - wanted**2) / wanted**2, rel=1e-9)


def test_no_diffusion_is_matched_by_none_alone():
    assert matching_errors(decay(0.0), linear(np.eye(2), shared_noise=0.0), FEW).diffusion == 0
    assert matching_errors(decay(0.0), linear(np.eye(2)), FEW).diffusion == np.inf


def by_states(sde, network, states) -> tuple[float, float]:
    """ε_f and ε_D state by state, from the definition."""
    wrong, size, f, D = [], [], [], []
    for z in states:
        rates = np.tanh(network.gamma @ z + network.bias)
        f.append(np.asarray(sde.drift(z)))
        wrong.append((network.readout @ rates - z) / network.tau - f[-1])
        S = network.shared_noise.constant + network.shared_noise.readout @ rates
        sigma = np.asarray(sde.diffusion(z))
        D.append(sigma @ sigma.T / 2)
        size.append(S @ S.T / 2 - D[-1])
    drift = np.mean(np.mean(np.square(wrong), axis=0) / np.var(f, axis=0))
    return np.sqrt(drift), np.sqrt(np.sum(np.square(size)) / np.sum(np.square(D)))


@pytest.fixture(scope="module")
def random_network():
    noise = SharedNoise(RNG.standard_normal((2, 3)), RNG.standard_normal((2, 3, 6)))
    gamma, readout = RNG.standard_normal((6, 2)), RNG.standard_normal((2, 6))
    return dm.Network(gamma, readout, RNG.standard_normal(6), tau=0.3, shared_noise=noise)


@pytest.fixture(scope="module")
def multiplicative():
    return dm.SDE(lambda z: -z, lambda z: jnp.diag(0.3 + 0.1 * z), 2)


def test_state_by_state(random_network, multiplicative):
    """In float32 of the target's functions."""
    found = matching_errors(multiplicative, random_network, FEW)
    drift, diffusion = by_states(multiplicative, random_network, FEW)
    assert found.drift == pytest.approx(drift, rel=1e-5)
    assert found.diffusion == pytest.approx(diffusion, rel=1e-5)
    assert drift > 0.1  # both of them say something
    assert diffusion > 0.1


def test_blocks_and_order_do_not_matter(random_network, multiplicative):
    order = RNG.permutation(len(MANY))
    of = {"private_noise": 0.0}
    errors, again = (
        matching_errors(multiplicative, random_network, states, **of)
        for states in (MANY, MANY[order])
    )
    np.testing.assert_allclose(again, errors, rtol=1e-9)
    first, last = (
        matching_errors(multiplicative, random_network, part, **of)
        for part in (MANY[:STATES_A_BLOCK], MANY[-STATES_A_BLOCK:])
    )
    assert first.drift != last.drift


def test_drifts_are_divided_by_their_spread():
    """And where that vanishes by the noise, E D_ii / std z_i, or by a thousandth of the leak."""
    states = np.tile([[1.0, 2.0], [-1.0, -2.0]], (50, 1))
    whitening = Whitening(np.zeros(2), np.array([[1.0, 0.0], [1.2, 1.6]]))
    width = np.array([1.0, 2.0])  # the lengths of its rows
    still, some = np.zeros((100, 2, 2)), np.broadcast_to(np.diag([0.3, 0.8]), (100, 2, 2))

    def scales(wanted, D, tau=0.5):
        return drift_scales(np.broadcast_to(wanted, (100, 2)), D, whitening, tau)

    np.testing.assert_allclose(scales(states, some), [1, 2])
    np.testing.assert_allclose(scales(0.0, some), [0.3 / width[0], 0.8 / width[1]])
    np.testing.assert_allclose(scales([7.0, -7.0], still), 1e-3 * width / 0.5)
    np.testing.assert_allclose(scales(1e-3 * states, some), [0.3 / width[0], 0.8 / width[1]])
    # A constant drift does not vanish: only its spread does.
    np.testing.assert_allclose(scales([7.0, -7.0], some), 1e-3 * width / 0.5)
    one = np.stack([states[:, 0], np.zeros(100)], axis=1)
    np.testing.assert_allclose(scales(one, some), [1, 0.8 / width[1]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"system": "a"}, "takes an SDE and a Network, got str and Network"),
        ({"network": decay()}, "takes an SDE and a Network, got SDE and SDE"),
        ({"system": decay(dim=3), "states": np.ones((9, 3))}, "3 dimensions and the network 2"),
        ({"states": np.ones((9, 3))}, r"states must have shape \(N, 2\), got \(9, 3\)"),
        ({"states": np.full((9, 2), np.nan)}, "states must be finite"),
        ({"private_noise": -0.1}, "private_noise"),
        ({"key": 1.5}, "key must be one random key"),
    ],
)
def test_bad_input(change, words):
    right = {"system": decay(), "network": linear(np.eye(2)), "states": FEW}
    with pytest.raises(dm.InputError, match=words):
        matching_errors(**(right | change))
