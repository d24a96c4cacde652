"""What symmetry costs: networks of the same neurons, ever less asymmetric."""

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import check_key, check_meter, check_positive
from driftmatch.errors import InputError
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.matching.arguments import check_pair
from driftmatch.matching.errors import drift_scales, matching_errors
from driftmatch.meters import SILENT, AbstractMeter, task
from driftmatch.network import LowRank, Network
from driftmatch.randomness import generator
from driftmatch.records import Record
from driftmatch.sampling.angles import OnCircles
from driftmatch.sampling.given import check_samples, samples_of
from driftmatch.sampling.samples import Samples
from driftmatch.sampling.whitening import Whitening
from driftmatch.words import spelled

Matrix = np.ndarray

_DECADES = np.linspace(-9.0, 3.0, 13)  # of the penalty, beside the error
_MOST = 6000  # unknowns
_HELD_OUT = 20_000  # states


class AsymmetryFront(Record):
    r"""Networks of the same Γ and b whose W is penalised ever more for being asymmetric.

    Of each, shape (V,):

    - `penalties`: λ, rising, beside ε_f².
    - `asymmetry`: ‖W₋‖²/‖W‖², W₋ = (W − Wᵀ)/2.
    - `drift_errors`: ε_f; `noisy_drift_errors`: ε_f(0.01), see `matching_errors`.

    And

    - `readouts`: W_s of each, shape (V, k, n); `network`: to whose Γ and b they belong.
    """

    penalties: Float[Matrix, " V"]
    asymmetry: Float[Matrix, " V"]
    drift_errors: Float[Matrix, " V"]
    noisy_drift_errors: Float[Matrix, " V"]
    readouts: Float[Matrix, "V k n"]
    network: Network

    def least_asymmetric(self, error: float) -> Network:
        """The least asymmetric of the networks whose ε_f is at most `error`; raises `InputError` if
        none is as accurate."""
        good = self.drift_errors <= check_positive("error", error)
        if not good.any():
            raise InputError(
                f"no network of the front reaches ε_f = {error:g}: the smallest is "
                f"{self.drift_errors.min():.2g}; use more neurons"
            )
        least = int(np.argmin(np.where(good, self.asymmetry, np.inf)))
        return _with_readout(self.network, self.readouts[least])


@spelled
def asymmetry_front(
    system: AbstractSDE,
    network: Network,
    *,
    key: PRNGKeyArray,
    private_noise: float = 0.01,
    samples: Samples | None = None,
    meter: AbstractMeter | bool = SILENT,
) -> AsymmetryFront:
    r"""How accurate networks of the same Γ and b are that are ever less asymmetric.

    The readouts are solved for again,

        W_s = argmin  ε_f² + s² Σ_i r_i |W_s,i|² + λ‖W₋‖²,
        ‖W₋‖² = ½ [tr(W_sᵀΓᵀΓW_s) − tr(W_sΓW_sΓ)],    r_i = E φ'_i²,

    |W_s,i| in the units of ε_f, for λ over twelve decades. Guards, which are silent at the states
    visited, are solved for as well, and no longer confine. Two networks to begin with show what is
    to be known: a free one without guards, ``embed(..., confine=False)``, and ``embed(...,
    connectivity=Symmetric(closest=True))``, whose features are for symmetry and whose ε_f is what
    it costs: of a gradient flow little, of others what of the drift is none.

    **Arguments**

    - `system`: the SDE that was embedded; `network`: of at most 6000 neurons times dimensions.
    - `private_noise`: s > 0. - `key`, `samples`, `meter`: as for `embed`.

    Raises `InputError` for unusable arguments and `ComputationError` as `sample` does.
    """
    target = check_pair("asymmetry_front", system, network, on_circles=True)
    private_noise = check_positive("private_noise", private_noise)
    meter, key = check_meter(meter), check_key(key)
    check_samples(target, samples)
    if network.input_dim or not network.connectivity.keeps_subspace:
        raise InputError("asymmetry_front takes networks of low rank that no input steers")
    n, k = network.num_neurons, network.latent_dim
    if k * n > _MOST:
        raise InputError(f"{k} dimensions allow {_MOST // k} neurons at most, got {n}")
    samples = samples_of(target, samples, key, meter).require_place()
    runs = samples.runs
    if target.periodic is not None:
        target = OnCircles(target, samples.time_scale)
        runs = target.laid_out(runs)
    states = generator(jax.random.fold_in(key, 3)).permutation(runs.reshape(-1, k))
    cut = min(_HELD_OUT, len(states) // 2)
    problem = _Problem(target, network, states[cut:][:_HELD_OUT], private_noise)
    penalties = problem.balance * 10**_DECADES
    readouts, asymmetry, errors = [], [], []
    with task(meter, "front", len(penalties)):
        for penalty in penalties:
            readouts.append(problem.solve(penalty))
            each = _with_readout(network, readouts[-1])
            plus, minus = each.connectivity.norms()
            asymmetry.append(minus**2 / (plus**2 + minus**2))
            errors.append(matching_errors(target, each, states[:cut]))
            meter.advance(1)
    return AsymmetryFront(
        penalties=penalties,
        asymmetry=np.array(asymmetry),
        drift_errors=np.array([each.drift for each in errors]),
        noisy_drift_errors=np.array([each.noisy_drift for each in errors]),
        readouts=np.array(readouts),
        network=network,
    )


def _with_readout(network: Network, readout: Matrix) -> Network:
    return network._with(connectivity=LowRank(network.connectivity.lift, readout))  # pyright: ignore[reportArgumentType]


class _Problem:
    """½XᵀHX − gᵀX of W_s = LX in whitened coordinates, and the penalty's H."""

    def __init__(self, sde: AbstractSDE, network: Network, states: Matrix, noise: float):
        whitening = Whitening.of(states)
        self._L, n, k = whitening.factor, network.num_neurons, network.latent_dim
        gamma = np.asarray(network.gamma, np.float64) @ self._L
        rates, slopes, _ = network.activation.derivatives(network.lift(states))
        f, D = drifts(sde, states), diffusion_matrices(sde, states)
        spread = network.tau * drift_scales(f, D, whitening, network.tau)
        units = self._L / spread[:, None]
        Q = units.T @ units / k
        moments = rates.T @ rates / len(states)
        moments[np.diag_indices(n)] += noise**2 * np.mean(slopes**2, axis=0)
        wanted = np.linalg.solve(self._L, (states + network.tau * f).T) @ rates / len(states)
        self._shape = (k, n)
        self._H = np.kron(Q, moments)
        self._g = (Q @ wanted).ravel()
        swapped = np.einsum("pi,jl->ijlp", gamma, gamma).reshape(k * n, k * n)
        self._asymmetry = 0.5 * (np.kron(gamma.T @ gamma, np.eye(n)) - swapped)

    @property
    def balance(self) -> float:
        """The penalty that counts as much as the error."""
        return float(np.trace(self._H) / np.trace(self._asymmetry))

    def solve(self, penalty: float) -> Float[Matrix, "k n"]:
        """W_s of the least error + penalty ‖W₋‖²."""
        H = self._H + penalty * self._asymmetry
        H[np.diag_indices(len(H))] += 1e-14 * np.trace(self._H) / len(H)
        return self._L @ np.linalg.solve(H, self._g).reshape(self._shape)
