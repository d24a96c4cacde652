"""The loop that integrates many paths at once: the hot path of the library.

A run is cut into chunks, each one call of one compiled function, so that memory is bounded by the
samples that are kept. Inside a chunk the normals of a block of steps are drawn together: drawn
step by step they would cost more than the steps.
"""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from driftmatch.errors import ComputationError, InputError
from driftmatch.meters import AbstractMeter
from driftmatch.outcomes import Outcome
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.integrators import AbstractScheme, normals

CHUNK_SECONDS = 0.25  # about how long an interrupt and the meter wait
CHUNK_NUMBERS = 2**20  # in the samples that a chunk returns, at most
RETRY_SECONDS = 5.0  # with a step finer still, to say why a run failed
BLOCK_STEPS = 256
BLOCK_NUMBERS = 2**18  # normals drawn together, at most: they should stay in the cache


def integrate(
    sde: AbstractSDE,
    scheme: AbstractScheme,
    starts: Float[Array, "M k"],
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
    M, dtype = len(starts), starts.dtype
    samples = _allocate((M, 1 + steps // save_every, sde.dim), dtype)
    samples[:, 0] = starts
    components = max(1, scheme.draws * sde.noise_dim)
    block = int(np.clip(BLOCK_NUMBERS // (M * components), 1, BLOCK_STEPS))
    capacity = max(1, CHUNK_NUMBERS // starts.size)

    def advance(carry, first, last, every=save_every, step=dt):
        first, last, every = (jnp.asarray(i, jnp.int32) for i in (first, last, every))
        step = jnp.asarray(step, dtype)
        return _advance(sde, scheme, carry, key, first, last, every, step, block, capacity)

    done, chunk = 0, block
    meter.start(f"simulate {sde.name}", steps)
    try:
        carry = _begin(sde, scheme, starts, jnp.asarray(dt, dtype))
        while done < steps:
            began = time.perf_counter()
            row = done // save_every
            last = min(steps, done + chunk, (row + capacity) * save_every)
            before, (carry, rows) = carry, advance(carry, done, last)
            rows = np.asarray(rows)[: last // save_every - row]
            ends = np.asarray(carry[1])
            finite = np.isfinite(ends).all()  # what is not finite stays so
            good = len(rows) if finite else int(np.isfinite(rows).all(axis=(1, 2)).sum())
            samples[:, row + 1 : row + 1 + good] = rows[:good].swapaxes(0, 1)
            if not finite:
                bad = rows[good] if good < len(rows) else ends
                span = (row + good) * save_every, min(last, (row + good + 1) * save_every)
                remedy = _remedy(advance, before, done, span[1], dt)
                reason = f"{_where(sde.name, bad, span, dt)}; {remedy}"
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


@eqx.filter_jit
def _begin(sde, scheme, starts, dt):
    return eqx.filter_vmap(lambda z: scheme.init(sde, z, dt))(starts), starts


@eqx.filter_jit
def _advance(sde, scheme, carry, key, first, last, save_every, dt, block, capacity):
    """From step `first` to step `last`: what is carried there, and the samples on the way.

    These numbers are traced, so that chunks and runs of any length share one compilation.
    """
    M = carry[1].shape[0]
    components = scheme.draws * sde.noise_dim

    def step_one(carried, z, t, normal):
        carried, new = scheme.step(sde, carried, z, t, dt, normal)
        return carried, new.astype(z.dtype)

    def run_block(b, state):
        begin = first + b * block
        indices = begin + jnp.arange(block, dtype=jnp.int32)
        normal = jax.vmap(lambda i: normals(key, i, M, components))(indices)

        def step(j, state):
            i = begin + j
            carried, z, samples = state
            carried, z = jax.vmap(step_one, in_axes=(0, 0, None, 0))(carried, z, i * dt, normal[j])
            # A row is overwritten until the step that it is kept for: cheaper than a branch.
            return carried, z, samples.at[i // save_every - first // save_every].set(z)

        return jax.lax.fori_loop(0, jnp.minimum(block, last - begin), step, state)

    num_blocks = (last - first + block - 1) // block
    samples = jnp.zeros((capacity, *carry[1].shape), carry[1].dtype)
    *carry, samples = jax.lax.fori_loop(0, num_blocks, run_block, (*carry, samples))
    return tuple(carry), samples


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
        # Counted modulo 2³⁰, lest the counter overflow: only a forcing could tell.
        begin = first * finer % 2**30
        (_, ends), _ = advance(carry, begin, begin + (last - first) * finer, 2**30, dt / finer)
        if np.isfinite(ends).all():
            return f"the step is too large: with dt = {dt / finer:g} it stays finite there"
        if finer == 1000 or 10 * (time.perf_counter() - began) > RETRY_SECONDS:
            return (
                f"so it does with dt = {dt / finer:g}: either the system diverges or its drift is "
                "not finite there; check its equations or start elsewhere"
            )
        finer *= 10
