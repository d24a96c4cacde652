"""``driftmatch list``: what can be embedded by name."""

from typing import Annotated

import typer

from driftmatch.cli.options import AsJson
from driftmatch.cli.terminal import Terminal

EQUATION_WIDTH = 54  # longer ones are set in several lines, to fit a terminal of 80 columns


def list_systems(
    dysts: Annotated[
        bool,
        typer.Option("--dysts", metavar="", help="List the flows of the dysts package instead."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the systems that have a name, and say how to name others."""
    with Terminal(as_json=as_json) as terminal:
        if dysts:
            _list_flows(terminal)
        else:
            _list_catalogue(terminal)


def _list_catalogue(terminal: Terminal) -> None:
    from driftmatch.systems.catalogue import CATALOGUE

    systems = [function() for function in CATALOGUE.values()]
    records = [
        {
            "name": name,
            "dimension": sde.dim,
            "description": sde.description,
            "equation": sde.equation,
            "parameters": dict(sde.parameters),
        }
        for name, sde in zip(CATALOGUE, systems, strict=True)
    ]
    terminal.result({"systems": records}, *_shown(records))


def _shown(records: list[dict]):
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 1, 0), header_style="dim")
    table.add_column("name", style="bold", no_wrap=True)
    table.add_column("dim", justify="right")
    table.add_column("what it is, its equation, its parameters")
    for record in records:
        equation = record["equation"]
        if len(equation) > EQUATION_WIDTH:
            equation = equation.replace(",  ", "\n")
        defaults = "  ".join(f"{k}={_short(v)}" for k, v in record["parameters"].items())
        text = f"{escape(record['description'])}\n[cyan]{escape(equation)}[/]\n"
        text += f"[dim]{escape(defaults)}[/]"
        table.add_row(record["name"].replace("_", "-"), str(record["dimension"]), text)
    yield table
    others = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    others.add_column(style="bold", no_wrap=True)
    others.add_column()
    others.add_row("dysts:Rossler", "a flow of the dysts package: driftmatch list --dysts")
    others.add_row("my_model.py:sde", "a file of yours with the line sde = driftmatch.SDE(…)")
    yield others


def _list_flows(terminal: Terminal) -> None:
    from driftmatch.errors import InputError
    from driftmatch.systems.dysts import flow_names

    names = flow_names()
    if not names:
        raise InputError("dysts is not installed; install it with: pip install 'driftmatch[dysts]'")
    terminal.result({"flows": [f"dysts:{name}" for name in names]}, *_shown_flows(names))


def _shown_flows(names: list[str]):
    from rich.columns import Columns

    yield Columns(names, column_first=True, padding=(0, 2))
    yield f"\n{len(names)} flows; use one as [b]driftmatch embed dysts:{names[0]}[/b]"


def _short(value: object) -> str:
    """A number to four digits; a matrix row by row."""
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_short, value)) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
