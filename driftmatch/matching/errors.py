"""How far a network's drift and diffusion are from a target's, at given states."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import check_array, check_key, check_non_negative
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.matching.arguments import check_pair
from driftmatch.matching.local_error import LocalScales, typical_time
from driftmatch.network import Network
from driftmatch.randomness import generator
from driftmatch.sampling.whitening import Whitening
from driftmatch.words import spelled

Matrix = np.ndarray
STATES_A_BLOCK = 2048
LARGE_ERROR = 0.1  # from which on a network does not embed its target


class MatchingErrors(NamedTuple):
    """Relative root-mean-square errors; see `matching_errors`."""

    drift: float
    noisy_drift: float
    diffusion: float
    local: float


@spelled
def matching_errors(
    system: AbstractSDE,
    network: Network,
    states: Float[Matrix, "N k"],
    *,
    private_noise: float = 0.01,
    key: PRNGKeyArray | None = None,
) -> MatchingErrors:
    r"""Errors of a network against its target, in float64.

        drift        ε_f = sqrt( (1/k) Σ_i E[(f̂_i − f_i)²] / Var f_i )
        noisy_drift  the same with f̂ read from x = Γz + b + s·ξ, ξ normal, s = `private_noise`
        diffusion    ε_D = sqrt( E‖D̂ − D‖²_F / E‖D‖²_F ),  0 if both vanish
        local        ε_ℓ = sqrt( E[e(z)²] ), beside what moves the state there, see `local_error`

    over `states`, shape (N, k), which should be held out: drawn from fresh trajectories. Var f_i is
    that of `drift_scales`, which does not vanish with the drift. The noise ξ is that of `key`, by
    default ``jax.random.key(0)``.
    """
    sde = check_pair("matching_errors", system, network)
    states = check_array("states", states, ("N", sde.dim))
    private_noise = check_non_negative("private_noise", private_noise)
    key = None if key is None else check_key(key)
    wanted, D = drifts(sde, states), diffusion_matrices(sde, states)
    rng = generator(key)
    k = sde.dim - network.input_dim
    errors, noisy, diffusion = np.zeros_like(states), np.zeros(sde.dim), 0.0
    for i in range(0, len(states), STATES_A_BLOCK):
        part = slice(i, i + STATES_A_BLOCK)
        x = network.lift(states[part])
        rates = network.activation.derivatives(x)[0]
        errors[part] = _errors(network, rates, states[part], wanted[part])
        S = network.shared_noise.constant
        if network.shared_noise.readout is not None:
            S = S + np.einsum("jmn,an->ajm", network.shared_noise.readout, rates)
        error = 0.5 * S @ np.swapaxes(S, -1, -2) - D[part]
        diffusion += float(np.sum(error**2))
        x += private_noise * rng.standard_normal(x.shape)
        rates = network.activation.derivatives(x)[0]
        noisy += np.sum(_errors(network, rates, states[part], wanted[part]) ** 2, axis=0)
    whitening = Whitening.of(states)
    variance = drift_scales(wanted, D, whitening, network.tau) ** 2 * len(states)
    time = typical_time(sde, states, whitening)
    time = time if np.isfinite(time) else network.tau  # nothing else sets a time
    scales = LocalScales.of(sde, states, whitening, time)
    size = float(np.sum(D**2))
    return MatchingErrors(
        float(np.sqrt(np.mean((np.sum(errors**2, axis=0) / variance)[:k]))),
        float(np.sqrt(np.mean((noisy / variance)[:k]))),
        float(np.sqrt(diffusion / size)) if size > 0 else (0.0 if diffusion == 0 else np.inf),
        float(np.sqrt(np.mean(scales.squared(whitening.whiten_rates(errors))))),
    )


def drift_scales(
    wanted: Float[Matrix, "N k"], D: Float[Matrix, "N k k"], whitening: Whitening, tau: float
) -> Float[Matrix, " k"]:
    """By what drift errors are divided: std f_i, no less than 10⁻³ std z_i / τ, a thousandth of the
    leak across the width, for constant drifts without noise.

    A component that vanishes, with less than a hundredth of E D_ii / std z_i, is judged by that: so
    much std f_i is at least where states are stationary, since E[f_i z_i] = −E D_ii.
    """
    width = np.linalg.norm(whitening.factor, axis=1)
    by_noise = np.diagonal(D, axis1=1, axis2=2).mean(axis=0) / width
    vanishes = np.sqrt(np.mean(wanted**2, axis=0)) < 1e-2 * by_noise
    least = np.maximum(np.where(vanishes, by_noise, 0.0), 1e-3 * width / tau)
    return np.maximum(np.maximum(wanted.std(axis=0), least), 1e-150)


def _errors(network, rates, states, wanted):
    errors = (rates @ network.readout.T - states) / network.tau - wanted
    errors[:, errors.shape[1] - network.input_dim :] = 0.0  # an input is none of the network's
    return errors
