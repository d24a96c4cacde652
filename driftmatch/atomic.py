"""Writing so that a file is whole or not there, and nothing but the named file is touched."""

import contextlib
import ctypes
import errno
import hashlib
import os
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from driftmatch.errors import ComputationError, InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

Owned = Callable[[Path], bool]
_EXCHANGE = 2  # of Linux' renameat2
_HERE = -100  # paths are relative to the working folder
_OLD = "old"  # what a folder replaces, where there is no exchange


@contextlib.contextmanager
def atomic(
    path: str | os.PathLike[str], *, overwrite: bool = True, owned: Owned | None = None
) -> Iterator[Path]:
    """A path to write to, of the same name but elsewhere; what is there takes the place of `path`
    at the end. If anything goes wrong before, what was at `path` is as it was.

    What is written lies, until then, in a hidden folder beside `path` that nobody else can enter
    and whose name cannot be foretold. One that a process left behind when it was killed is removed
    by the next that writes to the same path; a lock tells it from those in use.

    - `overwrite`: whether a file may be replaced, also one that appears while this one is written.
      It keeps its permissions; a new one gets those that ``open`` would give it.
    - `owned`: given for what is written as a folder: says of one there whether it may be replaced.

    Folders that are missing above `path` are made. Raises `InputError` as `check_place` does, and
    `ComputationError` if the system refuses to write, as on a full disk.
    """
    path = check_place(path, overwrite=overwrite, owned=owned)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _room(path) as room:
            new = room / path.name
            yield new
            _flush(new)
            check_place(path, overwrite=overwrite, owned=owned)
            _keep_permissions(new, path)
            _put(new, path, overwrite)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ComputationError(
            f"cannot write {path}: {reason[:1].lower()}{reason[1:]}; nothing was changed "
            "there; make room or choose another place, and save again"
        ) from error


def scratch() -> IO[bytes]:
    """A file without a name, in the system's temporary folder, gone when nothing holds it."""
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise ComputationError(
            f"there is no folder for temporary files ({error.strerror}): name one in the "
            "environment variable TMPDIR"
        ) from error


def as_path(path: object) -> Path:
    """A path, whatever it leads to; raises `InputError` for what is no path at all."""
    try:
        text = os.fspath(path)  # pyright: ignore[reportArgumentType, reportCallIssue]
    except TypeError:
        text = None
    if not isinstance(text, str) or "\0" in text:
        raise InputError(f"a path must be text or a pathlib.Path, got {path!r:.80}")
    return Path(text)


def check_place(
    path: str | os.PathLike[str], *, overwrite: bool = True, owned: Owned | None = None
) -> Path:
    """The path, in full, if a file may be written there.

    Raises `InputError` if a file is where a folder should be, and for what would be harmed: a
    folder, unless `owned` says that it may be replaced, a link, a device, what is read-only and,
    without `overwrite`, anything.
    """
    path = as_path(path)
    if path.name in ("", ".."):
        raise InputError(f"cannot write {str(path)!r}: it is a folder; give the name of a file")
    place = Path(os.path.realpath(path.parent)) / path.name
    if not (there := nearest_folder(place)).is_dir():
        raise InputError(f"cannot write {path}: {there} is no folder; choose another place")
    try:
        mode = os.lstat(place).st_mode
    except FileNotFoundError:
        return place
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    if reason := _reason(place, mode, owned):
        raise InputError(f"cannot write {path}: it {reason}")
    if not overwrite:
        raise _exists(path)
    return place


def nearest_folder(path: Path) -> Path:
    """The innermost of the folders above a path that is there already."""
    return next(place for place in path.absolute().parents if os.path.lexists(place))


def _reason(path: Path, mode: int, owned: Owned | None) -> str | None:
    """Why what is at a path must stay."""
    if stat.S_ISLNK(mode):
        return f"is a link to {os.readlink(path)}; name that instead, or remove the link"
    if stat.S_ISDIR(mode):
        if owned is None:
            return "is a folder; choose another name"
        if not owned(path):
            return "is a folder and was not written by driftmatch alone; choose another name"
    elif not stat.S_ISREG(mode):
        return "is a device or a pipe; choose another name"
    elif owned is not None:
        return "is a file, and a folder is to be written; choose another name"
    if not (mode & 0o222 and os.access(path, os.W_OK)):  # root may, but the owner said no
        return "is read-only; make it writable, or choose another name"
    return None


def _exists(path: Path) -> InputError:
    return InputError(
        f"{path} exists already: pass --force or overwrite=True to replace it, or choose another "
        "name"
    )


@contextlib.contextmanager
def _room(path: Path) -> Iterator[Path]:
    """A new folder beside a path, of nobody else's, locked; gone at the end."""
    # Locks do not reach across machines, so each has names of its own.
    digest = hashlib.sha256(f"{path.name}\0{socket.gethostname()}".encode(errors="replace"))
    prefix = f".{path.name[:40]}.{digest.hexdigest()[:12]}."
    _clear(path, prefix)
    while True:
        room = path.with_name(prefix + secrets.token_hex(8))
        room.mkdir(mode=0o700)
        lock = _lock(room, wait=True)
        if room.is_dir():
            break
        _unlock(lock)  # somebody who clears came before the lock
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)
        _unlock(lock)


def _clear(path: Path, prefix: str) -> None:
    """Remove what killed processes have left."""
    if fcntl is None:
        return
    with os.scandir(path.parent) as entries:
        left = [Path(e) for e in entries if e.name.startswith(prefix)]
    for room in left:
        lock = _lock(room, wait=False)
        if lock is None:
            continue
        if os.fstat(lock).st_uid == os.geteuid():
            if (old := room / _OLD).exists() and not path.exists():
                with contextlib.suppress(OSError):
                    os.rename(old, path)  # it was killed between two renames
            shutil.rmtree(room, ignore_errors=True)
        os.close(lock)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """A descriptor that locks a folder, or None if somebody else does or if there are no locks."""
    if fcntl is None:
        return None
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(lock)
        return None
    return lock


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def _flush(path: Path) -> None:
    """Have the system write a file, or every file of a folder, to the disk."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with open(file, "rb+") as handle:
                os.fsync(handle.fileno())


def _keep_permissions(new: Path, path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        before, now = os.lstat(path), os.lstat(new)
        if hasattr(os, "chown") and (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
            with contextlib.suppress(OSError):
                os.chown(new, before.st_uid, before.st_gid)
        os.chmod(new, stat.S_IMODE(before.st_mode))


def _put(new: Path, path: Path, overwrite: bool) -> None:
    """Give a file or a folder its place; without `overwrite` only if the place is free."""
    try:
        if new.is_dir():
            if overwrite:
                _put_folder(new, path)
            else:
                os.mkdir(path)  # fails if anything is there; an empty folder can be replaced
                os.rename(new, path)
        elif overwrite:
            os.replace(new, path)
        else:
            try:
                os.link(new, path)
            except FileExistsError:
                raise
            except OSError:  # a file system without hard links
                os.close(os.open(path, os.O_CREAT | os.O_EXCL))
                os.replace(new, path)
    except FileExistsError:
        raise _exists(path) from None


def _put_folder(new: Path, path: Path) -> None:
    """By an exchange where the system has one; else what was there is moved away first."""
    old = new.with_name(_OLD)
    while not _exchange(new, path):
        try:
            os.rename(new, path)  # fails if there is a folder with anything in it
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                if old.exists():
                    os.rename(old, path)
                raise
        shutil.rmtree(old, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.rename(path, old)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two paths at once, so that there is never none; False if that cannot be done."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0
