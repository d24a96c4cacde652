"""What is simulated: closed forms for SDEs and networks, one noise path for all their forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import driftmatch as dm

KEY = jax.random.key(0)


def network(n=40, k=2, seed=0, private_noise=0.0, readout_noise=True, **options):
    rng = np.random.default_rng(seed)
    noise = dm.SharedNoise(
        0.3 * rng.normal(size=(k, 3)),
        0.2 * rng.normal(size=(k, 3, n)) / n**0.5 if readout_noise else None,
    )
    return dm.Network(
        rng.normal(size=(n, k)),
        rng.normal(size=(k, n)) / n**0.5,
        rng.normal(size=n),
        tau=0.7,
        shared_noise=noise,
        private_noise=private_noise,
        start=rng.normal(size=k),
        **options,
    )


def off_subspace(net, x):
    return x - np.asarray(net.lift(net.project(x)))


def test_stationary_covariance_of_a_linear_system():
    B = np.array([[1.0, -2.0], [1.0, 0.8]])
    sigma = np.array([[0.5, 0.2, 0.0], [0.0, 0.3, 0.6]])
    M = 4000
    sde = dm.SDE(lambda z: -jnp.asarray(B, z.dtype) @ z, sigma, dim=2)
    run = dm.simulate(
        sde, duration=8.0, dt=0.02, key=KEY, num_trajectories=M, save_every=400, method="heun"
    )
    found = np.cov(run.states[:, -1].T)

    def deviation(sigma):
        """The largest z-score of the covariances of M independent states."""
        S = scipy.linalg.solve_continuous_lyapunov(B, sigma @ sigma.T)
        standard_error = np.sqrt((np.outer(np.diag(S), np.diag(S)) + S**2) / M)
        return np.max(abs(found - S) / standard_error)

    assert deviation(sigma) < 4.5  # three numbers: error rate 2e-5
    assert deviation(1.1 * sigma) > 4.5  # the negative twin: noise 10 % stronger


@pytest.mark.parametrize(
    ("solver", "gain", "noise_gain"), [("euler-maruyama", 0.5, 1.0), ("heun", 0.625, 0.75)]
)
def test_stationary_variance_at_a_large_step(solver, gain, noise_gain):
    """dz = −z dt + dB at dt = ½ is z' = gain z + noise_gain dB, whose variance is known."""
    expected = 0.5 * noise_gain**2 / (1 - gain**2)  # weak order 1: not ½
    sde, M = dm.SDE(lambda z: -z, 1.0, dim=1), 40_000
    run = dm.simulate(
        sde, duration=10.0, dt=0.5, key=KEY, num_trajectories=M, save_every=20, method=solver
    )
    variance = run.states[:, -1].var()
    standard_error = expected * np.sqrt(2 / M)
    assert abs(variance - expected) < 4.5 * standard_error  # error rate 7e-6
    assert abs(variance - 0.5) > 4.5 * standard_error


