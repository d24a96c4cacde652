"""One table in every form that is read."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

RNG = np.random.default_rng(0)
T = 0.01 * np.arange(300)
X = RNG.normal(size=(300, 2))
X[7, 1] = np.nan
FRAME = pd.DataFrame({"t [s]": T, "V [mV]": X[:, 0], "w": X[:, 1]})
DATASET = xr.Dataset(
    {"V": ("time", X[:, 0], {"units": "mV"}), "w": ("time", X[:, 1])}, {"time": ("time", T)}
)
COMMENTED = {"header": "measured today\nt V w", "comments": "# "}


def parquet(path, frame=FRAME):
    pytest.importorskip("pyarrow")
    frame.to_parquet(path)


def zarr(path, dataset=DATASET, **options):
    pytest.importorskip("zarr")
    dataset.to_zarr(path, consolidated=False, **options)


# By file: how it is written, whether it has names, units and times
WRITERS = {
    "comma.csv": (lambda path: FRAME.to_csv(path, index=False), "nut"),
    "index.csv": (FRAME.to_csv, "nut"),
    "european.csv": (lambda path: FRAME.to_csv(path, index=False, sep=";", decimal=","), "nut"),
    "bars.dat": (lambda path: FRAME.to_csv(path, index=False, sep="|"), "nut"),
    "tabs.tsv": (lambda path: FRAME.to_csv(path, index=False, sep="\t"), "nut"),
    "wide.csv": (lambda path: FRAME.to_csv(path, index=False, encoding="utf-16"), "nut"),
    "commented.txt": (lambda path: np.savetxt(path, np.column_stack([T, X]), **COMMENTED), "nt"),
    "bare.txt": (lambda path: np.savetxt(path, X), ""),
    "bare.csv": (lambda path: np.savetxt(path, X, delimiter=","), ""),
    "table.parquet": (parquet, "nut"),
    "index.parquet": (lambda path: parquet(path, FRAME.set_index("t [s]")), "nut"),
    "array.npy": (lambda path: np.save(path, X), ""),
    "fields.npy": (lambda path: np.save(path, FRAME.to_records(index=False)), "nut"),
    "array.npz": (lambda path: np.savez(path, times=T, x=X), "t"),
    "columns.npz": (lambda path: np.savez(path, t=T, V=X[:, 0], w=X[:, 1]), "nt"),
    "set.nc": (lambda path: DATASET.to_netcdf(path, engine="h5netcdf"), "nut"),
    "old.nc": (lambda path: DATASET.to_netcdf(path, engine="scipy"), "nut"),
    "set.zarr": (zarr, "nut"),
    "old.zarr": (lambda path: zarr(path, zarr_format=2), "nut"),
}
