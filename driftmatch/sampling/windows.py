"""An SDE's ensemble, driven from the host: window after window of samples."""

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.sampling.angles import periods_of
from driftmatch.sampling.bounds import named_bounds
from driftmatch.sampling.ensemble import PATIENCE, ROWS, Ensemble, advance
from driftmatch.simulation.mixed import as_run, is_wide
from driftmatch.simulation.scatter import drift_time, is_noise_free

M = 64  # paths
_MOST = 0.025, 0.975
_FIRST_STEP = 1e-30  # of whatever unit of time: too small for any


@dataclass(frozen=True)
class Window:
    """Some samples of all paths.

    - `runs`: shape (M, T, k), `spacing` apart. - `least`: the smallest step taken.
    - `limited`: how many steps the error held back. - `steps`: tried in all.
    - `is_finite`: False if even the smallest steps led to what is not finite; `is_complete`.
    """

    runs: Float[np.ndarray, "M T k"]
    spacing: float
    least: float
    limited: int
    steps: int
    is_finite: bool
    is_complete: bool

    @property
    def moved(self) -> Float[np.ndarray, " k"]:
        """How far the path went that went furthest, in each coordinate."""
        return np.ptp(self.runs, axis=1).max(axis=0)

    @property
    def range(self) -> Float[np.ndarray, " k"]:
        return np.ptp(self.runs, axis=(0, 1))


class Paths:
    """64 paths of an SDE, in double precision; a network's neurons in that which JAX is set to.

    `period`: of every coordinate, infinite for what is no angle.
    """

    def __init__(self, sde: AbstractSDE, key: PRNGKeyArray, starts: Float[np.ndarray, "M k"]):
        self.sde, self.key = as_run(sde, wide=is_wide(sde, M))[0], key
        self.period = np.array([p or np.inf for p in periods_of(sde)])
        # Noise may overstep a bound, where it vanishes, by what little a step of it is.
        self.bounds = named_bounds(sde) if is_noise_free(sde) else np.array([[-np.inf], [np.inf]])
        self.bounds = np.broadcast_to(self.bounds, (2, sde.dim))
        self.taken = 0
        # In the unit of time that the drift has at the start, if any: then units change nothing.
        self._begin(starts, _FIRST_STEP * (drift_time(sde, starts) or 1.0))

    def _begin(self, states, dt: float) -> None:
        with jax.enable_x64(True):
            z = _put(np.asarray(states, np.float64))
            self._now = Ensemble(
                z,
                _put(np.zeros(z.shape)),
                _put(dt),
                _put(np.min(states, axis=0)),
                _put(np.max(states, axis=0)),
                _put(self.taken, np.int32),
            )

    @property
    def states(self) -> Float[np.ndarray, "M k"]:
        return np.asarray(self._now.states, np.float64)

    @property
    def dt(self) -> float:
        return float(self._now.dt)

    @property
    def spanned(self) -> Float[np.ndarray, " k"]:
        return np.asarray(self._now.high, np.float64) - np.asarray(self._now.low, np.float64)

    def move(self, states: Float[np.ndarray, "M k"], dt: float | None = None) -> None:
        """Go on from other states."""
        low, high = self._now.low, self._now.high
        self._begin(states, self.dt if dt is None else dt)
        self._now = self._now._replace(low=low, high=high)

    def forget(self, runs: Float[np.ndarray, "M T k"]) -> None:
        """Take for spanned what a path of these samples does, on the average: of paths
        that rest, each in its place, little. Where they spike, the geometric mean of all that is
        spanned and of what is but for a twentieth of the time: between spikes errors must be small.
        """
        low, high = np.quantile(runs, _MOST, axis=1)
        width = np.sqrt((high - low).mean(axis=0) * np.ptp(runs, axis=1).mean(axis=0))
        with jax.enable_x64(True):
            self._now = self._now._replace(low=_put(0 * width), high=_put(width))

    def record(
        self,
        spacing: float,
        rows: int = ROWS,
        *,
        most_steps: int = 2**30,
        step: float | None = None,
    ) -> Window:
        """The next window; with `step` in steps of that size."""
        parts, steps, limited, least, is_finite = [], 0, 0, np.inf, True
        with jax.enable_x64(True):
            if step is not None:
                self._now = self._now._replace(dt=_put(step))
            got = 0
            while got < rows and is_finite and steps < most_steps:
                self._now, stretch = advance(
                    self.sde,
                    self._now,
                    self.key,
                    _put(spacing),
                    _put(min(ROWS, rows - got), np.int32),
                    _put(most_steps - steps, np.int32),
                    _put(step is not None, bool),
                    _put(spacing == np.inf, bool),
                    _put(self.period),
                    _put(self.bounds),
                )
                new = int(stretch.rows)
                parts.append(np.asarray(stretch.samples, np.float64)[:new])
                got += new
                steps += int(self._now.steps) - self.taken
                self.taken = int(self._now.steps)
                limited += int(stretch.limited)
                least = min(least, float(stretch.least))
                is_finite = int(stretch.failed) <= (PATIENCE if step is None else 0)
        runs = np.concatenate(parts).swapaxes(0, 1)
        if not np.isfinite(runs).all():
            is_finite = False
        return Window(runs, spacing, least, limited, steps, is_finite, got == rows)


def _put(value, dtype: type = np.float64):
    """On the device, without the program that ``jnp.asarray`` compiles to convert it."""
    return jax.device_put(np.asarray(value, dtype))
