"""Lyapunov exponents: of flows whose exponents are known, by other routes, and their dimension."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flows import KEY, linear

from driftmatch.analysis.lyapunov import kaplan_yorke, lyapunov
from driftmatch.analysis.tangents import Pair, WithinSubspace, tangent_flow
from driftmatch.network import Network, SharedNoise
from driftmatch.sde import SDE
from driftmatch.simulation.simulate import simulate
from driftmatch.systems.chaos import dadras, lorenz
from driftmatch.systems.dysts import from_dysts
from driftmatch.systems.oscillators import kubo_oscillator, limit_cycle, van_der_pol


@pytest.mark.parametrize(
    ("B", "noise", "expected"),
    [
        ([[1.0, 20.0], [0.0, 3.0]], 0.5, (-1, -3)),  # far from normal
        ([[0.5, -2.0], [2.0, 0.5]], 0.0, (-0.5, -0.5)),
    ],
)
def test_linear_systems(B, noise, expected):
    """The real parts of the eigenvalues of −B; the error of Heun's scheme is λ³dt²/6."""
    found = lyapunov(
        linear(B, noise), duration=20.0, dt=0.01, key=KEY, num_trajectories=8, burn_in=20.0,
        start=np.ones((8, 2)),
    )  # fmt: skip
    np.testing.assert_allclose(found.exponents, expected, atol=2e-3)
    assert found.sum == pytest.approx(-np.trace(B), abs=2e-3)
    assert found.dimension == 0
    assert found.duration == pytest.approx(160)


def far_from_normal(k, values, rng):
    """P diag(values) P⁻¹ for a P of condition 10."""
    U, _, V = np.linalg.svd(rng.normal(size=(k, k)))
    P = U @ np.diag(np.geomspace(1, 10, k)) @ V
    return P @ values @ np.linalg.inv(P)


@pytest.mark.parametrize(("k", "noise"), [(5, 0.0), (10, 0.3)])
def test_linear_systems_of_many_dimensions(k, noise):
    """Real parts again, of real eigenvalues and, in the first two places, of a complex pair."""
    real = -0.3 - 0.3 * np.arange(k)
    real[1] = real[0]
    values = np.diag(real)
    values[0, 1], values[1, 0] = -2.0, 2.0
    A = far_from_normal(k, values, np.random.default_rng(k))
    found = lyapunov(
        linear(-A, noise), duration=60.0, dt=0.02, key=KEY, num_trajectories=4,
        start=np.ones((4, k)),
    )  # fmt: skip
    np.testing.assert_allclose(found.exponents, real, atol=3e-3 if noise == 0 else 6e-3)
    assert found.sum == pytest.approx(np.trace(A), rel=2e-3)


@pytest.mark.parametrize("k", [5, 10])
def test_multiplicative_noise_in_many_dimensions(k):
    """dz = Az dt + Σ_j B_j z dB_j with matrices that commute: λ_i = a_i − ½ Σ_j b_ij²."""
    rng = np.random.default_rng(k)
    b = rng.uniform(0.2, 0.7, size=(k, 2))
    expected = 1.0 - 0.4 * np.arange(k)
    a = expected + 0.5 * np.sum(b**2, axis=1)
    A = jnp.array(far_from_normal(k, np.diag(a), np.random.default_rng(0)))
    B = jnp.array([far_from_normal(k, np.diag(c), np.random.default_rng(0)) for c in b.T])
    sde = SDE(lambda z: A @ z, lambda z: jnp.einsum("jik,k->ij", B, z), k, start=np.ones(k))
    found = lyapunov(
        sde, duration=20.0, dt=0.005, key=KEY, num_trajectories=128, burn_in=20.0,
        start=np.ones((128, k)),
    )  # fmt: skip
    error = np.linalg.norm(b, axis=1) / (128 * 20.0) ** 0.5
    np.testing.assert_allclose(found.standard_error, error, rtol=0.3)  # 6 % is one σ
    assert np.all(np.abs(found.exponents - expected) < 4 * error + 0.005)
    assert np.all(np.abs(found.exponents - a) > 5 * error)  # what the drift alone would give


@pytest.mark.slow
def test_pairs_of_a_damped_hamiltonian():
    """Under damping γ and additive noise the tangent flow is symplectic but for a factor e^{−γt/2}:
    λ_i + λ_{11−i} = −γ for a chain of five double wells, whatever the sampling error, up to what
    the frames at both ends leave, in inverse proportion to the time."""
    gamma = 0.4

    def drift(z):
        q, p = z[:5], z[5:]
        spring = jnp.roll(q, 1) + jnp.roll(q, -1) - 2 * q
        return jnp.concatenate([p, q - q**3 + 0.5 * spring - gamma * p])

    noise = np.vstack([np.zeros((5, 5)), 0.6 * np.eye(5)])
    sde = SDE(drift, noise, 10, start=np.full(10, 0.5))
    found = lyapunov(sde, duration=500.0, dt=0.02, key=KEY, num_trajectories=8, burn_in=50.0)
    np.testing.assert_allclose(found.exponents + found.exponents[::-1], -gamma, atol=6e-3)
    assert found.exponents[0] > 2 * found.standard_error[0] > 8e-3


