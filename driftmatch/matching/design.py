"""Where to match: states that the target visits, and what lies around them.

Errors are averaged over the states that the target visits. The states that a fit is given are not
drawn like that: a plain draw leaves the rare, fast excursions of a
chaotic flow to chance. They are drawn evenly enough to cover the tails and weighted back.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.errors import ComputationError
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.matching.confinement import Guards
from driftmatch.matching.local_error import LocalScales, typical_time
from driftmatch.randomness import generator
from driftmatch.sampling.whitening import Whitening

Matrix = np.ndarray

NUM_VISITED = 200_000
NUM_HELD_OUT = 20_000
_DEFINED = 0.5  # of the core at least: near a bound much of what is spread lies beyond it


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
    bounds: Float[Matrix, "2 k"] | None = None,
    jitter: float = 0.05,
    stretch: float = 0.3,
    private_noise: float = 0.01,
    rim_weight: float = 0.1,
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

    Nothing but the ball lies beyond the `bounds` that the target keeps.

    Core, rim and ball count more where little moves the state, by the root of the local error's
    weight: halfway between ε_f and ε_ℓ. Rim and ball count by relative error too,
    weight / (1 + |f'|²/⟨|f'|²⟩). Ball and far field count so
    little, the ball as much as the private noise, that they cost no accuracy and only settle what
    the data leave open.
    """
    ball_weight = np.clip(private_noise, 1e-4, 1e-2) ** 2
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
    rim = _rim(z, counts, num_rim, stretch, rng)
    states = np.concatenate([core, rim, _ball(z, num_ball, rng)])
    rates = whitening.whiten_rates(drifts(sde, whitening.unwhiten(states)))
    squares = np.sum(rates**2, axis=1)
    defined = np.isfinite(squares)
    if not sde.has_constant_diffusion:
        D = diffusion_matrices(sde, whitening.unwhiten(states))
        defined &= np.all(np.isfinite(D), axis=(1, 2))
    if bounds is not None:
        visits = slice(0, num_core + num_rim)
        here = whitening.unwhiten(states[visits])
        defined[visits] &= np.all((here >= bounds[0]) & (here <= bounds[1]), axis=1)
    if np.mean(defined[:num_core]) < _DEFINED:
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
    time = typical_time(sde, visited[:NUM_HELD_OUT], whitening)
    scales = LocalScales.of(sde, whitening.unwhiten(states), whitening, time)
    local = np.sqrt(scales.weights)
    local /= np.average(local[:num_core], weights=core_weights)
    weights = [core_weights / core_weights.sum(), rim_weight * relative[:num_rim] / max(num_rim, 1)]
    if guards is not None:
        longest = np.sqrt(squares[:num_core].max())
        back = slice(num_core + num_rim, None)
        rates[back] = _homeward(states[back], rates[back], z, np.sqrt(typical), longest)
        relative = 1 / (1 + np.sum(rates[back] ** 2, axis=1) / typical)
        weights.append(ball_weight * relative / max(num_ball, 1))
        far = guards.far_states(num_far, rng)
        weights = [np.concatenate(weights) * local * (guards.alertness(states) < 0.02)]
        weights.append(np.full(num_far, far_weight / num_far))
        states, rates = np.concatenate([states, far]), np.concatenate([rates, -far / tau])
    else:
        weights = [np.concatenate(weights) * local]
    weights = np.concatenate(weights)
    order = rng.permutation(len(weights))
    return Design(states[order], rates[order], weights[order] / weights[order].sum())


def _rim(z, counts, number, stretch, rng):
    """Visited states drawn evenly over their support, moved outward and spread."""
    chosen = rng.choice(len(z), number, p=(1 / counts) / np.sum(1 / counts))
    rim = z[chosen] * (1 + stretch * np.abs(rng.standard_normal((number, 1))))
    return rim + stretch * rng.standard_normal(rim.shape)


def _ball(z, number, rng):
    """States in all directions, out to 1.3 times the largest radius."""
    ball = rng.standard_normal((number, z.shape[1]))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    return ball * 1.3 * np.linalg.norm(z, axis=1).max() * rng.random((number, 1))


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
    cut = rates * (longest / np.maximum(length, max(longest, np.finfo(float).tiny)))
    along = np.maximum(np.sum(cut * outward, axis=1, keepdims=True), 0)
    back = cut - (along + speed) * outward
    ramp = np.clip((distance - near) / (far - near), 0, 1)[:, None]
    return (1 - ramp) * rates + ramp * back


def _voxel_counts(z: Float[Matrix, "P k"], edge: float = 0.3) -> Float[Matrix, " P"]:
    """How many of the states share each one's voxel."""
    voxels = np.floor(z / edge).astype(np.int64)
    # One integer a voxel: a random linear hash, which wraps around without harm.
    multipliers = generator().integers(1, 2**62, size=z.shape[1]) | 1
    _, inverse, counts = np.unique(voxels @ multipliers, return_inverse=True, return_counts=True)
    return counts[inverse].astype(float)
