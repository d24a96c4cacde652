"""From the ends of many descents to distinct fixed points and slow points in a box."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.root_search import Field, curvature, linearised, minima, zeros
from driftmatch.errors import InputError
from driftmatch.evaluate import drifts

Matrix = np.ndarray

SHOWN = 16  # points that stand for a continuum
STILL = 1e-9  # box: a Newton step below which a point does not move
_SAME, _SAME_SLOW = 1e-6, 1e-4  # box: the distance within which two points are one
_NEAR = 1e-2  # box: the surroundings of a single point
_ALIKE = 1e-3  # box: ends from which the same slow point is sought
_SINGULAR = 1e-6  # of the largest singular value
_TINY = 1e-300
_BATCH = 128


@dataclass(frozen=True)
class Found:
    """Distinct points in the box.

    - `states`: in coordinates of the unit box, shape (P, k); `points`: in the SDE's.
    - `jacobians`: of the drift, shape (P, k, k); `speeds`: |f|, shape (P,).
    - `hits`: how many ends each stands for. - `is_continuum`: whether they are samples of one.
    """

    states: Float[Matrix, "P k"]
    points: Float[Matrix, "P k"]
    jacobians: Float[Matrix, "P k k"]
    speeds: Float[Matrix, " P"]
    hits: Matrix
    is_continuum: bool


class FixedPointSearch:
    """The zeros and the minima of |f + c| in a box, in float64 inside `jax.enable_x64`.

    `starts`: the first ones, in the unit box; they set the scale of speeds.

    `visited`: states to start from where the drift is not finite; None to refuse such a box.
    """

    def __init__(self, sde: AbstractSDE, low, high, forcing, starts, visited=None, wraps=()):
        self.sde, self.low, self.width = sde, low, high - low
        self.forcing, self.visited, self.wraps = forcing, visited, wraps
        starts, flow = self._defined(starts)
        sizes = np.sqrt(np.mean(flow**2, axis=0))
        self.typical_speed = float(np.linalg.norm(sizes))
        # Zeros are sought with every coordinate on its own scale; speeds are those of the drift.
        each = np.where(sizes > 0, sizes, self.typical_speed or 1.0)
        self._flow = self._field(forcing, each)
        self._speed = self._field(forcing, np.full(sde.dim, self.typical_speed or 1.0))
        self._ends, self.num_starts = np.zeros((0, sde.dim)), 0
        self._outside = np.zeros((0, sde.dim))
        self.follow(starts)

    def _field(self, forcing, scale) -> Field:
        parts = (self.low, self.width, scale, forcing)
        return Field(self.sde, *(jnp.asarray(part, jnp.float64) for part in parts))

    def follow(self, starts: Float[Matrix, "N k"]) -> None:
        """Descend from these starts in the unit box."""
        starts, _ = self._defined(starts)
        ends = np.array(zeros(self._flow, jnp.asarray(starts)))
        for axis in self.wraps:  # round an angle, of which the box is one period
            ends[:, axis] = (ends[:, axis] + STILL) % 1.0 - STILL
        inside = _are_inside(ends)
        self._ends = np.concatenate([self._ends, ends[inside]])
        self._outside = np.concatenate([self._outside, ends[~inside]])
        self.num_starts += len(starts)

    def fixed(self) -> Found:
        """Where the descents have ended in a zero."""
        speeds, are_zeros = self._are_zeros(self._ends)
        order = np.argsort(speeds[are_zeros], kind="stable")  # of equal points the best one stays
        states, hits = merged(self._ends[are_zeros][order], _SAME)
        sizes = np.linalg.svd(self._linearised(self._flow, states)[1], compute_uv=False)
        return self._found(states, hits, sizes)

    def outside(self) -> Float[Matrix, "Q k"]:
        """Zeros outside of the box to which descents have led, in the SDE's coordinates."""
        finite = self._outside[np.isfinite(self._outside).all(axis=1)]
        finite = merged(finite, _SAME)[0] if len(finite) else finite
        zeros_there = finite[self._are_zeros(finite)[1]] if len(finite) else finite
        return self.low + self.width * zeros_there

    def slow(self) -> Found:
        """The strict local minima of |f| to which the other ends lead."""
        ends = merged(self._ends[~self._are_zeros(self._ends)[1]], _ALIKE)[0]
        if len(ends) > 0:
            (ends,) = _batched(lambda u: (minima(self._speed, u),), ends)
            ends = ends[_are_inside(ends)]
            ends = ends[self._are_minima(ends)]
        order = np.argsort(self._are_zeros(ends)[0], kind="stable")
        states, hits = merged(ends[order], _SAME_SLOW)
        # There the Jacobian is singular always, and it is the speed that is flat along a continuum.
        return self._found(states, hits, np.abs(np.linalg.eigvalsh(self._curvature(states))))

    def around(self, found: Found, starts: Float[Matrix, "N k"]) -> Float[Matrix, "N k"]:
        """Starts moved from the box to the surroundings of points: unstable ones lie between."""
        if len(found.states) == 0:
            return starts
        low, high = found.states.min(axis=0), found.states.max(axis=0)
        apart = float((high - low).max())
        room = 0.5 * (apart if apart > _SAME else _NEAR)
        low, high = np.maximum(low - room, 0), np.minimum(high + room, 1)
        return low + (high - low) * starts

    def adds_up(self, found: Found, places: Float[Matrix, "N k"]) -> bool:
        """Whether the points may be all. Where the flow enters the box everywhere, seen at these
        places moved to its faces, the indices sign det(−∂f/∂z) sum to one (Poincaré and Hopf)."""
        sizes = np.linalg.svd(found.jacobians * self.width, compute_uv=False)
        if found.is_continuum or np.any(sizes[:, -1] <= _SINGULAR * sizes[:, 0]):
            return True
        for axis in range(places.shape[1]):
            for side in (0.0, 1.0):
                face = places.copy()
                face[:, axis] = side
                flow = drifts(self.sde, self.low + self.width * face) + self.forcing
                if not np.all(flow[:, axis] * (1 - 2 * side) > 0):
                    return True
        return bool(np.sum(np.sign(np.linalg.det(-found.jacobians))) == 1)

    def _defined(self, starts):
        """Starts where the drift is finite, and the drift."""
        states = self.low + self.width * starts
        flow = drifts(self.sde, states) + self.forcing
        defined = np.isfinite(flow).all(axis=1)
        if defined.all():
            return starts, flow
        if self.visited is None:
            raise InputError(
                f"the drift of {self.sde.name} is not finite at {states[~defined][0].tolist()}, "
                "which is in the box: give a box in which it is defined"
            )
        instead = self.visited[np.resize(np.arange(len(self.visited)), np.sum(~defined))]
        starts = np.concatenate([starts[defined], (instead - self.low) / self.width])
        return starts, np.concatenate([flow[defined], drifts(self.sde, instead) + self.forcing])

    def _are_zeros(self, states):
        """|F|, and whether it is zero: in every coordinate less than what a billionth of the box
        makes of it, or nothing where it hardly changes."""
        F, slopes = self._linearised(self._flow, states)
        are_zeros = np.abs(F) <= STILL * np.linalg.norm(slopes, axis=2) + 1e-14
        return np.linalg.norm(F, axis=1), are_zeros.all(axis=1)

    def _are_minima(self, states):
        """Whether the speed is not zero and has a minimum, strict in some direction at least."""
        F, slopes = self._linearised(self._speed, states)
        values, axes = np.linalg.eigh(self._curvature(states))
        sizes = np.abs(values).max(axis=1, initial=0.0)
        gradients = np.einsum("pij,pi->pj", slopes, F)
        along = np.abs(np.einsum("pji,pj->pi", axes, gradients))
        steps = along / (np.abs(values) + STILL * sizes[:, None] + _TINY)
        rises = values.min(axis=1, initial=np.inf) >= -1e-7 * sizes
        is_flat = sizes <= STILL * np.sum(F**2, axis=1)
        ended = steps.max(axis=1, initial=0.0) <= 1e-5
        return ended & rises & ~is_flat & ~self._are_zeros(states)[1]

    def _linearised(self, field, states):
        return _batched(lambda u: linearised(field, u), states)

    def _curvature(self, states):
        return _batched(lambda u: (curvature(self._speed, u),), states)[0]

    def _found(self, states, hits, sizes) -> Found:
        """Of many points, `sizes` that fall to zero say that they are not isolated."""
        F, slopes = self._linearised(self._flow, states)
        are_singular = sizes.min(axis=1) <= _SINGULAR * sizes.max(axis=1)
        is_continuum = len(states) > SHOWN and bool(np.mean(are_singular) > 0.5)
        chosen = spread(states, SHOWN) if is_continuum else slice(None)
        states, F, slopes, hits = states[chosen], F[chosen], slopes[chosen], hits[chosen]
        scale = np.asarray(self._flow.scale)
        return Found(
            states,
            self.low + self.width * states,
            scale[:, None] * slopes / self.width,
            np.linalg.norm(scale * F, axis=1),
            hits,
            is_continuum,
        )


