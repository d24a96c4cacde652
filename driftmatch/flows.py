"""Explicit Runge–Kutta steps of flows, of given sizes or each as long as its own error allows.

What moves may be any tree of arrays. Diffrax's adaptive solvers do the same and take several times
as long to compile, which a first call would feel.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

Y = TypeVar("Y")
Rows = tuple[tuple[float, ...], ...]

# Rows of a scheme: what its stages after the first, and in the end its step, make of the slopes.
MIDPOINT: Rows = ((1 / 2,), (0, 1))
CLASSICAL: Rows = ((1 / 2,), (0, 1 / 2), (0, 0, 1), (1 / 6, 1 / 3, 1 / 3, 1 / 6))
DORMAND_PRINCE: Rows = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERRORS = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


def moved(y: Y, velocity: Y, dt: ArrayLike, noise: Any = None) -> Y:
    """y + (velocity · dt + noise), every part in its own precision.

    The change is summed up before it is added to y: far from 0, in single precision, y + v dt would
    round v dt away, where y + (v dt + noise) rounds up or down by chance and keeps its mean.
    """

    def move(y, v, *w):
        change = jnp.asarray(v, y.dtype) * jnp.asarray(dt, y.dtype)
        return y + (change + jnp.asarray(w[0], y.dtype) if w else change)

    return jax.tree.map(move, y, velocity, *([] if noise is None else [noise]))


def runge_kutta(
    field: Callable[[Y, Any], Y], y: Y, dt: ArrayLike, scheme: Rows, first: Y | None = None
) -> tuple[Y, list[Y]]:
    """Where one step leads, and the slopes on the way.

    `field`: (y, time since the step began) ↦ dy/dt; `first`: what it is at y, if that is known.
    """
    slopes = [field(y, 0 * dt) if first is None else first]
    for row in scheme[:-1]:
        slopes.append(field(moved(y, _weighted(row, slopes), dt), sum(row) * dt))
    return moved(y, _weighted(scheme[-1], slopes), dt), slopes


def _weighted(row: tuple[float, ...], slopes: list[Y]) -> Y:
    return jax.tree.map(
        lambda *parts: sum(a * s for a, s in zip(row, parts, strict=True) if a), *slopes
    )


def sampled(
    field: Callable[[Array], Array],
    starts: Float[Array, "N k"],
    *,
    skipped: int,
    number: int,
    tolerance: float,
    scale: Callable[[Array], Array],
    longest: float,
    farthest: float,
    most_steps: int,
) -> Float[Array, "N number k"]:
    """States of a flow dz/dt = field(z) at the times skipped + 1, …, skipped + number.

    Steps are Dormand and Prince's of order 5(4), each trajectory with its own size: the error of
    one is at most `tolerance` times `scale` of the states, elementwise, and it ends at the next
    whole number at the latest.

    NaN where a trajectory cannot go on: farther than `farthest`, or after `most_steps` in all.

    **Source**: J. Dormand, P. Prince, *A family of embedded Runge–Kutta formulae*, J. Comput. Appl.
    Math. 6 (1980).
    """
    end = skipped + number
    fields = jax.vmap(field)

    def unfinished(carry):
        _, counts, _, steps = carry
        return jnp.any(counts < end) & (steps < most_steps)

    def step(carry):
        (z, f, h, elapsed), counts, samples, steps = carry
        left = 1 - elapsed
        lands = h > 0.99 * left
        taken = jnp.where(lands, left, h)
        new, slopes = runge_kutta(lambda z, _: fields(z), z, taken[:, None], DORMAND_PRINCE, f)
        new_f = fields(new)
        error = jnp.abs(_weighted(_ERRORS, [*slopes, new_f])) * taken[:, None]
        allowed = tolerance * jnp.maximum(scale(z), scale(new)) + jnp.finfo(z.dtype).tiny
        size = jnp.max(error / allowed, axis=1)
        accepted = size <= 1  # never if NaN
        arrived = accepted & lands
        row = jnp.where(arrived & (counts >= skipped), counts - skipped, number)
        samples = samples.at[jnp.arange(len(z)), jnp.minimum(row, number)].set(new)
        z, f = (jnp.where(accepted[:, None], *pair) for pair in ((new, z), (new_f, f)))
        elapsed = jnp.where(arrived, 0.0, jnp.where(accepted, elapsed + taken, elapsed))
        growth = jnp.where(jnp.isfinite(size), 0.9 * jnp.maximum(size, 1e-9) ** (-1 / 5), 0.2)
        next = taken * jnp.clip(growth, 0.2, 5.0)
        # A step that was cut short says nothing against the one that it was cut from.
        h = jnp.minimum(jnp.where(arrived, jnp.maximum(next, h), next), longest)
        stuck = (elapsed + h <= elapsed) | (jnp.max(jnp.abs(z), axis=1) > farthest)
        counts = jnp.where(stuck, end, counts + arrived)
        return (z, f, h, elapsed), counts, samples, steps + 1

    N, k = starts.shape
    start = starts, fields(starts), jnp.full(N, 1e-3), jnp.zeros(N)
    samples = jnp.full((N, number + 1, k), jnp.nan)  # the last row takes what is not due
    carry = start, jnp.zeros(N, jnp.int32), samples, jnp.zeros((), jnp.int32)
    return jax.lax.while_loop(unfinished, step, carry)[2][:, :number]
