"""A trajectory that is not as it was written, or is none, is refused."""

import json
import shutil

import numpy as np
import pytest

import driftmatch as dm
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory
from driftmatch.storage.trajectories import read_dataset

xr = pytest.importorskip("xarray")

RNG = np.random.default_rng(0)
NET = dm.Network(RNG.normal(size=(7, 2)), RNG.normal(size=(2, 7)), RNG.normal(size=7), name="fern")
STATES = RNG.normal(size=(2, 30, 2)).astype(np.float32)
RUN = Trajectory(0.1 * np.arange(30), STATES, dm.Outcome.SUCCESS, "vine", 0.1)
SUFFIXES = pytest.mark.parametrize("suffix", [".nc", ".zarr"])


def write(path, dataset):
    """A dataset as others would write it."""
    if path.suffix == ".nc":
        dataset.to_netcdf(path, engine="h5netcdf")
    else:
        dataset.to_zarr(path, consolidated=False)


def first_format(suffix, tmp_path):
    """A dataset as the first format had it, without a checksum."""
    path = tmp_path / f"whole{suffix}"
    dm.save_trajectory(path, RUN)
    dataset = read_dataset(path)
    dataset.attrs.pop("sha256", None)
    dataset.attrs["format_version"] = 1
    for name in dataset.variables:
        dataset[name].encoding = {"_FillValue": None}
    return dataset


