"""The work of a drift along straight lines, and its slopes."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.compilation import compiled
from driftmatch.memory.descent import bare_drift

PANELS, _MOST_PANELS = 64, 16384  # of a line
_PRECISE = 1e-8  # of the height of a line
_LINES = 2048  # at once
_FEWEST = 32  # lines or states: all numbers of them share a few compilations


def work_along(
    sde: AbstractSDE,
    before: Float[np.ndarray, "L k"],
    after: Float[np.ndarray, "L k"],
    panels: int = PANELS,
) -> tuple[Float[np.ndarray, " L"], Float[np.ndarray, " L"]]:
    """−∫f·dz along straight lines, and how high it rises on the way.

    Gauss–Legendre in panels, of which there are ever more until nothing changes: ridges between
    wells can be sharp.
    """
    parts = [
        _work_along(sde, before[first : first + _LINES], after[first : first + _LINES], panels)
        for first in range(0, len(before), _LINES)
    ]
    work, highest = zip(*parts, strict=True)
    return np.concatenate(work), np.concatenate(highest)


def _work_along(sde, before, after, panels):
    L, last, f = len(before), None, bare_drift(sde)
    before, after = _padded(before), _padded(after)
    while True:
        with jax.enable_x64(True):
            results = _work(f, jnp.asarray(before), jnp.asarray(after), jnp.asarray(panels))
            work, highest, lowest = (np.asarray(result)[:L] for result in results)
        off = np.inf if last is None else np.abs(work - last)
        if panels >= _MOST_PANELS or not np.any(off > _PRECISE * (highest - lowest)):
            return work, highest
        panels, last = 4 * panels, work


@compiled
def _work(f, before, after, panels):
    """Work along lines, and the highest and the lowest that it was, at the ends of panels."""
    points, weights = np.polynomial.legendre.leggauss(4)

    def panel(i, carry):
        work, highest, lowest = carry
        at = (i + 0.5 * (1 + jnp.asarray(points))) / panels
        z = before + at[:, None, None] * (after - before)
        along = jax.vmap(jax.vmap(f))(z)
        work = (
            work - 0.5 * jnp.asarray(weights) @ jnp.sum(along * (after - before), axis=2) / panels
        )
        return work, jnp.maximum(work, highest), jnp.minimum(work, lowest)

    nothing = jnp.zeros(len(before))
    return jax.lax.fori_loop(0, panels, panel, (nothing, nothing, nothing))


def slopes_at(sde: AbstractSDE, states: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "N k k"]:
    """J = ∂f/∂z."""
    padded = _padded(states)
    with jax.enable_x64(True):
        return np.asarray(_slopes(bare_drift(sde), jnp.asarray(padded)))[: len(states)]


@compiled
def _slopes(f, states):
    return jax.vmap(jax.jacfwd(f))(states)


def _padded(states: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "P k"]:
    """Filled up to a power of 2."""
    number = max(_FEWEST, 2 ** (len(states) - 1).bit_length())
    return np.pad(states, ((0, number - len(states)), (0, 0)), mode="edge")
