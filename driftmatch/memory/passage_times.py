"""When a region is first reached, from simulations, in any dimension."""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.flux import as_stationary_sde
from driftmatch.arguments import check_count, check_key, check_meter
from driftmatch.compilation import compiled
from driftmatch.errors import ComputationError, InputError
from driftmatch.memory.rates import FEW
from driftmatch.memory.regions import Level, Regions, as_level
from driftmatch.meters import SILENT, AbstractMeter, task
from driftmatch.network import Network, network_of
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.simulation.arguments import check_leak, check_start, check_steps
from driftmatch.simulation.integrators import SCHEMES, normals
from driftmatch.words import spelled

_BLOCK = 256  # steps whose normals are drawn together, at most,
_NUMBERS = 2**18  # and normals
_SECONDS = 0.25  # about how long an interrupt and the meter wait
_SCHEME = SCHEMES["heun"]


class PassageTimes(Record):
    """First-passage times from simulation.

    - `times`: of the trajectories that arrived, in units of time, shape (P,).
    - `num_trajectories`: of all; the others had not arrived by `duration`.
    - `mean`: (time of all until they arrived or the run ended)/arrivals, in units of time.
    - `standard_error`: of the mean.
    - `outcome`: FEW_EVENTS for fewer than ten arrivals, CENSORED if some had not arrived, which is
      harmless where passage times are nearly exponential.
    """

    times: Float[np.ndarray, " P"]
    num_trajectories: int
    duration: float
    mean: float
    standard_error: float
    outcome: Outcome


