"""Where an SDE that is steered by an input lives, for all inputs of a range together.

It is sampled at a few inputs. Then many paths, each at an input of its own, set out from what was
visited there: they fill in what lies between, and the ways from one input's states to another's.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.errors import ComputationError
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import InputRange
from driftmatch.randomness import generator
from driftmatch.sampling.angles import wrapped
from driftmatch.sampling.sample import sample
from driftmatch.sampling.samples import Samples
from driftmatch.simulation.simulate import simulate

_PATHS, _ROWS = 1024, 200
_TIMES = 40  # time scales of every path
_HELD_OUT = 1 / 8  # of the paths, at inputs that are not learnt from
_SHARE = 100_000  # of states that one sampled input has at most


class InputsAsCoordinates(AbstractSDE):
    """A family of SDEs as one, of states (z, u):  dz = f(z, u) dt + σ(z, u) dB,  du = 0."""

    sde: AbstractSDE
    inputs: InputRange = eqx.field(static=True)

    @property
    def dim(self):
        return self.sde.dim + self.sde.input_dim

    @property
    def noise_dim(self):
        return self.sde.noise_dim

    def drift(self, z):
        f = self._at(z).drift(z[: self.sde.dim])
        return jnp.concatenate([f, jnp.zeros(self.sde.input_dim, f.dtype)])

    def diffusion(self, z):
        sigma = self._at(z).diffusion(z[: self.sde.dim])
        still = jnp.zeros((self.sde.input_dim, sigma.shape[1]), sigma.dtype)
        return jnp.concatenate([sigma, still])

    def _at(self, z):
        return self.sde.at(z[self.sde.dim :])

    @property
    def starts(self):
        starts = self.sde.starts
        if starts is None:
            return None
        return np.hstack([starts, np.tile(self.inputs.centre, (len(starts), 1))])

    @property
    def time_scale(self):
        return self.sde.time_scale

    @property
    def periodic(self):
        periods = self.sde.periodic
        return None if periods is None else (*periods, *(None,) * self.sde.input_dim)

    @property
    def coordinates(self):
        names, p = self.sde.coordinates, self.sde.input_dim
        if names is None:
            return None
        own = self.inputs.names or (("u",) if p == 1 else tuple(f"u_{i + 1}" for i in range(p)))
        return (*names, *own)

    @property
    def units(self):
        if self.sde.units is None:
            return None
        return (*self.sde.units, *(self.inputs.units or ("",) * self.sde.input_dim))

    @property
    def name(self):
        return self.sde.name

    @property
    def has_constant_diffusion(self):
        return self.sde.has_constant_diffusion


class Family(NamedTuple):
    """What `sample_family` found.

    - `sde`: of states (z, u). - `inputs`: shape (Q, p), and what was sampled there, `samples`.
    - `visited`: states (z, u) to learn from; `held_out`: others, at inputs of their own.
    - `time_scale`: the shortest of all; `bounds`: what no state crosses, shape (2, k + p).
    """

    sde: InputsAsCoordinates
    inputs: Float[np.ndarray, "Q p"]
    samples: list[Samples]
    visited: Float[np.ndarray, "N d"]
    held_out: Float[np.ndarray, "N d"]
    time_scale: float
    bounds: Float[np.ndarray, "2 d"]


def sample_family(
    sde: AbstractSDE, inputs: InputRange, key: PRNGKeyArray, meter: AbstractMeter = SILENT
) -> Family:
    """Sample an SDE at the landmarks of a range, and on paths at inputs all over it.

    Raises `ComputationError` if it does not stay anywhere at one of the landmarks.
    """
    key_samples, key_paths, key_draws = jax.random.split(key, 3)
    rng = generator(key_draws)
    landmarks, samples = inputs.landmarks(), []
    for u in landmarks:
        try:
            samples.append(sample(sde.at(u), key=key_samples, meter=meter).require_place())
        except ComputationError as error:
            raise ComputationError(f"at the input {u.tolist()}: {error}") from error
    joint = InputsAsCoordinates(sde, inputs)
    time_scale = min(s.time_scale for s in samples)
    which = rng.integers(len(samples), size=_PATHS)
    begins = np.concatenate([samples[i].pick(1, rng) for i in which])
    dt = min(s.step for s in samples)
    steps = int(np.ceil(_TIMES * time_scale / _ROWS / dt))
    run = simulate(
        joint, duration=_ROWS * steps * dt, dt=dt, save_every=steps, key=key_paths,
        start=np.hstack([begins, inputs.spread(_PATHS, rng)]), num_trajectories=_PATHS, meter=meter,
    )  # fmt: skip
    paths = wrapped(np.asarray(run.states, float), joint.periodic or (None,) * joint.dim)
    last = int(_HELD_OUT * _PATHS)
    visited = [paths[last:].reshape(-1, joint.dim)]
    for u, one in zip(landmarks, samples, strict=True):
        states = one.halves(rng)[0][:_SHARE]
        visited.append(np.hstack([states, np.tile(u, (len(states), 1))]))
    lower, upper = (np.stack([s.bounds[i] for s in samples]) for i in (0, 1))
    free = np.full(sde.input_dim, np.inf)
    return Family(
        joint,
        landmarks,
        samples,
        rng.permutation(np.concatenate(visited)),
        rng.permutation(paths[:last].reshape(-1, joint.dim)),
        time_scale,
        np.stack([np.append(lower.min(axis=0), -free), np.append(upper.max(axis=0), free)]),
    )
