"""Rates of jumps: Markov chains, whose rates are known, and intervals that cover them."""

import math

import numpy as np
import pytest
from chains import GENERATOR, chains, coverage, recording, regions, walk

from driftmatch.memory.dwell import dwell
from driftmatch.memory.rates import poisson_interval


def test_rates_of_a_markov_chain():
    """200 recordings of 30 jumps, six rates: 1200 intervals, whose share that holds the rate is
    known to 0.6 % (one standard deviation); the usual ones, value · (1 ± 2/√events), fall short."""
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    truth = np.array([GENERATOR[pair] for pair in pairs])
    rates = [[d.rate(*pair) for pair in pairs] for d in chains(30.0)]
    assert coverage([[r.interval for r in row] for row in rates], truth) > 0.93
    usual = [[(r.value, 1.96 * r.value / max(r.events, 1) ** 0.5) for r in row] for row in rates]
    assert coverage([[(x - e, x + e) for x, e in row] for row in usual], truth) < 0.93


def test_short_recordings_are_not_biased():
    """Recordings of 2 where a visit to region 1 lasts 2 in the mean: pooled, the rate is right to
    its error; without the time of visits that were cut short it is far off."""
    together = list(chains(2.0, seeds=2000))
    events = sum(d.leaving_rate(1).events for d in together)
    time = sum(d.leaving_rate(1).time for d in together)
    assert events / time == pytest.approx(0.5, abs=4 * 0.5 / events**0.5)
    complete = np.concatenate([d.dwell_times(1) for d in together])
    assert 1 / complete.mean() > 1.5 * 0.5


