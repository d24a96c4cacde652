r"""Keeping the network from attractors far outside the training region.

A bounded network matched on data holds whatever its saturated features make of the space beyond,
often an attractor there. A few neurons stand guard: neuron i, in direction u_i, is switched off
wherever the target goes and on beyond, and pushes back,

    −a u_i [φ(g_i (u_i·z' − c_i)) − φ(−∞)],

with c_i beyond the furthest state in that direction. Off, such a neuron is saturated: it costs
neither accuracy nor robustness to private noise. The amplitude a is 1.5 times
the smallest with which the drift points inward, with a margin, along thousands of rays from 1.1 to
50 times the guarded radius.

Their large readouts would be large inputs in Wᵀ, on which the symmetric part of W depends. k + 1
counterweights, neurons that are always silent, take that back.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float

from driftmatch.activations import Activation
from driftmatch.matching.problem import Features
from driftmatch.randomness import generator

Matrix = np.ndarray

DEEP = 40.0  # below threshold, where φ is φ(−∞)
FAR = (1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 20.0, 50.0)


@dataclass(frozen=True)
class Guards:
    """The guard neurons before their amplitude is known.

    - `features`: their Γ' and b. - `directions`: u, shape (g, k).
    - `radii`: distances from the mean at which the far field is checked, along `rays`.
    - `in_pairs`: each of two neurons, at x and −x, whose φ(x) − φ(−x) is `activation`.
    """

    features: Features
    directions: Float[Matrix, "g k"]
    rays: Float[Matrix, "r k"]
    radii: Float[Matrix, " r"]
    activation: Activation
    in_pairs: bool = False

    def push(self, states: Float[Matrix, "N k"]) -> Float[Matrix, "N k"]:
        """What the guards add to readout · φ for unit amplitude, without their constant."""
        return -(self._switched_on(states) @ self.directions)

    def alertness(self, states: Float[Matrix, "N k"]) -> Float[Matrix, " N"]:
        """How far the most active guard is switched on, from 0 (rest) to about 1."""
        limits = self.activation.derivatives(np.array([-DEEP, DEEP]))[0]
        return self._switched_on(states).max(axis=1) / min(limits[1] - limits[0], 2.0)

    def far_states(self, number: int, rng: np.random.Generator) -> Float[Matrix, "number k"]:
        """States from one to six times the guarded radius."""
        chosen = rng.integers(len(self.rays), size=number)
        return self.rays[chosen] * (self.radii[chosen] * 6 ** rng.random(number))[:, None]

    def readout(self, amplitude: float) -> Float[Matrix, "k g"]:
        """−a u as readout columns."""
        return -amplitude * self.directions.T

    @property
    def num_neurons(self) -> int:
        """Of guards and counterweights, of which pairs need none."""
        if self.in_pairs:
            return 2 * len(self.features)
        return len(self.features) + self.directions.shape[1] + 1

    def counterweights(
        self,
        gamma: Float[Matrix, "n k"],
        readout: Float[Matrix, "k n"],
        push: Float[Matrix, "k g"],
    ) -> tuple[Float[Matrix, "k+1 k"], Float[Matrix, "k k+1"]]:
        r"""Γ_c and W_c of silent neurons with which guards leave Γ⁺Wφ and Γ⁺Wᵀφ as they were.

        Γ⁺Wᵀφ = (ΓᵀΓ)⁻¹ (W_sΓ)ᵀ Γᵀφ: guards at rest and silent neurons must add 0 to Γᵀφ, and to
        W_sΓ what makes up for their share of ΓᵀΓ. Γ_c is a simplex about what Γᵀφ lacks.

        - `gamma`, `readout`: of the neurons that are guarded; `push`: the guards' readout.
        """
        guarding, number = self.features.gamma, gamma.shape[1] + 1
        own, overlap = readout @ gamma @ np.linalg.inv(gamma.T @ gamma), push @ guarding
        size = np.linalg.norm(own @ guarding.T @ guarding - overlap, 2)
        simplex = max(size, 1e-6) ** 0.5 * scipy.linalg.helmert(number).T  # as loud as its readout
        silent = simplex - guarding.sum(axis=0) / number
        lacking = own @ (guarding.T @ guarding + silent.T @ silent) - overlap
        return silent, lacking @ np.linalg.pinv(silent)

    @property
    def farthest(self) -> float:
        """The distance from the mean within which the far field is checked."""
        return float(FAR[-1] * self.radii.max())

    @property
    def rest(self) -> float:
        """φ(−∞), the rate of what is switched off."""
        return float(self.activation.derivatives(np.array([-DEEP]))[0][0])

    def required_amplitude(self, output, *, margin: float = 0.2) -> float:
        """The amplitude with which z'·(output(z') + a·push(z') − z') ≤ −margin (|z'| − radius)|z'|.

        `output`: whitened readout · φ of the other neurons, from shape (N, k) to (N, k).
        """
        needed = 0.0
        for factor in FAR:
            states = self.rays * (factor * self.radii)[:, None]
            outward = np.sum((output(states) - states) * self.rays, axis=1)
            inward = -np.sum(self.push(states) * self.rays, axis=1)
            wanted = outward + margin * (factor - 1) * self.radii
            needed = max(needed, float(np.max(wanted / np.maximum(inward, 1e-9))))
        return needed

    def _switched_on(self, states):
        return self.activation.derivatives(self.features.arguments(states))[0] - self.rest


def place_guards(
    visited: Float[Matrix, "P k"], activation: Activation, number: int, *, margin: float = 0.2
) -> Guards | None:
    """Guards around these whitened states, or None if φ does not saturate or `number` is too small.

    `margin`: by which fraction (plus 0.4) of the furthest state's distance they stand back; and as
    far again as the furthest state is beyond all but a thousandth.
    """
    k = visited.shape[1]
    depth = _switching_depth(activation)
    if depth is None or number < 2 * k:
        return None
    directions = _directions(k, number)
    along = visited @ directions.T
    support = np.maximum(np.max(along, axis=0), 0.5)
    # Where rare excursions went far, rarer ones will go further.
    tail = np.maximum(support - np.quantile(along, 0.999, axis=0), 0)
    gap = margin * support + 0.4 + tail
    slopes = depth / gap
    features = Features(slopes[:, None] * directions, -slopes * (support + gap))
    rng = generator()
    rays = rng.standard_normal((2000, k))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    radii = np.min((support + gap) / np.maximum(rays @ directions.T, 1e-9), axis=1)
    return Guards(features, directions, rays, radii, activation)


def default_number(latent_dim: int, num_neurons: int) -> int:
    """How many guards: enough to surround the target, at most an eighth of the network."""
    wanted = {1: 2, 2: 8, 3: 28}.get(latent_dim, 12 * latent_dim)
    return min(wanted, num_neurons // 8 // 2 * 2)


def _switching_depth(activation: Activation) -> float | None:
    """How far below its threshold φ is within 1e-8 of φ(−∞); None if it has no lower limit."""
    depths = np.linspace(0.1, 24, 240)
    value = activation.derivatives(-depths)[0]
    rest = activation.derivatives(np.array([-DEEP, -2 * DEEP]))[0]
    if abs(rest[0] - rest[1]) > 1e-9:
        return None
    settled = np.flatnonzero(np.abs(value - rest[0]) <= 1e-8)
    return float(depths[settled[0]]) if len(settled) else None


def _directions(k: int, number: int) -> Float[Matrix, "g k"]:
    """Unit vectors spread over the sphere, in opposite pairs so that the guards at rest cancel."""
    half = number // 2
    if k == 1:
        return np.array([[1.0], [-1.0]])
    if k == 2:
        angle = np.pi * np.arange(half) / half
        one_side = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    elif k == 3:
        height = (np.arange(half) + 0.5) / half
        angle = np.pi * (1 + 5**0.5) * np.arange(half)
        ring = np.sqrt(1 - height**2)
        one_side = np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)
    else:
        # Axes first: they bound the state in every coordinate, then random directions between.
        rng = generator()
        one_side = np.concatenate([np.eye(k), rng.standard_normal((max(half - k, 0), k))])[:half]
        one_side /= np.linalg.norm(one_side, axis=1, keepdims=True)
    return np.concatenate([one_side, -one_side])
