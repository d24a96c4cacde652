"""``driftmatch export``: a saved network for other simulators."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from driftmatch.cli.completion import models
from driftmatch.cli.options import AsJson, Force, check_folder, check_output
from driftmatch.cli.targets import check_model
from driftmatch.cli.terminal import Terminal

Framework = Literal["numpy", "torch", "nengo", "brian2"]


def export(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", autocompletion=models, help="A saved model.")
    ],
    to: Annotated[
        Framework, typer.Option("--to", metavar="NAME", help="numpy, torch, nengo or brian2.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="PLACE",
            help="A folder, or an .npz file for the weights. Default: MODEL-NAME/.",
        ),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write a network's weights, and a program beside them that runs it in another framework.

    The program needs that framework and NumPy, but not driftmatch.
    """
    check_model(model)
    place = model.with_name(f"{model.stem}-{to}") if out is None else out
    if place.suffix == ".npz":
        weights, program = place, place.with_suffix(".py")
    else:
        folder = check_folder(place, "--out")
        weights, program = folder / "weights.npz", folder / "run.py"
    for path in (weights, program):
        check_output(path, "--out", (path.suffix,), force=force)
    with Terminal(as_json=as_json) as terminal:
        from rich.markup import escape

        from driftmatch.export.files import numpy, script
        from driftmatch.storage.models import load

        network = load(model)
        numpy(weights, network, overwrite=force)
        script(program, to, weights=weights.name, overwrite=force)
        record = {"model": str(model), "to": to, "weights": str(weights), "program": str(program)}
        terminal.result(
            record,
            f"[b]{escape(network.name)}[/b]: {network.num_neurons} neurons of rank {network.dim}",
            f"saved  {escape(str(weights))} and {escape(str(program))}",
            f"run    python {escape(str(program))} --help",
        )
