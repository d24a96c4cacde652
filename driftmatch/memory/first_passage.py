r"""When a region is reached, and which of two first: on grids, and from simulations."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.linalg as linalg
from jaxtyping import ArrayLike, Bool, Float, PRNGKeyArray
from scipy.interpolate import RegularGridInterpolator

from driftmatch.analysis.flux import as_stationary_sde
from driftmatch.analysis.fokker_planck.jumps import JumpProcess, bernoulli, jump_process
from driftmatch.analysis.fokker_planck.stationary import as_grid
from driftmatch.errors import ComputationError, InputError
from driftmatch.grids import Grid
from driftmatch.memory.rates import FEW
from driftmatch.memory.regions import Level, Regions, as_level
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import LatentSDE, Network, NeuralSDE
from driftmatch.outcomes import Outcome
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.arguments import (
    check_count,
    check_key,
    check_leak,
    check_start,
    check_steps,
)
from driftmatch.simulation.integrators import SCHEMES, normals

_MAX_DIM = 2
_NEAREST = 1e-3  # of an edge: a boundary this near to a centre is taken to be so far from it
_SHIFT = 4e-16  # of the diagonal: twice its rounding error
_MAX_LOST = 0.75
_MAX_CORRECTIONS, _SETTLED = 30, 1e-6
_BLOCK = 256  # steps whose normals are drawn together, at most,
_NUMBERS = 2**18  # and normals
_SECONDS = 0.25  # about how long an interrupt and the meter wait
_SCHEME = SCHEMES["heun"]


@dataclass(frozen=True)
class GridFunction:
    """Numbers at the centres of a grid's cells.

    - `grid`: the cells. - `values`: shape of the grid.
    - `outcome`: UNCONVERGED if passages are so rare, beside the jumps between cells, that rounding
      errors hide them (barriers above some 25 D); then the values are NaN. - `name`: of the SDE.
    """

    grid: Grid
    values: Float[np.ndarray, "*cells"]
    outcome: Outcome
    name: str

    def __call__(self, z: ArrayLike) -> Float[np.ndarray, "..."]:
        """Interpolated linearly at states of shape (..., k) in the grid's box."""
        z = np.asarray(z, dtype=float)
        if z.ndim == 0 or z.shape[-1] != self.grid.dim:
            raise InputError(f"a state has shape ({self.grid.dim},), got {z.shape}")
        low, high = np.array(self.grid.lower), np.array(self.grid.upper)
        if not np.all((low <= z) & (z <= high)):
            raise InputError(
                f"the state is outside the grid from {low.tolist()} to {high.tolist()}: give a "
                "wider Grid"
            )
        centres = [(axis[0], axis[-1]) for axis in self.grid.axes]
        inside = np.clip(z, *np.array(centres).T)
        interpolated = RegularGridInterpolator(self.grid.axes, self.values)(inside)
        return interpolated.reshape(z.shape[:-1])


def mean_first_passage(
    sde: AbstractSDE | Network,
    target: Regions | Level,
    *,
    grid: Grid | Sequence[int] | int | None = None,
) -> GridFunction:
    r"""The mean time T(z) in which the SDE, begun at z, first reaches a region, k ≤ 2.

        Σ f_i ∂_i T + Σ D_ij ∂_i ∂_j T = −1 outside of the region,  T = 0 in it,

    with reflecting walls around the grid: the adjoint of the Fokker–Planck equation, solved on the
    same jumps between cells (`stationary`). Where the region's edge cuts a jump, the jump is that
    much shorter, so that the error at the centres is of second order in the cell.

    **Arguments**

    - `sde`: an SDE, or a network, which stands for ``network.latent()``.
    - `target`: a `Regions`, any of which counts, or a function of the state that is negative
      inside and changes evenly across the edge, such as ``lambda z: 1 - z[0]`` for z₁ > 1.
    - `grid`: as for `stationary`; it should hold all that is visited on the way.

    **Raises** `InputError` for more than two dimensions, a singular D, and a target that holds no
    cell or all of them.

    **Source**: C. Gardiner, *Stochastic Methods* (2009), sections 5.5 and 6.6.
    """
    sde, jumps = _jumps(sde, grid)
    level = _levels(as_level(target, sde.dim), jumps.grid, "target")
    free = level > 0
    return _solved(sde, jumps, free, [level], lambda absorbed: np.ones(absorbed.shape[1]))


