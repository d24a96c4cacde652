"""Where a command talks: its result to standard output, everything else to standard error."""

import contextlib
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from driftmatch.meters import SILENT, AbstractMeter, TerminalMeter
from driftmatch.words import encodable, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class Terminal(contextlib.AbstractContextManager):
    """The voice of one command, for people or, with `as_json`, for machines.

    While it is open, what anybody else prints (a user's own file, say) goes to standard error, so
    that standard output carries the result and nothing else.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False):
        self.as_json = as_json
        silent = as_json or quiet or not sys.stderr.isatty()
        self._live = None if silent else _UnbrokenMeter()
        self.meter: AbstractMeter = self._live or SILENT
        self._output = sys.stdout
        self._redirection = contextlib.redirect_stdout(sys.stderr)

    def __enter__(self):
        self._redirection.__enter__()
        # Loading JAX takes a second or two, before anything else can report.
        self.meter.start("loading", 1)
        return self

    def __exit__(self, *exception):
        self._hush()
        return self._redirection.__exit__(*exception)

    def result(self, record: Mapping[str, Any], *shown: "RenderableType") -> None:
        """The result: the record as one JSON object, or else what is shown of it."""
        if self.as_json:
            from driftmatch.records import plain

            text = json.dumps(plain(record), allow_nan=False)
            print(text, file=self._output, flush=True)
        else:
            self.show(*shown)

    def show(self, *shown: "RenderableType") -> None:
        """For people only: text and tables, a line or a block each."""
        if not self.as_json:
            self._hush()
            console = _console(self._output)
            for part in shown:
                # A sentence is one line, which can be searched, and a path in it copied.
                console.print(part, soft_wrap=isinstance(part, str))

    def _hush(self) -> None:
        """Clear the meter's line, until the next task."""
        if self._live is not None:
            self._live.close()


def _console(output) -> "Console":
    """A console to which only its own styles bring control sequences, never the text: that may come
    from a file of anybody's. What the terminal has no characters for is spelled out."""
    from rich.console import Console
    from rich.segment import Segment

    def clean(text: str) -> str:
        return encodable(printable(text), output)

    class Clean(Console):
        def render_str(self, text, **options):  # before columns are measured
            return super().render_str(encodable(text, output), **options)

        def render(self, renderable, options=None):
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else clean(text), style, control)

    return Clean(file=output, highlight=False)


class _UnbrokenMeter(AbstractMeter):
    """A meter on the terminal that shows between its tasks, too, that work goes on."""

    def __init__(self):
        self._meter = TerminalMeter()

    def start(self, description: str, total: int) -> None:
        self._meter.start(printable(description), total)

    def advance(self, steps: int, note: str = "") -> None:
        self._meter.advance(steps, printable(note))

    def stop(self) -> None:
        self._meter.start("working", 1)

    def close(self) -> None:
        self._meter.stop()
