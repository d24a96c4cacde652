"""How a command ends that did not succeed: one line on standard error and an exit code.

2: the input cannot be used. 1: a computation failed. 130: interrupted.
"""

import _thread
import contextlib
import errno
import functools
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

import typer

from driftmatch.errors import ComputationError, InputError
from driftmatch.words import printable

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130
TRACEBACK = "DRIFTMATCH_TRACEBACK"


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """The command with every exception turned into a line and an exit code."""

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            with _no_interrupt_lost():
                command(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of our output has gone; Typer ends quietly
            code, line = _judged(error)
            if os.environ.get(TRACEBACK):
                typer.echo(printable(traceback.format_exc()), err=True)
            _print_error(line)
            raise typer.Exit(code) from None

    return run


@contextlib.contextmanager
def _no_interrupt_lost() -> Iterator[None]:
    """Ctrl-C may fall into a callback from C, JAX's for one, which loses it: send it again."""
    usual = sys.unraisablehook

    def hook(lost) -> None:
        if lost.exc_type is KeyboardInterrupt:
            threading.Timer(0.1, _thread.interrupt_main).start()
        else:
            usual(lost)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = usual


def _judged(error: Exception) -> tuple[int, str]:
    if isinstance(error, InputError):
        return BAD_INPUT, str(error)
    if isinstance(error, ComputationError):
        return FAILED, str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return FAILED, f"{error.strerror[0].lower()}{error.strerror[1:]}{where}"
    if isinstance(error, MemoryError):
        return FAILED, "there is not enough memory for this: use fewer neurons or trajectories"
    return FAILED, (
        f"this should not happen ({type(error).__name__}: {error}); "
        f"set {TRACEBACK}=1 to see where, and please report it"
    )


def _print_error(line: str) -> None:
    typer.secho("error: ", fg=typer.colors.RED, bold=True, nl=False, err=True)
    typer.echo(" ".join(printable(line).split()), err=True)
