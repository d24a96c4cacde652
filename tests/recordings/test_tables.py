"""Tables of pandas: their index, their types, what is no number."""

import numpy as np
import pandas as pd
import pytest

import driftmatch as dm

T = 0.1 * np.arange(4)
V = [1.0, 2.0, np.nan, 4.0]


@pytest.mark.parametrize(
    ("frame", "times"),
    [
        (pd.DataFrame({"V": V}, T), T),
        (pd.DataFrame({"V": V}, pd.Index(T, name="ms")), T),
        (pd.DataFrame({"V": V}, pd.Index([0, 2, 4, 6], name="t")), [0, 2, 4, 6]),
        (pd.DataFrame({"V": V, "time": T}, 2 * T), T),
        (pd.DataFrame({"V": V}, pd.date_range("2026-01-01", periods=4, freq="100ms")), T),
        (pd.DataFrame({"V": V}, pd.date_range("2026", periods=4, freq="100ms", tz="CET")), T),
        (pd.DataFrame({"V": V}, pd.to_timedelta(100 * np.arange(4), unit="ms")), T),
        (pd.DataFrame({"V": V, "date": pd.date_range("2026", periods=4, freq="100ms")}), T),
        (pd.Series(V, T, name="V"), T),
    ],
)
def test_times_are_found(frame, times):
    recording = dm.Recording.of(frame)
    np.testing.assert_allclose(recording.times, times)
    np.testing.assert_array_equal(recording.states[:, 0], V)
    assert recording.coordinates == ("V",)


def test_numbers_of_rows_are_no_times():
    with pytest.raises(dm.InputError, match=r"pass dt, .* got neither"):
        dm.Recording.of(pd.DataFrame({"V": V}))
    assert dm.Recording.of(pd.Series(V), dt=0.1).coordinates is None
    assert dm.Recording.of(pd.Series(V, name="V [mV]"), dt=0.1).units == ("mV",)


@pytest.mark.parametrize(
    "column",
    [
        pd.array([1, 2, None, 4], dtype="Int64"),
        pd.array([1, 2, None, 4], dtype="Float32"),
        pd.Series([1, 2.0, None, "4"], dtype=object),
        pd.Categorical([1, 2, None, 4]),
        pd.arrays.SparseArray([1, 2, np.nan, 4]),
        pd.Series([1, 2, np.nan, 4], dtype="float32"),
    ],
)
def test_types_of_numbers(column):
    recording = dm.Recording.of(pd.DataFrame({"V": column}), dt=0.1)
    np.testing.assert_array_equal(recording.states[:, 0], V)


def test_precision_is_kept():
    frame = pd.DataFrame({"V": np.float32(V), "w": np.float32(V)})
    assert dm.Recording.of(frame, dt=1).states.dtype == np.float32
    frame["w"] = [1, 2, 3, 4]
    assert dm.Recording.of(frame, dt=1).states.dtype == np.float64


def test_there_and_back():
    recording = dm.Recording.of(
        [np.ones((3, 2)), np.zeros((2, 2))], dt=0.1, coordinates=["V", "w"], name="the table"
    )
    again = dm.Recording.of(recording.to_dataframe(), name="the table")
    assert again == recording
    assert again.notes == (
        "times are those of the column 'time'", "segments are those of the column 'segment'"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1j, 2, 3, 4], "column 'V' of the table is complex: pass real and imaginary parts"),
        ([1, "b", 3, 4], "column 'V' of the table holds 'b' in row 2"),
        ([[1], [2], [3], [4]], r"column 'V' of the table holds '\[1\]' in row 1"),
        (pd.date_range("2026", periods=4), "column 'V' of the table holds '2026-01-01 .* row 1"),
        ([None, {}, 3, 4], r"holds '\{\}' in row 2"),
    ],
)
def test_what_is_no_number_is_refused(column, message):
    with pytest.raises(dm.InputError, match=message):
        dm.Recording.of(pd.DataFrame({"V": column}), dt=0.1)


def test_missing_dates_are_refused():
    dates = pd.DatetimeIndex(["2026-01-01", None, "2026-01-03", "2026-01-04"])
    with pytest.raises(dm.InputError, match=r"the time of sample 1 of the table is missing"):
        dm.Recording.of(pd.DataFrame({"V": V}, dates))
