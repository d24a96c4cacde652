"""Small help with names that people type, and with text that files bring."""

import difflib
import functools
import inspect
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
    """The text without what could steer a terminal: control, format and unpaired characters.

    Line ends stay, other white space becomes a blank.
    """
    return "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else "" for c in text)


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
