"""The record and its fields."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm

RECORD = dm.irreversibility(dm.systems.ornstein_uhlenbeck(), method="linear")


@pytest.mark.parametrize("shape", [(2,), (1, 2), (5, 2), (3, 4, 2)])
def test_fields_keep_the_shape_of_the_states(shape):
    z = np.random.default_rng(0).normal(size=shape)
    for field in (RECORD.score, RECORD.irreversible, RECORD.reversible):
        assert field(z).shape == shape
        np.testing.assert_allclose(field(jnp.asarray(z)), field(z), rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(field(z.tolist()), field(z))
        np.testing.assert_allclose(field(z).reshape(-1, 2)[0], field(z.reshape(-1, 2)[0]))


def test_fields_of_a_rotation():
    """Covariance ½: ∇ln p = −2z, f_rev = −2z and f_irr the rotation."""
    z = np.array([0.3, -0.5])
    np.testing.assert_allclose(RECORD.score(z), -2 * z, rtol=1e-12)
    np.testing.assert_allclose(RECORD.reversible(z), -2 * z, rtol=1e-12)
    np.testing.assert_allclose(RECORD.irreversible(z), [z[1], -z[0]], rtol=1e-12)


def test_records_are_named_and_frozen():
    assert RECORD.name == "ornstein_uhlenbeck"
    assert RECORD.method == "linear"
    assert RECORD.has_fields
    assert RECORD.states is None
    assert RECORD.stationary is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        RECORD.method = "grid"  # type: ignore[misc]


@pytest.mark.parametrize(
    "states", [[0, 0, 0], 1.0, None, "here", np.zeros((0, 2)), np.zeros((2, 0)), [[1, 2], [3]]]
)
@pytest.mark.parametrize("field", ["score", "irreversible", "reversible"])
def test_bad_states(field, states):
    with pytest.raises(dm.InputError, match=r"shape \(..., 2\), got"):
        getattr(RECORD, field)(states)


def test_states_that_are_not_finite():
    with pytest.raises(dm.InputError, match=r"not finite at \(nan, 0\)"):
        RECORD.irreversible([np.nan, 0.0])