@pytest.mark.parametrize("solver", ["euler-maruyama", "heun"])
def test_forcing_is_added_at_the_right_times(solver):
    with jax.enable_x64(True):
        sde = dm.SDE(jnp.zeros_like, 0.0, dim=1)
        run = dm.simulate(
            sde,
            duration=3.0,
            dt=0.1,
            key=KEY,
            input=lambda t: jnp.cos(t)[None],
            method=solver,
        )
    t = np.arange(30) * 0.1
    rate = np.cos(t) if solver == "euler-maruyama" else (np.cos(t) + np.cos(t + 0.1)) / 2
    assert np.allclose(run.times, np.append(t, 3.0))
    assert np.allclose(run.states[0, 1:, 0], np.cumsum(rate * 0.1), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("solver", ["euler-maruyama", "heun"])
def test_latent_and_neural_runs_agree_to_rounding(solver):
    net = network()
    M, k, n = 3, net.latent_dim, net.num_neurons

    def u(t):
        return jnp.stack([jnp.sin(t), 0.3 * t])

    def current(t):
        return net.gamma @ u(t)

    def run(system, start, input, key=KEY):
        return dm.simulate(
            system,
            duration=2.0,
            dt=0.01,
            key=key,
            num_trajectories=M,
            start=start,
            input=input,
            method=solver,
        )

    with jax.enable_x64(True):
        z = np.random.default_rng(1).normal(size=(M, k))
        x = np.asarray(net.lift(z))
        latent = run(net, z, u)
        neural = run(net, x, current)
        assert latent.latent.shape == (M, 201, k)
        assert neural.neurons.shape == latent.neurons.shape == (M, 201, n)
        assert np.max(abs(neural.latent - latent.latent)) < 1e-10
        assert np.max(abs(neural.neurons - latent.neurons)) < 1e-10
        sde = run(net.neural(input=u), x, None)
        assert np.max(abs(sde.states - neural.neurons)) < 1e-10
        # The negative twin: another key is another path.
        assert np.max(abs(run(net, z, u, jax.random.key(1)).latent - latent.latent)) > 0.1


def test_a_latent_input_is_divided_by_tau():
    net = dm.Network(np.eye(3, 1), np.zeros((1, 3)), np.zeros(3), tau=2.0)
    run = dm.simulate(net, duration=40.0, dt=0.1, key=KEY, input=lambda t: jnp.ones(1), start=[0.0])
    # τ dz = (−z + 1) dt
    assert np.allclose(run.latent[0, :, 0], 1 - np.exp(-run.times / 2), atol=1e-3)


def test_private_noise_alone_makes_neurons_fluctuate_by_s():
    n, M, s = 500, 8, 0.3
    bias = np.linspace(-1, 1, n)
    net = dm.Network(np.eye(n, 2), np.zeros((2, n)), bias, tau=2.0, private_noise=s)
    run = dm.simulate(net, duration=20.0, dt=0.05, key=KEY, num_trajectories=M, save_every=400)
    variance = np.mean((run.neurons[:, -1] - bias) ** 2)  # of 4000 independent neurons

    def deviation(s):
        return abs(variance - s**2) / (s**2 * np.sqrt(2 / (n * M)))

    assert deviation(s) < 4.5  # error rate 7e-6
    assert deviation(1.1 * s) > 4.5
    assert np.allclose(run.latent, net.project(run.neurons), atol=1e-5)


def test_private_noise_comes_on_top_of_the_same_shared_path():
    options = {"readout_noise": False}
    quiet, noisy = network(**options), network(private_noise=1e-4, **options)

    def run(net, key):
        return dm.simulate(net, duration=2.0, dt=0.01, key=key, num_trajectories=3).latent

    path = run(quiet, KEY)
    assert np.max(abs(run(noisy, KEY) - path)) < 1e-3
    assert np.max(abs(run(noisy, jax.random.key(1)) - path)) > 0.1  # the negative twin


def test_what_is_off_the_subspace_decays():
    net = network()
    start = np.random.default_rng(2).normal(size=net.num_neurons)
    with jax.enable_x64(True):
        run = dm.simulate(net, duration=3.0, dt=0.01, key=KEY, start=start)
        off = off_subspace(net, run.neurons[0])
    expected = np.exp(-run.times / net.tau)[:, None] * off_subspace(net, start)
    assert np.max(abs(expected[0])) > 0.5
    assert np.allclose(off, expected, atol=2e-4 * np.max(abs(start)))


def test_as_many_neurons_as_latent_dimensions():
    net = network(n=2, private_noise=0.1)
    run = dm.simulate(net, duration=0.1, dt=0.1, key=KEY)
    assert np.allclose(run.latent[0, 0], net.start, atol=1e-5)
    assert np.allclose(run.neurons[0, 0], net.lift(net.start), atol=1e-5)


def test_default_starts():
    sde = dm.SDE(lambda z: -z, 0.1, dim=2, start=[3.0, -5.0])

    def starts(system, **options):
        return dm.simulate(system, duration=0.1, dt=0.1, key=KEY, **options).states[:, 0]

    assert np.array_equal(starts(sde), [[3.0, -5.0]])
    assert np.array_equal(starts(dm.SDE(lambda z: -z, 0.1, dim=2)), [[0.0, 0.0]])
    assert np.array_equal(starts(sde, num_trajectories=3), [[3.0, -5.0]] * 3)  # noise parts them
    quiet = dm.SDE(lambda z: -z, 0.0, dim=2, start=[3.0, -5.0])
    assert np.array_equal(starts(quiet), [[3.0, -5.0]])
    many = starts(quiet, num_trajectories=4000)
    spread = (many - [3.0, -5.0]) / [0.03, 0.05]  # what a hundredth of a time unit's drift does
    assert np.all(abs(spread.std(axis=0) - 1) < 4.5 / np.sqrt(2 * 4000))
    assert np.array_equal(starts(sde, num_trajectories=2, start=[1.0, 2.0]), [[1.0, 2.0]] * 2)
    net = network()
    assert np.allclose(starts(net)[0], net.start)


def test_several_default_starts_are_taken_in_turn():
    places = np.array([[3.0, -5.0], [40.0, 7.0], [0.0, 0.0]])
    sde = dm.SDE(lambda z: -z, 0.0, dim=2, start=places)
    loud = dm.SDE(lambda z: -z, 0.1, dim=2, start=places)
    net = dm.Network(np.eye(6, 2), np.zeros((2, 6)), np.zeros(6), start=places)
    noisy = dm.Network(np.eye(6, 2), np.zeros((2, 6)), np.zeros(6), start=places, private_noise=0.1)
    for system in (sde, loud, net, noisy):

        def starts(number, system=system):
            run = dm.simulate(system, duration=0.1, dt=0.1, key=KEY, num_trajectories=number)
            return run.states[:, 0]

        assert system is noisy or np.allclose(starts(1), places[:1])
        many, given = starts(8), places[np.arange(8) % 3]
        if system is loud:  # noise parts them
            assert np.allclose(many, given, rtol=1e-6)
            continue
        moves = given.any(axis=1)  # at 0 the drift leads nowhere
        apart = np.abs(many - given)[moves] / (0.01 * np.abs(given[moves]))
        assert 0 < apart.min() < apart.max() < 4.5  # 12 normal numbers: error rate 1e-4
        assert system is noisy or np.array_equal(many[~moves], given[~moves])


def test_keys_of_both_kinds_agree():
    sde = dm.SDE(lambda z: -z, 0.1, dim=2)
    runs = [
        dm.simulate(sde, duration=1.0, dt=0.1, key=key).states
        for key in (jax.random.key(5), jax.random.PRNGKey(5))
    ]
    assert np.array_equal(runs[0], runs[1])


GOOD = {"duration": 1.0, "dt": 0.1, "key": KEY}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"duration": -1.0}, "duration must be a positive number"),
        ({"duration": float("inf")}, "duration must be a positive number"),
        ({"duration": 1e12}, "split the run"),
        ({"dt": 0.0}, "dt must be a positive number"),
        ({"dt": float("nan")}, "dt must be a positive number"),
        ({"dt": 2.0}, "dt must not exceed the duration"),
        ({"num_trajectories": 0}, "num_trajectories must be a whole number"),
        ({"save_every": 0}, "save_every must be a whole number"),
        ({"save_every": 11}, "save_every must not exceed the 10 steps"),
        ({"start": np.zeros(3)}, r"start must have shape \(2,\)"),
        ({"start": np.zeros((4, 2))}, "num_trajectories"),
        ({"start": np.array([0.0, np.nan])}, "start must be finite"),
        ({"input": lambda t: jnp.zeros(3)}, r"input must return shape \(2,\), got \(3,\)"),
        ({"input": lambda t: np.sin(t)}, "jax.numpy"),
        ({"method": "huen"}, "did you mean 'heun'"),
    ],
)
def test_bad_input_of_the_right_type(bad, words):
    with pytest.raises(dm.InputError, match=words):
        dm.simulate(dm.SDE(lambda z: -z, 0.1, dim=2), **(GOOD | bad))


