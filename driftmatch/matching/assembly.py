"""From matching problem to network: outputs in whitened coordinates, parts put together."""

import jax
import numpy as np

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.activations import Activation
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.matching.confinement import DEEP, Guards
from driftmatch.matching.design import NUM_HELD_OUT, Design
from driftmatch.matching.diffusion import RootOutputs
from driftmatch.matching.errors import drift_scales
from driftmatch.matching.problem import Features, MatchingProblem
from driftmatch.matching.readouts import FreeReadouts
from driftmatch.network import InputRange, Network, SharedNoise
from driftmatch.sampling.whitening import Whitening

# A neuron this far above threshold is constant: it carries the mean, free of private noise.
CONSTANT_BIAS = 20.0


class Assembly:
    """One embedding between its parts: the outputs to match, and the network put together."""

    def __init__(
        self,
        sde: AbstractSDE,
        points: Design,
        whitening: Whitening,
        tau: float,
        activation: Activation,
        private_noise: float,
        visited: np.ndarray,
        inputs: InputRange | None = None,
    ):
        self.inputs = inputs
        self.num_matched = sde.dim - (0 if inputs is None else inputs.dim)
        self.sde, self.points, self.whitening, self.tau = sde, points, whitening, tau
        # One start says less than a state that was visited; several say where the attractors are.
        several = sde.starts is not None and len(sde.starts) > 1
        self.start = sde.starts if several else visited[0]
        self.visited = some = visited[:NUM_HELD_OUT]
        spread = drift_scales(drifts(sde, some), diffusion_matrices(sde, some), whitening, tau)
        # From an error in z' + τf' to the error in f_i/std f_i, coordinate by coordinate. An input
        # is none that the rates give.
        self.scale = (tau * spread)[: self.num_matched]
        to_outputs = (whitening.factor[: self.num_matched] / self.scale[:, None]).T
        outputs = (points.states + tau * points.drifts) @ to_outputs
        self.roots = None
        if not sde.has_constant_diffusion:
            unwhitened = whitening.unwhiten(points.states)
            self.roots = RootOutputs.of(sde, unwhitened, points.weights)
            outputs = np.concatenate([outputs, self.roots.values], axis=1)
        self.problem = MatchingProblem(
            points.states, outputs, points.weights, activation, private_noise, FreeReadouts()
        )

    def assemble(
        self, features: Features, readout: np.ndarray, guards: Guards | None, time_scale: float
    ) -> tuple[Network, float]:
        """The network in the target's coordinates, and its largest whitened readout weight."""
        k, q, L, mean = self.sde.dim, self.num_matched, self.whitening.factor, self.whitening.mean
        latent = np.zeros((k, len(features)))
        latent[:q] = self.scale[:, None] * readout[:, :q].T
        fitted = np.linalg.solve(L, latent)
        gammas, whitened, biases = [features.gamma], [fitted], [features.bias]
        offset, silent = np.zeros(k), np.zeros((0, k))
        if guards is not None:
            amplitude = 1.5 * guards.required_amplitude(self.output(features, fitted))
            push = L @ guards.readout(amplitude)
            push[q:] = 0.0
            push = np.linalg.solve(L, push)
            silent, pull = guards.counterweights(features.gamma, fitted, push)
            gammas += [guards.features.gamma, silent]
            whitened += [push, pull]
            biases.append(guards.features.bias)
            offset = -guards.rest * (push.sum(axis=1) + pull.sum(axis=1))
        all_whitened = np.concatenate(whitened, axis=1)
        carried = (mean + L @ offset) / self.rate(CONSTANT_BIAS)
        readouts = np.concatenate([L @ all_whitened, carried[:, None]], axis=1)
        readouts[q:] = 0.0
        gamma = np.linalg.solve(L.T, np.concatenate([*gammas, np.zeros((1, k))]).T).T
        if guards is not None:
            # Silent in all of the box |z| ≤ Σ|W_s|, which a bounded network never leaves.
            box = np.abs(gamma[-1 - len(silent) : -1]) @ (np.abs(readouts).sum(axis=1) + abs(mean))
            biases.append(-DEEP - box - np.linalg.norm(silent, axis=1) * guards.farthest)
        bias = np.concatenate([*biases, [CONSTANT_BIAS]]) - gamma @ mean
        network = self.network(gamma, readouts, bias, readout[:, q:], time_scale)
        return network, float(np.abs(all_whitened).max())

    def rate(self, x: float) -> float:
        """φ(x)."""
        return float(self.problem.activation.derivatives(np.array([x]))[0][0])

    def network(
        self,
        gamma: np.ndarray,
        readout: np.ndarray,
        bias: np.ndarray,
        diffusion: np.ndarray,
        time_scale: float,
    ) -> Network:
        """Γ, W_s and b as a network; `diffusion`: readouts of the root of D, shape (n, r)."""
        return Network(
            gamma,
            readout,
            bias,
            tau=self.tau,
            activation=self.problem.activation,
            shared_noise=self._shared_noise(diffusion, len(bias)),
            start=self.start,
            inputs=self.inputs,
            name=self.sde.name,
            time_scale=time_scale,
            coordinates=self.sde.coordinates,
            units=self.sde.units,
        )

    def _shared_noise(self, readout: np.ndarray, num_neurons: int) -> SharedNoise:
        if self.roots is None:
            with jax.enable_x64(True):
                return SharedNoise(np.asarray(self.sde.diffusion(self.points.states[0])))
        padded = np.zeros((num_neurons, readout.shape[1]))
        padded[: len(readout)] = readout
        return self.roots.shared_noise(padded)

    def output(self, features: Features, whitened: np.ndarray):
        """z' ↦ whitened readout · φ of the fitted neurons."""
        activation = self.problem.activation
        return lambda z: activation.derivatives(features.arguments(z))[0] @ whitened.T
