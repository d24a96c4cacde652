"""Basin check: does the network end where the target ends, from wherever it starts?"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from driftmatch.analysis.intervals import wilson_interval
from driftmatch.errors import InputError
from driftmatch.matching.states import characteristic_time
from driftmatch.matching.whitening import Whitening
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import LatentSDE, Network
from driftmatch.sde import AbstractSDE
from driftmatch.simulation.simulate import simulate

SETTLING = 200  # time scales before a stretch is looked at
STRETCH = 200  # time scales looked at, one sample each
ROUNDS = 5  # how often a doubtful trajectory may settle further
TOLERANCE = 0.25  # standard deviations of the target by which a faithful network may be off
_BATCH = 128
_MAX_STEPS = 20 * (SETTLING + STRETCH)
_DIVERGED = 1e9  # standard deviations
_LONGEST_STEP = 0.5  # time scales
_STEP_TOLERANCE = 1e-3  # of error a step, in standard deviations of the target
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERRORS = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
_NUM_REFERENCE = 256


@dataclass(frozen=True)
class BasinCheck:
    """Where a network ends that was embedded to end where its target does.

    Every fraction is None where it is not defined, and stands beside its 95 % Wilson interval.

    - `spurious_fraction`: of noise-free starts, uniform in the ball of 10 times the target's
      radius (whitened coordinates), the fraction that ends anywhere but on the target's attractor.
    - `spurious_fraction_box`: the same from the network's absorbing box |z_j| ≤ Σ_i |W_s,ji|;
      None unless φ is bounded.
    - `escaped_fraction`: of noisy paths started on target states, the fraction that has left the
      region of these states and stays outside until the end.
    - `num_starts`, `num_paths`: the numbers of noise-free starts (each) and of noisy paths.
    """

    spurious_fraction: float | None
    spurious_interval: tuple[float, float] | None
    spurious_fraction_box: float | None
    spurious_interval_box: tuple[float, float] | None
    escaped_fraction: float
    escaped_interval: tuple[float, float]
    num_starts: int
    num_paths: int


def basins(
    system: Network | AbstractSDE,
    target: AbstractSDE,
    states: Float[np.ndarray, "*samples k"],
    *,
    key,
    num_starts: int = 512,
    num_paths: int = 256,
    paths: Float[np.ndarray, "M T k"] | None = None,
    time_scale: float | None = None,
    dt: float | None = None,
    meter: AbstractMeter = SILENT,
) -> BasinCheck:
    r"""Look for attractors that a network holds and its target has not.

    A noise-free trajectory is looked at for a stretch of 200 time scales after as many to settle.
    It is on the target's attractor if it passes two tests, which compare it with stretches of the
    noise-free target, set out from `states` and settled for as long:

    1. its points lie within reach of the target's;
    2. it covers what the target covers: the mean and the standard deviation of its coordinates over
       the stretch are near to those of some stretch of the target. A fixed point within the cloud
       of a chaotic attractor, or inside a limit cycle, passes the first test and fails this one.

    "Near" is three times the distance within which all but one in a thousand of the target's own points
    (stretches) have a neighbour among the others, and at least a quarter of a standard deviation.
    A trajectory that fails goes on for up to four times as long, since a chaotic flow may be slow to
    leave the neighbourhood of an unstable point, and the last stretch decides. Non-finite ones fail.
    All distances are taken in whitened coordinates z' = L⁻¹(z − μ).

    **Arguments**

    - `system`: the network (or any SDE) to judge.
    - `target`: the SDE that it embeds.
    - `states`: states that the target visits, shape (..., k), the more the better.
    - `num_starts`: noise-free starts in the ball, and again in the box.
    - `num_paths`: noisy paths of 200 time scales each, simulated unless `paths` of the system, set
      out from target states, are at hand, shape (M, T, k).
    - `time_scale`, `dt`: by default the target's time scale, and a 25th of it as the time step of
      the noisy paths. Noise-free trajectories choose their own steps.

    Raises `InputError` if the dimensions differ.
    """
    sde = system.latent() if isinstance(system, Network) else system
    states = np.asarray(states, dtype=np.float64).reshape(-1, np.shape(states)[-1])
    if not sde.dim == target.dim == states.shape[1]:
        raise InputError(
            "network, target and states must have one dimension, "
            f"got {sde.dim}, {target.dim} and {states.shape[1]}"
        )
    key_scale, key_paths, key_draws = jax.random.split(key, 3)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key_draws)))
    if time_scale is None:
        time_scale = target.time_scale or characteristic_time(target, key_scale)[0]
    whitening = Whitening.of(states)
    cloud = whitening.whiten(states)

    meter.start("basin check", 4)
    try:
        attractor = _Attractor(_Flow(target, whitening, time_scale), cloud, rng)
        meter.advance(1)
        ball = _ball(10 * np.linalg.norm(cloud, axis=1).max(), num_starts, target.dim, rng)
        flow = _Flow(sde, whitening, time_scale)
        in_ball = _spurious(flow, attractor, ball)
        meter.advance(1)
        box = _box(sde, num_starts, rng)
        in_box = None if box is None else _spurious(flow, attractor, whitening.whiten(box))
        meter.advance(1)
        if paths is None:
            paths = simulate(
                system, duration=SETTLING * time_scale, dt=dt or time_scale / 25, key=key_paths,
                num_trajectories=num_paths, save_every=100, throw=False,
                start=states[rng.integers(len(states), size=num_paths)],
            ).states  # fmt: skip
        escaped = _escaped(whitening, cloud, paths, rng)
        meter.advance(1)
    finally:
        meter.stop()
    return BasinCheck(
        *_fraction(in_ball),
        *_fraction(in_box),
        *_fraction(escaped),
        num_starts=num_starts,
        num_paths=len(paths),
    )


@dataclass(frozen=True)
class _Flow:
    """A noise-free flow in whitened coordinates."""

    sde: AbstractSDE
    whitening: Whitening
    time_scale: float

    def stretches(self, starts: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "N P k"]:
        """The stretch of every trajectory after settling; NaN where it did not stay finite."""
        N = len(starts)
        padded = np.resize(starts, (-(-N // _BATCH) * _BATCH, starts.shape[1]))
        runs = [
            _settle(
                self.sde,
                self.whitening.mean,
                self.whitening.factor,
                jnp.asarray(batch, dtype=float),
                jnp.asarray(self.time_scale, dtype=float),
            )
            for batch in padded.reshape(-1, _BATCH, starts.shape[1])
        ]
        stretches = np.concatenate([np.asarray(run) for run in runs])[:N]
        return np.where(np.isfinite(stretches).all(axis=(1, 2), keepdims=True), stretches, np.nan)


@eqx.filter_jit
def _settle(sde, mean, factor, starts, time_scale):
    """The stretches of a batch, shape (N, P, k); NaN where one cannot go on.

    Steps are Dormand and Prince's of order 5(4), each trajectory with its own size, since far away
    a network may be stiff. They are never long, or else their damping would turn a weakly unstable
    spiral into a stable one. Time is counted in time scales.
    """
    end = SETTLING + STRETCH
    inverse = jnp.linalg.inv(factor)
    field = jax.vmap(lambda z: time_scale * (inverse @ sde.drift(mean + factor @ z)))

    def unfinished(carry):
        (_, _, t, _), _, steps = carry
        return jnp.any(t < end) & (steps < _MAX_STEPS)

    def step(carry):
        (z, f, t, h), samples, steps = carry
        new, new_f, error = _dormand_prince(field, z, f, h[:, None])
        size = jnp.max(jnp.abs(error) / (1 + jnp.abs(z)), axis=1) / _STEP_TOLERANCE
        accepted = size <= 1  # never if NaN
        # At most one whole number, where a sample is due, lies in a step.
        due = jnp.floor(t + h)
        row = jnp.where(accepted & (due > t), due - SETTLING - 1, STRETCH)
        row = jnp.where((row < 0) | (row > STRETCH), STRETCH, row).astype(int)
        value = _hermite(z, f, new, new_f, h[:, None], ((due - t) / h)[:, None])
        samples = samples.at[jnp.arange(len(z)), row].set(value)
        z, f = (jnp.where(accepted[:, None], *pair) for pair in ((new, z), (new_f, f)))
        t = jnp.where(accepted, t + h, t)
        growth = jnp.where(jnp.isfinite(size), 0.9 * jnp.maximum(size, 1e-9) ** (-1 / 5), 0.2)
        h = jnp.minimum(h * jnp.clip(growth, 0.2, 5.0), _LONGEST_STEP)
        stuck = (t + h <= t) | (jnp.max(jnp.abs(z), axis=1) > _DIVERGED)
        t = jnp.where(stuck, end, t)
        return (z, f, t, h), samples, steps + 1

    N, k = starts.shape
    start = (starts, field(starts), jnp.zeros(N), jnp.full(N, 1e-3))
    samples = jnp.full((N, STRETCH + 1, k), jnp.nan)  # the last row takes what is not due
    return jax.lax.while_loop(unfinished, step, (start, samples, 0))[1][:, :STRETCH]


def _dormand_prince(field, z, f, h):
    """The next states, the field there, and the estimated errors."""
    slopes = [f]
    for row in _STAGES:
        new = z + h * sum(a * slope for a, slope in zip(row, slopes, strict=True))
        slopes.append(field(new))
    return new, slopes[-1], h * sum(e * slope for e, slope in zip(_ERRORS, slopes, strict=True))


def _hermite(z, f, new, new_f, h, u):
    """The cubic through both ends of a step with the field's slopes, at the fraction u of it."""
    slope = new - z
    return z + u * slope + u * (1 - u) * ((1 - u) * (h * f - slope) - u * (h * new_f - slope))


