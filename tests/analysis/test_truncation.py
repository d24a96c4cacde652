import numpy as np
import pytest

import driftmatch as dm

N = 60
RNG = np.random.default_rng(0)


def oscillator(strength=3.0):
    """Two vectors that turn into each other; b = 0, so that rest is 0. Eigenvalues s(1 ± i)."""
    Q = np.linalg.qr(np.random.default_rng(1).normal(size=(N, 2))).Q
    return strength * Q @ np.array([[1.0, 1.0], [-1.0, 1.0]]) @ Q.T


REST = RNG.normal(size=(N, N)) / np.sqrt(N)  # of spectral norm near 2


def test_nothing_left_out():
    cut = dm.truncation(oscillator(), 2)
    assert cut.outcome.ok
    assert cut.fraction < 1e-25
    assert cut.drift_error < 1e-12
    assert cut.distance.max() < 1e-9
    assert cut.abscissa == pytest.approx(2.0)  # 3 − 1
    assert cut.kept_abscissa == pytest.approx(2.0)
    assert cut.rest_norm < 1e-12


def test_the_numbers_are_those_of_the_matrix():
    W = oscillator() + 0.05 * REST
    cut = dm.truncation(W, 2, tau=0.5)
    U, s, V = np.linalg.svd(W)
    kept = U[:, :2] * s[:2] @ V[:2]
    np.testing.assert_allclose(cut.singular_values, s)
    assert cut.fraction == pytest.approx(np.linalg.norm(W - kept) ** 2 / np.linalg.norm(W) ** 2)
    assert cut.rest_norm == pytest.approx(np.linalg.norm(W - kept, 2))
    assert cut.abscissa == pytest.approx((np.linalg.eigvals(W).real.max() - 1) / 0.5)
    assert cut.kept_abscissa == pytest.approx((np.linalg.eigvals(kept).real.max() - 1) / 0.5)
    assert cut.times[-1] == pytest.approx(25.0)
    assert cut.distance[0] == 0


def test_the_error_of_the_drift_grows_with_what_is_left_out():
    small, large = (dm.truncation(oscillator() + size * REST, 2) for size in (0.01, 0.04))
    assert 0 < small.drift_error < large.drift_error
    assert large.drift_error / small.drift_error == pytest.approx(4, rel=0.2)
    assert small.outcome.ok


def test_a_component_that_drives_the_network_is_missed():
    cut = dm.truncation(oscillator(), 1)
    assert cut.outcome is dm.Outcome.OTHER_DRIFT
    assert cut.drift_error > 0.1


def test_stability_can_hang_on_what_is_small():
    """Rest loses its stability by a weak component, which ends in states of its own."""
    Q = np.linalg.qr(RNG.normal(size=(N, 8))).Q
    W = 200 * Q[:, :1] @ Q[:, 1:2].T + 1.01 * Q[:, 2:3] @ Q[:, 2:3].T
    cut = dm.truncation(W, 1)
    assert cut.abscissa == pytest.approx(0.01)
    assert cut.kept_abscissa == pytest.approx(-1.0)
    assert cut.drift_error < 0.1
    assert cut.outcome is dm.Outcome.OTHER_STABILITY


def test_paths_of_chaotic_networks_part():
    """A small error of the drift, and another path; with a tenth of that they stay together."""
    W = 2 * np.random.default_rng(2).normal(size=(200, 200)) / np.sqrt(200)
    apart, together = (dm.truncation(W, k) for k in (185, 199))
    assert apart.drift_error < 0.1
    assert apart.outcome is dm.Outcome.PATHS_PART
    assert apart.distance[-1] > 0.5
    assert apart.distance[1] < 0.01
    assert together.outcome.ok


def test_a_network_that_grows_without_bound_says_so():
    cut = dm.truncation(oscillator(400.0) + 0.01 * REST, 2, activation="identity")
    assert cut.outcome is dm.Outcome.NON_FINITE


@pytest.mark.parametrize("rank", [0, N + 1, 1.5])
def test_a_rank_that_is_none(rank):
    with pytest.raises(dm.InputError, match="rank must be"):
        dm.truncation(oscillator(), rank)
