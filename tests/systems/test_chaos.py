import jax
import jax.numpy as jnp
import numpy as np
import pytest

from driftmatch.systems import dadras, lorenz

Z = np.array([1.5, -2.0, 3.0])


def drift(sde, z):
    with jax.enable_x64(True):
        return np.array(sde.drift(jnp.array(z)))


def test_lorenz():
    f = drift(lorenz(sigma=9.0, rho=25.0, beta=2.0), Z)
    assert f == pytest.approx([9 * -3.5, 1.5 * 22 + 2, -3 - 6])


@pytest.mark.parametrize("sign", [-1, 1])
def test_lorenz_rests_in_the_middle_of_its_wings(sign):
    x = sign * np.sqrt(8 / 3 * 27)
    assert drift(lorenz(), [x, x, 27.0]) == pytest.approx(np.zeros(3), abs=1e-12)


def test_dadras():
    f = drift(dadras(p=1.0, o=2.0, r=3.0, c=4.0, e=5.0), Z)
    assert f == pytest.approx([-2 - 1.5 + 2 * -6, -6 - 4.5 + 3, 4 * -3 - 15])


@pytest.mark.parametrize("system", [lorenz, dadras])
def test_symmetric_under_a_half_turn(system):
    """Lorenz turns about z. Dadras does not: it is the negative twin."""
    turn = np.array([-1, -1, 1])
    agrees = np.allclose(drift(system(), turn * Z), turn * drift(system(), Z))
    assert agrees == (system is lorenz)
