"""Arrays in the files of NumPy: shapes, names, and no Python objects."""

import numpy as np
import pytest

import driftmatch as dm

X = np.random.default_rng(0).normal(size=(3, 20, 2))
T = 0.1 * np.arange(20)


class Trap:
    """Whoever unpickles it makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        import os

        return os.mkdir, (self.path,)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("x", [X, X[0], X[0, :, 0], X.astype("f4"), np.asfortranarray(X), X > 0])
def test_arrays_of_every_shape(x, in_memory, tmp_path):
    np.save(path := tmp_path / "a.npy", x)
    recording = dm.read_recording(path, dt=0.1, in_memory=in_memory)
    assert recording == dm.Recording.of(x, dt=0.1, name="a")


def test_columns_by_place(tmp_path):
    np.save(path := tmp_path / "a.npy", X)
    recording = dm.read_recording(path, dt=0.1, columns=[1])
    np.testing.assert_array_equal(recording.states, X.reshape(-1, 2)[:, 1:])


@pytest.mark.parametrize("arrays", [
    {"t": T, "x": X}, {"x": X, "time": np.tile(T, 3)}, {"x": X, "t": T, "note": np.array("yes")},
])  # fmt: skip
def test_an_array_beside_its_times(arrays, tmp_path):
    np.savez(path := tmp_path / "a.npz", **arrays)
    recording = dm.read_recording(path)
    assert recording == dm.Recording.of(X, times=T, name="a")
    assert recording.notes[0].startswith("times are those of the array 't")


def test_one_of_several_arrays(tmp_path):
    np.savez(path := tmp_path / "a.npz", clock=T, x=X[0], y=X[1])
    recording = dm.read_recording(path, columns="y", time="clock")
    np.testing.assert_array_equal(recording.states, X[1])
    np.testing.assert_array_equal(recording.times, T)
    assert dm.read_recording(path, columns="y", dt=0.1).states.shape == (20, 2)


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        (
            {"x": X, "y": X[0]},
            {},
            r"holds several arrays \(x \(3, 20, 2\), y \(20, 2\)\): name one",
        ),
        ({"x": X, "y": X[0]}, {"columns": "z"}, "has no array 'z'; choose one of x, y"),
        ({"x": X, "t": T[1:]}, {}, r"times 't' of a.npz must be 20 numbers, .* got shape \(19,\)"),
        ({"x": X, "t": T}, {"dt": 0.1}, "a has times of its own: leave out dt"),
        ({"x": X * 1j}, {"dt": 0.1}, "must be real numbers, got complex"),
        ({"x": np.array("a")}, {}, "a.npz is empty"),
        ({"V": np.array(list("ab"))}, {"dt": 1}, "column 'V' of a.npz holds 'a' in row 1"),
        ({}, {}, "a.npz is empty"),
    ],
)
def test_what_cannot_be_used_is_refused(arrays, options, message, tmp_path):
    np.savez(path := tmp_path / "a.npz", **arrays)
    with pytest.raises(dm.InputError, match=message):
        dm.read_recording(path, **options)


def test_an_array_has_no_headings(tmp_path):
    np.save(path := tmp_path / "a.npy", X)
    for options in ({"time": "t"}, {"segment": 0}, {"columns": "V"}, {"columns": [0, 0]}):
        with pytest.raises(dm.InputError, match=r"headings"):
            dm.read_recording(path, dt=0.1, **options)


@pytest.mark.parametrize("in_memory", [True, False])
def test_nothing_is_unpickled(in_memory, tmp_path):
    trap = np.array([Trap(tmp_path / "sprung")], dtype=object)
    np.save(tmp_path / "a.npy", trap, allow_pickle=True)
    np.savez(tmp_path / "b.npz", x=trap)
    for name in ("a.npy", "b.npz"):
        with pytest.raises(dm.InputError, match=r"Python objects|archive"):
            dm.read_recording(tmp_path / name, dt=1, in_memory=in_memory)
    assert not (tmp_path / "sprung").exists()
    np.load(tmp_path / "a.npy", allow_pickle=True)  # the control
    assert (tmp_path / "sprung").exists()
