"""Figures to files, written whole or not at all."""

import os
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from driftmatch.atomic import as_path, atomic
from driftmatch.errors import InputError
from driftmatch.figures.parts.style import style

# Dates are left out, so that the same figure gives the same file.
_METADATA = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}


@style()
def save(
    fig: Figure | SubFigure | Axes, path: str | os.PathLike[str], *, overwrite: bool = True
) -> Path:
    """Write a figure as PNG, PDF or SVG, whichever the ending of `path` says; returns the path.

    - `fig`: a figure, or a part or axes of one, of which all is written.

    It takes its place when complete, so that a full disk or an interruption leaves an older file
    as it was; without `overwrite`, one that is there, or appears meanwhile, is left alone.

    Raises `InputError` for another ending, a folder that does not exist and if something other
    than a file is at `path`, and `ComputationError` when the file cannot be written.
    """
    if isinstance(path, Figure | SubFigure | Axes):
        raise InputError("save takes the figure first and then the path: save(fig, path)")
    whole = fig.get_figure(root=True) if isinstance(fig, Axes | SubFigure) else fig
    if not isinstance(whole, Figure):
        raise InputError(f"fig must be a figure or axes of one, got {type(fig).__name__}")
    path = as_path(path)
    ending = path.suffix.lower().removeprefix(".")
    if ending not in _METADATA:
        raise InputError(f"a figure's file must end in .png, .pdf or .svg, got {path.name!r}")
    with atomic(path, overwrite=overwrite) as new:
        whole.savefig(new, format=ending, metadata=_METADATA[ending])
    return path
