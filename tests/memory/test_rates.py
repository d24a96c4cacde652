"""Intervals of rates: their coverage, summed exactly rather than sampled."""

import math

import numpy as np
import pytest
from scipy import stats

from driftmatch.memory.rates import Rate, log_ratio, poisson_interval, weighted_interval
from driftmatch.outcomes import Outcome

MEANS = np.geomspace(0.05, 60.0, 400)
NUMBERS = np.arange(200)


def poisson_coverage(interval):
    """For every mean the probability that the interval of what is counted holds it."""
    low, high = interval(NUMBERS)
    holds = (low[:, None] <= MEANS) & (high[:, None] >= MEANS)
    return np.sum(stats.poisson.pmf(NUMBERS[:, None], MEANS) * holds, axis=0)


def test_garwood_covers_every_mean():
    assert poisson_coverage(poisson_interval).min() >= 0.95


def test_the_textbook_interval_would_not():
    def textbook(n):
        return n - 1.96 * np.sqrt(n), n + 1.96 * np.sqrt(n)

    assert poisson_coverage(textbook).min() < 0.1


def test_garwood_is_not_wider_than_it_must_be():
    assert poisson_coverage(poisson_interval)[MEANS > 20].max() < 0.97


@pytest.mark.parametrize("total", [3, 30, 200])
def test_log_ratio_covers_every_ratio(total):
    forward = np.arange(total + 1)
    low, high = np.array([log_ratio(int(n), total - int(n))[1] for n in forward]).T
    q = np.linspace(-4, 4, 161)
    p = 1 / (1 + np.exp(-q))
    pmf = stats.binom.pmf(forward[:, None], total, p)
    holds = (low[:, None] <= q) & (high[:, None] >= q)
    assert np.sum(pmf * holds, axis=0).min() >= 0.95
    with np.errstate(divide="ignore", invalid="ignore"):  # the usual error of a log ratio
        value = np.log(forward / (total - forward))
        error = np.sqrt(1 / forward + 1 / (total - forward))
        usual = np.abs(value[:, None] - q) <= 1.96 * error[:, None]
    usual = np.where(np.isfinite(value[:, None]), usual, False)
    assert np.sum(pmf * usual, axis=0).min() < 0.94


def test_log_ratio_of_none():
    value, interval = log_ratio(0, 0)
    assert math.isnan(value)
    assert interval == (-math.inf, math.inf)
    value, (low, high) = log_ratio(5, 0)
    assert value == math.inf
    assert low == pytest.approx(math.log(0.025**0.2 / (1 - 0.025**0.2)))
    assert high == math.inf
    value, (low, high) = log_ratio(30, 10)
    assert value == pytest.approx(math.log(3))
    assert (low, high) == pytest.approx(tuple(-x for x in log_ratio(10, 30)[1][::-1]))


def test_weighted_interval_of_a_difference():
    """n₊ − n₋ of two Poisson numbers, as for net turns: 95 % up to a percent or two, and not less
    where there are hardly any events; the usual error, √(n₊ + n₋), breaks down there."""
    n = np.arange(90)
    low, high = poisson_interval(n)
    down, up = (n - low) ** 2, (high - n) ** 2
    difference = n[:, None] - n
    below = difference - np.sqrt(down[:, None] + up)
    above = difference + np.sqrt(up[:, None] + down)
    for pair in ((0, 0), (3, 0), (0, 7), (12, 40)):
        expected = weighted_interval(np.array([1.0, -1.0]), np.array(pair))
        assert (below[pair], above[pair]) == pytest.approx(expected)
    usual = 1.96 * np.sqrt(n[:, None] + n)
    worst = {"interval": 1.0, "usual": 1.0}
    for a in (0.02, 0.3, 2.0, 8.0, 30.0):
        for b in (0.02, 0.3, 2.0, 8.0, 30.0):
            p = np.outer(stats.poisson.pmf(n, a), stats.poisson.pmf(n, b))
            holds = (below <= a - b) & (a - b <= above)
            worst["interval"] = min(worst["interval"], np.sum(p * holds))
            holds = np.abs(difference - (a - b)) <= usual
            worst["usual"] = min(worst["usual"], np.sum(p * holds))
    assert worst["interval"] > 0.94
    assert worst["usual"] < 0.5


def test_weighted_interval_of_several_sizes():
    """1000 samples for each row of means: an error rate of 5 % is known to 0.7 %."""
    rng = np.random.default_rng(0)
    weights = np.array([-1.0, 1.0, 2.0])
    for means in ([1.0, 4.0, 0.2], [10.0, 30.0, 3.0], [0.0, 0.1, 0.0]):
        events = rng.poisson(means, (1000, 3))
        ends = np.array([weighted_interval(weights, n) for n in events])
        wanted = weights @ means
        assert np.mean((ends[:, 0] <= wanted) & (wanted <= ends[:, 1])) > 0.93


def test_weighted_interval_of_one_weight_is_garwoods():
    for events in (0, 1, 7, 300):
        low, high = poisson_interval(events)
        expected = pytest.approx((0.5 * low, 0.5 * high))
        assert weighted_interval(np.array([0.5]), np.array([events])) == expected
        apart = weighted_interval(np.full(events + 1, 0.5), np.append(np.ones(events), 0))
        assert apart == expected


def test_a_rate_with_an_interval_of_its_own():
    rate = Rate(20, 4.0, (10.0, 40.0))
    assert rate.value == 5.0
    assert rate.interval == (2.5, 10.0)
    assert rate.mean_time_interval == (0.1, 0.4)
    assert Rate(0, 0.0, (0.0, 1.0)).interval == (0.0, math.inf)


def test_a_rate():
    rate = Rate(20, 4.0)
    assert rate.value == 5.0
    assert rate.mean_time == 0.2
    # tables of the exact Poisson interval for 20 events: 12.217 to 30.888
    assert rate.interval == pytest.approx((12.217 / 4, 30.888 / 4), rel=1e-4)
    assert rate.mean_time_interval == pytest.approx((4 / 30.888, 4 / 12.217), rel=1e-4)
    assert rate.outcome is Outcome.SUCCESS


def test_few_events_say_so():
    assert Rate(10, 1.0).outcome is Outcome.SUCCESS
    assert Rate(9, 1.0).outcome is Outcome.FEW_EVENTS


def test_no_events():
    rate = Rate(0, 2.0)
    assert rate.value == 0.0
    assert rate.interval == pytest.approx((0.0, -math.log(0.025) / 2))
    assert rate.mean_time == math.inf
    assert rate.mean_time_interval == pytest.approx((-2 / math.log(0.025), math.inf))
    assert rate.outcome is Outcome.FEW_EVENTS


def test_no_time():
    rate = Rate(0, 0.0)
    assert math.isnan(rate.value)
    assert math.isnan(rate.mean_time)
    assert rate.interval == rate.mean_time_interval == (0.0, math.inf)
