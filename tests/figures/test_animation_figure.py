from itertools import pairwise

import numpy as np
import pytest
from matplotlib.animation import FFMpegWriter, PillowWriter
from memories import RELEASE, recall, switching, tilt, walk
from PIL import Image

from driftmatch.errors import ComputationError, InputError
from driftmatch.figures import animate_recall, animate_switching, animate_walk
from driftmatch.figures.recall_film import _schedule
from driftmatch.meters import AbstractMeter


class Count(AbstractMeter):
    def __init__(self):
        self.total, self.done, self.stopped = 0, 0, False

    def start(self, description, total):
        self.total = total

    def advance(self, steps, note=""):
        self.done += steps

    def stop(self):
        self.stopped = True


def pictures(path):
    with Image.open(path) as film:
        for i in range(film.n_frames):
            film.seek(i)
            yield np.asarray(film.convert("RGB"), int)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_recall_has_its_frames_and_moves(k, tmp_path):
    meter = Count()
    path = tmp_path / "r.gif"
    one = recall(k, of_network=k != 2)
    assert animate_recall(one, tilt(k), path, frames=12, fps=10, meter=meter) == path
    frames = list(pictures(path))
    assert len(frames) == 12
    assert all(np.any(a != b) for a, b in pairwise(frames))
    with Image.open(path) as film:
        assert film.info["duration"] == 100
        assert film.info["loop"] == 0
    assert path.stat().st_size < 1e6
    assert (meter.total, meter.done, meter.stopped) == (12, 12, True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("of_network", [False, True])
def test_a_walk_and_a_switching_have_their_frames(of_network, tmp_path):
    path = animate_walk(walk(of_network=of_network), tmp_path / "w.gif", frames=5)
    assert len(list(pictures(path))) == 5
    run = switching(of_network=of_network)
    path = animate_switching(run, tmp_path / "s.gif", names=("a", "b", "c"), frames=5)
    assert len(list(pictures(path))) == 5


def test_the_landscape_tilts_while_time_stands_still():
    one = recall(2)
    times = one.trajectory.times
    schedule = _schedule(times, one, 40)
    samples, shares = np.array(schedule).T
    assert len(schedule) == 40
    assert np.all(np.diff(samples) >= 0)
    assert samples[0] == 0
    assert samples[-1] == len(times) - 1
    turning = (shares > 0) & (shares < 1)
    assert turning.sum() == 12
    for part in np.split(np.flatnonzero(turning), 2):
        assert len(set(samples[part])) == 1
    at = times[samples.astype(int)]
    np.testing.assert_array_equal((shares == 1)[~turning], ((at >= 2) & (at < RELEASE))[~turning])
    assert len(set(map(tuple, schedule))) == 40  # no frame is as another


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "w.gif"
    path.write_bytes(b"old")

    def full_disk(self):
        with open(self.outfile, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PillowWriter, "finish", full_disk)
    meter = Count()
    with pytest.raises(ComputationError, match="no space left"):
        animate_walk(walk(), path, frames=2, meter=meter)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    assert meter.stopped


def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path):
    class Interrupted(Count):
        def advance(self, steps, note=""):
            raise KeyboardInterrupt

    path = tmp_path / "w.gif"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        animate_walk(walk(), path, frames=3, meter=Interrupted())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_without_ffmpeg_gif_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    with pytest.raises(InputError, match=r"ffmpeg.* ends in \.gif"):
        animate_walk(walk(), tmp_path / "w.mp4")


@pytest.mark.skipif(not FFMpegWriter.isAvailable(), reason="needs the program ffmpeg")
def test_mp4_where_ffmpeg_is(tmp_path):
    path = animate_walk(walk(), tmp_path / "w.mp4", frames=4)
    assert path.read_bytes()[4:8] == b"ftyp"


def test_what_cannot_be_filmed_is_refused_before_anything_is_drawn(tmp_path):
    one = recall(2)
    with pytest.raises(InputError, match=r"\.gif or \.mp4, got 'a\.png'"):
        animate_recall(one, tilt(2), tmp_path / "a.png")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="is no folder"):
        animate_recall(one, tilt(2), tmp_path / "file" / "a.gif")
    with pytest.raises(InputError, match="the Tilt that was the cue"):
        animate_recall(one, tilt(1), tmp_path / "a.gif")
    with pytest.raises(InputError, match="from 2 to 200, got 1000"):
        animate_recall(one, tilt(2), tmp_path / "a.gif", frames=1000)
    with pytest.raises(InputError, match="fps must be"):
        animate_walk(walk(), tmp_path / "a.gif", fps=0)
    with pytest.raises(InputError, match="what walk returned"):
        animate_walk(one, tmp_path / "a.gif")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="what switch returned"):
        animate_switching(one, tmp_path / "a.gif")  # pyright: ignore[reportArgumentType]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
