"""Where a noise-free flow leads: to minima, from states in their basins."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.compilation import compiled
from driftmatch.errors import ComputationError, InputError
from driftmatch.flows import MIDPOINT, runge_kutta
from driftmatch.sde import SDE

_DESCENT = 2000  # steps
_NEWTON = 10  # iterations
_CAUGHT = 1e-3  # of the distance to the nearest other minimum: so close, a state has arrived
_AT_REST = 1e-7  # of that: a flow that moves no farther in its own time rests elsewhere
_BLOCK = 256  # states that flow together
_LONGEST = 10_000  # steps of a flow


class BareDrift(eqx.Module):
    """f alone: what is compiled for it serves all SDEs that differ in their noise or words only."""

    drift: Callable

    def __call__(self, z: Float[Array, " k"]) -> Float[Array, " k"]:
        return jnp.asarray(self.drift(z))


def bare_drift(sde: AbstractSDE) -> BareDrift:
    """z ↦ f(z)."""
    return BareDrift(sde._drift if type(sde) is SDE else sde.drift)


def descend(
    sde: AbstractSDE,
    starts: Float[np.ndarray, "A k"],
    forcing: Float[np.ndarray, " k"] | None = None,
) -> Float[np.ndarray, "A k"]:
    """The minima that f + forcing leads to: a long descent from each start, then Newton's steps.

    Raises `InputError`, or with a forcing `ComputationError`, where the flow does not come to rest
    in a minimum.
    """
    c = np.zeros(sde.dim) if forcing is None else forcing
    with jax.enable_x64(True):
        results = _descend(bare_drift(sde), jnp.asarray(starts), jnp.asarray(c))
        ends, minima, residues, curvatures, slopes = (np.asarray(result) for result in results)
    good = (residues <= 1e-9 * slopes * width(starts)) & (curvatures > 0)
    good &= np.linalg.norm(minima - ends, axis=1) < 0.1 * width(starts)
    if not np.all(good):
        where = starts[int(np.argmin(good))].tolist()
        if forcing is None:
            raise InputError(
                f"the flow of {sde.name} from {where} does not come to rest in a minimum: only "
                "systems of wells have a landscape"
            )
        raise ComputationError(
            f"under the forcing {c.tolist()} the flow of {sde.name} from {where} does not come to "
            "rest in a minimum: use a weaker one"
        )
    return minima


def width(states: Float[np.ndarray, "A k"]) -> float:
    """The largest range of a coordinate; 1 for a single state."""
    return float(np.ptp(states, axis=0).max()) or 1.0


def nearest(states: Float[np.ndarray, "W k"]) -> Float[np.ndarray, " W"]:
    """From each of several states to the next one."""
    return (distances(states) + np.diag(np.full(len(states), np.inf))).min(axis=1)


def distances(states: Float[np.ndarray, "W k"]) -> Float[np.ndarray, "W W"]:
    """Between each two of them."""
    return np.linalg.norm(states[:, None] - states[None], axis=-1)


@compiled
def _descend(f, starts, c):
    """Where midpoint steps of a size that the local slopes allow end, and what `newton` finds."""

    def step(_, z):
        h = 0.5 / jnp.maximum(jnp.linalg.norm(jax.jacfwd(f)(z)), 1e-12)
        return runge_kutta(lambda z, _: f(z) + c, z, h, MIDPOINT)[0]

    def one(z):
        end = jax.lax.fori_loop(0, _DESCENT, step, z)
        return end, *newton(f, end, c)

    return jax.vmap(one)(starts)


def newton(f: BareDrift, z, c):
    """A zero of f + c near z, |f + c| there, the slowest rate at which the flow comes back to it,
    negative where it leaves, and the size of the slopes J = ∂f/∂z.

    The rate is the least −Re λ(J). For f = −∇V this is the least curvature of V; for f = −M∇V, in
    coordinates with a mobility M, the symmetric part of J would not tell what is stable.
    """
    slopes = jax.jacfwd(f)
    z = jax.lax.fori_loop(0, _NEWTON, lambda _, z: z - jnp.linalg.solve(slopes(z), f(z) + c), z)
    J = slopes(z)
    curvature = -jnp.max(jnp.linalg.eigvals(J).real)
    return z, jnp.linalg.norm(f(z) + c), curvature, jnp.linalg.norm(J)


def label_basins(sde, minima, starts) -> Int[np.ndarray, " N"]:
    """The minimum that each state flows to, −1 for none; by blocks, so that those which take long
    hold up few others, and any number of states shares a compilation."""
    padding = -len(starts) % _BLOCK
    blocks = np.concatenate([starts, np.broadcast_to(minima[0], (padding, sde.dim))])
    reach, f = _CAUGHT * nearest(minima), bare_drift(sde)
    with jax.enable_x64(True):
        labels = [
            np.asarray(_flow(f, jnp.asarray(minima), jnp.asarray(reach), jnp.asarray(block)))
            for block in blocks.reshape(-1, _BLOCK, sde.dim)
        ]
    return np.concatenate([np.zeros(0, np.int32), *labels])[: len(starts)]


@compiled
def _flow(f, minima, reach, starts):
    """Midpoint steps that the local slopes allow and that are short beside the distance to the
    nearest minimum, so that none leaps across a ridge."""

    def step(z):
        away = jnp.linalg.norm(minima - z, axis=1)
        j = jnp.argmin(away / reach)
        velocity, J = f(z), jnp.linalg.norm(jax.jacfwd(f)(z))
        speed = jnp.linalg.norm(velocity)
        h = jnp.minimum(0.5 / J, 0.25 * away.min() / speed)
        moving = speed > _AT_REST * reach.min() * J  # not if NaN
        new = runge_kutta(lambda z, _: f(z), z, h, MIDPOINT, velocity)[0]
        return new, jnp.where(away[j] <= reach[j], j, -1).astype(jnp.int32), moving

    def unfinished(carry):
        _, _, flowing, steps = carry
        return jnp.any(flowing) & (steps < _LONGEST)

    def advance(carry):
        z, labels, flowing, steps = carry
        new, found, moving = jax.vmap(step)(z)
        labels = jnp.where(flowing, found, labels)
        flowing &= moving & (found < 0)
        return jnp.where(flowing[:, None], new, z), labels, flowing, steps + 1

    N = len(starts)
    start = starts, jnp.full(N, -1, jnp.int32), jnp.full(N, True), 0
    return jax.lax.while_loop(unfinished, advance, start)[1]
