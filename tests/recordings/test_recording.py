"""The record of what was measured: segments, gaps, missing samples, angles."""

import numpy as np
import pytest

import driftmatch as dm
from driftmatch.recordings.recording import check_recording

RNG = np.random.default_rng(0)
T = 0.1 * np.arange(100)
X = RNG.normal(size=(100, 2))


def test_an_array():
    recording = dm.Recording.of(X, dt=0.1, coordinates=["V", "w"], units=["mV", ""], name="cell")
    np.testing.assert_array_equal(recording.states, X)
    np.testing.assert_allclose(recording.times, T)
    assert (recording.num_samples, recording.dim, recording.num_segments) == (100, 2, 1)
    assert (recording.dt, recording.is_even, recording.num_missing) == (0.1, True, 0)
    assert recording.duration == pytest.approx(9.9)
    assert recording.pieces == [slice(0, 100)]
    assert recording.labels == ("V", "w")
    assert recording.name == "cell"


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_precision_is_kept(dtype):
    assert dm.Recording.of(X.astype(dtype), dt=1).states.dtype == dtype


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "f2"])
def test_other_numbers_become_double(dtype):
    recording = dm.Recording.of((X > 0).astype(dtype), dt=1)
    assert recording.states.dtype == np.float64
    np.testing.assert_array_equal(recording.states, X > 0)


@pytest.mark.parametrize(
    "data",
    [
        X.reshape(4, 25, 2),
        list(X.reshape(4, 25, 2)),
        dm.Trajectory(T[:25], X.reshape(4, 25, 2), dm.Outcome.SUCCESS, "recording", 0.1),
    ],
)
def test_segments_of_equal_length(data):
    dt = None if isinstance(data, dm.Trajectory) else 0.1
    recording = dm.Recording.of(data, dt=dt)
    np.testing.assert_array_equal(recording.starts, [0, 25, 50, 75])
    np.testing.assert_array_equal(recording.states, X)
    assert recording.duration == pytest.approx(4 * 2.4)
    assert recording.dt == 0.1
    assert recording.pieces == [slice(25 * i, 25 * i + 25) for i in range(4)]
    for times, states in recording.segments:
        np.testing.assert_allclose(times, T[:25])
        assert states.shape == (25, 2)


def test_segments_of_unequal_length():
    times = [T[:60], 100 + T[60:]]
    recording = dm.Recording.of([X[:60, 0], X[60:, 0]], times=times)
    assert recording.dim == 1
    np.testing.assert_array_equal(recording.starts, [0, 60])
    np.testing.assert_array_equal(recording.times, np.concatenate(times))
    assert recording == dm.Recording.of([X[:60, :1], X[60:, :1]], times=np.concatenate(times))


def test_times_of_every_segment_or_of_all():
    trials = X.reshape(4, 25, 2)
    recording = dm.Recording.of(trials, times=T[:25])
    assert recording == dm.Recording.of(trials, times=np.tile(T[:25], (4, 1)))
    assert recording == dm.Recording.of(trials, times=[T[:25]] * 4)


def test_a_network_is_recorded_by_its_latent_coordinates():
    network = dm.Network(np.eye(5, 2), np.zeros((2, 5)), np.zeros(5), coordinates=["V", "w"])
    run = dm.NetworkTrajectory(T, X[None], dm.Outcome.SUCCESS, network, 0.1)
    recording = dm.Recording.of(run)
    np.testing.assert_array_equal(recording.states, X)
    assert recording.coordinates == ("V", "w")


def test_a_recording_is_changed_in_what_is_named():
    recording = dm.Recording.of(X, dt=0.1, units=["mV", ""])
    other = dm.Recording.of(recording, coordinates=["V", "w"], name="cell")
    assert (other.coordinates, other.units, other.name) == (("V", "w"), ("mV", ""), "cell")
    assert dm.Recording.of(recording) == recording != other


# Gaps, and what is missing


def test_a_gap_ends_a_piece():
    times = np.where(np.arange(100) < 50, T, T + 0.06)  # 1.6 intervals
    recording = dm.Recording.of(X, times=times)
    assert recording.pieces == [slice(0, 50), slice(50, 100)]
    assert recording.is_even
    assert recording.dt == pytest.approx(0.1)


