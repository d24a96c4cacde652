"""`embed`: from an SDE to a network, the library's main call."""

import time
from dataclasses import asdict, dataclass

import jax
import numpy as np
from jaxtyping import ArrayLike

from driftmatch.activations import Activation, get_activation
from driftmatch.errors import ComputationError, InputError
from driftmatch.evaluate import drifts
from driftmatch.matching.confinement import Guards, default_number, place_guards
from driftmatch.matching.diffusion import RootOutputs
from driftmatch.matching.errors import matching_errors
from driftmatch.matching.fits import AbstractFit, get_fit
from driftmatch.matching.problem import Features, MatchingProblem
from driftmatch.matching.states import (
    Design,
    characteristic_time,
    design,
    rate_of,
    visited_states,
)
from driftmatch.matching.whitening import Whitening
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network, SharedNoise
from driftmatch.outcomes import Outcome
from driftmatch.sde import AbstractSDE

NUM_VISITED = 200_000
NUM_HELD_OUT = 20_000
# A neuron this far above threshold is constant: it carries the mean, free of private noise.
CONSTANT_BIAS = 20.0


@dataclass(frozen=True)
class EmbeddingReport:
    """How good an embedding is, measured on held-out states (theory: `matching_errors`).

    - `drift_error`: ε_f; `noisy_drift_error`: ε_f with private noise 0.01 in every neuron;
      `diffusion_error`: ε_D; all relative, so 1e-2 is one per cent.
    - `largest_readout`: the largest entry of W_s, in standard deviations of the target.
    - `tau`: the network's time constant, in the target's unit of time.
    - `num_states`: how many states were matched; `num_guards`: neurons that only keep the network
      from straying (see `confinement`).
    - `seconds`: of the whole embedding; `fit_seconds`: of choosing features and readouts.
    """

    drift_error: float
    noisy_drift_error: float
    diffusion_error: float
    largest_readout: float
    tau: float
    num_states: int
    num_guards: int
    seconds: float
    fit_seconds: float

    def to_dict(self) -> dict[str, float | int]:
        """The fields as plain numbers."""
        return asdict(self)


@dataclass(frozen=True)
class Embedding:
    """What `embed` returns: the network, how good it is, and the verdict in words."""

    network: Network
    report: EmbeddingReport
    outcome: Outcome


