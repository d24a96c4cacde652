"""Writing so that a file is either complete or not there."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from driftmatch.errors import ComputationError, InputError


@contextlib.contextmanager
def atomic(path: str | os.PathLike) -> Iterator[Path]:
    """A path beside `path` to write a file or a folder to; it takes its place at the end.

    If anything goes wrong before, what was written is removed and what was at `path` is as it was.

    Raises `InputError` if the folder to write to does not exist, and `ComputationError` if the
    system refuses to write, as on a full disk.
    """
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path.name}: there is no folder {path.parent}; create it")
    tag = secrets.token_hex(4)
    new = path.with_name(f".{path.name}.{tag}.new")
    try:
        yield new
        _flush(new)
        _replace(new, path, old=path.with_name(f".{path.name}.{tag}.old"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise ComputationError(
            f"cannot write {path}: {reason[:1].lower()}{reason[1:]}; nothing was changed "
            "there; make room or choose another place, and save again"
        ) from error
    finally:
        _remove(new)


def _flush(path: Path) -> None:
    """Have the system write a file, or every file of a folder, to the disk."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with open(file, "rb+") as handle:
                os.fsync(handle.fileno())


def _replace(new: Path, path: Path, old: Path) -> None:
    if not (path.is_dir() or (new.is_dir() and path.exists())):
        os.replace(new, path)
        return
    os.rename(path, old)  # a folder cannot be replaced in one go
    try:
        os.rename(new, path)
    except BaseException:
        os.rename(old, path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
