"""Arrays and a JSON header in safetensors files, from which no code is ever run."""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from driftmatch.atomic import as_path, atomic
from driftmatch.errors import InputError
from driftmatch.records import plain
from driftmatch.storage.headers import (
    CHECKSUM,
    FORMAT,
    UNCHECKED,
    check_checksum,
    check_header,
    checksum,
    new_header,
)
from driftmatch.storage.strict_json import parse

Arrays = dict[str, np.ndarray]
_TYPES = {"BOOL": "?", "I8": "i1", "U8": "u1"}
_TYPES |= {f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "FIU" for size in (2, 4, 8)}


def write(
    path: str | os.PathLike[str],
    kind: str,
    fields: dict[str, Any],
    arrays: Arrays,
    provenance: dict[str, Any],
    *,
    overwrite: bool,
) -> None:
    """A file that holds something of a class, with a checksum; raises as `save` does."""
    header = new_header(kind) | fields
    if taken := sorted({*header, CHECKSUM} & set(provenance)):
        raise InputError(f"the header has {', '.join(taken)} already: use other names")
    try:
        header = parse(json.dumps(plain(header | provenance, strict=True), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the provenance must consist of JSON values: {error}") from error
    # In rows, as safetensors writes memory as it lies.
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header[CHECKSUM] = checksum(header, _labelled(arrays))
    metadata = {"format": FORMAT, "header": json.dumps(header)}
    content = safetensors.numpy.save(arrays, metadata=metadata)
    with atomic(path, overwrite=overwrite) as new:
        new.write_bytes(content)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Arrays]:
    """Header and arrays, of one reading of the file, known to belong together."""
    file = as_path(path)
    if not file.is_file():
        raise InputError(f"there is no file {path}: check the path")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        tensors = safetensors.deserialize(content)
    except (safetensors.SafetensorError, ValueError) as error:
        raise InputError(
            f"{path} is truncated or not a safetensors file ({error}): copy it again, or save it "
            "again"
        ) from error
    try:
        metadata = parse(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = metadata.get("__metadata__") or {}
        check_header(metadata | {"format_version": UNCHECKED}, path, "a model")
        text = metadata.get("header")
        if not isinstance(text, str):
            raise ValueError("it has none")
        header = parse(text, constants=True)
        if check_header(header, path, "a model") != UNCHECKED:
            parse(text)  # formats since the first have no NaN
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path} has a damaged header: {error}; save it again") from error
    arrays = {}
    for name, tensor in tensors:
        if tensor["dtype"] not in _TYPES:
            raise damaged(path, f"{name} is of type {tensor['dtype']}")
        array = np.frombuffer(tensor["data"], _TYPES[tensor["dtype"]])
        arrays[name] = array.reshape(tensor["shape"])
    check_checksum(header, _labelled(arrays), path)
    return header, arrays


def damaged(path: object, reason: object) -> InputError:
    return InputError(f"{path} is damaged: {reason}; save it again")


def _labelled(arrays: Arrays) -> Mapping[str, tuple[tuple[str, ...], np.ndarray]]:
    return {name: ((), array) for name, array in arrays.items()}
