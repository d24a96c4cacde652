"""Tables in text files: separators, headings, what is missing, what is no number."""

import numpy as np
import pytest

import driftmatch as dm


def read(tmp_path, content, **options):
    path = tmp_path / "cell.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return dm.read_recording(path, **options)


@pytest.mark.parametrize(
    ("content", "coordinates", "units"),
    [
        ("t,V,w\n0,1,2\n1,3,4\n", ("V", "w"), None),
        ("t , V (mV) , w [pA]\n0,1,2\n1,3,4", ("V", "w"), ("mV", "pA")),
        ("V,t,w\n1,0,2\n3,1,4", ("V", "w"), None),
        ('"Time (s)";"V; soma";w\n0;1;2\n1;3;4\n', ("V; soma", "w"), None),
        ("TIMESTAMP V w\n0 1 2\n1 3 4", ("V", "w"), None),
        ("  t   V  w\n  0   1   2\n  1   3   4\n", ("V", "w"), None),
        ("t\tmembrane potential\tw\n0\t1\t2\n1\t3\t4\n", ("membrane potential", "w"), None),
        ("t;V;w\n0;1,0;2,0\n1;3,0;4,0\n", ("V", "w"), None),
        ("# a comment\n\n% another\nt,V,w\n0,1,2\n1,3,4\n", ("V", "w"), None),
        ("t,V,w\r\n0,1,2\r\n\r\n1,3,4\r\n", ("V", "w"), None),
        ("\ufefft,V,w\n0,1,2\n1,3,4\n", ("V", "w"), None),
        ("t,V,w\n0,1,2 # a note\n1,3,4\n", ("V", "w"), None),
        ("t,V,w\n0,+1e0,2.\n1,3,.4e1\n", ("V", "w"), None),
        ("t,I (soma),I (axon)\n0,1,2\n1,3,4\n", ("I (soma)", "I (axon)"), None),
        ("t,V \x1b[31m[mV],w\n0,1,2\n1,3,4\n", ("V [31m", "w"), ("mV", "")),
        ("t,V [\xb5V],w\n0,1,2\n1,3,4\n".encode("latin-1"), ("V", "w"), ("\xb5V", "")),
        ("t,V,w\n0,true,2\n1,true,4\n".replace("true", "TRUE"), None, None),
    ],
)
def test_ways_of_writing(content, coordinates, units, tmp_path):
    recording = read(tmp_path, content)
    if coordinates is None:
        np.testing.assert_array_equal(recording.states, [[1, 2], [1, 4]])
        return
    np.testing.assert_array_equal(recording.states, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(recording.times, [0, 1])
    assert (recording.coordinates, recording.units) == (coordinates, units)


@pytest.mark.parametrize("word", ["", "NA", "nan", "NaN", "null"])
def test_missing_numbers(word, tmp_path):
    recording = read(tmp_path, f"t,V,w\n0,1,2\n1,{word},4\n2,5,6\n3,7,8\n")
    np.testing.assert_array_equal(recording.states[:, 0], [1, np.nan, 5, 7])
    assert recording.pieces == [slice(2, 4)]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n   \n"])
def test_missing_numbers_at_the_end_of_lines(end, tmp_path):
    recording = read(tmp_path, f"t\tV\tw\n0\t\t2\n1\t3\t{end}")
    np.testing.assert_array_equal(recording.states, [[np.nan, 2], [3, np.nan]])


def test_decimal_commas_that_come_late(tmp_path):
    recording = read(tmp_path, "t;V\n0;1\n1;2\n2;3,5\n")
    np.testing.assert_array_equal(recording.states[:, 0], [1, 2, 3.5])


def test_one_column_without_heading(tmp_path):
    recording = read(tmp_path, "1\n2\n3\n", dt=0.5)
    np.testing.assert_array_equal(recording.states, [[1], [2], [3]])
    assert recording.coordinates is None


def test_columns_by_place(tmp_path):
    recording = read(tmp_path, "0 1 2\n1 3 4\n", time=0, columns=[2])
    np.testing.assert_array_equal(recording.states, [[2], [4]])
    np.testing.assert_array_equal(recording.times, [0, 1])


@pytest.mark.parametrize("heading", [True, False])
def test_lines_of_many_columns(heading, tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 6000))
    lines = [",".join(map(repr, row.tolist())) for row in x]
    if heading:
        lines.insert(0, ",".join(f"a rather long name of the neuron {i}" for i in range(6000)))
    recording = read(tmp_path, "\n".join(lines), dt=1)
    np.testing.assert_array_equal(recording.states, x)
    assert (recording.coordinates is not None) == heading
    with pytest.raises(dm.InputError, match=r"its last line has \d+ of 6000 columns"):
        read(tmp_path, "\n".join(lines)[:-70_000], dt=1)


def test_headings_that_pandas_counts(tmp_path):
    recording = read(tmp_path, ",0,1,2\n0,.5,.6,.7\n1,.8,.9,1\n", dt=1)
    np.testing.assert_array_equal(recording.states, [[0.5, 0.6, 0.7], [0.8, 0.9, 1.0]])
    assert recording.coordinates == ("0", "1", "2")
    assert recording.notes == ("column 0, which has no heading, is left out",)


def test_separators_at_the_end(tmp_path):
    recording = read(tmp_path, ",t,V,\n0,0,1,\n1,1,2,\n")
    assert recording.coordinates == ("V",)
    assert len(recording.notes) == 3


