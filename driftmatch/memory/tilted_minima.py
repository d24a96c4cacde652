"""How the minima of a landscape move, and where they end, while it is tilted."""

from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import check_array, check_count, check_positive
from driftmatch.compilation import compiled
from driftmatch.errors import ComputationError, InputError
from driftmatch.memory.descent import bare_drift, newton, width
from driftmatch.memory.landscape import Landscape, as_landscape
from driftmatch.memory.line_work import slopes_at, work_along
from driftmatch.records import Record
from driftmatch.words import spelled

_STRIDE = 0.02  # of the spacing: how far a well should move at once
_LEAP = 0.2  # of the spacing: how far it may
_MAX_STRIDES = 100_000
_BISECTIONS = 30
_FLAT = 0.1  # of its first curvature: what is left of it where a well disappears


class TiltedMinima(Record):
    """Minima followed while a tilt grows:  V(z) − a c·z  for amplitudes a from 0.

    - `direction`: c, the input to the drift at a = 1, shape (k,), in units of f.
    - `amplitudes`: a, shape (A,).
    - `minima`: shape (A, W, k), NaN beyond the fold at which a well disappears.
    - `energies`: V(z_j) − a c·z_j, shape (A, W).
    - `folds`: the amplitude at which each well disappears, NaN if it does not; shape (W,).
    - `last`: where each well is at its fold, or else at the largest amplitude, shape (W, k);
      `last_potential`: V there, shape (W,).
    - `name`: of the SDE.
    """

    direction: Float[np.ndarray, " k"]
    amplitudes: Float[np.ndarray, " A"]
    minima: Float[np.ndarray, "A W k"]
    energies: Float[np.ndarray, "A W"]
    folds: Float[np.ndarray, " W"]
    last: Float[np.ndarray, "W k"]
    last_potential: Float[np.ndarray, " W"]
    name: str

    @cached_property
    def left(self) -> tuple[int, ...]:
        """The wells that are still there at the largest amplitude."""
        return tuple(int(j) for j in np.flatnonzero(np.isnan(self.folds)))


@spelled
def follow_minima(
    wells: Landscape | AbstractSDE,
    direction: ArrayLike,
    *,
    largest: float = 1.0,
    steps: int = 100,
) -> TiltedMinima:
    """Follow every minimum of a landscape as it is tilted by a c, from a = 0 to `largest`.

    `wells` is a `Landscape`, or an SDE or a network that has one.

    The minima are zeros of f + a c, followed by Newton's method in steps as fine as it takes
    between the `steps` that are kept. A well ends at the fold where its least curvature comes to 0,
    found by bisection. Energies are the work along the way.

    Raises `InputError` for a direction that is no vector of k numbers, or so strong that the wells
    move far beyond each other; `ComputationError` for a well that is lost without a fold.
    """
    steps, largest = check_count("steps", steps), check_positive("largest", largest)
    wells = as_landscape(wells)
    sde, z, W = wells.sde, wells.minima, len(wells.minima)
    c = check_array("direction", direction, (z.shape[1],))
    amplitudes = np.linspace(0, largest, steps + 1)
    slopes, curvatures = _shapes(sde, z)
    way = float(largest * np.linalg.norm(c) / curvatures.min() / wells.spacing)
    strides = max(1, int(np.ceil(way / _STRIDE / steps)))
    if strides * steps > _MAX_STRIDES:
        raise InputError(
            f"this tilt would move the wells of {sde.name} by some {way:.0f} times their distance: "
            "lower it"
        )
    limits = np.array([1e-10 * slopes * width(z), _LEAP * wells.spacing])
    f = bare_drift(sde)
    with jax.enable_x64(True):
        path, last, reached, flattest = (
            np.asarray(result)
            for result in _follow(f, z, curvatures, c, amplitudes, jnp.asarray(strides), limits)
        )
    minima = np.concatenate([z[None], path])
    row, well = np.sum(~np.isnan(minima[..., 0]), axis=0) - 1, np.arange(W)
    folds = np.where(row < steps, reached, np.nan)
    for j in np.flatnonzero((row < steps) & (flattest > _FLAT * curvatures)):
        raise ComputationError(
            f"well {j} of {sde.name} was lost at {folds[j]:.3g} of the tilt, where it has no fold: "
            "raise steps"
        )
    work = _work(sde, minima[:-1], minima[1:])
    potential = np.cumsum(np.concatenate([wells.energies[None], work]), axis=0)
    last_potential = potential[row, well] + _work(sde, minima[row, well], last)
    energies = potential - amplitudes[:, None] * (minima @ c)
    return TiltedMinima(c, amplitudes, minima, energies, folds, last, last_potential, sde.name)


def _shapes(sde: AbstractSDE, minima) -> tuple[float, Float[np.ndarray, " W"]]:
    """The largest slope of f at minima, and the least curvature of each, as `newton` has it."""
    J = slopes_at(sde, minima)
    return np.abs(J).max(), -np.linalg.eigvals(J).real.max(axis=1)


def _work(sde: AbstractSDE, before, after) -> Float[np.ndarray, "..."]:
    flat = (states.reshape(-1, sde.dim) for states in (before, after))
    return work_along(sde, *flat, panels=1)[0].reshape(before.shape[:-1])


@compiled
def _follow(f, minima, curvatures, c, amplitudes, strides, limits):
    """The minima at all amplitudes but the first, shape (A − 1, W, k), NaN where there are none;
    where each was last, at which amplitude, and its least curvature there.

    The state of a well: where it is, at which amplitude, its least curvature, and the amplitude at
    which it was not found any more, at first infinite and then halved down to the fold.
    """
    tolerance, reach = limits
    stride = (amplitudes[1] - amplitudes[0]) / strides
    finest = stride * 0.5**_BISECTIONS

    def one(z, curvature):
        def step(state, goal):
            def unfinished(state):
                _, a, _, beyond = state
                return (a < goal) & (beyond - a > finest)

            def advance(state):
                z, a, flattest, beyond = state
                next = jnp.where(
                    beyond < jnp.inf, 0.5 * (a + beyond), jnp.minimum(a + stride, goal)
                )
                next = jnp.where(goal - next < finest, goal, next)
                new, residue, curvature, _ = newton(f, z, next * c)
                good = (residue <= tolerance) & (curvature > 0)
                good &= jnp.linalg.norm(new - z) <= reach
                found, lost = (new, next, curvature, beyond), (z, a, flattest, next)
                return tuple(jnp.where(good, x, y) for x, y in zip(found, lost, strict=True))

            state = jax.lax.while_loop(unfinished, advance, state)
            return state, jnp.where(state[1] < goal, jnp.nan, state[0])

        first = z, amplitudes[0], curvature, jnp.inf
        (z, a, flattest, _), path = jax.lax.scan(step, first, amplitudes[1:])
        return path, z, a, flattest

    return jax.vmap(one, out_axes=(1, 0, 0, 0))(minima, curvatures)
