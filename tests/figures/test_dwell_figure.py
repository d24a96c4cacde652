import numpy as np
import pytest
from memories import dwelt

from driftmatch.errors import InputError
from driftmatch.figures import jump_rates, survival, transitions, turns, visits
from driftmatch.figures.parts.style import NETWORK, TARGET


def both(W=4):
    return {"target": dwelt(W), "network": dwelt(W, of_network=True)}


def test_stairs_are_the_visits():
    record = dwelt()
    ax = visits({"target": record}, trajectory=1, duration=1e9)
    mine = record.trajectory == 1
    across = np.array(ax.collections[0].get_segments())
    np.testing.assert_allclose(across[:, 0, 0], record.entered[mine])
    np.testing.assert_allclose(across[:, 1, 0], record.left[mine])
    np.testing.assert_allclose(across[:, 0, 1], record.region[mine])
    closing = np.abs(np.diff(record.region[mine])) > 2
    assert 0 < closing.sum() < mine.sum() - 1
    assert len(ax.collections[1].get_segments()) == mine.sum() - 1 - closing.sum()


def test_several_walks_stand_above_each_other_for_some_forty_jumps():
    records = both()
    ax = visits(records)
    network, _, target, _ = ax.collections
    assert target.get_segments()[0][0, 1] > network.get_segments()[0][0, 1] + 1
    mean = np.mean([record.leaving_rate().mean_time for record in records.values()])
    end = min(record.left.max() for record in records.values())
    assert ax.get_xlim()[1] == pytest.approx(min(40 * mean, end))


def test_turns_are_net_and_their_mean_is_the_rate():
    record = dwelt()
    ax = turns({"target": record}, number=3)
    *paths, mean, _ = ax.lines
    assert sum(path.get_ydata()[-1] for path in paths) == pytest.approx(record.net_turns)
    time, total = mean.get_xydata()[1]
    assert total / time == pytest.approx(record.net_turns_per_time)


def test_survival_is_kaplan_and_meiers():
    record = dwelt()
    times, S, _ = record.survival()
    exponential, steps = survival({"network": record}).lines
    np.testing.assert_allclose(steps.get_xydata()[1:], np.column_stack([times, S]))
    assert tuple(steps.get_xydata()[0]) == (0, 1)
    assert steps.get_color() == NETWORK
    t, P = exponential.get_xydata()[2]
    assert np.exp(-t / record.leaving_rate().mean_time) == pytest.approx(P)
    one = survival({"network": record}, region=2).lines[1].get_xydata()
    np.testing.assert_allclose(one[1:, 1], record.survival(2)[1])


def test_entries_of_the_matrix_are_the_shares_of_jumps():
    record = dwelt()
    ax = transitions(record, name="target")
    np.testing.assert_allclose(ax.images[0].get_array(), record.transition_matrix)
    for text in ax.texts:
        j, i = map(int, text.get_position())
        assert text.get_text() == f"{100 * record.transition_matrix[i, j]:.0f}"
    assert len(ax.texts) == 12


def test_rates_have_their_intervals_and_theory_leads_from_one_to_the_other():
    records = both()
    ax = jump_rates(records, theory=np.log(4))
    drawn = [line.get_xydata() for line in ax.lines if len(line.get_xdata()) == 1]
    k = [rate.value for r in records.values() for rate in (r.forward_rate, r.backward_rate)]
    np.testing.assert_allclose([xy[0, 1] for xy in drawn], k)
    (first, _) = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert first.get_ydata()[0] / first.get_ydata()[1] == pytest.approx(4)
    assert first.get_color() == TARGET
    ends = np.concatenate([s[:, 1] for c in ax.collections for s in c.get_segments()])
    low, high = records["target"].forward_rate.interval
    assert np.any(np.isclose(ends, low))
    assert np.any(np.isclose(ends, high))


def test_two_regions_have_the_rates_out_of_either():
    record = dwelt(2)
    ax = jump_rates({"target": record})
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0 → 1", "1 → 0"]
    assert ax.lines[0].get_ydata()[0] == pytest.approx(record.rate(0, 1).value)


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(InputError, match="pass a dictionary"):
        survival(dwelt())  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match=r"of a walk it is walk\.dwell"):
        turns({"target": 1.0})  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="trajectory 9 of target was in no region"):
        visits({"target": dwelt()}, trajectory=9)
    with pytest.raises(InputError, match="at least three regions"):
        turns({"target": dwelt(2)})
