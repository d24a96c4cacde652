"""Basin check: does the network end where the target ends, from wherever it starts?"""

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from scipy.spatial import KDTree

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.intervals import wilson_interval
from driftmatch.analysis.settling import FAR_AWAY, SETTLING, Klimontovich, NoiseFreeFlow
from driftmatch.arguments import (
    check_array,
    check_count,
    check_key,
    check_meter,
    check_positive,
    or_none,
)
from driftmatch.errors import InputError
from driftmatch.meters import SILENT, AbstractMeter, task
from driftmatch.network import Network, as_sde
from driftmatch.randomness import generator
from driftmatch.records import Record
from driftmatch.sampling.angles import OnCircles
from driftmatch.sampling.given import check_samples, samples_of
from driftmatch.sampling.samples import Samples
from driftmatch.sampling.whitening import Whitening
from driftmatch.simulation.simulate import simulate
from driftmatch.words import spelled
from driftmatch.wrappers import unforced

ROUNDS = 5  # how often a doubtful trajectory may settle further
TOLERANCE = 0.25  # standard deviations of the target by which a faithful network may be off
_NUM_REFERENCE = 256
_MANY = 20  # stretches, to tell what is usual among them
_ASIDE = 1e-3  # standard deviations: what is unstable is left


class BasinCheck(Record):
    """Where a network ends that was embedded to end where its target does.

    Every fraction is None where it is not defined, and stands beside its 95 % Wilson interval.

    - `spurious_fraction`: of noise-free starts, uniform in the ball of 10 times the target's
      radius (whitened coordinates), the fraction that ends anywhere but on an attractor of the
      target's. Starts from which the target itself diverges, or is too stiff to be followed, do
      not count; None if there are no others.
    - `spurious_fraction_box`: the same from the network's absorbing box |z_j| ≤ Σ_i |W_s,ji|;
      None unless φ is bounded.
    - `escaped_fraction`: of noisy paths started on target states, the fraction that has left the
      region of these states and stays outside until the end.
    - `num_starts`, `num_paths`: the numbers of noise-free starts (each, before those that do not
      count are left out) and of noisy paths.
    """

    spurious_fraction: float | None
    spurious_interval: tuple[float, float] | None
    spurious_fraction_box: float | None
    spurious_interval_box: tuple[float, float] | None
    escaped_fraction: float
    escaped_interval: tuple[float, float]
    num_starts: int
    num_paths: int


