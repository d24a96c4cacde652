"""Lyapunov spectra by the QR method on the tangent flow."""

import math
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, PRNGKeyArray

from driftmatch.analysis.tangents import heun, runge_kutta, tangent_flow
from driftmatch.errors import ComputationError, InputError
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.arguments import (
    check_count,
    check_key,
    check_start,
    check_steps,
    scattered,
)
from driftmatch.simulation.integrators import normals
from driftmatch.simulation.simulate import simulate

_BLOCKS = 10
_ENOUGH_TRAJECTORIES = 8


@dataclass(frozen=True)
class LyapunovSpectrum:
    """The Lyapunov exponents of an SDE, largest first.

    - `exponents`: λ, shape (p,), in nats per unit time; `standard_error`: shape (p,).
    - `sum`: of these exponents, with its `sum_standard_error`. When p is the dimension it is the
      mean rate at which volumes grow, known far better than its terms.
    - `dimension`: the Kaplan–Yorke dimension; NaN if it needs more exponents than were computed.
    - `duration`: the time averaged over, all trajectories together.
    - `outcome`: how the run ended; unless it is a success, the numbers are NaN.
    """

    exponents: Float[np.ndarray, " p"]
    standard_error: Float[np.ndarray, " p"]
    sum: float
    sum_standard_error: float
    dimension: float
    duration: float
    outcome: Outcome


def lyapunov(
    sde: AbstractSDE | Network,
    *,
    duration: float,
    dt: float,
    key: PRNGKeyArray,
    num_exponents: int | None = None,
    num_trajectories: int = 64,
    burn_in: float | None = None,
    start: Float[ArrayLike, "*M k"] | None = None,
    noise: bool = True,
    qr_every: int = 5,
    meter: AbstractMeter = SILENT,
    throw: bool = True,
) -> LyapunovSpectrum:
    r"""The Lyapunov exponents of an SDE along its own noise.

        dz = f dt + σ dB,    dV = Df(z) V dt + D[σ(z) dB] V,    V = QR,    λ_i = ⟨ln R_ii⟩ / time

    State and tangents take the same steps under the same noise: Runge–Kutta of order four without
    noise, Heun with it. Many trajectories run side by side; the standard error is that of their
    mean, or with fewer than eight that of the mean of ten blocks of each.

    **Arguments**

    - `sde`: any SDE: a target, ``network.neural()``; a network stands for ``network.latent()``.
    - `duration`: the time averaged over on every trajectory, so ``num_trajectories * duration`` in
      all, which is what accuracy depends on.
    - `dt`: the time step.
    - `num_exponents`: how many, the largest ones; all of them by default.
    - `burn_in`: the time given to the states to reach the attractor (unless `start` is given), and
      then to the tangents to align; by default a fifth of the duration. It must outlast the time
      in which nearby trajectories part, or the standard errors come out too small.
    - `start`: states on the attractor, shape (M, k), or one, shape (k,), which is spread a little.
    - `noise`: False leaves the noise out: the exponents of the drift alone.
    - `qr_every`: the number of steps between two QR factorisations.
    - `throw`: raise if the run becomes non-finite; otherwise the record's outcome says it.

    Raises `InputError` for a number that is out of range and `ComputationError` if a trajectory
    becomes non-finite.

    Source: G. Benettin et al., Meccanica 15, 9 (1980); with noise, L. Arnold, *Random Dynamical
    Systems* (1998).
    """
    sde = sde.latent() if isinstance(sde, Network) else sde
    check_steps(duration, dt, 1)
    burn_in = duration / 5 if burn_in is None else burn_in
    if not (np.isfinite(burn_in) and burn_in >= 0):
        raise InputError(f"burn_in must be a number that is not negative, got {burn_in!r}")
    M = check_count("num_trajectories", num_trajectories)
    qr_every = check_count("qr_every", qr_every)
    p = sde.dim if num_exponents is None else check_count("num_exponents", num_exponents)
    if p > sde.dim:
        raise InputError(f"{sde.name} has {sde.dim} Lyapunov exponents, not {p}")
    key_start, key_noise = jax.random.split(check_key(key))
    if start is None:
        starts = _on_the_attractor(sde, burn_in, dt, key_start, M, throw)
        if starts is None:
            return _non_finite(sde, p, burn_in, dt, throw)
    elif np.ndim(start) == 1:  # apart, or else all trajectories would be one without noise
        starts = scattered(check_start(start, 1, (sde.dim,))[0], sde.dim, M, key_start)
    else:
        starts = check_start(start, M, (sde.dim,))
    tangents = jax.random.normal(key_start, (M, sde.dim, p))
    pairs = jnp.concatenate(
        [jnp.asarray(starts, dtype=float)[:, :, None], jnp.linalg.qr(tangents)[0]], axis=2
    )

    steady = not noise or _is_noise_free(sde)
    num_qr = max(1, round(duration / (_BLOCKS * qr_every * dt)))
    block_time = num_qr * qr_every * dt
    discarded = math.ceil(burn_in / block_time)
    rates = np.empty((_BLOCKS, M, p))
    meter.start("Lyapunov exponents", discarded + _BLOCKS)
    try:
        for block in range(-discarded, _BLOCKS):
            first = (block + discarded) * num_qr * qr_every
            pairs, grown = _grow(
                sde, pairs, key_noise, jnp.asarray(first), jnp.asarray(dt), num_qr, qr_every, steady
            )
            if not np.isfinite(grown).all():
                return _non_finite(sde, p, (first + num_qr * qr_every) * dt, dt, throw)
            if block >= 0:
                rates[block] = np.asarray(grown, dtype=np.float64) / block_time
            meter.advance(1)
    finally:
        meter.stop()
    return _summary(rates, M * _BLOCKS * block_time, complete=p == sde.dim)


