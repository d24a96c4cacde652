"""Recordings beside their own past: nothing is put beside what lies beyond a border."""

import numpy as np
import pytest

import driftmatch as dm

X = np.random.default_rng(0).normal(size=(60, 2))


def test_every_row_is_a_sample_and_its_past():
    recording = dm.Recording.of(X, dt=0.1, coordinates=["V", "w"], units=["mV", ""], name="cell")
    found = recording.delayed(3, 4)
    assert found.states.shape == (52, 6)
    for t in range(52):
        np.testing.assert_array_equal(found.states[t], np.concatenate([X[t + 8], X[t + 4], X[t]]))
    np.testing.assert_allclose(found.times, 0.1 * np.arange(8, 60))
    names = ("V", "w", "V(t − 0.4)", "w(t − 0.4)", "V(t − 0.8)", "w(t − 0.8)")
    assert found.coordinates == names
    assert found.units == ("mV", "") * 3
    assert found.name == "cell"


def test_one_is_the_recording():
    recording = dm.Recording.of(X, dt=0.1)
    np.testing.assert_array_equal(recording.delayed(1, 7).states, X)


def test_borders_gaps_and_missing_samples_are_not_crossed():
    """Samples are their own numbers, so that every delay shows."""
    z = np.arange(100.0)
    z[30] = np.nan
    times = np.arange(100.0)
    times[50:] += 10.0
    parts = [z[:80], z[80:]]
    recording = dm.Recording.of(parts, times=[times[:80], times[80:]])
    found = recording.delayed(2, 5)
    np.testing.assert_array_equal(found.states[:, 0] - found.states[:, 1], 5.0)
    ends = [(5, 30), (36, 50), (55, 80), (85, 100)]
    np.testing.assert_array_equal(found.states[:, 0], np.concatenate([np.r_[a:b] for a, b in ends]))
    np.testing.assert_array_equal(found.times, times[found.states[:, 0].astype(int)])
    np.testing.assert_array_equal(found.starts, np.cumsum([0, 25, 14, 25]))
    assert np.array_equal(found.states[found.starts, 0], [a for a, _ in ends])


def test_angles_keep_their_period():
    recording = dm.Recording.of(X, dt=0.1, periodic=[None, 2.0]).delayed(2, 1)
    assert recording.periodic == (None, 2.0, None, 2.0)


def test_precision_and_files_are_kept(tmp_path):
    np.save(tmp_path / "x.npy", X.astype("f4"))
    recording = dm.read_recording(tmp_path / "x.npy", dt=0.1, in_memory=False).delayed(2, 3)
    assert isinstance(recording.states, np.memmap)
    assert recording.states.dtype == np.float32
    inner = dm.Recording.of(X.astype("f4"), dt=0.1).delayed(2, 3)
    np.testing.assert_array_equal(recording.states, inner.states)


def test_chunks_join(monkeypatch):
    monkeypatch.setattr("driftmatch.recordings.delays.rows_at_once", lambda width: 7)
    recording = dm.Recording.of(X, dt=0.1)
    chunked = recording.delayed(3, 4)
    monkeypatch.undo()
    assert chunked == recording.delayed(3, 4)


def test_what_has_no_delays():
    with pytest.raises(dm.InputError, match="no 61 samples in a row"):
        dm.Recording.of(X, dt=0.1).delayed(60, 1)
    assert dm.Recording.of(X, dt=0.1).delayed(59, 1).num_samples == 2
    times = np.cumsum(np.random.default_rng(1).uniform(0.5, 1.5, 60))
    with pytest.raises(dm.InputError, match="delays need even samples"):
        dm.Recording.of(X, times=times).delayed(2, 1)
