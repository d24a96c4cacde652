import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.systems import fitzhugh_nagumo, kubo_oscillator, limit_cycle, van_der_pol

Z = np.array([0.3, -1.2])


def drift(sde, z=Z):
    with jax.enable_x64(True):
        return np.array(sde.drift(jnp.array(z)))


def test_van_der_pol():
    assert drift(van_der_pol(mu=2.0)) == pytest.approx([-1.2, 2 * (1 - 0.09) * -1.2 - 0.3])


def test_limit_cycle_in_polar_coordinates():
    """dr/dt = r(1 − r²) and dθ/dt = ω."""
    r = np.hypot(*Z)
    f = drift(limit_cycle(omega=1.7))
    assert f @ Z / r == pytest.approx(r * (1 - r**2))
    assert (Z[0] * f[1] - Z[1] * f[0]) / r**2 == pytest.approx(1.7)


def test_fitzhugh_nagumo():
    sde = fitzhugh_nagumo(epsilon=0.5, a=0.1, b=0.2, current=0.3)
    assert drift(sde) == pytest.approx([(0.3 - 0.009 + 1.2 + 0.3) / 0.5, 0.3 + 0.1 + 0.24])


def test_fitzhugh_nagumo_rests_without_current_and_fires_with_it():
    for current, fires in ((0.0, False), (0.5, True)):
        sde = fitzhugh_nagumo(current=current, noise=0.0)

        def step(z, _, sde=sde):
            return z + 0.005 * sde.drift(z + 0.0025 * sde.drift(z)), z[0]

        voltage = np.array(jax.lax.scan(step, jnp.array(sde.start), length=8000)[1])[4000:]
        assert (np.ptp(voltage) > 1) == fires


def test_kubo_noise_is_the_stratonovich_equation_converted():
    def diffusion(z):
        return jnp.column_stack([0.4 * jnp.eye(2), 0.7 * jnp.stack([-z[1], z[0]])])

    def without_correction(z):
        return z * (1 - z @ z) + 1.3 * jnp.stack([-z[1], z[0]])

    stratonovich = dm.SDE(without_correction, diffusion, 2, interpretation="stratonovich")
    sde = kubo_oscillator(omega=1.3, jitter=0.7, noise=0.4)
    assert drift(sde) == pytest.approx(drift(stratonovich), rel=1e-12)
    np.testing.assert_allclose(sde.diffusion(jnp.array(Z)), diffusion(jnp.array(Z)), rtol=1e-6)
    assert not sde.has_constant_diffusion
    tensor = np.array(sde.diffusion(jnp.array(Z)))
    assert abs((tensor @ tensor.T)[0, 1]) > 0.1
