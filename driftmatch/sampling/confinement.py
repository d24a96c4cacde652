"""Why trajectories are not stationary, where the reason is the SDE itself."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from driftmatch.evaluate import drifts, noise_amplitudes
from driftmatch.sampling.angles import Periods
from driftmatch.sampling.windows import Window
from driftmatch.sde import AbstractSDE

_PROBES = 64
_INDEPENDENT = 1e-9  # of a function's size: by which it may change along a coordinate
_FASTER = 100.0  # growth of the range from a window to one of twice the length: exponential
_STEADY = 1.3  # and that of what wanders or drifts off
_WINDOWS = 4  # so often in a row
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
        if all(_is_shifted(sde, probes, axis, part * width) for part in (-0.37, 0.61, 1.3)):
            found.append(axis)
    return tuple(sorted(found))


def growth_reason(
    sde: AbstractSDE,
    windows: Sequence[Window],
    last: Window,
    *,
    at_the_end: bool = False,
) -> str | None:
    """Why trajectories do not stay, or None if they may; `last` may have ended in infinities.

    Unless `at_the_end` only growth and decay by large factors, window after window, count.
    """
    ranges = [w.range for w in windows if w.is_complete]
    if last.is_complete and last.is_finite:
        ranges.append(last.range)
    if len(ranges) < 3:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.array(ranges[1:]) / np.array(ranges[:-1])
    if not last.is_finite or np.any(ratios[-2:].min(axis=0) > _FASTER):
        if last.is_finite or np.any(ratios[-1] > _STEADY):
            return _leaves(sde, int(np.argmax(np.nan_to_num(ratios[-1]))), "grows without bound")
        return None
    if np.all(ratios[-2:].max(axis=0) < 1 / _FASTER) and sde.noise_dim:
        end = ", ".join(f"{x:.3g}" for x in np.median(last.runs[:, -1], axis=0))
        return (
            f"{sde.name} is absorbed at ({end}), where its noise vanishes: in the long run there is "
            "nothing but this point; start it elsewhere, or give it noise that does not vanish"
        )
    recent = ratios[-_WINDOWS:]
    if at_the_end and len(recent) >= 3 and np.any(recent.min(axis=0) > _STEADY):
        axis = int(np.argmax(recent.min(axis=0)))
        if (period := _repeats(sde, last.runs, axis)) is not None:
            return (
                f"coordinate {axis} of {sde.name} goes on for ever, but everything repeats every "
                f"{period:.6g} along it: it is an angle; say so by periodic= and its period"
            )
        return _leaves(sde, axis, "spreads or drifts on without bound")
    return None


def _leaves(sde, axis: int, how: str) -> str:
    return (
        f"coordinate {axis} of {sde.name} {how}: it has no stationary density; confine it, or match "
        "it on given states (states=) or in a box (box=)"
    )


def _repeats(sde, runs, axis: int) -> float | None:
    flat = runs.reshape(-1, sde.dim)
    probes = flat[np.linspace(0, len(flat) - 1, _PROBES).astype(int)]
    return next((p for p in _PERIODS if _is_shifted(sde, probes, axis, p, 1e-6)), None)


def _is_shifted(sde, probes, axis: int, by: float, tolerance: float = _INDEPENDENT) -> bool:
    """Whether drift and noise are the same at the probes moved along a coordinate."""
    moved = probes.copy()
    moved[:, axis] += by
    for function in (drifts, noise_amplitudes):
        here, there = function(sde, probes), function(sde, moved)
        size = np.abs(here).max(axis=0)
        if not np.all(np.abs(there - here) <= tolerance * size):
            return False
    return True
