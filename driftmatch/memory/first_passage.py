r"""When a region is reached, and which of two first: on grids, and from simulations."""

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
from driftmatch.errors import InputError
from driftmatch.grids import Grid
from driftmatch.memory.regions import Level, Regions, as_level
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.arguments import check_count, check_key, check_start, check_steps
from driftmatch.simulation.simulate import simulate

_MAX_DIM = 2
_NEAREST = 1e-3  # of an edge: a boundary this near to a centre is taken to be so far from it
_BLOCK = 2**22  # numbers simulated at once


@dataclass(frozen=True)
class GridFunction:
    """Numbers at the centres of a grid's cells.

    - `grid`: the cells. - `values`: shape of the grid. - `name`: of the SDE.
    """

    grid: Grid
    values: Float[np.ndarray, "*cells"]
    name: str

    def __call__(self, z: ArrayLike) -> Float[np.ndarray, "..."]:
        """Interpolated linearly at states of shape (..., k) in the grid's box."""
        z = np.asarray(z, dtype=float)
        if z.ndim == 0 or z.shape[-1] != self.grid.dim:
            raise InputError(f"a state has shape ({self.grid.dim},), got {z.shape}")
        low, high = np.array(self.grid.lower), np.array(self.grid.upper)
        if not np.all((low <= z) & (z <= high)):
            raise InputError(
                f"the state is outside the grid from {low.tolist()} to {high.tolist()}"
            )
        centres = [(axis[0], axis[-1]) for axis in self.grid.axes]
        inside = np.clip(z, *np.array(centres).T)
        return RegularGridInterpolator(self.grid.axes, self.values)(inside)


def mean_first_passage(
    sde: AbstractSDE | Network, target: Regions | Level, *, grid: Grid | int | None = None
) -> GridFunction:
    r"""The mean time T(z) in which the SDE, begun at z, first reaches a region, k ≤ 2.

        Σ f_i ∂_i T + Σ D_ij ∂_i ∂_j T = −1 outside of the region,  T = 0 in it,

    with reflecting walls around the grid: the adjoint of the Fokker–Planck equation, solved on the
    same jumps between cells (`stationary`). Where the region's edge cuts a jump, the jump is that
    much shorter, so that the error is of second order in the cell.

    **Arguments**

    - `sde`: an SDE, or a network, which stands for ``network.latent()``.
    - `target`: a `Regions` of one region, or a function of the state that is negative inside, such
      as ``lambda z: 1 - z[0]`` for z₁ > 1.
    - `grid`: as for `stationary`; it should hold all that is visited on the way.

    **Raises** `InputError` for more than two dimensions, a singular D, and a target that holds no
    cell or all of them.

    **Source**: C. Gardiner, *Stochastic Methods* (2009), sections 5.5 and 6.6.
    """
    sde, jumps = _jumps(sde, grid)
    level = _levels(as_level(target, sde.dim), jumps.grid, "target")
    outside = level > 0
    rates, to_target = _stopped(jumps, outside, [level])
    values = np.zeros(jumps.grid.size)
    values[outside] = _solved(rates, to_target[0], np.ones(outside.sum()))
    return GridFunction(jumps.grid, values.reshape(jumps.grid.shape), sde.name)


