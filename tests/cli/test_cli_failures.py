import _thread
import contextlib
import errno
import os
import signal
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


@pytest.mark.parametrize("first", [None, signal.SIGTERM])
def test_a_signal_lost_in_a_callback_is_sent_again(monkeypatch, first):
    """C code that calls Python back cannot pass an exception on: Python reports it and goes on."""
    sent, usual, numbers = threading.Event(), sys.unraisablehook, []
    monkeypatch.setattr(
        _thread, "interrupt_main", lambda number: (numbers.append(number), sent.set())
    )

    def command():
        if first is not None:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(first)
        sys.unraisablehook(SimpleNamespace(exc_type=KeyboardInterrupt))
        assert sent.wait(5)

    reported(command)()
    assert sys.unraisablehook is usual
    assert numbers == [first or signal.SIGINT]


def test_termination_is_an_interruption_with_another_code(capsys):
    usual = signal.getsignal(signal.SIGTERM)
    kept = []

    def command():
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            kept.append("what was computed")
            raise

    with pytest.raises(typer.Exit) as ending:
        reported(command)()
    assert (ending.value.exit_code, capsys.readouterr().err) == (143, "terminated\n")
    assert kept
    assert signal.getsignal(signal.SIGTERM) is usual


def test_a_command_off_the_main_thread_leaves_signals_alone():
    done = []
    thread = threading.Thread(target=reported(lambda: done.append(1)))
    thread.start()
    thread.join()
    assert done == [1]


LATE = """
import os, jax, driftmatch as dm

def under_x64(act):
    def drift(z):
        if jax.config.jax_enable_x64:
            act()
        return -z
    return dm.SDE(drift, 0.1, 2, start=(1.0, 0.0), time_scale=1.0)

exits = under_x64(lambda: os._exit(0))
fails = under_x64(lambda: [][0])
"""


@pytest.mark.parametrize(
    ("attribute", "line"),
    [
        ("exits", "late.py, line 11: it ends the program (exit status 0): take that out"),
        ("fails", "late.py, line 12: IndexError: list index out of range"),
    ],
)
def test_a_drift_that_fails_later_is_blamed_by_its_line(fails, tmp_path, attribute, line):
    """In double precision it is first called when the run begins, long after the file was run."""
    (tmp_path / "late.py").write_text(LATE)
    message = fails("simulate", f"./late.py:{attribute}", "--duration", 1, "--dt", 0.1)
    assert message.endswith(line)
