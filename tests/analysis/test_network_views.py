"""A network in its latent coordinates, as neurons and driven: what each analysis takes it for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm

KEY = jax.random.key(0)
RNG = np.random.default_rng(3)
NETWORK = dm.Network(
    RNG.normal(size=(10, 2)), RNG.normal(size=(2, 10)) / 5, RNG.normal(size=10), tau=0.2,
    shared_noise=0.3,
)  # fmt: skip
NOISY = NETWORK.with_private_noise(0.3)
BOX = (-2 * np.ones(10), 2 * np.ones(10))


def push(t):
    return jnp.array([1.0, 0.0])


@pytest.mark.slow
def test_neurons_have_a_basin_and_no_eigenvalues_of_their_neurons():
    neural = NETWORK.neural()
    states = np.asarray(NETWORK.lift(RNG.normal(size=(50, 2))))
    check = dm.basins(neural, neural, states, key=KEY, num_starts=4, num_paths=4)
    assert check.num_starts == check.num_paths == 4
    found = dm.fixed_points(neural, BOX, key=KEY, num_starts=8)
    with pytest.raises(dm.InputError, match="only a network has neural eigenvalues"):
        print(found.neural_eigenvalues)
    latent = dm.fixed_points(NETWORK, (BOX[0][:2], BOX[1][:2]), key=KEY, num_starts=32)
    assert latent.neural_eigenvalues[2] == 8  # of 10, along which only the leak acts


def test_private_noise_is_refused_from_a_file_too(tmp_path):
    run = dm.simulate(NOISY, duration=40.0, dt=0.02, key=KEY, start=np.zeros(2))
    dm.save_trajectory(tmp_path / "run.nc", run, neurons=True)
    again = dm.load_trajectory(tmp_path / "run.nc")
    assert again.private_noise == 0.3
    for recording in (run, again):
        with pytest.raises(dm.InputError, match="has private noise, which its latent SDE has not"):
            dm.irreversibility(NETWORK, method="path", trajectory=recording)
    neural = NOISY.neural()
    rates = [
        dm.irreversibility(neural, method="path", trajectory=recording).entropy_production
        for recording in (run, again)
    ]
    assert rates[0] == rates[1]


@pytest.mark.slow
def test_a_target_that_is_a_network_has_no_private_noise():
    """Compared with itself, and with its noisy twin, which is the same SDE."""
    options = {"key": KEY, "duration": 20.0, "num_trajectories": 32, "num_starts": 16}
    cards = [dm.compare(target, NETWORK, **options) for target in (NETWORK, NOISY)]
    assert cards[0] == cards[1]
    assert cards[0].drift_error < 1e-12


@pytest.mark.parametrize("driven", [False, True])
def test_an_input_means_the_same_to_a_driven_network(driven):
    """u adds u/τ to the drift, whether the network is driven already or not."""
    zero = NETWORK.latent(input=lambda t: jnp.zeros(2)) if driven else NETWORK
    options = {"duration": 1.0, "dt": 0.01, "key": KEY, "start": np.zeros(2)}
    expected = dm.simulate(NETWORK, input=push, **options).states
    np.testing.assert_allclose(
        dm.simulate(zero, input=push, **options).states, expected, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        dm.simulate(NETWORK.latent(input=push), **options).states, expected, rtol=1e-5, atol=1e-6
    )
    still = dm.simulate(NETWORK, **options).states
    assert np.abs(still - expected).max() > 0.1
