"""Figures to files, written whole or not at all."""

import os
from pathlib import Path

from matplotlib.figure import Figure

from driftmatch.errors import ComputationError, InputError
from driftmatch.figures.style import style

# Dates are left out, so that the same figure gives the same file.
_METADATA = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}


@style()
def save(fig: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure as PNG, PDF or SVG, whichever the ending of `path` says; returns the path.

    It is drawn to a temporary file beside `path` that takes its place when complete, so that a
    full disk or an interruption leaves an older file as it was.

    Raises `InputError` for another ending or a directory that does not exist, and
    `ComputationError` when the file cannot be written.
    """
    path = Path(path)
    ending = path.suffix.lower().removeprefix(".")
    if ending not in _METADATA:
        raise InputError(f"a figure's file must end in .png, .pdf or .svg, got {path.name!r}")
    if not path.parent.is_dir():
        raise InputError(f"the directory {path.parent} does not exist; create it first")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fig.savefig(temporary, format=ending, metadata=_METADATA[ending])
        os.replace(temporary, path)
    except OSError as error:
        raise ComputationError(
            f"the figure could not be written to {path} ({error.strerror or error}); free some "
            "space there or choose another place"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return path
