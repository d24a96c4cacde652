r"""The symmetric and the asymmetric part of a network's connectivity, and what each of them does.

    W± = (W ± Wᵀ)/2,    τ dx/dt = [−x + W₊φ(x) + b] + W₋φ(x)

The first bracket alone descends an energy; the second can do what no energy allows, such as turn.
"""

from collections.abc import Callable
from dataclasses import field

import numpy as np
from jaxtyping import ArrayLike, Bool, Float

from driftmatch.activations import inverse_integral
from driftmatch.arguments import check_array
from driftmatch.errors import InputError
from driftmatch.network import Network
from driftmatch.records import Record
from driftmatch.words import spelled

_BLOCK = 2**21  # numbers of the largest array at work, states × neurons
Matrix = np.ndarray


class SymmetryDecomposition(Record):
    r"""A network as the sum of a symmetric and an asymmetric one. `symmetry` makes it.

    - `network`: what was decomposed.
    - `norm`, `symmetric_norm`, `asymmetric_norm`: the Frobenius norms of W, W₊ and W₋;
      ‖W‖² = ‖W₊‖² + ‖W₋‖².
    - `asymmetry`: ‖W₋‖²/‖W‖², from 0 (symmetric) to 1 (antisymmetric); NaN if W = 0.

    The methods take one or many states, latent ones z of shape (..., k) or neural ones x of shape
    (..., n), and answer in float64. Time is in the network's unit, energy in that of x · φ(x).
    """

    network: Network
    norm: float
    symmetric_norm: float
    asymmetric_norm: float
    asymmetry: float
    _backward: Float[Matrix, "k n"] = field(repr=False)  # Γ⁺Wᵀ

    def symmetric(self, z: Float[ArrayLike, "*N k"]) -> Float[Matrix, "*N k"]:
        """g₊(z) = Γ⁺[−x + W₊φ(x) + b]/τ at x = Γz + b: W₊ with the leak and the bias."""
        return self._over_states(lambda z: self._parts(z)[0], z)

    def asymmetric(self, z: Float[ArrayLike, "*N k"]) -> Float[Matrix, "*N k"]:
        """g₋(z) = Γ⁺W₋φ(x)/τ at x = Γz + b; g₊ + g₋ is the latent drift."""
        return self._over_states(lambda z: self._parts(z)[1], z)

    def divergences(self, z: Float[ArrayLike, "*N k"]) -> Float[Matrix, "*N 2"]:
        """∇·g₊ and ∇·g₋: the rates at which each of them alone would make volumes grow."""
        return self._over_states(self._divergences, z)

    def energy(self, x: Float[ArrayLike, "*N n"]) -> Float[Matrix, " *N"]:
        r"""E(x) = −½ φᵀW₊φ − bᵀφ + Σ_i ∫₀^{φ(x_i)} φ⁻¹(r) dr  of the neurons.

        ∂E/∂x_i = −φ'(x_i) [−x + W₊φ + b]_i, so that the symmetric part alone never climbs where φ
        does not decrease: τ dE/dt = −Σ_i φ'(x_i) [−x + W₊φ + b]_i². For an activation that is not
        in the table and has φ(0) ≠ 0, E is shifted by a constant (`inverse_integral`).
        """
        return _in_blocks(self._energy, x, self.network.num_neurons, self.network.num_neurons)

    def latent_energy(self, z: Float[ArrayLike, "*N k"]) -> Float[Matrix, " *N"]:
        """E(Γz + b)."""
        return self._over_states(lambda z: self._energy(self.network.lift(z)), z)

    def latent_gradient(self, z: Float[ArrayLike, "*N k"]) -> Float[Matrix, "*N k"]:
        """∇_z E(Γz + b) = −Γᵀ{φ'(x) [−x + W₊φ(x) + b]}."""
        return self._over_states(lambda z: self._slope(z)[0], z)

    def descends(self, z: Float[ArrayLike, "*N k"]) -> Bool[Matrix, " *N"]:
        """Whether the projected symmetric flow descends the latent energy: g₊ · ∇_z E ≤ 0.

        In all of R^n the symmetric flow always descends; what is left of it on the subspace need
        not.
        """
        return self._over_states(self._descends, z)

    def descending_fraction(self, states: Float[ArrayLike, "*N k"]) -> float:
        """The fraction of these states, non-finite ones left out, where `descends` holds.

        Use states that the network visits, such as ``run.latent``. NaN if no state is finite.
        """
        states = _check(states, self.network.latent_dim).reshape(-1, self.network.latent_dim)
        states = states[np.isfinite(states).all(axis=1)]
        return float(np.mean(self.descends(states))) if len(states) else float("nan")

    def _over_states(self, function: Callable, z: ArrayLike) -> Matrix:
        return _in_blocks(function, z, self.network.latent_dim, self.network.num_neurons)

    def _parts(self, z):
        """g₊ and g₋ of states in a row."""
        net = self.network
        rates = _rates(net, net.lift(z))
        forward, backward = rates @ net.readout.T, rates @ self._backward.T  # Γ⁺Wφ, Γ⁺Wᵀφ
        return (0.5 * (forward + backward) - z) / net.tau, 0.5 * (forward - backward) / net.tau

    def _divergences(self, z):
        net = self.network
        gains = net.activation.derivatives(net.lift(z))[1]
        forward, backward = (
            gains @ np.sum(net.lift.gamma * readout.T, axis=1)
            for readout in (net.readout, self._backward)
        )
        half = 0.5 * np.stack([forward + backward, forward - backward], axis=1)
        return (half - [net.latent_dim, 0]) / net.tau

    def _energy(self, x):
        net = self.network
        rates = _rates(net, x)
        pairs = np.sum(rates * net.connectivity(rates), axis=1)
        return inverse_integral(net.activation, x).sum(axis=1) - rates @ net.bias - 0.5 * pairs

    def _slope(self, z):
        """The gradient of the latent energy, and g₊."""
        net = self.network
        rates, gains, _ = net.activation.derivatives(net.lift(z))
        W = net.connectivity
        residual = 0.5 * (W(rates) + W.transposed(rates)) - net.lift.push(z)
        field = 0.5 * rates @ (net.readout + self._backward).T - z
        return -net.lift.pull(gains * residual), field / net.tau

    def _descends(self, z):
        gradient, field = self._slope(z)
        return np.sum(gradient * field, axis=1) <= 0


