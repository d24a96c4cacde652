"""The run that an analysis rests on: on the attractor, and of a length that fits the system."""

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.randomness import generator
from driftmatch.sampling.samples import Samples
from driftmatch.simulation.refine import refined
from driftmatch.simulation.scatter import scattered
from driftmatch.simulation.simulate import simulate
from driftmatch.simulation.trajectory import NetworkTrajectory, Run

TIMES = 200  # time scales of a trajectory
_TRAJECTORIES = 8
_SAMPLES = 25  # kept in a time scale
_STORED = 2**24  # numbers that a run in neurons may keep
_APART = 0.01  # standard deviations
_FEW = 500  # samples that show a subspace without noise
_MANY = 3  # samples for each neuron where private noise fills all of them


def recording(
    system: AbstractSDE,
    samples: Samples,
    duration: float,
    dt: float | None,
    key: PRNGKeyArray,
) -> Run:
    """Eight trajectories in float64, from states on the attractor.

    Unless the step is given it is refined if the run does not stay finite. A network's with private
    noise is as short as memory for all its neurons demands.
    """
    if isinstance(system, Network) and not system.stays_on_subspace:
        most = _STORED / (_TRAJECTORIES * system.num_neurons * _SAMPLES)
        duration = min(duration, max(most, 10) * samples.time_scale)
    time_scale, starts = samples.time_scale, samples.starts

    def attempt(refinement: int):
        step = dt or _gentle(system, samples.step) / refinement
        with jax.enable_x64(True):
            run = simulate(
                system,
                duration=duration,
                dt=step,
                key=key,
                num_trajectories=_TRAJECTORIES,
                start=starts[np.arange(_TRAJECTORIES) % len(starts)],
                save_every=max(1, min(round(time_scale / _SAMPLES / step), int(duration / step))),
                throw=False,
            )
        if run.outcome is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
        return run, run.outcome.ok

    return refined(attempt, is_given=dt is not None)


def chosen_states(
    sde: AbstractSDE, states: Float[np.ndarray, "M T k"], number: int, key: PRNGKeyArray
) -> Float[np.ndarray, "number k"]:
    """States of a run by chance, a little apart: without noise they would follow each other."""
    rng = generator(key)
    rows = states[:, states.shape[1] // 4 :].reshape(-1, states.shape[-1])
    chosen = rows[rng.integers(len(rows), size=number)]
    return scattered(sde, chosen, _APART * rows.std(axis=0), rng)


def thinned(run: NetworkTrajectory) -> NetworkTrajectory:
    """As few samples of a network's run as show its subspace."""
    network = run.network
    noisy = not network.stays_on_subspace
    wanted = max(_FEW, _MANY * network.num_neurons) if noisy else _FEW
    every = max(1, run.latent.shape[0] * run.latent.shape[1] // wanted)
    stored = run.stored_neurons
    return NetworkTrajectory(
        run.times[::every],
        run.latent[:, ::every],
        run.outcome,
        network,
        run.dt,
        stored_neurons=None if stored is None else stored[:, ::every],
    )


def _gentle(system: AbstractSDE, dt: float) -> float:
    """A step that the leak of a fast network can be followed with."""
    return min(dt, system.tau / 10) if isinstance(system, Network) else dt
