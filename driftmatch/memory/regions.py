"""Regions of state space that stand for memories."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Real
from numpy.typing import ArrayLike

from driftmatch.arguments import check_array
from driftmatch.closures import as_module, uncompiled
from driftmatch.errors import InputError
from driftmatch.memory.descent import nearest
from driftmatch.precision import like
from driftmatch.records import Record
from driftmatch.words import spelled

Level = Callable[[Array], Array]

_DEFAULT = 0.3  # of the least distance between two centres
_FILLING = 0.45  # of the distance from a centre to the next one
_CORE = 0.1  # of it, times √k: states in a well are about √k standard deviations from its bottom
_CHUNK = 2**22  # numbers compared at once


class Regions(Record):
    """Balls that do not overlap, each around a memory.

    - `centres`: shape (W, k), in units of z. - `radii`: shape (W,).

    ``regions[j]`` is one of them, and ``regions[1:]`` or ``regions[[0, 2]]`` several.

    **Arguments**: `centres`, and `radius`, one number or W; by default 0.3 of the least distance
    between two centres. Raises `InputError` when these do not fit together or the balls overlap.
    """

    centres: Float[np.ndarray, "W k"]
    radii: Float[np.ndarray, " W"]

    def __init__(self, centres: ArrayLike, radius: ArrayLike | None = None):
        c = check_array("centres", centres, ("W", "k"))
        r = None if radius is None else check_array("radius", radius, (), (len(c),))
        apart = np.linalg.norm(c[:, None] - c[None], axis=-1) + np.diag(np.full(len(c), np.inf))
        i, j = _least(apart)
        if apart[i, j] == 0:
            raise InputError(f"centres {i} and {j} coincide at {c[i].tolist()}: leave one out")
        if r is None:
            if len(c) == 1:
                raise InputError("a single region needs a radius: its default is by the distances")
            r = np.asarray(_DEFAULT * apart[i, j])
        r = np.broadcast_to(r, len(c)).copy()
        if not np.all(r > 0):
            raise InputError(f"radius must be positive, got {r.tolist()}")
        i, j = _least(apart - r[:, None] - r)
        if apart[i, j] < r[i] + r[j]:
            raise InputError(
                f"regions {i} and {j} overlap: their centres are {apart[i, j]:.3g} apart and their "
                f"radii {r[i]:.3g} and {r[j]:.3g}; lower radius"
            )
        object.__setattr__(self, "centres", c)
        object.__setattr__(self, "radii", r)

    def __len__(self) -> int:
        return len(self.centres)

    def __getitem__(self, which: int | slice | Sequence[int]) -> "Regions":
        index = np.atleast_1d(np.arange(len(self))[which])
        return Regions(self.centres[index], self.radii[index])

    @property
    def dim(self) -> int:
        """k."""
        return self.centres.shape[1]

    def labels(self, states: Real[np.ndarray, "... k"]) -> Int[np.ndarray, "..."]:
        """The index of the region that each state lies in, −1 outside of all."""
        if not isinstance(states, np.ndarray) or states.dtype.kind not in "fiu":
            states = check_array("states", states, finite=False)
        if states.ndim == 0 or states.shape[-1] != self.dim:
            raise InputError(
                f"the regions have {self.dim} dimensions but the states have shape {states.shape}"
            )
        flat = states.reshape(-1, self.dim)
        labels = np.full(len(flat), -1, dtype=np.int32)
        rows = max(1, _CHUNK // self.dim)
        for first in range(0, len(flat), rows):
            part = flat[first : first + rows]
            part = part.astype(np.result_type(part, np.float32), copy=False)
            for w, (centre, radius) in enumerate(zip(self.centres, self.radii, strict=True)):
                inside = np.sum((part - centre.astype(part.dtype)) ** 2, axis=1) <= radius**2
                labels[first : first + rows][inside] = w
        return labels.reshape(states.shape[:-1])


class DistanceTo(eqx.Module):
    """The distance to the nearest of some regions: min_j |z − c_j| − r_j, negative inside."""

    centres: Float[np.ndarray, "W k"]
    radii: Float[np.ndarray, " W"]

    def __call__(self, z: Float[Array, " k"]) -> Float[Array, ""]:
        away = jnp.sqrt(jnp.sum((z - like(self.centres, z)) ** 2, axis=1))
        return jnp.min(away - like(self.radii, z))


@spelled
def cores(centres: ArrayLike) -> Regions:
    """Balls about centres, small enough that what leaves one has left its well's bottom: of radius
    0.1 √k, at most 0.3, of the least distance between two centres."""
    regions = Regions(centres)
    return Regions(regions.centres, regions.radii * min(1.0, _CORE * regions.dim**0.5 / _DEFAULT))


def filling(centres: ArrayLike) -> Regions:
    """Balls about centres, nearly as large as fit: each of radius 0.45 of the distance to its
    nearest neighbour."""
    c = Regions(centres).centres
    return Regions(c, _FILLING * nearest(c))


def as_regions(regions: Regions | ArrayLike) -> Regions:
    """Regions, or the centres of regions of the default radius."""
    return regions if isinstance(regions, Regions) else Regions(regions)


def as_level(target: Regions | Level, dim: int, what: str = "target") -> Level:
    """The function that is negative inside of some regions or of what a function says."""
    if isinstance(target, Regions):
        if target.dim != dim:
            raise InputError(f"{what} has {target.dim} dimensions but the SDE {dim}")
        return DistanceTo(target.centres, target.radii)
    if not callable(target):
        raise InputError(
            f"{what} must be a Regions or a function that is negative inside, got "
            f"{type(target).__name__}"
        )
    level = uncompiled(target)
    try:
        value = jax.eval_shape(
            lambda z: jnp.asarray(level(z)), jax.ShapeDtypeStruct((dim,), jnp.result_type(float))
        )
    except Exception as error:
        raise InputError(
            f"{what} failed on a state of shape ({dim},); write it with jax.numpy: "
            f"{type(error).__name__}: {error}"
        ) from error
    if value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
        raise InputError(
            f"{what} must return one real number for a state, negative inside, got "
            f"{value.dtype} of shape {value.shape}"
        )
    return as_module(level, dim)


def _least(matrix: Float[np.ndarray, "W W"]) -> tuple[int, int]:
    """Row and column of the least entry of a symmetric matrix."""
    i, j = np.unravel_index(np.argmin(matrix), matrix.shape)
    return int(i), int(j)
