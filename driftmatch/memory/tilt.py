"""The gentlest constant input that makes a memory the only one, or the lowest."""

import numpy as np
from jaxtyping import Float
from scipy.optimize import linprog, nnls

from driftmatch.abstract_sde import AbstractSDE, check_system
from driftmatch.arguments import check_index, check_positive, or_none
from driftmatch.errors import ComputationError, InputError
from driftmatch.memory.descent import descend, width
from driftmatch.memory.landscape import Landscape, as_landscape
from driftmatch.memory.tilted_minima import TiltedMinima, follow_minima
from driftmatch.network import input_gain
from driftmatch.records import Record
from driftmatch.words import spelled

_ROUNDS = 40
_SETTLED = 1e-5
_NEGLIGIBLE = 1e-4  # of the median depth
_SPARE = 1.1  # beyond the tilt at which the last other well disappears


class Tilt(Record):
    """A constant input that tilts a landscape toward one of its wells:  V(z) − c·z.

    - `target`: the index of the well.
    - `path`: all wells while the tilt grows to its full strength.
    - `landscape`: before the tilt.
    """

    target: int
    path: TiltedMinima
    landscape: Landscape

    @property
    def forcing(self) -> Float[np.ndarray, " k"]:
        """c, added to the drift, shape (k,), in units of f."""
        return self.path.direction

    def input_for(self, system: AbstractSDE) -> Float[np.ndarray, " k"]:
        """What `simulate` takes to add c to the (latent) drift: c, or u = τc for a network."""
        system = check_system(system)
        return input_gain(system) * self.forcing

    @property
    def strength(self) -> float:
        """|c|."""
        return float(np.linalg.norm(self.forcing))

    @property
    def others(self) -> tuple[int, ...]:
        """The wells that are left besides the target."""
        return tuple(j for j in self.path.left if j != self.target)

    @property
    def margin(self) -> float:
        """By how much the target is lower than every other well that is left, in units of V;
        infinite if none is."""
        energies = self.path.energies[-1]
        return min(
            (float(energies[j] - energies[self.target]) for j in self.others), default=np.inf
        )

    @property
    def resting_state(self) -> Float[np.ndarray, " k"]:
        """Where the state rests under the tilt."""
        return self.path.minima[-1, self.target]


@spelled
def tilt_toward(
    system: AbstractSDE | Landscape, target: int, *, margin: float | None = None
) -> Tilt:
    r"""The gentlest constant input c that makes one well t of a landscape the lowest of all.

        minimise ½|c|²  such that  V(z_j) − c·z_j ≥ V(z_t) − c·z_t + margin  for every j ≠ t

    With the wells where they are without the tilt this is a least-distance problem, solved by
    non-negative least squares. It is then solved again with the wells where the tilt has moved
    them, until the margin is kept on the tilted landscape itself. A well that disappears under the
    tilt counts as if it stayed where it was last.

    **Arguments**

    - `system`: an SDE with drift f = −∇V that names a start for each well, a network that embeds
      one, or its `Landscape`.
    - `target`: t, the index of the well, in the order of the starts.
    - `margin`: in units of V, positive. By default the target is made the only well, so that recall
      needs neither luck nor time: the margin is raised until the last other well disappears, and
      the tilt is then a tenth stronger. For a well that lies among others it is half of the largest
      margin that there is; the others stay, and recall takes noise and time.

    **Raises** `InputError` for a well that, to first order in c, no constant input makes the
    lowest, since its place and energy lie inside the hull of others (which are named), or not by
    such a margin; `ComputationError` if the tilted landscape does not bear this out, as when the
    target itself disappears first.

    **Source**: C. Lawson, R. Hanson, *Solving Least Squares Problems* (1974), chapter 23.
    """
    margin = or_none(check_positive)("margin", margin)
    wells = as_landscape(system)
    target = check_index("target", target, len(wells.minima))
    largest, hull = _largest_margin(wells, target)
    among = f"lies inside the hull of wells {', '.join(map(str, hull))}"
    if largest <= _NEGLIGIBLE * wells.scale:
        raise InputError(
            f"no constant input makes well {target} of {wells.name} the lowest, to first order in "
            f"it: the well {among}, which are as low; make it deeper or move it outward"
        )
    if margin is not None and margin >= largest:
        raise InputError(
            f"no constant input makes well {target} of {wells.name} lower than the others by "
            f"{margin:g}, to first order in it: the well {among}; use a margin below {largest:.3g}"
        )
    if margin is None and np.isinf(largest):
        path = _sole(wells, target)
    else:
        path = _lowest(wells, target, largest / 2 if margin is None else margin)
    return Tilt(target, path, wells)


