"""What every file says about itself, and how it is checked when the file is read."""

import datetime
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from driftmatch.errors import InputError
from driftmatch.version import __version__
from driftmatch.words import printable

FORMAT = "driftmatch"
# Raised when files are written that older versions could not read. 1 had no checksum, and a flipped
# bit makes no 1 of 2, neither of the digit nor of the number.
FORMAT_VERSION = 2
UNCHECKED = 1
CHECKSUM = "sha256"

# By name, the dimensions and the numbers, as little-endian bytes have them.
Arrays = Mapping[str, tuple[tuple[str, ...], np.ndarray]]


def new_header(kind: str) -> dict[str, Any]:
    """Format, class, versions and date of a file that is written now."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "class": kind,
        "driftmatch_version": __version__,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def check_header(header: Mapping[str, Any], path: object, what: str) -> int:
    """The format's version; raises `InputError` unless the file is one of this project's and not
    newer than it."""
    if header.get("format") != FORMAT:
        raise InputError(f"{path} is not {what} of driftmatch: give one that driftmatch has saved")
    version = header.get("format_version")
    if isinstance(version, bool) or not isinstance(version, (int, np.integer)) or version < 1:
        raise InputError(f"{path} is damaged: it has no format version; save it again")
    if version > FORMAT_VERSION:
        raise InputError(
            f"{path} was written by driftmatch {header.get('driftmatch_version')} in format "
            f"{version}, and this is driftmatch {__version__}, which reads formats up "
            f"to {FORMAT_VERSION}: upgrade driftmatch"
        )
    return int(version)


def checksum(header: Mapping[str, Any], arrays: Arrays) -> str:
    """SHA-256 of all that a file says: the header, but for the checksum itself, and the arrays."""
    said = {key: value for key, value in header.items() if key != CHECKSUM}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name, (dimensions, array) in sorted(arrays.items()):
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        label = [name, list(dimensions), array.dtype.str, list(array.shape)]
        digest.update(json.dumps(label).encode())
        digest.update(array.data)
    return digest.hexdigest()


def check_checksum(header: Mapping[str, Any], arrays: Arrays, path: object) -> None:
    """Raises `InputError` unless header and arrays are those that were written together."""
    if header["format_version"] == UNCHECKED and CHECKSUM not in header:
        return
    if header.get(CHECKSUM) != checksum(header, arrays):
        raise InputError(
            f"{path} is damaged: its content does not match its checksum; copy it again, or save "
            "it again"
        )


def check_words(header: Mapping[str, Any], *names: str) -> None:
    """Raises ValueError unless the header has these, as text."""
    for name in names:
        if not isinstance(header.get(name), str):
            raise ValueError(f"{name} must be text, got {str(header.get(name))[:40]!r}")


def words_of(header: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """A list of words, None if it is not there; raises ValueError for anything else."""
    words = header.get(name)
    if words is None:
        return None
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{name} must be words, got {str(words)[:40]!r}")
    return tuple(map(printable, words))


def check_positive_entry(header: Mapping[str, Any], name: str, *, or_zero: bool = False) -> float:
    """A number of the header; raises ValueError unless it is there, finite and positive."""
    value = header.get(name)
    number = -1.0  # stands for what is none
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
    if not math.isfinite(number) or number < 0 or (number == 0 and not or_zero):
        least = "not negative" if or_zero else "positive"
        raise ValueError(f"{name} must be {least}, got {str(value)[:40]!r}")
    return number