def embed(
    sde: AbstractSDE,
    num_neurons: int,
    *,
    key,
    fit: str | AbstractFit = "refined",
    tau: float | None = None,
    activation: str | Activation = "tanh",
    private_noise: float = 0.01,
    confine: bool | None = None,
    states: ArrayLike | None = None,
    box: tuple[ArrayLike, ArrayLike] | None = None,
    meter: AbstractMeter = SILENT,
) -> Embedding:
    r"""Embed an SDE in a low-rank network: drift–diffusion matching.

    Finds Γ, b, W_s and S such that on the subspace x = Γz + b the network

        τ dx = [−x + ΓW_s φ(x) + b] dt + τ Γ S(x) dB

    obeys dz = f(z) dt + σ(z) dB: (−z + W_s φ(Γz + b))/τ ≈ f(z) and S Sᵀ ≈ σσᵀ over the states that
    the target visits (R. Nartallo-Kaluarachchi, R. Lambiotte, A. Goriely, arXiv:2602.14885).

    **Arguments**

    - `sde`: the target, of dimension k; `num_neurons`: n > k.
    - `key`: a `jax.random.key`; the same key on the same machine gives the same network.
    - `fit`: "refined", "least-squares", "backprop", or such an object with other settings.
    - `tau`: the neural time constant, in the target's unit of time; by default the time in which
      the target changes by about its own size, to one digit.
    - `activation`: φ, by name or as an `Activation`.
    - `private_noise`: s ≥ 0, the noise in every neuron (in units of x) that the readout is made to
      withstand. The network itself is noise-free in this sense; see `Network.with_private_noise`.
    - `confine`: spend a few neurons on keeping the network from attractors far outside; by default
      what the fit does by itself.
    - `states`: shape (N, k), states to match at instead of the target's own trajectories;
      `box`: lower and upper corner, to match evenly inside.
    - `meter`: told of the progress.

    Raises `InputError` for unusable arguments and `ComputationError` when the target diverges.
    """
    began = time.perf_counter()
    fit, activation = get_fit(fit), get_activation(activation)
    key = _check(sde, num_neurons, key, tau, private_noise)
    if states is not None and box is not None:
        raise InputError("give either states or box, not both")
    key_pilot, key_visit, key_test, key_fit = jax.random.split(key, 4)
    rng = np.random.default_rng(int(jax.random.randint(key_fit, (), 0, 2**31 - 1)))

    if states is None and box is None:
        time_scale, starts = characteristic_time(sde, key_pilot)
        kwargs = {"time_scale": time_scale, "starts": starts}
        visited = visited_states(sde, key_visit, number=NUM_VISITED, meter=meter, **kwargs)
        held_out = visited_states(sde, key_test, number=NUM_HELD_OUT, **kwargs)
    else:
        visited = _given_states(sde, states, box, rng)
        fresh = _given_states(sde, None, box, rng) if box is not None else visited
        held_out = fresh[rng.permutation(len(fresh))[:NUM_HELD_OUT]]
        time_scale = sde.time_scale
    _check_spread(sde, visited)
    whitening = Whitening.of(visited)
    if time_scale is None:
        rates = whitening.whiten_rates(drifts(sde, visited[:NUM_HELD_OUT]))
        time_scale = 1 / max(rate_of(rates), np.finfo(float).tiny)
    if tau is None:
        tau = float(f"{time_scale:.0e}")
    guards = None
    if fit.confined if confine is None else confine:
        number = default_number(sde.dim, num_neurons)
        guards = place_guards(whitening.whiten(visited), activation, number)
    num_guards = 0 if guards is None else len(guards.features)
    number = fit.num_states(num_neurons, sde.dim)
    points = design(sde, visited, whitening, number, rng, guards=guards, tau=tau)

    task = _Task(sde, points, whitening, tau, activation, private_noise, visited)
    fitting = time.perf_counter()
    features, readout = fit.fit(task.problem, num_neurons - 1 - num_guards, rng, meter)
    fit_seconds = time.perf_counter() - fitting
    network, largest = task.assemble(features, readout, guards, time_scale)
    errors = matching_errors(sde, network, held_out)
    report = EmbeddingReport(
        drift_error=errors.drift,
        noisy_drift_error=errors.noisy_drift,
        diffusion_error=errors.diffusion,
        largest_readout=largest,
        tau=tau,
        num_states=len(task.problem.weights),
        num_guards=num_guards,
        seconds=time.perf_counter() - began,
        fit_seconds=fit_seconds,
    )
    return Embedding(network, report, _verdict(report))


class _Task:
    """One embedding between its parts: outputs to match, guards, and the network put together."""

    def __init__(
        self,
        sde: AbstractSDE,
        points: Design,
        whitening: Whitening,
        tau: float,
        activation: Activation,
        private_noise: float,
        visited: np.ndarray,
    ):
        self.sde, self.points, self.whitening, self.tau = sde, points, whitening, tau
        self.start = visited[0]
        spread = np.maximum(drifts(sde, visited[:NUM_HELD_OUT]).std(axis=0), np.finfo(float).tiny)
        # From an error in z' + τf' to the error in f_i/std f_i, coordinate by coordinate.
        self.to_outputs = (whitening.factor / (tau * spread)[:, None]).T
        outputs = (points.states + tau * points.drifts) @ self.to_outputs
        self.roots = None
        if not sde.has_constant_diffusion:
            unwhitened = whitening.unwhiten(points.states)
            self.roots = RootOutputs.of(sde, unwhitened, points.weights)
            outputs = np.concatenate([outputs, self.roots.values], axis=1)
        self.problem = MatchingProblem(
            points.states, outputs, points.weights, activation, private_noise
        )

    def assemble(
        self, features: Features, readout: np.ndarray, guards: Guards | None, time_scale: float
    ) -> tuple[Network, float]:
        """The network in the target's coordinates, and its largest whitened readout weight."""
        k, L, mean = self.sde.dim, self.whitening.factor, self.whitening.mean
        gammas, biases = [features.gamma], [features.bias]
        whitened = [np.linalg.solve(self.to_outputs.T, readout[:, :k].T)]
        offset = np.zeros(k)
        if guards is not None:
            amplitude = 1.5 * guards.required_amplitude(self._output(features, whitened[0]))
            gammas.append(guards.features.gamma)
            biases.append(guards.features.bias)
            whitened.append(guards.readout(amplitude))
            offset = -guards.resting_output(amplitude)
        activation = self.problem.activation
        constant_rate = activation.derivatives(np.array([CONSTANT_BIAS]))[0][0]
        readout_columns = [L @ np.concatenate(whitened, axis=1)]
        readout_columns.append(((mean + L @ offset) / constant_rate)[:, None])
        gamma = np.linalg.solve(L.T, np.concatenate([*gammas, np.zeros((1, k))]).T).T
        bias = np.concatenate([*biases, [CONSTANT_BIAS]]) - gamma @ mean
        network = Network(
            gamma,
            np.concatenate(readout_columns, axis=1),
            bias,
            tau=self.tau,
            activation=activation,
            shared_noise=self._shared_noise(readout[:, k:], len(bias)),
            start=self.start,
            name=self.sde.name,
            time_scale=time_scale,
        )
        return network, float(np.abs(np.concatenate(whitened, axis=1)).max())

    def _shared_noise(self, readout: np.ndarray, num_neurons: int) -> SharedNoise:
        if self.roots is None:
            with jax.enable_x64(True):
                return SharedNoise(np.asarray(self.sde.diffusion(self.points.states[0])))
        padded = np.zeros((num_neurons, readout.shape[1]))
        padded[: len(readout)] = readout
        return self.roots.shared_noise(padded)

    def _output(self, features: Features, whitened: np.ndarray):
        """z' ↦ whitened readout · φ of the fitted neurons."""
        activation = self.problem.activation
        return lambda z: activation.derivatives(features.arguments(z))[0] @ whitened.T


