import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.closures import as_module
from driftmatch.precision import like


def arrays():
    """New ones each time, so that no test finds in JAX's memory what another has left."""
    return np.array([[1.0, -2.0], [0.3, 1.0]]), np.array([0.5, -0.2]) / 3


def affine(A, b):
    return lambda z: A @ z + b


def looped(A, b):
    return lambda z: jax.lax.fori_loop(0, 3, lambda i, z: b * z + b, z)


def branched(A, b):
    return lambda z: jax.lax.cond(z[0] > 0, lambda z: z + b, lambda z: A @ z, z)


def compiled(A, b):
    return jax.jit(affine(A, b))


def in_a_module(A, b):
    class Affine(eqx.Module):
        A: np.ndarray

        def __call__(self, z):
            return like(self.A, z) @ z

    return Affine(A)


@pytest.mark.parametrize("build", [affine, looped, branched, in_a_module])
def test_functions_with_numpy_arrays_work_in_both_precisions(build):
    """Called, compiled as an argument, compiled in, batched and differentiated; values in float64
    are exact to its last digits."""
    function = as_module(build(*arrays()), 2)
    as_argument = eqx.filter_jit(lambda function, z: function(z))
    batched = eqx.filter_jit(lambda function, z: jax.vmap(jax.jacfwd(function))(z[None])[0])
    kept = []
    for x64 in (False, True, False, True):
        with jax.enable_x64(x64):
            z = jnp.array([0.3, -0.7])
            kept.append(jax.jit(lambda z: function(z)))
            values = [function(z), as_argument(function, z), kept[0](z), kept[-1](z)]
            assert all(v.dtype == z.dtype for v in [*values, batched(function, z)])
            expected = build(*(jnp.array(a) for a in arrays()))(z)
            for value in values:
                np.testing.assert_allclose(value, expected, rtol=1e-14 if x64 else 1e-6)


def test_what_closes_over_a_traced_value_can_still_be_differentiated():
    A, b = arrays()

    def at(scale):
        return as_module(lambda z: scale * (A @ z) + b, 2)(jnp.ones(2))

    np.testing.assert_allclose(jax.jacfwd(at)(2.0), A @ np.ones(2), rtol=1e-6)


@pytest.mark.parametrize("build", [affine, compiled])
def test_an_sde_with_numpy_arrays(build):
    """Simulated in float32, then evaluated in float64, as an embedding does."""
    sde = dm.SDE(build(*arrays()), lambda z: arrays()[0] * z[:, None] + arrays()[1], 2)
    run = eqx.filter_jit(lambda sde, z: (jax.vmap(sde.drift)(z), jax.vmap(sde.diffusion)(z)))
    for x64 in (False, True, False, True):
        with jax.enable_x64(x64):
            z = jnp.ones((3, 2))
            assert all(v.dtype == z.dtype for v in run(sde, z))


def test_parameters_take_the_precision_of_the_state():
    value = np.ones(3)
    for x64 in (False, True):
        with jax.enable_x64(x64):
            z = jnp.ones(3)
            assert like(value, z).dtype == z.dtype
            assert like(jnp.array(value), z).dtype == z.dtype
            assert like(value, jnp.ones(3, int)).dtype == z.dtype
            assert like(value, z.astype(jnp.float32)).dtype == jnp.float32
