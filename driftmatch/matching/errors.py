"""How far a network's drift and diffusion are from a target's, at given states."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from driftmatch.arguments import check_array, check_count, check_non_negative
from driftmatch.errors import InputError
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.network import Network
from driftmatch.sampling.whitening import Whitening
from driftmatch.sde import AbstractSDE

Matrix = np.ndarray
STATES_A_BLOCK = 2048


class MatchingErrors(NamedTuple):
    """Relative root-mean-square errors; see `matching_errors`."""

    drift: float
    noisy_drift: float
    diffusion: float


def matching_errors(
    sde: AbstractSDE,
    network: Network,
    states: Float[Matrix, "N k"],
    *,
    private_noise: float = 0.01,
    seed: int = 0,
) -> MatchingErrors:
    r"""Errors of a network against its target, in float64.

        drift        ε_f = sqrt( (1/k) Σ_i E[(f̂_i − f_i)²] / Var f_i )
        noisy_drift  the same with f̂ read from x = Γz + b + s·ξ, ξ normal, s = `private_noise`
        diffusion    ε_D = sqrt( E‖D̂ − D‖²_F / E‖D‖²_F ),  0 if both vanish

    (std f_i no smaller than 10⁻³ std z_i / τ, for drifts that are constant)
    over `states`, shape (N, k), which should be held out: drawn from fresh trajectories.
    """
    if not isinstance(sde, AbstractSDE) or not isinstance(network, Network):
        raise InputError(
            "matching_errors takes an SDE and a Network, "
            f"got {type(sde).__name__} and {type(network).__name__}"
        )
    states = check_array("states", states, ("N", sde.dim))
    private_noise = check_non_negative("private_noise", private_noise)
    seed = check_count("seed", seed, least=0)
    if network.latent_dim != sde.dim:
        raise InputError(
            f"{sde.name} has {sde.dim} dimensions and the network {network.latent_dim} latent ones"
        )
    wanted, D = drifts(sde, states), diffusion_matrices(sde, states)
    rng = np.random.default_rng(seed)
    drift, noisy, diffusion = np.zeros(sde.dim), np.zeros(sde.dim), 0.0
    for i in range(0, len(states), STATES_A_BLOCK):
        part = slice(i, i + STATES_A_BLOCK)
        x = states[part] @ network.gamma.T + network.bias
        rates = network.activation.derivatives(x)[0]
        drift += _squared(network, rates, states[part], wanted[part])
        S = network.shared_noise.constant
        if network.shared_noise.readout is not None:
            S = S + np.einsum("jmn,an->ajm", network.shared_noise.readout, rates)
        error = 0.5 * S @ np.swapaxes(S, -1, -2) - D[part]
        diffusion += float(np.sum(error**2))
        x += private_noise * rng.standard_normal(x.shape)
        rates = network.activation.derivatives(x)[0]
        noisy += _squared(network, rates, states[part], wanted[part])
    floor = 1e-3 * np.linalg.norm(Whitening.of(states).factor, axis=1) / network.tau
    variance = np.maximum(wanted.var(axis=0), np.maximum(floor**2, 1e-300)) * len(states)
    size = float(np.sum(D**2))
    return MatchingErrors(
        float(np.sqrt(np.mean(drift / variance))),
        float(np.sqrt(np.mean(noisy / variance))),
        float(np.sqrt(diffusion / size)) if size > 0 else (0.0 if diffusion == 0 else np.inf),
    )


def _squared(network, rates, states, wanted):
    error = (rates @ network.readout.T - states) / network.tau - wanted
    return np.sum(error**2, axis=0)
