import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import driftmatch as dm
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory
from driftmatch.storage.trajectories import load_trajectory, save_trajectory

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
    again = load_trajectory(path)
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
    assert set(load_trajectory(path).data_vars) == {"latent"}
    save_trajectory(path, run, neurons=True)  # over the other one
    again = load_trajectory(path)
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
            load_trajectory(path)


@SUFFIXES
def test_not_a_trajectory(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    with pytest.raises(dm.InputError, match="there is no file"):
        load_trajectory(path)
    path.write_bytes(b"hello" * 100)
    with pytest.raises(dm.InputError, match=f"truncated or not a {suffix} file"):
        load_trajectory(path)


@SUFFIXES
def test_files_of_others_and_of_newer_versions(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    save_trajectory(path, of_sde())
    dataset = load_trajectory(path)
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
            load_trajectory(other)


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
    assert np.array_equal(load_trajectory(path).states, run.states)
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
    before = [load_trajectory(path) for path in paths]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *map(str, paths)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(dm.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.lower().count(os.strerror(errno.EFBIG).lower()) == 2
    for path, dataset in zip(paths, before, strict=True):
        assert load_trajectory(path).identical(dataset)
    assert sorted(tmp_path.iterdir()) == sorted(paths)
