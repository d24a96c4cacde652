import h5py
import jax
import numpy as np
import pytest
import scipy.linalg
import xarray
import zarr

from driftmatch.analysis.principal import PrincipalComponents
from driftmatch.analysis.subspace import subspace
from driftmatch.errors import InputError
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.recordings.recording import Recording
from driftmatch.simulation.simulate import simulate
from driftmatch.simulation.trajectory import Trajectory
from driftmatch.storage.trajectories import load_trajectory, save_trajectory


def latent_states(k, T):
    t = 0.05 * np.arange(T)[:, None]
    return np.sin(t * (1 + 0.37 * np.arange(k)) + np.arange(k))


def network_of(n, k, seed=0, **kwargs):
    rng = np.random.default_rng(seed)
    gamma, bias = rng.normal(size=(n, k)), rng.normal(size=n)
    return Network(gamma, np.zeros((k, n)), bias, **kwargs)


def recorded(network, z, noise=0.0, seed=1):
    shape = (len(z), network.num_neurons)
    return (
        z @ network.gamma.T + network.bias + noise * np.random.default_rng(seed).normal(size=shape)
    )


def turning_network(n=60):
    """dz = (−z + W_s tanh(Γz))/τ near enough to a rotation on a circle that it keeps moving."""
    rng = np.random.default_rng(3)
    gamma = rng.normal(size=(n, 2))
    turn = np.array([[2.0, -1.0], [1.0, 2.0]])
    readout = turn @ gamma.T / n
    return Network(gamma, readout, rng.normal(size=n) / 5, tau=0.5, start=[1.0, 0.0])


SHAPES = [(40, 3, 500), (3, 2, 500), (300, 5, 200)]


@pytest.mark.parametrize(("n", "k", "T"), SHAPES)
def test_without_noise_the_subspace_is_exact(n, k, T):
    """Exactly k components, the network's own subspace, and its latent states to all digits."""
    network, z = network_of(n, k), latent_states(k, T)
    x = recorded(network, z)
    found = subspace(x)
    assert found.dimension == k
    assert found.outcome is Outcome.SUCCESS
    assert np.sum(found.variance > 1e-20 * found.variance[0]) == k
    np.testing.assert_allclose(found.components.T @ found.components, np.eye(k), atol=1e-14)
    alignment = found.align(network, x, latent=z)
    assert alignment.principal_angles.max() < 1e-13
    assert alignment.error < 1e-13
    np.testing.assert_allclose(alignment.latent(x), z, atol=1e-12)
    np.testing.assert_allclose(found.project(x), x, atol=1e-12)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_simulated_network_in_single_precision(noise):
    """Without private noise z comes back within 10⁻⁶ from float32 runs; with it, it does not."""
    network = turning_network().with_private_noise(noise)
    run = simulate(
        network, duration=60.0, dt=0.02, key=jax.random.key(0), num_trajectories=3, save_every=3,
        start=np.array([[1.0, 0.0], [0.2, 0.1], [-1.0, 1.0]]),
    )  # fmt: skip
    assert run.neurons.dtype == np.float32
    found = subspace(run)
    assert found.num_samples == 3 * len(run.times)
    assert found.dimension == 2
    alignment = found.align(network, run)
    assert (alignment.error < 1e-7) == (noise == 0)
    assert (alignment.principal_angles.max() < 1e-6) == (noise == 0)


def test_weak_components_are_not_lost():
    """Standard deviations of 1, 10⁻³ and 10⁻⁷: beyond what a covariance matrix could hold."""
    network = network_of(100, 3)
    z = latent_states(3, 1000) * [1, 1e-3, 1e-7]
    x = recorded(network, z)
    found = subspace(x)
    assert found.dimension == 3
    assert found.align(network).principal_angles.max() < 1e-8
    by_covariance = np.linalg.eigh(np.cov(x.T))[1][:, -3:]
    assert scipy.linalg.subspace_angles(by_covariance, network.gamma).max() > 1e-3


def test_the_angle_shrinks_as_private_noise_does():
    """In proportion to s; the error of the latent states as s²: what is lost is noise itself."""
    network, z = network_of(80, 2), latent_states(2, 3000)
    noises = np.array([1e-3, 1e-2, 1e-1])
    found = [(x := recorded(network, z, s), subspace(x)) for s in noises]
    assert [p.dimension for _, p in found] == [2, 2, 2]
    aligned = [p.align(network, x) for x, p in found]
    angles, errors = np.array([(a.principal_angles.max(), a.error) for a in aligned]).T
    order = np.diff(np.log(angles)) / np.diff(np.log(noises))
    np.testing.assert_allclose(order, 1, atol=0.02)
    np.testing.assert_allclose(np.diff(np.log(errors)) / np.diff(np.log(noises)), 2, atol=0.05)
    # The expected angle of one direction: noise of n − k neurons over its own size.
    weakest = np.sqrt(3000 * found[0][1].variance[1])
    np.testing.assert_allclose(angles / noises, np.sqrt(80 - 2) / weakest, rtol=0.35)