def unchecked(function):
    """`function` as users call it: a run-time type checker, if there is one, comes before it."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"duration": "1"}, "duration must be a positive number"),
        ({"dt": None}, "dt must be a positive number"),
        ({"key": None}, "key must be one random key"),
        ({"key": jax.random.split(KEY, 3)}, "key must be one random key"),
        ({"key": 0}, r"got 0: pass jax.random.key\(0\)"),
        ({"num_trajectories": 2.0}, "num_trajectories must be a whole number"),
        ({"save_every": True}, "save_every must be a whole number"),
        ({"start": "origin"}, "start must be numbers, got 'origin'"),
        ({"input": np.ones(2)}, "for a constant one pass lambda t: value"),
        ({"method": 3}, "method must be one of euler-maruyama, heun or a Diffrax solver"),
        ({"system": lambda z: -z}, r"functions become one by driftmatch.SDE"),
    ],
)
def test_bad_input_of_the_wrong_type(bad, words):
    good = {"system": dm.SDE(lambda z: -z, 0.1, dim=2)} | GOOD
    with pytest.raises(dm.InputError, match=words):
        unchecked(dm.simulate)(**(good | bad))


def test_bad_input_for_a_network():
    net = network()
    with pytest.raises(dm.InputError, match=r"\(2,\) or \(1, 2\) or \(40,\) or \(1, 40\)"):
        dm.simulate(net, start=np.zeros(3), **GOOD)
    with pytest.raises(dm.InputError, match=r"input must return shape \(2,\) or \(40,\)"):
        dm.simulate(net, input=lambda t: jnp.zeros(3), **GOOD)


def test_a_step_beyond_twice_tau_is_refused():
    network = dm.Network(np.eye(3, 1), np.ones((1, 3)), np.zeros(3), tau=0.1, shared_noise=0.1)
    options = {"duration": 10.0, "key": jax.random.key(0)}
    with pytest.raises(dm.InputError, match=r"too large for a network with tau = 0\.1"):
        dm.simulate(network, dt=0.2, **options)
    with pytest.raises(dm.InputError, match=r"below 0\.2"):
        dm.simulate(network.neural(), dt=0.3, **options)
    assert dm.simulate(network, dt=0.15, **options).outcome.ok
