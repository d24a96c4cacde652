"""The energy landscape of a gradient flow: its wells, and how high they lie."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from driftmatch.errors import ComputationError, InputError
from driftmatch.memory.arguments import as_rows, check_system
from driftmatch.network import LatentSDE, Network
from driftmatch.sde import SDE, AbstractSDE

_PANELS, _MOST_PANELS = 64, 16384  # of the line between two minima
_PRECISE = 1e-8  # of the height of a line
_LINES = 2048  # at once
_FEWEST = 32  # lines or states: all numbers of them share a few compilations
_NO_GRADIENT = 0.2  # of the slopes, and of the median depth

_DESCENT = 2000  # steps
_NEWTON = 10  # iterations
_MERGED = 1e-4  # of the width: minima closer than this are one

_CAUGHT = 1e-3  # of the distance to the nearest other minimum: so close, a state has arrived
_AT_REST = 1e-7  # of that: a flow that moves no farther in its own time rests elsewhere
_BLOCK = 256  # states that flow together
_LONGEST = 10_000  # steps of a flow
_ANISOTROPIC = 1e-6


@dataclass(frozen=True)
class Landscape:
    """The minima of the potential V of an SDE with drift f = −∇V.

    - `sde`: whose landscape it is.
    - `minima`: z_j, shape (W, k), in the order of the SDE's starts.
    - `energies`: V(z_j), shape (W,), counted from the lowest.
    - `depths`: how high the lowest straight line to another minimum rises above V(z_j), shape (W,).
    - `curl`: the antisymmetric part of ∂f/∂z over the whole of it, root mean square on the straight
      lines between minima; 0 for a gradient.
    - `circulation`: by how much the work along such a line differs from the energies of its ends,
      at most, over the median depth; 0 for a gradient.
    """

    sde: AbstractSDE
    minima: Float[np.ndarray, "W k"]
    energies: Float[np.ndarray, " W"]
    depths: Float[np.ndarray, " W"]
    curl: float
    circulation: float

    @property
    def name(self) -> str:
        return self.sde.name

    @property
    def scale(self) -> float:
        """Of V: the median depth."""
        return float(np.median(self.depths))

    @property
    def spacing(self) -> float:
        """The least distance between two minima."""
        return float(nearest(self.minima).min())

    def potential(self, states: ArrayLike) -> Float[np.ndarray, "..."]:
        """V, from the integral of −f along straight lines from the first minimum."""
        z = np.asarray(states, dtype=float)
        flat = z.reshape(-1, self.minima.shape[1])
        work, _ = work_along(self.sde, np.broadcast_to(self.minima[0], flat.shape), flat)
        return (self.energies[0] + work).reshape(z.shape[:-1])

    def basins(self, states: ArrayLike) -> Int[np.ndarray, "..."]:
        """The well that the noise-free flow dz/dt = f(z) leads to from each state, −1 where it
        leads to none of these wells."""
        z = np.asarray(states, dtype=float)
        k = self.minima.shape[1]
        if z.ndim == 0 or z.shape[-1] != k:
            raise InputError(f"states must have shape (..., {k}), got {z.shape}")
        labels = _basins(self.sde, self.minima, z.reshape(-1, k))
        return labels.reshape(z.shape[:-1])


def landscape(sde: AbstractSDE | Network, *, starts: ArrayLike | None = None) -> Landscape:
    """The minima that some states descend to, and their energies.

    Energies are those that agree best, by least squares, with the work along the straight lines
    between all pairs of minima; a network's drift is a gradient only nearly.

    **Arguments**

    - `sde`: an SDE with drift f = −∇V; a network stands for ``network.latent()``.
    - `starts`: a state in each well, shape (W, k), for example the stable ones among
      ``fixed_points(sde)``; by default the SDE's own. Well j is the one that start j leads to.

    **Raises** `InputError` for fewer than two minima, for two starts that lead to one, for a flow
    that does not come to rest, and for a drift that is no gradient, of which there is no potential.
    """
    sde = _as_sde(sde)
    minima = descend(sde, _check_starts(sde, starts))
    _check_distinct(sde, minima)
    i, j = np.triu_indices(len(minima), 1)
    uphill, highest = work_along(sde, minima[i], minima[j])
    work, rise = np.zeros((2, len(minima), len(minima)))
    work[i, j], work[j, i] = uphill, -uphill
    rise[i, j], rise[j, i] = highest, highest - uphill
    energies, depths = work.mean(axis=0), (rise + np.diag(np.full(len(rise), np.inf))).min(axis=1)
    misfit = np.abs(work - (energies - energies[:, None])).max()
    curl, circulation = _curl(sde, minima[i], minima[j]), float(misfit / np.median(depths))
    if max(curl, circulation) > _NO_GRADIENT:
        remedy = "give an input of your own"
        if isinstance(sde, LatentSDE):
            remedy = "take the tilt of its target, or match it between the wells too (box=)"
        elif not _is_isotropic(sde, minima):
            remedy = "as D is anisotropic, give coordinates in which it is not: z' = L⁻¹z, D = LLᵀ"
        raise InputError(
            f"the drift of {sde.name} is no gradient, so it has no energy to tilt (the "
            f"antisymmetric part of its slopes is {curl:.0%} of them, and work between wells "
            f"depends on the path by {circulation:.0%} of their depth): {remedy}"
        )
    return Landscape(sde, minima, energies - energies.min(), depths, curl, circulation)


def as_landscape(wells: Landscape | AbstractSDE | Network) -> Landscape:
    """The landscape itself, or that of an SDE or a network."""
    return wells if isinstance(wells, Landscape) else landscape(wells)


class Flow(eqx.Module):
    """f alone: what is compiled for it serves all SDEs that differ in their noise or words only."""

    drift: Callable

    def __call__(self, z: Float[Array, " k"]) -> Float[Array, " k"]:
        return jnp.asarray(self.drift(z))


def flow_of(sde: AbstractSDE) -> Flow:
    """z ↦ f(z)."""
    return Flow(sde._drift if type(sde) is SDE else sde.drift)


def _as_sde(system: AbstractSDE | Network) -> AbstractSDE:
    """An SDE itself, a network in its latent coordinates."""
    system = check_system(system, "sde")
    return system.latent() if isinstance(system, Network) else system


def _check_starts(sde: AbstractSDE, starts: ArrayLike | None) -> Float[np.ndarray, "W k"]:
    own = sde.starts
    if starts is None and (own is None or len(own) < 2):
        raise InputError(
            f"{sde.name} does not name a start for each of its wells: pass starts= of shape "
            f"(wells, {sde.dim}) to landscape, such as the stable ones among fixed_points(sde)"
        )
    return as_rows("starts", own if starts is None else starts, "wells", sde.dim)


def _check_distinct(sde: AbstractSDE, minima: Float[np.ndarray, "W k"]) -> None:
    """That each start has a well of its own, or else they would be numbered anew."""
    apart = distances(minima)
    if not np.any(apart > _MERGED * width(minima)):
        raise InputError(
            f"{sde.name} has one well only: all starts descend to {minima[0].tolist()}"
        )
    first, second = np.nonzero(np.triu(apart <= _MERGED * width(minima), 1))
    if len(first) > 0:
        i, j = int(first[0]), int(second[0])
        merged = ", which it has merged" if isinstance(sde, LatentSDE) else ""
        raise InputError(
            f"starts {i} and {j} lead to the same well of {sde.name}{merged}, at "
            f"{minima[i].round(6).tolist()}: leave one out"
        )


def nearest(states: Float[np.ndarray, "W k"]) -> Float[np.ndarray, " W"]:
    """From each of several states to the next one."""
    return (distances(states) + np.diag(np.full(len(states), np.inf))).min(axis=1)


def distances(states: Float[np.ndarray, "W k"]) -> Float[np.ndarray, "W W"]:
    """Between each two of them."""
    return np.linalg.norm(states[:, None] - states[None], axis=-1)


def descend(
    sde: AbstractSDE,
    starts: Float[np.ndarray, "A k"],
    forcing: Float[np.ndarray, " k"] | None = None,
) -> Float[np.ndarray, "A k"]:
    """The minima that f + forcing leads to: a long descent from each start, then Newton's steps.

    Raises `InputError`, or with a forcing `ComputationError`, where the flow does not come to rest
    in a minimum.
    """
    c = np.zeros(sde.dim) if forcing is None else forcing
    with jax.enable_x64(True):
        results = _descend(flow_of(sde), jnp.asarray(starts), jnp.asarray(c))
        ends, minima, residues, curvatures, slopes = (np.asarray(result) for result in results)
    good = (residues <= 1e-9 * slopes * width(starts)) & (curvatures > 0)
    good &= np.linalg.norm(minima - ends, axis=1) < 0.1 * width(starts)
    if not np.all(good):
        where = starts[int(np.argmin(good))].tolist()
        if forcing is None:
            raise InputError(
                f"the flow of {sde.name} from {where} does not come to rest in a minimum: only "
                "systems of wells have a landscape"
            )
        raise ComputationError(
            f"under the forcing {c.tolist()} the flow of {sde.name} from {where} does not come to "
            "rest in a minimum: use a weaker one"
        )
    return minima


def width(states: Float[np.ndarray, "A k"]) -> float:
    """The largest range of a coordinate; 1 for a single state."""
    return float(np.ptp(states, axis=0).max()) or 1.0


@eqx.filter_jit
def _descend(f, starts, c):
    """Where explicit steps of a size that the local slopes allow end, and what `newton` finds."""

    def step(_, z):
        h = 0.5 / jnp.maximum(jnp.linalg.norm(jax.jacfwd(f)(z)), 1e-12)
        half = z + 0.5 * h * (f(z) + c)
        return z + h * (f(half) + c)

    def one(z):
        end = jax.lax.fori_loop(0, _DESCENT, step, z)
        return end, *newton(f, end, c)

    return jax.vmap(one)(starts)


def newton(f: Flow, z, c):
    """A zero of f + c near z, |f + c| there, the slowest rate at which the flow comes back to it,
    negative where it leaves, and the size of the slopes J = ∂f/∂z.

    The rate is the least −Re λ(J). For f = −∇V this is the least curvature of V; for f = −M∇V, in
    coordinates with a mobility M, the symmetric part of J would not tell what is stable.
    """
    slopes = jax.jacfwd(f)
    z = jax.lax.fori_loop(0, _NEWTON, lambda _, z: z - jnp.linalg.solve(slopes(z), f(z) + c), z)
    J = slopes(z)
    curvature = -jnp.max(jnp.linalg.eigvals(J).real)
    return z, jnp.linalg.norm(f(z) + c), curvature, jnp.linalg.norm(J)


def _basins(sde, minima, starts) -> Int[np.ndarray, " N"]:
    """The minimum that each state flows to, −1 for none; by blocks, so that those which take long
    hold up few others, and any number of states shares a compilation."""
    padding = -len(starts) % _BLOCK
    blocks = np.concatenate([starts, np.broadcast_to(minima[0], (padding, sde.dim))])
    reach, f = _CAUGHT * nearest(minima), flow_of(sde)
    with jax.enable_x64(True):
        labels = [
            np.asarray(_flow(f, jnp.asarray(minima), jnp.asarray(reach), jnp.asarray(block)))
            for block in blocks.reshape(-1, _BLOCK, sde.dim)
        ]
    return np.concatenate([np.zeros(0, np.int32), *labels])[: len(starts)]


@eqx.filter_jit
def _flow(f, minima, reach, starts):
    """Midpoint steps that the local slopes allow and that are short beside the distance to the
    nearest minimum, so that none leaps across a ridge."""

    def step(z):
        away = jnp.linalg.norm(minima - z, axis=1)
        j = jnp.argmin(away / reach)
        velocity, J = f(z), jnp.linalg.norm(jax.jacfwd(f)(z))
        speed = jnp.linalg.norm(velocity)
        h = jnp.minimum(0.5 / J, 0.25 * away.min() / speed)
        moving = speed > _AT_REST * reach.min() * J  # not if NaN
        new = z + h * f(z + 0.5 * h * velocity)
        return new, jnp.where(away[j] <= reach[j], j, -1).astype(jnp.int32), moving

    def unfinished(carry):
        _, _, flowing, steps = carry
        return jnp.any(flowing) & (steps < _LONGEST)

    def advance(carry):
        z, labels, flowing, steps = carry
        new, found, moving = jax.vmap(step)(z)
        labels = jnp.where(flowing, found, labels)
        flowing &= moving & (found < 0)
        return jnp.where(flowing[:, None], new, z), labels, flowing, steps + 1

    N = len(starts)
    start = starts, jnp.full(N, -1, jnp.int32), jnp.full(N, True), 0
    return jax.lax.while_loop(unfinished, advance, start)[1]


def _is_isotropic(sde: AbstractSDE, states) -> bool:
    """Whether D = ½σσᵀ is a multiple of the identity in all of these states."""
    sigma = np.asarray(jax.vmap(sde.diffusion)(jnp.asarray(states, dtype=float)), dtype=float)
    D = sigma @ np.swapaxes(sigma, 1, 2)
    size = np.trace(D, axis1=1, axis2=2)[:, None, None] / sde.dim
    return bool(np.all(np.abs(D - size * np.eye(sde.dim)) <= _ANISOTROPIC * size))


def work_along(
    sde: AbstractSDE,
    before: Float[np.ndarray, "L k"],
    after: Float[np.ndarray, "L k"],
    panels: int = _PANELS,
) -> tuple[Float[np.ndarray, " L"], Float[np.ndarray, " L"]]:
    """−∫f·dz along straight lines, and how high it rises on the way.

    Gauss–Legendre in panels, of which there are ever more until nothing changes: ridges between
    wells can be sharp.
    """
    parts = [
        _work_along(sde, before[first : first + _LINES], after[first : first + _LINES], panels)
        for first in range(0, len(before), _LINES)
    ]
    work, highest = zip(*parts, strict=True)
    return np.concatenate(work), np.concatenate(highest)


def _work_along(sde, before, after, panels):
    L, last, f = len(before), None, flow_of(sde)
    before, after = _padded(before), _padded(after)
    while True:
        with jax.enable_x64(True):
            results = _work(f, jnp.asarray(before), jnp.asarray(after), jnp.asarray(panels))
            work, highest, lowest = (np.asarray(result)[:L] for result in results)
        off = np.inf if last is None else np.abs(work - last)
        if panels >= _MOST_PANELS or not np.any(off > _PRECISE * (highest - lowest)):
            return work, highest
        panels, last = 4 * panels, work


@eqx.filter_jit
def _work(f, before, after, panels):
    """Work along lines, and the highest and the lowest that it was, at the ends of panels."""
    points, weights = np.polynomial.legendre.leggauss(4)

    def panel(i, carry):
        work, highest, lowest = carry
        at = (i + 0.5 * (1 + jnp.asarray(points))) / panels
        z = before + at[:, None, None] * (after - before)
        along = jax.vmap(jax.vmap(f))(z)
        work = (
            work - 0.5 * jnp.asarray(weights) @ jnp.sum(along * (after - before), axis=2) / panels
        )
        return work, jnp.maximum(work, highest), jnp.minimum(work, lowest)

    nothing = jnp.zeros(len(before))
    return jax.lax.fori_loop(0, panels, panel, (nothing, nothing, nothing))


def _curl(sde, before, after) -> float:
    """Of J = ∂f/∂z on lines, its antisymmetric part ½(J − Jᵀ) over the whole."""
    places = before + ((np.arange(_PANELS) + 0.5) / _PANELS)[:, None, None] * (after - before)
    J = slopes_at(sde, places.reshape(-1, sde.dim))
    odd = 0.5 * (J - np.swapaxes(J, 1, 2))
    return float(np.sqrt(np.sum(odd**2) / np.sum(J**2)))


def slopes_at(sde: AbstractSDE, states: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "N k k"]:
    """J = ∂f/∂z."""
    padded = _padded(states)
    with jax.enable_x64(True):
        return np.asarray(_slopes(flow_of(sde), jnp.asarray(padded)))[: len(states)]


@eqx.filter_jit
def _slopes(f, states):
    return jax.vmap(jax.jacfwd(f))(states)


def _padded(states: Float[np.ndarray, "N k"]) -> Float[np.ndarray, "P k"]:
    """Filled up to a power of 2."""
    number = max(_FEWEST, 2 ** (len(states) - 1).bit_length())
    return np.pad(states, ((0, number - len(states)), (0, 0)), mode="edge")
