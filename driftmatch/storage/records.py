"""Records as JSON with arrays beside it, and built from these again by a table of classes."""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import jax
import numpy as np
from jaxtyping import jaxtyped

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.basin import BasinCheck
from driftmatch.analysis.bifurcation import Bifurcation
from driftmatch.analysis.compare import Scorecard, Scorecards
from driftmatch.analysis.densities import MarginalDensities
from driftmatch.analysis.fixed_points import FixedPoints
from driftmatch.analysis.fokker_planck.stationary import StationaryDensity
from driftmatch.analysis.helmholtz_hodge import HelmholtzHodge
from driftmatch.analysis.irreversibility.by_grid import GridScore
from driftmatch.analysis.irreversibility.by_linear import LinearScore
from driftmatch.analysis.irreversibility.record import Irreversibility
from driftmatch.analysis.irreversibility.score import ScoreFit, ScoreModel
from driftmatch.analysis.lyapunov import LyapunovSpectrum
from driftmatch.analysis.manifold import ManifoldReport
from driftmatch.analysis.neural_lyapunov import NeuralSpectrum
from driftmatch.analysis.subspace import Alignment, Subspace
from driftmatch.analysis.summary import Analysis
from driftmatch.analysis.symmetry import SymmetryDecomposition
from driftmatch.analysis.symmetry_roles import SymmetryRoles
from driftmatch.analysis.truncation import Truncation
from driftmatch.embedding.asymmetry import AsymmetryFront
from driftmatch.embedding.closed_loop import ClosedLoop
from driftmatch.embedding.embed import Embedding, Look
from driftmatch.embedding.robustness import RobustnessFront
from driftmatch.embedding.verdict import EmbeddingReport
from driftmatch.errors import InputError
from driftmatch.grids import Grid
from driftmatch.inference.diagnostics import Halves, Residuals, Twin
from driftmatch.inference.inference import Inference, Lag
from driftmatch.matching.problem import Features
from driftmatch.memory.associative import AssociativeMemory
from driftmatch.memory.capacity import Capacity
from driftmatch.memory.curves import RecallCurve
from driftmatch.memory.dwell import Dwell
from driftmatch.memory.first_passage import GridFunction
from driftmatch.memory.hopfield import HopfieldRecall
from driftmatch.memory.landscape import Landscape
from driftmatch.memory.passage_times import PassageTimes
from driftmatch.memory.rates import Rate
from driftmatch.memory.recall import Recall
from driftmatch.memory.recall_experiment import RecallExperiment
from driftmatch.memory.regions import Regions
from driftmatch.memory.sequential import Walk, WalkCurve
from driftmatch.memory.switching import Switching
from driftmatch.memory.switching_experiment import SwitchingExperiment
from driftmatch.memory.tilt import Tilt
from driftmatch.memory.tilted_minima import TiltedMinima
from driftmatch.memory.trials import Pooled
from driftmatch.memory.walk_experiment import WalkExperiment
from driftmatch.network import InputRange
from driftmatch.outcomes import Outcome
from driftmatch.recordings.recording import Recording
from driftmatch.records import Record
from driftmatch.sampling.samples import Samples
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory
from driftmatch.storage.sdes import made, told
from driftmatch.storage.tensors import Arrays

CLASSES: dict[str, type[Record]] = {
    kind.__name__: kind
    for kind in (
        Alignment, Analysis, AssociativeMemory, AsymmetryFront, BasinCheck, Bifurcation, Capacity,
        ClosedLoop, Dwell, Embedding, EmbeddingReport, Features, FixedPoints, Grid, GridFunction,
        GridScore, Halves, HelmholtzHodge, HopfieldRecall, Inference, InputRange, Irreversibility,
        Lag, Landscape, LinearScore, Look, LyapunovSpectrum, ManifoldReport, MarginalDensities,
        NetworkTrajectory, NeuralSpectrum, PassageTimes, Pooled, Rate, Recall, RecallCurve,
        RecallExperiment, Recording, Regions, Residuals, RobustnessFront, Samples, ScoreFit,
        ScoreModel, Scorecard, Scorecards, StationaryDensity, Subspace, Switching,
        SwitchingExperiment, SymmetryDecomposition, SymmetryRoles, Tilt, TiltedMinima, Trajectory,
        Truncation, Twin, Walk, WalkCurve, WalkExperiment,
    )
}  # fmt: skip
_REAL = {"complex64": "f4", "complex128": "f8"}


