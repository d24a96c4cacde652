"""The two ways in which a call can fail, told apart so that a program can react to each, and those
in which it warns."""

import contextlib
import os
from collections.abc import Iterator


class InputError(ValueError):
    """What was given cannot be used; the message says what was expected, what came, what to do.

    The command line turns it into exit code 2.
    """


class ComputationError(RuntimeError):
    """A computation on valid input did not succeed; the message says where, why and what to try.

    The command line turns it into exit code 1.
    """


class TruncationWarning(UserWarning):
    """More than 1 % of a connectivity's ‖W‖²_F lies outside the rank that was kept of it."""


class ExtrapolationWarning(UserWarning):
    """A network is steered by an input outside of the range on which it was matched."""


@contextlib.contextmanager
def exits_raise() -> Iterator[None]:
    """While a user's code runs: ``os._exit``, which ends a process without a word, raises
    SystemExit, as ``sys.exit`` does. Processes that it forks end as ever."""
    usual, process = os._exit, os.getpid()

    def raising(status: int):
        if os.getpid() != process:
            usual(status)
        raise SystemExit(status)

    os._exit = raising
    try:
        yield
    finally:
        os._exit = usual