def _verdict(report: EmbeddingReport) -> Outcome:
    if not report.drift_error < 0.1:
        return Outcome.MORE_NEURONS
    if not report.diffusion_error < 0.1:
        return Outcome.MORE_NEURONS_DIFFUSION
    if not report.noisy_drift_error < 0.1:
        return Outcome.FRAGILE
    return Outcome.SUCCESS


def _check(sde, num_neurons, key, tau, private_noise):
    if not isinstance(sde, AbstractSDE):
        raise InputError(
            f"the target must be an SDE (driftmatch.SDE or a system), got {type(sde).__name__}"
        )
    if isinstance(num_neurons, bool) or not isinstance(num_neurons, (int, np.integer)):
        raise InputError(f"num_neurons must be a whole number, got {num_neurons!r}")
    if num_neurons <= sde.dim:
        raise InputError(
            f"a network for {sde.dim} dimensions needs at least {sde.dim + 1} neurons, "
            f"got {num_neurons}; 64 or more is usual"
        )
    if tau is not None and not (np.isfinite(tau) and tau > 0):
        raise InputError(f"tau must be positive, got {tau!r}")
    if not (np.isfinite(private_noise) and private_noise >= 0):
        raise InputError(f"private_noise must not be negative, got {private_noise!r}")
    try:
        jax.random.split(key)
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError("key must be a JAX random key, such as jax.random.key(0)") from error
    return key


def _given_states(sde, states, box, rng) -> np.ndarray:
    if states is not None:
        states = np.asarray(states, dtype=np.float64)
        if states.ndim != 2 or states.shape[1] != sde.dim or len(states) < 10 * (sde.dim + 1):
            raise InputError(
                f"states must have shape (N, {sde.dim}) with N of at least "
                f"{10 * (sde.dim + 1)}, got {states.shape}"
            )
        if not np.all(np.isfinite(states)):
            raise InputError("states must be finite")
        return states
    low, high = (np.broadcast_to(np.asarray(c, dtype=np.float64), (sde.dim,)) for c in box)
    if not (np.all(np.isfinite(low)) and np.all(np.isfinite(high)) and np.all(low < high)):
        raise InputError("box must be (lower, upper) corners with lower < upper in each dimension")
    return low + (high - low) * rng.random((NUM_VISITED, sde.dim))


def _check_spread(sde, visited) -> None:
    spread, size = visited.std(axis=0), np.abs(visited).mean(axis=0)
    if np.all(spread <= 1e-6 * (1e-3 + size)):
        raise ComputationError(
            f"the trajectories of {sde.name} settle on one point, where there is nothing to match; "
            "give the target noise, or say where to match with states= or box="
        )