class _Novelty:
    """Which points are strange to a set: further from it than the set's own points from each other.

    The threshold is three times the distance to the nearest other point that all but one in a
    thousand of the set's points keep, and at least `TOLERANCE`.
    """

    def __init__(self, points: Float[np.ndarray, "N d"]):
        # Shaken a little, since trees of many identical points, such as a fixed point's, are slow.
        shaken = points + 1e-3 * np.random.default_rng(0).standard_normal(points.shape)
        self.tree = cKDTree(shaken)
        to_others = self.tree.query(shaken, k=2)[0][:, 1]
        self.threshold = max(TOLERANCE, 3 * float(np.quantile(to_others, 0.999)))

    def __call__(self, points: Float[np.ndarray, "*batch d"]) -> np.ndarray:
        finite = np.nan_to_num(points, nan=_DIVERGED, posinf=_DIVERGED, neginf=-_DIVERGED)
        return np.isinf(self.tree.query(finite, distance_upper_bound=self.threshold)[0])


class _Attractor:
    """Where the noise-free target ends, known by many stretches of it."""

    def __init__(self, flow: _Flow, cloud: Float[np.ndarray, "N k"], rng: np.random.Generator):
        starts = cloud[rng.integers(len(cloud), size=_NUM_REFERENCE)]
        runs = []
        for _ in range(ROUNDS):  # noise may have left a start beside an unstable point
            runs.append(flow.stretches(starts if not runs else runs[-1][:, -1]))
        # Two stretches of each, so that an attractor which one start alone finds is known too.
        stretches = np.concatenate(runs[-2:])
        stretches = stretches[np.isfinite(stretches[:, 0, 0])]
        self.is_known = len(stretches) > _NUM_REFERENCE
        if self.is_known:
            self._strange_point = _Novelty(stretches.reshape(-1, cloud.shape[1]))
            self._strange_stretch = _Novelty(_coverage(stretches))

    def holds(self, stretches: Float[np.ndarray, "N P k"]) -> np.ndarray:
        """Whether each stretch lies on the attractor, and covers as much as the target does."""
        astray = self._strange_point(stretches).mean(axis=1) > 0.01
        return ~(astray | self._strange_stretch(_coverage(stretches)))