@spelled
def basins(
    system: AbstractSDE,
    target: AbstractSDE,
    states: Float[np.ndarray, "*samples k"],
    *,
    key: PRNGKeyArray,
    num_starts: int = 512,
    num_paths: int = 256,
    paths: Float[np.ndarray, "M T k"] | None = None,
    time_scale: float | None = None,
    samples: Samples | None = None,
    dt: float | None = None,
    meter: AbstractMeter | bool = SILENT,
) -> BasinCheck:
    r"""Look for attractors that a network holds and its target has not.

    A noise-free trajectory is looked at for a stretch of 200 time scales after as many to settle.
    It is on one of the target's attractors if it passes two tests, which compare it with stretches
    of the noise-free target, set out from `states` and from the same starts, and settled for longer
    still:

    1. its points lie within reach of the target's;
    2. it covers what the target covers: the mean and the standard deviation of its coordinates over
       the stretch are near to those of some stretch of the target. A fixed point within the cloud
       of a chaotic attractor, or inside a limit cycle, passes the first test and fails this one.

    "Near" is three times the distance within which all but one in a thousand of the target's own
    points (stretches) have a neighbour among the others, and at least a quarter of a standard
    deviation. A trajectory that fails may settle four times again, since a chaotic flow can be slow
    to leave the neighbourhood of an unstable point; the last stretch decides. Non-finite ones fail.
    Where the target, set out from the end of what fails, stays there and does likewise, that is an
    attractor of its own that no start had found.
    All distances are taken in whitened coordinates z' = L⁻¹(z − μ). Of angles laid out on circles
    the noise-free drift is f − ∇·D, which does not leave these.

    **Arguments**

    - `system`: the network (or any SDE) to judge.
    - `target`: the SDE that it embeds.
    - `states`: states that the target visits, shape (..., k), the more the better.
    - `num_starts`: noise-free starts in the ball, and again in the box.
    - `num_paths`: noisy paths of 200 time scales each, simulated unless `paths` of the system, set
      out from target states, are at hand, shape (M, T, k).
    - `samples`: what `sample` found of the target, for its time scale.
    - `time_scale`, `dt`: by default the target's time scale, and a 25th of it as the time step of
      the noisy paths. Noise-free trajectories choose their own steps.

    Raises `InputError` if the dimensions differ or a number is out of range.
    """
    sde = as_sde(system, error="basins takes a Network or an SDE, and the SDE that is its target")
    if not isinstance(target, AbstractSDE):
        raise InputError(
            "basins takes a Network or an SDE, and the SDE that is its target, "
            f"got {type(system).__name__} and {type(target).__name__}"
        )
    states = check_array("states", states, (..., "k"))
    states = states.reshape(-1, states.shape[-1])
    if not sde.dim == target.dim == states.shape[1]:
        raise InputError(
            "network, target and states must have one dimension, "
            f"got {sde.dim}, {target.dim} and {states.shape[1]}"
        )
    if paths is not None:
        paths = check_array("paths", paths, ("M", "T", sde.dim), finite=False)
    time_scale = or_none(check_positive)("time_scale", time_scale)
    dt = or_none(check_positive)("dt", dt)
    meter = check_meter(meter)
    check_samples(target, samples)
    num_starts = check_count("num_starts", num_starts)
    num_paths = check_count("num_paths", num_paths)
    key_scale, key_paths, key_draws = jax.random.split(check_key(key), 3)
    rng = generator(key_draws)
    if time_scale is None:
        time_scale = target.time_scale or samples_of(target, samples, key_scale).time_scale
    whitening = Whitening.of(states)
    cloud = whitening.whiten(states)

    noise_free = [target, sde]
    if isinstance(target, OnCircles):
        noise_free = [Klimontovich(target), Klimontovich(sde)]
    own_flow, flow = (NoiseFreeFlow(each, whitening, time_scale) for each in noise_free)
    with task(meter, "basin check", 4):
        attractor = _Attractor(own_flow, cloud, rng)
        meter.advance(1)
        ball = _ball(10 * np.linalg.norm(cloud, axis=1).max(), num_starts, target.dim, rng)
        in_ball = _spurious(flow, attractor, ball, rng)
        meter.advance(1)
        box = _box(sde, num_starts, rng)
        in_box = None if box is None else _spurious(flow, attractor, whitening.whiten(box), rng)
        meter.advance(1)
        if paths is None:
            paths = simulate(
                system, duration=SETTLING * time_scale, dt=dt or time_scale / 25, key=key_paths,
                num_trajectories=num_paths, save_every=100, throw=False,
                start=states[rng.integers(len(states), size=num_paths)],
            ).states  # fmt: skip
        escaped = _escaped(whitening, cloud, paths, rng)
        meter.advance(1)
    return BasinCheck(
        *((None, None) if in_ball is None else _fraction(in_ball)),
        *((None, None) if in_box is None else _fraction(in_box)),
        *_fraction(escaped),
        num_starts=num_starts,
        num_paths=len(paths),
    )


class _Novelty:
    """Which points are strange to a set: further from it than the set's own points from each other.

    The threshold is three times the distance to the nearest other point that all but one in a
    thousand of the set's points keep, and at least `TOLERANCE`.
    """

    def __init__(self, points: Float[np.ndarray, "N d"], threshold: float | None = None):
        # Shaken a little, since trees of many identical points, such as a fixed point's, are slow.
        shaken = points + 1e-3 * generator().standard_normal(points.shape)
        self.tree = KDTree(shaken)
        if threshold is None:
            to_others = self.tree.query(shaken, k=2)[0][:, 1]
            threshold = max(TOLERANCE, 3 * float(np.quantile(to_others, 0.999)))
        self.threshold = threshold

    def with_points(self, points: Float[np.ndarray, "N d"]) -> "_Novelty":
        """The same threshold for another set."""
        return _Novelty(points, self.threshold)

    def __call__(self, points: Float[np.ndarray, "*batch d"]) -> np.ndarray:
        finite = np.nan_to_num(points, nan=FAR_AWAY, posinf=FAR_AWAY, neginf=-FAR_AWAY)
        return np.isinf(self.tree.query(finite, distance_upper_bound=self.threshold)[0])


