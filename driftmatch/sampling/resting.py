"""What comes to rest without noise: the points of rest, and the ways there from all around."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.evaluate import at_states, drifts, slopes
from driftmatch.meters import AbstractMeter
from driftmatch.sampling.bounds import natural_bounds
from driftmatch.sampling.stationarity import are_resting
from driftmatch.sampling.windows import Paths, Window

_ROUNDS = 5
_WINDOWS = 14
_WIDER = 1.2  # growth of what is reached that calls for another round
_LOST = 100.0  # widths away: a path that has left
_ROWS = 64
_BESIDE = 0.75  # widths from the middle
_STILL_AWAY = 0.5  # of the paths, while their ways are worth keeping
_ARRIVED = 1e-2  # widths from where a path ends: nearer it tells nothing new


def ways_to_rest(
    sde: AbstractSDE,
    paths: Paths,
    windows: Sequence[Window],
    origins: Float[np.ndarray, "M k"],
    reach: Float[np.ndarray, " k"],
    rng: np.random.Generator,
    meter: AbstractMeter,
) -> tuple[Float[np.ndarray, "M T k"], float, float]:
    """Runs from around to rest, their spacing, and the smallest step.

    Paths set out from normal numbers about where the last ones ended, as wide as all that has been
    reached; those that leave it a hundredfold are taken back. If that finds points of rest further
    away, again, wider.
    """
    seen = np.concatenate([w.runs.reshape(-1, sde.dim) for w in windows])
    seen = np.concatenate([seen, paths.states, origins])
    width = np.maximum(np.ptp(seen, axis=0), reach)
    if not np.any(width > 1e-12 * np.abs(seen).max(axis=0)):
        width = _length(sde, seen[-1])
    width = np.minimum(np.where(width > 0, width, width.max()), paths.period)
    ends, dt = paths.states, windows[0].least
    dt = dt if np.isfinite(dt) else paths.dt
    runs, spacing, least = windows[-1].runs, windows[-1].spacing, dt
    for round in range(_ROUNDS):
        meter.advance(0, f"points of rest, round {round + 1}")
        starts = ends + width * rng.standard_normal(ends.shape)
        starts = _allowed(sde, starts, ends)
        found = _followed(sde, paths, starts, ends, width, 1e-3 * dt)
        runs, spacing, least, ends = found
        # Along an angle, named or not, there is nothing new beyond a turn.
        wider = np.minimum(np.ptp(np.concatenate([ends, seen]), axis=0), paths.period)
        if not np.any(wider > _WIDER * width):
            break
        width = np.maximum(width, wider)
    # What is kept starts from a box around the points of rest and the way that led to the first.
    known = np.concatenate([ends, seen])
    low, high = known.min(axis=0), known.max(axis=0)
    wide = np.where(high - low > _ARRIVED * width, high - low, width)
    middle = (low + high) / 2
    starts = middle + _BESIDE * wide * rng.uniform(-1, 1, ends.shape)
    starts = _allowed(sde, starts, ends)
    runs, spacing, least, _ = _followed(sde, paths, starts, ends, width, 1e-3 * dt)
    return runs, spacing, least


def _followed(sde, paths: Paths, starts, refuge, width, dt: float):
    """Samples of the ways from the starts, window after window until all rest."""
    paths.move(starts, dt)
    parts, spacing, least = [starts[:, None]], 8 * dt, np.inf
    for _ in range(_WINDOWS):
        before = paths.states
        window = paths.record(spacing, _ROWS, most_steps=20_000)
        ends = paths.states
        lost = ~np.isfinite(ends).all(axis=1)
        lost |= np.any(np.abs(np.nan_to_num(ends) - refuge) > _LOST * width, axis=1)
        if lost.any() or not window.is_finite:
            home = rng_pick(refuge, lost)
            parts = [np.where(lost[:, None, None], home[:, None], part) for part in parts]
            paths.move(np.where(lost[:, None], home, before), paths.dt if lost.any() else dt)
            if not lost.any():
                break
            continue
        if window.runs.shape[1]:
            parts.append(window.runs)
        least = min(least, window.least)
        if window.is_complete and are_resting(window.runs, width).all():
            break
        paths.forget(np.concatenate([window.runs, starts[:, None]], axis=1))
        spacing *= 2
    least = least if np.isfinite(least) else paths.dt
    runs = np.concatenate(parts, axis=1)
    away = np.any(np.abs(runs - paths.states[:, None]) > _ARRIVED * width, axis=2)
    kept = max(2, int((away.mean(axis=0) > _STILL_AWAY).sum()))
    runs = np.concatenate([runs[:, :kept], paths.states[:, None]], axis=1)
    return runs, spacing, least, paths.states


def rng_pick(refuge: Float[np.ndarray, "M k"], lost: np.ndarray) -> Float[np.ndarray, "M k"]:
    """For every path a state of rest to go back to."""
    return np.roll(refuge, 1, axis=0) if lost.any() else refuge


def _allowed(sde, starts, ends):
    """The starts, but where they end instead of those beyond a bound or where it is undefined."""
    low, high = natural_bounds(sde, np.concatenate([starts, ends]))
    inside = np.all((starts >= low) & (starts <= high), axis=1)
    inside &= np.isfinite(drifts(sde, starts)).all(axis=1)
    return np.where(inside[:, None], starts, ends)


def _length(sde: AbstractSDE, state: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """How far from a point of rest its surroundings are linear, |∂f/∂z| / |∂²f/∂z²|, coordinate by
    coordinate; of what is linear everywhere, the size of its numbers, for any length will do."""
    at = state[None]
    steepest = np.abs(slopes(sde, at)[0]).max(axis=0)
    bends = np.abs(at_states(_bends, sde, at, numbers=sde.dim**3)[0]).max(axis=(0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        length = steepest / bends
    fallback = np.where(state != 0, np.abs(state), 1.0)
    return np.where(np.isfinite(length) & (length > 0), length, fallback)


def _bends(sde, z):
    return jnp.asarray(jax.jacfwd(jax.jacfwd(sde.drift))(z))
