"""Embed any stochastic differential equation in a low-rank recurrent neural network.

Names are imported when they are first used, so that ``driftmatch --help`` need not load JAX.
"""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from driftmatch import systems as systems
    from driftmatch.activations import ACTIVATIONS as ACTIVATIONS
    from driftmatch.errors import ComputationError as ComputationError
    from driftmatch.errors import InputError as InputError
    from driftmatch.network import Network as Network
    from driftmatch.network import SharedNoise as SharedNoise
    from driftmatch.outcomes import Outcome as Outcome
    from driftmatch.sde import SDE as SDE
    from driftmatch.sde import AbstractSDE as AbstractSDE
    from driftmatch.simulation.simulate import simulate as simulate

# public name -> the module that defines it
_HOMES = {
    "ACTIVATIONS": "activations",
    "AbstractSDE": "sde",
    "ComputationError": "errors",
    "InputError": "errors",
    "Network": "network",
    "Outcome": "outcomes",
    "SDE": "sde",
    "SharedNoise": "network",
    "embed": "matching.embed",
    "simulate": "simulation.simulate",
}
_MODULES = ("systems",)

__all__ = ["__version__", *_MODULES, *_HOMES]


def __getattr__(name: str):
    if name in _MODULES:
        return importlib.import_module(f"driftmatch.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"driftmatch.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'driftmatch' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