def test_components_against_a_singular_value_decomposition():
    network = network_of(50, 3)
    x = recorded(network, latent_states(3, 700), 0.3)
    found = subspace(np.array_split(x, [1, 2, 3, 50, 51, 400]))
    U, sizes, V = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.variance, sizes**2 / 699, rtol=1e-12)
    np.testing.assert_allclose(found.total_variance, x.var(axis=0, ddof=1).sum(), rtol=1e-12)
    np.testing.assert_allclose(np.abs(found.components.T @ V[:3].T), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.abs(found.scores(x)), np.abs((U * sizes)[:, :3]), atol=1e-11)
    assert found.gap == pytest.approx(sizes[2] / sizes[3])


@pytest.mark.slow
def test_more_neurons_than_directions_are_kept(monkeypatch):
    """Memory of p·n: noise is left out on the way, and neither its sum nor the signal suffers."""
    assert [PrincipalComponents(n, 1).size for n in (724, 3000, 20_000)] == [724, 174, 64]
    monkeypatch.setattr("driftmatch.analysis.principal._KEPT_NUMBERS", 0)
    n, k, T = 800, 2, 500
    network = network_of(n, k)
    x = recorded(network, latent_states(k, T), 0.2).astype(np.float32)
    lasting, once = subspace(x), subspace(iter(np.array_split(x, 3)))
    _, sizes, V = np.linalg.svd(x - x.mean(axis=0, dtype=np.float64), full_matrices=False)
    for found in (lasting, once):
        assert found.dimension == k
        np.testing.assert_allclose(found.total_variance, np.sum(sizes**2) / (T - 1), rtol=1e-6)
        np.testing.assert_allclose(found.variance[:k], sizes[:k] ** 2 / (T - 1), rtol=1e-5)
        assert scipy.linalg.subspace_angles(found.components, V[:k].T).max() < 1e-4
        assert np.all(found.variance <= sizes[: len(found.variance)] ** 2 / (T - 1) * (1 + 1e-6))
    assert lasting.variance[k + 5] > once.variance[k + 5]  # weighed again


def sources(x, tmp_path):
    trials = x.reshape(4, -1, x.shape[1])
    np.save(tmp_path / "x.npy", x)
    file = h5py.File(tmp_path / "x.h5", "w")
    store = zarr.create_array(str(tmp_path / "x.zarr"), shape=x.shape, dtype=x.dtype)
    store[:] = x
    labelled = xarray.DataArray(x.T, dims=("neuron", "time"))
    return {
        "trials": trials,
        "list": x.tolist(),
        "chunks": list(trials),
        "generator": (chunk for chunk in np.array_split(x, 7)),
        "function": lambda: (chunk for chunk in np.array_split(x, 7)),
        "mapped": np.load(tmp_path / "x.npy", mmap_mode="r"),
        "hdf5": file.create_dataset("x", data=trials),
        "zarr": store,
        "xarray": labelled,
    }


def test_recordings_of_every_sort_are_one(tmp_path, monkeypatch):
    monkeypatch.setattr("driftmatch.analysis.neuron_pieces._NUMBERS", 30 * 11)  # many pieces
    network = network_of(30, 2)
    x = recorded(network, latent_states(2, 400), 0.01)
    expected = subspace(x)
    for name, source in sources(x, tmp_path).items():
        found = subspace(source)
        assert found.num_samples == 400, name
        np.testing.assert_allclose(found.variance, expected.variance, rtol=1e-9, err_msg=name)
        np.testing.assert_allclose(found.components, expected.components, atol=1e-9)


def test_runs_and_their_files(tmp_path, monkeypatch):
    monkeypatch.setattr("driftmatch.analysis.neuron_pieces._NUMBERS", 10_000)
    network = turning_network()
    run = simulate(network, duration=20.0, dt=0.05, key=jax.random.key(0), num_trajectories=2)
    expected = subspace(run.neurons)
    save_trajectory(tmp_path / "run.nc", run, neurons=True)
    for source in (run, load_trajectory(tmp_path / "run.nc")):
        np.testing.assert_allclose(subspace(source).mean, expected.mean, rtol=1e-6)
    in_neurons = Trajectory(run.times, run.neurons, run.outcome, "neurons", run.dt)
    assert subspace(in_neurons).dimension == 2
    save_trajectory(tmp_path / "latent.nc", run)
    with pytest.raises(InputError, match=r"saved without its neurons: .* neurons=True"):
        subspace(load_trajectory(tmp_path / "latent.nc"))


def test_of_a_recording_missing_samples_are_left_out(monkeypatch):
    monkeypatch.setattr("driftmatch.analysis.neuron_pieces._NUMBERS", 30 * 11)
    x = recorded(network_of(30, 2), latent_states(2, 400), 0.01)
    spoiled = x.copy()
    spoiled[[100, 101, 250], [3, 4, 5]] = np.nan
    found = subspace(Recording.of([spoiled[:200], spoiled[200:]], dt=0.1))
    expected = subspace(np.delete(x, [100, 101, 250], axis=0))
    assert found.num_samples == 397
    np.testing.assert_allclose(found.variance, expected.variance, rtol=1e-9)
    spoiled[:, 7] = np.nan
    with pytest.raises(InputError, match="no two samples in a row of cells have a number"):
        subspace(Recording.of(spoiled, dt=0.1, name="cells"))


