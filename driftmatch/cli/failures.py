"""How a command ends that did not succeed: one line on standard error and an exit code.

2: the input cannot be used. 1: a computation failed. 130: interrupted. 143: terminated.
"""

import _thread
import contextlib
import errno
import functools
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

import typer

from driftmatch.errors import ComputationError, InputError, exits_raise
from driftmatch.words import encodable, printable

BAD_INPUT, FAILED, INTERRUPTED, TERMINATED = 2, 1, 130, 143
TRACEBACK = "DRIFTMATCH_TRACEBACK"
_USER_FILE = "_driftmatch_file_"  # modules of this name are what `load_sde` has run


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """The command with every exception turned into a line and an exit code."""

    @functools.wraps(command)
    def run(*args, **kwargs):
        received: list[int] = []
        try:
            with _terminated(received), _no_interrupt_lost(received), exits_raise():
                command(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            typer.echo("terminated" if received else "interrupted", err=True)
            raise typer.Exit(TERMINATED if received else INTERRUPTED) from None
        except (Exception, SystemExit) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of our output has gone; Typer ends quietly
            code, line = _judged(error)
            if os.environ.get(TRACEBACK):
                typer.echo(encodable(printable(traceback.format_exc()), sys.stderr), err=True)
            _print_error(line)
            raise typer.Exit(code) from None

    return run


@contextlib.contextmanager
def _terminated(received: list[int]) -> Iterator[None]:
    """SIGTERM, as schedulers and `kill` send it, interrupts as Ctrl-C does, and is noted."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only that may handle signals
        return

    def handle(number, _) -> None:
        received.append(number)
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)


@contextlib.contextmanager
def _no_interrupt_lost(received: list[int]) -> Iterator[None]:
    """A signal may fall into a callback from C, JAX's for one, which loses it: send it again."""
    usual = sys.unraisablehook

    def hook(lost) -> None:
        if lost.exc_type is KeyboardInterrupt:
            which = signal.SIGTERM if received else signal.SIGINT
            threading.Timer(0.1, _thread.interrupt_main, [which]).start()
        else:
            usual(lost)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = usual


def _judged(error: BaseException) -> tuple[int, str]:
    if isinstance(error, SystemExit):
        return BAD_INPUT, f"{_place(error)}it ends the program (exit status {error}): take that out"
    if isinstance(error, InputError):
        return BAD_INPUT, str(error)
    if isinstance(error, ComputationError):
        return FAILED, str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return FAILED, f"{error.strerror[0].lower()}{error.strerror[1:]}{where}"
    if isinstance(error, MemoryError):
        return FAILED, "there is not enough memory for this: use fewer neurons or trajectories"
    if place := _place(error):
        return BAD_INPUT, f"{place}{type(error).__name__}: {error}"
    return FAILED, (
        f"this should not happen ({type(error).__name__}: {error}); "
        f"set {TRACEBACK}=1 to see where, and please report it"
    )


def _place(error: BaseException) -> str:
    """Where in a user's file it failed; nothing if it did not fail there."""
    own = {m.__file__ for name, m in list(sys.modules.items()) if name.startswith(_USER_FILE)}
    frames = traceback.extract_tb(error.__traceback__)
    places = [
        f"{frame.filename}, line {frame.lineno}: " for frame in frames if frame.filename in own
    ]
    return places[-1] if places else ""


def _print_error(line: str) -> None:
    typer.secho("error: ", fg=typer.colors.RED, bold=True, nl=False, err=True)
    typer.echo(encodable(" ".join(printable(line).split()), sys.stderr), err=True)
