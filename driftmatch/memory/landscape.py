"""The energy landscape of a gradient flow, and how its minima move when it is tilted."""

from dataclasses import dataclass
from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float

from driftmatch.errors import ComputationError, InputError
from driftmatch.network import Network
from driftmatch.sde import AbstractSDE

_PANELS = 64  # of a line integral, each with the nodes below
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)
_CURL = 0.2  # of the slopes' size: beyond it a drift is no gradient

_STEPS = 2000  # of a descent
_MERGED = 1e-4  # of the landscape's extent: minima closer than this are one


@dataclass(frozen=True)
class Landscape:
    """The minima of the potential V of an SDE with drift f = −∇V.

    - `minima`: z_j, shape (W, k), in the order of the SDE's starts. - `energies`: V(z_j), shape
      (W,), counted from the lowest.
    - `curl`: the antisymmetric part of ∂f/∂z over the whole of it, root mean square on the lines
      between minima: 0 for a gradient.
    - `sde`: whose landscape it is.
    """

    sde: AbstractSDE
    minima: Float[np.ndarray, "W k"]
    energies: Float[np.ndarray, " W"]
    curl: float

    @property
    def name(self) -> str:
        return self.sde.name

    def potential(self, states: Float[np.ndarray, "... k"]) -> Float[np.ndarray, "..."]:
        """V, from the integral of −f along straight lines from the first minimum."""
        states = np.asarray(states, dtype=float)
        flat = states.reshape(-1, states.shape[-1])
        work = _work(self.sde, np.broadcast_to(self.minima[0], flat.shape), flat)
        return (self.energies[0] + work).reshape(states.shape[:-1])


def landscape(sde: AbstractSDE | Network) -> Landscape:
    """The minima that the SDE's starts descend to, and their energies.

    Energies are line integrals of −f along straight lines. A network stands for
    ``network.latent()``. Raises `InputError` for fewer than two minima, and for a drift that is no
    gradient, of which there is no potential.
    """
    sde = sde.latent() if isinstance(sde, Network) else sde
    if not isinstance(sde, AbstractSDE):
        raise InputError(f"sde must be an SDE or a Network, got {type(sde).__name__}")
    starts = sde.starts
    if starts is None or len(starts) < 2:
        raise InputError(
            f"{sde.name} names no starts, one for each well, to descend from: give them as start= "
            "of shape (wells, k), for example the stable ones among fixed_points(sde)"
        )
    minima = _distinct(descend(sde, np.asarray(starts, dtype=float)))
    if len(minima) < 2:
        raise InputError(
            f"{sde.name} has one well only: all starts descend to {minima[0].tolist()}"
        )
    curl = _curl(sde, minima)
    if curl > _CURL:
        raise InputError(
            f"the drift of {sde.name} is no gradient (the antisymmetric part of its slopes is "
            f"{curl:.0%} of them), so it has no energy to tilt: give an input of your own instead"
        )
    energies = _work(sde, np.broadcast_to(minima[0], minima.shape), minima)
    return Landscape(sde, minima, energies - energies.min(), curl)


@dataclass(frozen=True)
class TiltedMinima:
    """Minima followed while a tilt grows:  V(z) − a c·z  for amplitudes a from 0.

    - `direction`: c, the input to the drift at a = 1, shape (k,), in units of f.
    - `amplitudes`: a, shape (A,).
    - `minima`: shape (A, W, k), NaN beyond the fold at which a well disappears.
    - `energies`: V(z_j) − a c·z_j, shape (A, W).
    - `folds`: the amplitude at which each well disappears, NaN if it does not; shape (W,).
    - `name`: of the SDE.
    """

    direction: Float[np.ndarray, " k"]
    amplitudes: Float[np.ndarray, " A"]
    minima: Float[np.ndarray, "A W k"]
    energies: Float[np.ndarray, "A W"]
    folds: Float[np.ndarray, " W"]
    name: str

    @cached_property
    def left(self) -> tuple[int, ...]:
        """The wells that are still there at the largest amplitude."""
        return tuple(int(j) for j in np.flatnonzero(np.isnan(self.folds)))


def follow_minima(
    wells: Landscape, direction: ArrayLike, *, largest: float = 1.0, steps: int = 100
) -> TiltedMinima:
    """Follow every minimum of a landscape as it is tilted by a c, from a = 0 to `largest`.

    Newton's method from amplitude to amplitude, zeros of f + a c; a well ends at the fold where
    its least curvature reaches 0, found to a 10⁻⁴ of a step.
    """
    c = _check_direction(direction, wells.minima.shape[1])
    if not (np.isfinite(largest) and largest > 0):
        raise InputError(f"largest must be positive, got {largest!r}")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 2:
        raise InputError(f"steps must be a whole number of at least 2, got {steps!r}")
    sde, z = wells.sde, wells.minima.copy()
    extent = _extent(wells.minima)
    amplitudes = np.linspace(0, largest, steps + 1)
    minima = np.full((steps + 1, *z.shape), np.nan)
    minima[0] = z
    folds = np.full(len(z), np.nan)
    for i in range(1, steps + 1):
        alive = np.isnan(folds)
        new, good = _newton(sde, z, amplitudes[i] * c, extent)
        for j in np.flatnonzero(alive & ~good):
            folds[j] = _fold(sde, z[j], c, amplitudes[i - 1], amplitudes[i], extent)
        kept = alive & good
        minima[i, kept] = z[kept] = new[kept]
    moved = _work(
        sde,
        np.repeat(wells.minima[None], len(amplitudes), axis=0).reshape(-1, len(c)),
        np.nan_to_num(minima).reshape(-1, len(c)),
    ).reshape(minima.shape[:2])
    energies = wells.energies + moved - amplitudes[:, None] * (minima @ c)
    return TiltedMinima(c, amplitudes, minima, energies, folds, sde.name)


