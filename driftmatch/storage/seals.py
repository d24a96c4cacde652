"""A checksum at the end of a file, to be checked before any library reads what is in it.

The HDF5 library may never return from a damaged file. It does not mind what comes after its own.
"""

import hashlib
import os
from pathlib import Path

_MARK = b"\ndriftmatch sha256 "
_LENGTH = len(_MARK) + 64 + 1
_PIECE = 1 << 20


def seal(path: Path) -> None:
    """Add to a file the checksum of what is in it."""
    digest = _digest(path, path.stat().st_size)
    with open(path, "ab") as file:
        file.write(_MARK + digest + b"\n")


def is_sealed(path: Path) -> bool:
    """Whether a file ends with its checksum; raises ValueError if with that of something else."""
    size = path.stat().st_size - _LENGTH
    if size < 0:
        return False
    with open(path, "rb") as file:
        file.seek(-_LENGTH, os.SEEK_END)
        end = file.read()
    if not end.startswith(_MARK):
        return False
    if end[len(_MARK) :] != _digest(path, size) + b"\n":
        raise ValueError("its content does not match its checksum")
    return True


def _digest(path: Path, size: int) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while size > 0 and (piece := file.read(min(size, _PIECE))):
            digest.update(piece)
            size -= len(piece)
    return digest.hexdigest().encode()
