"""The closed form, and what has none."""

import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.outcomes import Outcome


def test_a_mean_that_is_not_zero():
    """dz = −B(z − m) dt has the rate of m = 0, and a score that vanishes at m."""
    B, m = jnp.array([[2.0, -1.5], [1.5, 2.0]]), jnp.array([3.0, -1.0])
    record = dm.irreversibility(dm.SDE(lambda z: -B @ (z - m), 2**0.5, 2), method="linear")
    assert record.entropy_production == pytest.approx(2.25, rel=1e-6)
    np.testing.assert_allclose(record.score(np.array(m)), 0, atol=1e-6)


def test_linear_networks_have_a_closed_form():
    gamma = np.array([[1.0, 0.0], [0.3, 1.0], [-0.5, 0.4]])
    B = np.array([[2.0, -1.5], [1.5, 2.0]])
    readout = (np.eye(2) - 0.2 * B) @ np.linalg.pinv(gamma)
    network = dm.Network(
        gamma, readout, np.zeros(3), tau=0.2, activation="identity", shared_noise=2.0**0.5
    )
    record = dm.irreversibility(network, method="linear")
    assert record.entropy_production == pytest.approx(2.25, rel=1e-6)
    assert record.outcome is Outcome.SUCCESS


def test_rates_do_not_depend_on_units():
    """x in 10⁶ of its unit and y in 10⁻⁶: σ̇ is the same."""
    B, D, scale = np.array([[2.0, -1.0], [-1.0, 2.0]]), np.diag([1.0, 10.0]), np.diag([1e6, 1e-6])
    sde = dm.systems.ornstein_uhlenbeck(scale @ B @ np.linalg.inv(scale), scale @ D @ scale)
    record = dm.irreversibility(sde, method="linear")
    assert record.entropy_production == pytest.approx(2.025, rel=1e-6)


@pytest.mark.parametrize(
    ("sde", "words"),
    [
        (dm.systems.double_well(), "double_well is not linear.*use method="),
        (dm.SDE(lambda z: -z, lambda z: z[:, None] + 2, 1), "depends on the state.*use method="),
        (dm.SDE(lambda z: z, 1.0, 2), "not stable .* real part 1"),
        (dm.SDE(lambda z: 0 * z, 1.0, 1), "not stable"),
        (dm.SDE(lambda z: -z, [[1.0], [0.0]], 2), r"singular .* no noise along \(0, 1\)"),
        (dm.systems.ornstein_uhlenbeck(D=0.0), "singular"),
    ],
)
def test_what_has_no_closed_form(sde, words):
    with pytest.raises(dm.InputError, match=words):
        dm.irreversibility(sde, method="linear")


def test_a_nonlinearity_where_the_density_lies_is_found():
    """Cubic beyond 10⁵, where noise of 10⁵ takes the state, and linear to 1e-10 near 0."""
    sde = dm.SDE(lambda z: -z - z * (z / 1e5) ** 2, 1.4e5, 1)
    with pytest.raises(dm.InputError, match="not linear"):
        dm.irreversibility(sde, method="linear")
