"""An estimate as the SDE that it is, in the units of the recording."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.inference.estimate import Estimate
from driftmatch.inference.transitions import Scaling
from driftmatch.precision import like
from driftmatch.recordings.recording import Recording

Matrix = np.ndarray


class InferredSDE(AbstractSDE):
    r"""f(z) = L f'(z'),  D(z) = L D'(z') Lᵀ,  z' = L⁻¹(z − μ), of an estimate f', D'.

    σ is L times the symmetric root of 2D'. Beyond the recorded states drift and diffusion are those
    of the nearest recorded ones, and a pull leads back.
    """

    estimate: Estimate
    mean: Float[Matrix | Array, " k"]
    factor: Float[Matrix | Array, "k k"]
    inverse: Float[Matrix | Array, "k k"]
    _starts: Float[Matrix | Array, "A k"]
    _periodic: tuple[float | None, ...] | None = eqx.field(static=True)
    _coordinates: tuple[str, ...] | None = eqx.field(static=True)
    _units: tuple[str, ...] | None = eqx.field(static=True)
    _name: str = eqx.field(static=True)

    @classmethod
    def of(
        cls, estimate: Estimate, scaling: Scaling, recording: Recording, starts: Matrix
    ) -> "InferredSDE":
        """With the names and units of the recording."""
        inverse = np.linalg.inv(scaling.factor)
        return cls(
            estimate, scaling.mean, scaling.factor, inverse, starts, recording.periodic,
            recording.coordinates, recording.units, recording.name,
        )  # fmt: skip

    def scaled(self, z: Float[Array, "*batch k"]) -> Float[Array, "*batch k"]:
        """z'."""
        return (z - like(self.mean, z)) @ like(self.inverse, z).T

    def drift(self, z):
        z = jnp.asarray(z)
        return like(self.factor, z) @ self.estimate.drift(self.scaled(z))

    def diffusion(self, z):
        z = jnp.asarray(z)
        return like(self.factor, z) @ self.estimate.root(self.scaled(z))

    @property
    def dim(self):
        return self.estimate.dim

    @property
    def noise_dim(self):
        return self.estimate.dim

    @property
    def has_constant_diffusion(self):
        return self.estimate.has_constant_diffusion

    @property
    def starts(self):
        return self._starts

    @property
    def periodic(self):
        return self._periodic

    @property
    def coordinates(self):
        return self._coordinates

    @property
    def units(self):
        return self._units

    @property
    def name(self):
        return self._name
