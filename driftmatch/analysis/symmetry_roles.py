"""What the symmetric and the asymmetric part do to the states that a network visits."""

import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.spatial import KDTree

from driftmatch.analysis.symmetry import SymmetryDecomposition
from driftmatch.arguments import check_array
from driftmatch.errors import InputError
from driftmatch.randomness import generator
from driftmatch.records import Record
from driftmatch.sampling.whitening import Whitening
from driftmatch.words import spelled

Pair = tuple[float, float]

_ASIDE, _OFF = 0.4, 0.2  # standard deviations
_MOST = 10_000
_AT_REST = 1e-12  # of the parts' squares


class SymmetryRoles(Record):
    r"""Means over visited states; each pair is (symmetric, asymmetric) and adds up to the drift's.

    Lengths and angles are those of whitened coordinates, in which the states have mean 0 and unit
    covariance: so no number depends on the latent coordinates (`restoring` by its sampling error
    alone). Speeds are in units of the state's own, sqrt(⟨|f|²⟩).

    - `outward`: ⟨g± · ∇ρ⟩, ρ the distance from the mean, a speed: above 0 a part pushes away from
      the middle, below 0 towards it. The two are opposite but for what noise adds.
    - `restoring`: ⟨g± · u⟩ off the attractor, a speed: above 0 a part leads back to it. The mean is
      over visited states moved aside by 0.4 standard deviations (normal, the same draws always),
      those further than 0.2 from every visited one, to the nearest of which u points; NaN if there
      are none.
    - `motion`: ⟨g± · f⟩/⟨f · f⟩: the share of the motion that a part drives; they add up to 1.
    - `divergence`: ⟨∇·g±⟩, per unit time: below 0 a part shrinks volumes.
    - `size`: sqrt(⟨|g±|²⟩/⟨|f|²⟩); these do not add up. Well above 1, the parts mostly cancel.
    - `descending_fraction`: of states where g₊ descends the latent energy.
    - `num_states`: how many states the means are over.
    """

    outward: Pair
    restoring: Pair
    motion: Pair
    divergence: Pair
    size: Pair
    descending_fraction: float
    num_states: int


@spelled
def symmetry_roles(
    decomposition: SymmetryDecomposition, states: Float[ArrayLike, "*N k"]
) -> SymmetryRoles:
    """Which part holds, which one pushes, and which one moves the state.

    **Arguments**

    - `decomposition`: what `symmetry` returned.
    - `states`: latent states that the network visits, shape (..., k), such as ``run.latent``;
      non-finite ones are left out, and of more than 10 000 as many evenly spaced ones taken.

    **Raises** `InputError` if the dimensions differ, fewer than k + 1 states are finite, or the
    network is at rest in all of them.
    """
    if not isinstance(decomposition, SymmetryDecomposition):
        raise InputError(
            f"decomposition must be what symmetry returned, got {type(decomposition).__name__}"
        )
    k = decomposition.network.latent_dim
    z = check_array("states", states, (..., k), finite=False).reshape(-1, k)
    z = z[np.isfinite(z).all(axis=1)]
    if len(z) <= k:
        raise InputError(
            f"the means need more than {k} finite states, got {len(z)}: pass those of a run"
        )
    z = z[np.linspace(0, len(z) - 1, min(_MOST, len(z))).astype(int)]
    whitening = Whitening.of(z)
    place = whitening.whiten(z)
    radial = place / np.maximum(np.linalg.norm(place, axis=1, keepdims=True), 1e-300)
    parts = _fields(decomposition, whitening, place)
    drift = parts[0] + parts[1]
    power = _mean_product(drift, drift)
    if power <= _AT_REST * max(_mean_product(g, g) for g in parts):
        raise InputError(
            "the network rests at these states, so its parts cancel and have no roles: pass states "
            "of a run that moves"
        )
    aside, home = _off_attractor(place)
    parts_aside = _fields(decomposition, whitening, aside)
    divergences = decomposition.divergences(z).mean(axis=0)
    return SymmetryRoles(
        outward=_pair(_mean_product(g, radial) / power**0.5 for g in parts),
        restoring=_pair(_mean_product(g, home) / power**0.5 for g in parts_aside),
        motion=_pair(_mean_product(g, drift) / power for g in parts),
        divergence=_pair(divergences),
        size=_pair((_mean_product(g, g) / power) ** 0.5 for g in parts),
        descending_fraction=decomposition.descending_fraction(z),
        num_states=len(z),
    )


def _fields(decomposition, whitening, place):
    """g₊ and g₋ in whitened coordinates, at states in whitened coordinates."""
    z = whitening.unwhiten(place)
    return [
        whitening.whiten_rates(field(z))
        for field in (decomposition.symmetric, decomposition.asymmetric)
    ]


def _off_attractor(place):
    """States beside the visited ones, and unit vectors to the nearest visited one."""
    aside = place + _ASIDE * generator().standard_normal(place.shape)
    distance, nearest = KDTree(place).query(aside)
    off = distance > _OFF
    return aside[off], ((place[nearest] - aside) / np.maximum(distance, 1e-300)[:, None])[off]


def _mean_product(a, b) -> float:
    return float(np.mean(np.sum(a * b, axis=1))) if len(a) else float("nan")


def _pair(values) -> Pair:
    first, second = (float(value) for value in values)
    return first, second
