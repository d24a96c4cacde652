"""A checksum at the end of a file, to be checked before any library reads what is in it.

The HDF5 library may never return from a damaged file. It does not mind what comes after its own.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

_MARK = b"\ndriftmatch sha256 "
_LENGTH = len(_MARK) + 64 + 1
_PIECE = 1 << 20


def seal(path: Path) -> None:
    """Add to a file the checksum of what is in it."""
    with open(path, "r+b") as file:
        digest = _digest(file, path.stat().st_size)
        file.seek(0, os.SEEK_END)
        file.write(_MARK + digest + b"\n")


def is_sealed(file: BinaryIO) -> bool:
    """Whether an open file ends with its checksum; raises ValueError if with that of something
    else."""
    size = file.seek(0, os.SEEK_END) - _LENGTH
    if size < 0:
        return False
    file.seek(size)
    end = file.read()
    if not end.startswith(_MARK):
        return False
    if end[len(_MARK) :] != _digest(file, size) + b"\n":
        raise ValueError("its content does not match its checksum")
    return True


def _digest(file: BinaryIO, size: int) -> bytes:
    digest = hashlib.sha256()
    file.seek(0)
    while size > 0 and (piece := file.read(min(size, _PIECE))):
        digest.update(piece)
        size -= len(piece)
    return digest.hexdigest().encode()
