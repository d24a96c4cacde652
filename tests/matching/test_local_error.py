"""The local error: what it says of known errors, and that units change nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.matching.errors import drift_scales, matching_errors
from driftmatch.matching.local_error import LocalScales, typical_time
from driftmatch.sampling.whitening import Whitening

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


def van_der_pol(mu):
    def f(u):
        return jnp.stack([u[1], mu * (1 - u[0] ** 2) * u[1] - u[0]])

    return dm.SDE(f, 0.0, 2, start=(2.0, 0.0))


@pytest.fixture(scope="module")
def relaxation():
    """A slow–fast cycle, its states and what counts at them."""
    sde = van_der_pol(20.0)
    samples = dm.sample(sde, key=KEY)
    states = samples.runs.reshape(-1, 2)[:20_000]
    whitening = Whitening.of(states)
    scales = LocalScales.of(sde, states, whitening, typical_time(sde, states, whitening))
    return sde, states, whitening, scales


def rms(squares):
    return np.sqrt(np.mean(squares))


def test_the_displacement_is_what_a_shift_cannot_make_good_for():
    """δᵀM⁻¹δ = min over Δ of |Δ|² + T²|JΔ + δ|², by least squares."""
    J, T = RNG.standard_normal((3, 3)), 0.7
    sde = dm.SDE(lambda z: jnp.asarray(J) @ z, 0.3, 3)
    states = RNG.standard_normal((500, 3)) @ RNG.standard_normal((3, 3))
    whitening = Whitening.of(states)
    scales = LocalScales.of(sde, states, whitening, T)
    error = RNG.standard_normal(3)
    whitened = np.linalg.inv(whitening.factor) @ J @ whitening.factor
    matrix = np.concatenate([np.eye(3), T * whitened])
    least = np.linalg.lstsq(matrix, -np.concatenate([np.zeros(3), T * error]), rcond=None)[1]
    found = error @ scales.response[0] @ error
    assert found == pytest.approx(float(least[0]), rel=1e-6)


def test_of_an_ornstein_uhlenbeck_process():
    """e² = δ² / (λ²z² + 2D/T + ℓ²(1/T² + λ²)), in units of its deviation."""
    rate, D, T, error = 2.0, 0.18, 0.4, 0.03
    sde = dm.SDE(lambda z: -rate * z, (2 * D) ** 0.5, 1)
    states = np.sqrt(D / rate) * RNG.standard_normal((4000, 1))
    deviation = Whitening.of(states).factor[0, 0]
    scales = LocalScales.of(sde, states, Whitening.of(states), T)
    found = scales.squared(np.full((4000, 1), error / deviation))
    rest = 0.01 * deviation**2 * (1 / T**2 + rate**2)
    right = error**2 / ((rate * states[:, 0]) ** 2 + 2 * D / T + rest)
    np.testing.assert_allclose(found, right, rtol=1e-6)


def test_errors_where_the_flow_is_slow_are_seen(relaxation):
    """A drift that is a tenth too small on the slow branches lengthens the period by a tenth."""
    sde, states, whitening, scales = relaxation
    f = drifts(sde, states)
    slow = np.abs(f[:, 1]) < 1
    assert slow.mean() > 0.8
    error = np.where(slow[:, None], 0.1 * f, 0.0)
    spread = drift_scales(f, diffusion_matrices(sde, states), whitening, 1.0)
    assert rms((error / spread) ** 2) < 0.005
    assert rms(scales.squared(whitening.whiten_rates(error))) > 0.05
    fast = 0.1 * f - error  # and the fast ones are the smaller part of a period
    assert rms(scales.squared(whitening.whiten_rates(fast))) < 0.04


def test_errors_that_a_stiff_flow_makes_good_for_count_less(relaxation):
    """Across a slow branch, where the state returns in 1/μ², an error moves it less than along."""
    sde, states, whitening, scales = relaxation
    slow = (np.abs(drifts(sde, states)[:, 1]) < 1) & (np.abs(states[:, 0]) > 1.3)
    slope = drifts(sde, states)  # along the branch
    along = whitening.whiten_rates(0.01 * slope / np.linalg.norm(slope, axis=1, keepdims=True))
    _, _, right = np.linalg.svd(np.linalg.inv(scales.response)[slow])
    across = right[:, 0] * np.linalg.norm(along[slow], axis=1, keepdims=True)
    here = LocalScales(scales.response[slow], scales.moved[slow])
    assert rms(here.squared(across)) < 0.1 * rms(here.squared(along[slow]))


@pytest.mark.parametrize(("units", "seconds"), [([1e-6, 1e9], 1.0), ([1.0, 1.0], 1e5)])
def test_units_change_nothing(relaxation, units, seconds):
    sde, states, whitening, scales = relaxation
    u = np.array(units)
    its_states = 3.0 * u + states * u
    scaled = dm.SDE(lambda z: sde.drift(z / u - 3.0) * u / seconds, 0.0, 2)
    its_whitening = Whitening.of(its_states)
    its_time = typical_time(scaled, its_states, its_whitening)
    its = LocalScales.of(scaled, its_states, its_whitening, its_time)
    errors = 1e-3 * RNG.standard_normal(states.shape)
    found = its.squared(its_whitening.whiten_rates(errors * u / seconds))
    right = scales.squared(whitening.whiten_rates(errors))
    np.testing.assert_allclose(found, right, rtol=1e-4)


@pytest.mark.parametrize(
    "sde",
    [dm.systems.van_der_pol(), dm.systems.lorenz(noise=1.0),
     dm.SDE(lambda z: z - z**3, 0.5, 1),
     pytest.param(
         dm.SDE(lambda z: jnp.stack([-z[0], -1e-3 * z[1]]), jnp.diag(jnp.array([1.0, 0.03])), 2),
         marks=pytest.mark.slow,
     )],
    ids=["van der Pol", "Lorenz", "double well", "slow and fast"],
)  # fmt: skip
def test_on_the_targets_own_states_noise_is_no_floor(sde):
    """E[f_i z_i] = −E D_ii where states are stationary, so std f_i ≥ E D_ii / std z_i."""
    samples = dm.sample(sde, key=KEY)
    states = samples.runs.reshape(-1, sde.dim)
    f, D = drifts(sde, states), diffusion_matrices(sde, states)
    scales = drift_scales(f, D, Whitening.of(states), samples.time_scale)
    np.testing.assert_allclose(scales, f.std(axis=0), rtol=0.03)


def test_a_component_without_drift_is_judged_by_the_noise():
    """A line attractor in a box: an absolute error of 1e-4 is none beside D / width = 9e-3."""
    line = dm.SDE(lambda z: jnp.stack([0 * z[0], -z[1]]), 0.1, 2)
    found = dm.embed(line, 64, key=KEY, box=([-1.0, -1.0], [1.0, 1.0]))
    assert found.outcome is dm.Outcome.SUCCESS
    assert found.report.drift_error < 0.03
    assert found.report.local_error < 0.01
    states = RNG.uniform(-1, 1, (5000, 2))
    off = drifts(found.network.latent(), states) - drifts(line, states)
    assert np.sqrt(np.mean(off[:, 0] ** 2)) < 2e-4


def test_a_component_of_constant_drift_is_judged():
    constant = dm.SDE(lambda z: jnp.stack([1.0 + 0 * z[0], -z[1]]), 0.0, 2)
    found = dm.embed(constant, 64, key=KEY, box=([-1.0, -1.0], [1.0, 1.0])).network
    states = RNG.uniform(-1, 1, (5000, 2))
    errors = matching_errors(constant, found, states)
    assert np.isfinite(errors).all()
    assert errors.local < 0.01
    doubled = dm.SDE(lambda z: jnp.stack([2.0 + 0 * z[0], -z[1]]), 0.0, 2)
    assert matching_errors(doubled, found, states).local > 0.2


@pytest.mark.parametrize("slope", [40.0, 80.0])
def test_steep_walls_are_not_singular(slope):
    """T|J| far beyond 1e8 in one direction: a response is still there, and positive."""
    wall = dm.SDE(lambda z: jnp.stack([-jnp.exp(slope * (z[0] - 1)), -z[1]]), 0.3, 2)
    states = RNG.uniform(-1.5, 1.5, (2000, 2))
    whitening = Whitening.of(states)
    scales = LocalScales.of(wall, states, whitening, typical_time(wall, states, whitening))
    assert np.isfinite(scales.response).all()
    assert np.all(np.linalg.eigvalsh(scales.response) >= 0)
    assert np.all(scales.weights >= 0)
    assert scales.weights.max() > 0


def test_beyond_a_bound_nothing_counts():
    root = dm.SDE(lambda z: 1 - jnp.sqrt(z) - z, 0.1, 1)
    states = np.concatenate([RNG.uniform(0.01, 1.0, (1000, 1)), [[1e-9]], [[-0.1]]])
    whitening = Whitening.of(states)
    scales = LocalScales.of(root, states, whitening, typical_time(root, states, whitening))
    assert np.all(scales.weights[:1000] > 0)
    assert scales.weights[-1] == 0
    assert np.isfinite(scales.weights).all()


@pytest.mark.parametrize("factor", [0.0, 1.0])
def test_a_wrong_drift_in_a_small_box_is_no_success(factor):
    """The control of what vanishes: −z is small beside the noise, but it does not vanish."""
    wanted = dm.SDE(lambda z: -z, 2**0.5, 1)
    got = dm.Network(
        np.concatenate([np.eye(1), np.zeros((7, 1))]), np.full((1, 8), 0.0), np.zeros(8), tau=1.0,
    )  # fmt: skip
    readout = np.zeros((1, 8))
    readout[0, 0] = 1.0 + factor  # −z + (1 + factor) tanh z, about factor · z
    got = dm.Network(got.gamma, readout, got.bias, tau=1.0, shared_noise=2**0.5)
    errors = matching_errors(wanted, got, RNG.uniform(-0.3, 0.3, (4000, 1)))
    assert errors.drift > 0.9


@pytest.mark.slow
def test_private_noise_is_by_default_the_targets_own():
    """0.003 for a flow without noise, 0.01 with it."""
    quiet, noisy = van_der_pol(2.0), dm.systems.van_der_pol()
    for sde, s, other in ((quiet, 0.003, 0.01), (noisy, 0.01, 0.003)):
        samples = dm.sample(sde, key=KEY)

        def error(samples=samples, sde=sde, **more):
            return dm.embed(
                sde, 48, key=KEY, samples=samples, check=False, method="least-squares", **more
            ).report.drift_error

        assert error() == error(private_noise=s) != error(private_noise=other)


def test_what_withstands_more_noise_is_found_first():
    """With little private noise, descent from there gets further than by itself."""
    quiet = van_der_pol(2.0)
    samples = dm.sample(quiet, key=KEY)
    fit = dm.Refined(iterations=(6, 1))
    found = {
        s: dm.embed(quiet, 48, key=KEY, samples=samples, check=False, private_noise=s, method=fit)
        for s in (0.003, 0.01)
    }
    assert found[0.003].report.drift_error < 0.8 * found[0.01].report.drift_error


def test_a_network_behind_a_steep_wall():
    """From the samples on: drifts that overflow beyond the wall neither warn nor stop anything."""
    wall = dm.SDE(lambda z: jnp.stack([-jnp.exp(40 * (z[0] - 1)) - z[0], -z[1]]), 0.3, 2)
    found = dm.embed(wall, 64, key=KEY, method="least-squares", check=False)
    assert found.report.local_error < 0.05
