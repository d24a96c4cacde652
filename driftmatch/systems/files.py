"""SDEs from a Python file of the user's own."""

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.errors import InputError, exits_raise
from driftmatch.systems.parameters import check_names
from driftmatch.words import did_you_mean

T = TypeVar("T")
DEFAULT_ATTRIBUTE = "sde"


def load_sde(path: str, attribute: str | None, parameters: Mapping[str, object]) -> AbstractSDE:
    """An SDE that a Python file defines, or that a function in it makes from `parameters`.

    Without `attribute`, ``sde`` is taken, or else the only SDE of the file. Raises `InputError`,
    with the line of the file where it failed, when no SDE comes of it.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"there is no file {path}; give the path of a Python file")
    module = _run(file)
    name = attribute or _choose(file, module)
    if not hasattr(module, name):
        raise InputError(f"{file.name} has no attribute {name!r}{_suggestion(name, module)}")
    found = getattr(module, name)
    if isinstance(found, AbstractSDE):
        if parameters:
            raise InputError(
                f"{name} of {file.name} is already made, so {' and '.join(parameters)} cannot be "
                "set from outside: set it in the file, or name a function that takes it and "
                "returns the SDE"
            )
        return found
    if not callable(found):
        raise _not_an_sde(f"{name} of {file.name} is", found)
    _check_call(f"{name} of {file.name}", found, parameters)
    made = _guarded(file, lambda: found(**parameters))
    if not isinstance(made, AbstractSDE):
        raise _not_an_sde(f"{name}() of {file.name} returned", made)
    return made


def _run(file: Path) -> ModuleType:
    """Run a file as a module, with its own folder importable, as ``python file.py`` has it."""
    spec = importlib.util.spec_from_file_location(f"_driftmatch_file_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise InputError(f"{file} is no Python file")
    module, loader = importlib.util.module_from_spec(spec), spec.loader
    sys.modules[spec.name] = module  # some classes look their own module up: dataclasses do
    folder = str(file.resolve().parent)
    sys.path.insert(0, folder)
    try:
        _guarded(file, lambda: loader.exec_module(module))
    finally:
        sys.path.remove(folder)
    return module


def _guarded(file: Path, function: Callable[[], T]) -> T:
    """Call code of the user's; its failure, or its end, becomes one sentence that says the line."""
    own = os.path.realpath(file)  # Python names files in full
    try:
        with exits_raise():
            return function()
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if os.path.realpath(frame.filename) == own
        ]
        if isinstance(error, SyntaxError) and os.path.realpath(error.filename or "") == own:
            lines, said = [error.lineno], error.msg
        where = f"{file}, line {lines[-1]}" if lines else str(file)
        if isinstance(error, SystemExit):
            what = f"it ends the program (exit status {said}): take that out"
        else:
            what = said if isinstance(error, InputError) else f"{type(error).__name__}: {said}"
        raise InputError(f"{where}: {what}") from error


def _choose(file: Path, module: ModuleType) -> str:
    """The attribute meant when none is named."""
    if hasattr(module, DEFAULT_ATTRIBUTE):
        return DEFAULT_ATTRIBUTE
    names = [name for name, value in vars(module).items() if isinstance(value, AbstractSDE)]
    if not names:
        raise InputError(
            f"{file.name} defines no SDE: add a line such as sde = driftmatch.SDE(drift, "
            f"diffusion, dim), or name a function of it: {file.name}:function"
        )
    if len(names) > 1:
        raise InputError(
            f"{file.name} defines {len(names)} SDEs ({', '.join(names)}): "
            f"name one, as in {file.name}:{names[0]}"
        )
    return names[0]


def _suggestion(name: str, module: ModuleType) -> str:
    """The nearest of the SDEs and functions that the file defines."""
    own = [
        n
        for n, value in vars(module).items()
        if isinstance(value, AbstractSDE) or getattr(value, "__module__", None) == module.__name__
    ]
    return did_you_mean(name, own) if own else "; it defines no SDE"


def _check_call(what: str, function: Callable[..., Any], parameters: Mapping[str, object]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise _not_an_sde(f"{what} is", function) from None
    check_names(what, function, parameters)
    missing = [
        p.name
        for p in signature.parameters.values()
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and p.name not in parameters
    ]
    if missing:
        raise InputError(
            f"{what} must be an SDE, or a function that returns one when called without "
            f"arguments, but it needs {' and '.join(missing)}: give defaults"
        )


def _not_an_sde(what: str, value: object) -> InputError:
    kind = type(value).__name__
    return InputError(
        f"{what} no SDE but something of type {kind}: use driftmatch.SDE(drift, diffusion, dim)"
    )
