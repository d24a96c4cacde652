import math

import jax
import numpy as np
import pytest
from scipy import stats

from driftmatch.analysis.densities import (
    marginal_densities,
    mixture_divergence,
    sliced_wasserstein,
    state_space_divergence,
)
from driftmatch.errors import InputError


def normal(shape, seed, shift=0.0):
    return np.random.default_rng(seed).standard_normal(shape) + shift


@pytest.mark.parametrize("shift", [0.3, 0.6])
def test_divergence_of_shifted_gaussians(shift):
    """KL = δ²/2; bins of a third of a standard deviation lose less than 3 %."""
    found = state_space_divergence(normal((500_000, 1), 0), normal((500_000, 1), 1, shift))
    assert found == pytest.approx(shift**2 / 2, rel=0.04)


def test_divergence_of_a_wider_gaussian():
    """KL(N(0,1)‖N(0,s²)) = ln s − ½ + 1/(2s²), which is not the divergence the other way round."""
    narrow, wide = normal((500_000, 1), 0), 1.5 * normal((500_000, 1), 1)
    expected = math.log(1.5) - 0.5 + 1 / (2 * 1.5**2)
    assert state_space_divergence(narrow, wide) == pytest.approx(expected, rel=0.03)
    assert state_space_divergence(wide, narrow) > 1.5 * expected


def test_what_leaves_the_range_is_paid_for():
    """Half of the other's states lie outside of the reference's range: KL = ln 2, not 0."""
    reference = np.random.default_rng(0).uniform(0, 1, (100_000, 1))
    assert state_space_divergence(reference, 2 * reference) == pytest.approx(math.log(2), abs=3e-3)
    lost = np.where(reference < 0.5, reference * 2, np.nan)
    assert state_space_divergence(reference, lost) == pytest.approx(math.log(2), abs=0.01)


def test_divergence_floor():
    """Two samples of N from B equally likely bins: (B − 1)/N on average to leading order, and
    another 2/N for the two states or so of one sample that lie outside of the other's range."""
    rng = np.random.default_rng(0)
    found = [
        state_space_divergence(*rng.uniform(0, 1, (2, 10_000, 1)), num_bins=10) for _ in range(200)
    ]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - 11 / 10_000) < 4 * error  # wrong in one of 10⁴ seeds
    assert error < 1e-4


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_identical_states_are_no_distance_apart(k):
    states = normal((5, 400, k), 0)
    assert state_space_divergence(states, states) == 0
    assert sliced_wasserstein(states, states) == 0


def test_units_do_not_matter():
    scale, shift = np.array([1e4, 1e-3, 1.0, 7.0]), np.array([1e5, 0.0, -3.0, 2.0])
    for k in (2, 4):
        a, b = normal((1000, k), 0), normal((1000, k), 1, 0.2)
        moved = [x * scale[:k] + shift[:k] for x in (a, b)]
        for distance in (state_space_divergence, sliced_wasserstein):
            assert distance(*moved) == pytest.approx(distance(a, b), rel=1e-3)


def test_mixture_divergence_by_quadrature():
    """Few centres on a line: 1000 draws leave an error of about 5 %."""
    p, q = np.array([0.0, 1.0, 3.0, 3.5, 4.0]), np.array([0.5, 1.0, 2.0, 2.5])
    h = len(p) ** (-1 / 5) * p.std(ddof=1)
    x = np.linspace(-8, 12, 20_001)

    def density(centres):
        kernels = np.exp(-0.5 * ((x[:, None] - centres) / h) ** 2) / (h * np.sqrt(2 * np.pi))
        return kernels.mean(axis=1)

    exact = np.trapezoid(density(p) * np.log(density(p) / density(q)), x)
    found = [
        mixture_divergence(p[:, None], q[:, None], key=jax.random.key(seed)) for seed in range(20)
    ]
    error = np.std(found, ddof=1) / np.sqrt(20)
    assert abs(np.mean(found) - exact) < 4 * error
    assert error < 0.03 * exact


