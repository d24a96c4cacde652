"""From what a user types to an SDE."""

import re
from collections.abc import Mapping

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import check_non_negative, or_none, shown
from driftmatch.errors import InputError
from driftmatch.systems.catalogue import CATALOGUE
from driftmatch.systems.dysts import flow_names, from_dysts
from driftmatch.systems.files import load_sde
from driftmatch.systems.parameters import check_names, named
from driftmatch.words import did_you_mean

_FILE = re.compile(r"(?P<path>.+\.py)(:(?P<attribute>[^:/\\]*))?", re.DOTALL)


def resolve(
    spec: str,
    noise: float | None = None,
    parameters: Mapping[str, object] | None = None,
) -> AbstractSDE:
    """The SDE that a name stands for.

    `spec` is one of

    - a name of the catalogue, with hyphens or underscores, in any case: ``limit-cycle``;
    - ``dysts:Rossler``, a flow of the dysts package;
    - ``file.py:attribute``, an `AbstractSDE` in a Python file, or a function that returns one;
    - ``file.py``, for the attribute ``sde``, or the only SDE that the file defines.

    `noise` replaces the system's own σ, and `parameters` other values by name. A function in a file
    takes both if it has arguments of these names; an SDE made in a file has nothing to set.

    Raises `InputError`, with the nearest name where there is one, when nothing fits. A Python file
    is run: name only files that you would run yourself.
    """
    spec, noise = _checked(spec), or_none(check_non_negative)("noise", noise)
    if (file := _FILE.fullmatch(spec)) and not _is_dysts(spec):
        given = {} if noise is None else {"noise": noise}
        return load_sde(file["path"], file["attribute"], named(parameters) | given)
    return resolve_name(spec, noise, parameters)


def resolve_name(
    spec: str,
    noise: float | None = None,
    parameters: Mapping[str, object] | None = None,
) -> AbstractSDE:
    """`resolve` for the names that no file of a user's stands behind: nothing of theirs is run.

    Raises `InputError` when neither the catalogue nor dysts has the name.
    """
    spec, parameters = _checked(spec), named(parameters)
    noise = or_none(check_non_negative)("noise", noise)
    if _is_dysts(spec):
        flow = spec.partition(":")[2]
        return from_dysts(flow, 0.0 if noise is None else noise, parameters)
    if noise is not None:
        parameters["noise"] = noise
    name = spec.lower().replace("-", "_").replace(" ", "_")
    if name not in CATALOGUE:
        raise InputError(f"there is no system {spec!r}{_suggestion(name)}")
    check_names(name, CATALOGUE[name], parameters)
    return CATALOGUE[name](**parameters)


def _checked(spec: object) -> str:
    if not isinstance(spec, str) or not spec.strip():
        raise InputError(
            "a system is named by text such as 'lorenz', 'dysts:Rossler' or 'file.py:sde', "
            f"got {shown(spec)}"
        )
    return spec.strip()


def _is_dysts(spec: str) -> bool:
    return spec.partition(":")[0].lower() == "dysts"


def _suggestion(name: str) -> str:
    """The flow of dysts that goes by this name, or else the nearest name of the catalogue."""
    flows = {flow.lower(): flow for flow in flow_names()}
    if flow := flows.get(name.replace("_", "")):
        return f"; did you mean 'dysts:{flow}'?"
    return did_you_mean(name, CATALOGUE)
