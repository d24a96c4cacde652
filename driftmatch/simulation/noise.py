"""Standard normals, each a function of its own counters and of nothing else."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, UInt32

from driftmatch.randomness import threefry, words

Words = tuple[Array, Array]

_LANES = 64  # numbers in a step below which XLA had better run along the steps


def trajectory_keys(key: PRNGKeyArray, num_trajectories: int) -> Words:
    """A key for each trajectory, as two arrays of shape (M,)."""
    index = jnp.arange(num_trajectories, dtype=jnp.uint32)
    return threefry(words(key), index, jnp.zeros_like(index))


def block_of_normals(
    keys: Words, first: Array | int, steps: int, components: int
) -> Float[Array, "steps components M"]:
    """The normals of consecutive steps, in single precision whatever JAX is set to.

    Each depends on the key, the step, the trajectory and the component only. So a path does not
    know how a run is cut, how many trajectories there are beside it, or whether more components,
    such as a network's private noise, follow its own.
    """
    M = len(keys[0])
    index = jnp.asarray(first).astype(jnp.uint32) + jnp.arange(steps, dtype=jnp.uint32)
    component = jnp.repeat(jnp.arange(components, dtype=jnp.uint32), M)
    keys = jnp.tile(keys[0], components), jnp.tile(keys[1], components)
    if M * components < _LANES:
        keys = keys[0][:, None], keys[1][:, None]
        normals = _normal(threefry(keys, index[None], component[:, None])[0]).T
    else:
        normals = _normal(threefry(keys, index[:, None], component[None])[0])
    return normals.reshape(steps, components, M)


def normals(
    key: PRNGKeyArray, step: Array | int, num_trajectories: int, components: int
) -> Float[Array, "M components"]:
    """The standard normals of one step."""
    return block_of_normals(trajectory_keys(key, num_trajectories), step, 1, components)[0].T


# Coefficients of M. Giles, *Approximating the erfinv function* (GPU Computing Gems 2, 2011), in the
# middle and in the tails.
_MIDDLE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_TAILS = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
    -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip


def _normal(bits: UInt32[Array, "*s"]) -> Float[Array, "*s"]:
    """√2 erf⁻¹(v) at v = (s + ½)/2³¹ for the signed integer s that the bits are, up to ±6.3.

    The distance of |v| from 1 is taken in integers, for in single precision 1 − |v| would leave
    few values in the tails.
    """
    one = np.float32
    s = jax.lax.bitcast_convert_type(bits, jnp.int32)
    size = jnp.where(s < 0, ~s, s)
    v = (size.astype(one) + one(0.5)) * one(2.0**-31)
    rest = ((np.int32(2**31 - 1) - size).astype(one) + one(0.5)) * one(2.0**-31)
    w = -jnp.log(rest * (one(2) - rest))
    middle = w < one(5)
    a = jnp.where(middle, w - one(2.5), jnp.sqrt(w) - one(3))
    p = jnp.where(middle, one(_MIDDLE[0]), one(_TAILS[0]))
    for near, far in zip(_MIDDLE[1:], _TAILS[1:], strict=True):
        p = jnp.where(middle, one(near), one(far)) + p * a
    z = one(2**0.5) * p * v
    return jnp.where(s < 0, -z, z)
