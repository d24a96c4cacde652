"""What saving must leave alone: folders, devices, links, files of others, other files' modes."""

import os
import stat
import threading
import time

import numpy as np
import pytest
from matplotlib.figure import Figure

import driftmatch as dm
from driftmatch.figures import save as save_figure
from driftmatch.simulation.trajectory import Trajectory
from driftmatch.storage import trajectories

RNG = np.random.default_rng(0)
NET = dm.Network(RNG.normal(size=(7, 2)), RNG.normal(size=(2, 7)), RNG.normal(size=7))


def run(value=1.0, samples=20):
    states = np.full((2, samples, 2), value)
    return Trajectory(0.1 * np.arange(samples), states, dm.Outcome.SUCCESS, "vine", 0.1)


def draw(path):
    save_figure(Figure(figsize=(1, 1)), path)


WRITERS = pytest.mark.parametrize(
    ("name", "write"),
    [
        ("net.safetensors", lambda path: dm.save(path, NET)),
        ("run.nc", lambda path: dm.save_trajectory(path, run())),
        ("run.zarr", lambda path: dm.save_trajectory(path, run())),
        ("fig.png", draw),
    ],
    ids=["model", "nc", "zarr", "figure"],
)


@WRITERS
def test_a_folder_is_left_alone(tmp_path, name, write):
    path = tmp_path / name
    path.mkdir()
    (path / "precious").write_text("years of work")
    with pytest.raises(dm.InputError, match="is a folder"):
        write(path)
    assert (path / "precious").read_text() == "years of work"


@pytest.mark.parametrize("place", ["", ".", "..", "sub/.."])
def test_the_working_folder_is_left_alone(tmp_path, monkeypatch, place):
    (tmp_path / "sub").mkdir()
    (tmp_path / "precious").write_text("years of work")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dm.InputError, match="is a folder"):
        dm.save(place, NET)
    assert (tmp_path / "precious").read_text() == "years of work"


@WRITERS
@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_refused_and_what_it_points_to_left_alone(tmp_path, name, write, there):
    elsewhere = tmp_path / "elsewhere"
    if there:
        elsewhere.write_text("years of work")
    (tmp_path / name).symlink_to(elsewhere)
    with pytest.raises(dm.InputError, match=f"is a link to {elsewhere}"):
        write(tmp_path / name)
    assert (tmp_path / name).is_symlink()
    assert elsewhere.exists() == there
    assert not there or elsewhere.read_text() == "years of work"


@WRITERS
def test_a_pipe_is_left_alone(tmp_path, name, write):
    os.mkfifo(tmp_path / name)
    with pytest.raises(dm.InputError, match="is a device or a pipe"):
        write(tmp_path / name)
    assert stat.S_ISFIFO(os.lstat(tmp_path / name).st_mode)


def test_a_device_is_left_alone():
    with pytest.raises(dm.InputError, match="is a device"):
        dm.save("/dev/null", NET)
    assert stat.S_ISCHR(os.lstat("/dev/null").st_mode)


@pytest.mark.parametrize("place", ["states/analysis/thesis.txt", "latent/raw.bin", "states/c/x"])
def test_what_others_put_into_a_zarr_store_is_left_alone(tmp_path, place):
    pytest.importorskip("zarr")
    path = tmp_path / "run.zarr"
    dm.save_trajectory(path, run())
    (path / place).parent.mkdir(parents=True, exist_ok=True)
    (path / place).write_text("x")
    with pytest.raises(dm.InputError):
        dm.save_trajectory(path, run())
    assert (path / place).read_text() == "x"


def test_a_zarr_store_of_others_is_left_alone(tmp_path):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "run.zarr"
    zarr.create_group(path).create_array("precious", data=np.ones(3))
    with pytest.raises(dm.InputError, match="not written by driftmatch"):
        dm.save_trajectory(path, run())
    assert np.array_equal(zarr.open_group(path, mode="r")["precious"][:], np.ones(3))


def test_nor_is_one_replaced_that_others_have_added_to(tmp_path):
    path = tmp_path / "run.zarr"
    dm.save_trajectory(path, run())
    (path / "notes.txt").write_text("years of work")
    with pytest.raises(dm.InputError, match="not written by driftmatch"):
        dm.save_trajectory(path, run(2.0))
    assert (path / "notes.txt").exists()


@WRITERS
def test_a_planted_temporary_is_not_followed(tmp_path, name, write):
    """The names that were once used, and could be foretold."""
    victim = tmp_path / "victim"
    victim.write_text("years of work")
    for planted in (f".{name}.{os.getpid()}", f".{name}.new", f".{name}.tmp"):
        (tmp_path / planted).symlink_to(victim)
    write(tmp_path / name)
    assert victim.read_text() == "years of work"


@WRITERS
def test_what_is_read_only_is_not_replaced(tmp_path, name, write):
    path = tmp_path / name
    write(path)
    before = os.lstat(path).st_ino
    path.chmod(0o555 if path.is_dir() else 0o444)
    with pytest.raises(dm.InputError, match="read-only"):
        write(path)
    assert os.lstat(path).st_ino == before


@WRITERS
@pytest.mark.parametrize("mode", [0o640, 0o600, 0o666])
def test_modes_are_kept(tmp_path, name, write, mode):
    path = tmp_path / name
    write(path)
    mode |= 0o111 if path.is_dir() else 0
    path.chmod(mode)
    write(path)
    assert stat.S_IMODE(os.lstat(path).st_mode) == mode


@WRITERS
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_new_files_follow_the_umask(tmp_path, name, write, umask):
    path = tmp_path / name
    old = os.umask(umask)
    try:
        write(path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.lstat(path).st_mode) == (0o777 if path.is_dir() else 0o666) & ~umask


@WRITERS
def test_no_path_at_all(tmp_path, name, write):
    for path in (None, 3, b"x", "nul\0.nc", 2.5):
        with pytest.raises(dm.InputError):
            write(path)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_of_many_who_write_at_once_one_wins_whole(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    failures = []

    def write(value):
        try:
            for _ in range(3):
                dm.save_trajectory(path, run(float(value), samples=20 + value))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    states = dm.load_trajectory(path).states
    assert len(np.unique(states)) == 1
    assert states.shape[1] == 20 + states[0, 0, 0]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_a_reader_never_gets_a_mixture(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    dm.save_trajectory(path, run(0.0))
    stop, failures = threading.Event(), []

    def write():
        i = 0
        try:
            while not stop.is_set():
                i += 1
                dm.save_trajectory(path, run(float(i)))
        except Exception as error:
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    seen, end = set(), time.monotonic() + 60
    try:
        while len(seen) < 5 and time.monotonic() < end:
            values = np.unique(dm.load_trajectory(path).states)
            assert len(values) == 1
            seen.add(values[0])
    finally:
        stop.set()
        writer.join()
    assert failures == []
    assert len(seen) == 5


def test_a_file_replaced_while_it_is_read_comes_whole(tmp_path, monkeypatch):
    path = tmp_path / "run.nc"
    dm.save_trajectory(path, run(1.0))
    check = trajectories.is_sealed

    def replaced_after_the_check(file):
        sealed = check(file)
        dm.save_trajectory(path, run(2.0))
        return sealed

    monkeypatch.setattr(trajectories, "is_sealed", replaced_after_the_check)
    assert np.unique(dm.load_trajectory(path).states) == 1.0
