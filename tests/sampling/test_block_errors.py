import numpy as np
import pytest

from driftmatch.sampling.block_errors import mean_error, never_mix

RUNS = 400


def coverage(draw, M, *, B=20, error=None):
    """How often the mean of zero-mean rates is within two errors of zero, and the alarms."""
    rng = np.random.default_rng(M)
    within, alarms = 0, 0
    for _ in range(RUNS):
        rates = draw(rng, B, M)
        found, alarm = mean_error(rates)
        found = found if error is None else error(rates)
        within += abs(rates.mean()) < 2 * found
        alarms += bool(alarm)
    return within / RUNS, alarms / RUNS


def independent(rng, B, M):
    return rng.normal(size=(B, M))


def persistent(rng, B, M, rho=0.6):
    """Blocks that are correlated with their neighbours."""
    x = rng.normal(size=(B, M))
    for b in range(1, B):
        x[b] = rho * x[b - 1] + (1 - rho**2) ** 0.5 * x[b]
    return x


def telescoping(rng, B, M):
    """Blocks that undo each other, as of an exponent that is zero."""
    return np.diff(rng.normal(size=(B + 1, M)), axis=0)


def together(rng, B, M):
    """Trajectories that share a part of what happens to them."""
    return rng.normal(size=(B, M)) + 0.5 * rng.normal(size=(B, 1))


def of_trajectories(rates):
    """The scatter of trajectories alone."""
    return rates.mean(axis=0).std(ddof=1) / rates.shape[1] ** 0.5


def of_blocks(rates):
    """All blocks as if they were independent."""
    return rates.std() / rates.size**0.5


# The standard deviation of a coverage of 95 % from 400 runs is 1.1 %.
@pytest.mark.parametrize("M", [1, 4, 8, 64])
@pytest.mark.parametrize("draw", [independent, persistent, telescoping, together])
def test_two_errors_cover(draw, M):
    if draw is together and M == 1:
        return
    covered, alarms = coverage(draw, M)
    # Student's t: seven degrees of freedom give 91 %, and so do 20 blocks of which few are free.
    assert covered > (0.8 if draw is persistent and M < 8 else 0.88)
    if draw is not together:
        assert alarms < 0.02
    elif M == 64:
        assert alarms > 0.95


@pytest.mark.parametrize(
    ("draw", "M", "error"),
    [(persistent, 1, of_blocks), (persistent, 64, of_blocks), (together, 64, of_trajectories)],
)
def test_ignoring_a_correlation_fails(draw, M, error):
    assert coverage(draw, M, error=error)[0] < 0.75


@pytest.mark.parametrize("M", [1, 8, 64])
def test_errors_are_not_wider_than_they_must_be(M):
    rng = np.random.default_rng(0)
    errors = [mean_error(independent(rng, 20, M))[0] for _ in range(100)]
    assert np.mean(errors) * (20 * M) ** 0.5 == pytest.approx(1.05, abs=0.12)


@pytest.mark.parametrize("M", [2, 64])
def test_equal_trajectories_count_as_one(M):
    rates = np.tile(np.random.default_rng(0).normal(size=(20, 1)), (1, M))
    error, alarm = mean_error(rates)
    assert error == pytest.approx(rates[:, 0].std(ddof=1) / 20**0.5, rel=0.4)
    assert alarm


def test_what_does_not_vary_has_no_error():
    for M in (1, 4, 64):
        error, alarm = mean_error(np.full((20, M, 3), -2.0))
        np.testing.assert_array_equal(error, 0)
        assert not alarm.any()


def test_trajectories_that_never_mix_are_found():
    """Two attractors ten times a block's scatter apart; and 900 runs of one kind, no alarm."""
    rng = np.random.default_rng(3)
    for M in (2, 8, 64):
        assert not any(never_mix(independent(rng, 20, M)) for _ in range(300))
    kinds = np.arange(8) % 2
    assert never_mix(independent(rng, 20, 8) + 10 * kinds)
    assert not never_mix(independent(rng, 20, 1))
