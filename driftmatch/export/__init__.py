"""Networks for other simulators, and for programs that have none.

`torch`, `nengo` and `brian2` return a network as those packages have them, `numpy` writes its
weights, and `script` a program beside weights that needs driftmatch no more.
"""

from typing import TYPE_CHECKING

from driftmatch.export.files import numpy, script
from driftmatch.export.frameworks import brian2, nengo, torch
from driftmatch.words import no_attribute

__all__ = ["brian2", "nengo", "numpy", "script", "torch"]

if not TYPE_CHECKING:  # or else every name would pass

    def __getattr__(name: str):
        raise no_attribute(__name__, name, __all__)
