r"""Many paths side by side, in steps that control their own error or in steps of one size.

Nothing here has a unit. A step h is accepted if, in every coordinate, for every path,

    ½ |f(z + f h + σ dB) − f(z)| h  ≤  2 % of (what the paths have spanned + |σ dB| + |f h|)

and if the noise itself changes little over it, in the mean over the paths,

    |σ(z + …) dB − σ(z) dB|  ≤  15 % of (|σ dB| + |f h| + a third of the paths' usual |σ dB|)

so that multiplicative noise does not step across the place where it vanishes. A step that fails, or
is not finite, is taken back and h cut. All paths share h: what comes of it is a step for all.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.compilation import compiled
from driftmatch.simulation.noise import block_of_normals, trajectory_keys

ROWS = 256  # samples that one call keeps, at most
PATIENCE = 400  # steps in a row that may fail before the paths are given up
_DRIFT_ERROR, _NOISE_ERROR = 0.02, 0.15
_USUAL = 0.3  # of the paths' usual noise: less than that may change by more than itself
BEYOND = 1e-3  # of what is spanned: so far a step may lead beyond a bound
_TURN = 0.25  # of a period
_GROWTH, _CUT = 1.5, 1 / 3
_WARMING = 32  # steps of a call before its smallest step counts


class Ensemble(NamedTuple):
    """Paths on their way.

    - `states`, `lost`: where they are, and what rounding took from the sums that led there.
    - `dt`: the step to try next. - `low`, `high`: what has been spanned, or most of it: a spike
      that has been once must not make errors small that come later.
    - `steps`: tried in all, which counts the noise.
    """

    states: Float[Array, "M k"]
    lost: Float[Array, "M k"]
    dt: Float[Array, ""]
    low: Float[Array, " k"]
    high: Float[Array, " k"]
    steps: Int[Array, ""]


class Stretch(NamedTuple):
    """What one call has recorded.

    - `samples`: of which the first `rows` count, shape (ROWS, M, k).
    - `least`: the smallest step that was accepted; `limited`: how many steps the error held back.
    - `failed`: how many of the last steps in a row were not finite.
    """

    samples: Float[Array, "rows M k"]
    rows: Int[Array, ""]
    least: Float[Array, ""]
    limited: Int[Array, ""]
    failed: Int[Array, ""]


def _trial(sde: AbstractSDE, now: Ensemble, h, dB, period, bounds) -> tuple[Array, Array, Array]:
    """By what a step of size h changes the states, its error over what is allowed, and whether what
    it leads to is finite."""
    z, numbers = now.states, jnp.finfo(now.states.dtype)
    largest = numbers.max**0.3  # beyond that, squares and cubes overflow
    tiny, eps = numbers.tiny, numbers.eps
    f, kick = jax.vmap(sde.drift)(z), jax.vmap(sde.noise)(z, dB)
    trial = z + (f * h + kick)
    after = jax.vmap(sde.drift)(trial)
    # Heun's step, its second slope half way to what that step leads to: of weak order 2 as his,
    # and a rotation by ωh gains (ωh)⁶/128 of amplitude instead of (ωh)⁴/8.
    again = jax.vmap(sde.drift)(z + 0.5 * (f + after) * h + kick)
    change = (0.5 * f + 0.25 * (after + again)) * h + kick + now.lost
    new = z + change
    finite = jnp.all(jnp.abs(new) < largest)

    move, size = jnp.abs(f) * h, jnp.abs(kick)
    spanned = jnp.minimum(now.high - now.low, period)
    scale = spanned + jnp.max(move, axis=0) + jnp.max(size, axis=0)
    error = 0.5 * jnp.max(jnp.abs(after - f), axis=0) * h
    # What rounding hides is no error: paths that have hardly left an offset would never get on.
    allowed = _DRIFT_ERROR * scale + 4 * eps * jnp.max(jnp.abs(z), axis=0) + tiny
    # What has not moved yet has no scale: whatever sets it going is all of it.
    error = jnp.max(jnp.where(now.high > now.low, error / allowed, 0.0))
    if not sde.has_constant_diffusion:
        turned = jnp.abs(jax.vmap(sde.noise)(trial, dB) - kick)
        usual = _USUAL * jnp.sqrt(jnp.mean(size**2, axis=0))
        ratio = jnp.where(size > 0, turned / (size + move + usual + tiny), 0.0)
        rms = jnp.sqrt(jnp.mean(jnp.minimum(ratio, 1.0) ** 2, axis=0))
        error = jnp.maximum(error, jnp.max(rms) / _NOISE_ERROR)
    # Even where all is uniform, an angle must not turn too far in a step.
    error = jnp.maximum(error, jnp.max((move + size) / (_TURN * period)))
    # Nor may a step lead across a bound: the drift is made for one side of it.
    beyond = jnp.max(jnp.maximum(bounds[0] - new, new - bounds[1]), axis=0)
    error = jnp.where(jnp.any(beyond > BEYOND * scale + tiny), jnp.inf, error)
    error = jnp.where(finite, error, jnp.inf)
    return change, error, finite


@compiled
def advance(
    sde: AbstractSDE,
    ensemble: Ensemble,
    key: PRNGKeyArray,
    spacing: Float[Array, ""],
    most_rows: Int[Array, ""],
    most_steps: Int[Array, ""],
    is_fixed: Array,
    is_first: Array,
    period: Float[Array, " k"],
    bounds: Float[Array, "2 k"],
) -> tuple[Ensemble, Stretch]:
    """Go on until so many samples, `spacing` apart, are recorded, or so many steps are tried.

    `is_fixed`: take steps of `ensemble.dt`, whatever their error. `is_first`: what has been spanned
    is not known yet, and grows. `period`: what a coordinate's span is counted up to, infinite for
    most; `bounds`: those that steps must not cross, lower and upper. All numbers are traced: one
    compilation for an SDE.
    """
    M, k = ensemble.states.shape
    dtype = ensemble.states.dtype
    keys = trajectory_keys(key, M)

    def step(carry):
        now, elapsed, stretch, tried = carry
        left = spacing - elapsed
        h = jnp.where(is_fixed, now.dt, jnp.minimum(now.dt, left))
        z = now.states
        normal = block_of_normals(keys, now.steps, 1, sde.noise_dim)[0].T
        dB = jnp.sqrt(h) * normal.astype(dtype)
        change, error, finite = _trial(sde, now, h, dB, period, bounds)
        new = z + change
        accepted = is_fixed | (error <= 1)

        factor = jnp.clip(0.9 / jnp.sqrt(jnp.maximum(error, 1e-6)), _CUT, _GROWTH)
        is_cut_short = ~is_fixed & (left < now.dt)  # its error says little of the step to come
        factor = jnp.where(accepted & is_cut_short, 1.0, factor)
        grows = accepted & is_first
        saved = accepted & (elapsed + h > spacing - 0.01 * h)
        moved = Ensemble(
            jnp.where(accepted, new, z),
            jnp.where(accepted, change - (new - z), now.lost),
            jnp.where(is_fixed, now.dt, now.dt * factor),
            jnp.where(grows, jnp.minimum(now.low, jnp.min(new, axis=0)), now.low),
            jnp.where(grows, jnp.maximum(now.high, jnp.max(new, axis=0)), now.high),
            now.steps + 1,
        )
        counts = accepted & (tried >= _WARMING) & ~is_cut_short
        recorded = Stretch(
            # A row is overwritten until the step that it is kept for: cheaper than a branch.
            stretch.samples.at[stretch.rows].set(moved.states),
            stretch.rows + saved,
            jnp.where(counts, jnp.minimum(stretch.least, h), stretch.least),
            stretch.limited + (error > 0.3),
            jnp.where(finite, 0, stretch.failed + 1),
        )
        elapsed = jnp.where(saved, 0.0, jnp.where(accepted, elapsed + h, elapsed))
        return moved, elapsed, recorded, tried + 1

    def unfinished(carry):
        _, _, stretch, tried = carry
        gave_up = stretch.failed > jnp.where(is_fixed, 0, PATIENCE)
        return (stretch.rows < most_rows) & (tried < most_steps) & ~gave_up

    zero = jnp.zeros((), jnp.int32)
    empty = Stretch(
        jnp.zeros((ROWS + 1, M, k), dtype), zero, jnp.asarray(jnp.inf, dtype), zero, zero
    )
    carry = ensemble, jnp.zeros((), dtype), empty, zero
    now, _, stretch, _ = jax.lax.while_loop(unfinished, step, carry)
    return now, stretch
