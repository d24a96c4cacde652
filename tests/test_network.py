import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm

N, K, M = 12, 2, 3


def make(activation="tanh", *, seed=0, n=N, k=K, noise_readout=False, **options):
    rng = np.random.default_rng(seed)
    gamma = rng.normal(size=(n, k))
    readout = rng.normal(size=(k, n)) / n
    bias = rng.normal(size=n)
    constant = rng.normal(size=(k, M))
    noise_weights = rng.normal(size=(k, M, n)) / n if noise_readout else None
    options = {"tau": 0.7, "shared_noise": dm.SharedNoise(constant, noise_weights)} | options
    return dm.Network(gamma, readout, bias, activation=activation, **options)


def latents(k=K, number=7):
    return np.random.default_rng(9).normal(size=(number, k))


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("activation", dm.ACTIVATIONS)
def test_latent_drift_is_the_formula(activation):
    net = make(activation)
    for z in latents():
        rates = net.activation.derivatives(net.gamma @ z + net.bias)[0]
        expected = (-z + net.readout @ rates) / 0.7
        np.testing.assert_allclose(net.latent().drift(jnp.array(z)), expected, rtol=1e-12)


@pytest.mark.parametrize("activation", dm.ACTIVATIONS)
def test_neural_drift_is_the_formula_off_the_subspace_too(activation):
    """With W formed, as the library never does."""
    net = make(activation)
    W = net.gamma @ net.readout
    for x in latents(N):
        expected = (-x + W @ net.activation.derivatives(x)[0] + net.bias) / 0.7
        np.testing.assert_allclose(net.neural().drift(jnp.array(x)), expected, rtol=1e-12)


@pytest.mark.parametrize("activation", dm.ACTIVATIONS)
@pytest.mark.parametrize("noise_readout", [False, True])
def test_the_subspace_is_invariant(activation, noise_readout):
    """On x = Γz + b, dx is Γ dz, drift and noise alike. Off it the drift leaves the span of Γ."""
    net = make(activation, noise_readout=noise_readout)
    latent, neural = net.latent(), net.neural()
    for z in jnp.array(latents()):
        x = net.lift(z)
        np.testing.assert_allclose(neural.drift(x), net.gamma @ latent.drift(z), rtol=1e-11)
        np.testing.assert_allclose(neural.diffusion(x), net.gamma @ latent.diffusion(z), rtol=1e-11)
    drift = np.array(neural.drift(x + 1.0))
    inside = net.gamma @ np.linalg.lstsq(net.gamma, drift)[0]
    assert np.linalg.norm(drift - inside) > 0.1 * np.linalg.norm(drift)


@pytest.mark.parametrize("noise_readout", [False, True])
def test_a_split_network_has_the_same_latent_sde(noise_readout):
    net = make(noise_readout=noise_readout, private_noise=0.1, start=[0.1, 0.2])
    split = net.split(5)
    assert (split.num_neurons, split.dim) == (5 * N, K)
    assert (split.private_noise, split.tau, split.name) == (0.1, net.tau, net.name)
    for z in jnp.array(latents()):
        np.testing.assert_allclose(split.drift(z), net.drift(z), rtol=1e-12)
        np.testing.assert_allclose(split.diffusion(z), net.diffusion(z), rtol=1e-12)
        np.testing.assert_array_equal(split.lift(z), np.repeat(net.lift(z), 5))
    # As a matrix: each copy sends a fifth of what the neuron sent to every copy.
    np.testing.assert_allclose(split.W, np.kron(net.W, np.full((5, 5), 0.2)), rtol=1e-12)


def test_private_noise_of_copies_averages_out():
    """W_s scatters the noise of single neurons with half the deviation of a network's a quarter of
    its size; 2000 draws tell 0.5 from 0.6 at 6 standard errors."""
    rng, net = np.random.default_rng(3), make()
    deviations = []
    for one in (net, net.split(4)):
        noisy = one.lift(latents()[0]) + 0.01 * rng.standard_normal((2000, one.num_neurons))
        read = np.tanh(noisy) @ one.readout.T
        deviations.append(read.std(axis=0))
    np.testing.assert_allclose(deviations[1] / deviations[0], 0.5, atol=0.05)


