"""Where a command talks: its result to standard output, everything else to standard error."""

import contextlib
import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from driftmatch.meters import SILENT, AbstractMeter, TerminalMeter

if TYPE_CHECKING:
    from rich.console import RenderableType


class Terminal(contextlib.AbstractContextManager):
    """The voice of one command, for people or, with `as_json`, for machines.

    While it is open, what anybody else prints (a user's own file, say) goes to standard error, so
    that standard output carries the result and nothing else.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False):
        self.as_json = as_json
        silent = as_json or quiet or not sys.stderr.isatty()
        self.meter: AbstractMeter = SILENT if silent else TerminalMeter()
        self._output = sys.stdout
        self._redirection = contextlib.redirect_stdout(sys.stderr)

    def __enter__(self):
        self._redirection.__enter__()
        # Loading JAX takes a second or two, before anything else can report.
        self.meter.start("loading", 1)
        return self

    def __exit__(self, *exception):
        self.meter.stop()
        return self._redirection.__exit__(*exception)

    def result(self, record: Mapping[str, Any], *shown: "RenderableType") -> None:
        """The result: the record as one JSON object, or else what is shown of it."""
        self.meter.stop()
        if self.as_json:
            text = json.dumps(_plain(record), allow_nan=False)
            print(text, file=self._output, flush=True)
        else:
            self.show(*shown)

    def show(self, *shown: "RenderableType") -> None:
        """For people only: text and tables, a line or a block each."""
        if not self.as_json:
            from rich.console import Console

            console = Console(file=self._output, highlight=False)
            for part in shown:
                console.print(part)

    def warn(self, text: str) -> None:
        """One line for people on standard error, whatever standard output carries."""
        self.meter.stop()
        typer.secho("warning: ", fg=typer.colors.YELLOW, bold=True, nl=False, err=True)
        typer.echo(text, err=True)


def _plain(value: Any) -> Any:
    """The value in the types that JSON has; what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):  # NumPy and JAX arrays and scalars
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
