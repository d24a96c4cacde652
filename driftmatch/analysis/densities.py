"""How far apart two sets of states lie, as densities in state space."""

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.arguments import check_array, check_count, check_key
from driftmatch.errors import InputError
from driftmatch.randomness import generator
from driftmatch.records import Record
from driftmatch.sampling.whitening import Whitening
from driftmatch.words import spelled

LAPLACE = 1e-5
MAX_BINNED_DIM = 3
_NUM_CENTRES = 2000
_NUM_DRAWS = 1000
_TAIL = 0.002  # of the states may lie beyond the bins on either side


@spelled
def state_space_divergence(
    reference: Float[np.ndarray, "*samples k"],
    other: Float[np.ndarray, "*others k"],
    *,
    num_bins: int = 30,
    key: PRNGKeyArray | None = None,
) -> float:
    r"""The Kullback–Leibler divergence D_stsp = KL(p‖q) of the densities of two sets of states.

        D_stsp = Σ_c p_c ln(p_c / q_c)

    Up to three dimensions p and q are histograms: `num_bins` bins a dimension over the reference's
    [min, max], 10⁻⁵ added to every count. States outside of this range count in one cell of their
    own, so that a network which leaves the range pays for it. In more dimensions p and q are
    Gaussian mixtures, see `mixture_divergence`.

    **Arguments**

    - `reference`: states with density p, shape (..., k); all but the last axis are samples.
    - `other`: states with density q, shape (..., k). Non-finite ones lie outside of everything.
    - `key`: of the draws from the mixture, by default ``jax.random.key(0)``; the histogram needs
      none.

    Both sets should be of one size: the value depends on it, which is why it is reported beside
    its floor, the same between two runs of one system. It is lopsided: an other that misses states
    of the reference costs far more than one that spreads too widely. In nats.

    Raises `InputError` if the dimensions differ or the reference is empty or not finite.

    Source: G. Koppe et al., PLoS Comput. Biol. 15, e1007263 (2019).
    """
    reference, other = _two_sets(reference, other)
    num_bins = check_count("num_bins", num_bins)
    key = None if key is None else check_key(key)
    if reference.shape[1] > MAX_BINNED_DIM:
        return _mixture_divergence(reference, other, key)
    low, high = reference.min(axis=0), reference.max(axis=0)
    return kullback_leibler(*(histogram(x, low, high, num_bins) for x in (reference, other)))


class MarginalDensities(Record):
    """Histograms of every coordinate of two sets of states, on the same bins.

    Coordinates are measured from the reference's mean in its standard deviations.

    - `edges`: of the bins, shape (B + 1,). - `reference`, `other`: densities, shape (k, B).
    """

    edges: Float[np.ndarray, " edges"]
    reference: Float[np.ndarray, "k B"]
    other: Float[np.ndarray, "k B"]


def marginal_densities(
    reference: Float[np.ndarray, "*samples k"],
    other: Float[np.ndarray, "*others k"],
    *,
    num_bins: int = 60,
) -> MarginalDensities:
    """The marginal densities of two sets of states, from half a standard deviation below the 0.2 %
    quantiles of all coordinates to as much above those of 99.8 %.

    Raises `InputError` if the dimensions differ or the reference is empty or not finite.
    """
    sets = _two_sets(reference, other)
    mean, spread = sets[0].mean(axis=0), sets[0].std(axis=0)
    sets = [(states - mean) / np.where(spread > 0, spread, 1.0) for states in sets]
    ends = [np.quantile(states, (_TAIL, 1 - _TAIL), axis=0) for states in sets]
    edges = np.linspace(np.min(ends) - 0.5, np.max(ends) + 0.5, num_bins + 1)
    width = edges[1] - edges[0]
    p, q = ([np.histogram(z, edges)[0] / (len(z) * width) for z in states.T] for states in sets)
    return MarginalDensities(edges, np.array(p), np.array(q))


def histogram(
    states: Float[np.ndarray, "*samples k"],
    low: Float[np.ndarray, " k"],
    high: Float[np.ndarray, " k"],
    num_bins: int = 30,
) -> Float[np.ndarray, " cells"]:
    """Probabilities of the num_bins^k cells between low and high, and last of all that outside."""
    states = np.asarray(states, dtype=np.float64).reshape(-1, len(low))
    num_cells = num_bins ** len(low)
    inside = np.all((states >= low) & (states <= high), axis=1)
    width = np.where(high > low, high - low, 1.0)
    index = ((states[inside] - low) * (num_bins / width)).astype(int)
    index = np.minimum(index, num_bins - 1) @ num_bins ** np.arange(len(low))
    counts = np.bincount(index, minlength=num_cells + 1) + LAPLACE
    counts[num_cells] += len(states) - len(index)
    return counts / counts.sum()


