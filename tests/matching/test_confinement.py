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


def test_resting_output_is_what_the_guards_give_inside():
    states = cloud(2)
    for name in ("tanh", "logistic"):
        guards = place_guards(states, ACTIVATIONS[name], 8)
        rates = ACTIVATIONS[name].derivatives(guards.features.arguments(states))[0]
        given = rates @ guards.readout(2.0).T
        np.testing.assert_allclose(given, np.tile(guards.resting_output(2.0), (5000, 1)), atol=4e-3)


def test_no_guards_where_they_cannot_be():
    assert place_guards(cloud(2), ACTIVATIONS["identity"], 8) is None
    assert place_guards(cloud(3), ACTIVATIONS["tanh"], 4) is None
