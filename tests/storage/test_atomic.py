import errno
import os

import pytest

from driftmatch.errors import ComputationError, InputError
from driftmatch.storage.atomic import atomic


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


@pytest.mark.parametrize("write", [write_file, write_folder])
@pytest.mark.parametrize("before", [None, write_file, write_folder])
def test_replaces_what_was_there(tmp_path, write, before):
    path = tmp_path / "out"
    if before is not None:
        before(path, "old")
    with atomic(path) as new:
        write(new, "new")
        assert not path.exists() or content(path) == "old"
    assert content(path) == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("write", [write_file, write_folder])
@pytest.mark.parametrize(
    ("failure", "raised"), [(full_disk, ComputationError), (interrupt, KeyboardInterrupt)]
)
@pytest.mark.parametrize("when", ["while writing", "while moving"])
def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch, write, failure, raised, when):
    path = tmp_path / "out"
    write(path, "old")
    with pytest.raises(raised) as error, atomic(path) as new:  # noqa: PT012
        write(new, "new")
        if when == "while writing":
            failure()
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


def test_a_first_file_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ComputationError), atomic(tmp_path / "out") as new:  # noqa: PT012
        new.write_text("half")
        full_disk()
    assert not list(tmp_path.iterdir())


def test_there_must_be_a_folder(tmp_path):
    with (
        pytest.raises(InputError, match=r"there is no folder .*nowhere; create it"),
        atomic(tmp_path / "nowhere" / "out"),
    ):
        pass


def test_a_link_is_followed(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with atomic(tmp_path / "link") as new:
        new.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"