def refused(path):
    with pytest.raises(dm.InputError) as error:
        read_dataset(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def is_refused(path, before):
    """Whether a file is refused, in one line, which it must be unless it holds the same."""
    try:
        run = read_dataset(path)
    except dm.InputError as error:
        return "\n" not in str(error)
    assert run.identical(before)
    return False


@SUFFIXES
def test_the_first_format_is_read(tmp_path, suffix):
    write(tmp_path / f"old{suffix}", first_format(suffix, tmp_path))
    assert np.array_equal(read_dataset(tmp_path / f"old{suffix}").states, STATES)


@pytest.mark.parametrize("seed", [0, 1])
def test_of_flipped_bits_none_makes_another_run(tmp_path, seed):
    path = tmp_path / "run.nc"
    dm.save_trajectory(path, RUN)
    before, whole = read_dataset(path), path.read_bytes()
    noticed = 0
    # States are in a small part of the file: flips are from all over it, and from there.
    start = whole.index(STATES.tobytes())
    rng = np.random.default_rng(seed)
    bits = [*rng.integers(0, 8 * len(whole), 200), *rng.integers(8 * start, 8 * start + 3840, 50)]
    for bit in bits:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        noticed += is_refused(path, before)
    assert noticed > 50


def test_the_library_is_not_given_a_damaged_file(tmp_path, monkeypatch):
    """With one of these bits flipped it would never return."""
    import h5py

    path = tmp_path / "run.nc"
    dm.save_trajectory(path, RUN)
    whole = path.read_bytes()

    def opened(*_, **__):
        raise AssertionError("it was opened")

    monkeypatch.setattr(h5py, "File", opened)
    for byte in range(0, len(whole) - 100, 7):
        damaged = bytearray(whole)
        damaged[byte] ^= 64
        path.write_bytes(damaged)
        assert "does not match its checksum" in refused(path)


def test_a_file_without_its_end_is_refused(tmp_path):
    """What is left is a whole NetCDF file, of a format that always has such an end."""
    path = tmp_path / "run.nc"
    dm.save_trajectory(path, RUN)
    whole = path.read_bytes()
    start = whole.rindex(b"\ndriftmatch sha256 ")
    for end in (b"", whole[start:].replace(b"sha256", b"sha257")):
        path.write_bytes(whole[:start] + end)
        assert "its end is missing" in refused(path)
    assert xr.open_dataset(path, engine="h5netcdf").sizes["time"] == 30  # as anybody reads it


def test_nor_do_those_of_a_store(tmp_path):
    pytest.importorskip("zarr")
    path = tmp_path / "run.zarr"
    dm.save_trajectory(path, RUN)
    before, files = read_dataset(path), [f for f in path.rglob("*") if f.is_file()]
    rng, noticed = np.random.default_rng(0), 0
    for file in files * 40:
        whole = file.read_bytes()
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        file.write_bytes(damaged)
        noticed += is_refused(path, before)
        file.write_bytes(whole)
    assert noticed > 50


def test_a_missing_chunk_is_missed(tmp_path):
    path = tmp_path / "run.zarr"
    dm.save_trajectory(path, RUN)
    for name in ("states", "time"):
        (chunk,) = (f for f in (path / name / "c").rglob("*") if f.is_file())
        whole = chunk.read_bytes()
        chunk.unlink()
        assert f"chunks of {name} are missing" in refused(path)
        chunk.write_bytes(whole)
    read_dataset(path)


def test_numbers_that_were_never_computed_are_kept(tmp_path):
    """Zarr leaves out chunks of nothing but its fill value unless told otherwise."""
    path = tmp_path / "run.zarr"
    states = np.full((2, 30, 2), np.nan)
    dm.save_trajectory(path, Trajectory(RUN.times, states, RUN.outcome, "vine", 0.1))
    assert np.isnan(read_dataset(path).states).all()


def test_two_runs_mixed_are_noticed(tmp_path):
    one, two = tmp_path / "one.zarr", tmp_path / "two.zarr"
    dm.save_trajectory(one, RUN)
    dm.save_trajectory(two, Trajectory(RUN.times, 2 * STATES, RUN.outcome, "vine", 0.1))
    shutil.rmtree(one / "states")
    shutil.copytree(two / "states", one / "states")
    assert "does not match its checksum" in refused(one)


CHANGES = {
    "no states": lambda d: d.drop_vars("states"),
    "no time": lambda d: d.drop_vars("time"),
    "other name": lambda d: d.rename(states="latent"),
    "other dimensions": lambda d: d.rename(trajectory="path"),
    "other order": lambda d: d.transpose("time", "trajectory", "component"),
    "another variable": lambda d: d.assign(other=("time", np.arange(30.0))),
    "whole numbers": lambda d: d.astype(np.int32).assign_coords(time=d.time),
    "times as float32": lambda d: d.assign_coords(time=d.time.astype(np.float32)),
    "times that stand still": lambda d: d.assign_coords(time=np.zeros(30)),
    "times that go back": lambda d: d.assign_coords(time=-d.time.values),
    "times that are not finite": lambda d: d.assign_coords(time=[*range(29), np.inf]),
    "NaN times": lambda d: d.assign_coords(time=[np.nan, *range(29)]),
}
ATTRIBUTES = [
    {"outcome": "unheard of"},
    {"outcome": 3},
    {"dt": -1.0},
    {"dt": 0.0},
    {"dt": float("nan")},
    {"dt": "small"},
    {"name": 3},
    {"reason": 3},
    {"class": "Network"},
    {"class": 3},
    {"format_version": 0},
    {"format_version": "1"},
    {"format_version": 2},
    {"format_version": 99},
    {"format": "other"},
]


@SUFFIXES
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_run_is_refused(tmp_path, suffix, change):
    path = tmp_path / f"run{suffix}"
    dataset = CHANGES[change](first_format(suffix, tmp_path))
    for name in dataset.variables:
        dataset[name].encoding = {"_FillValue": None}
    write(path, dataset)
    refused(path)


@SUFFIXES
@pytest.mark.parametrize("attributes", ATTRIBUTES, ids=str)
def test_attributes_are_checked(tmp_path, suffix, attributes):
    path = tmp_path / f"run{suffix}"
    write(path, first_format(suffix, tmp_path).assign_attrs(attributes))
    refused(path)


@SUFFIXES
@pytest.mark.parametrize("name", ["class", "name", "dt", "outcome", "format_version", "format"])
def test_attributes_that_are_missing_are_missed(tmp_path, suffix, name):
    path = tmp_path / f"run{suffix}"
    dataset = first_format(suffix, tmp_path)
    del dataset.attrs[name]
    write(path, dataset)
    refused(path)


@pytest.mark.parametrize("what", [None, 3, 2.5, b"run.nc", "nul\0.nc", "", "."])
def test_what_is_no_path(what):
    with pytest.raises(dm.InputError):
        read_dataset(what)


@SUFFIXES
def test_empty_files_and_folders(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    path.touch()
    refused(path)
    path.unlink()
    path.mkdir()
    refused(path)


def test_a_store_that_names_a_decoder_is_not_even_opened(tmp_path, monkeypatch):
    """Format 2 of Zarr lets a store say that its numbers are to be unpickled, and it is up to the
    version of zarr whether they are."""
    path = tmp_path / "run.zarr"
    array = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|O", "compressor": None,
             "filters": [{"id": "pickle"}], "fill_value": 0, "order": "C"}  # fmt: skip
    (path / "states").mkdir(parents=True)
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    (path / ".zattrs").write_text('{"format": "driftmatch", "format_version": 1}')
    (path / "states" / ".zarray").write_text(json.dumps(array))
    (path / "states" / ".zattrs").write_text('{"_ARRAY_DIMENSIONS": ["time"]}')
    (path / "states" / "0").write_bytes(b"N.")

    def opened(*_, **__):
        raise AssertionError("it was opened")

    monkeypatch.setattr(xr, "load_dataset", opened)
    assert "has no zarr.json" in refused(path)


def test_a_store_with_unknown_codecs_or_links_is_refused(tmp_path):
    path = tmp_path / "run.zarr"
    dm.save_trajectory(path, RUN)
    meta = path / "states" / "zarr.json"
    text = meta.read_text()
    meta.write_text(text.replace('"zstd"', '"numcodecs.pickle"'))
    assert "codecs" in refused(path)
    meta.write_text(text)
    (chunk,) = (f for f in (path / "states" / "c").rglob("*") if f.is_file())
    chunk.rename(tmp_path / "elsewhere")
    chunk.symlink_to(tmp_path / "elsewhere")
    assert "is a link" in refused(path)


def test_a_file_that_sends_to_another_is_refused(tmp_path):
    import h5py

    path, other = tmp_path / "run.nc", tmp_path / "other.nc"
    write(path, first_format(".nc", tmp_path))
    write(other, first_format(".nc", tmp_path))
    with h5py.File(path, "r+") as file:
        del file["states"]
        file["states"] = h5py.ExternalLink(str(other), "states")
    assert "is a link" in refused(path)
    secret = tmp_path / "secret"
    secret.write_bytes(STATES.tobytes())
    with h5py.File(path, "r+") as file:
        del file["states"]
        file.create_dataset("states", STATES.shape, STATES.dtype, external=[(str(secret), 0, 480)])
    assert "lies in another file" in refused(path)


@SUFFIXES
def test_names_carry_no_control_sequences(tmp_path, suffix):
    nasty = "vine\x1b[2J\x9b\x07\r\u202eend\0"
    path = tmp_path / f"run{suffix}"
    dm.save_trajectory(path, Trajectory(RUN.times, STATES, RUN.outcome, nasty, 0.1, nasty))
    run = read_dataset(path)
    assert run.attrs["name"].isprintable()
    assert run.attrs["reason"].isprintable()
    old = first_format(suffix, tmp_path).assign_attrs(name="vine\x1b[2J")
    write(tmp_path / f"old{suffix}", old)
    assert read_dataset(tmp_path / f"old{suffix}").attrs["name"] == "vine[2J"


@SUFFIXES
def test_the_neurons_are_checked_too(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    run = NetworkTrajectory(RUN.times, STATES, RUN.outcome, NET, 0.1)
    dm.save_trajectory(path, run, neurons=True)
    assert np.array_equal(read_dataset(path).neurons, run.neurons)
