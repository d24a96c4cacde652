"""What a Lyapunov spectrum is measured by: checked numbers, starting states and tangents."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import (
    check_array,
    check_count,
    check_flag,
    check_key,
    check_non_negative,
    check_positive,
)
from driftmatch.errors import ComputationError, InputError
from driftmatch.network import NeuralSDE, network_of
from driftmatch.randomness import generator, split
from driftmatch.sampling.given import samples_of, undriven
from driftmatch.sampling.samples import Samples
from driftmatch.simulation.arguments import check_leak, check_start, check_steps
from driftmatch.simulation.scatter import is_noise_free, own_scale, scattered
from driftmatch.simulation.simulate import simulate

BLOCKS = 20
_MANY = 2000  # neurons beyond which sampling takes too long


class LyapunovPlan(NamedTuple):
    """What was asked for, checked, and the blocks that follow from it."""

    dt: float
    num_trajectories: int
    num_qr: int  # intervals in a block
    qr_every: int  # steps in an interval
    burn_in: float
    may_burn_longer: bool
    steady: bool
    throw: bool
    head_start: float  # time since trajectories set out together; inf if they did not
    keys: tuple[PRNGKeyArray, PRNGKeyArray]  # of starts and tangents, of the noise

    @property
    def block_time(self) -> float:
        return self.num_qr * self.qr_every * self.dt


def check_plan(
    sde: AbstractSDE,
    duration,
    dt,
    key: PRNGKeyArray,
    num_trajectories,
    burn_in,
    start,
    noise,
    qr_every,
    throw,
) -> LyapunovPlan:
    """Check what `lyapunov` and `neural_lyapunov` have in common."""
    duration, dt = check_positive("duration", duration), check_positive("dt", dt)
    steps = check_steps(duration, dt, 1)
    start = None if start is None else check_array("start", start, ("k",), ("M", "k"))
    network = network_of(sde)
    if network is not None:
        check_leak(dt, network.tau)
    may_burn_longer = burn_in is None
    burn_in = duration / 5 if burn_in is None else check_non_negative("burn_in", burn_in)
    check_steps(duration + burn_in, dt, 1)
    M = check_count("num_trajectories", num_trajectories)
    qr_every = check_count("qr_every", qr_every)
    noise, throw = check_flag("noise", noise), check_flag("throw", throw)
    if steps < BLOCKS:
        raise InputError(
            f"duration must be at least {BLOCKS} steps, got {duration!r} and dt = {dt!r}: errors "
            f"come from {BLOCKS} blocks of time"
        )
    qr_every = min(qr_every, steps // BLOCKS)
    keys = split(check_key(key))
    steady = not noise or is_noise_free(sde)
    head_start = np.inf  # noise of their own parts trajectories by itself
    if steady and M > 1 and (start is None or start.ndim < 2):
        head_start = np.inf if start is None else 0.0
    return LyapunovPlan(
        dt=float(dt),
        num_trajectories=M,
        num_qr=max(1, round(steps / (BLOCKS * qr_every))),
        qr_every=qr_every,
        burn_in=float(burn_in),
        may_burn_longer=may_burn_longer,
        steady=steady,
        throw=throw,
        head_start=head_start,
        keys=(keys[0], keys[1]),
    )


def starting_states(
    sde: AbstractSDE, start, plan: LyapunovPlan, samples: Samples | None
) -> Float[np.ndarray, "M k"] | None:
    """States on the attractor, or as given; None if there are none and that may not raise."""
    M = plan.num_trajectories
    if start is not None and np.ndim(start) > 1:
        return check_start(start, M, (sde.dim,))
    rng = generator(plan.keys[0])
    if start is not None:  # apart, or else all trajectories would be one without noise
        states = np.repeat(check_start(start, 1, (sde.dim,)), M, axis=0)
        return states if M == 1 else scattered(sde, states, own_scale(sde, states), rng)
    # The subspace holds the attractor, or with private noise is close to it, and is smaller.
    inner = sde.network.latent() if isinstance(sde, NeuralSDE) else sde
    network = network_of(inner)
    if samples is None and network is not None and network.num_neurons > _MANY:
        states = _burnt_in(inner, plan)
        if states is None or inner is sde:
            return states
        return network.lift(states)
    try:
        samples = samples_of(undriven(inner), samples, plan.keys[0])
    except ComputationError:
        if plan.throw:
            raise
        return None
    # Each from another time: on a limit cycle without noise all would be in one phase otherwise.
    states = samples.pick(M, rng)
    # In double precision, whatever JAX is set to.
    return sde.network.lift(states) if isinstance(sde, NeuralSDE) else states


def _burnt_in(sde: AbstractSDE, plan: LyapunovPlan) -> Float[np.ndarray, "M k"] | None:
    """Of a network too large to be sampled for long, one state a trajectory, each from another time
    of the second half of a burn-in from its own starts."""
    M = plan.num_trajectories
    save_every = max(1, round(plan.burn_in / plan.dt / (2 * M)))
    run = simulate(
        sde, duration=2 * M * save_every * plan.dt, dt=plan.dt, key=plan.keys[0],
        num_trajectories=M, save_every=save_every, throw=plan.throw,
    )  # fmt: skip
    m = np.arange(M)
    return np.asarray(run.states[m, -1 - m], np.float64) if run.outcome.ok else None


def random_frames(plan: LyapunovPlan, k: int, p: int) -> Float[np.ndarray, "M k p"]:
    """p orthonormal tangents for every trajectory."""
    rng = generator(plan.keys[0])
    frames = np.linalg.qr(rng.standard_normal((plan.num_trajectories, k, p)))[0]
    return frames