def test_what_leaves_the_subspace_decays_at_the_rate_one_over_tau():
    net = make()
    x = jnp.array(latents(N)[0])
    residual = x - net.lift(net.project(x))
    outward = net.neural().drift(x)
    span = np.linalg.qr(net.gamma)[0]
    outward -= span @ (span.T @ outward)
    np.testing.assert_allclose(outward, -residual / 0.7, rtol=1e-10)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_project_undoes_lift(shape):
    net = make()
    z = np.random.default_rng(1).normal(size=(*shape, K))
    x = net.lift(z)
    assert x.shape == (*shape, N)
    np.testing.assert_allclose(net.project(x), z, rtol=1e-11)
    np.testing.assert_allclose(net.lift(net.project(x)), x, rtol=1e-11)


def test_project_finds_the_nearest_point():
    net = make()
    x = latents(N)[0]
    expected = np.linalg.lstsq(net.gamma, x - net.bias)[0]
    np.testing.assert_allclose(net.project(x), expected, rtol=1e-11)


@pytest.mark.parametrize("noise_readout", [False, True])
def test_the_coordinates_are_a_gauge(noise_readout):
    """(Γ, W_s, S, z) → (ΓA, A⁻¹W_s, A⁻¹S, A⁻¹z) is one and the same network of neurons."""
    net = make(noise_readout=noise_readout)
    A = np.array([[2.0, 0.5], [-0.3, 0.4]])
    inverse = np.linalg.inv(A)
    noise = net.shared_noise
    turned_noise = dm.SharedNoise(
        inverse @ noise.constant,
        None if noise.readout is None else np.einsum("ij,jmn->imn", inverse, noise.readout),
    )
    options = {"tau": 0.7, "activation": "tanh", "shared_noise": turned_noise}
    turned = dm.Network(net.gamma @ A, inverse @ net.readout, net.bias, **options)
    wrong = dm.Network(net.gamma @ A, net.readout, net.bias, **options)
    for x in jnp.array(latents(N)):
        expected = net.neural().drift(x)
        np.testing.assert_allclose(turned.neural().drift(x), expected, rtol=1e-11)
        assert not np.allclose(wrong.neural().drift(x), expected, rtol=1e-2)
        np.testing.assert_allclose(
            turned.neural().diffusion(x), net.neural().diffusion(x), rtol=1e-11
        )
        np.testing.assert_allclose(turned.project(x), inverse @ net.project(x), rtol=1e-10)


def test_the_origin_of_the_coordinates_is_a_gauge():
    """b → b + Γc with z → z − c shifts the latent drift: the subspace stays, the drift in it is
    that of a network whose readout feels the shift."""
    net = make()
    c = np.array([0.3, -0.2])
    shifted = dm.Network(net.gamma, net.readout, net.bias + net.gamma @ c, tau=0.7)
    z = jnp.array(latents()[0])
    np.testing.assert_allclose(shifted.lift(z), net.lift(z + c), rtol=1e-12)
    np.testing.assert_allclose(
        shifted.latent().drift(z), net.latent().drift(z + c) + c / 0.7, rtol=1e-11
    )


@pytest.mark.parametrize("noise_readout", [False, True])
@pytest.mark.parametrize("private", [0.0, 0.3])
def test_noise_covariance(noise_readout, private):
    """σσᵀ = Γ S Sᵀ Γᵀ + (2s²/τ) I, with S(x) = S₀ + unvec(W_n φ(x))."""
    net = make(noise_readout=noise_readout, private_noise=private)
    x = latents(N)[0]
    S = net.shared_noise.constant
    if noise_readout:
        S = S + np.einsum("kmn,n->km", net.shared_noise.readout, np.tanh(x))
    expected = net.gamma @ S @ S.T @ net.gamma.T + 2 * private**2 / 0.7 * np.eye(N)
    neural = net.neural()
    sigma = np.array(neural.diffusion(jnp.array(x)))
    assert sigma.shape == (N, neural.noise_dim) == (N, M + (N if private else 0))
    np.testing.assert_allclose(sigma @ sigma.T, expected, rtol=1e-11, atol=1e-12)
    dB = np.random.default_rng(2).normal(size=neural.noise_dim)
    np.testing.assert_allclose(neural.noise(jnp.array(x), jnp.array(dB)), sigma @ dB, rtol=1e-10)
    assert neural.has_constant_diffusion == (not noise_readout)


