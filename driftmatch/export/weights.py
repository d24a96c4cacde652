"""All that another program must know of a network, as arrays by name."""

from typing import Any

import numpy as np

from driftmatch.arguments import shown
from driftmatch.errors import InputError
from driftmatch.network import Network, as_low_rank
from driftmatch.network.arrays import Arrays, arrays_of


def weights_of(network: Any) -> Arrays:
    """Arrays of float64 and words; raises `InputError` for what is no network."""
    if not isinstance(network, Network):
        raise InputError(
            f"network must be a Network, got {shown(network)}; driftmatch.embed makes one of an SDE"
        )
    network = as_low_rank(network)
    words = {"coordinates": network.coordinates, "units": network.units}
    return {
        **arrays_of(network),
        "tau": np.asarray(network.tau),
        "private_noise": np.asarray(network.private_noise),
        "activation": np.asarray(network.activation.name),
        "name": np.asarray(network.name),
    } | {name: np.asarray(value) for name, value in words.items() if value is not None}