def to_node(value: Any, arrays: Arrays, place: str = "") -> Any:
    """A value as JSON has it; its arrays are added to `arrays`, under the names of their places.

    What JSON has is itself, anything else an object of which one key says what it is. Raises
    `InputError` for what no file can hold.
    """

    def inner(name: object, part: Any) -> Any:
        return to_node(part, arrays, f"{place}.{name}" if place else str(name))

    if isinstance(value, Outcome):
        return {"outcome": value.name}
    if isinstance(value, Record) and CLASSES.get(type(value).__name__) is type(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}  # pyright: ignore[reportArgumentType]
        return {
            "record": type(value).__name__,
            "fields": {name: inner(name, part) for name, part in fields.items()},
        }
    if isinstance(value, AbstractSDE):
        kind, fields = told(value)
        return {"sde": kind, "fields": {name: inner(name, part) for name, part in fields.items()}}
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {"dict": {name: inner(name, part) for name, part in value.items()}}
    if isinstance(value, tuple):
        return {"tuple": [inner(i, part) for i, part in enumerate(value)]}
    if isinstance(value, list):
        return [inner(i, part) for i, part in enumerate(value)]
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        if value.ndim > 0:
            return _put(np.asarray(value), arrays, place)
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError(f"{place} is a {type(value).__name__}, which no file can hold")


def _put(array: np.ndarray, arrays: Arrays, place: str) -> dict[str, str]:
    """Once, wherever a record has it twice; complex numbers as pairs."""
    if array.dtype.kind not in "fiubc":
        raise InputError(f"{place} is an array of {array.dtype}, which no file can hold")
    dtype = array.dtype.name
    if dtype in _REAL:
        array = np.ascontiguousarray(array).view(_REAL[dtype]).reshape(*array.shape, 2)
    name = next((name for name, other in arrays.items() if other is array), place)
    if arrays.get(name, array) is not array:
        raise InputError(f"two arrays of the record would be called {name}: rename one")
    arrays[name] = array
    return {"array": name, "dtype": dtype}


def from_node(node: Any, arrays: Arrays) -> Any:
    """The value again; raises ValueError or `InputError` for what `to_node` would not make."""
    match node:
        case None | bool() | int() | float() | str():
            return node
        case list():
            return [from_node(part, arrays) for part in node]
        case {"tuple": list() as parts, **rest} if not rest:
            return tuple(from_node(part, arrays) for part in parts)
        case {"dict": dict() as parts, **rest} if not rest:
            return {name: from_node(part, arrays) for name, part in parts.items()}
        case {"float": "nan" | "inf" | "-inf" as word, **rest} if not rest:
            return float(word)
        case {"outcome": str() as name, **rest} if not rest and name in Outcome.__members__:
            return Outcome[name]
        case {"array": str() as name, "dtype": str() as dtype, **rest} if not rest:
            return _taken(name, dtype, arrays)
        case {"sde": str() as kind, "fields": dict() as parts, **rest} if not rest:
            return made(kind, {name: from_node(part, arrays) for name, part in parts.items()})
        case {"record": str() as kind, "fields": dict() as parts, **rest} if not rest:
            return _record(kind, {name: from_node(p, arrays) for name, p in parts.items()})
    raise ValueError(f"{str(node)[:60]!r} in it stands for nothing")


def _taken(name: str, dtype: str, arrays: Arrays) -> np.ndarray:
    if name not in arrays:
        raise ValueError(f"it has no array {name!r}")
    array = arrays[name]
    if dtype in _REAL and array.dtype == np.dtype(_REAL[dtype]) and array.shape[-1:] == (2,):
        return array.view(dtype)[..., 0]
    if array.dtype.name != dtype:
        raise ValueError(f"{name} is of type {array.dtype} instead of {dtype[:20]}")
    return array


def _record(kind: str, given: dict[str, Any]) -> Record:
    """By its own constructor, of fields that are of their types and fit each other in shape."""
    if kind not in CLASSES:
        raise ValueError(f"there is no record {kind[:40]!r}")
    fields = {f.name: f for f in dataclasses.fields(CLASSES[kind])}  # pyright: ignore[reportArgumentType]
    if odd := sorted(set(given) - set(fields)):
        raise ValueError(f"no {kind} has the field {', '.join(odd)[:60]}")
    if missing := [name for name in fields if name not in given]:
        raise ValueError(f"its {kind} has no {' and no '.join(missing)}")
    hints = typing.get_type_hints(CLASSES[kind])
    with jaxtyped("context"):
        for name, value in given.items():
            if not fits(value, hints[name]):
                raise ValueError(f"{name} of its {kind} is not {_wanted(hints[name])}")
    return CLASSES[kind](*(given[name] for name in fields))


def _wanted(hint: Any) -> str:
    return str(getattr(hint, "__name__", hint)).replace("ndarray", "array")


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, arrays also of a shape that fits those seen before."""
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if kind is Literal:
        return value in parts
    if kind is tuple and isinstance(value, tuple):
        hints = parts[:1] * len(value) if parts[1:] == (...,) else parts
        return len(value) == len(hints) and all(map(_fits_alone, value, hints))
    if kind is list or kind is Sequence:
        return isinstance(value, list | tuple) and all(_fits_alone(v, parts[0]) for v in value)
    if kind is dict:
        return isinstance(value, dict) and all(fits(v, parts[1]) for v in value.values())
    if kind is Callable:
        return callable(value)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def _fits_alone(value: Any, hint: Any) -> bool:
    """One of several, whose sizes need not agree."""
    with jaxtyped("context"):
        return fits(value, hint)