def test_no_gap_is_seen_in_a_short_pause():
    times = np.where(np.arange(100) < 50, T, T + 0.04)  # 1.4 intervals
    recording = dm.Recording.of(X, times=times)
    assert recording.pieces == [slice(0, 100)]
    assert not recording.is_even


def test_uneven_times_have_no_gaps():
    times = np.cumsum(RNG.exponential(size=100))
    recording = dm.Recording.of(X, times=times)
    assert recording.pieces == [slice(0, 100)]
    assert not recording.is_even
    np.testing.assert_array_equal(recording.times, times)


def test_even_although_rounded():
    times = 1e6 + 0.01 * np.arange(1000)
    assert np.ptp(np.diff(times)) > 0
    assert dm.Recording.of(np.arange(1000), times=times).is_even
    assert not dm.Recording.of(np.arange(1000), times=times + RNG.uniform(0, 1e-3, 1000)).is_even


def test_missing_samples_end_a_piece():
    x = X.copy()
    x[[0, 10, 11, 13, 99], [0, 1, 0, 1, 1]] = np.nan
    recording = dm.Recording.of(x, dt=1)
    assert recording.num_missing == 5
    assert recording.pieces == [slice(1, 10), slice(14, 99)]  # sample 12 is alone
    inside = np.concatenate([recording.states[piece] for piece in recording.pieces])
    assert np.isfinite(inside).all()
    masked = np.ma.masked_invalid(x)
    assert dm.Recording.of(masked, dt=1) == recording


def test_pieces_of_single_precision_and_in_chunks(monkeypatch):
    x = X.astype(np.float32)
    x[::7, 0] = np.nan
    recording = dm.Recording.of(x, dt=1)
    pieces, missing = recording.pieces, recording.num_missing
    monkeypatch.setattr("driftmatch.recordings.measured._NUMBERS", 6)
    again = dm.Recording.of(x, dt=1)
    assert (again.pieces, again.num_missing) == (pieces, missing)


def test_constant_columns_are_named():
    x = np.column_stack([X, np.full(100, 3.0), np.full(100, np.nan)])
    assert dm.Recording.of(x, dt=1).constant_columns == ("z3", "z4")
    x[0, 2] = np.nan
    assert dm.Recording.of(x, dt=1, coordinates=list("abcd")).constant_columns == ("c", "d")
    x[-1, 2] = 3.1
    assert dm.Recording.of(x, dt=1).constant_columns == ("z4",)


# Angles


@pytest.mark.parametrize("period", [1.0, 2 * np.pi, 360.0])
@pytest.mark.parametrize("numbers", [6, 2**21])
def test_angles_are_counted_on(period, numbers, monkeypatch):
    monkeypatch.setattr("driftmatch.recordings.measured._NUMBERS", numbers)
    turns = np.cumsum(RNG.uniform(-0.2, 0.45, size=(2, 50)), axis=1)
    wrapped = np.stack([turns * period % period, turns], axis=-1)
    wrapped[1, 20:23, 0] = np.nan
    recording = dm.Recording.of(wrapped, dt=1, periodic=[period, None])
    assert recording.periodic == (period, None)
    for (_, found), true in zip(recording.segments, turns, strict=True):
        np.testing.assert_array_equal(found[:, 1], true)
        whole = (found[:, 0] / period - true)[:20]
        np.testing.assert_allclose(whole, np.round(whole[0]), atol=1e-9)
    assert np.isnan(recording.states[70:73, 0]).all()
    assert dm.Recording.of(recording) == recording
    assert wrapped[0, :, 0].max() < period, "what was given stays as it was"


def test_segments_are_counted_on_alone():
    angles = np.array([0.1, 0.2, 0.9, 0.8])
    recording = dm.Recording.of([angles[:2], angles[2:]], dt=1, periodic=1)
    np.testing.assert_array_equal(recording.states[:, 0], angles)
    together = dm.Recording.of(angles, dt=1, periodic=1)
    np.testing.assert_allclose(together.states[:, 0], [0.1, 0.2, -0.1, -0.2])


# Handed on


