"""An SDE as a probability flux:  J = f̃ p − D ∇p  with  f̃ = f − ∇·D.

f̃ is the drift left when the noise is read in the kinetic (Hänggi–Klimontovich) way; it is f itself
where D is constant. Everything is evaluated in float64.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch import evaluate
from driftmatch.abstract_sde import AbstractSDE
from driftmatch.errors import InputError
from driftmatch.evaluate import at_states, diffusion_matrices
from driftmatch.network import as_sde

_SINGULAR = 1e-9


def as_stationary_sde(sde: AbstractSDE) -> AbstractSDE:
    """The SDE, of a network without private noise; refuses what depends on time."""
    sde = as_sde(
        sde,
        error="sde must be an SDE or a Network",
        hint="functions become one by driftmatch.SDE(drift, diffusion, dim)",
    )
    if sde.is_driven:
        raise InputError(
            f"{sde.name} is driven by an input that depends on time, so it has no stationary "
            "density: leave the input out, or add a constant one to the drift"
        )
    return sde


def flux_drifts(
    sde: AbstractSDE, states: Float[np.ndarray, "N k"], *, may_be_singular: bool = False
) -> tuple[Float[np.ndarray, "N k"], Float[np.ndarray, "#N k k"]]:
    """f̃ at every state, and D: at every state too, or once if it is constant.

    Refuses a drift that is not finite and, unless it `may_be_singular`, a D that is singular.
    """
    drifts = at_states(_flux_drift, sde, states, numbers=_numbers(sde))
    # The slope of √max(x, 0) is not finite where x ≤ 0, though that of σσᵀ is.
    lost = ~np.isfinite(drifts).all(axis=1)
    if lost.any():
        drifts[lost] = _by_differences(sde, states[lost], np.ptp(states, axis=0))
    chosen = states[:1] if sde.has_constant_diffusion else states
    D = diffusion_matrices(sde, chosen)
    finite = np.isfinite(drifts).all(axis=1) & np.isfinite(D).all(axis=(1, 2))
    if not np.all(finite):
        raise InputError(
            f"the drift or the diffusion of {sde.name} is not finite at "
            f"{_words(states[np.argmin(finite)])}: mend it there or choose a region where it is "
            "defined"
        )
    if not may_be_singular:
        require_regular(sde, chosen, D)
    return drifts, D


def diffuse(
    D: Float[np.ndarray, "#N k k"], vectors: Float[np.ndarray, "N k"]
) -> Float[np.ndarray, "N k"]:
    """D v at every state."""
    return vectors @ D[0] if len(D) == 1 else np.einsum("nij,nj->ni", D, vectors)


def undiffuse(
    D: Float[np.ndarray, "#N k k"], vectors: Float[np.ndarray, "N k"]
) -> Float[np.ndarray, "N k"]:
    """D⁻¹v at every state."""
    if len(D) == 1:
        return np.linalg.solve(D[0], vectors.T).T
    return np.linalg.solve(D, vectors[..., None])[..., 0]


def divergences(sde: AbstractSDE, states: Float[np.ndarray, "N k"]) -> Float[np.ndarray, " N"]:
    """∇·f̃ at every state."""
    return at_states(_divergence, sde, states, numbers=_numbers(sde))


def silent_axes(D: Float[np.ndarray, "N k k"]) -> np.ndarray:
    """The coordinates along which D has nothing at all, at any state."""
    return np.flatnonzero(np.all(np.diagonal(D, axis1=1, axis2=2) == 0, axis=0))


def require_regular(
    sde: AbstractSDE, states: Float[np.ndarray, "N k"], D: Float[np.ndarray, "N k k"]
) -> None:
    """Refuse a D that is singular: irreversibility divides by it."""
    variances = np.diagonal(D, axis1=1, axis2=2)
    scale = np.sqrt(variances)
    # Where noise vanishes at some states only, as at the edge of where an SDE lives, it is regular.
    present = np.all(scale > 0, axis=1)
    if present.any():
        states, D, scale = states[present], D[present], scale[present]
    unit = np.where(scale > 0, scale, 1.0)
    correlation = D / (unit[:, :, None] * unit[:, None, :])
    smallest = np.linalg.eigvalsh(correlation)[:, 0]
    if smallest.min() > _SINGULAR:
        return
    worst = int(np.argmin(smallest))
    silent = np.linalg.eigh(D[worst])[1][:, 0]
    raise InputError(
        f"the diffusion of {sde.name} is singular at {_words(states[worst])}: there is no noise "
        f"along {_words(silent)}, where entropy production is infinite or undefined; give every "
        "direction some noise, such as noise=0.1 for a system of the catalogue"
    )


def _numbers(sde: AbstractSDE) -> int:
    """In the Jacobian that a state takes."""
    return sde.dim**2 if sde.has_constant_diffusion else sde.dim**3


def _flux_drift(sde: AbstractSDE, z):
    f = sde.drift(z)
    if sde.has_constant_diffusion:
        return f

    def diffusion_matrix(z):
        sigma = sde.diffusion(z)
        return 0.5 * sigma @ sigma.T

    slopes = jax.jacfwd(diffusion_matrix)(z)
    return f - jnp.einsum("ijj->i", slopes)


def _by_differences(sde, states, width):
    """f − ∇·D with central differences of D."""
    f = evaluate.drifts(sde, states)
    for axis, h in enumerate(1e-6 * np.where(width > 0, width, 1.0)):
        aside = np.zeros(sde.dim)
        aside[axis] = h
        after, before = (diffusion_matrices(sde, states + s * aside) for s in (1, -1))
        f -= (after - before)[:, :, axis] / (2 * h)
    return f


def _divergence(sde: AbstractSDE, z):
    return jnp.trace(jax.jacfwd(lambda z: _flux_drift(sde, z))(z))


def _words(state: Float[np.ndarray, " k"]) -> str:
    return "(" + ", ".join(f"{x:.3g}" for x in state) + ")"
