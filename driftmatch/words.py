"""Small help with names that people type, and with text that files bring."""

import codecs
import difflib
import functools
import inspect
import unicodedata
from collections.abc import Callable, Iterable
from typing import TypeVar, cast

Function = TypeVar("Function", bound=Callable)

# What other libraries call what is meant.
_ELSEWHERE = {
    "key": ("seed", "rng", "random_state", "random_seed"),
    "duration": ("T", "t_end", "tmax", "t_max", "time", "total_time"),
    "dt": ("step", "timestep", "time_step", "h"),
    "num_neurons": ("n", "N", "neurons", "n_neurons", "size"),
    "num_trajectories": ("M", "trials", "n_trials", "n_trajectories", "batch_size"),
    "start": ("x0", "y0", "z0", "init", "initial", "initial_state"),
    "input": ("u", "inputs", "current"),
    "noise": ("sigma", "diffusion"),
}


def did_you_mean(word: object, choices: Iterable[str]) -> str:
    """The end of an error message: the nearest of the choices, or all of them if none is near."""
    choices = list(choices)
    folded = {c.lower(): c for c in choices}
    near = difflib.get_close_matches(str(word).lower(), folded, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {folded[near[0]]!r}?"
    return f"; choose one of {', '.join(sorted(choices))}" if len(choices) <= 20 else ""


def printable(text: str) -> str:
    """The text without what could steer a terminal: control and format characters.

    Line ends stay, other white space becomes a blank, bytes that are no text are spelled out.
    """

    def shown(c: str) -> str:
        if c.isprintable() or c == "\n":
            return c
        return " " if c.isspace() else _escaped(c) if "\ud800" <= c <= "\udfff" else ""

    return "".join(map(shown, text))


def encodable(text: str, stream: object) -> str:
    """The text in characters that a stream has: σ² as sigma^2 where there is ASCII alone."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, SPELLED).decode(encoding)


SPELLED = "driftmatch.spelled"  # what `encodable` does, as an error handler for streams
_SIGNS = {
    "−": "-", "–": "-", "—": "-", "±": "+-", "×": "x", "·": "*", "½": "1/2", "∞": "inf",
    "√": "sqrt", "∇": "grad ", "‖": "||", "⟨": "<", "⟩": ">", "…": "...", "→": "->", "←": "<-",
    "✓": "ok", "∘": "o", "∂": "d",
}  # fmt: skip


def _spell(error: UnicodeError) -> tuple[str, int]:
    """In place of characters that cannot be encoded: what they are called, or else their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text, is_raised = "", False
    for c in error.object[error.start : error.end]:
        form, _, base = unicodedata.decomposition(c).partition(" ")
        if form in ("<super>", "<sub>"):
            text += "^" if form == "<super>" and not is_raised else ""
            c = chr(int(base, 16))
        is_raised = form == "<super>"
        match unicodedata.name(c, "").split():
            case ["GREEK", case, "LETTER", name]:
                text += name.title() if case == "CAPITAL" else name.lower()
            case _:
                text += c if c.isascii() else _SIGNS.get(c) or _escaped(c)
    return text, error.end


def _escaped(c: str) -> str:
    """\\xe9 for é, and \\xff for a byte of a file's name that is no text."""
    if "\udc80" <= c <= "\udcff":
        c = chr(ord(c) - 0xDC00)
    return c.encode("ascii", "backslashreplace").decode()


codecs.register_error(SPELLED, _spell)


def spelled(function: Function) -> Function:
    """The function, which says what was meant by a keyword that it does not know.

    One that takes any keyword stays as it is.
    """
    parameters = inspect.signature(function).parameters.values()
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return function

    @functools.wraps(function)
    def call(*args, **kwargs):
        for word in kwargs:
            if word not in known:
                same = [k for k in known if word in _ELSEWHERE.get(k, ())]
                meant = f"; did you mean {same[0]!r}?" if same else did_you_mean(word, known)
                raise TypeError(f"{function.__name__} has no argument {word!r}{meant}")
        return function(*args, **kwargs)

    return cast(Function, call)


def no_attribute(module: str, name: str, choices: Iterable[str]) -> AttributeError:
    """What a module says of a name that it does not have."""
    public = [] if name.startswith("_") else list(choices)
    near = did_you_mean(name, public) if public else ""
    return AttributeError(f"module {module!r} has no attribute {name!r}{near}")
