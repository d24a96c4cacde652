"""Networks and records in safetensors files, from which no code is ever run."""

import os
from typing import Any

from driftmatch.errors import InputError
from driftmatch.network import Network
from driftmatch.records import Record
from driftmatch.storage import models
from driftmatch.storage.records import CLASSES, from_node, to_node
from driftmatch.storage.tensors import damaged, read, write
from driftmatch.words import spelled


@spelled
def save(
    path: str | os.PathLike[str],
    content: Network | Record,
    *,
    overwrite: bool = True,
    **provenance: Any,
) -> None:
    """Write a network or a record to a safetensors file, bit for bit, with a checksum.

    A record is saved whole, with the records, networks and arrays in it; of an SDE in it that is
    neither a network nor of the catalogue, whose functions are code, there is all but these (see
    `load`). Runs can be saved like this too; `save_trajectory` writes them for other programs.

    **Arguments**

    - `path`: where to; a file there is replaced once the new one is complete, and not before.
    - `content`: what to save: a network, or what a call returned, such as an `Embedding`.
    - `overwrite`: whether a file that is there, or appears meanwhile, may be replaced.
    - `provenance`: what else its header should say, as JSON values by name, such as
      ``system="lorenz"``, ``seed=0`` or ``report={"drift_error": 1e-3}``; numbers that are not
      finite become null.

    Raises `InputError` if this is nothing that `load` could restore or if something other than a
    file is at `path`, `ComputationError` if the system refuses to write.
    """
    if isinstance(content, Network):
        return models.save(path, content, overwrite=overwrite, **provenance)
    if CLASSES.get(type(content).__name__) is not type(content):
        raise InputError(
            f"only a Network or a record that a call returned can be saved, got "
            f"{type(content).__name__}"
        )
    arrays = {}
    record = to_node(content, arrays)
    try:
        from_node(record, arrays)  # what cannot be loaded had better not be saved
    except ValueError as error:
        raise InputError(f"this {type(content).__name__} cannot be saved: {error}") from error
    write(path, type(content).__name__, {"record": record["fields"]}, arrays, provenance,
          overwrite=overwrite)  # fmt: skip


@spelled
def load(path: str | os.PathLike[str]) -> Any:
    """The network or the record that `save` wrote.

    A record is equal to the one that was saved. An SDE in it that came from functions has its name,
    dimension, starts, bounds and coordinates, and raises `InputError` where its drift is needed:
    ``dataclasses.replace(record, target=sde)`` puts the SDE itself in its place.

    Raises `InputError` if there is no such file, or if it is truncated, damaged, not one that
    `save` wrote, written by a newer version, or asks for what this version does not know.
    """
    header, arrays = read(path)
    kind = header.get("class")
    if kind == "Network":
        return models.network_in(path, header, arrays)
    if kind not in CLASSES:
        raise InputError(f"{path} holds a {kind!r}, which this version cannot load")
    try:
        return from_node({"record": kind, "fields": header.get("record")}, arrays)
    except InputError as error:
        raise InputError(f"{path} cannot be loaded: {error}") from error
    except (ArithmeticError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise damaged(path, error) from error
