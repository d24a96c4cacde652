"""Entropy production of recordings: right out of equilibrium, and compatible with 0 in it."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from paths import KEY, linear, recorded

import driftmatch as dm
from driftmatch import systems

DT = 0.05


def trap(curl, number, seed=0):
    """B = [[1, −ε], [ε, 1]], D = 1: σ̇ = 2ε²."""
    A = -np.array([[1.0, -curl], [curl, 1.0]])
    return linear(A, np.eye(2), DT * np.arange(number), seed)


def naive(z):
    """⟨f̂ᵀD̂⁻¹ ∘ Δz⟩ / Δt with a linear f̂ learnt from these very steps."""
    steps, middle = np.diff(z, axis=0), (z[1:] + z[:-1]) / 2
    start = np.c_[np.ones(len(steps)), z[:-1]]
    c = np.linalg.lstsq(start, steps / DT, rcond=None)[0]
    D = steps.T @ steps / (2 * DT * len(steps))
    f = np.c_[np.ones(len(steps)), middle] @ c
    return np.mean(np.sum(f @ np.linalg.inv(D) * steps, axis=1)) / DT


def test_of_a_trap_at_equilibrium_and_stirred():
    """Within three standard errors, of which chance takes one in 200 away, for the two."""
    still, stirred = (dm.infer(trap(curl, 4000), dt=DT, key=KEY) for curl in (0.0, 1.0))
    assert abs(still.entropy_production) < 3 * still.entropy_production_error
    assert abs(stirred.entropy_production - 2) < 3 * stirred.entropy_production_error
    assert stirred.entropy_production > 3 * stirred.entropy_production_error
    assert 0.05 < stirred.entropy_production_error < 0.5


@pytest.mark.slow
def test_it_is_not_biased_at_equilibrium():
    """The mean of 20 short recordings is within three standard errors of 0. The error that is said
    may be up to four times their spread, as blocks drawn again have currents of their own, but not
    less. The control: learnt from the same steps, σ̇ is above 0, in the mean of 200 recordings."""
    found = [dm.infer(trap(0.0, 400, seed), dt=DT, key=KEY) for seed in range(20)]
    rates = np.array([each.entropy_production for each in found])
    said = np.array([each.entropy_production_error for each in found])
    spread = rates.std(ddof=1)
    assert abs(rates.mean()) < 3 * spread / 20**0.5
    assert 0.8 < np.sqrt(np.mean(said**2)) / spread < 4
    biased = np.array([naive(trap(0.0, 400, seed)) for seed in range(200)])
    assert biased.mean() > 5 * biased.std(ddof=1) / 200**0.5


@pytest.mark.slow
@pytest.mark.parametrize("curl", [0.5, 1.5])
def test_of_a_stirred_trap(curl):
    found = dm.infer(trap(curl, 40_000), dt=DT, key=KEY)
    assert abs(found.entropy_production - 2 * curl**2) < 3 * found.entropy_production_error
    assert found.entropy_production_error < 0.1 * curl**2 + 0.05


def quartic(z):
    x, y = z
    return jnp.stack([-(x**3) - y**3, x**3 - y**3])


@pytest.mark.slow
def test_neither_linear_nor_gaussian():
    """b = (−x³ − y³, x³ − y³) with a noise of √0.1: σ̇ = 0.90692."""
    sde = dm.SDE(quartic, 0.1**0.5, 2, start=[0.3, 0.3])
    found = dm.infer(recorded(sde, 60_000, 0.1), dt=0.1, key=KEY)
    assert abs(found.entropy_production - 0.90692) < 3 * found.entropy_production_error
    assert found.entropy_production_error < 0.1


@pytest.mark.slow
def test_with_measurement_noise_in_one_coordinate():
    """Learnt from noisy states the drift would have a curl of its own: the control."""
    A, D = np.array([[-1.0, 2.0], [-0.5, -1.0]]), np.array([[1.0, 0.5], [0.5, 1.0]])
    z = linear(A, D, DT * np.arange(10_000))
    noise = 0.4 * z[:, 0].std() * np.random.default_rng(5).standard_normal(len(z))
    y = z + np.c_[noise, 0 * noise]
    found = dm.infer(y, dt=DT, key=KEY)
    S = scipy.linalg.solve_continuous_lyapunov(A, -2 * D)
    current = A + D @ np.linalg.inv(S)
    exact = np.trace(current.T @ np.linalg.inv(D) @ current @ S)
    assert found.has_measurement_noise
    assert abs(found.entropy_production - exact) < 3 * found.entropy_production_error
    assert abs(naive(y) - exact) > 3 * found.entropy_production_error


@pytest.mark.slow
def test_of_wells_at_equilibrium():
    found = dm.infer(recorded(systems.double_well(), 30_000, DT), dt=DT, key=KEY)
    assert abs(found.entropy_production) < 3 * found.entropy_production_error


def test_noise_along_a_circle_alone():
    """D(z) has no inverse at any state, though its mean has: no finite number either."""
    sde = dm.SDE(
        lambda z: z * (1 - z @ z), lambda z: jnp.stack([-z[1], z[0]])[:, None], 2, start=[1.0, 0.5]
    )
    z = recorded(sde, 4000, 0.02)
    z = z + 1e-3 * linear(-np.eye(2), np.eye(2), 0.02 * np.arange(4000))
    assert dm.infer(z, dt=0.02, key=KEY).entropy_production == np.inf


def test_without_noise_in_a_direction_there_is_none():
    """An oscillator that is shaken in its velocity: no finite number, and no other complaint."""
    A = np.array([[0.0, 1.0], [-1.0, -0.5]])
    # A hundredth of a thousandth of the noise, as the exact steps need some.
    z = linear(A, np.diag([1e-7, 0.25]), 0.1 * np.arange(4000))
    found = dm.infer(z, dt=0.1, key=KEY)
    assert found.entropy_production == np.inf
    assert np.isnan(found.entropy_production_error)
    assert found.forced < 0.05
    assert found.outcome is dm.Outcome.SUCCESS, found.reason