def committor(
    sde: AbstractSDE | Network,
    source: Regions | Level,
    target: Regions | Level,
    *,
    grid: Grid | Sequence[int] | int | None = None,
) -> GridFunction:
    r"""The probability q(z) that the SDE, begun at z, reaches the target before the source, k ≤ 2.

        Σ f_i ∂_i q + Σ D_ij ∂_i ∂_j q = 0 between them,  q = 0 in the source,  q = 1 in the target

    Arguments, method and errors as for `mean_first_passage`; source and target must not overlap.

    **Source**: W. E, E. Vanden-Eijnden, J. Stat. Phys. 123, 503 (2006).
    """
    sde, jumps = _jumps(sde, grid)
    levels = [
        _levels(as_level(region, sde.dim, what), jumps.grid, what)
        for region, what in ((source, "source"), (target, "target"))
    ]
    if np.any((levels[0] <= 0) & (levels[1] <= 0)):
        raise InputError("source and target overlap: make them smaller")
    free = (levels[0] > 0) & (levels[1] > 0)
    if not np.any(free):
        raise InputError("source and target leave no cell between them: make them smaller")
    found = _solved(sde, jumps, free, levels, lambda absorbed: absorbed[1])
    found.values[(levels[1] <= 0).reshape(jumps.grid.shape)] = 1.0
    return found


def _jumps(sde, grid) -> tuple[AbstractSDE, JumpProcess]:
    sde = as_stationary_sde(sde)
    if sde.dim > _MAX_DIM:
        raise InputError(
            f"{sde.name} has {sde.dim} dimensions and passage on grids goes up to {_MAX_DIM}: use "
            "passage_times, which simulates"
        )
    return sde, jump_process(sde, as_grid(sde, grid))


def _levels(level: Level, grid: Grid, what: str) -> Float[np.ndarray, " N"]:
    with jax.enable_x64(True):
        values = np.asarray(jax.vmap(level)(jnp.asarray(grid.centres)), np.float64)
    if not np.all(np.isfinite(values)):
        raise InputError(f"the {what}'s function is not finite everywhere on the grid: mend it")
    if not np.any(values <= 0) or np.all(values <= 0):
        which = "no cell" if np.any(values > 0) else "every cell"
        raise InputError(
            f"the {what} holds {which} of the grid from {grid.lower} to {grid.upper}: move one or "
            "the other, or use smaller cells"
        )
    return values


def _solved(sde, jumps: JumpProcess, free: Bool[np.ndarray, " N"], levels, right_of):
    """x with Σ_j rate_ij (x_i − x_j) + absorbed_i x_i = right_i in the free cells, 0 in others.

    Where passages are rare, rounding errors of the diagonal matter: they act like a further way
    out or in. A shift makes them a way out for certain, which corrections close again, by residuals
    whose differences do not know of it. Each leaves at most the fraction `lost` of the error before
    it, that of the paths which would take this way.
    """
    rates, into = _stopped(jumps, free, levels)
    absorbed, right = into.sum(axis=0), right_of(into)
    leaving = np.asarray(rates.sum(axis=1)).ravel() + absorbed
    system = scipy.sparse.csc_matrix(scipy.sparse.diags((1 + _SHIFT) * leaving) - rates)
    values = np.zeros(jumps.grid.size)
    try:
        factors = linalg.splu(
            system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options={"SymmetricMode": True}
        )
        lost = _SHIFT * np.max(leaving * factors.solve(np.ones(len(right))))
    except RuntimeError:  # a pivot that is all rounding errors is 0
        factors, lost = None, np.inf
    if factors is None or not 0 <= lost <= _MAX_LOST:
        outcome, values[free] = Outcome.UNCONVERGED, np.nan
    else:
        outcome, values[free] = Outcome.SUCCESS, _corrected(factors, rates.tocoo(), absorbed, right)
    return GridFunction(jumps.grid, values.reshape(jumps.grid.shape), outcome, sde.name)