@spelled
def reachable(wells: Landscape | AbstractSDE) -> tuple[int, ...]:
    """The wells that some constant input makes the lowest, to first order in it: the vertices of
    the lower convex hull of all (z_j, V(z_j)).

    - `wells`: a `Landscape`, or an SDE or a network that has one.
    """
    wells = as_landscape(wells)
    least = _NEGLIGIBLE * wells.scale
    return tuple(j for j in range(len(wells.minima)) if _largest_margin(wells, j)[0] > least)


def _largest_margin(wells: Landscape, target: int) -> tuple[float, tuple[int, ...]]:
    """The largest margin of any tilt, to first order in it, and the wells that bound it.

    By linear duality it is how far the target lies below the lowest mixture of other wells that has
    its mean at the target's place: infinite, and no wells, if there is no such mixture.
    """
    rest = np.delete(np.arange(len(wells.minima)), target)
    offsets = (wells.minima[rest] - wells.minima[target]) / width(wells.minima)
    mixture = linprog(
        (wells.energies[rest] - wells.energies[target]) / wells.scale,
        A_eq=np.vstack([offsets.T, np.ones(len(rest))]),
        b_eq=np.append(np.zeros(offsets.shape[1]), 1.0),
        method="highs",
    )
    if not mixture.success:
        return np.inf, ()
    return mixture.fun * wells.scale, tuple(int(i) for i in rest[mixture.x > 1e-9])


def _least(places, energies, target: int, margin: float) -> Float[np.ndarray, " k"]:
    """min |c| with (z_t − z_j)·c ≥ margin − (V_j − V_t) for all j ≠ t: Lawson and Hanson's LDP."""
    rest = np.delete(np.arange(len(places)), target)
    G = places[target] - places[rest]
    h = margin - (energies[rest] - energies[target])
    if np.all(h <= 0):
        return np.zeros(places.shape[1])
    length, height = np.abs(G).max(), np.abs(h).max()
    E = np.vstack([G.T / length, h / height])
    f = np.append(np.zeros(len(G.T)), 1.0)
    weights, residual = nnls(E, f)
    if residual <= 1e-9:  # no c keeps to all
        raise ComputationError(
            f"no constant input keeps well {target} lower than the others by {margin:.3g} once "
            "they have moved: give a lower margin"
        )
    r = E @ weights - f
    return -r[:-1] / r[-1] * height / length


def _lowest(wells: Landscape, target: int, margin: float) -> TiltedMinima:
    """The path to the gentlest tilt that keeps the margin on the tilted landscape.

    By the envelope theorem E_j(c) changes by −z_j·δc: the problem is made linear about where the
    wells are under the last tilt.
    """
    places, energies, c = wells.minima, wells.energies, np.zeros(wells.minima.shape[1])
    for _ in range(_ROUNDS):
        before, c = c, _least(places, energies, target, margin)
        path = _followed(wells, target, c)
        if np.linalg.norm(c - before) <= _SETTLED * np.linalg.norm(c):
            return path
        places, energies = path.last, path.last_potential
    raise ComputationError(
        f"the tilt of {wells.name} toward well {target} by {margin:.3g} does not settle: use "
        "another margin"
    )


def _sole(wells: Landscape, target: int) -> TiltedMinima:
    """The path to a tilt a tenth stronger than where no other well is left."""

    def tilt(margin):
        c = _least(wells.minima, wells.energies, target, margin)
        return c, _followed(wells, target, c)

    low, high = 0.0, float(np.ptp(wells.energies)) + wells.scale
    for _ in range(_ROUNDS):
        c, path = tilt(high)
        if path.left == (target,):
            break
        low, high = high, 1.5 * high
    else:
        raise ComputationError(
            f"other wells are left at every tilt toward well {target} of {wells.name}: give a "
            "margin"
        )
    while high - low > 0.01 * high:
        middle = 0.5 * (low + high)
        weaker, path = tilt(middle)
        if path.left == (target,):
            c, high = weaker, middle
        else:
            low = middle
    path = _followed(wells, target, _SPARE * c)
    ends = descend(wells.sde, wells.minima, path.direction)
    astray = np.linalg.norm(ends - path.last[target], axis=1) > 1e-3 * wells.spacing
    if np.any(astray):
        raise ComputationError(
            f"tilted toward well {target}, {wells.name} has another well that it has not without "
            f"the tilt, at {ends[astray][0].tolist()}: give a margin"
        )
    return path


def _followed(wells: Landscape, target: int, c) -> TiltedMinima:
    path = follow_minima(wells, c)
    if target not in path.left:
        raise ComputationError(
            f"well {target} of {wells.name} disappears itself at {path.folds[target]:.2g} of the "
            "tilt that would make it the lowest: give a lower margin, or make the well deeper"
        )
    return path
