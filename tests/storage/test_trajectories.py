import errno
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory
from driftmatch.storage.headers import new_header
from driftmatch.storage.runs import check_run
from driftmatch.storage.trajectories import load_trajectory, read_dataset, save_trajectory

RNG = np.random.default_rng(0)
NET = dm.Network(RNG.normal(size=(7, 2)), RNG.normal(size=(2, 7)), RNG.normal(size=7), name="fern")
TIMES = 0.1 * np.arange(50)
SUFFIXES = pytest.mark.parametrize("suffix", [".nc", ".zarr"])


def of_network(stored_neurons=None):
    latent = RNG.normal(size=(3, 50, 2)).astype(np.float32)
    return NetworkTrajectory(TIMES, latent, dm.Outcome.SUCCESS, NET, 0.05, None, stored_neurons)


def of_sde(dtype=np.float64, reason=None):
    states = RNG.normal(size=(3, 50, 2)).astype(dtype)
    return Trajectory(TIMES, states, dm.Outcome.SUCCESS, "vine", 0.05, reason)


@SUFFIXES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_sde_comes_back_bit_for_bit(tmp_path, suffix, dtype):
    path, run = tmp_path / f"run{suffix}", of_sde(dtype, reason="it was late")
    save_trajectory(path, run)
    again = read_dataset(path)
    assert again.states.dims == ("trajectory", "time", "component")
    assert again.states.dtype == dtype
    assert np.array_equal(again.states, run.states)
    assert np.array_equal(again.time, run.times)
    assert again.attrs["name"] == "vine"
    assert again.attrs["dt"] == 0.05
    assert again.attrs["outcome"] == "success"
    assert again.attrs["reason"] == "it was late"
    assert again.attrs["driftmatch_version"] == dm.__version__
    assert list(tmp_path.iterdir()) == [path]


@SUFFIXES
@pytest.mark.parametrize("stored", [None, RNG.normal(size=(3, 50, 7)).astype(np.float32)])
def test_a_network_comes_back_bit_for_bit(tmp_path, suffix, stored):
    path, run = tmp_path / f"run{suffix}", of_network(stored)
    save_trajectory(path, run)
    assert set(read_dataset(path).data_vars) == {"latent"}
    save_trajectory(path, run, neurons=True)  # over the other one
    again = read_dataset(path)
    assert np.array_equal(again.latent, run.latent)
    assert again.neurons.dims == ("trajectory", "time", "neuron")
    assert np.array_equal(again.neurons, run.neurons)
    assert again.attrs["name"] == "fern"


