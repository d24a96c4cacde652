"""Options that several commands share, and the checks that come before any long work."""

import os
from pathlib import Path
from typing import Annotated

import typer

from driftmatch.atomic import Owned, check_place, nearest_folder
from driftmatch.cli.completion import models_and_systems, systems
from driftmatch.errors import InputError

PICTURES = (".png", ".pdf", ".svg")


def _check_seed(seed: int) -> int:
    if not 0 <= seed < 2**32:  # JAX would take a larger one for a smaller
        raise typer.BadParameter(f"{seed} is not in the range from 0 to {2**32 - 1}")
    return seed


Seed = Annotated[
    int,
    typer.Option(metavar="N", callback=_check_seed, help="The same seed gives the same numbers."),
]
Noise = Annotated[
    float | None,
    typer.Option(
        metavar="X", min=0, help="σ of the system's additive noise. Default: the system's own."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=X", help="Set a parameter of the system; repeatable."),
]
ModelOrSystem = Annotated[
    str,
    typer.Argument(
        metavar="MODEL|SYSTEM",
        autocompletion=models_and_systems,
        help="A saved model, or a system by its name.",
    ),
]
TargetName = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="SYSTEM",
        autocompletion=systems,
        help="Another target than the one that the model's file names; a .py file is run.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", metavar="", help="Print one JSON object and nothing else.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", metavar="", help="No progress meter.")]
Force = Annotated[
    bool, typer.Option("--force", "-f", metavar="", help="Overwrite files that exist.")
]


def check_output(
    path: Path, option: str, suffixes: tuple[str, ...], *, force: bool, owned: Owned | None = None
) -> Path:
    """A path that can be written to later, in a folder that is made if it is missing; raises
    `InputError` now if it cannot.

    `owned`: for folders, as for `atomic`.
    """
    if path.suffix not in suffixes:
        raise InputError(
            f"{option} must end in {' or '.join(suffixes)}, which says the format; got {path}"
        )
    _check_writable(nearest_folder(path), option)
    if os.path.lexists(path) and not force:
        raise InputError(
            f"{path} exists already: pass --force to overwrite it, or choose another {option}"
        )
    check_place(path, owned=owned)
    return path


def check_folder(folder: Path, option: str) -> Path:
    """A folder that files can be written to, once it is made; raises `InputError` if it cannot."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{option} must be a folder, and {folder} is a file: choose another one")
    _check_writable(folder if folder.exists() else nearest_folder(folder), option)
    return folder


def _check_writable(there: Path, option: str) -> None:
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise InputError(f"the folder {there} cannot be written to: choose another {option}")
