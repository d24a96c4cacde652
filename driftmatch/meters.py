"""Progress meters: the library is silent by default and reports to the meter it is given."""

import abc
import sys


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


class TerminalMeter(AbstractMeter):
    """A progress bar on standard error, drawn by Rich."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(file=sys.stderr)
        self._progress = None
        self._task = None

    def start(self, description: str, total: int) -> None:
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
        self._task = self._progress.add_task(description, total=total, note="")

    def advance(self, steps: int, note: str = "") -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, advance=steps, note=note)

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


SILENT = SilentMeter()
