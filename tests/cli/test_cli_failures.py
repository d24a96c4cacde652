import _thread
import errno
import os
import sys
import threading
from types import SimpleNamespace

import pytest
import typer

from driftmatch.cli.failures import reported
from driftmatch.errors import ComputationError, InputError


def ends(capsys, error):
    """The exit code and the standard error of a command that raises."""

    def command():
        raise error

    with pytest.raises(typer.Exit) as ending:
        reported(command)()
    captured = capsys.readouterr()
    assert captured.out == ""
    return ending.value.exit_code, captured.err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("dt must be\npositive"), 2, "error: dt must be positive"),
        (ComputationError("it diverged"), 1, "error: it diverged"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            PermissionError(errno.EACCES, "Permission denied", "net"),
            1,
            "error: permission denied: net",
        ),
        (OSError("odd"), 1, None),
        (MemoryError(), 1, None),
        (ZeroDivisionError("division by zero"), 1, None),
    ],
)
def test_every_failure_is_one_line(capsys, error, code, line):
    ended, printed = ends(capsys, error)
    assert ended == code
    assert printed.count("\n") == 1
    assert line is None or printed == line + "\n"


def test_the_unforeseen_says_how_to_see_more(capsys):
    _, printed = ends(capsys, ZeroDivisionError("division by zero"))
    assert "ZeroDivisionError: division by zero" in printed
    assert "DRIFTMATCH_TRACEBACK=1" in printed


def test_a_traceback_on_request(capsys, monkeypatch):
    monkeypatch.setenv("DRIFTMATCH_TRACEBACK", "1")
    code, printed = ends(capsys, InputError("no"))
    assert code == 2
    assert "Traceback (most recent call last)" in printed
    assert printed.endswith("error: no\n")


def test_exits_pass_through(capsys):
    def command():
        raise typer.Exit(3)

    with pytest.raises(typer.Exit) as ending:
        reported(command)()
    assert ending.value.exit_code == 3
    assert capsys.readouterr().err == ""


def test_a_broken_pipe_is_left_to_typer():
    def command():
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    with pytest.raises(BrokenPipeError):
        reported(command)()


def test_an_interrupt_lost_in_a_callback_is_sent_again(monkeypatch):
    """C code that calls Python back cannot pass an exception on: Python reports it and goes on."""
    sent, usual = threading.Event(), sys.unraisablehook
    monkeypatch.setattr(_thread, "interrupt_main", sent.set)

    def command():
        sys.unraisablehook(SimpleNamespace(exc_type=KeyboardInterrupt))
        assert sent.wait(5)

    reported(command)()
    assert sys.unraisablehook is usual