@pytest.mark.slow
def test_a_flow_with_many_positive_exponents():
    """Lorenz's model of 1996 with ten sites: one exponent is zero and all add up to −10."""

    def drift(z):
        return (jnp.roll(z, -1) - jnp.roll(z, 2)) * jnp.roll(z, 1) - z + 8.0

    sde = SDE(drift, 0.0, 10, start=8.0 + 0.1 * np.arange(10))
    found = lyapunov(sde, duration=80.0, dt=0.02, key=KEY, num_trajectories=16, burn_in=100.0)
    assert found.sum == pytest.approx(-10, abs=1e-3)
    assert np.sum(found.exponents > 5 * found.standard_error) >= 2
    zero = np.argmin(np.abs(found.exponents))
    assert abs(found.exponents[zero]) < 4 * found.standard_error[zero]
    assert 5 < found.dimension < 10


@pytest.mark.slow
def test_hyperchaos():
    """Rössler's flow with two positive exponents, about 0.112 and 0.021 (in bits 0.16 and 0.03:
    A. Wolf et al., Physica D 16, 285 (1985))."""
    pytest.importorskip("dysts")
    found = lyapunov(from_dysts("HyperRossler"), duration=100.0, dt=0.01, key=KEY)
    assert np.all(np.abs(found.exponents[:3] - [0.112, 0.021, 0]) < 0.012)
    assert found.exponents[1] > 5 * found.standard_error[1]


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


@pytest.mark.slow
def test_dadras():
    found = lyapunov(dadras(noise=0.0), duration=60.0, dt=0.01, key=KEY, burn_in=40.0)
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


@pytest.mark.slow
def test_leaving_the_noise_out():
    """Noise takes the first exponent of an oscillator below zero."""
    settings = {"duration": 60.0, "dt": 0.02, "key": KEY}
    quiet = lyapunov(van_der_pol(noise=0.3), noise=False, **settings)
    assert abs(quiet.exponents[0]) < 0.005
    noisy = lyapunov(van_der_pol(noise=0.3), **settings)
    assert noisy.exponents[0] < -5 * noisy.standard_error[0]


def ring_of_kubo_oscillators() -> SDE:
    """Five, so k = 10, pulled towards their neighbours, each with a fluctuating frequency."""
    one = kubo_oscillator(jitter=0.5, noise=0.3)

    def drift(z):
        pairs = z.reshape(5, 2)
        pull = jnp.roll(pairs, 1, 0) + jnp.roll(pairs, -1, 0) - 2 * pairs
        return (jax.vmap(one.drift)(pairs) + 0.2 * pull).ravel()

    def diffusion(z):
        return jax.scipy.linalg.block_diag(*jax.vmap(one.diffusion)(z.reshape(5, 2)))

    return SDE(drift, diffusion, 10, start=np.tile([1.0, 0.0], 5))


@pytest.mark.parametrize(
    ("build", "duration"),
    [
        (van_der_pol, 100.0),
        pytest.param(kubo_oscillator, 100.0, marks=pytest.mark.slow),
        pytest.param(ring_of_kubo_oscillators, 40.0, marks=pytest.mark.slow),
    ],
)
def test_the_sum_is_how_fast_volumes_grow(build, duration):
    """By another route: the mean along a simulated path of ∇·f and, per column s of the noise,
    of −½ tr (Ds)², which Itô's formula adds for ln det."""
    sde = build()
    found = lyapunov(sde, duration=duration, dt=0.01, key=KEY, burn_in=20.0)
    run = simulate(sde, duration=duration + 20, dt=0.01, key=jax.random.key(1), num_trajectories=64,
                   save_every=20)  # fmt: skip

    def growth(z):
        of_noise = jax.jacfwd(sde.diffusion)(z)  # (k, m, k)
        return jnp.trace(jax.jacfwd(sde.drift)(z)) - 0.5 * jnp.einsum(
            "imj,jmi->", of_noise, of_noise
        )

    rates = jax.jit(jax.vmap(jax.vmap(growth)))(run.states[:, 100:]).mean(axis=1)
    error = np.hypot(np.std(rates, ddof=1) / 8, found.sum_standard_error)
    assert abs(np.mean(rates) - found.sum) < 4 * error + 2e-3
    assert error < 0.02 * abs(found.sum) + 0.05


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
        z, V = jnp.array(rng.normal(size=k)), jnp.array(rng.normal(size=(k, 2)))
        x, dB = jnp.array(rng.normal(size=n)), jnp.array(rng.normal(size=2))
        private = jnp.array(rng.normal(size=n))

        @eqx.filter_jit
        def found_and_expected(flow, sde, state, dB, lift):
            drift, kick = tangent_flow(flow)
            pair = Pair(state, V)

            def differentiated(f):
                return f(state), jax.jacfwd(f)(state) @ lift @ V

            (f, JV), (w, KV) = drift(pair, jnp.array(0.0)), kick(pair, dB)
            expected = *differentiated(sde.drift), *differentiated(lambda z: sde.noise(z, dB))
            return (f, lift @ JV, w, lift @ KV), expected

        latent, neural = network.latent(), network.with_private_noise(0.2).neural()
        within, both = WithinSubspace(neural), jnp.concatenate([dB, private])
        for arguments in (
            (latent, latent, z, dB, jnp.eye(k)),
            (within, neural, x, both, jnp.array(network.gamma)),
        ):
            for found, expected in zip(*found_and_expected(*arguments), strict=True):
                np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


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
    settings |= {"start": np.ones((16, 3))}
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
