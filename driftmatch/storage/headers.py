"""What every file says about itself, and how it is checked when the file is read."""

import datetime
from typing import Any

import numpy as np

import driftmatch
from driftmatch.errors import InputError

FORMAT = "driftmatch"
FORMAT_VERSION = 1  # raised when files are written that this version could not read


def new_header(kind: str) -> dict[str, Any]:
    """Format, class, versions and date of a file that is written now."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "class": kind,
        "driftmatch_version": driftmatch.__version__,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def check_header(header: dict[str, Any], path: object, what: str) -> None:
    """Raise `InputError` unless the file is one of this project's and not newer than it."""
    if header.get("format") != FORMAT:
        raise InputError(f"{path} is not {what} of driftmatch: give one that driftmatch has saved")
    version = header.get("format_version")
    if not isinstance(version, (int, np.integer)) or version > FORMAT_VERSION:
        raise InputError(
            f"{path} was written by driftmatch {header.get('driftmatch_version')} in format "
            f"{version}, and this is driftmatch {driftmatch.__version__}, which reads formats up "
            f"to {FORMAT_VERSION}: upgrade driftmatch"
        )
