r"""Fixed points and slow points of a drift, with their linear stability."""

from dataclasses import field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from numpy.typing import ArrayLike
from scipy.stats import qmc

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.fixed_point_search import STILL, FixedPointSearch
from driftmatch.analysis.stability import Stability
from driftmatch.arguments import check_box, check_count, check_key, check_non_negative, or_none
from driftmatch.errors import InputError
from driftmatch.network import Network, as_low_rank, as_sde
from driftmatch.outcomes import Outcome
from driftmatch.randomness import generator
from driftmatch.records import Record
from driftmatch.sampling.given import check_samples, samples_of, undriven
from driftmatch.sampling.samples import Samples
from driftmatch.words import spelled
from driftmatch.wrappers import unforced

Matrix = np.ndarray

ROUNDS = 6  # of searching at most
_WIDENED = 0.5  # of the visited range, on either side
_GROWTHS = 4  # of the box, at most
_NEXT_TO = 1.0  # widths of the box beyond it: zeros there count as its own
_VISITED = 8192


class NeuralEigenvalues(NamedTuple):
    """The spectrum of the n × n Jacobian [−1 + ΓW_s φ'(x)]/τ of the neurons at fixed points.

    - `latent`: the k eigenvalues along the subspace, shape (P, k). - `leak`: −1/τ, the eigenvalue
      of everything else. - `multiplicity`: of the leak, n − k.
    """

    latent: Matrix
    leak: float
    multiplicity: int


class FixedPoints(Record):
    """Where a drift vanishes, where it nearly does, and what it does nearby.

    - `points`: shape (P, k), in the order of their coordinates; `speed`: |f| there, shape (P,), a
      rounding error.
    - `jacobians`: ∂f_i/∂z_j, shape (P, k, k), per unit time; `eigenvalues`: shape (P, k), complex,
      by descending real part.
    - `kind`: "stable node", "unstable node", "saddle", "stable focus", "unstable focus",
      "saddle-focus", "center" (all eigenvalues imaginary) or "non-hyperbolic" (some without a real
      part, so that the linear part does not decide); a focus is what has complex eigenvalues.
    - `unstable_dim`: the number of eigenvalues with positive real part, shape (P,).
    - `slow_points`: where q = ½|f|² has a local minimum and f ≠ 0, slowest first, shape (Q, k);
      `slow_speeds`: |f| there, shape (Q,); `slow_eigenvalues`: of ∂f/∂z there, shape (Q, k).
    - `typical_speed`: the root-mean-square |f| over the box, to compare with.
    - `hits`: from how many starts each fixed point was reached, shape (P,); `num_starts`: of all.
    - `box`: where was searched: lower and upper corner, shape (2, k).
    - `outcome`: whether the points are isolated and the search can be taken for complete.
    """

    points: Float[Matrix, "P k"]
    speed: Float[Matrix, " P"]
    jacobians: Float[Matrix, "P k k"]
    eigenvalues: Matrix
    kind: list[str]
    unstable_dim: Matrix
    slow_points: Float[Matrix, "Q k"]
    slow_speeds: Float[Matrix, " Q"]
    slow_eigenvalues: Matrix
    typical_speed: float
    hits: Matrix
    num_starts: int
    box: Float[Matrix, "2 k"]
    outcome: Outcome
    name: str
    network: Network | None = field(default=None, repr=False)

    @property
    def is_stable(self) -> Matrix:
        """Whether all eigenvalues have negative real parts, shape (P,)."""
        return np.array([kind.startswith("stable") for kind in self.kind], dtype=bool)

    @property
    def neural_eigenvalues(self) -> NeuralEigenvalues:
        """Of the same fixed points seen as x = Γz + b, without forming a matrix of neurons.

        The product of Γ and W_s φ' has, but for zeros, the eigenvalues of W_s φ' Γ. Raises
        `InputError` for what is no network.
        """
        if self.network is None:
            raise InputError(f"{self.name} has no neurons: only a network has neural eigenvalues")
        net, within = as_low_rank(self.network), self.eigenvalues
        if net is not self.network:  # the common coordinate has one too
            slopes = net.activation.derivatives(self.network.lift(self.points))[1]
            J = (net.readout * slopes[:, None, :]) @ net.gamma
            within = np.linalg.eigvals((J - np.eye(net.latent_dim)) / net.tau)
        return NeuralEigenvalues(within, -1 / net.tau, net.num_neurons - net.latent_dim)


