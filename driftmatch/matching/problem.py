"""The matching problem in the form that every fit solves: weighted linear outputs of features.

In whitened coordinates z' the readouts are wanted with  readout · φ(Γ'z' + b) ≈ outputs(z'), the
outputs being z' + τ f'(z'), scaled so that their summed squared error is k ε_f², followed by the
entries of the diffusion's square root if that depends on the state.
"""

import abc
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from driftmatch.activations import Activation
from driftmatch.records import Record

Matrix = np.ndarray
Readout = np.ndarray


class Features(Record):
    """n features φ(Γ'z' + b) of whitened states.

    - `gamma`: Γ', shape (n, k); `bias`: b, shape (n,).
    """

    gamma: Float[Matrix, "n k"]
    bias: Float[Matrix, " n"]

    def __len__(self) -> int:
        return len(self.bias)

    def __getitem__(self, which) -> "Features":
        return Features(self.gamma[which], self.bias[which])

    def arguments(self, states: Float[Matrix, "N k"]) -> Float[Matrix, "N n"]:
        """x = Γ'z' + b for many states."""
        return states @ self.gamma.T + self.bias


class AbstractReadouts(abc.ABC):
    """What readouts may be, and how they are solved for."""

    @abc.abstractmethod
    def solve(self, problem: "MatchingProblem", features: Features) -> Readout:
        """V, shape (n, q), of the least error on the problem's states with its private noise."""


@dataclass(frozen=True)
class MatchingProblem:
    """What a fit is given.

    - `states`: z', shape (N, k); `outputs`: shape (N, q); `weights`: shape (N,), with sum 1.
    - `activation`: φ.
    - `private_noise`: s, the noise in every neuron that the fit must withstand.
    - `readouts`: what they may be.
    """

    states: Float[Matrix, "N k"]
    outputs: Float[Matrix, "N q"]
    weights: Float[Matrix, " N"]
    activation: Activation
    private_noise: float
    readouts: AbstractReadouts

    def subset(self, number: int) -> "MatchingProblem":
        """The first `number` states (they are in random order), with their weights rescaled."""
        weights = self.weights[:number]
        return replace(
            self,
            states=self.states[:number],
            outputs=self.outputs[:number],
            weights=weights / weights.sum(),
        )
