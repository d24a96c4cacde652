"""What a file tells of an SDE, whose functions it cannot hold.

Networks and inferred SDEs are their arrays, and systems of the catalogue a name and numbers, from
which they are made again. Of all others there is what surrounds the functions.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from driftmatch.abstract_sde import AbstractSDE, AbstractWrapper
from driftmatch.arguments import check_count
from driftmatch.errors import InputError
from driftmatch.inference.inferred_sde import InferredSDE
from driftmatch.network import Network, NeuralSDE
from driftmatch.sampling.angles import OnCircles
from driftmatch.sde import SDE
from driftmatch.storage.inferred import from_inferred, to_inferred
from driftmatch.storage.models import from_network, to_network
from driftmatch.systems.dysts import from_dysts
from driftmatch.systems.resolve import resolve_name

_DYSTS = "dysts:"


class SavedSDE(AbstractWrapper):
    """An SDE from a file: all that is known of it but for drift and diffusion, which are code.

    Whatever needs these raises `InputError`. `sde` stands for it, with functions that are 0.
    """

    sde: AbstractSDE
    constant: bool = eqx.field(static=True)

    @property
    def has_constant_diffusion(self):
        return self.constant

    def drift(self, z):
        self._refuse()

    def diffusion(self, z):
        self._refuse()

    def noise(self, z, dB):
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise InputError(
            f"the drift and the diffusion of {self.name} are code, which no file holds: make the "
            "SDE again and put it into the record that was loaded, by dataclasses.replace"
        )


def told(sde: AbstractSDE) -> tuple[str, dict[str, Any]]:
    """The class under which `made` will know it, and fields."""
    if isinstance(sde, Network):
        arrays, words = from_network(sde)
        return "Network", arrays | words
    if isinstance(sde, NeuralSDE) and sde.input is None:
        return "NeuralSDE", {"network": sde.network}
    if isinstance(sde, OnCircles):
        return "OnCircles", {"sde": sde.sde, "return_time": sde.return_time}
    if isinstance(sde, InferredSDE):
        return "InferredSDE", from_inferred(sde)
    return "SDE", {
        "name": sde.name,
        "dim": sde.dim,
        "noise_dim": sde.noise_dim,
        "start": sde.starts,
        "time_scale": sde.time_scale,
        "lower": sde.lower,
        "upper": sde.upper,
        "periodic": sde.periodic,
        "coordinates": sde.coordinates,
        "units": sde.units,
        "constant": sde.has_constant_diffusion,
        "input_dim": sde.input_dim,
        "parameters": _parameters(sde),
    }


def made(kind: str, fields: dict[str, Any]) -> AbstractSDE:
    """The SDE again; raises ValueError or `InputError` for what `told` would not tell."""
    if kind == "Network":
        arrays = {name: v for name, v in fields.items() if isinstance(v, np.ndarray)}
        return to_network(arrays, {name: v for name, v in fields.items() if name not in arrays})
    if kind == "NeuralSDE" and isinstance(fields.get("network"), Network):
        return NeuralSDE(fields["network"])
    if kind == "OnCircles" and isinstance(fields.get("sde"), AbstractSDE):
        return OnCircles(fields["sde"], fields["return_time"])
    if kind not in ("SDE", "InferredSDE"):
        raise ValueError(f"there is no SDE of class {kind[:40]!r}")
    try:
        if kind == "InferredSDE":
            return to_inferred(fields)
        k, m, parameters = (fields.pop(name) for name in ("dim", "noise_dim", "parameters"))
        constant = fields.pop("constant")
        if parameters is not None:
            return _named(fields["name"], parameters)
        k, m = check_count("dim", k), check_count("noise_dim", m)
        zero = jnp.zeros_like if not fields.get("input_dim") else lambda z, u: jnp.zeros_like(z)
        still = SDE(zero, np.broadcast_to(0.0, (k, m)), k, **fields)
        return SavedSDE(still, bool(constant))
    except (KeyError, TypeError) as error:
        raise ValueError(f"an SDE in it is not one that driftmatch saved ({error})") from error


def _parameters(sde: AbstractSDE) -> dict[str, Any] | None:
    """Those from which `_named` makes the same SDE, or None if there are no such."""
    if not isinstance(sde, SDE):
        return None
    given = dict(sde.parameters)
    if sde.name.startswith(_DYSTS):
        given = {name: value for name, value in given.items() if name == "noise"}
    try:
        return given if _named(sde.name, given) == sde else None
    except (InputError, TypeError, ValueError):
        return None


def _named(name: str, parameters: Mapping[str, Any]) -> AbstractSDE:
    """A system of the catalogue or of dysts."""
    if name.startswith(_DYSTS):
        return from_dysts(name.removeprefix(_DYSTS), **parameters)
    return resolve_name(name, parameters=parameters)
