import jax
import jax.numpy as jnp
import numpy as np

from driftmatch.systems import double_well


def test_double_well_descends_its_potential():
    def V(x):
        return x**4 / 4 - x**2 / 2

    with jax.enable_x64(True):
        for x in (-1.7, -1.0, 0.0, 0.4, 1.0):
            expected = -jax.grad(V)(x)
            np.testing.assert_allclose(double_well().drift(jnp.array([x])), [expected], atol=1e-14)