def _check_direction(direction: ArrayLike, dim: int) -> Float[np.ndarray, " k"]:
    try:
        c = np.asarray(direction, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"direction must be {dim} numbers, got {direction!r}") from None
    if c.shape != (dim,) or not np.all(np.isfinite(c)):
        raise InputError(f"direction must be {dim} finite numbers, got shape {c.shape}")
    return c


def descend(
    sde: AbstractSDE,
    starts: Float[np.ndarray, "W k"],
    forcing: Float[np.ndarray, " k"] | None = None,
) -> Float[np.ndarray, "W k"]:
    """Where f + forcing leads from each start: a long descent, then Newton's steps.

    Raises `ComputationError` where a flow does not come to rest.
    """
    c = np.zeros(sde.dim) if forcing is None else forcing
    with jax.enable_x64(True):
        ends = np.asarray(_flow(sde, jnp.asarray(starts), jnp.asarray(c)))
    polished, good = _newton(sde, ends, c, _extent(starts))
    if not np.all(good):
        worst = int(np.argmin(good))
        raise ComputationError(
            f"the flow of {sde.name} from {starts[worst].tolist()} does not come to rest in a well: "
            "only systems of wells have a landscape of minima"
        )
    return polished


def _extent(states) -> float:
    return float(np.ptp(states, axis=0).max()) or 1.0


@eqx.filter_jit
def _flow(sde, starts, c):
    """Explicit steps of a size that the local slopes allow."""
    slopes = jax.jacfwd(sde.drift)

    def step(_, z):
        h = 0.5 / jnp.maximum(jnp.linalg.norm(slopes(z)), 1e-12)
        half = z + 0.5 * h * (sde.drift(z) + c)
        return z + h * (sde.drift(half) + c)

    return jax.vmap(lambda z: jax.lax.fori_loop(0, _STEPS, step, z))(starts)


@eqx.filter_jit
def _newton_steps(sde, z, c):
    slopes = jax.jacfwd(sde.drift)

    def one(z):
        def step(_, z):
            return z - jnp.linalg.solve(slopes(z), sde.drift(z) + c)

        end = jax.lax.fori_loop(0, 12, step, z)
        J = slopes(end)
        return end, sde.drift(end) + c, jnp.linalg.eigvalsh(0.5 * (J + J.T)), jnp.linalg.norm(J)

    return jax.vmap(one)(z)


def _newton(sde, z, c, extent):
    """Zeros of f + c near z, and which are minima that Newton's method found near by."""
    with jax.enable_x64(True):
        results = _newton_steps(sde, jnp.asarray(z), jnp.asarray(c))
        end, rest, curvatures, size = (np.asarray(r) for r in results)
    good = np.isfinite(end).all(axis=1)
    good &= np.linalg.norm(rest, axis=1) <= 1e-9 * size * extent
    good &= curvatures[:, -1] < 0  # −V'' negative definite
    good &= np.linalg.norm(end - z, axis=1) < 0.2 * extent
    return end, good


def _fold(sde, z, c, low, high, extent) -> float:
    """The amplitude between low and high at which the minimum near z disappears."""
    for _ in range(14):
        middle = 0.5 * (low + high)
        new, good = _newton(sde, z[None], middle * c, extent)
        if good[0]:
            low, z = middle, new[0]
        else:
            high = middle
    return 0.5 * (low + high)


def _distinct(minima: Float[np.ndarray, "W k"]) -> Float[np.ndarray, "V k"]:
    """Each minimum once, in the order of its first appearance."""
    kept: list[np.ndarray] = []
    for z in minima:
        if all(np.linalg.norm(z - other) > _MERGED * _extent(minima) for other in kept):
            kept.append(z)
    return np.array(kept)


def _on_lines(before, after):
    """Nodes of composite Gauss–Legendre quadrature on lines, (L, Q, k), and weights (Q,)."""
    panels = (np.arange(_PANELS)[:, None] + 0.5 * (1 + _NODES)).ravel() / _PANELS
    weights = np.tile(0.5 * _WEIGHTS / _PANELS, _PANELS)
    return before[:, None] + panels[:, None] * (after - before)[:, None], weights


def _work(sde, before: Float[np.ndarray, "L k"], after: Float[np.ndarray, "L k"]):
    """−∫ f·dz along straight lines, shape (L,)."""
    nodes, weights = _on_lines(before, after)
    with jax.enable_x64(True):
        f = np.asarray(_drifts(sde, jnp.asarray(nodes)))
    return -np.einsum("q,lqk,lk->l", weights, f, after - before)


def _curl(sde, minima) -> float:
    i, j = np.triu_indices(len(minima), 1)
    nodes, weights = _on_lines(minima[i], minima[j])
    with jax.enable_x64(True):
        J = np.asarray(_slopes(sde, jnp.asarray(nodes[:, ::4])))
    odd = 0.5 * (J - np.swapaxes(J, -1, -2))
    return float(np.linalg.norm(odd) / np.linalg.norm(J))


@eqx.filter_jit
def _drifts(sde, states):
    return jax.vmap(jax.vmap(sde.drift))(states)


@eqx.filter_jit
def _slopes(sde, states):
    return jax.vmap(jax.vmap(jax.jacfwd(sde.drift)))(states)
