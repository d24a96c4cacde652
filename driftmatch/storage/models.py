"""Networks in files: safetensors with a JSON header, from which no code is ever run."""

import json
import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from driftmatch.activations import ACTIVATIONS
from driftmatch.atomic import as_path, atomic
from driftmatch.errors import InputError
from driftmatch.network import Network, SharedNoise
from driftmatch.storage.headers import (
    CHECKSUM,
    FORMAT,
    UNCHECKED,
    check_checksum,
    check_header,
    check_positive,
    check_words,
    checksum,
    new_header,
    words_of,
)
from driftmatch.storage.strict_json import parse
from driftmatch.words import spelled

Arrays = dict[str, np.ndarray]
_REQUIRED = {"gamma", "readout", "bias", "noise_constant"}
_OPTIONAL = {"noise_readout", "start"}


@spelled
def save(
    path: str | os.PathLike[str], network: Network, *, overwrite: bool = True, **provenance: Any
) -> None:
    """Write a network to a safetensors file, bit for bit, in float64, with a checksum.

    **Arguments**

    - `path`: where to; a file there is replaced once the new one is complete, and not before.
    - `network`: what to save.
    - `overwrite`: whether a file that is there, or appears meanwhile, may be replaced.
    - `provenance`: what else its header should say, as JSON values by name, such as
      ``system="lorenz"``, ``seed=0`` or ``report={"drift_error": 1e-3}``; numbers that are not
      finite become null.

    Raises `InputError` if this is not a network that `load` could restore or if something other
    than a file is at `path`, `ComputationError` if the system refuses to write.
    """
    if not isinstance(network, Network):
        raise InputError(
            f"only a Network can be saved, got {type(network).__name__}; an embedding has one in "
            "its field .network"
        )
    known = ACTIVATIONS.get(network.activation.name)
    if known is None or known.function is not network.activation.function:
        raise InputError(
            f"the activation {network.activation.name!r} is not one that a file can name; choose "
            f"one of {', '.join(ACTIVATIONS)}"
        )
    arrays, fields = _from_network(network)
    header = new_header("Network") | fields
    if taken := sorted({*header, CHECKSUM} & set(provenance)):
        raise InputError(f"the header has {', '.join(taken)} already: use other names")
    try:
        header = parse(json.dumps(_plain(header | provenance), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the provenance must consist of JSON values: {error}") from error
    header[CHECKSUM] = checksum(header, _labelled(arrays))
    metadata = {"format": FORMAT, "header": json.dumps(header)}
    content = safetensors.numpy.save(arrays, metadata=metadata)
    with atomic(path, overwrite=overwrite) as new:
        new.write_bytes(content)


@spelled
def load(path: str | os.PathLike[str]) -> Network:
    """The network that `save` wrote.

    Raises `InputError` if there is no such file, or if it is truncated, damaged, not a model,
    written by a newer version, or asks for what this version does not know.
    """
    header, arrays = _read(path)
    kind = header.get("class")
    if not isinstance(kind, str) or kind not in _CLASSES:
        raise InputError(f"{path} holds a {kind!r}, and only {', '.join(_CLASSES)} can be loaded")
    try:
        return _CLASSES[kind](arrays, header)
    except InputError as error:
        raise InputError(f"{path} cannot be loaded: {error}") from error
    except (ArithmeticError, TypeError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a model's file says about itself, without its arrays; raises as `load` does."""
    return _read(path)[0]


def _from_network(network: Network) -> tuple[Arrays, dict[str, Any]]:
    optional = {"noise_readout": network.shared_noise.readout, "start": network.starts}
    arrays = {
        "gamma": network.gamma,
        "readout": network.readout,
        "bias": network.bias,
        "noise_constant": network.shared_noise.constant,
    } | {name: array for name, array in optional.items() if array is not None}
    fields = {
        "name": network.name,
        "activation": network.activation.name,
        "tau": network.tau,
        "private_noise": network.private_noise,
        "time_scale": network.time_scale,
        "coordinates": network.coordinates,
        "units": network.units,
    }
    return {name: np.ascontiguousarray(array, np.float64) for name, array in arrays.items()}, fields


def _to_network(arrays: Arrays, header: dict[str, Any]) -> Network:
    if missing := sorted(_REQUIRED - set(arrays)):
        raise ValueError(f"it has no {' and no '.join(missing)}")
    if odd := sorted(set(arrays) - _REQUIRED - _OPTIONAL):
        raise ValueError(f"it has arrays that no network has: {', '.join(odd)}")
    check_words(header, "name", "activation")
    if "time_scale" not in header:
        raise ValueError("it has no time_scale")
    known = header["time_scale"] is not None
    return Network(
        arrays["gamma"],
        arrays["readout"],
        arrays["bias"],
        tau=check_positive(header, "tau"),
        activation=header["activation"],
        shared_noise=SharedNoise(arrays["noise_constant"], arrays.get("noise_readout")),
        private_noise=check_positive(header, "private_noise", or_zero=True),
        start=arrays.get("start"),
        name=header["name"],
        time_scale=check_positive(header, "time_scale") if known else None,
        coordinates=words_of(header, "coordinates"),
        units=words_of(header, "units"),
    )


_CLASSES: dict[str, Callable[[Arrays, dict[str, Any]], Network]] = {"Network": _to_network}


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Arrays]:
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
            f"{path} is truncated or not a safetensors file ({error}): copy it again, or save the "
            "network again"
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
        raise InputError(f"{path} has a damaged header: {error}; save the network again") from error
    arrays = {}
    for name, tensor in tensors:
        if tensor["dtype"] != "F64":
            raise _damaged(path, f"{name} is of type {tensor['dtype']} instead of F64")
        arrays[name] = np.frombuffer(tensor["data"], "<f8").reshape(tensor["shape"])
    check_checksum(header, _labelled(arrays), path)
    return header, arrays


def _labelled(arrays: Arrays) -> Mapping[str, tuple[tuple[str, ...], np.ndarray]]:
    return {name: ((), array) for name, array in arrays.items()}


def _damaged(path: object, reason: str) -> InputError:
    return InputError(f"{path} is damaged: {reason}; save the network again")


def _plain(value: Any) -> Any:
    """As JSON values: NumPy and JAX numbers and arrays, and paths; null for what is not finite."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value
