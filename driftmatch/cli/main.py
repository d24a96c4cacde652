"""``driftmatch``: the commands wired together.

Only Typer is imported here. Whatever is heavy is imported by a command when it runs, so that help
and mistyped options are answered at once.
"""

import io
import os
import sys
from typing import Annotated

import typer

from driftmatch.cli.analyse import analyse
from driftmatch.cli.compare import compare
from driftmatch.cli.demo import demo
from driftmatch.cli.embed import embed
from driftmatch.cli.export import export
from driftmatch.cli.failures import INTERRUPTED, TERMINATED, reported
from driftmatch.cli.infer import infer
from driftmatch.cli.list import list_systems
from driftmatch.cli.memory import app as memory
from driftmatch.cli.paper import paper
from driftmatch.cli.simulate import simulate
from driftmatch.version import __version__
from driftmatch.words import SPELLED

app = typer.Typer(
    no_args_is_help=True,
    epilog="Begin with [b]driftmatch demo[/b], or with [b]driftmatch embed lorenz[/b].",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"driftmatch {__version__}")
        raise typer.Exit()


@app.callback()
def _driftmatch(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            callback=_print_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Embed any stochastic differential equation in a low-rank recurrent neural network."""


for _name, _command in {
    "demo": demo,
    "embed": embed,
    "infer": infer,
    "simulate": simulate,
    "compare": compare,
    "analyse": analyse,
    "export": export,
    "paper": paper,
    "list": list_systems,
}.items():
    app.command(_name)(reported(_command))
app.add_typer(memory, name="memory")


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SPELLED)  # help says σ, too
    try:
        app(prog_name="driftmatch")
    except SystemExit as end:
        if end.code in (INTERRUPTED, TERMINATED):
            # JAX may crash when Python takes it down after an interrupted compilation.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code)
        raise