@spelled
def fixed_points(
    system: AbstractSDE,
    box: tuple[ArrayLike, ArrayLike] | None = None,
    *,
    key: PRNGKeyArray,
    num_starts: int = 512,
    time: float | None = None,
    samples: Samples | None = None,
) -> FixedPoints:
    r"""All states in a box where the drift vanishes, f(z) = 0, and where it is locally slowest.

    Noise plays no part: these are fixed points of the drift f, in Itô's sense. Evenly spread starts
    (a Sobol sequence, shifted at random) each follow Levenberg and Marquardt's steps down ½|f|², in
    float64; what does not end in a zero goes on by Newton's steps on q = ½|f|² to a slow point.
    Points within a millionth of the box of each other are one. Half of the starts of a second round
    lie around the points that were found. There are further rounds, up to six in all, while some
    point was reached from one start only, or, where the flow enters the box everywhere, while the
    indices sign det(−∂f/∂z) do not sum to one, as Poincaré and Hopf's theorem demands.

    A point is fixed if every f_i falls short of zero by less than what a billionth of the box
    changes it. So a slow point of smaller speed than that passes for a fixed one.

    **Arguments**

    - `system`: any SDE of which the drift can be differentiated, a network among them.
    - `box`: lower and upper corner, each of shape (k,). By default the range of the states that the
      SDE visits, widened by half of it on either side, within the bounds that it keeps, and again
      where zeros lie no further outside than the box is wide. Angles are searched all round. All
      fixed points of a network with bounded rates have |z_j| ≤ Σ_i |W_s,ji|.
    - `key`: a random key, for the starts.
    - `num_starts`: starts a round, rounded up to a power of two.
    - `time`: for an SDE with a forcing c(t), the time at which it is held: the zeros of f + c.
    - `samples`: what `sample` found; made here if a box is needed and they are not given.

    Raises `InputError` if the box has another dimension, is empty, or holds states where the drift
    is not finite.

    Source: D. Sussillo, O. Barak, Neural Comput. 25, 626 (2013), for slow points; H. Nielsen,
    *Damping parameter in Marquardt's method* (1999).
    """
    sde = as_sde(system, error="fixed_points needs an SDE or a Network")
    check_samples(sde, samples)
    num_starts = 1 << (check_count("num_starts", num_starts) - 1).bit_length()
    time = or_none(check_non_negative)("time", time)
    key = check_key(key)
    rng = generator(key)
    if box is not None:
        corners = np.stack(check_box(box, sde.dim))
        return _within(sde, corners, num_starts, time, rng, None)[0]
    samples = samples_of(undriven(sde), samples, key)  # the box is that of the SDE without input
    visited = samples.states[rng.permutation(samples.runs.size // sde.dim)[:_VISITED]]
    corners = _widened(samples.extent, samples)
    for _ in range(_GROWTHS):
        found, outside = _within(sde, corners, num_starts, time, rng, visited)
        wider = _holding(corners, outside, samples)
        if wider is None:
            break
        corners = wider
    return found


def _within(
    sde: AbstractSDE, corners: Float[Matrix, "2 k"], num_starts: int, time, rng, visited
) -> tuple[FixedPoints, Float[Matrix, "Q k"]]:
    """The points in a box, and zeros that descents from there found outside."""
    low, high = corners
    sampler = qmc.Sobol(sde.dim, scramble=False)
    shift = rng.random(sde.dim)
    with jax.enable_x64(True):
        starts = (sampler.random(num_starts) + shift) % 1.0
        # Only where the box was chosen here is an angle's side of it one period.
        wraps = [
            a for a, p in enumerate(sde.periodic or ()) if p is not None and visited is not None
        ]
        forcing = _forcing(sde, time)
        search = FixedPointSearch(sde, low, high, forcing, starts, visited, wraps)
        fixed, adds_up = search.fixed(), True
        for _ in range(ROUNDS - 1):
            if fixed.is_continuum:
                break
            starts = (sampler.random(num_starts) + shift) % 1.0
            # Half of them near by, for where the box is large, the basins of some are small.
            near = search.around(fixed, starts[::2])
            search.follow(np.concatenate([near, starts[1::2]]))
            fixed = search.fixed()
            adds_up = search.adds_up(fixed, starts)
            if adds_up and not np.any(fixed.hits == 1):
                break
        slow = search.slow()
        if visited is not None:  # of zeros next to the box, descents within it need not know
            starts = (sampler.random(num_starts) + shift) % 1.0
            search.follow((1 + 2 * _NEXT_TO) * starts - _NEXT_TO)
        outside = search.outside()
    if fixed.is_continuum or slow.is_continuum:
        outcome = Outcome.CONTINUUM if fixed.is_continuum else Outcome.SLOW_CONTINUUM
    elif not adds_up:
        outcome = Outcome.MISSED_POINTS
    else:
        outcome = Outcome.FEW_HITS if np.any(fixed.hits == 1) else Outcome.SUCCESS
    order = np.lexsort(np.round(fixed.states, 6).T[::-1])
    slowest = np.argsort(slow.speeds)
    stability = Stability.of(fixed.jacobians[order])
    found = FixedPoints(
        points=fixed.points[order],
        speed=fixed.speeds[order],
        jacobians=fixed.jacobians[order],
        eigenvalues=stability.eigenvalues,
        kind=stability.kind,
        unstable_dim=stability.unstable_dim,
        slow_points=slow.points[slowest],
        slow_speeds=slow.speeds[slowest],
        slow_eigenvalues=Stability.of(slow.jacobians[slowest]).eigenvalues,
        typical_speed=search.typical_speed,
        hits=fixed.hits[order],
        num_starts=search.num_starts,
        box=np.stack([low, high]),
        outcome=outcome,
        name=sde.name,
        network=network if isinstance(network := unforced(sde), Network) else None,
    )
    return found, outside


def _widened(extent: Float[Matrix, "2 k"], samples: Samples) -> Float[Matrix, "2 k"]:
    """The extent widened by half on either side, within the bounds; angles are whole as they are.

    A coordinate that keeps still is given the width of its size: any will do.
    """
    low, high = extent
    width = high - low
    size = np.where(low != 0, np.abs(low), 1.0)
    width = np.where(width > 1e-12 * np.abs(extent).max(axis=0), width, size)
    margin = np.where([p is None for p in samples.periods], _WIDENED * width, 0.0)
    low, high = np.maximum(low - margin, samples.bounds[0]), high + margin
    return np.stack([low, np.minimum(high, samples.bounds[1])])


def _holding(corners, outside, samples: Samples) -> Float[Matrix, "2 k"] | None:
    """A box that holds the zeros outside that are no further than a width away; None if none is."""
    low, high = corners
    reach = _NEXT_TO * (high - low)
    if any(period is not None for period in samples.periods):
        outside = outside[:0]
    near = np.all((outside >= low - reach) & (outside <= high + reach), axis=1)
    room = STILL * (high - low)  # zeros on a bound may be rounded to beyond it
    lowest, highest = samples.bounds[0] - room, samples.bounds[1] + room
    near &= np.all((outside >= lowest) & (outside <= highest), axis=1)
    if not near.any():
        return None
    low, high = (
        np.minimum(low, outside[near].min(axis=0)),
        np.maximum(high, outside[near].max(axis=0)),
    )
    margin = 0.05 * (high - low)
    return np.stack([np.maximum(low - margin, samples.bounds[0]),
                     np.minimum(high + margin, samples.bounds[1])])  # fmt: skip


def _forcing(sde: AbstractSDE, time: float | None) -> Matrix:
    """c at that time; zero for an autonomous SDE."""
    with jax.enable_x64(True):
        value = sde.forcing(jnp.asarray(0.0 if time is None else time, jnp.float64))
    if value is None:
        return np.zeros(sde.dim)
    if time is None:
        raise InputError(
            f"{sde.name} has an input that depends on time: pass the time at which to hold it "
            "(time=0.0 if it is constant)"
        )
    return np.asarray(value, dtype=np.float64)
