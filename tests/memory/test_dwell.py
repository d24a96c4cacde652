"""Dwell statistics: exact ones of hand-made recordings, those of Markov chains with known rates,
and the local detailed balance of wells on a ring."""

import math
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from scipy import integrate, stats

import driftmatch as dm
from driftmatch.memory.dwell import dwell
from driftmatch.memory.landscape import landscape
from driftmatch.memory.rates import poisson_interval
from driftmatch.memory.regions import Regions
from driftmatch.outcomes import Outcome

SEEDS = 200


def recording(labels, times=None):
    """Trajectories that are in region w where a label is w, and outside of all where it is −1."""
    labels = np.atleast_2d(labels)
    times = np.arange(labels.shape[1], dtype=float) if times is None else np.asarray(times)
    return SimpleNamespace(times=times, states=labels[..., None].astype(float), name="walk")


def regions(number):
    return Regions(np.arange(float(number))[:, None], 0.3)


# Hand-made


def test_visits_of_a_known_walk():
    """Outside, in 0, out and back (no jump), in 1, in 2, out, in 1, out until the end."""
    d = dwell(recording([-1, -1, 0, 0, -1, 0, -1, 1, 1, 2, -1, 1, -1, -1]), regions(3))
    np.testing.assert_array_equal(d.region, [0, 1, 2, 1])
    np.testing.assert_array_equal(d.entered, [2, 7, 9, 11])
    np.testing.assert_array_equal(d.left, [7, 9, 11, 13])
    np.testing.assert_array_equal(d.is_first, [True, False, False, False])
    np.testing.assert_array_equal(d.is_last, [False, False, False, True])
    np.testing.assert_array_equal(d.jumps, [[0, 1], [1, 2], [2, 1]])
    np.testing.assert_array_equal(d.counts, [[0, 1, 0], [0, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(d.occupied_time, [5, 4, 2])
    assert d.untouched_time == 2
    assert d.total_time == 11
    np.testing.assert_array_equal(d.transition_matrix, [[0, 1, 0], [0, 0, 1], [0, 1, 0]])
    np.testing.assert_allclose(
        d.generator, [[-0.2, 0.2, 0], [0, -0.25, 0.25], [0, 0.5, -0.5]], rtol=1e-15
    )
    np.testing.assert_array_equal(d.dwell_times(), [2, 2])  # the first and the last are incomplete
    np.testing.assert_array_equal(d.dwell_times(1), [2])
    np.testing.assert_array_equal(d.dwell_times(0), [])
    assert d.rate(1, 2).value == 0.25
    assert d.rate(0, 2).events == 0
    assert d.leaving_rate(2).value == 0.5
    assert d.leaving_rate().mean_time == pytest.approx(11 / 3)
    assert d.outcome is Outcome.FEW_EVENTS
    assert d.never_visited == ()
    assert d.name == "walk"


def test_order_along_a_cycle():
    d = dwell(recording([0, 1, 2, 3, 4, 0, 4, 1, 2, 0]), regions(5))
    np.testing.assert_array_equal(d.steps, [1, 1, 1, 1, 1, -1, 2, 1, -2])
    assert d.in_order_fraction == 6 / 9
    assert d.in_order_interval == pytest.approx((0.3542, 0.8794), abs=1e-4)
    assert (d.forward_rate.events, d.backward_rate.events) == (6, 1)
    assert d.forward_rate.value == 6 / 9
    assert d.log_rate_ratio == pytest.approx(math.log(6))
    assert d.net_turns == 1.0
    assert d.net_turns_per_time == pytest.approx(1 / 9)


def test_halfway_round_counts_as_no_turn():
    d = dwell(recording([0, 2, 0, 1, 3]), regions(4))
    np.testing.assert_array_equal(d.steps, [0, 0, 1, 0])
    assert d.net_turns == 0.25


def test_uneven_times():
    d = dwell(recording([0, 0, 1, -1, 2, 2], [0.0, 1.0, 1.5, 4.0, 4.25, 9.0]), regions(3))
    np.testing.assert_array_equal(d.occupied_time, [1.5, 2.75, 4.75])


def test_trajectories_are_kept_apart():
    """A jump is never from the end of one to the beginning of the next; one that touches no region
    counts as untouched."""
    labels = [[0, 0, 0, 0], [1, 1, 2, 2], [-1, -1, -1, -1], [2, 2, 0, -1]]
    d = dwell(recording(labels), regions(3))
    np.testing.assert_array_equal(d.trajectory, [0, 1, 1, 3, 3])
    np.testing.assert_array_equal(d.jumps, [[1, 2], [2, 0]])
    np.testing.assert_array_equal(d.is_first, [True, True, False, True, False])
    np.testing.assert_array_equal(d.is_last, [True, False, True, False, True])
    assert d.untouched_time == 3
    np.testing.assert_array_equal(d.occupied_time, [4, 2, 3])


def test_two_regions_have_rates_but_no_order():
    d = dwell(recording([0, 0, 1, 0, 1, 1]), regions(2))
    np.testing.assert_array_equal(d.counts, [[0, 2], [1, 0]])
    assert d.rate(0, 1).value == pytest.approx(2 / 3)
    for quantity in ("in_order_fraction", "net_turns", "forward_rate", "log_rate_ratio_interval"):
        with pytest.raises(dm.InputError, match="at least three regions, got 2"):
            getattr(d, quantity)


def test_no_jumps():
    """A recording too short for a rate says so, and gives the little that it knows."""
    d = dwell(recording([[1, 1, 1], [0, -1, 0], [2, 2, 2]]), regions(3))
    assert d.outcome is Outcome.FEW_EVENTS
    assert "record for longer" in str(d.outcome)
    assert d.jumps.shape == (0, 2)
    assert d.leaving_rate().mean_time == math.inf
    assert d.rate(1, 0).interval == pytest.approx((0.0, -math.log(0.025) / 2))
    assert np.isnan(d.transition_matrix).all()
    assert d.transition_interval(0, 1) == d.in_order_interval == (0.0, 1.0)
    np.testing.assert_array_equal(d.generator, np.zeros((3, 3)))
    assert math.isnan(d.in_order_fraction)
    assert math.isnan(d.log_rate_ratio)
    assert d.log_rate_ratio_interval == (-math.inf, math.inf)
    assert d.net_turns_per_time == 0.0
    low, high = d.net_turns_interval
    assert high == -low == pytest.approx(-math.log(0.025) / 3 / 6)
    with pytest.raises(dm.InputError, match="no visit was recorded from beginning to end"):
        d.survival()


def test_touched_at_the_last_sample_only():
    d = dwell(recording([-1, -1, 2]), regions(3))
    assert d.total_time == 0
    assert d.untouched_time == 2
    assert math.isnan(d.leaving_rate(2).value)
    assert math.isnan(d.net_turns_per_time)
    assert d.net_turns_interval == (-math.inf, math.inf)
    assert d.outcome is Outcome.UNVISITED


def test_never_visited():
    d = dwell(recording([0, 2] * 20), regions(5))
    assert d.outcome is Outcome.UNVISITED
    assert d.never_visited == (1, 3, 4)
    assert np.isnan(d.generator[1]).all()
    assert math.isnan(d.rate(1, 0).value)
    assert d.rate(1, 0).interval == (0.0, math.inf)
    assert dwell(recording([0, 1] * 20), regions(2)).outcome is Outcome.SUCCESS


@pytest.mark.parametrize(
    ("run", "of", "words"),
    [
        (recording([0]), regions(2), "single sample: record for longer"),
        (recording([-1, -1]), regions(2), "walk never comes into any region: .*larger radius"),
        (recording([0.0, np.nan, 1.0]), regions(2), "not finite"),
        (recording([0, 1], [1.0, 1.0]), regions(2), "times must be finite and increase"),
        (recording([0, 1], [0.0, np.nan]), regions(2), "times must be finite and increase"),
        (recording([0, 1], [0.0, 1.0, 2.0]), regions(2), r"got \(3,\) and \(1, 2, 1\)"),
        (recording(np.zeros((0, 3))), regions(2), r"got \(3,\) and \(0, 3, 1\)"),
        (recording([0, 1]), Regions(np.eye(2)), "2 dimensions but the states"),
        (recording([0, 1]), regions(1), "at least two, got 1"),
        (recording([0, 1]), [[0.0], [0.0]], "coincide"),
        (recording([0, 1]), Regions, "centres must be numbers"),
        (np.zeros((2, 5, 1)), regions(2), "must have times and states.*got ndarray"),
    ],
)
def test_bad_input(run, of, words):
    with pytest.raises(dm.InputError, match=words):
        dwell(run, of)


@pytest.mark.parametrize("region", [-1, 3, 1.0, True, "a", None])
def test_regions_that_there_are_not(region):
    d = dwell(recording([0, 1, 2]), regions(3))
    for ask in (
        lambda w: d.rate(w, 0),
        lambda w: d.rate(0, w),
        lambda w: d.transition_interval(w, 0),
    ):
        with pytest.raises(dm.InputError, match="whole number from 0 to 2"):
            ask(region)
    if region is not None:
        for ask in (d.leaving_rate, d.dwell_times, d.survival):
            with pytest.raises(dm.InputError, match="whole number from 0 to 2"):
                ask(region)


def test_a_record_needs_no_name_and_centres_will_do():
    run = SimpleNamespace(times=np.arange(3), states=np.array([[[0], [0], [4]]]))
    d = dwell(run, [[0.0], [4.0]])
    np.testing.assert_array_equal(d.regions.radii, 0.4)
    np.testing.assert_array_equal(d.occupied_time, [2, 0])


def test_a_landscape_stands_for_its_minima():
    of = landscape(dm.systems.double_well())
    run = recording([1.0, 1.0, -1.0, -1.0, 1.0])
    d = dwell(run, of)
    np.testing.assert_array_equal(d.regions.centres, of.minima)
    np.testing.assert_array_equal(d.region, dwell(run, of.minima).region)
    assert len(d.jumps) == 2


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_the_unit_of_time_does_not_matter(unit):
    labels = np.random.default_rng(0).integers(0, 4, (5, 60))
    d = dwell(recording(labels, unit * np.arange(60.0)), regions(4))
    one = dwell(recording(labels), regions(4))
    for ask in (
        lambda d: d.leaving_rate(), lambda d: d.leaving_rate(2), lambda d: d.forward_rate,
        lambda d: d.rate(0, 1),
    ):  # fmt: skip
        assert ask(d).value * unit == pytest.approx(ask(one).value)
        assert np.multiply(ask(d).interval, unit) == pytest.approx(ask(one).interval)
    assert np.multiply(d.net_turns_interval, unit) == pytest.approx(one.net_turns_interval)
    assert d.log_rate_ratio_interval == one.log_rate_ratio_interval


def test_a_network_is_seen_in_its_latent_coordinates():
    network = dm.Network(
        [[3.0], [-2.0]], [[0.9, -0.6]], [0.5, 0.0], shared_noise=0.7, start=[0.0], name="pair"
    )
    run = dm.simulate(network, duration=50.0, dt=0.05, key=jax.random.key(0), num_trajectories=3)
    d = dwell(run, [[-1.0], [1.0]])
    bare = SimpleNamespace(times=run.times, states=run.latent)
    np.testing.assert_array_equal(d.entered, dwell(bare, [[-1.0], [1.0]]).entered)
    assert d.name == "pair"
    assert len(d.jumps) > 0


# Markov chains with known rates


def walk(generator, duration, rng, start=0):
    """A path of the jump process up to `duration`: its states, one after the other, and when each
    began, with the end as a last entry."""
    leaving = -np.diag(generator)
    chances = np.cumsum(np.where(np.eye(len(generator)), 0, generator / leaving[:, None]), axis=1)
    states, times = [start], [0.0]
    while True:
        now = times[-1] + rng.exponential(1 / leaving[states[-1]])
        if now >= duration:
            return np.array([*states, states[-1]]), np.array([*times, duration])
        times.append(now)
        states.append(int(np.searchsorted(chances[states[-1]], rng.random())))


GENERATOR = np.array([[-1.5, 1.0, 0.5], [0.2, -0.5, 0.3], [2.0, 1.0, -3.0]])


def chains(duration, generator=GENERATOR, seeds=SEEDS):
    """Exact recordings: a sample at every jump."""
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        states, times = walk(generator, duration, rng, rng.integers(len(generator)))
        yield dwell(recording(states, times), regions(len(generator)))


def coverage(intervals, truth):
    low, high = np.moveaxis(np.asarray(intervals), -1, 0)
    return float(np.mean((low <= truth) & (truth <= high)))


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


# Rates that are pooled over regions


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
    return tuple(end / d.total_time for end in poisson_interval(events))


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


# Survival


def cut_recordings(seed, number=400, duration=5.0):
    """Two states with a mean dwell time of 2, recorded for 5."""
    rng = np.random.default_rng(seed)
    paths = [walk(np.array([[-0.5, 0.5], [0.5, -0.5]]), duration, rng) for _ in range(number)]
    # All trajectories of a recording share their times: a sample at every jump of any
    times = np.unique(np.concatenate([times for _, times in paths]))
    labels = [states[np.searchsorted(began, times, side="right") - 1] for states, began in paths]
    return dwell(recording(np.array(labels), times), regions(2))


def test_survival_is_exponential_although_recordings_end():
    """50 recordings at three times: 150 intervals, of which 95 % hold up to 1.8 %; those of the
    complete visits alone hold hardly ever."""
    held, naive = [], []
    at = np.array([0.5, 1.5, 3.0])
    for seed in range(50):
        d = cut_recordings(seed, 100)
        times, S, interval = d.survival()
        assert np.all(np.diff(S) < 0)
        assert np.all((interval[:, 0] <= S) & (interval[:, 1] >= S))
        row = np.searchsorted(times, at, side="right") - 1
        truth = np.exp(-0.5 * at)
        held.append((interval[row, 0] <= truth) & (truth <= interval[row, 1]))
        complete = d.dwell_times()
        fraction = np.mean(complete[:, None] > at, axis=0)
        error = np.sqrt(fraction * (1 - fraction) / len(complete))
        naive.append(np.abs(fraction - truth) <= 1.96 * error)
    assert np.mean(held) > 0.9
    assert np.mean(naive) < 0.5


def test_survival_of_one_region():
    d = cut_recordings(0)
    times, S, _ = d.survival(1)
    np.testing.assert_array_equal(times, np.unique(d.dwell_times(1)))
    assert S[np.searchsorted(times, 2.0)] == pytest.approx(math.exp(-1), abs=0.1)


def test_survival_against_another_implementation():
    """SciPy's product-limit estimator, with censoring and ties."""
    labels = np.random.default_rng(0).integers(0, 2, (30, 12))
    d = dwell(recording(labels), regions(2))
    times, S, interval = d.survival()
    cut = (d.left - d.entered)[d.is_last & ~d.is_first]
    curve = stats.ecdf(stats.CensoredData(uncensored=d.dwell_times(), right=cut)).sf
    np.testing.assert_allclose(S, curve.evaluate(times), rtol=1e-12)
    with pytest.warns(RuntimeWarning, match="undefined at some observations"):
        other = curve.confidence_interval(0.95, method="log-log")
    some = S > 0
    for column, end in enumerate((other.low, other.high)):
        np.testing.assert_allclose(interval[some, column], end.evaluate(times)[some], rtol=1e-4)


def test_survival_when_the_longest_visit_is_complete():
    """S ends at 0, where the formula for its variance does not hold: the interval is that before
    it, down to 0."""
    d = dwell(recording([0, 1, 1, 0, 1, 1, 1, 0]), regions(2))
    times, S, interval = d.survival()
    np.testing.assert_array_equal(times, [1, 2, 3])
    np.testing.assert_allclose(S, [2 / 3, 1 / 3, 0])
    assert interval[2, 0] == 0
    assert interval[2, 1] == interval[1, 1] < 1
    d = dwell(recording([0, 1, 0]), regions(2))
    times, S, interval = d.survival()
    np.testing.assert_array_equal(interval, [[0, 1]])


# Cores


def passage(start, end, D):
    """Mean first passage in the double well by quadrature, start above end."""

    def V(x):
        return x**4 / 4 - x**2 / 2

    def inner(y):
        weight = lambda x: math.exp((V(y) - V(x)) / D)  # noqa: E731
        return integrate.quad(weight, y, 4, limit=200, points=[max(1.0, y)])[0]

    return integrate.quad(inner, end, start, limit=200)[0] / D


def test_dwell_times_in_the_double_well():
    """A visit lasts from the inner edge of one core to that of the other: by quadrature. Changes
    of sign, the textbook's crossings, would end most visits at once."""
    D = 0.1
    run = dm.simulate(
        dm.systems.double_well((2 * D) ** 0.5),
        duration=2000.0,
        dt=0.01,
        save_every=2,
        key=jax.random.key(0),
        num_trajectories=64,
    )
    for radius in (0.2, 0.5):
        d = dwell(run, Regions([[-1.0], [1.0]], radius))
        rate = d.leaving_rate()
        assert rate.events > 1500
        # The path is seen in a core 0.58 σ√Δt (Siegmund's overshoot) after its edge.
        late = 0.5826 * (2 * D * 0.02) ** 0.5
        exact = passage(1 - radius + late, -1 + radius - late, D)
        low, high = rate.mean_time_interval
        assert low < exact < high
        assert d.outcome is Outcome.SUCCESS
    crossings = np.sum(np.diff(np.sign(run.states[..., 0]), axis=1) != 0)
    assert crossings > 5 * rate.events


# Wells on a ring


D_RING = 0.45**2 / 2
GROUPS = 32


def ring(torque, seed, num_trajectories=256):
    sde = dm.systems.ring_of_wells(torque=torque)
    run = dm.simulate(
        sde,
        duration=500.0,
        dt=0.02,
        save_every=5,
        key=jax.random.key(seed),
        num_trajectories=num_trajectories,
    )
    parts = (
        SimpleNamespace(times=run.times, states=states) for states in np.split(run.states, GROUPS)
    )
    return dwell(run, sde.starts), [dwell(part, sde.starts) for part in parts]


@pytest.fixture(scope="module")
def rings():
    return {torque: ring(torque, seed) for seed, torque in enumerate((0.0, 0.1, 0.2, 0.4, -0.2))}


@pytest.mark.parametrize("torque", [0.0, 0.1, 0.2, 0.4, -0.2])
def test_local_detailed_balance(rings, torque):
    """k₊/k₋ = exp(2πRF/(mD)). Of 32 intervals of 95 % at least 27 hold it (fewer once in 170
    times), and all 256 trajectories together are within 3.3 errors (not so once in 1000); D = σ²
    or a whole turn in place of a sixth are far outside."""
    whole, parts = rings[torque]
    exact = 2 * math.pi * torque / (6 * D_RING)
    assert coverage([part.log_rate_ratio_interval for part in parts], exact) >= 27 / GROUPS
    error = (1 / whole.forward_rate.events + 1 / whole.backward_rate.events) ** 0.5
    assert error < 0.1
    assert abs(whole.log_rate_ratio - exact) < 3.3 * error
    assert whole.outcome is Outcome.SUCCESS
    if torque:
        low, high = whole.log_rate_ratio_interval
        for wrong in (exact / 2, 6 * exact):
            assert not low < wrong < high


def test_no_torque_no_turns(rings):
    whole, parts = rings[0.0]
    assert coverage([part.net_turns_interval for part in parts], 0.0) >= 27 / GROUPS
    assert coverage([part.in_order_interval for part in parts], 0.5) >= 27 / GROUPS
    low, high = whole.net_turns_interval
    assert high - low < 3e-4
    assert low < 5e-5
    assert high > -5e-5
    for torque in (0.1, 0.2, 0.4):
        assert rings[torque][0].net_turns_interval[0] > 0


def test_the_opposite_torque_reverses(rings):
    forward, backward = rings[0.2][0], rings[-0.2][0]
    assert backward.net_turns_interval[1] < 0
    # Both are estimates: their difference is held against the errors of both, error rate 1e-3.
    errors = [np.ptp(each.net_turns_interval) / (2 * 1.96) for each in (forward, backward)]
    apart = forward.net_turns_per_time + backward.net_turns_per_time
    assert abs(apart) < 3.29 * np.hypot(*errors)
    assert forward.net_turns_per_time > 3.29 * np.hypot(*errors)  # or else 0 would pass, too
    assert forward.in_order_fraction == pytest.approx(1 - backward.in_order_fraction, abs=0.03)


@pytest.fixture(scope="module")
def driven():
    """One recording of a ring with torque."""
    sde = dm.systems.ring_of_wells(torque=0.4)
    run = dm.simulate(sde, duration=300.0, dt=0.02, key=jax.random.key(3), num_trajectories=128)
    return sde.starts, run


def test_large_cores_are_crossed_back_and_forth(driven):
    """Why the default radius is small: balls that nearly touch let the state leave by the side it
    came in, which adds as many jumps forward as backward. One recording, cores of 0.07, 0.14 (the
    default), 0.3 and 0.45 of the distance."""
    wells, run = driven
    cores = Regions(wells, 0.07), wells, Regions(wells, 0.3), Regions(wells, 0.45)
    small, default, middle, large = (dwell(run, of).log_rate_ratio for of in cores)
    assert abs(default - small) < 0.1
    assert middle < default - 0.1
    assert large < default - 1


def test_turns_are_those_of_the_angle(driven):
    """The same walk by another route: how far its angle turned, in full turns."""
    wells, run = driven
    d = dwell(run, wells)
    angle = np.unwrap(np.arctan2(run.states[..., 1], run.states[..., 0]), axis=1)
    turned = np.sum(angle[:, -1] - angle[:, 0]) / (2 * math.pi)
    assert turned == pytest.approx(d.net_turns, abs=128 / 6)
    assert d.net_turns > 10 * 128 / 6


def test_turns_of_a_markov_chain():
    """Few jumps: 200 recordings of some ten jumps, 95 % of the intervals hold to 1.5 %. The usual
    error, √Σ steps², has no width where there were no jumps."""
    forward, backward = 0.6, 0.1
    W = 4
    generator = np.zeros((W, W))
    for w in range(W):
        generator[w, (w + 1) % W], generator[w, w - 1] = forward, backward
    generator -= np.diag(generator.sum(axis=1))
    truth = (forward - backward) / W
    for duration in (1.0, 15.0):
        found = list(chains(duration, generator))
        assert coverage([d.net_turns_interval for d in found], truth) > 0.92
    usual = []
    for d in chains(1.0, generator):
        error = 1.96 * np.sqrt(np.sum(d.steps**2)) / W / d.total_time
        usual.append((d.net_turns_per_time - error, d.net_turns_per_time + error))
    assert coverage(usual, truth) < 0.7


def test_a_duration_holds_about_so_many_jumps():
    times = np.arange(0.0, 1000.0)
    states = np.where((times // 10) % 2, 1.0, -1.0)[None, :, None]
    run = SimpleNamespace(times=times, states=states)
    found = dwell(run, [[-1.0], [1.0]])
    assert found.duration_of(7) == pytest.approx(70, rel=0.02)
    assert found.duration_of(1e6) == times[-1]
    still = dwell(SimpleNamespace(times=times, states=np.ones((1, 1000, 1))), [[-1.0], [1.0]])
    assert still.duration_of(7) == times[-1]