def _batched(function, states):
    """A function of states, shape (N, k), in batches of one size, so that it is compiled once."""
    number = len(states)
    padded = np.full((max(1, -(-number // _BATCH)) * _BATCH, states.shape[1]), 0.5)
    padded[:number] = states
    parts = [function(jnp.asarray(batch)) for batch in padded.reshape(-1, _BATCH, states.shape[1])]
    return [np.concatenate(part)[:number] for part in zip(*parts, strict=True)]


def _are_inside(states):
    return np.all((states >= -STILL) & (states <= 1 + STILL), axis=1)


def merged(points: Float[Matrix, "N k"], tolerance: float) -> tuple[Float[Matrix, "P k"], Matrix]:
    """Points of which no two are within the tolerance, and for how many each one stands.

    Of those that coincide the first stays.
    """
    kept: list[int] = []
    counts: list[int] = []
    for i, point in enumerate(points):
        if kept:
            distances = np.max(np.abs(points[kept] - point), axis=1)
            nearest = int(distances.argmin())
            if distances[nearest] <= tolerance:
                counts[nearest] += 1
                continue
        kept.append(i)
        counts.append(1)
    return points[kept], np.array(counts, dtype=int)


def spread(points: Float[Matrix, "N k"], number: int) -> Matrix:
    """Indices of so many points, each next one the farthest from those before."""
    chosen = [int(np.lexsort(points.T[::-1])[0])]
    distances = np.full(len(points), np.inf)
    while len(chosen) < min(number, len(points)):
        distances = np.minimum(distances, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(distances.argmax()))
    return np.sort(chosen)