@spelled
def passage_times(
    system: AbstractSDE,
    start: ArrayLike,
    target: Regions | Level,
    *,
    duration: float,
    dt: float,
    key: PRNGKeyArray,
    num_trajectories: int = 256,
    meter: AbstractMeter | bool = SILENT,
) -> PassageTimes:
    r"""Times at which simulated trajectories first reach a region, in any dimension.

    Between two steps outside of it, at levels a and b, the path has been inside with probability
    exp(−2ab/(s² dt)), s² = ∇ℓᵀ 2D ∇ℓ (a Brownian bridge and a straight edge): so the error is of
    first order in dt, where plain sampling would make it of order √dt. A trajectory that arrives
    stops there, and is said to have done so in the middle of the step.

    **Arguments**

    - `system`, `target`: as for `mean_first_passage`; but a network's private noise counts.
    - `start`: z, shape (k,) or (M, k).
    - `duration`: at which those that have not arrived are given up. - `dt`: the step (Heun's).
    - `key`: a random key. - `num_trajectories`: M. - `meter`: told of the progress.

    **Raises** `InputError` for arguments that do not fit and a start inside the target,
    `ComputationError` if a trajectory becomes non-finite on its way.

    **Source**: P. Baldi, Ann. Probab. 23, 1644 (1995); for the order E. Gobet, Stoch. Process.
    Appl. 87, 167 (2000).
    """
    M = check_count("num_trajectories", num_trajectories)
    steps = check_steps(duration, dt, 1)
    key = check_key(key)
    meter = check_meter(meter)
    sde, level, z = _walk(system, start, target, M, dt)
    block = int(np.clip(_NUMBERS // (M * sde.noise_dim), 1, _BLOCK))
    arrival = jnp.full(M, -1, jnp.int32)
    done, chunk = 0, block
    with task(meter, f"passage of {sde.name}", steps):
        while done < steps and np.any(np.asarray(arrival) < 0):
            began = time.perf_counter()
            ends = jnp.asarray([done, min(steps, done + chunk)], jnp.int32)
            at, z, arrival = _advance(sde, level, z, arrival, key, ends, jnp.asarray(dt), block)
            new, done = int(at) - done, int(at)
            _check_finite(sde, z, done, dt)
            chunk = max(1, int(new * min(8.0, _SECONDS / (time.perf_counter() - began))))
            meter.advance(new, f"{np.sum(np.asarray(arrival) >= 0)} of {M} have arrived")
    return _summed_up(np.asarray(arrival), float(dt), steps)


class _OfNeurons(eqx.Module):
    """A level of z as one of x."""

    network: Network
    level: Level

    def __call__(self, x):
        return self.level(self.network.project(x))


def _walk(sde, start, target, M: int, dt: float):
    """What moves, the level there, and the starts."""
    seen = as_stationary_sde(sde)
    level = as_level(target, seen.dim)
    starts = check_start(start, M, (seen.dim,))
    with jax.enable_x64(True):
        if np.any(np.asarray(jax.vmap(level)(jnp.asarray(starts))) <= 0):
            raise InputError("start lies inside the target: begin outside of it")
    starts = jnp.asarray(starts, dtype=float)
    if isinstance(sde, Network) and not sde.stays_on_subspace:
        seen, level, starts = sde.neural(), _OfNeurons(sde, level), sde.lift(starts)
    network = network_of(seen)
    if network is not None:
        check_leak(dt, network.tau)
    return seen, level, starts


@compiled
def _advance(sde, level, z, arrival, key: PRNGKeyArray, ends, dt, block):
    """From step ends[0] to ends[1], or until all have arrived: the step reached, the states, and
    the step in which each trajectory arrived, −1 before it has."""
    M, m = len(z), sde.noise_dim
    dt = jnp.asarray(dt, z.dtype)
    key_normal, key_wait = jax.random.split(key)

    def step_one(z, normal, wait):
        _, new = _SCHEME.step(sde, None, z, jnp.zeros((), z.dtype), dt, normal)
        new = new.astype(z.dtype)
        a, slope = jax.value_and_grad(level)(z)
        _, transposed = jax.vjp(lambda dB: sde.noise(z, dB), jnp.zeros(m, z.dtype))
        s2 = jnp.sum(transposed(slope)[0] ** 2)  # |σᵀ∇ℓ|²
        b = level(new)
        # A standard exponential number is above 2ab/(s² dt) with the bridge's probability.
        return new, (b <= 0) | (2 * a * b < wait * s2 * dt)

    def run_block(state):
        first, z, arrival = state
        indices = first + jnp.arange(block, dtype=jnp.int32)
        normal = jax.vmap(lambda i: normals(key_normal, i, M, m))(indices)
        wait = jax.vmap(lambda i: jax.random.exponential(jax.random.fold_in(key_wait, i), (M,)))
        waits = wait(indices)

        def step(j, state):
            z, arrival = state
            new, crossed = jax.vmap(step_one)(z, normal[j], waits[j])
            arrival = jnp.where((arrival < 0) & crossed, first + j, arrival)
            return jnp.where((arrival < 0)[:, None], new, z), arrival

        number = jnp.minimum(block, ends[1] - first)
        return first + number, *jax.lax.fori_loop(0, number, step, (z, arrival))

    def goes_on(state):
        return (state[0] < ends[1]) & jnp.any(state[2] < 0)

    return jax.lax.while_loop(goes_on, run_block, (ends[0], z, arrival))


def _check_finite(sde, z, done: int, dt: float) -> None:
    finite = np.isfinite(np.asarray(z)).all(axis=1)
    if not finite.all():
        raise ComputationError(
            f"trajectory {int(np.argmin(finite))} of {sde.name} became non-finite before "
            f"t = {done * dt:g} and before it arrived: lower dt = {dt:g}, or start where the drift "
            "does not diverge"
        )


def _summed_up(arrival, dt: float, steps: int) -> PassageTimes:
    arrived = arrival >= 0
    M, P = len(arrival), int(arrived.sum())
    at_risk = np.where(arrived, (arrival + 0.5) * dt, steps * dt)
    mean = float(at_risk.sum() / P) if P else np.inf
    # Of a ratio of sums over independent trajectories
    scatter = at_risk - mean * arrived if P else at_risk
    error = float(np.sqrt(M * scatter.var(ddof=1)) / P) if P > 1 else np.inf
    outcome = Outcome.SUCCESS
    if P < FEW:
        outcome = Outcome.FEW_EVENTS
    elif P < M:
        outcome = Outcome.CENSORED
    return PassageTimes(at_risk[arrived], M, steps * dt, mean, error, outcome)
