import contextlib
import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from driftmatch import atomic as module
from driftmatch.atomic import atomic
from driftmatch.errors import ComputationError, InputError


def full_disk():
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupt():
    raise KeyboardInterrupt


def write_file(new, content):
    new.write_text(content)


def write_folder(new, content):
    (new / "a").mkdir(parents=True)
    (new / "a" / "b").write_text(content)


def content(path):
    return (path / "a" / "b" if path.is_dir() else path).read_text()


def own(path):
    return (path / "a").exists()


BOTH = pytest.mark.parametrize(
    ("write", "options"),
    [(write_file, {}), (write_folder, {"owned": own})],
    ids=["file", "folder"],
)
EXCHANGE = pytest.mark.parametrize("exchange", [True, False])


@pytest.fixture
def swapping(monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(module, "_exchange", lambda *_: False)


@BOTH
@EXCHANGE
@pytest.mark.usefixtures("swapping")
def test_replaces_what_was_there(tmp_path, write, options):
    path = tmp_path / "out"
    for text in ("first", "second", "third"):
        before = content(path) if path.exists() else None
        with atomic(path, **options) as new:
            assert new.name == path.name
            write(new, text)
            assert (content(path) if path.exists() else None) == before
        assert content(path) == text
        assert list(tmp_path.iterdir()) == [path]


@BOTH
@EXCHANGE
@pytest.mark.usefixtures("swapping")
@pytest.mark.parametrize(
    ("failure", "raised"), [(full_disk, ComputationError), (interrupt, KeyboardInterrupt)]
)
@pytest.mark.parametrize("when", ["while writing", "while moving"])
def test_a_failure_leaves_what_was_there(
    tmp_path, monkeypatch, write, options, failure, raised, when
):
    path = tmp_path / "out"
    write(path, "old")
    with pytest.raises(raised) as error, atomic(path, **options) as new:  # noqa: PT012
        write(new, "new")
        if when == "while writing":
            failure()
        monkeypatch.setattr(module, "_exchange", lambda *_: failure())
        for function in ("replace", "rename"):
            move = getattr(os, function)

            def fail_for_new(source, target, move=move):
                failure() if source == new else move(source, target)

            monkeypatch.setattr(os, function, fail_for_new)
    monkeypatch.undo()
    if raised is ComputationError:
        assert "no space left on device; nothing was changed" in str(error.value)
    assert content(path) == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_moved_away_comes_back_if_its_place_cannot_be_taken(tmp_path, monkeypatch):
    """Where there is no exchange, the first move fails for what is there, the second for good."""
    path = tmp_path / "out"
    write_folder(path, "old")
    rename, calls = os.rename, []

    def fail_the_second_time(source, target):
        if source.name == "out" and source != path:
            calls.append(target)
            if len(calls) == 2:
                full_disk()
        rename(source, target)

    monkeypatch.setattr(module, "_exchange", lambda *_: False)
    monkeypatch.setattr(os, "rename", fail_the_second_time)
    with pytest.raises(ComputationError), atomic(path, owned=own) as new:
        write_folder(new, "new")
    assert len(calls) == 2
    assert content(path) == "old"
    assert list(tmp_path.iterdir()) == [path]


@BOTH
def test_without_overwrite_what_is_there_or_appears_stays(tmp_path, write, options):
    path = tmp_path / "out"
    with atomic(path, overwrite=False, **options) as new:
        write(new, "first")
    with (
        pytest.raises(InputError, match=r"exists already.*choose another"),
        atomic(path, overwrite=False, **options) as new,
    ):
        raise AssertionError("not reached")
    other = tmp_path / "other"
    with (  # noqa: PT012
        pytest.raises(InputError, match="exists already"),
        atomic(other, overwrite=False, **options) as new,
    ):
        write(new, "second")
        write(other, "theirs")
    assert (content(path), content(other)) == ("first", "theirs")
    assert set(tmp_path.iterdir()) == {path, other}


@BOTH
@pytest.mark.parametrize("links", [True, False])
def test_what_appears_in_the_last_moment_stays(tmp_path, monkeypatch, write, options, links):
    """Between the last look and the move; also where the file system has no hard links."""
    path = tmp_path / "out"
    put, link = module._put, os.link

    def late(new, path, overwrite):
        write(path, "theirs")
        put(new, path, overwrite)

    def no_links(*_):
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(module, "_put", late)
    monkeypatch.setattr(os, "link", link if links else no_links)
    with (
        pytest.raises(InputError, match="exists already"),
        atomic(path, overwrite=False, **options) as new,
    ):
        write(new, "mine")
    assert content(path) == "theirs"


def test_without_hard_links_a_first_file_is_still_written(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    with atomic(tmp_path / "out", overwrite=False) as new:
        new.write_text("new")
    assert content(tmp_path / "out") == "new"


def test_a_first_file_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ComputationError), atomic(tmp_path / "out") as new:  # noqa: PT012
        new.write_text("half")
        full_disk()
    assert not list(tmp_path.iterdir())


def test_missing_folders_are_made(tmp_path):
    with atomic(tmp_path / "new" / "er" / "out") as new:
        new.write_text("new")
    assert content(tmp_path / "new" / "er" / "out") == "new"
    assert [path.name for path in (tmp_path / "new" / "er").iterdir()] == ["out"]


def test_nothing_is_made_below_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(InputError, match=r"cannot write .*file is no folder; choose another place"),
        atomic(tmp_path / "file" / "new" / "out"),
    ):
        pass
    assert content(tmp_path / "file") == "mine"