def kullback_leibler(p: Float[np.ndarray, " cells"], q: Float[np.ndarray, " cells"]) -> float:
    """Σ p ln(p/q)."""
    return float(np.sum(p * np.log(p / q)))


def mixture_divergence(
    reference: Float[np.ndarray, "*samples k"],
    other: Float[np.ndarray, "*others k"],
    *,
    key: PRNGKeyArray | None = None,
) -> float:
    r"""KL(p‖q) of two Gaussian mixtures, in any dimension.

        p(z) = 1/N Σ_i N(z; z_i, h²C),    KL ≈ mean over draws z ~ p of ln p(z) − ln q(z)

    C is the reference's covariance, h = N^{−1/(k+4)} (Scott's rule), and the centres z_i are at
    most 2000 states, evenly spread over each set; 1000 draws. In nats.

    Arguments and errors are those of `state_space_divergence`.
    """
    return _mixture_divergence(*_two_sets(reference, other), key)


def _mixture_divergence(reference, other, key):
    whitening = Whitening.of(reference)
    p, q = _thin(reference, _NUM_CENTRES), _thin(other, _NUM_CENTRES)
    in_p, in_q = len(p), len(q)
    p, q = (whitening.whiten(x[np.isfinite(x).all(axis=1)]) for x in (p, q))
    if len(q) == 0:
        return float("inf")
    k = p.shape[1]
    h = in_p ** (-1 / (k + 4))
    rng = generator(key)
    z = p[rng.integers(in_p, size=_NUM_DRAWS)] + h * rng.standard_normal((_NUM_DRAWS, k))
    return float(np.mean(_log_mixture(z / h, p / h, in_p) - _log_mixture(z / h, q / h, in_q)))


def _log_mixture(z, centres, number):
    """ln 1/number Σ_c exp(−½|z − c|²), in float32 but for the part that all centres share."""
    exponents = (z @ centres.T - 0.5 * np.sum(centres**2, axis=1)).astype(np.float32)
    largest = exponents.max(axis=1)
    sums = np.exp(exponents - largest[:, None]).sum(axis=1)
    return np.log(sums) + largest - 0.5 * np.sum(z**2, axis=1) - np.log(number)


@spelled
def sliced_wasserstein(
    reference: Float[np.ndarray, "*samples k"],
    other: Float[np.ndarray, "*others k"],
    *,
    num_directions: int = 64,
    key: PRNGKeyArray | None = None,
) -> float:
    r"""The sliced Wasserstein-1 distance, in standard deviations of the reference.

        SW = mean over unit vectors θ of ∫₀¹ |F⁻¹_θ(u) − G⁻¹_θ(u)| du

    where F_θ and G_θ are the distributions of the two sets along θ, every coordinate first divided
    by the reference's standard deviation. Two sets that differ by a shift δ are
    |δ| Γ(k/2) / (√π Γ((k+1)/2)) apart.

    **Arguments**

    - `reference`, `other`: states, shape (..., k); all but the last axis are samples.
    - `num_directions`: how many θ, drawn uniformly with `key`, by default
      ``jax.random.key(0)``, so that repeated calls agree.

    Raises `InputError` if the dimensions differ or the reference is empty or not finite; the
    distance to a set with non-finite states is infinite.
    """
    reference, other = _two_sets(reference, other)
    num_directions = check_count("num_directions", num_directions)
    key = None if key is None else check_key(key)
    if not np.isfinite(other).all():
        return float("inf")
    scale = reference.std(axis=0)
    scale[scale == 0] = 1.0
    theta = generator(key).standard_normal((num_directions, reference.shape[1]))
    theta /= np.linalg.norm(theta, axis=1, keepdims=True)
    n = min(len(reference), len(other))
    a, b = (_quantiles(theta @ (x / scale).T, n) for x in (reference, other))
    return float(np.mean(np.abs(a - b)))


def _quantiles(values, n):
    """n equally likely values of every row."""
    values = np.sort(values, axis=1)
    return values[:, ((np.arange(n) + 0.5) * (values.shape[1] / n)).astype(int)]


def _thin(states, size):
    return states[np.linspace(0, len(states) - 1, min(size, len(states))).astype(int)]


def _two_sets(reference, other):
    """Both as (N, k) arrays in float64."""
    reference, other = (
        check_array(what, states, finite=False)
        for what, states in (("reference", reference), ("other", other))
    )
    if reference.ndim < 2 or other.ndim < 2 or reference.shape[-1] != other.shape[-1]:
        raise InputError(
            "states must have shape (..., k) with one k for both sets, "
            f"got {reference.shape} and {other.shape}"
        )
    reference, other = (x.reshape(-1, x.shape[-1]) for x in (reference, other))
    if len(reference) == 0 or len(other) == 0 or not np.isfinite(reference).all():
        raise InputError("the reference states must be finite, and neither set may be empty")
    return reference, other
