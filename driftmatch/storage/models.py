"""Networks as a file's arrays and words."""

import os
from typing import Any

import numpy as np

from driftmatch.activations import check_named
from driftmatch.errors import InputError
from driftmatch.network import InputRange, Network, SharedNoise
from driftmatch.network.arrays import arrays_of
from driftmatch.network.signed import Signed
from driftmatch.network.sparse import SparseConnectivity
from driftmatch.network.symmetric import SymmetricConnectivity
from driftmatch.storage.headers import check_positive_entry, check_words, words_of
from driftmatch.storage.tensors import Arrays, damaged, read, write

_REQUIRED = {"gamma", "readout", "bias", "noise_constant"}
_OPTIONAL = {"noise_readout", "start", "inputs", "common", "sources", "weights", "root"}


def save(
    path: str | os.PathLike[str], network: Network, *, overwrite: bool = True, **provenance: Any
) -> None:
    """`driftmatch.save` of a network: bit for bit, in float64."""
    arrays, fields = from_network(network)
    write(path, "Network", fields, arrays, provenance, overwrite=overwrite)


def load(path: str | os.PathLike[str]) -> Network:
    """`driftmatch.load` of a network; raises `InputError` if the file holds something else."""
    header, arrays = read(path)
    if (kind := header.get("class")) != "Network":
        raise InputError(f"{path} holds a {kind!r}, and only a Network can be used here")
    return network_in(path, header, arrays)


def network_in(path: object, header: dict[str, Any], arrays: Arrays) -> Network:
    """The network that a file with this content holds; raises `InputError` if there is none."""
    try:
        return to_network(arrays, header)
    except InputError as error:
        raise InputError(f"{path} cannot be loaded: {error}") from error
    except (ArithmeticError, TypeError, ValueError) as error:
        raise damaged(path, error) from error


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a file says about itself, without its arrays; raises as `load` does."""
    return read(path)[0]


def from_network(network: Network) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and words; raises `InputError` if the activation is none that a file can name."""
    check_named(network.activation)
    fields = {
        "name": network.name,
        "activation": network.activation.name,
        "tau": network.tau,
        "private_noise": network.private_noise,
        "time_scale": network.time_scale,
        "coordinates": network.coordinates,
        "units": network.units,
    }
    return arrays_of(network), fields


def to_network(arrays: Arrays, header: dict[str, Any]) -> Network:
    """The network again; raises ValueError, with a reason of a few words, if it is none."""
    if missing := sorted(_REQUIRED - set(arrays)):
        raise ValueError(f"it has no {' and no '.join(missing)}")
    if odd := sorted(set(arrays) - _REQUIRED - _OPTIONAL):
        raise ValueError(f"it has arrays that no network has: {', '.join(odd)}")
    for name, array in arrays.items():
        if array.dtype != np.float64:
            raise ValueError(f"{name} is of type {array.dtype} instead of float64")
    check_words(header, "name", "activation")
    if "time_scale" not in header:
        raise ValueError("it has no time_scale")
    known = header["time_scale"] is not None
    network = Network(
        arrays["gamma"],
        arrays["readout"],
        arrays["bias"],
        tau=check_positive_entry(header, "tau"),
        activation=header["activation"],
        shared_noise=SharedNoise(arrays["noise_constant"], arrays.get("noise_readout")),
        private_noise=check_positive_entry(header, "private_noise", or_zero=True),
        start=arrays.get("start"),
        inputs=InputRange(*arrays["inputs"]) if "inputs" in arrays else None,
        name=header["name"],
        time_scale=check_positive_entry(header, "time_scale") if known else None,
        coordinates=words_of(header, "coordinates"),
        units=words_of(header, "units"),
    )
    lift, readout, n = network.lift, network.readout, network.num_neurons
    given = {"common", "sources", "weights", "root"} & set(arrays)
    if given == {"common"} and arrays["common"].shape == (n,):
        return network._with(connectivity=Signed(lift, readout, arrays["common"]))  # pyright: ignore[reportArgumentType]
    if given == {"root"} and arrays["root"].shape == (network.latent_dim,) * 2:
        W = SymmetricConnectivity(lift, arrays["root"])  # pyright: ignore[reportArgumentType]
        if not np.allclose(W.readout, readout, rtol=1e-4, atol=1e-5 * np.abs(readout).max()):
            raise ValueError("its readout is not that of a symmetric connectivity of its root")
        return network._with(connectivity=W)
    if given == {"sources", "weights"}:
        sources, weights = arrays["sources"], arrays["weights"]
        whole = np.array_equal(sources, np.round(sources)) and sources.size > 0
        fits = sources.shape == weights.shape == (n, sources.shape[-1]) and whole
        if fits and sources.min() >= 0 and sources.max() < n:
            W = SparseConnectivity.fitting(lift, sources.astype(np.int32), weights)  # pyright: ignore[reportArgumentType]
            return network._with(connectivity=W)
    if given:
        raise ValueError(f"its {' and '.join(sorted(given))} are no connectivity of its neurons")
    return network