def _on_the_attractor(sde, burn_in, dt, key, num_trajectories, throw):
    """One state a trajectory, each from another time of the second half of a burn-in.

    Without noise trajectories on a limit cycle would otherwise all be in one phase. None if the
    run became non-finite and is not to raise.
    """
    save_every = max(1, round(burn_in / dt / (2 * num_trajectories)))
    run = simulate(
        sde, duration=2 * num_trajectories * save_every * dt, dt=dt, key=key,
        num_trajectories=num_trajectories, save_every=save_every, throw=throw,
    )  # fmt: skip
    if not run.outcome.ok:
        return None
    m = np.arange(num_trajectories)
    return run.states[m, -1 - m]


@eqx.filter_jit
def _grow(sde, pairs, key, first_step, dt, num_qr, qr_every, steady):
    """The pairs [z | V] after `num_qr` intervals, and the sums of ln |R_ii|, shape (M, p)."""
    drift, noise = tangent_flow(sde)
    M = pairs.shape[0]
    noise_dim = 0 if steady else sde.noise_dim

    def move(pair, t, normal):
        if steady:
            return runge_kutta(drift, pair, t, dt)
        return heun(drift, pair, t, dt, noise(pair, jnp.sqrt(dt) * normal))

    def step(pairs, x):
        index, normal = x
        return jax.vmap(move, in_axes=(0, None, 0))(pairs, index * dt, normal), None

    def interval(carry, index):
        pairs, grown = carry
        steps = first_step + index * qr_every + jnp.arange(qr_every)
        draw = jax.vmap(lambda s: normals(key, s, M, noise_dim))
        pairs, _ = jax.lax.scan(step, pairs, (steps, draw(steps)))
        Q, R = jnp.linalg.qr(pairs[:, :, 1:])
        grown += jnp.log(jnp.abs(jnp.diagonal(R, axis1=1, axis2=2)))
        return (pairs.at[:, :, 1:].set(Q), grown), None

    grown = jnp.zeros((M, pairs.shape[2] - 1), pairs.dtype)
    return jax.lax.scan(interval, (pairs, grown), jnp.arange(num_qr))[0]


def _is_noise_free(sde: AbstractSDE) -> bool:
    """Whether σ is known to be zero everywhere."""
    return sde.has_constant_diffusion and not np.any(sde.diffusion(jnp.zeros(sde.dim)))


def kaplan_yorke(exponents: Float[np.ndarray, " p"], tolerance: float = 0.0) -> float:
    """The Kaplan–Yorke dimension  D = j + (λ_1 + … + λ_j) / |λ_{j+1}|,  of sorted exponents.

    j is the largest number of exponents with a sum that is not negative. Exponents within
    `tolerance` of zero count as zero: or else the dimension of a limit cycle would be 0, not 1,
    whenever its first exponent comes out negative. NaN when the sum of all is still positive.
    """
    exponents = np.where(np.abs(exponents) <= tolerance, 0.0, exponents)
    sums = np.cumsum(exponents)
    negative = np.flatnonzero(sums < 0)
    if len(negative) == 0:
        return float("nan")
    j = negative[0]
    return float(j + (sums[j - 1] if j > 0 else 0.0) / -exponents[j])


def _summary(rates, duration, complete):
    """The record of growth rates of shape (blocks, M, p)."""
    mean = rates.mean(axis=(0, 1))
    order = np.argsort(-mean)
    exponents = mean[order]
    error = _standard_error(rates)[order]
    tolerance = max(3 * error[np.argmin(np.abs(exponents))], 1e-3 * np.abs(exponents).max())
    dimension = kaplan_yorke(exponents, tolerance)
    if complete and np.isnan(dimension):
        dimension = float(len(exponents))  # volumes do not shrink: the attractor fills the space
    return LyapunovSpectrum(
        exponents=exponents,
        standard_error=error,
        sum=float(exponents.sum()),
        sum_standard_error=float(_standard_error(rates.sum(axis=2))),
        dimension=dimension,
        duration=float(duration),
        outcome=Outcome.SUCCESS,
    )


def _standard_error(rates):
    """Of the mean over blocks and trajectories, the first two axes."""
    if rates.shape[1] >= _ENOUGH_TRAJECTORIES:
        samples = rates.mean(axis=0)
    else:
        samples = rates.reshape(-1, *rates.shape[2:])
    return samples.std(axis=0, ddof=1) / np.sqrt(len(samples))


def _non_finite(sde, p, time, dt, throw):
    if throw:
        raise ComputationError(
            f"the tangent flow of {sde.name} became non-finite within {time:g} units of time: use "
            f"a smaller dt than {dt:g} or start on the attractor"
        )
    nan = np.full(p, np.nan)
    return LyapunovSpectrum(nan, nan, np.nan, np.nan, np.nan, 0.0, Outcome.NON_FINITE)
