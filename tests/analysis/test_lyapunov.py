import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from driftmatch.analysis.lyapunov import kaplan_yorke, lyapunov
from driftmatch.analysis.tangents import tangent_flow
from driftmatch.errors import ComputationError, InputError
from driftmatch.network import Network, SharedNoise
from driftmatch.outcomes import Outcome
from driftmatch.sde import SDE
from driftmatch.simulation.simulate import simulate
from driftmatch.systems.chaos import dadras, lorenz
from driftmatch.systems.oscillators import kubo_oscillator, limit_cycle, van_der_pol

KEY = jax.random.key(0)


def linear(B, noise):
    B = np.array(B)
    return SDE(lambda z: -jnp.asarray(B, z.dtype) @ z, noise, len(B), start=np.ones(len(B)))


@pytest.mark.parametrize(
    ("B", "noise", "expected"),
    [
        ([[1.0, 20.0], [0.0, 3.0]], 0.5, (-1, -3)),  # far from normal
        ([[0.5, -2.0], [2.0, 0.5]], 0.0, (-0.5, -0.5)),
        ([[0.5, -2.0], [2.0, 0.5]], 0.5, (-0.5, -0.5)),
    ],
)
def test_linear_systems(B, noise, expected):
    """The real parts of the eigenvalues of −B; the error of Heun's scheme is λ³dt²/6."""
    found = lyapunov(
        linear(B, noise), duration=20.0, dt=0.01, key=KEY, num_trajectories=8, burn_in=20.0
    )
    np.testing.assert_allclose(found.exponents, expected, atol=2e-3)
    assert found.sum == pytest.approx(-np.trace(B), abs=2e-3)
    assert found.dimension == 0
    assert found.duration == pytest.approx(160)


def test_noise_that_depends_on_the_state():
    """dz = az dt + bz dB has λ = a − b²/2; without the tangents' own noise it would be a."""
    sde = SDE(lambda z: 0.1 * z, lambda z: 0.8 * z[:, None], 1, start=np.ones(1))
    found = lyapunov(sde, duration=20.0, dt=0.005, key=KEY, num_trajectories=500, burn_in=0.1)
    error = 0.8 / (500 * 20.0) ** 0.5
    assert found.standard_error[0] == pytest.approx(error, rel=0.2)
    assert abs(found.exponents[0] - (0.1 - 0.32)) < 4 * error  # wrong in one of 10⁴ seeds


@pytest.mark.parametrize("x64", [False, True])
def test_lorenz_in_both_precisions(x64):
    with jax.enable_x64(x64):
        found = lyapunov(lorenz(noise=0.0), duration=60.0, dt=0.01, key=KEY, burn_in=20.0)
    assert np.all(found.standard_error < 0.008)
    assert np.all(np.abs(found.exponents - [0.906, 0, -14.572]) < 4 * found.standard_error + 5e-4)
    assert found.sum == pytest.approx(-41 / 3, rel=5e-5)
    assert found.sum_standard_error < 1e-5
    assert found.dimension == pytest.approx(2 + 0.906 / 14.572, abs=3e-3)


def test_dadras():
    found = lyapunov(dadras(noise=0.0), duration=30.0, dt=0.01, key=KEY, burn_in=40.0)
    assert found.sum == pytest.approx(-10.3, rel=1e-4)
    assert found.exponents[0] > 20 * found.standard_error[0]
    assert abs(found.exponents[1]) < 4 * found.standard_error[1]


def test_limit_cycle():
    """λ = 0, −2: the Floquet exponents of the normal form."""
    found = lyapunov(limit_cycle(noise=0.0), duration=30.0, dt=0.02, key=KEY, num_trajectories=16)
    np.testing.assert_allclose(found.exponents, [0, -2], atol=1e-4)
    assert found.dimension == pytest.approx(1, abs=1e-3)


def test_a_cycle_whose_speed_varies():
    """Van der Pol's second exponent is −1.0594; its trajectories must not all be in one phase."""
    found = lyapunov(van_der_pol(noise=0.0), duration=100.0, dt=0.02, key=KEY)
    assert found.standard_error[0] > 1e-5
    assert np.all(np.abs(found.exponents - [0, -1.0594]) < 4 * found.standard_error + 1e-4)


def test_leaving_the_noise_out():
    """Noise takes the first exponent of an oscillator below zero."""
    settings = {"duration": 60.0, "dt": 0.02, "key": KEY}
    quiet = lyapunov(van_der_pol(noise=0.3), noise=False, **settings)
    assert abs(quiet.exponents[0]) < 0.005
    noisy = lyapunov(van_der_pol(noise=0.3), **settings)
    assert noisy.exponents[0] < -5 * noisy.standard_error[0]


@pytest.mark.parametrize("build", [van_der_pol, kubo_oscillator])
def test_the_sum_is_how_fast_volumes_grow(build):
    """By another route: the mean along a simulated path of ∇·f and, per column s of the noise,
    of −½ tr (Ds)², which Itô's formula adds for ln det."""
    sde = build()
    found = lyapunov(sde, duration=100.0, dt=0.01, key=KEY)
    run = simulate(sde, duration=120.0, dt=0.01, key=jax.random.key(1), num_trajectories=64,
                   save_every=20)  # fmt: skip

    def growth(z):
        of_noise = jax.jacfwd(sde.diffusion)(z)  # (k, m, k)
        return jnp.trace(jax.jacfwd(sde.drift)(z)) - 0.5 * jnp.einsum(
            "imj,jmi->", of_noise, of_noise
        )

    rates = jax.jit(jax.vmap(jax.vmap(growth)))(run.states[:, 100:]).mean(axis=1)
    error = np.hypot(np.std(rates, ddof=1) / 8, found.sum_standard_error)
    assert abs(np.mean(rates) - found.sum) < 4 * error + 2e-3
    assert error < 0.05