@spelled
def symmetry(network: Network) -> SymmetryDecomposition:
    r"""Decompose a network by the symmetry of its connectivity:

        W± = (W ± Wᵀ)/2,    g₊(z) = Γ⁺[−x + W₊φ(x) + b]/τ,    g₋(z) = Γ⁺W₋φ(x)/τ,    x = Γz + b

    The latent fields g₊ + g₋ add up to the latent drift. W is never formed: all takes O(nk²) time
    and O(nk) memory.

    **Arguments**

    - `network`: a `Network`; of an `Embedding`, its field ``network``.

    **Returns** a `SymmetryDecomposition`: fields, energy and sizes. It depends on the connectivity
    and not on the coordinates: under (Γ, W_s, z) → (ΓA, A⁻¹W_s, A⁻¹z) numbers stay and fields turn
    with z. It does depend on which network embeds a target, and many do.

    **Raises** `InputError` if it is not a network.

    Source: the energy, J. Hopfield, PNAS 81, 3088 (1984).
    """
    if not isinstance(network, Network):
        raise InputError(
            f"symmetry decomposes a Network, got {type(network).__name__}; an embedding has one in "
            "its field .network"
        )
    plus, minus = network.connectivity.norms()
    norm = float(np.hypot(plus, minus))
    return SymmetryDecomposition(
        network=network,
        norm=norm,
        symmetric_norm=plus,
        asymmetric_norm=minus,
        asymmetry=(minus / norm) ** 2 if norm > 0 else float("nan"),
        _backward=np.asarray(network.connectivity.transposed_readout()),
    )


def _rates(network: Network, x):
    return network.activation.derivatives(x)[0]


def _check(states: ArrayLike, size: int) -> Matrix:
    return check_array("states", states, (..., size), finite=False, empty=True)


def _in_blocks(function: Callable, states: ArrayLike, size: int, neurons: int) -> Matrix:
    """A function of states in a row, so many at a time that memory stays small."""
    states = _check(states, size)
    rows = states.reshape(-1, size)
    step = max(1, _BLOCK // neurons)
    parts = [function(rows[i : i + step]) for i in range(0, max(1, len(rows)), step)]
    result = np.concatenate(parts)
    return result.reshape(states.shape[:-1] + result.shape[1:])