def test_the_generator_is_most_likely():
    d = next(chains(4000.0))
    np.testing.assert_allclose(d.generator.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(d.generator, GENERATOR, rtol=0.15)

    def likelihood(rates):
        jumps = np.where(d.counts > 0, d.counts * np.log(np.where(rates > 0, rates, 1.0)), 0)
        return jumps.sum() + d.occupied_time @ np.diag(rates)

    best = likelihood(d.generator)
    for i in range(3):
        for factor in (0.9, 1.1):
            other = d.generator.copy()
            other[i] *= factor
            assert likelihood(other) < best


W = 6
FORWARD = np.roll(np.eye(W), 1, axis=1)


def uneven_ring(deep):
    """Jumps forward ten times as often as backward, out of one region `deep` times more seldom."""
    rates = 1.0 * FORWARD + 0.1 * FORWARD.T
    rates[0] /= deep
    return rates - np.diag(rates.sum(axis=1))


def per_time(generator, weights):
    """Σ π_i k_ij w_ij of the chain."""
    balance = np.vstack([generator.T, np.ones(W)])
    pi = np.linalg.lstsq(balance, np.append(np.zeros(W), 1.0), rcond=None)[0]
    return float(np.sum(pi[:, None] * generator * weights))


POOLED = {  # the weights of jumps, and the interval
    "leaving": (1 - np.eye(W), lambda d: d.leaving_rate().interval),
    "forward": (FORWARD, lambda d: d.forward_rate.interval),
    "backward": (FORWARD.T, lambda d: d.backward_rate.interval),
    "turns": ((FORWARD - FORWARD.T) / W, lambda d: d.net_turns_interval),
}


def independent(d, name):
    """The interval if all jumps were independent."""
    if name == "turns":
        value, error = d.net_turns_per_time, 1.96 * len(d.jumps) ** 0.5 / W / d.total_time
        return value - error, value + error
    events = np.sum(POOLED[name][0][d.jumps[:, 0], d.jumps[:, 1]])
    return tuple(end / d.total_time for end in poisson_interval(int(events)))


def test_pooled_rates_where_one_region_is_slow():
    """Recordings of some 300 jumps, 100 each of four rings: of 400 intervals 95 % hold the rate to
    1.1 % (fewer than 91.5 % once in 1000 times). With jumps for a Poisson process they hold as
    often in the even ring only, and two times of three where one region is slow."""
    held, naive = {}, {}
    for deep in (1, 5, 20, 100):
        generator = uneven_ring(deep)
        found = list(chains(300 / per_time(generator, 1 - np.eye(W)), generator, seeds=100))
        for name, (weights, ask) in POOLED.items():
            truth = per_time(generator, weights)
            held.setdefault(name, []).append(coverage([ask(d) for d in found], truth))
            naive.setdefault(name, []).append(
                coverage([independent(d, name) for d in found], truth)
            )
    for name in POOLED:
        assert np.mean(held[name]) > 0.915
        assert np.mean(held[name]) < 0.99
        if name != "backward":  # rare, and so nearly independent
            assert naive[name][0] > 0.88
            assert np.mean(naive[name][2:]) < 0.8


def test_pooled_rates_of_short_recordings():
    """Of 8 trajectories with 30 jumps in all; 200 intervals, 95 % to 1.5 %."""
    generator = uneven_ring(5)
    held = {name: [] for name in POOLED}
    rng = np.random.default_rng(0)
    duration = 30 / 8 / per_time(generator, 1 - np.eye(W))
    for _ in range(200):
        start = rng.choice(W, 8, p=np.array([5, 1, 1, 1, 1, 1]) / 10)  # the stationary chances
        d = together([walk(generator, duration, rng, s) for s in start])
        for name, (weights, ask) in POOLED.items():
            low, high = ask(d)
            held[name].append(low <= per_time(generator, weights) <= high)
    assert min(map(np.mean, held.values())) > 0.91


def together(paths):
    """One recording of several, whose trajectories share their times: a sample at every jump."""
    times = np.unique(np.concatenate([times for _, times in paths]))
    labels = [states[np.searchsorted(began, times, side="right") - 1] for states, began in paths]
    return dwell(recording(np.array(labels), times), regions(W))


def test_jumps_out_of_equal_regions_are_nearly_poisson():
    d = next(chains(300.0, uneven_ring(1), seeds=1))
    rate = d.leaving_rate()
    low, high = poisson_interval(rate.events)
    assert np.ptp(rate.interval) * d.total_time == pytest.approx(high - low, rel=0.05)


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 2, 0, 1, 2, 0, 3],  # a region that is never left, others never visited
        [3, 0, 1, 2, 0, 1, 2],  # one that is never entered
        [[0, 1, 0, 1, 0], [3, 4, 5, 4, 3]],  # two parts without a way between them
        [[0, 0, 0], [2, 2, 2]],  # no jump at all
        [[0, 1, 1], [1, 1, 2]],  # half visits only
    ],
    ids=["absorbing", "transient", "apart", "still", "halves"],
)
def test_intervals_whatever_was_visited(labels):
    """They hold the value, are finite, and of rates not negative."""
    d = dwell(recording(labels), regions(W))
    for rate in (d.leaving_rate(), d.forward_rate, d.backward_rate):
        low, high = rate.interval
        assert 0 <= low <= rate.value <= high < 100
        assert high >= 3.6 / d.total_time
    low, high = d.net_turns_interval
    assert -100 < low <= d.net_turns_per_time <= high < 100


def test_the_ratio_of_rates_where_one_region_is_slow():
    """Whichever region a jump leaves, it is forward with the same probability."""
    exact, found = math.log(10), []
    for deep in (1, 100):
        generator = uneven_ring(deep)
        duration = 100 / per_time(generator, 1 - np.eye(W))
        found += [d.log_rate_ratio_interval for d in chains(duration, generator, seeds=100)]
    assert coverage(found, exact) > 0.92  # of 200: 95 % to 1.5 %, and more as numbers are whole


def test_transition_intervals():
    intervals, truth = [], []
    for d in chains(60.0):
        for i in range(3):
            j = (i + 1) % 3
            intervals.append(d.transition_interval(i, j))
            truth.append(GENERATOR[i, j] / -GENERATOR[i, i])
            if d.counts[i].sum():
                assert d.transition_matrix[i].sum() == pytest.approx(1)
    assert coverage(intervals, np.array(truth)) > 0.92  # 600 of them: 95 % to 0.9 %