def test_latent_noise():
    net = make(noise_readout=True, private_noise=0.5)
    z = latents()[0]
    rates = np.tanh(net.gamma @ z + net.bias)
    S = net.shared_noise.constant + net.shared_noise.readout @ rates
    latent = net.latent()
    np.testing.assert_allclose(latent.diffusion(jnp.array(z)), S, rtol=1e-12)
    assert latent.noise_dim == M
    assert not latent.has_constant_diffusion


def test_shared_noise_may_be_a_number_or_a_matrix():
    z = jnp.zeros(K)
    np.testing.assert_allclose(make(shared_noise=0.2).latent().diffusion(z), 0.2 * np.eye(K))
    matrix = np.arange(K * 4.0).reshape(K, 4)
    np.testing.assert_allclose(make(shared_noise=matrix).latent().diffusion(z), matrix)


def test_inputs():
    """u(t) enters the latent SDE as u/τ, and the neural one as Γu/τ; I(t) of n numbers as I/τ."""
    net = make()

    def u(t):
        return jnp.array([1.0, -2.0]) * t

    t = jnp.array(3.0)
    np.testing.assert_allclose(net.latent(input=u).forcing(t), np.array([3, -6]) / 0.7)
    expected = net.gamma @ np.array([3, -6]) / 0.7
    np.testing.assert_allclose(net.neural(input=u).forcing(t), expected, rtol=1e-12)
    whole = net.neural(input=lambda t: jnp.array(net.gamma @ np.array([3.0, -6.0])))
    np.testing.assert_allclose(whole.forcing(t), expected, rtol=1e-12)
    assert net.latent().forcing(t) is None
    assert net.neural().forcing(t) is None


def test_start_names_and_copies():
    net = make(start=[0.5, -0.5], name="n", time_scale=2.0)
    assert (net.num_neurons, net.latent_dim) == (N, K)
    for sde in (net.latent(), net.neural()):
        assert (sde.name, sde.time_scale) == ("n", 2.0)
    np.testing.assert_allclose(net.neural().start, net.lift(net.latent().start), rtol=1e-12)
    assert make().neural().start is None
    noisy = net.with_private_noise(0.2)
    assert (noisy.private_noise, net.private_noise) == (0.2, 0.0)
    assert (noisy.name, noisy.tau, noisy.time_scale) == ("n", 0.7, 2.0)
    x = jnp.array(latents(N)[0])
    np.testing.assert_array_equal(noisy.neural().drift(x), net.neural().drift(x))
    np.testing.assert_array_equal(noisy.start, net.start)
    np.testing.assert_array_equal(net.start, [0.5, -0.5])
    assert make().start is None


