"""NetCDF files and Zarr folders, opened so that nothing they name is run."""

import importlib.util
import json
from pathlib import Path
from typing import Any

from driftmatch.errors import InputError
from driftmatch.recordings.columns import Asked
from driftmatch.recordings.datasets import of_xarray
from driftmatch.recordings.measured import Measured

# What Zarr may run to decode numbers: all of it does nothing but arithmetic. Others, pickle among
# them, are code that a file would choose.
_CODECS = {
    "astype", "bitround", "blosc", "bytes", "bz2", "crc32", "crc32c", "delta", "fixedscaleoffset",
    "gzip", "lz4", "lzma", "packbits", "quantize", "sharding_indexed", "shuffle", "transpose",
    "vlen-bytes", "vlen-utf8", "zlib", "zstd",
}  # fmt: skip
_PLACES = ("codecs", "index_codecs", "filters", "compressor")
_META = ("zarr.json", ".zarray")
_DECODE: dict[str, Any] = {"decode_timedelta": False}


def of_netcdf(path: Path, asked: Asked, *, in_memory: bool) -> Measured:
    """NetCDF 3, or 4 with all of its variables at the top."""
    import xarray  # here, for it is slow to import

    with open(path, "rb") as file:
        magic = file.read(4)
        file.seek(0)
        engine = "scipy" if magic[:3] == b"CDF" else "h5netcdf"
        if engine == "h5netcdf":
            check_links(file)
        with xarray.open_dataset(file, engine=engine, **_DECODE) as dataset:
            return of_xarray(dataset, asked, source=path.name, in_memory=in_memory)


def check_links(file: Any) -> None:
    """Raises ValueError if an HDF5 file sends its reader to other files."""
    import h5py

    elsewhere = []

    def look(name: str, member: Any) -> None:
        if isinstance(member, h5py.Dataset) and (member.external or member.is_virtual):
            elsewhere.append(name)

    def look_at_link(name: str, link: Any) -> None:
        if isinstance(link, h5py.ExternalLink):
            elsewhere.append(name)

    with h5py.File(file, "r") as group:
        group.visititems_links(look_at_link)
        group.visititems(look)
    if elsewhere:
        raise ValueError(f"{elsewhere[0]} lies in another file")


def of_zarr(path: Path, asked: Asked, *, in_memory: bool) -> Measured:
    """A folder of format 2 or 3."""
    if importlib.util.find_spec("zarr") is None:
        raise InputError(
            ".zarr folders need the package zarr: pip install 'driftmatch[zarr]', or use .nc"
        )
    if not path.is_dir():
        raise ValueError("it is no folder")
    import xarray

    _check_codecs(path)
    with xarray.open_dataset(path, engine="zarr", consolidated=False, **_DECODE) as dataset:
        # Folders have no order: lest it change from one system to the next, by name.
        ordered = dataset[sorted(map(str, dataset.data_vars))]
        return of_xarray(ordered, asked, source=path.name, in_memory=in_memory)


def _check_codecs(path: Path) -> None:
    for file in path.rglob("*"):
        if file.name in _META:
            for name in _codecs(json.loads(file.read_bytes())):
                if name.removeprefix("numcodecs.") not in _CODECS:
                    raise InputError(
                        f"{path.name} is compressed by {name[:40]!r}, which could run code: save "
                        "it again without, or with one of blosc, gzip and zstd"
                    )


def _codecs(meta: Any) -> list[str]:
    """The names of codecs in the metadata of an array, also those within codecs."""
    found = []
    if isinstance(meta, list):
        return [name for part in meta for name in _codecs(part)]
    if isinstance(meta, dict):
        for key, value in meta.items():
            if key in _PLACES:
                for codec in value if isinstance(value, list) else [value]:
                    if codec is not None:
                        named = codec if isinstance(codec, dict) else {"name": codec}
                        found.append(str(named.get("id", named.get("name"))))
            found += _codecs(value)
    return found
