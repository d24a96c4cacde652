"""The gentlest constant input that makes a memory the only one, or the lowest."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import linprog, nnls

from driftmatch.errors import ComputationError, InputError
from driftmatch.memory.landscape import Landscape, TiltedMinima, follow_minima, landscape
from driftmatch.network import Network
from driftmatch.sde import AbstractSDE

_ROUNDS = 30
_SETTLED = 1e-6
_NEGLIGIBLE = 1e-4  # of a barrier
_SPARE = 1.1  # beyond the tilt at which the last other well disappears


@dataclass(frozen=True)
class Tilt:
    """A constant input that tilts a landscape toward one of its minima:  V(z) − c·z.

    - `target`: the index of the minimum. - `forcing`: c, added to the drift, shape (k,), in units
      of f; `input_for` gives the input of a network, u = τc.
    - `margin`: by how much the target is then lower than every other well that is left, in units
      of V; infinite if it is the only one.
    - `others`: the wells that are left besides the target.
    - `resting_state`: where the state rests under the tilt.
    - `path`: the minima while the tilt grows.
    - `landscape`: before the tilt.
    """

    target: int
    forcing: Float[np.ndarray, " k"]
    margin: float
    others: tuple[int, ...]
    resting_state: Float[np.ndarray, " k"]
    path: TiltedMinima
    landscape: Landscape

    @property
    def strength(self) -> float:
        """|c|."""
        return float(np.linalg.norm(self.forcing))


def input_for(system: AbstractSDE | Network, forcing: Float[np.ndarray, " k"], time_course=None):
    """The `input` of `simulate` that adds c·a(t) to the latent drift: u = τc·a(t) for a network.

    `time_course`: a(t), written with ``jax.numpy``; 1 by default.
    """
    gain = system.tau if isinstance(system, Network) else 1.0
    value = gain * np.asarray(forcing, dtype=float)

    def input(t: Array) -> Array:
        a = 1.0 if time_course is None else time_course(t)
        return jnp.asarray(value, dtype=jnp.result_type(float)) * a

    return input


def tilt_toward(
    sde: AbstractSDE | Network | Landscape, target: int, *, margin: float | None = None
) -> Tilt:
    r"""The gentlest constant input c that makes one well of a landscape the lowest of all.

        minimise ½|c|²  such that  V(z_i) − c·z_i ≥ V(z_j) − c·z_j + margin  for every i ≠ j = target

    a least-distance problem, solved by non-negative least squares; then again with the wells where
    the tilt has moved them, until the margin is kept on the tilted landscape itself; a well that
    disappears under the tilt counts as if it stayed where it was last.

    **Arguments**

    - `sde`: an SDE with drift f = −∇V that names a start for each well, a network that embeds one,
      or its `Landscape`.
    - `target`: the index of the well, in the order of the starts.
    - `margin`: in units of V, positive. By default as large as it takes for every other well to
      disappear, and the tilt a tenth stronger, so that recall needs neither luck nor time; half of
      the largest margin that there is for a well that lies among others.

    **Raises** `InputError` for a well that no constant input can reach, since its place and energy
    lie inside the hull of others (which are named), or not by such a margin; `ComputationError` if
    the target itself disappears before the margin is reached.

    **Source**: C. Lawson, R. Hanson, *Solving Least Squares Problems* (1974), chapter 23.
    """
    wells = sde if isinstance(sde, Landscape) else landscape(sde)
    W = len(wells.minima)
    if isinstance(target, bool) or target not in range(W):
        raise InputError(f"target must be a whole number from 0 to {W - 1}, got {target!r}")
    target = int(target)
    if margin is not None and not (np.isfinite(margin) and margin > 0):
        raise InputError(f"margin must be positive, got {margin!r}")
    largest, bounding = _largest_margin(wells, target)
    if largest <= _NEGLIGIBLE * _barrier(wells):
        raise InputError(
            f"no constant input makes well {target} the lowest: it lies inside the hull of wells "
            f"{', '.join(map(str, bounding))}, which are as low; make it deeper or move it outward"
        )
    if margin is not None and margin >= largest:
        raise InputError(
            f"no constant input makes well {target} lower than the others by {margin:g}, since it "
            f"lies inside the hull of wells {', '.join(map(str, bounding))}: the margin must be "
            f"below {largest:.3g}"
        )
    if margin is None and np.isfinite(largest):
        margin = largest / 2
    forcing = _sole(wells, target) if margin is None else _lowest(wells, target, margin)
    path = follow_minima(wells, forcing)
    if target not in path.left:
        raise ComputationError(_gone(wells, target, path))
    others = tuple(j for j in path.left if j != target)
    energies = path.energies[-1]
    reached = min((energies[j] - energies[target] for j in others), default=np.inf)
    return Tilt(
        target, forcing, float(reached), others, path.minima[-1, target], path, wells
    )  # fmt: skip


def reachable(wells: Landscape) -> tuple[int, ...]:
    """The wells that some constant input makes the lowest, to first order in it: the vertices of
    the lower convex hull of all (z_j, V(z_j))."""
    least = _NEGLIGIBLE * _barrier(wells)
    return tuple(j for j in range(len(wells.minima)) if _largest_margin(wells, j)[0] > least)


def _largest_margin(wells: Landscape, target: int) -> tuple[float, tuple[int, ...]]:
    """The largest margin of any tilt, to first order in it, and the wells that bound it.

    By linear duality it is how far the target lies below the lowest mixture of other wells that has
    its mean at the target's place: infinite, and no wells, if there is no such mixture.
    """
    rest = np.delete(np.arange(len(wells.minima)), target)
    offsets = (wells.minima[rest] - wells.minima[target]) / np.ptp(wells.minima, axis=0).max()
    mixture = linprog(
        wells.energies[rest] - wells.energies[target],
        A_eq=np.vstack([offsets.T, np.ones(len(rest))]),
        b_eq=np.append(np.zeros(offsets.shape[1]), 1.0),
        method="highs",
    )
    if not mixture.success:
        return np.inf, ()
    return float(mixture.fun), tuple(int(i) for i in rest[mixture.x > 1e-9])


def _least(places, energies, target: int, margin: float) -> Float[np.ndarray, " k"]:
    """min |c| with (z_target − z_i)·c ≥ margin − (V_i − V_target): Lawson and Hanson's LDP."""
    rest = np.delete(np.arange(len(places)), target)
    G = places[target] - places[rest]
    h = margin - (energies[rest] - energies[target])
    scale = np.abs(G).max()
    E = np.vstack([G.T / scale, h])
    f = np.append(np.zeros(len(G.T)), 1.0)
    weights, residual = nnls(E, f)  # residual 0: no c keeps to all
    r = E @ weights - f
    if residual <= 1e-9:
        raise ComputationError(
            f"no constant input keeps well {target} lower than the others by {margin:g} once they "
            "have moved: lower margin"
        )
    return -r[:-1] / r[-1] / scale


