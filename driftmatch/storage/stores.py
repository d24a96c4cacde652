"""Zarr stores looked at before they are opened, for one can name decoders that run code.

Only what `save_trajectory` writes is let through: format 3, arrays of floats, and codecs that
do nothing but compress.
"""

import itertools
import math
import os
from pathlib import Path
from typing import Any

from driftmatch.storage.headers import FORMAT
from driftmatch.storage.strict_json import parse

ARRAYS = ("time", "states", "latent", "neurons")
_META = "zarr.json"
_CODECS = {"bytes", "zstd", "crc32c"}
_LARGEST = 1_000_000  # bytes of a zarr.json


def is_own_store(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is a store that driftmatch wrote, with nothing else in it."""
    path = Path(path)
    try:
        group = _group(path)
        return group["attributes"].get("format") == FORMAT and all(
            _is_own(entry, entry.relative_to(path).parts) for entry in path.rglob("*")
        )
    except (OSError, ValueError):
        return False


def _is_own(entry: Path, parts: tuple[str, ...]) -> bool:
    """Whether this file or folder, so many folders down, is one that a trajectory's store has."""
    if entry.is_symlink():
        return False
    array, rest = parts[0], parts[1:]
    chunk = rest[:1] == ("c",) and all(name.isdecimal() for name in rest[1:])
    if entry.is_dir():
        return array in ARRAYS and (not rest or chunk)
    is_array = array in ARRAYS and (rest == (_META,) or (chunk and len(rest) > 1))
    return entry.is_file() and (parts == (_META,) or is_array)


def check_store(path: Path) -> None:
    """Raises ValueError, with a reason of a few words, for what driftmatch did not write, and if
    chunks are missing, which Zarr would take for numbers that were never set."""
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            if os.path.islink(os.path.join(folder, name)):
                raise ValueError(f"{name} in it is a link")
    _group(path)
    for name in sorted(_entries(path) - {_META}):
        if name not in ARRAYS:
            raise ValueError(f"{name} in it is not of a trajectory")
        _check_array(path / name, name)


def _entries(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def _group(path: Path) -> dict[str, Any]:
    group = _meta(path, "group")
    if not isinstance(group.get("attributes"), dict) or group.get("consolidated_metadata"):
        raise ValueError(f"its {_META} is not one of driftmatch's")
    return group


def _meta(path: Path, kind: str) -> dict[str, Any]:
    file = path / _META
    if file.is_symlink() or not file.is_file() or file.stat().st_size > _LARGEST:
        raise ValueError(f"it has no {_META}")
    meta = parse(file.read_bytes(), constants=True)
    if meta.get("zarr_format") != 3 or meta.get("node_type") != kind:
        raise ValueError(f"{path.name} is no {kind} of format 3")
    return meta


def _check_array(path: Path, name: str) -> None:
    meta = _meta(path, "array")
    codecs = meta.get("codecs")
    names = [_name(c) for c in codecs] if isinstance(codecs, list) else [""]
    if not set(names) <= _CODECS:
        raise ValueError(f"{name} has codecs that driftmatch does not use")
    if meta.get("data_type") not in ("float32", "float64"):
        raise ValueError(f"{name} does not hold floats")
    if meta.get("storage_transformers"):
        raise ValueError(f"{name} has storage transformers")
    shape = _sizes(meta.get("shape"))
    chunk = _sizes(_inside(meta, "chunk_grid", "regular").get("chunk_shape"))
    if not shape or len(shape) != len(chunk):
        raise ValueError(f"{name} has no shape")
    if _inside(meta, "chunk_key_encoding", "default").get("separator", "/") != "/":
        raise ValueError(f"{name} keeps its chunks elsewhere")
    counts = [math.ceil(n / c) for n, c in zip(shape, chunk, strict=True)]
    there = sum(len(files) for _, _, files in os.walk(path / "c"))
    wanted = itertools.product(*map(range, counts))
    if math.prod(counts) > there or any(
        not path.joinpath("c", *map(str, place)).is_file() for place in wanted
    ):
        raise ValueError(f"chunks of {name} are missing")


def _inside(meta: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    """The settings of a part of the metadata that must be of the kind named."""
    part = meta.get(key)
    if isinstance(part, dict) and part.get("name") == name:
        settings = part.get("configuration", {})
        if isinstance(settings, dict):
            return settings
    raise ValueError(f"its {key} is not one that driftmatch uses")


def _name(codec: object) -> str:
    name = codec.get("name") if isinstance(codec, dict) else None
    return name if isinstance(name, str) else ""


def _sizes(value: object) -> list[int]:
    """Positive whole numbers, or none."""
    if isinstance(value, list) and all(type(v) is int and v > 0 for v in value):
        return value
    return []
