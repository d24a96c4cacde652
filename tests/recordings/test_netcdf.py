"""NetCDF files and Zarr folders of others: nothing that they name is run or opened."""

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest
import xarray as xr
from files import DATASET, X

import driftmatch as dm

T = DATASET["time"].values


def test_scaled_numbers_and_units_of_time(tmp_path):
    data = DATASET.fillna(0)
    data["time"].attrs["units"] = "ms"
    encoding = {"V": {"dtype": "i2", "scale_factor": 1e-3, "add_offset": 1.0, "_FillValue": -9}}
    data.to_netcdf(path := tmp_path / "a.nc", engine="h5netcdf", encoding=encoding)
    recording = dm.read_recording(path)
    np.testing.assert_allclose(recording.states, data.to_array().T, atol=1e-3)
    np.testing.assert_array_equal(recording.times, T)


def test_dates(tmp_path):
    dates = np.datetime64("2026-01-01", "ns") + (1e9 * T).astype("m8[ns]")
    DATASET.assign_coords(time=dates).to_netcdf(path := tmp_path / "a.nc", engine="h5netcdf")
    np.testing.assert_allclose(dm.read_recording(path).times, T, atol=1e-8)


def test_other_files_are_not_opened(tmp_path):
    DATASET.to_netcdf(path := tmp_path / "a.nc", engine="h5netcdf")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.ones(300)
    with h5py.File(path, "a") as file:
        file["x"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "x")
    with pytest.raises(dm.InputError, match=r"x lies in another file"):
        dm.read_recording(path)


def test_virtual_arrays_are_not_opened(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.ones(300)
    layout = h5py.VirtualLayout((300,), float)
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (300,))
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file.create_virtual_dataset("x", layout)
    with pytest.raises(dm.InputError, match=r"x lies in another file"):
        dm.read_recording(tmp_path / "a.nc", dt=1)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_variables_of_zarr_come_by_name(zarr_format, tmp_path):
    pytest.importorskip("zarr")
    data = xr.Dataset({n: ("time", X[:, 0]) for n in "qbza"}, {"time": T})
    data.to_zarr(path := tmp_path / "a.zarr", zarr_format=zarr_format)
    assert dm.read_recording(path).coordinates == tuple("abqz")


def change(path, old, new):
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new))


@pytest.mark.parametrize("place", ["compressor", "filters"])
def test_codecs_that_run_code_are_refused(place, tmp_path):
    pytest.importorskip("zarr")
    DATASET.to_zarr(path := tmp_path / "a.zarr", zarr_format=2, consolidated=False)
    meta = json.loads((path / "V" / ".zarray").read_text())
    meta[place] = {"id": "pickle"} if place == "compressor" else [{"id": "pickle"}]
    (path / "V" / ".zarray").write_text(json.dumps(meta))
    with pytest.raises(dm.InputError, match=r"a.zarr is compressed by 'pickle', which could run"):
        dm.read_recording(path)


def test_codecs_within_codecs_are_seen(tmp_path):
    pytest.importorskip("zarr")
    DATASET.to_zarr(path := tmp_path / "a.zarr", zarr_format=3, consolidated=False)
    change(path / "V" / "zarr.json", '"zstd"', '"numcodecs.pickle"')
    with pytest.raises(dm.InputError, match=r"compressed by 'numcodecs\.pickle'"):
        dm.read_recording(path)
    meta = json.loads((path / "w" / "zarr.json").read_text())
    inside = {"codecs": [{"name": "mine"}], "index_codecs": [{"name": "bytes"}]}
    meta["codecs"] = [{"name": "sharding_indexed", "configuration": inside}]
    (path / "V" / "zarr.json").write_text(json.dumps(meta))
    with pytest.raises(dm.InputError, match=r"compressed by 'mine'"):
        dm.read_recording(path)


def test_what_is_no_zarr_folder_is_refused(tmp_path):
    pytest.importorskip("zarr")
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "b.zarr").touch()
    for name in ("a.zarr", "b.zarr"):
        with pytest.raises(dm.InputError, match=f"{name} cannot be read"):
            dm.read_recording(tmp_path / name)


def test_reading_loads_no_more_than_it_needs():
    """Of the slow packages: those of the file alone."""
    code = (
        "import driftmatch as dm, sys; dm.Recording; dm.read_recording;"
        "print([m for m in ('pandas', 'xarray', 'pyarrow', 'zarr', 'h5py') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
