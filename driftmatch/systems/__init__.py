"""Targets: a catalogue of systems, the flows of dysts, and SDEs from the user's own files."""

from typing import TYPE_CHECKING

from driftmatch.systems.blend import blend
from driftmatch.systems.catalogue import CATALOGUE
from driftmatch.systems.chaos import dadras, lorenz
from driftmatch.systems.dysts import flow_names, from_dysts
from driftmatch.systems.linear import ornstein_uhlenbeck
from driftmatch.systems.manifolds import (
    on_manifold,
    ring_attractor,
    sphere_diffusion,
    torus_diffusion,
)
from driftmatch.systems.oscillators import (
    fitzhugh_nagumo,
    kubo_oscillator,
    limit_cycle,
    van_der_pol,
)
from driftmatch.systems.resolve import resolve
from driftmatch.systems.ring import ring_of_wells
from driftmatch.systems.wells import double_well, wells
from driftmatch.words import no_attribute

__all__ = [
    "CATALOGUE",
    "blend",
    "dadras",
    "double_well",
    "fitzhugh_nagumo",
    "flow_names",
    "from_dysts",
    "kubo_oscillator",
    "limit_cycle",
    "lorenz",
    "on_manifold",
    "ornstein_uhlenbeck",
    "resolve",
    "ring_attractor",
    "ring_of_wells",
    "sphere_diffusion",
    "torus_diffusion",
    "van_der_pol",
    "wells",
]

if not TYPE_CHECKING:  # or else every name would pass

    def __getattr__(name: str):
        raise no_attribute(__name__, name, __all__)
