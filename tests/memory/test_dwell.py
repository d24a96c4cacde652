"""Dwell statistics: exact ones of hand-made recordings, and what is refused."""

import math
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from chains import recording, regions

import driftmatch as dm
from driftmatch.memory.dwell import dwell
from driftmatch.memory.landscape import landscape
from driftmatch.memory.regions import Regions
from driftmatch.outcomes import Outcome


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


def test_visits_as_a_table():
    d = dwell(recording([-1, -1, 0, 0, -1, 0, -1, 1, 1, 2, -1, 1, -1, -1]), regions(3))
    table = d.to_dataframe()
    assert table["region"].tolist() == [0, 1, 2, 1]
    assert table["duration"].tolist() == [5, 2, 2, 2]
    assert not table["trajectory"].any()
    whole = table[~table.is_first & ~table.is_last]
    np.testing.assert_array_equal(whole["duration"], d.dwell_times())
    assert table.groupby("region")["duration"].sum().tolist() == d.occupied_time.tolist()


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


def test_a_duration_holds_about_so_many_jumps():
    times = np.arange(0.0, 1000.0)
    states = np.where((times // 10) % 2, 1.0, -1.0)[None, :, None]
    run = SimpleNamespace(times=times, states=states)
    found = dwell(run, [[-1.0], [1.0]])
    assert found.duration_of(7) == pytest.approx(70, rel=0.02)
    assert found.duration_of(1e6) == times[-1]
    still = dwell(SimpleNamespace(times=times, states=np.ones((1, 1000, 1))), [[-1.0], [1.0]])
    assert still.duration_of(7) == times[-1]