@pytest.mark.parametrize("activation", ["tanh", "softplus"])
@pytest.mark.parametrize("readout_noise", [False, True])
def test_network_tangents(activation, readout_noise):
    """The sum over neurons gives what differentiating drift and noise gives."""
    rng = np.random.default_rng(0)
    n, k = 20, 3
    readout = rng.normal(size=(k, 2, n)) if readout_noise else None
    noise = SharedNoise(rng.normal(size=(k, 2)), readout)
    network = Network(
        rng.normal(size=(n, k)), rng.normal(size=(k, n)), rng.normal(size=n), tau=0.3,
        activation=activation, shared_noise=noise,
    )  # fmt: skip
    with jax.enable_x64(True):
        pair, dB = jnp.array(rng.normal(size=(k, 1 + 2))), jnp.array(rng.normal(size=2))

        @eqx.filter_jit
        def both(sde):
            drift, kick = tangent_flow(sde)

            def differentiated(f):
                z, V = pair[:, 0], pair[:, 1:]
                return jnp.column_stack([f(z), jax.jacfwd(f)(z) @ V])

            expected = differentiated(sde.drift), differentiated(lambda z: sde.noise(z, dB))
            return (drift(pair, 0.0), kick(pair, dB)), expected

        for found, expected in zip(*both(network.latent()), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_network_as_neurons_has_its_latent_exponents_first():
    """The others, of what leaves the subspace, are all −1/τ."""
    gamma = np.array([[1.0, 0.0], [0.3, 1.0], [-0.5, 0.4], [0.2, -1.0]])
    B = np.array([[1.0, -2.0], [2.0, 1.0]])
    readout = (np.eye(2) - 0.2 * B) @ np.linalg.pinv(gamma)
    network = Network(gamma, readout, np.zeros(4), tau=0.2, activation="identity")
    settings = {"duration": 10.0, "dt": 0.01, "key": KEY, "num_trajectories": 8}
    np.testing.assert_allclose(lyapunov(network, **settings).exponents, [-1, -1], atol=1e-3)
    found = lyapunov(network.neural(), start=np.ones(4), **settings)
    np.testing.assert_allclose(found.exponents, [-1, -1, -5, -5], atol=0.02)


def test_the_largest_exponents_alone():
    settings = {"duration": 20.0, "dt": 0.01, "key": KEY, "num_trajectories": 16}
    B = [[1.0, 0.5, 0.0], [0.0, 2.0, 0.5], [0.0, 0.0, 4.0]]
    found = lyapunov(linear(B, 0.0), num_exponents=2, **settings)
    np.testing.assert_allclose(found.exponents, [-1, -2], atol=1e-3)
    assert found.dimension == 0


def test_compiles_once():
    traces = []

    def drift(z):
        traces.append(1)
        return -z

    sde = SDE(drift, 0.1, 2)
    lyapunov(sde, duration=5.0, dt=0.01, key=KEY, num_trajectories=4)
    count = len(traces)
    lyapunov(sde, duration=5.0, dt=0.01, key=jax.random.key(1), num_trajectories=4)
    assert len(traces) == count


@pytest.mark.parametrize(
    ("exponents", "expected"),
    [
        ((0.906, 0.0, -14.572), 2 + 0.906 / 14.572),
        ((-0.1, -2.0), 0),
        ((0.0, -2.0), 1),
        ((1.0, -0.5, -0.25, -1.0), 3.25),
        ((0.5, -0.1), np.nan),
    ],
)
def test_kaplan_yorke(exponents, expected):
    np.testing.assert_allclose(kaplan_yorke(np.array(exponents)), expected)


def test_exponents_near_zero_count_as_zero():
    assert kaplan_yorke(np.array([-1e-5, -2.0])) == 0
    assert kaplan_yorke(np.array([-1e-5, -2.0]), tolerance=1e-4) == 1


@pytest.mark.parametrize("start", [None, np.full(1, 30.0)])
def test_divergence_is_told(start):
    sde = SDE(lambda z: z**3, 0.0, 1, start=np.full(1, 30.0))
    settings = {"duration": 5.0, "dt": 0.01, "key": KEY, "num_trajectories": 4, "start": start}
    with pytest.raises(ComputationError, match="non-finite"):
        lyapunov(sde, **settings)
    found = lyapunov(sde, throw=False, **settings)
    assert found.outcome is Outcome.NON_FINITE
    assert np.isnan(found.exponents).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration": -1.0}, "duration"),
        ({"dt": 0.0}, "dt"),
        ({"burn_in": -1.0}, "burn_in"),
        ({"num_exponents": 3}, "2 Lyapunov exponents, not 3"),
        ({"num_trajectories": 0}, "num_trajectories"),
        ({"qr_every": 0}, "qr_every"),
        ({"start": np.zeros(3)}, "start"),
        ({"key": 0}, "key"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(InputError, match=message):
        lyapunov(limit_cycle(), **{"duration": 1.0, "dt": 0.1, "key": KEY} | change)
