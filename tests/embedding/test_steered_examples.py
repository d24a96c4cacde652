"""What one input makes of a circuit: decisions from evidence, and a signal that noise carries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm

KEY = jax.random.key(0)
pytestmark = pytest.mark.slow


def first_choices(system, evidence, start, bound):
    """Of 2000 paths: which come to a bound, on which side first, and when."""
    run = dm.simulate(
        system, input=lambda t: jnp.array([evidence]), duration=30.0, dt=0.005, key=KEY,
        num_trajectories=2000, start=start,
    )  # fmt: skip
    z = np.asarray(run.states[..., 0])
    out = np.abs(z) > bound
    first = out.argmax(axis=1)
    return out.any(axis=1), z[np.arange(len(z)), first] > 0, 0.005 * first


def test_decisions_are_those_of_drift_and_diffusion():
    """Evidence u adds up between ±1, beyond which the state falls to a choice at ±1.5:

        P(right) = 1/(1 + exp(−2uB/σ²)),      ⟨T⟩ = (B/u) tanh(uB/σ²),

    B = 1 + 0.583 σ√dt, for steps dt see no crossing in between (R. Bogacz et al., Psychological
    Review 113, 700 (2006); D. Siegmund, Sequential Analysis (1985)). Four standard errors, twice
    for two values: wrong once in 4000. No evidence is the control."""
    sigma, dt = 0.6, 0.005

    def drift(z, u):
        r = jnp.abs(z)
        return u + jnp.sign(z) * jnp.where(r > 1, 12 * (r - 1) * (1.5 - r), 0)

    sde = dm.SDE(drift, sigma, 1, input_dim=1, start=(0.0,))
    found = dm.embed(sde, 128, inputs=dm.InputRange(-0.5, 0.5), key=KEY, check=False)
    assert found.report.drift_error < 1e-2
    B = 1 + 0.5826 * sigma * dt**0.5
    for u in (0.1, 0.4):
        decided, right, times = first_choices(found.network, u, np.array([0.0, u]), 1.0)
        assert decided.mean() > 0.99
        wanted = 1 / (1 + np.exp(-2 * u * B / sigma**2))
        assert abs(right.mean() - wanted) < 4 * (wanted * (1 - wanted) / 2000) ** 0.5
        assert abs(right.mean() - 0.5) > 4 * (0.25 / 2000) ** 0.5
        mean = B / u * np.tanh(u * B / sigma**2)
        assert abs(times.mean() - mean) < 4 * times.std() / 2000**0.5


def test_noise_carries_a_signal_that_is_too_weak_alone():
    """Stochastic resonance: a force that moves no state from its well, in noise that a second input
    sets. The network answers as the target does, most of all at the same noise, and far more than
    with little of it: four standard errors, three times, are wrong once in 5000."""
    omega, dt = 0.1, 0.02
    sde = dm.SDE(
        lambda z, u: z - z**3 + u[:1], lambda z, u: u[1:][:, None], 1, input_dim=2, start=(1.0,)
    )
    inputs = dm.InputRange([-0.15, 0.25], [0.15, 1.0])
    network = dm.embed(sde, 96, inputs=inputs, key=KEY, check=False).network

    def response(system, noise, seed):
        run = dm.simulate(
            system, input=lambda t: jnp.array([0.1 * jnp.cos(omega * t), noise]),
            duration=80 * np.pi / omega, dt=dt, save_every=25, num_trajectories=256,
            key=jax.random.key(seed),
        )  # fmt: skip
        later = np.asarray(run.times) >= 8 * np.pi / omega
        z, turns = np.asarray(run.states[..., 0])[:, later], np.asarray(run.times)[later] * omega
        each = 2 * np.mean(z * np.exp(-1j * turns), axis=1)
        return abs(each.mean()), each.std() / len(each) ** 0.5

    answers = {}
    for noise in (0.3, 0.6, 0.95):
        (target, error), (own, own_error) = response(sde, noise, 1), response(network, noise, 2)
        assert abs(own - target) < 4 * np.hypot(error, own_error)
        answers[noise] = own
    assert answers[0.6] > 1.5 * answers[0.95]
    assert answers[0.6] > 3 * answers[0.3]
