"""Regions of state space that stand for memories."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from driftmatch.errors import InputError

Level = Callable[[Array], Array]

_DEFAULT = 0.3  # of the least distance between two centres
_CHUNK = 2**22  # numbers compared at once


@dataclass(frozen=True)
class Regions:
    """Balls that do not overlap, each the core of a memory.

    - `centres`: shape (W, k), in units of z. - `radii`: shape (W,).

    **Arguments**: `centres`, and `radius`, one number or W; by default 0.3 of the least distance
    between two centres. Raises `InputError` when these do not fit together or the balls overlap.
    """

    centres: Float[np.ndarray, "W k"]
    radii: Float[np.ndarray, " W"]

    def __init__(self, centres: ArrayLike, radius: ArrayLike | None = None):
        try:
            c = np.asarray(centres, dtype=float)
            r = None if radius is None else np.asarray(radius, dtype=float)
        except (TypeError, ValueError):
            raise InputError("regions need numbers: centres of shape (W, k) and radii") from None
        if c.ndim != 2 or len(c) == 0 or not np.all(np.isfinite(c)):
            raise InputError(f"centres must be finite and of shape (W, k), got shape {c.shape}")
        apart = np.linalg.norm(c[:, None] - c[None], axis=-1) + np.diag(np.full(len(c), np.inf))
        if r is None:
            if len(c) == 1:
                raise InputError("a single region needs a radius")
            r = np.asarray(_DEFAULT * apart.min())
        if r.shape not in ((), (len(c),)):
            raise InputError(f"radius must be one number or {len(c)}, got shape {r.shape}")
        r = np.broadcast_to(r, len(c)).copy()
        if not (np.all(np.isfinite(r)) and np.all(r > 0)):
            raise InputError(f"radius must be positive, got {r.tolist()}")
        gaps = apart - r[:, None] - r
        i, j = np.unravel_index(np.argmin(gaps), gaps.shape)
        if gaps[i, j] < 0:
            raise InputError(
                f"regions {min(i, j)} and {max(i, j)} overlap: their centres are {apart[i, j]:.3g} "
                f"apart and their radii {r[i]:.3g} and {r[j]:.3g}; lower radius"
            )
        object.__setattr__(self, "centres", c)
        object.__setattr__(self, "radii", r)

    def __len__(self) -> int:
        return len(self.centres)

    @property
    def dim(self) -> int:
        """k."""
        return self.centres.shape[1]

    def labels(self, states: Float[np.ndarray, "... k"]) -> Int[np.ndarray, "..."]:
        """The index of the region that each state lies in, −1 outside of all."""
        states = np.asarray(states)
        if states.shape[-1] != self.dim:
            raise InputError(
                f"the regions have {self.dim} dimensions but the states {states.shape[-1]}"
            )
        flat = states.reshape(-1, self.dim)
        labels = np.full(len(flat), -1, dtype=np.int32)
        rows = max(1, _CHUNK // flat.shape[1])
        for first in range(0, len(flat), rows):
            part = flat[first : first + rows]
            for w, (centre, radius) in enumerate(zip(self.centres, self.radii, strict=True)):
                inside = np.sum((part - centre.astype(part.dtype)) ** 2, axis=1) <= radius**2
                labels[first : first + rows][inside] = w
        return labels.reshape(states.shape[:-1])

    def level(self, which: int) -> Level:
        """|z − c| − r of one region: negative inside."""
        centre, radius = self.centres[which], self.radii[which]
        return lambda z: jnp.sqrt(jnp.sum((z - centre) ** 2)) - radius


def as_regions(regions: Regions | ArrayLike) -> Regions:
    """Regions, or the centres of regions of the default radius."""
    return regions if isinstance(regions, Regions) else Regions(regions)


def as_level(target: Regions | Level, dim: int, what: str = "target") -> Level:
    """The function that is negative inside of a single region or of what a function says."""
    if isinstance(target, Regions):
        if len(target) != 1:
            raise InputError(
                f"{what} must be one region, got {len(target)}: choose one by "
                "Regions(centres[[j]], radius)"
            )
        if target.dim != dim:
            raise InputError(f"{what} has {target.dim} dimensions but the SDE {dim}")
        return target.level(0)
    if not callable(target):
        raise InputError(
            f"{what} must be a Regions or a function that is negative inside, got "
            f"{type(target).__name__}"
        )
    try:
        shape = jax.eval_shape(
            lambda z: jnp.asarray(target(z)), jax.ShapeDtypeStruct((dim,), jnp.result_type(float))
        ).shape
    except Exception as error:
        raise InputError(
            f"{what} failed on a state of shape ({dim},); write it with jax.numpy: "
            f"{type(error).__name__}: {error}"
        ) from error
    if shape != ():
        raise InputError(f"{what} must return one number for a state, got shape {shape}")
    return target