def test_one_start_or_several():
    np.testing.assert_array_equal(make(start=[0.5, -0.5]).starts, [[0.5, -0.5]])
    given = np.array([[0.5, -0.5], [1.0, 2.0], [3.0, 4.0]])
    net = make(start=given)
    given[:] = 0
    assert net.starts.dtype == np.float64
    np.testing.assert_array_equal(net.starts, [[0.5, -0.5], [1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(net.start, [0.5, -0.5])
    np.testing.assert_array_equal(net.latent().starts, net.starts)
    np.testing.assert_allclose(net.neural().starts, net.lift(net.starts), rtol=1e-12)
    np.testing.assert_allclose(net.neural().start, net.lift(net.start), rtol=1e-12)
    np.testing.assert_array_equal(net.with_private_noise(0.1).starts, net.starts)
    none = make()
    assert none.starts is none.latent().starts is none.neural().starts is None


def test_arrays_are_copied_and_kept_in_float64():
    gamma = np.ones((3, 1), np.float32)
    net = dm.Network(gamma, np.ones((1, 3)), np.zeros(3))
    gamma[:] = 7
    assert net.gamma.dtype == np.float64
    assert np.all(net.gamma == 1)


def test_the_largest_networks_form_no_square_matrix():
    """n = 10⁵: W would take 80 GB."""
    n = 100_000
    net = make(n=n, private_noise=0.1)
    z = jnp.array([0.3, 0.4])
    x = net.lift(z)

    @eqx.filter_jit
    def step(net, x, dB):
        sde = net.neural()
        return sde.drift(x), sde.noise(x, dB)

    drift, noise = step(net, x, jnp.ones(M + n))
    assert drift.shape == noise.shape == (n,)
    np.testing.assert_allclose(drift, net.gamma @ net.latent().drift(z), rtol=1e-8, atol=1e-12)
    arrays, rest = eqx.partition(net, eqx.is_array)
    jaxpr = jax.make_jaxpr(lambda a, x: eqx.combine(a, rest).neural().drift(x))(arrays, x)
    assert max(v.aval.size for e in jaxpr.eqns for v in e.outvars) <= K * n


def test_one_network_in_both_precisions():
    """What JAX makes of a NumPy array in one precision must not come up in the other."""
    net = make(noise_readout=True)
    as_argument = eqx.filter_jit(lambda net, z: net.latent().drift(z))
    kept = []
    for x64 in (False, True, False, True):
        with jax.enable_x64(x64):
            z = jnp.array([0.1, 0.2])
            kept.append(jax.jit(lambda z: net.latent().drift(z)))
            values = [net.latent().drift(z), as_argument(net, z), kept[0](z), kept[-1](z)]
            values += [net.project(net.lift(z)), net.neural().diffusion(net.lift(z))]
            assert all(value.dtype == z.dtype for value in values)


def good():
    return {"gamma": np.eye(3, 2), "readout": np.ones((2, 3)), "bias": np.zeros(3)}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"gamma": np.ones(3)}, r"gamma must have shape .n, k., got \(3,\)"),
        ({"gamma": np.ones((3, 2))}, "gamma must have independent columns"),
        ({"gamma": np.full((3, 2), np.nan)}, "gamma must be finite"),
        ({"readout": np.ones((3, 2))}, r"readout must have shape \(2, 3\), got \(3, 2\)"),
        ({"readout": np.full((2, 3), np.inf)}, "readout must be finite"),
        ({"bias": np.zeros(2)}, r"bias must have shape \(3,\), got \(2,\)"),
        ({"tau": 0.0}, r"tau must be a positive number, got 0\.0"),
        ({"tau": np.nan}, "tau must be a positive number, got nan"),
        ({"private_noise": -0.1}, r"private_noise must not be negative, got -0\.1"),
        ({"private_noise": np.inf}, "private_noise must be finite, got inf"),
        ({"activation": "tahn"}, "no activation 'tahn'; did you mean 'tanh'"),
        (
            {"shared_noise": np.ones((3, 2))},
            "shared_noise must .* shape .2, m., got .3, 2.",
        ),
        (
            {"shared_noise": np.ones(2)},
            "shared_noise must .* shape .2, m., got .2,.",
        ),
        ({"shared_noise": np.nan}, "shared_noise must be finite"),
        (
            {"shared_noise": dm.SharedNoise(np.ones((2, 1)), np.ones((2, 2, 3)))},
            r"shared_noise.readout must have shape \(2, 1, 3\), got \(2, 2, 3\)",
        ),
        (
            {"start": [1.0]},
            r"start must have shape \(2,\) or \(A, 2\), got \(1,\)",
        ),
        ({"start": np.ones((2, 3))}, r"start must have shape .* got \(2, 3\)"),
        ({"start": np.ones((0, 2))}, r"start must have shape .* got \(0, 2\)"),
        ({"start": 1.0}, r"start must have shape .* got \(\)"),
        ({"start": [1.0, np.nan]}, r"start must be finite, got \[1\.0, nan\]"),
        ({"start": "origin"}, "start must be numbers of shape .*, got 'origin'"),
        (
            {"gamma": np.eye(1, 2), "readout": np.ones((2, 1)), "bias": np.zeros(1)},
            "a network of 1 neurons cannot carry 2 latent dimensions",
        ),
    ],
)
def test_bad_input(change, sentence):
    dm.Network(**good())
    with pytest.raises(dm.InputError, match=sentence):
        dm.Network(**(good() | change))
