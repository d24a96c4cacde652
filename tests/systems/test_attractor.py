import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.systems.attractor import trace_attractor


def test_a_circle():
    found = trace_attractor(dm.systems.limit_cycle(omega=2.0))
    assert np.linalg.norm(found.state) == pytest.approx(1, abs=1e-5)
    assert found.extent == pytest.approx(1, abs=1e-3)
    assert np.abs(found.mean).max() < 1e-3
    assert found.rate == pytest.approx(2.0, rel=1e-3)


def test_lorenz():
    """Its mean, size and rate, against a run of the library's own."""
    sde = dm.systems.lorenz(noise=0.0)
    found = trace_attractor(sde)
    run = dm.simulate(
        sde, duration=100.0, dt=0.005, key=jax.random.key(0), num_trajectories=20, save_every=10
    )
    states = run.states[:, 200:].reshape(-1, 3)
    spread = states.std(axis=0)
    # 22 time units: the two wings are visited unequally often
    np.testing.assert_allclose((found.mean - states.mean(axis=0)) / spread, 0, atol=0.4)
    extent = np.linalg.norm(states - states.mean(axis=0), axis=1).max()
    assert found.extent == pytest.approx(extent, rel=0.15)
    flow = np.array(jax.vmap(sde.drift)(jnp.array(states)))
    assert found.rate == pytest.approx(np.sqrt(np.mean((flow / spread) ** 2)), rel=0.1)
    assert np.linalg.norm(states - found.state, axis=1).min() < 1.0


@pytest.mark.parametrize("slow", [1.0, 0.01, 0.003])
def test_a_fixed_point_however_slowly_reached(slow):
    """x' = 1 − x, y' = −slow·y: its own rate is the slower one."""
    sde = dm.SDE(lambda z: jnp.array([1.0, 0.0]) - z * jnp.array([1.0, slow]), 0.0, 2, start=[5, 5])
    found = trace_attractor(sde)
    np.testing.assert_allclose(found.state, [1.0, 0.0], atol=1e-5)
    np.testing.assert_array_equal(found.mean, found.state)
    assert found.extent == 0
    assert found.rate == pytest.approx(slow)


def test_a_spiral_that_ends_slowly():
    """It goes around 30 times until it is e times smaller, and is no cycle."""
    sde = dm.SDE(lambda z: jnp.stack([-z[1], z[0]]) - 0.005 * z, 0.0, 2, start=[1, 0])
    found = trace_attractor(sde)
    assert found.extent == 0
    assert found.rate == pytest.approx(0.005)


def test_a_start_on_the_fixed_point():
    found = trace_attractor(dm.systems.ornstein_uhlenbeck())
    np.testing.assert_array_equal(found.state, [0.0, 0.0])
    assert found.rate == pytest.approx(2.0)


def test_other_units_change_nothing():
    """A limit cycle of radius 10⁻⁵ that turns 10⁴ times as fast."""
    small, fast = 1e-5, 1e4
    cycle = dm.systems.limit_cycle()
    sde = dm.SDE(lambda z: fast * small * cycle.drift(z / small), 0.0, 2, start=[0.5 * small, 0.0])
    found = trace_attractor(sde)
    assert found.extent == pytest.approx(small, rel=2e-3)
    assert found.rate == pytest.approx(fast, rel=2e-3)


def test_a_stiff_flow():
    """Fast and slow at once: rates of −1000 across and about 1 around the circle."""

    def drift(z):
        return 500 * z * (1 - z @ z) + jnp.stack([-z[1], z[0]])

    found = trace_attractor(dm.SDE(drift, 0.0, 2, start=[1.0, 0.0], time_scale=1.0))
    assert found.extent == pytest.approx(1, abs=1e-3)
    assert found.rate == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize(
    ("drift", "start", "sentence"),
    [
        (lambda z: z**2, [1.0], r"flow of odd from \[1\.0\] runs away or is too stiff to follow"),
        (lambda z: z, [1.0], r"from \[1\.0\] runs away .* a start in its attractor's basin"),
        (lambda z: 1 + 0 * z, [0.0], r"from \[0\.0\] does not settle: give it a start on its att"),
        (lambda z: z - z**3, [0.0], r"rests at \[0\.0\], which is not stable: give it another"),
        (lambda z: 0 * z, [2.0], r"rests at \[2\.0\], which is not stable"),
        (lambda z: jnp.sqrt(z - 1), [1.0], r"where its slopes are not finite, \[1\.0\]: give it"),
    ],
)
def test_what_has_no_attractor(drift, start, sentence):
    sde = dm.SDE(drift, 0.1, 1, start=start, name="odd")
    with pytest.raises(dm.InputError, match=sentence) as raised:
        trace_attractor(sde)
    assert "\n" not in str(raised.value)
