"""Networks in files: safetensors with a JSON header, from which no code is ever run."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from driftmatch.activations import ACTIVATIONS
from driftmatch.errors import InputError
from driftmatch.network import Network, SharedNoise
from driftmatch.storage.atomic import atomic
from driftmatch.storage.headers import FORMAT, check_header, new_header

Arrays = dict[str, np.ndarray]


def save(path: str | os.PathLike, network: Network, **provenance: Any) -> None:
    """Write a network to a safetensors file, bit for bit, in float64.

    **Arguments**

    - `path`: where to; a file there is replaced once the new one is complete, and not before.
    - `network`: what to save.
    - `provenance`: what else its header should say, as JSON values by name, such as
      ``system="lorenz"``, ``seed=0`` or ``report={"drift_error": 1e-3}``.

    Raises `InputError` if this is not a network that `load` could restore, `ComputationError` if
    the system refuses to write.
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
    if taken := sorted(set(header) & set(provenance)):
        raise InputError(f"the header has {', '.join(taken)} already: use other names")
    try:
        text = json.dumps(header | provenance, default=_plain)
    except (TypeError, ValueError) as error:
        raise InputError(f"the provenance must consist of JSON values: {error}") from error
    content = safetensors.numpy.save(arrays, metadata={"format": FORMAT, "header": text})
    with atomic(path) as new:
        new.write_bytes(content)


def load(path: str | os.PathLike) -> Network:
    """The network that `save` wrote.

    Raises `InputError` if there is no such file, or if it is truncated, not a model, written by a
    newer version, or asks for what this version does not know.
    """
    header, arrays = _read(path, with_arrays=True)
    kind = header.get("class")
    if kind not in _CLASSES:
        raise InputError(f"{path} holds a {kind!r}, and only {', '.join(_CLASSES)} can be loaded")
    try:
        return _CLASSES[kind](arrays, header)
    except InputError as error:
        raise InputError(f"{path} cannot be loaded: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is damaged: {type(error).__name__}: {error}; save the network again"
        ) from error


def read_header(path: str | os.PathLike) -> dict[str, Any]:
    """What a model's file says about itself, without its arrays; raises as `load` does."""
    return _read(path, with_arrays=False)[0]


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
    }
    return {name: np.ascontiguousarray(array, np.float64) for name, array in arrays.items()}, fields


def _to_network(arrays: Arrays, header: dict[str, Any]) -> Network:
    return Network(
        arrays["gamma"],
        arrays["readout"],
        arrays["bias"],
        tau=header["tau"],
        activation=header["activation"],
        shared_noise=SharedNoise(arrays["noise_constant"], arrays.get("noise_readout")),
        private_noise=header["private_noise"],
        start=arrays.get("start"),
        name=header["name"],
        time_scale=header["time_scale"],
    )


_CLASSES: dict[str, Callable[[Arrays, dict[str, Any]], Network]] = {"Network": _to_network}


def _read(path: str | os.PathLike, *, with_arrays: bool) -> tuple[dict[str, Any], Arrays]:
    if not Path(path).is_file():
        raise InputError(f"there is no file {path}: check the path")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            check_header(metadata | {"format_version": 0}, path, "a model")
            header = json.loads(metadata["header"])
            check_header(header, path, "a model")
            names = file.keys() if with_arrays else ()
            return header, {name: file.get_tensor(name) for name in names}
    except safetensors.SafetensorError as error:
        raise InputError(
            f"{path} is truncated or not a safetensors file ({error}): copy it again, or save the "
            "network again"
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (KeyError, json.JSONDecodeError, AttributeError) as error:
        raise InputError(f"{path} has a damaged header: save the network again") from error


def _plain(value: Any) -> Any:
    """NumPy and JAX numbers and arrays, and paths, as JSON values."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")
