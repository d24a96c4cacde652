import numpy as np
import pytest
from memories import hopfield, recall

from driftmatch.analysis.intervals import wilson_interval
from driftmatch.errors import InputError
from driftmatch.figures import capacity, recall_curve, success
from driftmatch.figures.parts.intervals import color_of, points
from driftmatch.figures.parts.style import GREY, NETWORK, TARGET, panel
from driftmatch.memory.capacity import Capacity
from driftmatch.memory.curves import RecallCurve


def curve(successes, varied="amplitude", trials=50):
    values = np.arange(len(successes), dtype=float)[::-1]
    return RecallCurve(varied, values, np.array(successes), trials, 1, "wells")


def whiskers(ax):
    """Lower and upper ends of all vertical bars, shape (N, 2)."""
    return np.array([s[:, 1] for lines in ax.collections for s in lines.get_segments()])


def test_bars_are_fractions_with_wilson_intervals():
    recalls = {"target": recall(2, failures=3), "network": recall(2, of_network=True, failures=9)}
    ax = success({**recalls, "Hopfield": hopfield()})
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], [17 / 20, 11 / 20, 0.8])
    ends = [wilson_interval(*pair) for pair in ((17, 20), (11, 20), (8, 10))]
    drawn = whiskers(ax).reshape(3, -1)
    np.testing.assert_allclose(drawn.min(axis=1), [low for low, _ in ends])
    np.testing.assert_allclose(drawn.max(axis=1), [high for _, high in ends])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["target", "network", "Hopfield"]
    assert [text.get_text() for text in ax.texts] == ["85 %", "55 %", "80 %"]


def test_several_wells_are_groups():
    ax = success({"target": (recall(2),), "network": (recall(2, of_network=True),)})
    assert [label.get_text() for label in ax.get_xticklabels()] == ["target", "network"]
    pair = (hopfield(0), hopfield(2))
    ax = success({"a": pair, "b": pair})
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "2"]
    assert len(ax.patches) == 4


def test_almost_all_is_not_called_all():
    ax = success({"target": recall(2, M=2000, failures=1)})
    assert ax.texts[0].get_text() == "99.9 %"
    ax = success({"target": recall(2, failures=0)})
    assert ax.texts[0].get_text() == "100 %"


def test_curves_are_in_order_and_in_their_bands():
    ax = recall_curve({"target": curve([50, 40, 5]), "network": curve([45, 30, 0])})
    line = ax.lines[0]
    np.testing.assert_allclose(line.get_xdata(), [0, 1, 2])
    np.testing.assert_allclose(line.get_ydata(), [0.1, 0.8, 1.0])
    corners = ax.collections[0].get_paths()[0].vertices[:, 1]
    low, high = wilson_interval(5, 50)
    assert corners.min() == pytest.approx(low)
    assert np.any(np.isclose(corners, high))
    assert [line.get_color() for line in ax.lines[:2]] == [TARGET, NETWORK]
    assert ax.get_xlabel() == "amplitude of the cue"


def test_capacity_shows_all_the_worst_and_hopfields():
    record = Capacity(
        np.array([2, 3]), 2, 64, (np.array([10, 8]), np.array([10, 4, 7])),
        (np.array([3, 3]), np.array([0, 0, 3])), 10, np.array([0.01, 0.02]),
    )  # fmt: skip
    drawn = {line.get_label(): line.get_ydata() for line in capacity(record).lines}
    np.testing.assert_allclose(drawn["network"], [0.9, 0.7])
    np.testing.assert_allclose(drawn["Hopfield"], [0.3, 0.1])
    np.testing.assert_allclose(drawn["its worst well"], [0.8, 0.4])


def test_infinite_ends_are_arrows_and_unknown_values_are_left_out():
    ax = panel(None)
    points(ax, [0, 1, 2], [1.0, np.inf, np.nan], [(0.5, np.inf), (2.0, np.inf), (0, 1)], color="k")
    values, upper = ax.lines
    np.testing.assert_allclose(values.get_ydata(), [1.0, np.nan, np.nan])
    assert upper.get_marker() == "^"
    np.testing.assert_allclose(upper.get_xydata(), [[0, 1], [1, 2]])
    np.testing.assert_allclose(whiskers(ax), [[0.5, 1.0], [2.0, 2.0]])


def test_colours_are_those_of_all_figures():
    assert [color_of(n) for n in ("target", "Network", "Hopfield")] == [TARGET, NETWORK, GREY]


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(InputError, match="recalls is empty"):
        success({})
    with pytest.raises(InputError, match="of the same wells"):
        success({"a": hopfield(0), "b": hopfield(1)})
    with pytest.raises(InputError, match="what recall returned, got float"):
        success({"target": 0.5})  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match=r"varied, got \['amplitude', 'noise'\]"):
        recall_curve({"target": curve([1, 2]), "network": curve([1, 2], "noise")})
    with pytest.raises(InputError, match="curves is empty"):
        recall_curve({})
    with pytest.raises(InputError, match="what capacity returned"):
        capacity(curve([1]))  # pyright: ignore[reportArgumentType]
