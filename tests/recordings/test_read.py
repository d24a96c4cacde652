"""One recording from every kind of file, in memory and larger than it; and what is refused."""

import os
import tempfile

import jax
import numpy as np
import pytest
from files import DATASET, FRAME, WRITERS, T, X

import driftmatch as dm

RUN = dm.simulate(
    dm.systems.fitzhugh_nagumo(), duration=2.0, dt=0.01, num_trajectories=3, key=jax.random.key(0)
)
MODES = pytest.mark.parametrize("in_memory", [True, False])


@MODES
@pytest.mark.parametrize("numbers", [10, 2**21])
@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file(name, numbers, in_memory, tmp_path, monkeypatch):
    monkeypatch.setattr("driftmatch.recordings.measured._NUMBERS", numbers)
    write, known = WRITERS[name]
    write(path := tmp_path / name)
    options = {} if "t" in known else {"dt": 0.01}
    if name.endswith(".npz") and not in_memory:
        with pytest.raises(dm.InputError, match=r"is an archive, .* save its array as .npy"):
            dm.read_recording(path, in_memory=False, **options)
        return
    recording = dm.read_recording(path, in_memory=in_memory, **options)
    np.testing.assert_array_equal(recording.states, X)
    np.testing.assert_allclose(recording.times, T, rtol=1e-14)
    assert recording.coordinates == (("V", "w") if "n" in known else None)
    assert recording.units == (("mV", "") if "u" in known else None)
    assert recording.name == path.stem
    assert recording.num_segments == 1
    assert isinstance(recording.states, np.memmap) != in_memory
    if "t" in known:
        assert any(note.startswith("times are those of") for note in recording.notes)


@MODES
@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
@pytest.mark.parametrize("system", ["sde", "network"])
def test_runs_that_were_saved(suffix, system, in_memory, tmp_path):
    run = RUN
    if system == "network":
        network = dm.Network(np.eye(5, 2), np.zeros((2, 5)), np.zeros(5), units=["mV", ""])
        run = dm.simulate(network, duration=2.0, dt=0.01, num_trajectories=3, key=jax.random.key(0))
    dm.save_trajectory(path := tmp_path / f"run{suffix}", run)
    recording = dm.read_recording(path, in_memory=in_memory)
    np.testing.assert_array_equal(recording.states.reshape(run.states.shape), run.states)
    assert recording.states.dtype == run.states.dtype
    assert recording == dm.Recording.of(run) == dm.Recording.of(dm.load_trajectory(path))


def test_a_file_of_ours_opens_in_xarray_alone(tmp_path):
    import xarray

    dm.save_trajectory(path := tmp_path / "run.nc", RUN)
    with xarray.open_dataset(path) as dataset:
        np.testing.assert_array_equal(dataset["states"], RUN.states)
        np.testing.assert_array_equal(dataset["time"], RUN.times)
        assert dataset["states"].dims == ("trajectory", "time", "component")


def test_what_is_larger_than_memory_lies_in_a_file_without_a_name(tmp_path, monkeypatch):
    FRAME.to_csv(path := tmp_path / "a.csv")
    (scratch := tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    recording = dm.read_recording(path, in_memory=False, periodic=[1.0, None])
    assert isinstance(recording.states, np.memmap)
    assert isinstance(recording.segments[0][1], np.memmap)
    assert list(scratch.iterdir()) == []
    in_memory = dm.read_recording(path, periodic=[1.0, None])
    assert recording == in_memory
    assert recording.pieces == in_memory.pieces


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="Linux lists open files there")
def test_nothing_stays_open(tmp_path):
    FRAME.to_csv(path := tmp_path / "a.csv")
    before = len(os.listdir("/proc/self/fd"))
    recording = dm.read_recording(path, in_memory=False)
    states = recording.states[:3]
    del recording
    np.testing.assert_array_equal(states, X[:3])
    del states
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_mapped_array_is_not_written_to(tmp_path):
    angles = np.array([0.1, 0.9, 0.2, 0.8])
    np.save(path := tmp_path / "a.npy", angles)
    recording = dm.read_recording(path, dt=1, periodic=1, in_memory=False)
    np.testing.assert_allclose(recording.states[:, 0], [0.1, -0.1, 0.2, -0.2])
    np.testing.assert_array_equal(np.load(path), angles)


@pytest.mark.parametrize("source", [FRAME, FRAME.set_index("t [s]"), DATASET])
def test_tables_in_memory(source):
    recording = dm.read_recording(source)
    np.testing.assert_array_equal(recording.states, X)
    np.testing.assert_array_equal(recording.times, T)
    assert recording.units == ("mV", "")
    assert recording == dm.Recording.of(source)


@pytest.mark.parametrize("name", [name for name in WRITERS if name[-4:] in (".csv", "quet", ".nc")])
def test_columns_are_chosen_in_order(name, tmp_path):
    write, known = WRITERS[name]
    if "n" in known:
        write(path := tmp_path / name)
        recording = dm.read_recording(path, columns=["w", "V"])
        assert recording.coordinates == ("w", "V")
        assert recording.units == ("", "mV")
        np.testing.assert_array_equal(recording.states, X[:, ::-1])
        with pytest.raises(
            dm.InputError, match=f"{name} has no (column|variable) 'v'; did you mean 'V"
        ):
            dm.read_recording(path, columns="v")
        with pytest.raises(dm.InputError, match=r"has times of its own: leave out dt"):
            dm.read_recording(path, dt=0.01)


def without_its_end(name, content):
    """Of text the last cell, of other files a third."""
    is_text = name.endswith((".csv", ".dat", ".tsv", ".txt"))
    return content.rstrip()[:-25] if is_text else content[: 2 * len(content) // 3]


DAMAGE = {
    "cut": without_its_end,
    "empty": lambda name, content: b"",
    "other": lambda name, content: bytes(range(256)) * 20,
}


@pytest.mark.parametrize("name", [n for n in WRITERS if "zarr" not in n and n != "wide.csv"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_refused(name, damage, tmp_path):
    WRITERS[name][0](path := tmp_path / name)
    path.write_bytes(DAMAGE[damage](name, path.read_bytes()))
    with pytest.raises(dm.InputError, match=r"truncated|is empty|is no text") as caught:
        dm.read_recording(path, dt=None if "t" in WRITERS[name][1] else 0.01)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def test_paths_that_lead_nowhere(tmp_path):
    with pytest.raises(dm.InputError, match=r"there is no file .*a.csv: check the path"):
        dm.read_recording(tmp_path / "a.csv")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(dm.InputError, match=r"b.csv is a folder"):
        dm.read_recording(tmp_path / "b.csv")
    (tmp_path / "c.pkl").touch()
    with pytest.raises(dm.InputError, match=r"files that end in \.csv, .*, got c.pkl"):
        dm.read_recording(tmp_path / "c.pkl")
    with pytest.raises(dm.InputError, match=r"Recording.of takes arrays and runs"):
        dm.read_recording(X)
