"""Progress meters: the library is silent by default and reports to the meter it is given."""

import abc
import contextlib
import math
import sys
import time
from collections.abc import Iterator
from typing import TextIO

from driftmatch.words import encodable


class AbstractMeter(abc.ABC):
    """Receives the progress of a long computation.

    ``start``, any number of ``advance``, then ``stop``; one task at a time.
    """

    @abc.abstractmethod
    def start(self, description: str, total: int) -> None:
        """A task of ``total`` steps begins."""

    @abc.abstractmethod
    def advance(self, steps: int, note: str = "") -> None:
        """``steps`` more steps are done; ``note`` says in a few words how it stands."""

    @abc.abstractmethod
    def stop(self) -> None:
        """The task begun last has ended, however it ended."""


@contextlib.contextmanager
def task(meter: AbstractMeter, description: str, total: int) -> Iterator[None]:
    """The meter is started, and stopped at the end, whatever happens between."""
    meter.start(description, total)
    try:
        yield
    finally:
        meter.stop()


class SilentMeter(AbstractMeter):
    """Reports nothing; the default everywhere."""

    def start(self, description: str, total: int) -> None: ...

    def advance(self, steps: int, note: str = "") -> None: ...

    def stop(self) -> None: ...


class PartMeter(AbstractMeter):
    """Of a task within another one, whose bar it moves by its own steps."""

    def __init__(self, whole: AbstractMeter) -> None:
        self._whole = whole

    def start(self, description: str, total: int) -> None: ...

    def advance(self, steps: int, note: str = "") -> None:
        self._whole.advance(steps, note)

    def stop(self) -> None: ...


class NoteMeter(AbstractMeter):
    """Of tasks within a step of another one, which it leaves notes: what, and how much is done."""

    def __init__(self, whole: AbstractMeter, name: str) -> None:
        self._whole, self._name = whole, name
        self._task, self._total, self._done = "", 1, 0

    def start(self, description: str, total: int) -> None:
        self._task, self._total, self._done = description, max(1, total), 0
        self.advance(0)

    def advance(self, steps: int, note: str = "") -> None:
        self._done += steps
        share = f"{100 * self._done // self._total} %"
        self._whole.advance(0, f"{self._name}: {self._task}, {share}")

    def stop(self) -> None: ...


class LineMeter(AbstractMeter):
    """A line of text that is written again, at most once in a second: for notebooks and logs."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._description, self._total, self._done = "", 1, 0
        self._written, self._last = 0, -math.inf

    def start(self, description: str, total: int) -> None:
        self._description, self._total, self._done = description, max(1, total), 0
        self.advance(0)

    def advance(self, steps: int, note: str = "") -> None:
        self._done = min(self._done + steps, self._total)
        if time.monotonic() - self._last >= 1.0:
            self._write(note)

    def stop(self) -> None:
        if self._written:
            self._file.write("\r" + " " * self._written + "\r")
            self._file.flush()
        self._written = 0

    def _write(self, note: str) -> None:
        line = f"{self._description}: {100 * self._done // self._total} %  {note}"
        line = encodable(line, self._file)
        self._file.write("\r" + line.ljust(self._written))
        self._file.flush()
        self._written, self._last = len(line), time.monotonic()


class TerminalMeter(AbstractMeter):
    """A progress bar on standard error, drawn by Rich; elsewhere than in a terminal a line."""

    def __init__(self) -> None:
        from rich.console import Console

        # In a notebook Rich would ask for ipywidgets.
        self._console = Console(file=sys.stderr, force_jupyter=False)
        self._line = None if self._console.is_terminal else LineMeter(sys.stderr)
        self._progress = None
        self._task = None

    def start(self, description: str, total: int) -> None:
        if self._line is not None:
            return self._line.start(description, total)
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.stop()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._progress.start()
        description = encodable(description, self._console.file)
        self._task = self._progress.add_task(description, total=total, note="")

    def advance(self, steps: int, note: str = "") -> None:
        if self._line is not None:
            self._line.advance(steps, note)
        if self._progress is not None and self._task is not None:
            self._progress.update(
                self._task, advance=steps, note=encodable(note, self._console.file)
            )

    def stop(self) -> None:
        if self._line is not None:
            self._line.stop()
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


SILENT = SilentMeter()
