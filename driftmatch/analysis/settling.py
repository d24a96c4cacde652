"""Where noise-free trajectories end, from however far away they start."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE, AbstractWrapper
from driftmatch.compilation import compiled
from driftmatch.flows import sampled
from driftmatch.sampling.whitening import Whitening

SETTLING = 200  # time scales before a stretch is looked at
STRETCH = 200  # time scales looked at, one sample each
FAR_AWAY = 1e9  # standard deviations at which a trajectory counts as diverged
_BATCH = 128
_MAX_STEPS = 20 * (SETTLING + STRETCH)
_LONGEST_STEP = 0.5  # time scales
_STEP_TOLERANCE = 1e-3  # of error a step, in standard deviations of the target


class Klimontovich(AbstractWrapper):
    """An SDE whose drift is the anti-Itô one of Hänggi and Klimontovich:  f − ∇·D.

    Without its noise an Itô drift leaves the circles on which the noise would have kept a state;
    this one stays on them, and depends on D alone and not on its root σ.
    """

    sde: AbstractSDE

    def drift(self, z):
        def D(y):
            sigma = self.sde.diffusion(y)
            return 0.5 * sigma @ sigma.T

        return self.sde.drift(z) - jnp.einsum("ijj->i", jax.jacfwd(D)(z))


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

    Far away a network may be stiff, so that each trajectory has steps of its own. They are never
    long, or else their damping would turn a weakly unstable spiral into a stable one. Time is
    counted in time scales.
    """
    inverse = jnp.linalg.inv(factor)
    return sampled(
        lambda z: time_scale * (inverse @ sde.drift(mean + factor @ z)),
        starts,
        skipped=SETTLING,
        number=STRETCH,
        tolerance=_STEP_TOLERANCE,
        scale=lambda z: 1 + jnp.abs(z),
        longest=_LONGEST_STEP,
        farthest=FAR_AWAY,
        most_steps=_MAX_STEPS,
    )
