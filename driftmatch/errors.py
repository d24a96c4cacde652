"""The two ways in which a call can fail, told apart so that a program can react to each."""


class InputError(ValueError):
    """What was given cannot be used; the message says what was expected, what came, what to do.

    The command line turns it into exit code 2.
    """


class ComputationError(RuntimeError):
    """A computation on valid input did not succeed; the message says where, why and what to try.

    The command line turns it into exit code 1.
    """