class _Attractor:
    """Where the noise-free target ends, known by many stretches of it."""

    def __init__(
        self, flow: NoiseFreeFlow, cloud: Float[np.ndarray, "N k"], rng: np.random.Generator
    ):
        self.flow = flow
        starts = cloud[rng.integers(len(cloud), size=_NUM_REFERENCE)]
        runs = []
        for _ in range(ROUNDS):  # noise may have left a start beside an unstable point
            runs.append(flow.stretches(starts if not runs else runs[-1][:, -1]))
        # Two stretches of each, so that an attractor which one start alone finds is known too.
        stretches = np.concatenate(runs[-2:])
        stretches = stretches[np.isfinite(stretches[:, 0, 0])]
        self.is_known = len(stretches) > _NUM_REFERENCE
        self._stretches = stretches
        if self.is_known:
            self._strange_point = _Novelty(stretches.reshape(-1, cloud.shape[1]))
            self._strange_stretch = _Novelty(_coverage(stretches))

    def follow(self, starts: Float[np.ndarray, "N k"]) -> np.ndarray:
        """Take note of where the target ends from these starts; whether it ends anywhere."""
        states, runs = starts, []
        for _ in range(ROUNDS):  # as often as a network may settle further
            runs.append(self.flow.stretches(states))
            states = runs[-1][:, -1]
        kept = np.asarray(np.isfinite(states).all(axis=1))
        self._stretches = np.concatenate([self._stretches, *(run[kept] for run in runs[-2:])])
        self._strange_point = self._strange_point.with_points(
            self._stretches.reshape(-1, self._stretches.shape[2])
        )
        self._strange_stretch = self._strange_stretch.with_points(_coverage(self._stretches))
        return kept

    def holds(self, stretches: Float[np.ndarray, "N P k"]) -> np.ndarray:
        """Whether each stretch lies on the attractor, and covers as much as the target does."""
        held = ~self._strange_stretch(_coverage(stretches))
        held[held] = self._strange_point(stretches[held]).mean(axis=1) <= 0.01
        return held

    def stays(self, stretches: Float[np.ndarray, "N P k"], rng: np.random.Generator) -> np.ndarray:
        """Whether the target, set out beside the end of each stretch, goes on likewise.

        Its chaos may be a transient, which no two paths leave at once: of many stretches each may
        go on as any of the target's does.
        """
        if len(stretches) == 0:
            return np.zeros(0, bool)
        ends = np.concatenate([stretches[:, -1]] * 2)
        own = self.flow.stretches(ends + _ASIDE * rng.standard_normal(ends.shape))
        own = _coverage(self.flow.stretches(own[:, -1]))  # in time to leave what is unstable
        found, least = _coverage(stretches), self._strange_stretch.threshold
        off = np.linalg.norm(own[: len(found)] - found, axis=1)
        likewise = off <= least  # false if it diverges
        own = own[np.isfinite(own).all(axis=1)]
        if len(own) < _MANY:
            return likewise
        to_others = KDTree(own).query(own, k=2)[0][:, 1]
        usual = 3 * float(np.quantile(to_others, 0.9))
        return likewise | ~_Novelty(own, max(least, usual))(found)


def _coverage(stretches):
    """Mean and standard deviation of every coordinate over a stretch, shape (N, 2k)."""
    return np.concatenate([stretches.mean(axis=1), stretches.std(axis=1)], axis=1)


def _spurious(flow, attractor, starts, rng):
    """Which of the starts that the target keeps end elsewhere; None if it keeps none, or it is not
    known where they should end."""
    if not attractor.is_known:
        return None
    starts = starts[attractor.follow(starts)]
    if len(starts) == 0:
        return None
    doubtful, states, stretches = np.arange(len(starts)), starts, np.zeros((0, 1, 1))
    lost = np.zeros(len(starts), dtype=bool)
    for _ in range(ROUNDS):
        stretches = flow.stretches(states)
        failed = ~attractor.holds(stretches)
        doubtful, stretches = doubtful[failed], stretches[failed]
        diverged = ~np.isfinite(stretches[:, -1]).all(axis=1)
        lost[doubtful[diverged]] = True
        doubtful, stretches = doubtful[~diverged], stretches[~diverged]
        states = stretches[:, -1]
        if len(doubtful) == 0:
            break
    lost[doubtful] = ~attractor.stays(stretches, rng)
    if lost[doubtful].any():  # what leaves a transient in the middle of a stretch is like nothing
        astray = doubtful[lost[doubtful]]
        lost[astray] = ~attractor.holds(flow.stretches(states[lost[doubtful]]))
    return lost


def _escaped(whitening, cloud, paths, rng) -> np.ndarray:
    """Which paths, shape (M, T, k), are outside of the cloud for all of the last fifth."""
    some = cloud[rng.choice(len(cloud), size=min(len(cloud), 50_000), replace=False)]
    last = np.asarray(paths, dtype=np.float64)[:, -max(1, paths.shape[1] // 5) :]
    whitened = whitening.whiten(last.reshape(-1, last.shape[2])).reshape(last.shape)
    return np.all(_Novelty(some)(whitened), axis=1)


def _ball(radius, number, dim, rng):
    """Points uniform in a ball."""
    directions = rng.standard_normal((number, dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return radius * directions * rng.random((number, 1)) ** (1 / dim)


def _box(sde, number, rng):
    """Points uniform in a network's absorbing box; None for what has none."""
    network = unforced(sde)
    if not isinstance(network, Network) or not network.activation.is_bounded:
        return None
    reach = np.abs(network.readout).sum(axis=1)
    return reach * rng.uniform(-1, 1, size=(number, sde.dim))


def _fraction(which: np.ndarray) -> tuple[float, tuple[float, float]]:
    """A fraction and its interval."""
    return float(np.mean(which)), wilson_interval(int(np.sum(which)), len(which))
