"""Rotations that are fast beside growth or damping, and what hides in the size of numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch import Outcome

KEY = jax.random.key(0)


def oscillator(damping, temperature=0.0):
    sigma = [0.0, (2 * damping * temperature) ** 0.5]
    return dm.SDE(lambda z: jnp.stack([z[1], -z[0] - damping * z[1]]), sigma, 2, start=(1.0, 0.0))


@pytest.mark.parametrize("turns", [1.0, 30.0, 300.0])
def test_a_cycle_is_found_from_its_centre(turns):
    """|z| = 1 up to the 2 % that a step may err by, however fast the rotation is beside growth."""

    def hopf(z):
        return z - (z @ z) * z + turns * jnp.stack([-z[1], z[0]])

    found = dm.sample(dm.SDE(hopf, 0.0, 2), key=KEY)
    assert found.outcome.ok
    np.testing.assert_allclose(np.linalg.norm(found.states, axis=1), 1, atol=0.02)


@pytest.mark.parametrize("damping", [0.1, 0.01, 0.004])
def test_a_weakly_damped_oscillator_is_not_heated(damping):
    """Equipartition, ⟨x²⟩ = ⟨v²⟩ = T = 1, within five errors from the effective number and 1 %."""
    found = dm.sample(oscillator(damping, 1.0), key=KEY)
    assert found.outcome.ok
    error = (2 / found.effective_number) ** 0.5
    np.testing.assert_allclose(found.states.var(axis=0), 1, atol=5 * error + 0.01)


@pytest.mark.parametrize("damping", [0.1, 0.01, 0.002])
def test_a_weakly_damped_oscillator_comes_to_rest(damping):
    found = dm.sample(oscillator(damping), key=KEY)
    assert found.outcome.ok
    assert found.is_resting
    assert np.abs(found.starts).max() < 0.15 * np.abs(found.extent).max()


def test_flat_rest_is_found():
    found = dm.sample(dm.SDE(lambda z: -(z**3), 0.0, 1, start=(1.0,)), key=KEY)
    assert found.outcome.ok
    assert found.is_resting


@pytest.mark.slow
def test_a_small_cycle_does_not_rest_however_far_away_it_was_started():
    def cycle(z):
        return z * (1 / jnp.sqrt(z @ z + 1e-30) - 1) + jnp.stack([-z[1], z[0]])

    found = dm.sample(dm.SDE(cycle, 0.0, 2, start=(1e10, 0.0)), key=KEY)
    assert not found.is_resting
    np.testing.assert_allclose(found.extent, [[-1, -1], [1, 1]], atol=1e-2)


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_a_coordinate_that_decays_to_nothing(start):
    sde = dm.SDE(lambda z: -z, [0.0, 1.0], 2, start=(start, 0.0))
    found = dm.sample(sde, key=KEY)
    assert found.outcome.ok
    assert found.time_scale == pytest.approx(1, rel=0.1)
    made = dm.embed(sde, 64, key=KEY, check=False, samples=found)
    assert made.outcome.ok
    z = found.states[::2000]
    f = jax.vmap(made.network.latent().drift)(jnp.asarray(z))
    np.testing.assert_allclose(f, -z, atol=0.02)
    np.testing.assert_allclose(f[:, 0], 0, atol=1e-3)


def test_phase_is_remembered_as_long_as_noise_lets_it():
    """cos φ forgets itself in 2/σ²; how the angle is counted makes no difference."""
    rotator = dm.SDE(lambda z: jnp.ones(1), 0.1, 1, periodic=2 * np.pi)
    assert dm.sample(rotator, key=KEY).relaxation_time == pytest.approx(200, rel=0.3)


def test_noise_that_turns_without_vanishing_is_no_bound():
    """An Ornstein–Uhlenbeck process whose noise turns with the state: ⟨z²⟩ = ½."""
    sde = dm.SDE(lambda z: -z, lambda z: jnp.stack([jnp.cos(z[0]), jnp.sin(z[0])])[None], 1)
    assert np.all(np.isinf(dm.sample(sde, key=KEY).bounds))
    density = dm.stationary(sde)
    x = density.grid.centres[:, 0]
    assert density.mean(x**2) == pytest.approx(0.5, rel=1e-3)


def test_a_wall_where_noise_is_weak_but_does_not_vanish_clips():
    """ln z is normal about −4 with variance 9/4: half of all states lie below the wall."""
    sigma = np.sqrt(4.5)
    sde = dm.SDE(lambda z: z * (2.25 - jnp.log(z) - 4), lambda z: sigma * z[:, None], 1)
    assert dm.stationary(sde, dm.Grid([0.02], [1.0], 2000)).outcome is Outcome.CLIPPED


def test_what_is_driven_is_not_sampled():
    network = dm.embed(dm.systems.limit_cycle(), 32, key=KEY, check=False).network
    with pytest.raises(dm.InputError, match="driven by an input"):
        dm.sample(network.latent(input=lambda t: jnp.array([jnp.sin(t), 0.0])), key=KEY)
