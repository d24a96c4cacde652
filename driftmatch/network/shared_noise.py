"""Noise that every neuron of a network receives through Γ."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array
from numpy.typing import ArrayLike

from driftmatch.arguments import check_array
from driftmatch.precision import like

Matrix = np.ndarray


class SharedNoise(NamedTuple):
    """S(x) = constant + unvec(readout φ(x)): noise that every neuron receives through Γ.

    - `constant`: S₀, shape (k, m), in latent units per square root of time.
    - `readout`: W_n, shape (k, m, n), or None for additive noise.
    """

    constant: Matrix
    readout: Matrix | None = None

    def __call__(self, rates: Array) -> Array:
        """S, shape (k, m), from the rates φ(x), shape (n,)."""
        constant = like(self.constant, rates)
        return constant if self.readout is None else constant + like(self.readout, rates) @ rates

    def split(self, copies: int) -> "SharedNoise":
        """Of so many copies of every neuron; see `Network.split`."""
        if self.readout is None:
            return self
        return self._replace(readout=np.repeat(self.readout, copies, axis=-1) / copies)


def check_shared_noise(value: SharedNoise | ArrayLike, n: int, k: int, noisy: int) -> SharedNoise:
    """S of a network of n neurons and k latent coordinates; a number stands for itself times I.

    Only the first `noisy` coordinates have any: the others are inputs.
    """
    if not isinstance(value, SharedNoise):
        constant = check_array("shared_noise", value, (), (k, "m"))
        constant = constant * np.eye(k)[:, :noisy] if constant.ndim == 0 else constant.copy()
        return SharedNoise(constant)
    constant = check_array("shared_noise.constant", value.constant, (k, "m")).copy()
    if value.readout is None:
        return SharedNoise(constant)
    shape = (k, constant.shape[1], n)
    return SharedNoise(constant, check_array("shared_noise.readout", value.readout, shape).copy())