def test_mixture_divergence_of_shifted_gaussians():
    """The mixtures are normal with variance 1 + h², so KL = δ²/2(1 + h²), above the floor."""
    k, N = 4, 2000
    h = N ** (-1 / (k + 4))
    reference, same = normal((N, k), 0), normal((N, k), 1)
    other = normal((N, k), 2, np.r_[0.7, np.zeros(3)])
    floor = state_space_divergence(reference, same)
    expected = 0.7**2 / (2 * (1 + h**2))
    assert state_space_divergence(reference, other) - floor == pytest.approx(expected, rel=0.25)
    assert state_space_divergence(reference, other) == mixture_divergence(reference, other)


def test_divergence_from_what_has_blown_up():
    reference = normal((500, 4), 0)
    half_gone = np.where(np.arange(500)[:, None] % 2, np.nan, normal((500, 4), 1))
    whole = state_space_divergence(reference, normal((500, 4), 1))
    assert state_space_divergence(reference, half_gone) > whole + 0.6
    assert state_space_divergence(reference, 1e6 + reference) > 1e3
    assert state_space_divergence(reference, np.full((500, 4), np.nan)) == np.inf


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_sliced_wasserstein_of_a_shift(k):
    """|δ| Γ(k/2)/(√π Γ((k+1)/2)); the mean over 4000 directions is within 3 % of it."""
    states = normal((1000, k), 0)
    states /= states.std(axis=0)
    shift = np.r_[np.zeros(k - 1), 0.5]
    expected = 0.5 * math.gamma(k / 2) / (math.sqrt(math.pi) * math.gamma((k + 1) / 2))
    found = sliced_wasserstein(states, states + shift, num_directions=4000)
    assert found == pytest.approx(expected, rel=0.03)


def test_sliced_wasserstein_of_a_scale_and_of_unequal_numbers():
    """E|X − sX| = (s − 1)√(2/π) in one dimension."""
    a, b = normal((40_000, 1), 0), 1.5 * normal((25_000, 1), 1)
    assert sliced_wasserstein(a, b) == pytest.approx(0.5 * math.sqrt(2 / math.pi), rel=0.03)
    assert sliced_wasserstein(a[:7], b) > 0
    assert sliced_wasserstein(a, np.full((3, 1), np.inf)) == np.inf


@pytest.mark.parametrize("distance", [state_space_divergence, sliced_wasserstein])
@pytest.mark.parametrize(
    ("reference", "other"),
    [
        (np.zeros((5, 2)), np.zeros((5, 3))),
        (np.zeros(5), np.zeros(5)),
        (np.zeros((0, 2)), np.zeros((5, 2))),
        (np.full((5, 2), np.nan), np.zeros((5, 2))),
    ],
)
def test_bad_input(distance, reference, other):
    with pytest.raises(InputError, match="states"):
        distance(reference, other)


FIVE_ERRORS = 5 * np.sqrt(0.4 / (200_000 * 0.18))  # of a density of 0.4 in bins of 0.18


def test_marginal_densities_are_those_of_gaussians():
    """Within five standard errors in 160 bins: by chance not once in 10⁴ runs."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200_000, 2)) * np.array([3.0, 0.1]) - 1.0
    found = marginal_densities(z, z + np.array([3.0, 0.0]), num_bins=40)
    normal, shifted = (
        np.diff(stats.norm.cdf(found.edges - mean)) / np.diff(found.edges) for mean in (0, 1)
    )
    np.testing.assert_allclose(found.reference, [normal, normal], atol=FIVE_ERRORS)
    np.testing.assert_allclose(found.other, [shifted, normal], atol=FIVE_ERRORS)
    assert np.abs(shifted - normal).max() > 10 * FIVE_ERRORS
    with pytest.raises(InputError, match="one k for both"):
        marginal_densities(z, z[:, :1])