def test_a_link_among_the_folders_above_is_no_matter(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with atomic(tmp_path / "link" / "out") as new:
        new.write_text("new")
    assert content(tmp_path / "real" / "out") == "new"


def test_a_link_that_appears_meanwhile_is_not_followed(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "out"
    victim.write_text("theirs")
    with pytest.raises(InputError, match="is a link"), atomic(path) as new:  # noqa: PT012
        new.write_text("new")
        path.symlink_to(victim)
    assert content(victim) == "theirs"


def test_nobody_else_can_enter_where_it_is_written_or_foretell_where(tmp_path):
    path, rooms = tmp_path / "out", set()
    for _ in range(3):
        with atomic(path) as new:
            new.write_text("new")
            assert new.parent.parent == tmp_path
            assert new.parent.stat().st_mode & 0o777 == 0o700
            rooms.add(new.parent)
    assert len(rooms) == 3


def test_names_as_long_as_they_may_be(tmp_path):
    for name in ("x" * 255, "漢" * 85):
        with atomic(tmp_path / name) as new:
            new.write_text("new")
        assert content(tmp_path / name) == "new"


KILLED = """
import os, sys
from driftmatch.atomic import atomic
with atomic(sys.argv[1]) as new:
    new.write_text("half")
    os.kill(os.getpid(), 9)
"""


def killed_while_writing(path):
    environment = os.environ | {"PYTHONPATH": str(Path(module.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", KILLED, path], env=environment)
    assert done.returncode == -9


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path):
    path, other = tmp_path / "out", tmp_path / "out2"
    killed_while_writing(path)
    killed_while_writing(other)
    assert len(list(tmp_path.iterdir())) == 2
    with atomic(path) as new:
        new.write_text("new")
    (left,) = set(tmp_path.iterdir()) - {path}  # the other path's
    assert left.name.startswith(".out2.")


def test_that_of_one_who_still_writes_stays(tmp_path):
    path = tmp_path / "out"
    with atomic(path) as slow:
        slow.write_text("slow")
        with atomic(path) as quick:
            quick.write_text("quick")
        assert content(path) == "quick"
        assert slow.exists()
    assert content(path) == "slow"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_was_moved_away_when_the_process_died_comes_back(tmp_path):
    path = tmp_path / "out"
    killed_while_writing(path)
    (room,) = tmp_path.iterdir()
    write_folder(room / "old", "old")
    with contextlib.suppress(ComputationError), atomic(path, owned=own):
        assert content(path) == "old"
        full_disk()
    assert content(path) == "old"


def test_without_locks_it_writes_all_the_same(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(fcntl, "flock", none)
    with atomic(tmp_path / "out") as new:
        new.write_text("new")
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
