"""Guards: inward drift everywhere outside, nothing inside."""

import numpy as np
import pytest

from driftmatch.activations import ACTIVATIONS
from driftmatch.matching.confinement import place_guards


def cloud(k, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((5000, k)) * np.linspace(1, 2, k)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "erf", "relu", "softplus"])
@pytest.mark.parametrize(("k", "number"), [(1, 2), (2, 8), (3, 32), (5, 60)])
def test_an_outward_field_is_turned_back(activation, k, number):
    states = cloud(k)
    guards = place_guards(states, ACTIVATIONS[activation], number)

    def outward(z):
        """A readout that pushes outward, with no guards: it would settle at 20."""
        return 20 * z / np.linalg.norm(z, axis=1, keepdims=True)

    amplitude = guards.required_amplitude(outward)
    rng = np.random.default_rng(1)
    for factor in (1.3, 2.2, 5.0, 30.0):
        chosen = rng.integers(len(guards.rays), size=500)
        z = guards.rays[chosen] * (factor * guards.radii[chosen])[:, None]
        with_guards = np.sum((outward(z) + 1.05 * amplitude * guards.push(z) - z) * z, axis=1)
        assert np.all(with_guards < 0)
    z = guards.rays * (1.3 * guards.radii)[:, None]
    assert np.any(np.sum((outward(z) - z) * z, axis=1) > 0)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "erf", "relu", "softplus"])
def test_guards_are_off_inside(activation):
    states = cloud(3)
    guards = place_guards(states, ACTIVATIONS[activation], 32)
    assert np.abs(guards.push(states)).max() < 1e-7  # amplitudes are of order 1 to 1000
    assert np.all(guards.alertness(states) < 1e-3)
    assert np.all(guards.alertness(1e3 * states[:50]) > 0.9)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu"])
@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("amplitude", [0.0, 1e-3, 100.0])
def test_counterweights_leave_what_both_parts_of_the_connectivity_do(activation, k, amplitude):
    """Γ⁺Wφ and Γ⁺Wᵀφ, by the dense formula, where guards rest."""
    rng, phi = np.random.default_rng(1), ACTIVATIONS[activation]
    guards = place_guards(cloud(k), phi, 4 * k)
    gamma, readout = rng.standard_normal((40, k)), rng.standard_normal((k, 40))
    push, rates = guards.readout(amplitude), rng.standard_normal(40)
    silent, pull = guards.counterweights(gamma, readout, push)
    G = np.concatenate([gamma, guards.features.gamma, silent])
    at_rest = np.append(rates, np.full(len(G) - 40, guards.rest))
    assert len(G) == 40 + guards.num_neurons

    def backward(G, readouts, rates):
        return np.linalg.pinv(G) @ readouts.T @ G.T @ rates

    own = backward(gamma, readout, rates)
    found = backward(G, np.concatenate([readout, push, pull], axis=1), at_rest)
    np.testing.assert_allclose(found, own, rtol=1e-8)
    if amplitude > 1:  # the control
        bare = backward(G, np.concatenate([readout, push, 0 * pull], axis=1), at_rest)
        assert np.abs(bare - own).max() > 0.1 * np.abs(own).max()


def test_no_guards_where_they_cannot_be():
    assert place_guards(cloud(2), ACTIVATIONS["identity"], 8) is None
    assert place_guards(cloud(3), ACTIVATIONS["tanh"], 4) is None