def test_truncated_anywhere(tmp_path):
    path = tmp_path / "run.nc"
    save_trajectory(path, of_sde())
    whole = path.read_bytes()
    for length in (0, 1, 8, 100, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(dm.InputError, match=r"truncated or not a \.nc file"):
            read_dataset(path)


@SUFFIXES
def test_not_a_trajectory(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    with pytest.raises(dm.InputError, match="there is no file"):
        read_dataset(path)
    path.write_bytes(b"hello" * 100)
    with pytest.raises(dm.InputError, match=f"truncated or not a {suffix} file"):
        read_dataset(path)


@SUFFIXES
def test_files_of_others_and_of_newer_versions(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    save_trajectory(path, of_sde())
    dataset = read_dataset(path)
    for attributes, words in (
        ({}, "is not a trajectory of driftmatch"),
        (dataset.attrs | {"format_version": 3}, "in format 3.*upgrade driftmatch"),
    ):
        other = tmp_path / f"{len(attributes)}{suffix}"
        changed = dataset.assign_attrs()
        changed.attrs = attributes
        if suffix == ".nc":
            changed.to_netcdf(other, engine="h5netcdf")
        else:
            changed.to_zarr(other, consolidated=False)
        with pytest.raises(dm.InputError, match=words):
            read_dataset(other)


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(dm.InputError, match=r"\.nc files \(NetCDF\) or \.zarr folders"):
        save_trajectory(tmp_path / "run.csv", of_sde())
    with pytest.raises(dm.InputError, match="vine has no neurons"):
        save_trajectory(tmp_path / "run.nc", of_sde(), neurons=True)
    assert not list(tmp_path.iterdir())


def test_interrupted(tmp_path, monkeypatch):
    path, run = tmp_path / "run.nc", of_sde()
    save_trajectory(path, run)

    def write_bytes(self, content):
        self.open("wb").write(content[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(KeyboardInterrupt):
        save_trajectory(path, of_sde())
    assert np.array_equal(read_dataset(path).states, run.states)
    assert list(tmp_path.iterdir()) == [path]


FULL_DISK = """
import resource, sys
import numpy as np
import driftmatch as dm
from driftmatch.simulation.trajectory import Trajectory
from driftmatch.storage.trajectories import save_trajectory

run = Trajectory(np.arange(9e3), np.random.rand(1, 9000, 2), dm.Outcome.SUCCESS, "vine", 0.05)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
for path in sys.argv[1:]:
    try:
        save_trajectory(path, run)
    except dm.ComputationError as error:
        print(error)
"""


def test_no_room(tmp_path):
    """In a process that may not write large files: a library that fails badly there ends it."""
    pytest.importorskip("resource")
    paths = [tmp_path / "run.nc", tmp_path / "run.zarr"]
    for path in paths:
        save_trajectory(path, of_sde())
    before = [read_dataset(path) for path in paths]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *map(str, paths)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(dm.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.lower().count(os.strerror(errno.EFBIG).lower()) == 2
    for path, dataset in zip(paths, before, strict=True):
        assert read_dataset(path).identical(dataset)
    assert sorted(tmp_path.iterdir()) == sorted(paths)


@SUFFIXES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loaded_run_is_the_run(tmp_path, suffix, dtype):
    path, run = tmp_path / f"run{suffix}", of_sde(dtype, reason="it was late")
    save_trajectory(path, run)
    assert load_trajectory(path) == run
    assert load_trajectory(path) != of_sde(dtype, reason="it was late")


@SUFFIXES
def test_a_networks_run_comes_back_with_its_neurons(tmp_path, suffix):
    path, run = tmp_path / f"run{suffix}", of_network()
    save_trajectory(path, run, neurons=True)
    again = load_trajectory(path)
    np.testing.assert_array_equal(again.states, run.latent)
    np.testing.assert_array_equal(again.neurons, run.neurons)
    assert again.is_network
    save_trajectory(path, again, neurons=True)
    assert load_trajectory(path) == again
    save_trajectory(path, again)
    assert load_trajectory(path).neurons is None


def test_what_takes_a_run_takes_a_loaded_one(tmp_path):
    """The same numbers, and the same picture, as from the run itself."""
    ou = dm.systems.ornstein_uhlenbeck()
    run = dm.simulate(ou, duration=200.0, dt=0.05, key=jax.random.key(0), num_trajectories=4)
    save_trajectory(tmp_path / "run.nc", run)
    again = load_trajectory(tmp_path / "run.nc")
    arrows = [dm.irreversibility(ou, method="path", trajectory=r) for r in (run, again)]
    assert arrows[0].entropy_production == arrows[1].entropy_production > 0
    regions = [[-0.5, 0.0], [0.5, 0.0]]
    assert dm.memory.dwell(run, regions) == dm.memory.dwell(again, regions)
    pictures = [dm.figures.attractor(r)._repr_png_() for r in (run, again)]
    assert pictures[0] == pictures[1]


def test_a_recording_of_neurons_is_found_in_the_file(tmp_path):
    run = dm.simulate(NET, duration=50.0, dt=0.1, key=jax.random.key(0), start=[2.0, -1.0])
    save_trajectory(tmp_path / "run.nc", run, neurons=True)
    again = load_trajectory(tmp_path / "run.nc")
    found = [dm.subspace(r, num_components=2).align(NET, r) for r in (run, again)]
    np.testing.assert_array_equal(found[0].principal_angles, found[1].principal_angles)
    assert found[1].principal_angles.max() < 1e-4


def test_as_a_dataset():
    run = of_network()
    dataset = run.to_xarray(neurons=True)
    assert dataset.latent.dims == ("trajectory", "time", "component")
    assert dataset.neurons.dims == ("trajectory", "time", "neuron")
    np.testing.assert_array_equal(dataset.time, run.times)
    assert dataset.attrs == {"name": "fern", "dt": 0.05, "outcome": "success"}
    assert set(of_sde(reason="it was late").to_xarray().attrs) == {
        "name",
        "dt",
        "outcome",
        "reason",
    }


def test_a_loaded_run_of_a_network_is_drawn_as_one(tmp_path):
    """In the colour of networks; and a figure of neurons says what it lacks."""
    run = of_network()
    save_trajectory(tmp_path / "run.nc", run)
    again = load_trajectory(tmp_path / "run.nc")
    colors = [dm.figures.attractor(r, sde=NET).lines[0].get_color() for r in (run, again)]
    target = dm.figures.attractor(of_sde(), sde=NET).lines[0].get_color()
    assert colors[0] == colors[1] != target
    with pytest.raises(dm.InputError, match="from a file, which holds no network"):
        dm.figures.neuron_traces(again)


NAMES = {"coordinates": ("V", "w, slow"), "units": ("mV", "")}


@SUFFIXES
@pytest.mark.parametrize("given", [NAMES, {"units": ("mV", "ms")}, {"coordinates": ("a", "b")}])
def test_names_and_units_of_coordinates_come_back(tmp_path, suffix, given):
    states = RNG.normal(size=(3, 50, 2))
    run = Trajectory(TIMES, states, dm.Outcome.SUCCESS, "vine", 0.05, **given)
    again = save_and_load(tmp_path / f"run{suffix}", run)
    assert again == run
    dataset = again.to_xarray()
    for words, name in (("coordinates", "component"), ("units", "unit")):
        if words in given:
            assert tuple(dataset[name].values) == given[words]
            assert dataset[name].dims == ("component",)
        else:
            assert name not in dataset.coords
    if given is NAMES:
        np.testing.assert_array_equal(dataset.states.sel(component="V"), states[..., 0])


def save_and_load(path, run):
    save_trajectory(path, run)
    return load_trajectory(path)


def test_a_networks_run_knows_its_names_in_a_file(tmp_path):
    net = dm.Network(NET.gamma, NET.readout, NET.bias, **NAMES)
    latent = RNG.normal(size=(3, 50, 2))
    run = NetworkTrajectory(TIMES, latent, dm.Outcome.SUCCESS, net, 0.05)
    again = save_and_load(tmp_path / "run.nc", run)
    assert (again.coordinates, again.units) == (run.coordinates, run.units) == tuple(NAMES.values())


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("component", "V, w", "is not JSON"),
        ("component", '["V"]', "coordinates must be a list of 2 names"),
        ("component", '["V", "V"]', "2 different names"),
        ("unit", '["mV", 3]', "units must be words"),
        ("unit", 3, "its units are no text"),
        ("unit", "1, \"a\": 2", "units must be words"),
    ],
)  # fmt: skip
def test_names_in_a_file_are_checked(attribute, value, reason):
    dataset = of_sde().to_xarray()
    attributes = new_header("Trajectory") | dataset.attrs | {attribute: value}
    with pytest.raises((dm.InputError, ValueError), match=reason):
        check_run(dataset, attributes)