def test_coordinates_are_a_gauge():
    """(ΓA, A⁻¹z, b + Γc) describes the same recording: the other z comes back as well."""
    network, z = network_of(40, 3), latent_states(3, 300)
    A, c = np.random.default_rng(5).normal(size=(3, 3)), np.array([1.0, -2.0, 0.5])
    other = Network(network.gamma @ A, np.zeros((3, 40)), network.bias + network.gamma @ c)
    x = recorded(network, z)
    alignment = subspace(x).align(other)
    np.testing.assert_allclose(alignment.latent(x), (z - c) @ np.linalg.inv(A).T, atol=1e-11)
    assert alignment.principal_angles.max() < 1e-13
    assert alignment.error is None


def test_another_network_is_noticed():
    x = recorded(network_of(40, 2), latent_states(2, 300))
    other = network_of(40, 2, seed=9)
    alignment = subspace(x).align(other, x, latent=latent_states(2, 300))
    assert alignment.outcome is Outcome.OTHER_SUBSPACE
    assert alignment.principal_angles.max() > 1
    assert alignment.error > 0.1
    network = network_of(40, 2)
    assert subspace(x, 1).align(network).outcome is Outcome.OTHER_SUBSPACE
    assert subspace(x, 1).align(network).principal_angles.shape == (1,)
    assert subspace(x, 2).align(network).outcome is Outcome.SUCCESS


@pytest.mark.parametrize("scales", [(1, 1, 1), (30, 1, 0.8)])
def test_the_last_gap_counts(scales):
    """A component much stronger than the others does not hide them."""
    x = recorded(network_of(60, 3), latent_states(3, 2000) * scales, 0.05)
    assert subspace(x).dimension == 3


def test_what_cannot_be_told_is_said():
    noise = np.random.default_rng(0).normal(size=(500, 40))
    assert subspace(noise).outcome is Outcome.NO_CLEAR_GAP
    slow = np.cumsum(noise[:, :20], axis=0)  # random walks: no gap, however smooth they look
    assert subspace(slow).outcome is Outcome.NO_CLEAR_GAP
    assert subspace(noise, 3).outcome is Outcome.SUCCESS
    x = recorded(network_of(30, 3), latent_states(3, 500))
    assert subspace(x[::100], 3).outcome is Outcome.FEW_SAMPLES
    assert np.isnan(subspace(x[::100], 4).gap)


def spoiled(value=np.nan):
    x = recorded(network_of(5, 2), latent_states(2, 60)).reshape(2, 30, 5)
    x[1, 7, 3] = value
    return x


@pytest.mark.parametrize(
    ("neurons", "num_components", "message"),
    [
        (spoiled(), None, "not finite at trial 1, sample 7, neuron 3"),
        (list(spoiled(np.inf)), None, "not finite at sample 37, neuron 3"),
        (np.ones((1, 5)), None, "at least two samples, got 1"),
        ([], None, r"shape \(time, n\) or \(trials, time, n\), got \(0,\)"),
        (iter([]), None, "at least two samples, got 0"),
        (np.zeros((0, 5)), None, r"got \(0, 5\)"),
        (np.ones(5), None, r"got \(5,\)"),
        (np.full((100, 5), 0.1), None, "the recording is constant"),
        (spoiled(0.0), 6, "at most 5 components, got num_components = 6"),
        (np.eye(5)[:3], 3, "3 samples have at most 2 components"),
        (spoiled(0.0), 0, "num_components must be a whole number"),
        (
            [np.zeros((4, 5)), np.zeros((4, 6))],
            None,
            "must have 5 neurons, .* one of 6 at sample 4",
        ),
        ([np.zeros((4, 5)), np.zeros(5)], None, "a piece of a recording must have shape"),
        (lambda: 3, None, "must return its chunks, .* got int"),
        ("x.npy", None, "or chunks of shape .* got str"),
        (np.ones((4, 5)) * 1j, None, "real numbers, got complex128"),
        ([[1.0, 2.0], [3.0]], None, "neurons must be an array"),
    ],
)
def test_bad_recordings(neurons, num_components, message):
    with pytest.raises(InputError, match=message):
        subspace(neurons, num_components)


def test_bad_alignments():
    x = recorded(network_of(20, 2), latent_states(2, 60))
    found = subspace(x)
    with pytest.raises(InputError, match="20 neurons and the network 30"):
        found.align(network_of(30, 2))
    with pytest.raises(InputError, match="align needs a Network"):
        found.align(network_of(20, 2).neural())  # pyright: ignore
    with pytest.raises(InputError, match="pass neurons"):
        found.align(network_of(20, 2), latent=np.zeros((60, 2)))
    with pytest.raises(InputError, match=r"shape \(60, 2\), as recovered, got \(5, 2\)"):
        found.align(network_of(20, 2), x, latent=np.zeros((5, 2)))
    with pytest.raises(InputError, match=r"x must have shape \(\.\.\., 20\)"):
        found.scores(np.zeros(21))