def _coverage(stretches):
    """Mean and standard deviation of every coordinate over a stretch, shape (N, 2k)."""
    return np.concatenate([stretches.mean(axis=1), stretches.std(axis=1)], axis=1)


def _spurious(flow, attractor, starts):
    """Which starts end elsewhere; None if it is not known where they should end."""
    if not attractor.is_known:
        return None
    doubtful, states = np.arange(len(starts)), starts
    lost = np.zeros(len(starts), dtype=bool)
    for _ in range(ROUNDS):
        stretches = flow.stretches(states)
        failed = ~attractor.holds(stretches)
        doubtful, states = doubtful[failed], stretches[failed, -1]
        diverged = ~np.isfinite(states).all(axis=1)
        lost[doubtful[diverged]] = True
        doubtful, states = doubtful[~diverged], states[~diverged]
        if len(doubtful) == 0:
            break
    lost[doubtful] = True
    return lost


def _escaped(whitening, cloud, paths, rng):
    """Which paths, shape (M, T, k), are outside of the cloud in the whole last fifth of their run."""
    some = cloud[rng.choice(len(cloud), size=min(len(cloud), 50_000), replace=False)]
    last = np.asarray(paths, dtype=np.float64)[:, -max(1, paths.shape[1] // 5) :]
    whitened = whitening.whiten(last.reshape(-1, last.shape[2])).reshape(last.shape)
    return _Novelty(some)(whitened).all(axis=1)


def _ball(radius, number, dim, rng):
    """Points uniform in a ball."""
    directions = rng.standard_normal((number, dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return radius * directions * rng.random((number, 1)) ** (1 / dim)


def _box(sde, number, rng):
    """Points uniform in a network's absorbing box; None for what has none."""
    if not isinstance(sde, LatentSDE) or not sde.network.activation.is_bounded:
        return None
    reach = np.abs(sde.network.readout).sum(axis=1)
    return reach * rng.uniform(-1, 1, size=(number, sde.dim))


def _fraction(which):
    """A fraction and its interval."""
    if which is None:
        return None, None
    return float(np.mean(which)), wilson_interval(int(np.sum(which)), len(which))
