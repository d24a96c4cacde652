import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from driftmatch.analysis.settling import SETTLING, STRETCH, NoiseFreeFlow
from driftmatch.sampling.whitening import Whitening
from driftmatch.sde import SDE


def flow(drift, k, time_scale=1.0, mean=0.0, scale=1.0):
    sde = SDE(drift, 1.0, k)
    return NoiseFreeFlow(sde, Whitening(np.full(k, mean), scale * np.eye(k)), time_scale)


def test_against_another_integrator():
    """A damped spiral forced by its own cube, in units and a time scale far from 1."""
    k, scale, mean, unit = 2, 50.0, 300.0, 0.01

    def drift(z):
        x, y = (z - mean) / scale
        return scale / unit * jnp.stack([y, -0.02 * y - x - 0.01 * x**3])

    found = flow(drift, k, unit, mean, scale).stretches(np.array([[2.0, 1.0], [0.5, 0.0]]))
    assert found.shape == (2, STRETCH, k)
    times = SETTLING + 1.0 + np.arange(STRETCH)
    for start, stretch in zip(([2.0, 1.0], [0.5, 0.0]), found, strict=True):
        exact = solve_ivp(
            lambda t, z: [z[1], -0.02 * z[1] - z[0] - 0.01 * z[0] ** 3],
            (0, times[-1]), start, t_eval=times, rtol=1e-9, atol=1e-12,
        ).y.T  # fmt: skip
        assert np.abs(exact).max() > 0.05
        np.testing.assert_allclose(stretch, exact, atol=0.03 * np.abs(exact).max())


@pytest.mark.parametrize("frequency", [0.5, 1.0, 2.0])
def test_a_weakly_unstable_point_stays_unstable(frequency):
    """Hopf's normal form with growth rate 0.03, started at a hundredth of its radius; schemes with
    long steps damp the spiral and end at the unstable point."""

    def drift(z):
        return 0.03 * z * (1 - z @ z) + frequency * jnp.stack([-z[1], z[0]])

    found = flow(drift, 2).stretches(np.array([[0.01, 0.0]]))
    assert np.linalg.norm(found[0, -1]) == pytest.approx(1, abs=0.02)


def test_stiff_decay_from_far_away():
    """Rates up to 1000 out there, 1 near by."""
    found = flow(lambda z: -z * (1 + z @ z), 2).stretches(np.array([[30.0, 10.0], [0.0, 1e3]]))
    assert np.abs(found).max() < 1e-3


def test_divergence_gives_nan_and_spares_the_others():
    found = flow(lambda z: z**3 - z, 1).stretches(np.array([[1.5], [0.5], [-3.0]]))
    assert np.isnan(found[[0, 2]]).all()
    np.testing.assert_allclose(found[1], 0, atol=1e-6)
    assert np.isnan(flow(lambda z: z, 1).stretches(np.array([[1.0]]))).all()


def test_any_number_of_starts():
    starts = np.linspace(0.1, 2, 300)[:, None]
    found = flow(lambda z: z - z**3, 1).stretches(starts)
    assert found.shape == (300, STRETCH, 1)
    np.testing.assert_allclose(found, 1, atol=1e-3)