def _corrected(factors, rates, absorbed, right):
    x = np.zeros(len(right))
    for _ in range(_MAX_CORRECTIONS):
        flows = rates.data * (x[rates.row] - x[rates.col])
        correction = factors.solve(right - absorbed * x - np.bincount(rates.row, flows, len(x)))
        x = x + correction
        if np.abs(correction).max() <= _SETTLED * np.abs(x).max():
            break
    return x


def _stopped(jumps: JumpProcess, free: Bool[np.ndarray, " N"], levels):
    """Rates between free cells, shape (F, F), and of each free cell into each region, (R, F)."""
    index, F = np.cumsum(free) - 1, int(free.sum())
    rows, columns, values = [], [], []
    absorbed = np.zeros((len(levels), F))
    for e in jumps.edges:
        strength = e.forward / bernoulli(-e.force)
        for here, there, force in ((e.tail, e.head, e.force), (e.head, e.tail, -e.force)):
            inner = free[here] & free[there]
            rows.append(index[here[inner]])
            columns.append(index[there[inner]])
            values.append((strength * bernoulli(-force))[inner])
            for r, level in enumerate(levels):
                into = free[here] & (level[there] <= 0)
                a, b = level[here[into]], level[there[into]]
                part = np.clip(a / (a - b), _NEAREST, 1.0)  # of the edge, to the region's edge
                rate = strength[into] * bernoulli(-part * force[into]) / part
                absorbed[r] += np.bincount(index[here[into]], rate, F)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return scipy.sparse.csc_matrix(entries, shape=(F, F)), absorbed


@dataclass(frozen=True)
class PassageTimes:
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


def passage_times(
    sde: AbstractSDE | Network,
    start: ArrayLike,
    target: Regions | Level,
    *,
    duration: float,
    dt: float,
    key: PRNGKeyArray,
    num_trajectories: int = 256,
    meter: AbstractMeter = SILENT,
) -> PassageTimes:
    r"""Times at which simulated trajectories first reach a region, in any dimension.

    Between two steps outside of it, at levels a and b, the path has been inside with probability
    exp(−2ab/(s² dt)), s² = ∇ℓᵀ 2D ∇ℓ (a Brownian bridge and a straight edge): so the error is of
    first order in dt, where plain sampling would make it of order √dt. A trajectory that arrives
    stops there, and is said to have done so in the middle of the step.

    **Arguments**

    - `sde`, `target`: as for `mean_first_passage`; but a network's private noise counts.
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
    sde, level, z = _walk(sde, start, target, M, dt)
    block = int(np.clip(_NUMBERS // (M * sde.noise_dim), 1, _BLOCK))
    arrival = jnp.full(M, -1, jnp.int32)
    done, chunk = 0, block
    meter.start(f"passage of {sde.name}", steps)
    try:
        while done < steps and np.any(np.asarray(arrival) < 0):
            began = time.perf_counter()
            ends = jnp.asarray([done, min(steps, done + chunk)], jnp.int32)
            at, z, arrival = _advance(sde, level, z, arrival, key, ends, jnp.asarray(dt), block)
            new, done = int(at) - done, int(at)
            _check_finite(sde, z, done, dt)
            chunk = max(1, int(new * min(8.0, _SECONDS / (time.perf_counter() - began))))
            meter.advance(new, f"{np.sum(np.asarray(arrival) >= 0)} of {M} have arrived")
    finally:
        meter.stop()
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
    if isinstance(sde, Network) and sde.private_noise > 0:
        seen, level, starts = sde.neural(), _OfNeurons(sde, level), sde.lift(starts)
    if isinstance(seen, LatentSDE | NeuralSDE):
        check_leak(dt, seen.network.tau)
    return seen, level, starts


@eqx.filter_jit
def _advance(sde, level, z, arrival, key, ends, dt, block):
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
