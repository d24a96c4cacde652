"""Why trajectories are not stationary, where the reason is the SDE itself."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.evaluate import drifts, noise_amplitudes
from driftmatch.randomness import generator
from driftmatch.sampling.angles import Periods, periods_of
from driftmatch.sampling.windows import Window

_PROBES = 64
_INDEPENDENT = 1e-9  # of a function's size: by which it may change along a coordinate
_SHIFTS = (-0.37, 0.61, *10.0 ** np.arange(1, 31, 3))  # widths: rounding hides small ones
_FASTER = 100.0  # growth of the range from a window to one of twice the length: exponential
ANY_SCALE = 1e50  # times the first range: next to a point of rest growth is exponential too
_STEADY = 1.3  # and that of what wanders or drifts off
_WINDOWS = 4  # so often in a row
_TURNS = 20  # of an angle: no libration
_PERIODS = (2 * np.pi, 1.0, np.pi, 360.0, 180.0)


def free_axes(
    sde: AbstractSDE,
    runs: Float[np.ndarray, "M T k"],
    known: tuple[int, ...],
    periods: Periods,
) -> tuple[int, ...]:
    """The coordinates, no angles, on which neither drift nor noise depends, though they move."""
    flat = runs.reshape(-1, sde.dim)
    probes = flat[np.linspace(0, len(flat) - 1, _PROBES).astype(int)]
    found = list(known)
    for axis in range(sde.dim):
        width = np.ptp(flat[:, axis])
        if axis in known or periods[axis] is not None or width == 0:
            continue
        if all(_is_shifted(sde, probes, axis, part * width) for part in _SHIFTS):
            found.append(axis)
    return tuple(sorted(found))


def dependent_axes(sde: AbstractSDE, starts: Float[np.ndarray, "M k"]) -> list[int]:
    """The coordinates along which drift or noise are not the same everywhere, seen from starts."""
    sizes = 10.0 ** np.arange(-12, 13, 3)
    return [
        axis
        for axis in range(sde.dim)
        if not all(_is_shifted(sde, starts, axis, by) for by in (*sizes, *-sizes))
    ]


def turning_axes(
    sde: AbstractSDE, starts: Float[np.ndarray, "M k"], periods: Periods
) -> dict[int, float]:
    """Coordinates not named as angles along which everything repeats, with the period."""
    found = {}
    rng = generator()
    for axis in (a for a, known in enumerate(periods) if known is None):
        for period in _PERIODS:
            states = starts.copy()
            states[:, axis] += period * rng.uniform(-1, 1, len(starts))
            if _is_shifted(sde, states, axis, period):
                if not _is_shifted(sde, states, axis, 0.37 * period):
                    found[axis] = period
                break
    return found


def absorbed_reason(sde: AbstractSDE, windows: Sequence[Window]) -> str | None:
    """Whether noise has vanished, or, window after window, it and the range by large factors."""
    if len(windows) < 3:
        return None
    ranges = np.array([w.range for w in windows[-3:]])
    ends = [windows[-3].runs[:, -1], windows[-1].runs[:, -1]]
    before, now = (np.abs(noise_amplitudes(sde, states)).max() for states in ends)
    shrinks = np.all(ranges[1:] * _FASTER <= ranges[:-1]) and now**2 * _FASTER <= before**2
    if now > 0 and not shrinks:
        return None
    end = ", ".join(f"{x:.3g}" for x in np.median(windows[-1].runs[:, -1], axis=0))
    return (
        f"{sde.name} is absorbed at ({end}), where its noise vanishes: in the long run there is "
        "nothing but this point; start it elsewhere, or give it noise that does not vanish"
    )


def explosion_reason(
    sde: AbstractSDE, windows: Sequence[Window], states: Float[np.ndarray, "M k"]
) -> str | None:
    """Whether, window after window, the range grows by large factors, beyond any scale."""
    if len(windows) < 3:
        return None
    ranges = np.array([w.range for w in windows[-3:]])
    grown = np.all(ranges[1:] > _FASTER * ranges[:-1], axis=0) & (ranges[0] > 0)
    first = np.maximum(windows[0].range, np.finfo(float).tiny)
    grown &= np.abs(states).max(axis=0) > ANY_SCALE * first
    return (
        leaving_reason(sde, int(np.argmax(grown)), "grows without bound") if grown.any() else None
    )


def growth_reason(
    sde: AbstractSDE,
    windows: Sequence[Window],
    period: Float[np.ndarray, " k"],
    *,
    at_the_end: bool = False,
) -> str | None:
    """Why trajectories do not stay, or None if they may.

    Unless `at_the_end` only many turns of an angle that nobody named count.
    """
    if len(windows) < 3:
        return None
    ranges = np.array([w.range for w in windows])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.nan_to_num(ranges[1:] / ranges[:-1], posinf=0.0)
    turns = ranges[-1] / np.where(np.isfinite(period), period, np.inf)
    named = [p is not None for p in periods_of(sde)]
    turns[named] = 0.0
    axis = int(np.argmax(turns))
    if turns[axis] > _TURNS and ratios[-1, axis] > _STEADY:
        return (
            f"coordinate {axis} of {sde.name} goes on for ever, but everything repeats every "
            f"{period[axis]:.6g} along it: it is an angle; say so by periodic= and its period"
        )
    recent = ratios[-_WINDOWS:]
    axis = int(np.argmax(recent.min(axis=0)))
    if at_the_end and len(recent) == _WINDOWS and recent[:, axis].min() > _STEADY:
        return leaving_reason(sde, axis, "spreads or drifts on without bound")
    return None


def leaving_reason(sde, axis: int, how: str) -> str:
    return (
        f"coordinate {axis} of {sde.name} {how}: it has no stationary density; confine it, or "
        "match it on given states (states=) or in a box (box=)"
    )


def _is_shifted(sde, probes, axis: int, by: float) -> bool:
    """Whether drift and noise are the same at the probes moved along a coordinate."""
    moved = probes.copy()
    moved[:, axis] += by
    for function in (drifts, noise_amplitudes):
        here, there = function(sde, probes), function(sde, moved)
        size = np.abs(here).max(axis=0)
        with np.errstate(invalid="ignore"):  # what overflows on both sides is not the same
            alike = np.abs(there - here) <= _INDEPENDENT * size
        if not np.all(alike):
            return False
    return True
