"""Pieces and gaps, beside a count by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import driftmatch as dm
from driftmatch.recordings import clock


def pieces_by_hand(times, starts, present, is_gap):
    """Sample by sample."""
    found, current = [], []
    for i in range(len(times)):
        breaks = i in starts or not present[i] or (current and is_gap(times[i] - times[i - 1]))
        if breaks and current:
            found.append(current)
            current = []
        if present[i]:
            current.append(i)
    return [slice(p[0], p[-1] + 1) for p in [*found, current] if len(p) > 1]


@given(
    st.lists(st.booleans(), min_size=30, max_size=60),
    st.sets(st.integers(1, 28), max_size=5),
    st.sets(st.integers(1, 28), max_size=2),
)
def test_pieces_are_those_that_are_found_by_hand(present, borders, gaps):
    T, starts = len(present), np.array([0, *sorted(borders)])
    times = np.arange(T) + 0.7 * np.isin(np.arange(T), list(gaps)).cumsum()
    expected = pieces_by_hand(times, starts, present, lambda step: step > 1.5)
    assert clock.pieces(times, starts, np.array(present)) == expected


@pytest.mark.parametrize("late", [0.05, 0.2])
def test_one_long_interval_in_ten_is_a_gap_and_two_are_none(late):
    times = np.cumsum(np.where(np.arange(200) % round(1 / late) == 0, 3.0, 1.0))
    pieces = dm.Recording.of(np.arange(200), times=times).pieces
    assert len(pieces) == (10 if late < 0.1 else 1)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_the_unit_of_time_does_not_matter(unit, offset):
    times = np.where(np.arange(100) < 60, np.arange(100), np.arange(100) + 2.0) + offset
    one, other = (dm.Recording.of(np.arange(100), times=t) for t in (times, unit * times))
    assert one.pieces == other.pieces == [slice(0, 60), slice(60, 100)]
    assert one.is_even
    assert other.is_even
    assert other.dt == pytest.approx(unit, rel=1e-6)


def test_segments_have_clocks_of_their_own():
    """One sampled ten times more rarely than the other, which has a gap, is no gap itself."""
    often = np.where(np.arange(900) < 400, np.arange(900), np.arange(900) + 5) * 0.01
    rarely = 0.1 * np.arange(90)
    found = dm.Recording.of([np.arange(900.0), np.arange(90.0)], times=[often, rarely])
    assert found.pieces == [slice(0, 400), slice(400, 900), slice(900, 990)]