def _lowest(wells: Landscape, target: int, margin: float) -> Float[np.ndarray, " k"]:
    """The forcing that keeps the margin on the tilted landscape.

    By the envelope theorem E_j(c) changes by −z_j·δc, so the problem is made linear about where the
    wells are under the last tilt, or were last if it made them disappear.
    """
    c = _least(wells.minima, wells.energies, target, margin)
    for _ in range(_ROUNDS):
        path = follow_minima(wells, c)
        if target not in path.left:
            raise ComputationError(_gone(wells, target, path))
        last = np.sum(~np.isnan(path.energies), axis=0) - 1
        each = np.arange(len(last))
        places = path.minima[last, each]
        energies = path.energies[last, each] + path.amplitudes[last] * (places @ c)
        new = _least(places, energies, target, margin)
        if np.linalg.norm(new - c) <= _SETTLED * np.linalg.norm(c):
            return new
        c = new
    return c


def _sole(wells: Landscape, target: int) -> Float[np.ndarray, " k"]:
    """The forcing at which no other well is left, a tenth stronger."""

    def tilt(margin):
        c = _least(wells.minima, wells.energies, target, margin)
        return c, follow_minima(wells, c, steps=50).left

    # To begin with: about what tilts by a well's depth
    high = float(np.ptp(wells.energies)) + _barrier(wells)
    low = 0.0
    for _ in range(_ROUNDS):
        c, left = tilt(high)
        if left == (target,):
            break
        if target not in left:
            raise ComputationError(_gone(wells, target, follow_minima(wells, c)))
        low, high = high, 1.5 * high
    else:
        raise ComputationError(
            f"other wells are left at every tilt toward well {target}: give a margin"
        )
    while high - low > 0.01 * high:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if tilt(middle)[1] == (target,) else (middle, high)
    return _SPARE * tilt(high)[0]


def _barrier(wells: Landscape) -> float:
    """The highest energy on the line to the nearest well, less that of the lower end."""
    z = wells.minima
    apart = np.linalg.norm(z[:, None] - z[None], axis=-1) + np.diag(np.full(len(z), np.inf))
    i, j = np.unravel_index(np.argmin(apart), apart.shape)
    line = z[i] + np.linspace(0, 1, 33)[:, None] * (z[j] - z[i])
    heights = wells.potential(line)
    return float(heights.max() - min(wells.energies[i], wells.energies[j]))


def _gone(wells: Landscape, target: int, path: TiltedMinima) -> str:
    return (
        f"well {target} of {wells.name} disappears itself at {path.folds[target]:.2g} of the tilt "
        "that would make it the lowest: lower margin, or make it deeper"
    )
