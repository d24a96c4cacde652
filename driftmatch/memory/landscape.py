"""The energy landscape of a gradient flow: its wells, and how high they lie."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from driftmatch.errors import ComputationError, InputError
from driftmatch.network import LatentSDE, Network
from driftmatch.sde import AbstractSDE

_PANELS, _MOST_PANELS = 64, 16384  # of the line between two minima
_PRECISE = 1e-8  # of the height of a line
_LINES = 2048  # at once
_NO_GRADIENT = 0.2  # of the slopes, and of the median depth

_DESCENT = 2000  # steps
_NEWTON = 10  # iterations
_MERGED = 1e-4  # of the width: minima closer than this are one


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
        apart = np.linalg.norm(self.minima[:, None] - self.minima[None], axis=-1)
        return float(apart[~np.eye(len(apart), dtype=bool)].min())

    def potential(self, states: ArrayLike) -> Float[np.ndarray, "..."]:
        """V, from the integral of −f along straight lines from the first minimum."""
        z = np.asarray(states, dtype=float)
        flat = z.reshape(-1, self.minima.shape[1])
        work, _ = work_along(self.sde, np.broadcast_to(self.minima[0], flat.shape), flat)
        return (self.energies[0] + work).reshape(z.shape[:-1])


def landscape(sde: AbstractSDE | Network, *, starts: ArrayLike | None = None) -> Landscape:
    """The minima that some states descend to, and their energies.

    Energies are those that agree best, by least squares, with the work along the straight lines
    between all pairs of minima; a network's drift is a gradient only nearly.

    **Arguments**

    - `sde`: an SDE with drift f = −∇V; a network stands for ``network.latent()``.
    - `starts`: a state in each well, shape (W, k), for example the stable ones among
      ``fixed_points(sde)``; by default the SDE's own.

    **Raises** `InputError` for fewer than two minima, for a flow that does not come to rest, and
    for a drift that is no gradient, of which there is no potential.
    """
    sde = sde.latent() if isinstance(sde, Network) else sde
    if not isinstance(sde, AbstractSDE):
        raise InputError(f"sde must be an SDE or a Network, got {type(sde).__name__}")
    minima = _distinct(descend(sde, _check_starts(sde, starts)))
    if len(minima) < 2:
        raise InputError(
            f"{sde.name} has one well only: all starts descend to {minima[0].tolist()}"
        )
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
        raise InputError(
            f"the drift of {sde.name} is no gradient, so it has no energy to tilt (the "
            f"antisymmetric part of its slopes is {curl:.0%} of them, and work between wells "
            f"depends on the path by {circulation:.0%} of their depth): {remedy}"
        )
    return Landscape(sde, minima, energies - energies.min(), depths, curl, circulation)


def _check_starts(sde: AbstractSDE, starts: ArrayLike | None) -> Float[np.ndarray, "A k"]:
    given = sde.starts if starts is None else np.asarray(starts, dtype=float)
    if given is None or (starts is None and len(given) < 2):
        raise InputError(
            f"{sde.name} does not name a start for each of its wells: pass starts= of shape "
            f"(wells, {sde.dim}) to landscape, such as the stable ones among fixed_points(sde)"
        )
    if given.ndim != 2 or given.shape[1] != sde.dim or not np.all(np.isfinite(given)):
        raise InputError(
            f"starts must be finite and of shape (wells, {sde.dim}), got shape {given.shape}"
        )
    return given


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
        results = _descend(sde, jnp.asarray(starts), jnp.asarray(c))
        ends, minima, residues, slopes = (np.asarray(result) for result in results)
    good = residues <= 1e-9 * slopes * width(starts)
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
def _descend(sde, starts, c):
    """Explicit steps of a size that the local slopes allow. The residue of what is no minimum is
    infinite."""

    def step(_, z):
        h = 0.5 / jnp.maximum(jnp.linalg.norm(jax.jacfwd(sde.drift)(z)), 1e-12)
        half = z + 0.5 * h * (sde.drift(z) + c)
        return z + h * (sde.drift(half) + c)

    def one(z):
        end = jax.lax.fori_loop(0, _DESCENT, step, z)
        minimum, residue, curvature, slopes = newton(sde, end, c)
        return end, minimum, jnp.where(curvature > 0, residue, jnp.inf), slopes

    return jax.vmap(one)(starts)


def newton(sde: AbstractSDE, z, c):
    """A zero of f + c near z, |f + c| there, the least curvature and the size of the slopes."""
    slopes = jax.jacfwd(sde.drift)
    z = jax.lax.fori_loop(
        0, _NEWTON, lambda _, z: z - jnp.linalg.solve(slopes(z), sde.drift(z) + c), z
    )
    J = slopes(z)
    curvature = -jnp.linalg.eigvalsh(0.5 * (J + J.T))[-1]
    return z, jnp.linalg.norm(sde.drift(z) + c), curvature, jnp.linalg.norm(J)


def _distinct(minima: Float[np.ndarray, "A k"]) -> Float[np.ndarray, "W k"]:
    """Each minimum once, in the order of its first appearance."""
    kept: list[np.ndarray] = []
    for z in minima:
        if all(np.linalg.norm(z - other) > _MERGED * width(minima) for other in kept):
            kept.append(z)
    return np.array(kept)


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
    last = None
    while True:
        with jax.enable_x64(True):
            results = _work(sde, before, after, jnp.asarray(panels))
            work, highest, lowest = (np.asarray(result) for result in results)
        off = np.inf if last is None else np.abs(work - last)
        if panels >= _MOST_PANELS or not np.any(off > _PRECISE * (highest - lowest)):
            return work, highest
        panels, last = 4 * panels, work


@eqx.filter_jit
def _work(sde, before, after, panels):
    """Work along lines, and the highest and the lowest that it was, at the ends of panels."""
    points, weights = np.polynomial.legendre.leggauss(4)

    def panel(i, carry):
        work, highest, lowest = carry
        at = (i + 0.5 * (1 + jnp.asarray(points))) / panels
        z = before + at[:, None, None] * (after - before)
        f = jax.vmap(jax.vmap(sde.drift))(z)
        work = work - 0.5 * jnp.asarray(weights) @ jnp.sum(f * (after - before), axis=2) / panels
        return work, jnp.maximum(work, highest), jnp.minimum(work, lowest)

    nothing = jnp.zeros(len(before))
    return jax.lax.fori_loop(0, panels, panel, (nothing, nothing, nothing))


def _curl(sde, before, after) -> float:
    with jax.enable_x64(True):
        odd, whole = _slope_squares(sde, before, after)
    return float(np.sqrt(odd / whole))


@eqx.filter_jit
def _slope_squares(sde, before, after):
    """Σ|½(J − Jᵀ)|² and Σ|J|², J = ∂f/∂z, over places on lines."""

    def one(ends):
        begin, end = ends
        places = (jnp.arange(_PANELS) + 0.5) / _PANELS
        J = jax.vmap(lambda s: jax.jacfwd(sde.drift)(begin + s * (end - begin)))(places)
        return jnp.sum((0.5 * (J - jnp.swapaxes(J, 1, 2))) ** 2), jnp.sum(J**2)

    odd, whole = jax.lax.map(one, (before, after))
    return odd.sum(), whole.sum()
