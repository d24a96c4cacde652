r"""Zeros and minima of the speed of a flow, from many starts side by side.

Both searches work on the scaled drift F(u) = f(low + width·u)/scale of the unit box, in float64.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.compilation import compiled

MAX_STEPS = 300
_FARTHEST = 3.0  # boxes away from the box: lost
_LONGEST = 0.5  # box, the longest step
_SHORTEST = 1e-14  # box: there is no getting nearer in float64
_EPSILON = 1e-300


class Field(eqx.Module):
    """F(u) = [f(low + width·u) + c]/scale, a flow seen in the unit box."""

    sde: AbstractSDE
    low: Float[Array, " k"]
    width: Float[Array, " k"]
    scale: Float[Array, " k"]
    forcing: Float[Array, " k"]

    def __call__(self, u: Float[Array, " k"]) -> Float[Array, " k"]:
        return (self.sde.drift(self.low + self.width * u) + self.forcing) / self.scale


@compiled
def zeros(field: Field, starts: Float[Array, "N k"]) -> Float[Array, "N k"]:
    """Where Levenberg and Marquardt's steps end:  p = −(JᵀJ + μI)⁻¹ JᵀF,  ½|F|² never growing.

    The damping μ is lowered after a step that does what the linear model says, and raised after
    one that does not (Nielsen's rule). The singular values of J give the step, so that it is as
    accurate as J allows, and the shortest one where J is singular.
    """
    slope = jax.jacfwd(field)

    def step(state):
        u, F, J, mu, nu, done = state
        left, sizes, right = jnp.linalg.svd(J)
        along = left.T @ F
        damping = jnp.maximum(mu, (1e-15 * sizes[0]) ** 2 + _EPSILON)
        p = -right.T @ (sizes / (sizes**2 + damping) * along)
        p = p * jnp.minimum(1.0, _LONGEST / jnp.maximum(jnp.max(jnp.abs(p)), _EPSILON))
        new, expected = u + p, F @ F - jnp.sum((F + J @ p) ** 2)
        new_F = field(new)
        gain = (F @ F - new_F @ new_F) / jnp.maximum(expected, _EPSILON)
        accepted = (new_F @ new_F <= F @ F) & jnp.all(jnp.isfinite(new_F))
        factor = jnp.where(gain > 0.75, 0.03, jnp.maximum(1 / 3, 1 - (2 * gain - 1) ** 3))
        is_final = jnp.max(jnp.abs(p)) <= _SHORTEST
        mu = jnp.where(accepted, mu * factor, jnp.maximum(mu, 1e-6 * sizes[0] ** 2) * nu)
        nu = jnp.where(accepted, 2.0, 2.0 * nu)
        moved = jnp.where(accepted, new, u)
        done = done | is_final | (jnp.max(jnp.abs(moved - 0.5)) > 0.5 + _FARTHEST)
        return (
            moved,
            jnp.where(accepted, new_F, F),
            jnp.where(accepted, slope(new), J),
            mu,
            nu,
            done,
        )

    def first(u):
        F, J = field(u), slope(u)
        return u, F, J, 1e-3 * jnp.sum(J**2), jnp.asarray(2.0, F.dtype), jnp.asarray(False)

    return _iterate(step, jax.vmap(first)(starts))


@compiled
def minima(field: Field, starts: Float[Array, "N k"]) -> Float[Array, "N k"]:
    """Where Newton's steps on q = ½|F|² end, with |eigenvalues| of its Hessian, q never growing."""

    def speed(u):
        return 0.5 * jnp.sum(field(u) ** 2)

    def step(state):
        u, q, mu, done = state
        gradient, hessian = jax.grad(speed)(u), jax.hessian(speed)(u)
        values, axes = jnp.linalg.eigh(hessian)
        size = jnp.max(jnp.abs(values))
        p = -axes @ ((axes.T @ gradient) / (jnp.abs(values) + mu * size + _EPSILON))
        p = p * jnp.minimum(1.0, 0.1 / jnp.maximum(jnp.max(jnp.abs(p)), _EPSILON))
        new_q = speed(u + p)
        accepted = new_q <= q
        is_final = jnp.max(jnp.abs(p)) <= _SHORTEST
        mu = jnp.where(accepted, 0.1 * mu, 10 * jnp.maximum(mu, 1e-6))
        moved = jnp.where(accepted, u + p, u)
        done = done | is_final | (jnp.max(jnp.abs(moved - 0.5)) > 0.5 + _FARTHEST)
        return moved, jnp.where(accepted, new_q, q), mu, done

    def first(u):
        return u, speed(u), jnp.asarray(1e-3, u.dtype), jnp.asarray(False)

    return _iterate(step, jax.vmap(first)(starts))


def _iterate(step, states):
    """The first entry of the states, once all are done or `MAX_STEPS` are taken."""

    def body(carry):
        states, count = carry
        new = jax.vmap(step)(states)
        done = states[-1]
        keep = jax.tree.map(
            lambda a, b: jnp.where(done.reshape(-1, *[1] * (a.ndim - 1)), a, b), states, new
        )
        return keep, count + 1

    def unfinished(carry):
        states, count = carry
        return jnp.any(~states[-1]) & (count < MAX_STEPS)

    return jax.lax.while_loop(unfinished, body, (states, 0))[0][0]


@compiled
def linearised(field: Field, points: Float[Array, "N k"]):
    """F and ∂F/∂u at every point."""
    return jax.vmap(field)(points), jax.vmap(jax.jacfwd(field))(points)


@compiled
def curvature(field: Field, points: Float[Array, "N k"]) -> Float[Array, "N k k"]:
    """The Hessian of ½|F|² at every point."""
    return jax.vmap(jax.hessian(lambda u: 0.5 * jnp.sum(field(u) ** 2)))(points)
