"""What the dataset of a trajectory must hold to be one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from driftmatch.domain import check_coordinates
from driftmatch.outcomes import Outcome
from driftmatch.storage.headers import check_positive_entry, check_words, words_of
from driftmatch.storage.strict_json import parse

if TYPE_CHECKING:
    import xarray

_PATHS = ("trajectory", "time")
_DIMENSIONS = {
    "time": ("time",),
    "states": (*_PATHS, "component"),
    "latent": (*_PATHS, "component"),
    "neurons": (*_PATHS, "neuron"),
}
# By class, the variables that it must have, and those that it may have.
_VARIABLES = {
    "Trajectory": ({"time", "states"}, set()),
    "NetworkTrajectory": ({"time", "latent"}, {"neurons"}),
}


def check_run(dataset: "xarray.Dataset", attributes: Mapping[str, Any]) -> None:
    """Raises ValueError, with a reason of a few words, unless this is a run, whole and in order."""
    kind = attributes.get("class")
    if not isinstance(kind, str) or kind not in _VARIABLES:
        raise ValueError(f"its class must be one of {', '.join(_VARIABLES)}, got {kind!r}")
    check_words(attributes, "name", "outcome", "date", "driftmatch_version")
    check_positive_entry(attributes, "dt")
    if attributes["outcome"] not in {str(outcome) for outcome in Outcome}:
        raise ValueError(f"there is no outcome {attributes['outcome'][:60]!r}")
    if "reason" in attributes:
        check_words(attributes, "reason")
    if "private_noise" in attributes:
        check_positive_entry(attributes, "private_noise")
    required, optional = _VARIABLES[kind]
    names = {str(name) for name in dataset.variables}
    if missing := sorted(required - names):
        raise ValueError(f"it has no variable {' and no '.join(missing)}")
    if odd := sorted(names - required - optional):
        raise ValueError(f"no run has the variable {', '.join(odd)}")
    for name in sorted(names):
        _check_variable(name, dataset[name])
    labels_of(attributes, dataset.sizes["component"])
    times = dataset["time"].values
    if not np.all(np.isfinite(times)):
        raise ValueError("its times are not all finite")
    if np.any(np.diff(times) <= 0):
        raise ValueError("its times do not increase")


def labels_of(attributes: Mapping[str, Any], dim: int) -> dict[str, tuple[str, ...] | None]:
    """Names and units of the coordinates; raises ValueError if they are not those of so many."""
    given = {"coordinates": attributes.get("component"), "units": attributes.get("unit")}
    for what, text in given.items():
        if not isinstance(text, str | None):
            raise ValueError(f"its {what} are no text")
        given[what] = text and words_of(parse(f'{{"{what}": {text}}}'), what)
    names, units = check_coordinates(given["coordinates"], given["units"], dim)
    return {"coordinates": names, "units": units}


def _check_variable(name: str, variable: "xarray.DataArray") -> None:
    if variable.dims != _DIMENSIONS[name]:
        raise ValueError(f"{name} must have the dimensions {', '.join(_DIMENSIONS[name])}")
    if 0 in variable.shape:
        raise ValueError(f"{name} is empty")
    if variable.dtype not in (np.float32, np.float64) or (
        name == "time" and variable.dtype != np.float64
    ):
        raise ValueError(f"{name} must hold floats, got {variable.dtype}")