def committor(
    sde: AbstractSDE | Network,
    source: Regions | Level,
    target: Regions | Level,
    *,
    grid: Grid | int | None = None,
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
    between = (levels[0] > 0) & (levels[1] > 0)
    rates, absorbed = _stopped(jumps, between, levels)
    values = (levels[1] <= 0).astype(float)
    values[between] = _solved(rates, absorbed.sum(axis=0), absorbed[1])
    return GridFunction(jumps.grid, values.reshape(jumps.grid.shape), sde.name)


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
    if not np.any(values <= 0) or np.all(values <= 0):
        which = "no cell" if np.any(values > 0) else "every cell"
        raise InputError(
            f"the {what} holds {which} of the grid from {grid.lower} to {grid.upper}: move one or "
            "the other, or use smaller cells"
        )
    return values


def _stopped(jumps: JumpProcess, free: Bool[np.ndarray, " N"], levels):
    """Rates between free cells, shape (F, F), and of each free cell into each region, (R, F)."""
    index = np.cumsum(free) - 1
    rows, columns, values = [], [], []
    absorbed = np.zeros((len(levels), int(free.sum())))
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
                absorbed[r] += np.bincount(index[here[into]], rate, absorbed.shape[1])
    F = absorbed.shape[1]
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return scipy.sparse.csc_matrix(entries, shape=(F, F)), absorbed


def _solved(rates, absorbed, right):
    """x with Σ_j rate_ij (x_i − x_j) + absorbed_i x_i = right_i."""
    leaving = np.asarray(rates.sum(axis=1)).ravel() + absorbed
    system = scipy.sparse.csc_matrix(scipy.sparse.diags(leaving) - rates)
    factors = linalg.splu(
        system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    return factors.solve(right)


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
    first order in dt, where plain sampling would make it of order √dt.

    **Arguments**

    - `sde`, `target`: as for `mean_first_passage`. - `start`: z, shape (k,) or (M, k).
    - `duration`: at which those that have not arrived are given up. - `dt`: the step.
    - `key`: a random key. - `num_trajectories`: M. - `meter`: told of the progress.

    **Raises** `InputError` for arguments that do not fit and a start inside the target.

    **Source**: P. Baldi, Ann. Probab. 23, 1644 (1995).
    """
    sde = as_stationary_sde(sde)
    level = as_level(target, sde.dim)
    M = check_count("num_trajectories", num_trajectories)
    states = check_start(start, M, (sde.dim,))
    steps = check_steps(duration, dt, 1)
    with jax.enable_x64(True):
        if np.any(np.asarray(jax.vmap(level)(jnp.asarray(states))) <= 0):
            raise InputError("start lies inside the target: begin outside of it")
    block = int(np.clip(_BLOCK // (M * sde.dim), 1, steps))
    arrival = np.full(M, np.inf)
    meter.start(f"passage of {sde.name}", steps)
    try:
        for first in range(0, steps, block):
            key, key_run, key_bridge = jax.random.split(check_key(key), 3)
            run = simulate(
                sde, duration=block * dt, dt=dt, key=key_run, num_trajectories=M, start=states
            )
            crossed = np.asarray(_crossed(sde, level, jnp.asarray(run.states), dt, key_bridge))
            new = np.isinf(arrival) & crossed.any(axis=1)
            arrival[new] = (first + 1 + crossed[new].argmax(axis=1)) * dt
            states = run.states[:, -1]
            meter.advance(min(block, steps - first))
            if np.all(np.isfinite(arrival)):
                break
    finally:
        meter.stop()
    end = steps * dt
    arrived = arrival <= end
    P = int(arrived.sum())
    at_risk = np.minimum(arrival, end)
    mean = float(at_risk.sum() / P) if P else np.inf
    outcome = Outcome.SUCCESS
    if P < 10:
        outcome = Outcome.FEW_EVENTS
    elif P < M:
        outcome = Outcome.CENSORED
    # Of a ratio of sums over independent trajectories
    scatter = at_risk - mean * arrived if P else np.zeros(M)
    error = float(np.sqrt(M * scatter.var(ddof=1)) / P) if P > 1 else np.inf
    return PassageTimes(arrival[arrived], M, float(end), mean, error, outcome)


@eqx.filter_jit
def _crossed(sde, level, states, dt, key):
    """Whether each step (M, T − 1) reached the region, at its end or on its way."""
    levels = jax.vmap(jax.vmap(level))(states)
    before, after = levels[:, :-1], levels[:, 1:]

    def spread(z):
        slope = jax.grad(level)(z)
        return jnp.sum((slope @ sde.diffusion(z)) ** 2)

    # Few steps are near enough to the edge to matter, but all are computed: it is cheap.
    s2 = jax.vmap(jax.vmap(spread))(states[:, :-1])
    exponent = -2 * before * after / jnp.maximum(s2 * dt, jnp.finfo(s2.dtype).tiny)
    touched = jax.random.uniform(key, before.shape) < jnp.exp(jnp.minimum(exponent, 0.0))
    return (after <= 0) | touched
