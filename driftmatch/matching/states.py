"""Where to match: states that the target visits, and what lies around them.

Errors are averaged over the states that the target visits (`visited_states`). The states that a
fit is given (`design`) are not drawn like that: a plain draw leaves the rare, fast excursions of a
chaotic flow to chance. They are drawn evenly enough to cover the tails and weighted back.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from driftmatch.errors import ComputationError, InputError
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.matching.confinement import Guards
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.outcomes import Outcome
from driftmatch.sampling.whitening import Whitening
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.simulate import simulate

Matrix = np.ndarray

STEPS_PER_TIME_SCALE = 50
NUM_VISITED = 200_000
NUM_HELD_OUT = 20_000


def rate_of(whitened_drifts: Float[Matrix, "N k"]) -> float:
    """The root-mean-square whitened drift per coordinate: the inverse of the time scale."""
    return float(np.sqrt(np.mean(whitened_drifts**2)))


def characteristic_time(sde: AbstractSDE, key) -> tuple[float, Float[Matrix, "M k"]]:
    """The time in which the state changes by about its own size, and states on the attractor.

    Taken from `sde.time_scale` and `sde.starts` where they are given; otherwise from short runs,
    each of which sets the step of the next.
    """
    keys = iter(jax.random.split(key, 8))
    given = np.zeros((1, sde.dim)) if sde.starts is None else np.asarray(sde.starts)
    scale = sde.time_scale or 1 / max(_fastest_rate(sde, given[0]), 1e-12)
    starts = _scattered(sde, given, scale, spread=0.3)
    for attempt in range(4):
        try:
            run = _run(sde, starts, 40 * scale, scale, next(keys))
        except ComputationError:
            if attempt > 0:
                raise
            # Some starts may lie outside the basin: the next ones lie close to those given.
            starts = _scattered(sde, given, scale, spread=0.003)
            run = _run(sde, starts, 40 * scale, scale, next(keys))
        starts = run[:, -1]
        if sde.time_scale is not None:
            break
        states = run[:, run.shape[1] // 2 :].reshape(-1, sde.dim)
        if np.all(states.std(axis=0) <= 1e-9 * (1 + np.abs(states.mean(axis=0)))):
            break
        rates = Whitening.of(states).whiten_rates(drifts(sde, states))
        previous, scale = scale, 1 / rate_of(rates)
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

    The trajectories set out from `starts`, moved a little so that no two are the same. Raises
    `ComputationError` when the target diverges.
    """
    trajectories = min(256, number)
    key_scatter, key_run = jax.random.split(key)
    seed = int(jax.random.randint(key_scatter, (), 0, 2**31 - 1))
    rng = np.random.default_rng(seed)
    origins = starts[rng.integers(len(starts), size=trajectories)]
    origins = origins + 0.03 * starts.std(axis=0) * rng.standard_normal(origins.shape)
    saves = -(-number // trajectories)
    burn_in = 40
    duration = (burn_in + saves / 4) * time_scale
    run = _run(sde, origins, duration, time_scale, key_run, saves_per_time_scale=4, meter=meter)
    run = run[:, -saves:]
    if saves >= 200:  # long enough for a rare but bounded excursion to have shown early
        _check_bounded(sde, run)
    states = run.reshape(-1, sde.dim)
    rng.shuffle(states)
    return states[:number]


def _check_bounded(sde: AbstractSDE, run: Float[Matrix, "M T k"]) -> None:
    """Refuse trajectories of which some keep running away, though they stay finite."""
    quarter = max(1, run.shape[1] // 4)
    extent = np.abs(run - np.median(run, axis=(0, 1)))
    early, late = extent[:, :quarter].max(axis=(0, 1)), extent[:, -quarter:].max(axis=(0, 1))
    if np.any(late > 20 * early):
        raise ComputationError(
            f"trajectories of {sde.name} run away from its attractor, to {late.max():.2g} from "
            "its middle: lower the noise, or match it on given states (states=) or in a box (box=)"
        )


def _run(
    sde, starts, duration, time_scale, key, *, saves_per_time_scale=4, meter: AbstractMeter = SILENT
):
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
        f"t = {run.times[-1]:.3g} even with steps of {time_scale / 800:.2g}; lower its noise, "
        "give it a start inside its attractor's basin, or match it on given states (states=) or in "
        "a box (box=)"
    )


def _fastest_rate(sde: AbstractSDE, state: Float[Matrix, " k"]) -> float:
    """The size of the linearised drift, an inverse time."""
    with jax.enable_x64(True):
        slopes = np.asarray(jax.jacfwd(sde.drift)(jnp.asarray(state, jnp.float64)))
    if not np.all(np.isfinite(slopes)):
        raise InputError(
            f"the drift of {sde.name} is not differentiable at its start {state.tolist()}; "
            "pass start= and time_scale= to the SDE"
        )
    return float(np.linalg.norm(slopes))


def _scattered(sde, given, scale, *, spread) -> Float[Matrix, "M k"]:
    """64 states around the given ones, in turn: `spread` times as far as the SDE goes from there in
    a time scale."""
    D = diffusion_matrices(sde, given)
    reach = np.abs(drifts(sde, given)) * scale
    reach += np.sqrt(2 * np.diagonal(D, axis1=1, axis2=2) * scale)
    if not np.all(np.isfinite(reach)):
        worst = given[np.argmin(np.isfinite(reach).all(axis=1))]
        raise InputError(
            f"the drift or the diffusion of {sde.name} is not finite at {worst.tolist()}; "
            "pass another start= to the SDE"
        )
    farthest = reach.max(axis=1, keepdims=True)
    reach = np.where(farthest > 0, np.where(reach == 0, 0.1 * farthest, reach), 1 + np.abs(given))
    turns = np.arange(max(64, len(given))) % len(given)
    rng = np.random.default_rng(0)
    return given[turns] + spread * reach[turns] * rng.standard_normal((len(turns), sde.dim))


@dataclass(frozen=True)
class Design:
    """Weighted states to match at, in whitened coordinates.

    - `states`: z', shape (N, k), in random order; `weights`: shape (N,), with sum 1.
    - `drifts`: f', shape (N, k), in whitened coordinates.
    """

    states: Float[Matrix, "N k"]
    drifts: Float[Matrix, "N k"]
    weights: Float[Matrix, " N"]


def design(
    sde: AbstractSDE,
    visited: Float[Matrix, "P k"],
    whitening: Whitening,
    number: int,
    rng: np.random.Generator,
    *,
    guards: Guards | None,
    tau: float,
    jitter: float = 0.05,
    stretch: float = 0.3,
    rim_weight: float = 0.1,
    ball_weight: float = 1e-5,
    far_weight: float = 1e-7,
) -> Design:
    """States to match at: core and rim and, inside and outside of the guards, ball and far field.

    - Core: visited states drawn with probability density^(−1/2) (counted in voxels) and weighted
      back to the visited density, spread by `jitter` standard deviations.
    - Rim, a quarter: visited states drawn evenly over their support, moved outward by a factor
      1 + |`stretch` × normal| and spread further: the fit must hold when the network strays.
    - Ball, a tenth: out to 1.3 times the largest radius. Further than a standard deviation from
      every visited state the wanted drift is the way back (`_homeward`), not the target's: an
      outward excursion that the network cannot follow would stall in an attractor.
    - Far field, a twentieth: beyond the guards, with the leak −z'/τ alone as the wanted drift.

    Rim and ball count by relative error, weight / (1 + |f'|²/⟨|f'|²⟩). Ball and far field count so
    little that they cost no accuracy and only settle what the data leave open.
    """
    z = whitening.whiten(visited)
    k = z.shape[1]
    num_rim, num_ball, num_far = number // 4, number // 10, number // 20
    if guards is None:
        num_ball = num_far = 0
    num_core = number - num_rim - num_ball - num_far

    counts = _voxel_counts(z)
    probability = counts**-0.5 / np.sum(counts**-0.5)
    chosen = rng.choice(len(z), num_core, p=probability)
    core = z[chosen] + jitter * rng.standard_normal((num_core, k))
    core_weights = 1 / probability[chosen]

    chosen = rng.choice(len(z), num_rim, p=(1 / counts) / np.sum(1 / counts))
    rim = z[chosen] * (1 + stretch * np.abs(rng.standard_normal((num_rim, 1))))
    rim += stretch * rng.standard_normal((num_rim, k))

    ball = rng.standard_normal((num_ball, k))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    ball *= 1.3 * np.linalg.norm(z, axis=1).max() * rng.random((num_ball, 1))

    states = np.concatenate([core, rim, ball])
    rates = whitening.whiten_rates(drifts(sde, whitening.unwhiten(states)))
    squares = np.sum(rates**2, axis=1)
    defined = np.isfinite(squares)
    if not sde.has_constant_diffusion:
        D = diffusion_matrices(sde, whitening.unwhiten(states))
        defined &= np.all(np.isfinite(D), axis=(1, 2))
    if np.mean(defined[:num_core]) < 0.9:
        raise ComputationError(
            f"the drift or the diffusion of {sde.name} is not finite on part of the states that it "
            "visits: mend it there, or match on given states (states=) or in a box (box=)"
        )
    # Rim and ball may reach to where the SDE is not defined, such as beyond a boundary at 0.
    states, rates, squares = states[defined], rates[defined], squares[defined]
    core_weights = core_weights[defined[:num_core]]
    num_rim = int(np.sum(defined[num_core : num_core + num_rim]))
    num_core = len(core_weights)
    num_ball = len(states) - num_core - num_rim
    typical = np.average(squares[:num_core], weights=core_weights)
    relative = 1 / (1 + squares[num_core:] / typical)
    weights = [core_weights / core_weights.sum(), rim_weight * relative[:num_rim] / max(num_rim, 1)]
    if guards is not None:
        longest = np.sqrt(squares[:num_core].max())
        back = slice(num_core + num_rim, None)
        rates[back] = _homeward(states[back], rates[back], z, np.sqrt(typical), longest)
        relative = 1 / (1 + np.sum(rates[back] ** 2, axis=1) / typical)
        weights.append(ball_weight * relative / max(num_ball, 1))
        far = guards.far_states(num_far, rng)
        weights = [np.concatenate(weights) * (guards.alertness(states) < 0.02)]
        weights.append(np.full(num_far, far_weight / num_far))
        states, rates = np.concatenate([states, far]), np.concatenate([rates, -far / tau])
    weights = np.concatenate(weights)
    order = rng.permutation(len(weights))
    return Design(states[order], rates[order], weights[order] / weights[order].sum())


def _homeward(states, rates, visited, speed, longest, *, near=0.5, far=1.0):
    """Drifts that lead back to the visited states.

    From `near` to `far` (whitened distance to the nearest visited state) the target's drift gives
    way to the same drift without its outward part, cut to the length `longest`, plus a homeward
    one of the given speed.
    """
    distance, nearest = KDTree(visited[:50_000]).query(states, workers=-1)
    outward = (states - visited[nearest]) / np.maximum(distance, 1e-12)[:, None]
    rates = np.nan_to_num(rates, nan=0.0, posinf=0.0, neginf=0.0)
    length = np.linalg.norm(rates, axis=1, keepdims=True)
    cut = rates * np.minimum(1, longest / np.maximum(length, np.finfo(float).tiny))
    along = np.maximum(np.sum(cut * outward, axis=1, keepdims=True), 0)
    back = cut - (along + speed) * outward
    ramp = np.clip((distance - near) / (far - near), 0, 1)[:, None]
    return (1 - ramp) * rates + ramp * back


def _voxel_counts(z: Float[Matrix, "P k"], edge: float = 0.3) -> Float[Matrix, " P"]:
    """How many of the states share each one's voxel."""
    voxels = np.floor(z / edge).astype(np.int64)
    # One integer a voxel: a random linear hash, which wraps around without harm.
    multipliers = np.random.default_rng(0).integers(1, 2**62, size=z.shape[1]) | 1
    _, inverse, counts = np.unique(voxels @ multipliers, return_inverse=True, return_counts=True)
    return counts[inverse].astype(float)
