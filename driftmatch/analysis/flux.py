"""An SDE as a probability flux:  J = f̃ p − D ∇p  with  f̃ = f − ∇·D.

f̃ is the drift left when the noise is read in the kinetic (Hänggi–Klimontovich) way; it is f itself
where D is constant. Everything is evaluated in float64, in batches that bound memory.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch.errors import InputError
from driftmatch.network import Network
from driftmatch.sde import AbstractSDE

_BATCH = 4096  # states, at most
_NUMBERS = 2**25  # in a batch of Jacobians, about
_SINGULAR = 1e-9


def as_stationary_sde(sde: AbstractSDE | Network) -> AbstractSDE:
    """The SDE, a network's in latent coordinates; refuses what depends on time."""
    if isinstance(sde, Network):
        sde = sde.latent()
    if not isinstance(sde, AbstractSDE):
        raise InputError(
            f"sde must be an SDE or a Network, got {type(sde).__name__}; functions become one by "
            "driftmatch.SDE(drift, diffusion, dim)"
        )
    if sde.forcing(jnp.zeros(())) is not None:
        raise InputError(
            f"{sde.name} is driven by an input that depends on time, so it has no stationary "
            "density: leave the input out, or add a constant one to the drift"
        )
    return sde


def flux_drifts(
    sde: AbstractSDE, states: Float[np.ndarray, "N k"]
) -> tuple[Float[np.ndarray, "N k"], Float[np.ndarray, "#N k k"]]:
    """f̃ at every state, and D: at every state too, or once if it is constant.

    Refuses a drift that is not finite and a D that is singular.
    """
    drifts = _evaluate(_flux_drift, sde, states)
    chosen = states[:1] if sde.has_constant_diffusion else states
    D = _evaluate(_diffusion_matrix, sde, chosen)
    finite = np.isfinite(drifts).all(axis=1) & np.isfinite(D).all(axis=(1, 2))
    if not np.all(finite):
        raise InputError(
            f"the drift or the diffusion of {sde.name} is not finite at "
            f"{_words(states[np.argmin(finite)])}: mend it there or choose a region where it is "
            "defined"
        )
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
    return _evaluate(_divergence, sde, states)


def require_regular(
    sde: AbstractSDE, states: Float[np.ndarray, "N k"], D: Float[np.ndarray, "N k k"]
) -> None:
    """Refuse a D that is singular: irreversibility divides by it."""
    scale = np.sqrt(np.diagonal(D, axis1=1, axis2=2))
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


def _diffusion_matrix(sde: AbstractSDE, z):
    sigma = sde.diffusion(z)
    return 0.5 * sigma @ sigma.T


def _flux_drift(sde: AbstractSDE, z):
    f = sde.drift(z)
    if sde.has_constant_diffusion:
        return f
    slopes = jax.jacfwd(lambda z: _diffusion_matrix(sde, z))(z)
    return f - jnp.einsum("ijj->i", slopes)


def _divergence(sde: AbstractSDE, z):
    return jnp.trace(jax.jacfwd(lambda z: _flux_drift(sde, z))(z))


def _evaluate(function, sde, states):
    """`function` at every state, in batches of one size, so that it compiles once."""
    N, k = states.shape
    size = int(np.clip(_NUMBERS // (k**2 if sde.has_constant_diffusion else k**3), 1, _BATCH))
    with jax.enable_x64(True):
        parts = []
        for first in range(0, N, size):
            batch = states[first : first + size]
            padded = np.concatenate([batch, np.repeat(batch[:1], size - len(batch), axis=0)])
            values = _batch(function, sde, jnp.asarray(padded, jnp.float64))
            parts.append(jax.tree.map(lambda x, n=len(batch): np.asarray(x)[:n], values))
    return jax.tree.map(lambda *xs: np.concatenate(xs), *parts)


@eqx.filter_jit
def _batch(function, sde, states):
    return jax.vmap(lambda z: function(sde, z))(states)


def _words(state: Float[np.ndarray, " k"]) -> str:
    return "(" + ", ".join(f"{x:.3g}" for x in state) + ")"
