"""Which neuron may send what to which, and how readouts are found that keep to it."""

import abc
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from driftmatch.arguments import check_positive, clean_fields, shown
from driftmatch.errors import InputError
from driftmatch.matching.assembly import Assembly
from driftmatch.matching.dale import check_rates, signed_features, signed_readouts, with_signs
from driftmatch.matching.fits import AbstractFit, Fitted
from driftmatch.meters import AbstractMeter
from driftmatch.network import Network
from driftmatch.network.signed import Signed


class AbstractWiring(abc.ABC):
    """What `embed` takes as ``connectivity``: what W must be like."""

    name: ClassVar[str]

    @abc.abstractmethod
    def network(
        self,
        task: Assembly,
        num_neurons: int,
        fit: AbstractFit,
        rng: np.random.Generator,
        meter: AbstractMeter,
        time_scale: float,
    ) -> tuple[Network, float, Fitted]:
        """The network, its largest whitened readout weight, and what was fitted."""


@dataclass(frozen=True)
class Dale(AbstractWiring):
    """Every neuron excites all others or inhibits all others.

    W = ΓW_s + 1vᵀ with s_j W_ij ≥ 0, for networks of logistic neurons. x = Γz + b stays invariant,
    since vᵀφ vanishes on it, and stable, since inhibition dominates: vᵀφ' ≤ −1 at the states
    matched. It costs half of the neurons: they come in pairs of one sign, at x and −x.

    - `excitatory`: the fraction of neurons that excite, in (0, 1); to within a neuron.
    """

    excitatory: float = 0.8
    name: ClassVar[str] = "dale"

    def __post_init__(self):
        clean_fields(self, excitatory=check_positive)
        if self.excitatory >= 1:
            raise InputError(f"excitatory must be a fraction below 1, got {self.excitatory:g}")

    def network(self, task, num_neurons, fit, rng, meter, time_scale):
        problem, q = task.problem, task.num_matched
        check_rates(problem.activation)
        signed = signed_features(
            problem, num_neurons, rng, excitatory=self.excitatory, fit=fit, meter=meter
        )
        features = signed.features
        rates, slopes, _ = problem.activation.derivatives(features.arguments(problem.states))
        # In the coordinates of the outputs, which are the target's in other units, mean and all.
        L, mean = task.whitening.factor, task.whitening.mean
        gamma = np.linalg.solve(L.T, features.gamma.T).T
        wanted = problem.outputs[:, :q] + (mean[:q] / task.scale)
        found = signed_readouts(
            gamma[:, :q] * task.scale, signed, rates, slopes, wanted, problem.weights,
            problem.private_noise,
        )  # fmt: skip
        readout = np.zeros((task.sde.dim, num_neurons))
        readout[:q] = task.scale[:, None] * found.readout
        common = with_signs(gamma, signed.signs, readout, found.common)
        diffusion = np.zeros((num_neurons, 0))
        if problem.outputs.shape[1] > q:
            diffusion = problem.readouts.solve(problem, features)[:, q:]
        network = task.network(gamma, readout, features.bias - gamma @ mean, diffusion, time_scale)
        lift = network.connectivity.lift
        network = network._with(connectivity=Signed(lift, network.readout, common))
        whitened = np.linalg.solve(L, readout)
        return network, float(np.abs(whitened).max()), Fitted(features, found.readout.T)


def check_wiring(connectivity: object) -> AbstractWiring | None:
    """What was given as connectivity; raises `InputError` if it is none."""
    if connectivity is None or isinstance(connectivity, AbstractWiring):
        return connectivity
    raise InputError(
        f"connectivity must be driftmatch.Dale() or the like, or None, got {shown(connectivity)}"
    )
