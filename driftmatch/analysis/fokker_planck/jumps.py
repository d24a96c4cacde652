r"""The Fokker–Planck equation on a grid, as jumps between its cells.

With g = D⁻¹f̃ the current is J = D (g p − ∇p) = Σ_e λ_e e (e·g p − e·∇p), where D = Σ_e λ_e e eᵀ in
units of cells (`lattice_weights`). Along every edge z → z + e the bracket is replaced by the flux
that is exact for a constant force (Scharfetter and Gummel's exponential fitting):

    flux = λ_e [β(−x) p(z) − β(x) p(z + e)],  β(x) = x / (eˣ − 1),  x = ∫ g · de along the edge

The two rates are never negative and their ratio is eˣ: positivity, conservation and, where g is a
gradient, the equilibrium density (exact if x is) all hold by construction; x is found by Simpson's
rule, and away from equilibrium the error is of second order.
Most of it is numerical diffusion: with P the geometric mean of p at both ends and y = x − Δ ln p,

    flux = λ_e P x sinh(y/2) / sinh(x/2),    where centred differences would give    λ_e P y

so once p is known roughly, weighting each λ_e by the ratio of the two (`centred`) removes it and
leaves all that holds by construction as it is.

Source: D. Scharfetter, H. Gummel, IEEE Trans. Electron Devices 16, 64 (1969).
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.flux import flux_drifts, require_regular, silent_axes, undiffuse
from driftmatch.analysis.fokker_planck.lattice import Offset, lattice_weights
from driftmatch.grids import Grid

_ADDED = 1e-2  # of the drift times the cell
_KNOWN = 1e-9  # of the largest probability: below it an iterative solver's are not to be trusted


@dataclass(frozen=True)
class Edges:
    """All edges of one offset.

    - `offset`: e, in cells. - `tail`, `head`: cells z and z + e, as flat indices, shape (E,).
    - `forward`, `backward`: rates of the jumps z → z + e and back, per unit time, shape (E,).
    - `force`: x, the logarithm of their ratio, shape (E,).
    """

    offset: Offset
    tail: Int[np.ndarray, " E"]
    head: Int[np.ndarray, " E"]
    forward: Float[np.ndarray, " E"]
    backward: Float[np.ndarray, " E"]
    force: Float[np.ndarray, " E"]

    def flux(self, mass: Float[np.ndarray, " N"]) -> Float[np.ndarray, " E"]:
        """The net probability per unit time that crosses each edge."""
        return self.forward * mass[self.tail] - self.backward * mass[self.head]


@dataclass(frozen=True)
class JumpProcess:
    """A Markov jump process between the cells of a grid that stands for an SDE.

    - `edges`: one `Edges` an offset. - `silent`: the coordinates without noise.
    """

    grid: Grid
    edges: tuple[Edges, ...]
    silent: tuple[int, ...] = ()

    def rates(self) -> scipy.sparse.csc_matrix:
        """The rate of the jump j → i in row i and column j."""
        rows = np.concatenate([a for e in self.edges for a in (e.head, e.tail)])
        columns = np.concatenate([a for e in self.edges for a in (e.tail, e.head)])
        values = np.concatenate([a for e in self.edges for a in (e.forward, e.backward)])
        N = self.grid.size
        return scipy.sparse.csc_matrix((values, (rows, columns)), shape=(N, N))

    def current(self, mass: Float[np.ndarray, " N"]) -> Float[np.ndarray, "N k"]:
        """J at the centres, probability per unit time and area: half of what crosses each side."""
        J = np.zeros((self.grid.size, self.grid.dim))
        for e in self.edges:
            half = 0.5 * e.flux(mass)
            through = np.bincount(e.tail, half, self.grid.size)
            through += np.bincount(e.head, half, self.grid.size)
            J += through[:, None] * e.offset
        return J * self.grid.spacing / self.grid.cell_volume

    def centred(self, mass: Float[np.ndarray, " N"]) -> "JumpProcess":
        """The same jumps without numerical diffusion, given a first estimate of the density."""
        known = mass > _KNOWN * mass.max()
        log_mass = np.log(np.where(known, mass, 1.0))
        edges = []
        for e in self.edges:
            y = e.force - (log_mass[e.head] - log_mass[e.tail])
            ratio = np.clip(_sinhc(e.force / 2) / _sinhc(y / 2), 0.5, 2.0)
            ratio = np.where(known[e.head] & known[e.tail], ratio, 1.0)
            edges.append(replace(e, forward=ratio * e.forward, backward=ratio * e.backward))
        return replace(self, edges=tuple(edges))

    def entropy_production(self, mass: Float[np.ndarray, " N"]) -> float:
        """Σ flux · x: the entropy production rate of the jumps in the stationary state; NaN where a
        coordinate has no noise."""
        if self.silent:
            return float("nan")
        return float(sum(e.flux(mass) @ e.force for e in self.edges))

    def numerical_diffusion(self, mass: Float[np.ndarray, " N"]) -> float:
        """⟨x²⟩/12, what exponential fitting adds to D, relative to D, where the force leads."""
        edges = [e for e in self.edges if not any(e.offset[a] for a in self.silent)]
        weight = sum(float(mass[e.tail] @ (e.forward + e.backward)) for e in edges)
        square = sum(float(mass[e.tail] @ ((e.forward + e.backward) * e.force**2)) for e in edges)
        return square / weight / 12 if edges else 0.0


def jump_process(sde: AbstractSDE, grid: Grid, *, may_be_silent: bool = False) -> JumpProcess:
    """The jumps between the cells of a grid with reflecting walls, or none round an angle.

    Refuses a D that is singular, unless it `may_be_silent` along some of the coordinates, not all.
    Along coordinates without noise some diffusion is added, a hundredth of what a first-order
    scheme would have of itself: exponential fitting then leads with the flow, and `centred` makes
    that second order.
    """
    centres, h = grid.centres, grid.spacing
    drift, D = flux_drifts(sde, centres, may_be_singular=True)
    added = np.zeros(grid.dim)
    silent = silent_axes(D) if may_be_silent else np.zeros(0, int)
    silent = silent if len(silent) < grid.dim else silent[:0]
    added[silent] = _ADDED * np.abs(drift[:, silent]).max(axis=0) * h[silent]
    D = D + np.diag(added)
    require_regular(sde, centres if len(D) > 1 else centres[:1], D)
    at_centres = undiffuse(D, drift) * h
    edges = []
    for offset, weight in lattice_weights(D / np.outer(h, h)).items():
        weights = np.broadcast_to(weight, grid.size)
        tail, head = _neighbours(grid, offset)
        linked = weights[tail] + weights[head] > 0
        tail, head = tail[linked], head[linked]
        strength = 0.5 * (weights[tail] + weights[head])
        e = np.array(offset)
        between = centres[tail] + 0.5 * h * e
        drift_between, D_between = flux_drifts(sde, between, may_be_singular=True)
        halfway = undiffuse(D_between + np.diag(added), drift_between) * h
        force = (at_centres[tail] + 4 * halfway + at_centres[head]) @ e / 6  # Simpson's rule
        forward, backward = strength * bernoulli(-force), strength * bernoulli(force)
        edges.append(Edges(offset, tail, head, forward, backward, force))
    return JumpProcess(grid, tuple(edges), tuple(silent.tolist()))


def _neighbours(grid: Grid, offset: Offset):
    """The cells z and z + e that both lie in the grid, or round an angle, as flat indices."""
    tail = np.indices(grid.shape).reshape(grid.dim, -1)
    head = tail + np.array(offset)[:, None]
    inside = np.ones(grid.size, bool)
    for axis, (cells, wraps) in enumerate(zip(grid.shape, grid.wraps, strict=True)):
        if wraps:
            head[axis] %= cells
        else:
            inside &= (head[axis] >= 0) & (head[axis] < cells)
    kept = [tuple(cells[:, inside]) for cells in (tail, head)]
    return [np.asarray(np.ravel_multi_index(cells, grid.shape)) for cells in kept]


def _sinhc(x):
    """sinh(x) / x."""
    small = np.abs(x) < 1e-4
    safe = np.where(small, 1.0, np.clip(x, -300, 300))
    return np.where(small, 1 + x**2 / 6, np.sinh(safe) / safe)


def bernoulli(x):
    """x / (eˣ − 1)."""
    small = np.abs(x) < 1e-5
    safe = np.where(small, 1.0, np.clip(x, -700, 700))
    return np.where(small, 1 - x / 2 + x**2 / 12, safe / np.expm1(safe))