@pytest.mark.parametrize("recording", [
    dm.Recording.of(X, dt=0.1, coordinates=["V", "w"], units=["mV", ""], name="cell"),
    dm.Recording.of([X[:30], X[30:]], dt=0.1),
])  # fmt: skip
def test_as_a_table_and_a_data_set(recording):
    frame = recording.to_dataframe()
    assert tuple(frame.columns) == recording.labels
    assert frame.index.names == ["segment", "time"]
    np.testing.assert_array_equal(frame.to_numpy(), recording.states)
    np.testing.assert_array_equal(frame.loc[0].index, recording.segments[0][0])
    dataset = recording.to_xarray()
    np.testing.assert_array_equal(dataset["states"], recording.states)
    assert ("segment" in dataset.coords) == (recording.num_segments > 1)


def test_saved_and_loaded(tmp_path):
    recording = dm.Recording.of(
        [X[:30], X[30:]], dt=0.1, coordinates=["V", "w"], periodic=[1, None]
    )
    dm.save(tmp_path / "a.safetensors", recording)
    assert dm.load(tmp_path / "a.safetensors") == recording


def test_what_stands_for_a_recording():
    recording = dm.Recording.of(X, dt=0.1, coordinates=["V", "w"])
    assert check_recording("data", recording) is recording
    assert check_recording("data", recording.to_dataframe()) == recording
    with pytest.raises(dm.InputError, match=r"data must be a Recording, or have times of its own"):
        check_recording("data", X)


# Refused


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (X, {}, "pass dt, the interval between samples, or times, .* got neither"),
        (X, {"dt": 0.1, "times": T}, "got both"),
        (X, {"dt": -0.1}, "dt must be a positive number, got -0.1"),
        (X, {"times": T[:-1]}, r"times must be 100 numbers, .* got an array of shape \(99,\)"),
        (X, {"times": T[::-1]}, "that of sample 1 .* 9.8, is before the one before it: sort"),
        (X, {"times": T - T % 1}, "that of sample 1 .* 0, is given twice"),
        (X, {"times": np.where(np.arange(100) == 7, np.nan, T)}, "finite, got nan at sample 7"),
        ([X, X], {"times": [T, T[:-1]]}, "one for each of 2 segments"),
        (X, {"times": ["a"] * 100}, "times must be 100 numbers"),
        (X * 1j, {"dt": 1}, "complex: pass real and imaginary parts as two coordinates"),
        (X.astype(object), {"dt": 1}, "data must be real numbers, .* of type object"),
        (np.array(["a", "b"]), {"dt": 1}, "data must be real numbers, .* of type <U1"),
        ([X, X[:, :1]], {"dt": 1}, "all segments must have 2 coordinates, .* of 1 at segment 1"),
        ([X, X[:0]], {"dt": 1}, r"segment 1 must have shape \(T,\) or \(T, k\), got \(0, 2\)"),
        (np.zeros((0, 2)), {"dt": 1}, r"data must have shape .* got \(0, 2\)"),
        (X[:1], {"dt": 1}, "a segment of two samples, got 1 of one sample"),
        (np.where(X[7, 1] == X, np.inf, X), {"dt": 1}, "infinite at sample 7, coordinate 1"),
        (X, {"dt": 1, "coordinates": ["V"]}, "coordinates must be a list of 2 names"),
        (X, {"dt": 1, "units": ["mV"]}, "units must be a list of 2 units"),
        (X, {"dt": 1, "periodic": [1.0]}, "periodic must be 2 periods"),
        ("cell.csv", {}, "got 'cell.csv'; files are read by read_recording"),
        (dm.Recording.of(X, dt=1), {"dt": 1}, "recording has times of its own: leave out dt"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(data, options, message):
    with pytest.raises(dm.InputError, match=message) as caught:
        dm.Recording.of(data, **options)
    assert "\n" not in str(caught.value)


def test_infinite_angles_are_refused():
    with pytest.raises(dm.InputError, match=r"infinite at sample 1, coordinate 0"):
        dm.Recording.of([0.1, np.inf, 0.2], dt=1, periodic=1)


@pytest.mark.parametrize("starts", [[1], [0, 100], [0, 5, 5], [0.0], [], [[0]]])
def test_segments_begin_within(starts, shapes_unchecked):
    with pytest.raises(dm.InputError, match=r"starts must begin with 0 and increase"):
        dm.Recording(X, T, np.array(starts))


def test_the_constructor_takes_arrays_of_floats_alone(shapes_unchecked):
    with pytest.raises(dm.InputError, match=r"make a recording with Recording"):
        dm.Recording(np.ones((3, 2), int), T[:3], np.array([0]))
