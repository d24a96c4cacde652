"""Where to match: states that the target visits, and what lies around them.

Errors are averaged over the states that the target visits (`visited_states`). The states that a
fit is given (`design`) are not drawn like that: a plain draw leaves the rare, fast excursions of a
chaotic flow to chance. They are drawn evenly enough to cover the tails and weighted back.
"""

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float

from driftmatch.errors import ComputationError, InputError
from driftmatch.evaluate import drifts
from driftmatch.matching.whitening import Whitening
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.outcomes import Outcome
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.simulate import simulate

Matrix = np.ndarray

STEPS_PER_TIME_SCALE = 50


def rate_of(whitened_drifts: Float[Matrix, "N k"]) -> float:
    """The root-mean-square whitened drift per coordinate: the inverse of the time scale."""
    return float(np.sqrt(np.mean(whitened_drifts**2)))


def characteristic_time(sde: AbstractSDE, key) -> tuple[float, Float[Matrix, "M k"]]:
    """The time in which the state changes by about its own size, and states on the attractor.

    Taken from `sde.time_scale` and `sde.start` where they are given; otherwise from short runs,
    each of which sets the step of the next.
    """
    keys = iter(jax.random.split(key, 8))
    start = np.zeros(sde.dim) if sde.start is None else np.asarray(sde.start)
    rng = np.random.default_rng(0)
    starts = start + 0.1 * (1 + np.abs(start)) * rng.standard_normal((64, sde.dim))
    if sde.time_scale is not None:
        run = _run(sde, starts, 40 * sde.time_scale, sde.time_scale, next(keys))
        return sde.time_scale, run[:, -1]
    scale = 1 / max(_stiffness(sde, starts), 1e-12)
    for _ in range(4):
        run = _run(sde, starts, 40 * scale, scale, next(keys))
        states = run[:, run.shape[1] // 2 :].reshape(-1, sde.dim)
        if np.all(states.std(axis=0) <= 1e-9 * (1 + np.abs(states.mean(axis=0)))):
            return scale, run[:, -1]
        whitening = Whitening.of(states)
        starts = run[:, -1]
        previous, scale = scale, 1 / rate_of(whitening.whiten_rates(drifts(sde, states)))
        if 0.5 < scale / previous < 2:
            break
    return scale, starts


def visited_states(
    sde: AbstractSDE,
    key,
    *,
    number: int,
    time_scale: float,
    starts: Float[Matrix, "M k"],
    meter: AbstractMeter = SILENT,
) -> Float[Matrix, "number k"]:
    """States from 256 burnt-in trajectories of the target, a quarter of a time scale apart.

    The trajectories set out from `starts`, scattered by the spread of `starts`, so that several
    basins have a chance. Raises `ComputationError` when the target diverges.
    """
    trajectories = min(256, number)
    key_scatter, key_run = jax.random.split(key)
    seed = int(jax.random.randint(key_scatter, (), 0, 2**31 - 1))
    rng = np.random.default_rng(seed)
    origins = starts[rng.integers(len(starts), size=trajectories)]
    origins = origins + 0.3 * starts.std(axis=0) * rng.standard_normal(origins.shape)
    saves = -(-number // trajectories)
    burn_in = 40
    duration = (burn_in + saves / 4) * time_scale
    run = _run(sde, origins, duration, time_scale, key_run, saves_per_time_scale=4, meter=meter)
    states = run[:, -saves:].reshape(-1, sde.dim)
    rng.shuffle(states)
    return states[:number]


def _run(sde, starts, duration, time_scale, key, *, saves_per_time_scale=4, meter=SILENT):
    """Trajectories (M, T, k); the step is refined up to 16-fold if the run does not stay finite."""
    for refinement in (1, 4, 16):
        per_save = refinement * round(STEPS_PER_TIME_SCALE / saves_per_time_scale)
        run = simulate(
            sde,
            duration=duration,
            dt=time_scale / saves_per_time_scale / per_save,
            key=key,
            num_trajectories=len(starts),
            start=starts,
            save_every=per_save,
            meter=meter,
            throw=False,
        )
        if run.outcome is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
        if run.outcome.ok:
            return np.asarray(run.states, dtype=np.float64)
    raise ComputationError(
        f"{sde.name} diverges: trajectories from around its start became non-finite by "
        f"t = {run.times[-1]:.3g} even with steps of {time_scale / 800:.2g}; give the SDE a start "
        "inside its attractor's basin, or match it on given states (states=) or in a box (box=)"
    )


def _stiffness(sde: AbstractSDE, states: Float[Matrix, "M k"]) -> float:
    """The largest rate of the linearised drift around these states, by finite differences."""
    step = 1e-4 * (1 + np.abs(states).max())
    base = drifts(sde, states)
    if not np.all(np.isfinite(base)):
        raise InputError(
            f"the drift of {sde.name} is not finite around its start; pass start= to the SDE"
        )
    columns = [(drifts(sde, states + step * e) - base) / step for e in np.eye(sde.dim)]
    return float(np.max(np.linalg.norm(np.stack(columns, axis=-1), axis=(1, 2))))


@dataclass(frozen=True)
class Design:
    """Weighted states to match at, in whitened coordinates.

    - `states`: z', shape (N, k), in random order; `weights`: shape (N,), with sum 1.
    - `drifts`: f', shape (N, k), in whitened coordinates.
    - `visited`: the visited states, whitened, shape (P, k).
    """

    states: Float[Matrix, "N k"]
    drifts: Float[Matrix, "N k"]
    weights: Float[Matrix, " N"]
    visited: Float[Matrix, "P k"]


def design(
    sde: AbstractSDE,
    visited: Float[Matrix, "P k"],
    whitening: Whitening,
    number: int,
    rng: np.random.Generator,
    *,
    voxel: float = 0.3,
    jitter: float = 0.05,
    stretch: float = 0.3,
    rim_weight: float = 0.1,
    halo_weight: float = 0.001,
) -> Design:
    """States to match at: six tenths core, three tenths rim, one tenth halo.

    - Core: visited states drawn with probability density^(−1/2) (counted in voxels) and weighted
      back to the visited density, spread by `jitter` standard deviations.
    - Rim: visited states drawn evenly over their support, moved outward by a factor 1 + |`stretch`
      × normal| and spread further; the fit must hold when the network strays.
    - Halo: a ball of 1.3 times the largest radius, so that what lies beyond the data flows back.

    Rim and halo count by relative error (weight / (1 + |f'|²/⟨|f'|²⟩)), and drifts in the halo are
    shortened to twice the longest visited one: only the direction of the return matters there.
    """
    z = whitening.whiten(visited)
    P, k = z.shape
    counts = _voxel_counts(z, voxel)
    num_core, num_rim = int(0.6 * number), int(0.3 * number)
    num_halo = number - num_core - num_rim
    radius = np.linalg.norm(z, axis=1).max()

    probability = counts**-0.5
    probability /= probability.sum()
    chosen = rng.choice(P, num_core, p=probability)
    core = z[chosen] + jitter * rng.standard_normal((num_core, k))
    core_weights = 1 / probability[chosen]

    chosen = rng.choice(P, num_rim, p=(1 / counts) / np.sum(1 / counts))
    outward = 1 + stretch * np.abs(rng.standard_normal((num_rim, 1)))
    rim = z[chosen] * outward + stretch * rng.standard_normal((num_rim, k))

    halo = rng.standard_normal((num_halo, k))
    halo *= 1.3 * radius * rng.random((num_halo, 1)) / np.linalg.norm(halo, axis=1, keepdims=True)

    states = np.concatenate([core, rim, halo])
    rates = whitening.whiten_rates(drifts(sde, whitening.unwhiten(states)))
    if not np.all(np.isfinite(rates[:num_core])):
        raise ComputationError(
            f"the drift of {sde.name} is not finite on part of the states that it visits"
        )
    typical = np.average(np.sum(rates[:num_core] ** 2, axis=1), weights=core_weights)
    longest = np.linalg.norm(rates[:num_core], axis=1).max()
    rates[num_core + num_rim :] = _shorten(rates[num_core + num_rim :], 2 * longest)
    relative = 1 / (1 + np.sum(rates**2, axis=1) / typical)
    weights = np.concatenate([
        core_weights / core_weights.sum(),
        rim_weight * relative[num_core : num_core + num_rim] / max(num_rim, 1),
        halo_weight * relative[num_core + num_rim :] / max(num_halo, 1),
    ])
    usable = np.all(np.isfinite(rates), axis=1)
    order = rng.permutation(np.flatnonzero(usable))
    weights = weights[order] / weights[order].sum()
    return Design(states[order], rates[order], weights, z)


def _shorten(rates: Float[Matrix, "N k"], longest: float) -> Float[Matrix, "N k"]:
    """Rates no longer than `longest`; their directions are kept."""
    length = np.linalg.norm(rates, axis=1, keepdims=True)
    return rates * np.minimum(1, longest / np.maximum(length, np.finfo(float).tiny))


def _voxel_counts(z: Float[Matrix, "P k"], edge: float) -> Float[Matrix, " P"]:
    """How many of the states share each one's voxel."""
    voxels = np.floor(z / edge).astype(np.int64)
    # One integer a voxel: a random linear hash, which wraps around without harm.
    multipliers = np.random.default_rng(0).integers(1, 2**62, size=z.shape[1]) | 1
    _, inverse, counts = np.unique(voxels @ multipliers, return_inverse=True, return_counts=True)
    return counts[inverse].astype(float)
