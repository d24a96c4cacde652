"""The table of named systems."""

from collections.abc import Callable

from driftmatch.sde import SDE
from driftmatch.systems.chaos import dadras, lorenz
from driftmatch.systems.linear import ornstein_uhlenbeck
from driftmatch.systems.oscillators import (
    fitzhugh_nagumo,
    kubo_oscillator,
    limit_cycle,
    van_der_pol,
)
from driftmatch.systems.ring import ring_of_wells
from driftmatch.systems.wells import double_well, wells

CATALOGUE: dict[str, Callable[..., SDE]] = {
    f.__name__: f
    for f in (
        van_der_pol,
        limit_cycle,
        kubo_oscillator,
        fitzhugh_nagumo,
        lorenz,
        dadras,
        double_well,
        wells,
        ring_of_wells,
        ornstein_uhlenbeck,
    )
}
