"""The loop that integrates many paths at once: the hot path of the library.

A run is cut into chunks, each one call of one compiled function, so that memory is bounded by the
samples that are kept. Inside a chunk the normals of a block of steps are drawn together: drawn
step by step they would cost more than the steps. Nothing is counted in floating point: the time of
a step is its number times dt, in double precision like the state.
"""

import time
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.compilation import compiled
from driftmatch.errors import ComputationError, InputError
from driftmatch.meters import AbstractMeter
from driftmatch.outcomes import Outcome
from driftmatch.simulation.integrators import AbstractScheme
from driftmatch.simulation.mixed import as_run, is_wide
from driftmatch.simulation.noise import block_of_normals, trajectory_keys

CHUNK_SECONDS = 0.25  # about how long an interrupt and the meter wait
CHUNK_NUMBERS = 2**20  # in the samples that a chunk returns, at most
RETRY_SECONDS = 5.0  # with a step finer still, to say why a run failed
BLOCK_STEPS = 256
BLOCK_NUMBERS = 2**18  # normals drawn together, at most: they should stay in the cache


def integrate(
    sde: AbstractSDE,
    scheme: AbstractScheme,
    starts: Float[np.ndarray, "M k"],
    key: PRNGKeyArray,
    *,
    steps: int,
    dt: float,
    save_every: int,
    meter: AbstractMeter,
    throw: bool,
) -> tuple[Float[np.ndarray, "M T k"], Outcome, str | None]:
    """The starts and the states after every `save_every` steps, as far as the run came.

    Unless `throw`, a run that is interrupted or becomes non-finite returns what came before,
    the outcome and a sentence that says why.
    """
    M = len(starts)
    name = sde.name
    wide = is_wide(sde, M)  # states are columns
    sde, dtype = as_run(sde, wide=wide)
    samples = _allocate((M, 1 + steps // save_every, sde.dim), dtype)
    samples[:, 0] = starts
    components = max(1, scheme.draws * sde.noise_dim)
    block = int(np.clip(BLOCK_NUMBERS // (M * components), 1, BLOCK_STEPS))
    capacity = max(1, CHUNK_NUMBERS // starts.size)

    def advance(carry, first, last, every=save_every, step=dt):
        span = np.array([first, last, every], np.int32)
        with jax.enable_x64(True):
            return _advance(
                sde, scheme, carry, key, span, np.float64(step), block, capacity, dtype, wide
            )

    done, chunk = 0, block
    meter.start(f"simulate {name}", steps)
    try:
        carry = _begin(sde, scheme, np.array(starts, np.float64), np.float64(dt), wide)
        while done < steps:
            began = time.perf_counter()
            row = done // save_every
            last = min(steps, done + chunk, (row + capacity) * save_every)
            before, (carry, rows) = carry, advance(carry, done, last)
            rows, ends = np.asarray(rows)[: last // save_every - row], np.asarray(carry[1])
            if wide:
                rows, ends = rows.swapaxes(1, 2), ends.T
            finite = np.isfinite(ends).all()  # what is not finite stays so
            good = len(rows) if finite else int(np.isfinite(rows).all(axis=(1, 2)).sum())
            samples[:, row + 1 : row + 1 + good] = rows[:good].swapaxes(0, 1)
            if not finite:
                bad = rows[good] if good < len(rows) else ends
                span = (row + good) * save_every, min(last, (row + good + 1) * save_every)
                remedy = _remedy(advance, before, done, span[1], dt)
                reason = f"{_where(name, bad, span, dt)}; {remedy}"
                if throw:
                    raise ComputationError(reason)
                return samples[:, : row + 1 + good].copy(), Outcome.NON_FINITE, reason
            seconds = time.perf_counter() - began
            new, done = last - done, last
            chunk = max(1, int(new * min(8.0, CHUNK_SECONDS / seconds)))
            meter.advance(new, f"t = {done * dt:g}")
    except KeyboardInterrupt:
        if throw:
            raise
        reason = f"the run was interrupted at t = {done * dt:g} of {steps * dt:g}"
        return samples[:, : 1 + done // save_every].copy(), Outcome.INTERRUPTED, reason
    finally:
        meter.stop()
    return samples, Outcome.SUCCESS, None


def _begin(sde, scheme, starts, dt, wide):
    """What the first chunk is handed; it is compiled only for schemes that carry something."""

    with jax.enable_x64(True):
        is_empty = eqx.filter_eval_shape(_carried, sde, scheme, starts, dt) is None
        carry = None if is_empty else compiled(_carried)(sde, scheme, starts, np.float64(dt))
        return carry, jax.device_put(np.ascontiguousarray(starts.T if wide else starts))


def _carried(sde, scheme, starts, dt):
    return jax.vmap(lambda z: scheme.init(sde, z, dt))(starts)


@compiled
def _advance(sde, scheme, carry, key: PRNGKeyArray, span, dt, block, capacity, dtype, wide):
    """From one step to another: what is carried there, and the samples on the way.

    `span`, the two steps and how many are between two samples, is traced, so that chunks and runs
    of any length share one compilation.
    """
    first, last, every = span
    carried, z = carry
    M, axis = (z.shape[1], 1) if wide else (z.shape[0], 0)
    components = scheme.draws * sde.noise_dim
    keys = trajectory_keys(key, M)
    move = jax.vmap(partial(scheme.step, sde), (0, axis, None, None, 1), (0, axis))

    def run_block(state):
        begin, *state = state
        normal = block_of_normals(keys, begin, block, components)
        end = jnp.minimum(begin + block, last)

        def step(i, state):
            carried, z = state
            carried, new = move(carried, z, i * dt, dt, normal[i - begin])
            return carried, new.astype(z.dtype)

        def to_next_row(state):
            i, carried, z, samples = state
            stop = i + jnp.minimum(end - i, every - i % every)
            carried, z = jax.lax.fori_loop(i, stop, step, (carried, z))
            # A row that the block's end cuts short is written again when it is complete.
            samples = samples.at[i // every - first // every].set(z.astype(dtype))
            return stop, carried, z, samples

        return jax.lax.while_loop(lambda state: state[0] < end, to_next_row, (begin, *state))

    state = first, carried, z, jnp.zeros((capacity, *z.shape), dtype)
    _, carried, z, samples = jax.lax.while_loop(lambda state: state[0] < last, run_block, state)
    return (carried, z), samples


def _allocate(shape: tuple[int, ...], dtype) -> np.ndarray:
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError):
        gigabytes = np.prod(shape, dtype=float) * np.dtype(dtype).itemsize / 1e9
        raise InputError(
            f"the run would keep {gigabytes:.3g} GB, more than there is memory: raise save_every "
            "or keep fewer trajectories"
        ) from None


def _where(name, states, span, dt) -> str:
    which = int(np.argmin(np.isfinite(states).all(axis=1)))
    before, after = (f"{i * dt:g}" for i in span)
    when = f"at t = {after}" if span[1] - span[0] == 1 else f"between t = {before} and {after}"
    return f"trajectory {which} of {name} became non-finite {when} with dt = {dt:g}"


def _remedy(advance, carry, first, last, dt) -> str:
    """Whether finer steps stay finite where these did not, found by taking them."""
    finer = 10
    while True:
        began = time.perf_counter()
        # Counted modulo 2²⁹, lest the counter overflow: only a forcing could tell.
        begin = first * finer % 2**29
        (_, ends), _ = advance(carry, begin, begin + (last - first) * finer, 2**30, dt / finer)
        if np.isfinite(ends).all():
            return f"the step is too large: with dt = {dt / finer:g} it stays finite there"
        if finer == 1000 or 10 * (time.perf_counter() - began) > RETRY_SECONDS:
            return (
                f"so it does with dt = {dt / finer:g}: either the system diverges or its drift is "
                "not finite there; check its equations or start elsewhere"
            )
        finer *= 10