def test_numbers_come_bit_for_bit(tmp_path):
    x = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.arange(-500, 500).clip(-300, 300)
    content = "\n".join(map(repr, map(float, x)))
    np.testing.assert_array_equal(read(tmp_path, content, dt=1, in_memory=True).states[:, 0], x)


@pytest.mark.parametrize("numbers", [3, 2**21])
def test_dates_are_seconds_since_the_first(numbers, tmp_path, monkeypatch):
    monkeypatch.setattr("driftmatch.recordings.measured._NUMBERS", numbers)
    recording = read(
        tmp_path,
        "date,V\n2026-11-30T23:59:59.5Z,1\n2026-12-01T00:00:00Z,2\n2026-12-01 00:01:00+00:00,3\n",
    )
    np.testing.assert_allclose(recording.times, [0, 0.5, 60.5])


@pytest.mark.parametrize("numbers", [3, 2**21])
@pytest.mark.parametrize("heading", ["trial", "Segment", "which"])
def test_segments_by_a_column(heading, numbers, tmp_path, monkeypatch):
    monkeypatch.setattr("driftmatch.recordings.measured._NUMBERS", numbers)
    content = f"{heading},t,V\na,0,1\na,1,2\nb1,0,3\n7,0,4\n7,1,5\n"
    segment = "which" if heading == "which" else None
    recording = read(tmp_path, content, segment=segment)
    np.testing.assert_array_equal(recording.starts, [0, 2, 3])
    np.testing.assert_array_equal(recording.states[:, 0], [1, 2, 3, 4, 5])
    assert any("segments are those of" in note for note in recording.notes) == (segment is None)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            "t,V\n0,1\n1,oops\n2,3\n",
            {},
            "column 'V' of cell.csv holds 'oops' in row 2 .* no number",
        ),
        ("t,V\n0,1\n1,1+2j\n2,3\n", {}, r"holds '1\+2j' in row 2"),
        ('t,V\n0,"1,001"\n1,2\n', {}, "holds '1,001' in row 1"),
        ("t,V\nfirst,1\n1,2\n", {}, "column 't' of cell.csv holds 'first' in row 1"),
        ("t,V\n0,1\n,2\n", {}, "times must be finite, got nan at sample 1"),
        ("t,V\n0,1\n1,2\n1,3\n", {}, "times must increase, but that of sample 2 .* given twice"),
        ("t,V\n0,1\n2,2\n1,3\n", {}, "that of sample 2 .*, 1, is before the one before it: sort"),
        ("t,V\n", {}, "cell.csv is empty: it must hold samples"),
        ("t,V\n0,1\n", {}, "must have a segment of two samples"),
        (" \n\n", {}, "cell.csv is empty"),
        ("# only\n", {}, "cell.csv is empty"),
        ("t,V,w\n0,1,2\n1,3\n", {}, "cell.csv is truncated: its last line has 2 of 3 columns"),
        ("t,V\n0,1\n1,2,3\n2,3\n", {}, "no table of 2 columns .* every row must have as many"),
        ("t V mV\n0 1\n1 2\n", {}, "has 3 headings and 2 columns"),
        ("V,w\n0,1\n1,2\n", {}, "pass dt, .* got neither"),
        ("t,V\n0,1\n1,2\n", {"dt": 1.0}, "cell has times of its own: leave out dt"),
        ("t,V\n0,1\n1,2\n", {"time": "V1"}, "has no column 'V1'; did you mean 'V'"),
        ("t,V\n0,1\n1,2\n", {"columns": ["V", "V"]}, "columns must be different"),
        ("t,V,V\n0,1,1\n1,2,1\n", {}, "headings of cell.csv must differ, got 'V' twice"),
        ("t,V\n0,1\n1,2\n", {"columns": 5}, "cell.csv has columns 0 to 1, got 5"),
        ("t,trial\n0,1\n1,2\n", {}, "a column beside those of time and segments"),
        ("trial,t,V\n1,0,1\n2,0,2\n1,1,3\n", {}, "segment '1' of cell.csv goes on at sample 2"),
        ("trial,t,V\n1,0,1\n,1,2\n", {}, r"the segment of row 2 \(counted from 1\) of cell.csv"),
        ("t,V\n0,inf\n1,2\n", {}, "infinite at sample 0, coordinate 0"),
    ],
)
def test_what_cannot_be_used_is_refused(content, options, message, tmp_path):
    with pytest.raises(dm.InputError, match=message) as caught:
        read(tmp_path, content, **options)
    assert "\n" not in str(caught.value)


def test_a_row_is_named_in_any_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr("driftmatch.recordings.measured._NUMBERS", 4)
    with pytest.raises(dm.InputError, match=r"'oops' in row 5 "):
        read(tmp_path, "t,V\n0,1\n1,2\n2,3\n3,4\n4,oops\n")


def test_times_are_not_sought_among_columns_that_are_given(tmp_path):
    recording = read(tmp_path, "t,V\n0,1\n1,2\n", columns="V", dt=0.1)
    np.testing.assert_allclose(recording.times, [0, 0.1])
    recording = read(tmp_path, "t,V\n0,1\n1,2\n", columns=["t", "V"], dt=0.1)
    assert recording.coordinates == ("t", "V")
