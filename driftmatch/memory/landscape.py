"""The energy landscape of a gradient flow: its wells, and how high they lie."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import check_array
from driftmatch.errors import InputError
from driftmatch.memory.descent import descend, distances, label_basins, nearest, width
from driftmatch.memory.line_work import PANELS, slopes_at, work_along
from driftmatch.network import Network, as_sde
from driftmatch.records import Record
from driftmatch.words import spelled

_NO_GRADIENT = 0.2  # of the slopes, and of the median depth
_MERGED = 1e-4  # of the width: minima closer than this are one
_ANISOTROPIC = 1e-6


class Landscape(Record):
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
        """Of the system."""
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
        z = check_array("states", states, (..., self.minima.shape[1]))
        flat = z.reshape(-1, self.minima.shape[1])
        work, _ = work_along(self.sde, np.broadcast_to(self.minima[0], flat.shape), flat)
        return (self.energies[0] + work).reshape(z.shape[:-1])

    def basins(self, states: ArrayLike) -> Int[np.ndarray, "..."]:
        """The well that the noise-free flow dz/dt = f(z) leads to from each state, −1 where it
        leads to none of these wells."""
        k = self.minima.shape[1]
        z = check_array("states", states, (..., k), finite=False, empty=True)
        labels = label_basins(self.sde, self.minima, z.reshape(-1, k))
        return labels.reshape(z.shape[:-1])


@spelled
def landscape(system: AbstractSDE, *, starts: ArrayLike | None = None) -> Landscape:
    """The minima that some states descend to, and their energies.

    Energies are those that agree best, by least squares, with the work along the straight lines
    between all pairs of minima; a network's drift is a gradient only nearly.

    **Arguments**

    - `system`: an SDE with drift f = −∇V, or a network of which that is nearly true.
    - `starts`: a state in each well, shape (W, k), for example the stable ones among
      ``fixed_points(system)``; by default the SDE's own. Well j is the one that start j leads to.

    **Raises** `InputError` for fewer than two minima, for two starts that lead to one, for a flow
    that does not come to rest, and for a drift that is no gradient, of which there is no potential.
    """
    sde = as_sde(system, error="system must be a Network or an SDE")
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
        if isinstance(sde, Network):
            remedy = "take the tilt of its target, or match it between the wells too (box=)"
        elif not _is_isotropic(sde, minima):
            remedy = "as D is anisotropic, give coordinates in which it is not: z' = L⁻¹z, D = LLᵀ"
        raise InputError(
            f"the drift of {sde.name} is no gradient, so it has no energy to tilt (the "
            f"antisymmetric part of its slopes is {curl:.0%} of them, and work between wells "
            f"depends on the path by {circulation:.0%} of their depth): {remedy}"
        )
    return Landscape(sde, minima, energies - energies.min(), depths, curl, circulation)


def as_landscape(wells: Landscape | AbstractSDE) -> Landscape:
    """The landscape itself, or that of an SDE or a network."""
    return wells if isinstance(wells, Landscape) else landscape(wells)


def _check_starts(sde: AbstractSDE, starts: ArrayLike | None) -> Float[np.ndarray, "W k"]:
    own = sde.starts
    if starts is None and (own is None or len(own) < 2):
        raise InputError(
            f"{sde.name} does not name a start for each of its wells: pass starts= of shape "
            f"(wells, {sde.dim}) to landscape, such as the stable ones among fixed_points(sde)"
        )
    return check_array("starts", own if starts is None else starts, ("wells", sde.dim))


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
        merged = ", which it has merged" if isinstance(sde, Network) else ""
        raise InputError(
            f"starts {i} and {j} lead to the same well of {sde.name}{merged}, at "
            f"{minima[i].round(6).tolist()}: leave one out"
        )


def _is_isotropic(sde: AbstractSDE, states) -> bool:
    """Whether D = ½σσᵀ is a multiple of the identity in all of these states."""
    sigma = np.asarray(jax.vmap(sde.diffusion)(jnp.asarray(states, dtype=float)), dtype=float)
    D = sigma @ np.swapaxes(sigma, 1, 2)
    size = np.trace(D, axis1=1, axis2=2)[:, None, None] / sde.dim
    return bool(np.all(np.abs(D - size * np.eye(sde.dim)) <= _ANISOTROPIC * size))


def _curl(sde, before, after) -> float:
    """Of J = ∂f/∂z on lines, its antisymmetric part ½(J − Jᵀ) over the whole."""
    places = before + ((np.arange(PANELS) + 0.5) / PANELS)[:, None, None] * (after - before)
    J = slopes_at(sde, places.reshape(-1, sde.dim))
    odd = 0.5 * (J - np.swapaxes(J, 1, 2))
    return float(np.sqrt(np.sum(odd**2) / np.sum(J**2)))
