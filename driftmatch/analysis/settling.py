"""Where noise-free trajectories end, from however far away they start."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch.compilation import compiled
from driftmatch.sampling.whitening import Whitening
from driftmatch.sde import AbstractSDE

SETTLING = 200  # time scales before a stretch is looked at
STRETCH = 200  # time scales looked at, one sample each
FAR_AWAY = 1e9  # standard deviations at which a trajectory counts as diverged
_BATCH = 128
_MAX_STEPS = 20 * (SETTLING + STRETCH)
_LONGEST_STEP = 0.5  # time scales
_STEP_TOLERANCE = 1e-3  # of error a step, in standard deviations of the target
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERRORS = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


@dataclass(frozen=True)
class NoiseFreeFlow:
    """The drift of an SDE as a flow in whitened coordinates, in its own unit of time.

    - `sde`: only its drift is used. - `whitening`: the coordinates.
    - `time_scale`: the unit of time.
    """

    sde: AbstractSDE
    whitening: Whitening
    time_scale: float

    def stretches(self, starts: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "N P k"]:
        """200 samples, one a time scale, of every trajectory after 200 time scales of settling.

        NaN where a trajectory diverges, or is so stiff that it needs over 20 steps a time scale.
        """
        N = len(starts)
        padded = np.resize(starts, (-(-N // _BATCH) * _BATCH, starts.shape[1]))
        runs = [
            _settle(
                self.sde,
                self.whitening.mean,
                self.whitening.factor,
                jnp.asarray(batch, dtype=float),
                jnp.asarray(self.time_scale, dtype=float),
            )
            for batch in padded.reshape(-1, _BATCH, starts.shape[1])
        ]
        stretches = np.concatenate([np.asarray(run) for run in runs])[:N]
        return np.where(np.isfinite(stretches).all(axis=(1, 2), keepdims=True), stretches, np.nan)


@compiled
def _settle(sde, mean, factor, starts, time_scale):
    """The stretches of a batch, shape (N, P, k); NaN where one cannot go on.

    Steps are Dormand and Prince's of order 5(4), each trajectory with its own size, since far away
    a network may be stiff. They are never long, or else their damping would turn a weakly unstable
    spiral into a stable one. Time is counted in time scales.
    """
    end = SETTLING + STRETCH
    inverse = jnp.linalg.inv(factor)
    field = jax.vmap(lambda z: time_scale * (inverse @ sde.drift(mean + factor @ z)))

    def unfinished(carry):
        (_, _, t, _), _, steps = carry
        return jnp.any(t < end) & (steps < _MAX_STEPS)

    def step(carry):
        (z, f, t, h), samples, steps = carry
        new, new_f, error = _dormand_prince(field, z, f, h[:, None])
        size = jnp.max(jnp.abs(error) / (1 + jnp.abs(z)), axis=1) / _STEP_TOLERANCE
        accepted = size <= 1  # never if NaN
        # At most one whole number, where a sample is due, lies in a step.
        due = jnp.floor(t + h)
        row = jnp.where(accepted & (due > t), due - SETTLING - 1, STRETCH)
        row = jnp.where((row < 0) | (row > STRETCH), STRETCH, row).astype(int)
        value = _hermite(z, f, new, new_f, h[:, None], ((due - t) / h)[:, None])
        samples = samples.at[jnp.arange(len(z)), row].set(value)
        z, f = (jnp.where(accepted[:, None], *pair) for pair in ((new, z), (new_f, f)))
        t = jnp.where(accepted, t + h, t)
        growth = jnp.where(jnp.isfinite(size), 0.9 * jnp.maximum(size, 1e-9) ** (-1 / 5), 0.2)
        h = jnp.minimum(h * jnp.clip(growth, 0.2, 5.0), _LONGEST_STEP)
        stuck = (t + h <= t) | (jnp.max(jnp.abs(z), axis=1) > FAR_AWAY)
        t = jnp.where(stuck, end, t)
        return (z, f, t, h), samples, steps + 1

    N, k = starts.shape
    start = (starts, field(starts), jnp.zeros(N), jnp.full(N, 1e-3))
    samples = jnp.full((N, STRETCH + 1, k), jnp.nan)  # the last row takes what is not due
    return jax.lax.while_loop(unfinished, step, (start, samples, 0))[1][:, :STRETCH]


def _dormand_prince(field, z, f, h):
    """The next states, the field there, and the estimated errors."""
    slopes = [f]
    for row in _STAGES:
        new = z + h * sum(a * slope for a, slope in zip(row, slopes, strict=True))
        slopes.append(field(new))
    return new, slopes[-1], h * sum(e * slope for e, slope in zip(_ERRORS, slopes, strict=True))


def _hermite(z, f, new, new_f, h, u):
    """The cubic through both ends of a step with the field's slopes, at the fraction u of it."""
    slope = new - z
    return z + u * slope + u * (1 - u) * ((1 - u) * (h * f - slope) - u * (h * new_f - slope))
