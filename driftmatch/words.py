"""Small help with names that people type, and with text that files bring."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: object, choices: Iterable[str]) -> str:
    """The end of an error message: the nearest of the choices, or all of them if none is near."""
    choices = list(choices)
    folded = {c.lower(): c for c in choices}
    near = difflib.get_close_matches(str(word).lower(), folded, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {folded[near[0]]!r}?"
    return f"; choose one of {', '.join(sorted(choices))}" if len(choices) <= 20 else ""


def printable(text: str) -> str:
    """The text without what could steer a terminal: control, format and unpaired characters.

    Line ends stay, other white space becomes a blank.
    """
    return "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else "" for c in text)
