"""An SDE's ensemble, driven from the host: window after window of samples."""

import contextlib
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.network import LatentSDE, NeuralSDE
from driftmatch.sampling.ensemble import ROWS, Ensemble, advance
from driftmatch.sde import AbstractSDE

M = 64  # paths
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
    def range(self) -> Float[np.ndarray, " k"]:
        return np.ptp(self.runs, axis=(0, 1))


class Paths:
    """64 paths of an SDE. Double precision where drifts are cheap; networks in that of JAX."""

    def __init__(self, sde: AbstractSDE, key: PRNGKeyArray, starts: Float[np.ndarray, "M k"]):
        self.sde, self.key = sde, key
        self.is_double = not isinstance(sde, (LatentSDE, NeuralSDE))
        self.taken = 0
        self._begin(starts, _FIRST_STEP)

    def _begin(self, states, dt: float) -> None:
        with self._precision():
            z = jnp.asarray(np.asarray(states, np.float64), float)
            self._now = Ensemble(
                z,
                jnp.zeros_like(z),
                jnp.asarray(dt, float),
                jnp.asarray(np.min(states, axis=0), float),
                jnp.asarray(np.max(states, axis=0), float),
                jnp.asarray(self.taken, jnp.int32),
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
        self._begin(states, self.dt if dt is None else dt)

    def forget(self, runs: Float[np.ndarray, "M T k"]) -> None:
        """Take for what has been spanned these samples alone."""
        with self._precision():
            low, high = (jnp.asarray(f(runs, axis=(0, 1)), float) for f in (np.min, np.max))
            self._now = self._now._replace(low=low, high=high)

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
        with self._precision():
            if step is not None:
                self._now = self._now._replace(dt=jnp.asarray(step, float))
            got = 0
            while got < rows and is_finite and steps < most_steps:
                self._now, stretch = advance(
                    self.sde,
                    self._now,
                    self.key,
                    jnp.asarray(spacing, float),
                    jnp.asarray(min(ROWS, rows - got), jnp.int32),
                    jnp.asarray(most_steps - steps, jnp.int32),
                    jnp.asarray(step is not None),
                )
                new = int(stretch.rows)
                parts.append(np.asarray(stretch.samples, np.float64)[:new])
                got += new
                steps += int(self._now.steps) - self.taken
                self.taken = int(self._now.steps)
                limited += int(stretch.limited)
                least = min(least, float(stretch.least))
                is_finite = int(stretch.failed) == 0 or (step is None and int(stretch.failed) <= 400)
        runs = np.concatenate(parts).swapaxes(0, 1)
        if not np.isfinite(runs).all():
            is_finite = False
        return Window(runs, spacing, least, limited, steps, is_finite, got == rows)

    def _precision(self):
        return jax.enable_x64(True) if self.is_double else contextlib.nullcontext()
