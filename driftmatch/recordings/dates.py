"""Times that are dates or spans, as seconds."""

from typing import Any

import numpy as np
from jaxtyping import Float

from driftmatch.arguments import shown
from driftmatch.errors import InputError

_SECOND = np.timedelta64(1, "s")


class Clock:
    """Turns times into numbers: numbers as they are, dates into seconds since the first one seen,
    spans into seconds."""

    def __init__(self, source: str):
        self.source = source
        self.origin: np.datetime64 | None = None

    def seconds(self, values: Any, first: int = 0) -> Float[np.ndarray, " t"]:
        """Of the samples from `first` on."""
        times = np.asarray(values)
        if times.dtype.kind in "mM":
            if (unknown := np.flatnonzero(np.isnat(times))).size:
                raise InputError(
                    f"the time of sample {first + unknown[0]} of {self.source} is missing: leave "
                    "out samples whose time is unknown"
                )
            if times.dtype.kind == "M" and len(times):
                self.origin = times[0] if self.origin is None else self.origin
                times = times - self.origin
            return times / _SECOND
        if times.dtype.kind not in "fiu":
            raise InputError(f"times of {self.source} must be numbers or dates, got {shown(times)}")
        return times.astype(np.float64)
