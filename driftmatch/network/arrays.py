"""A network as named arrays, from which files and other programs make it again."""

from typing import Any

import numpy as np

from driftmatch.network.network import Network

Arrays = dict[str, np.ndarray]


def arrays_of(network: Network) -> Arrays:
    """Γ, W_s, b, S₀ and, where there are some, W_n, starts and the inputs' range, in float64."""
    optional: dict[str, Any] = {
        "noise_readout": network.shared_noise.readout,
        "start": network.starts,
        "inputs": network._input_range,
        "common": getattr(network.connectivity, "common", None),
        "sources": getattr(network.connectivity, "sources", None),
        "weights": getattr(network.connectivity, "weights", None),
        "root": getattr(network.connectivity, "root", None),
    }
    arrays = {
        "gamma": network.gamma,
        "readout": network.readout,
        "bias": network.bias,
        "noise_constant": network.shared_noise.constant,
    } | {name: array for name, array in optional.items() if array is not None}
    return {name: np.ascontiguousarray(array, np.float64) for name, array in arrays.items()}
