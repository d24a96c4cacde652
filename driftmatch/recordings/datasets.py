"""Data sets of xarray as recordings, read a part at a time."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from driftmatch.errors import InputError
from driftmatch.recordings.collect import Chunk, collected
from driftmatch.recordings.columns import SEGMENTS, TIMES, Asked, place
from driftmatch.recordings.dates import Clock
from driftmatch.recordings.measured import Measured, numbers, rows_at_once
from driftmatch.words import printable

if TYPE_CHECKING:
    import xarray

_OURS = ("states", "latent")  # variables of trajectories and recordings; neurons must be asked for


class _Axes(NamedTuple):
    """Names of dimensions; `times`, `labels`: coordinates along time."""

    time: str
    segment: str | None
    times: str | None
    labels: str | None


def of_xarray(
    data: Any, asked: Asked, *, source: str = "the data set", in_memory: bool = True
) -> Measured:
    """A DataArray, or the variables of a Dataset that have a dimension of time, side by side."""
    is_array = hasattr(data, "to_dataset")
    name = printable(str(data.name)) if is_array and data.name is not None else None
    dataset = data.to_dataset(name=name or "values") if is_array else data
    axes = _axes(source, dataset, asked)
    names, notes = _variables(source, dataset, asked, axes)
    variables = [dataset[n] for n in names]
    words = [_words(source, dataset, v, n, axes) for n, v in zip(names, variables, strict=True)]
    found = collected(source, _chunks(source, dataset, variables, axes), in_memory=in_memory)
    coordinates, units = (_together([w[i] for w in words]) for i in range(2))
    if is_array and name is None and coordinates == ("values",):
        coordinates = None
    said = dataset.attrs.get("name", name)
    found = found._replace(coordinates=coordinates, units=units, notes=notes)
    return found._replace(name=printable(said) if isinstance(said, str) and said else None)


def _axes(source: str, dataset: "xarray.Dataset", asked: Asked) -> _Axes:
    dims = [str(dim) for dim in dataset.dims]
    along = {str(n): str(c.dims[0]) for n, c in dataset.coords.items() if c.ndim == 1}
    choices = list(dict.fromkeys([*dims, *along]))
    if asked.time is not None:
        word = choices[place(source, choices, asked.time, "dimension")]
    else:
        called = [n for n in choices if n.lower() in TIMES]
        dates = [n for n in along if dataset[n].dtype.kind in "mM"]
        word = next(iter((*called, *dates, *(dims if len(dims) == 1 else ()))), None)
        if word is None:
            raise InputError(
                f"{source} has the dimensions {', '.join(dims) or 'of a single number'}, and none "
                "is called time: say which with time="
            )
    time = along.get(word, word)
    is_known = word in along and (asked.time is not None or asked.seeks_time)
    others = [n for n in choices if n not in (time, word)]
    if asked.segment is not None:
        which = others[place(source, others, asked.segment, "dimension")]
    else:
        which = next((n for n in others if n.lower() in SEGMENTS), None)
    labels = which if which is not None and along.get(which) == time else None
    return _Axes(time, which if which in dims else None, word if is_known else None, labels)


def _variables(source: str, dataset: "xarray.Dataset", asked: Asked, axes: _Axes):
    """The names of those that hold coordinates."""
    named_so = [str(n) for n in dataset.data_vars]
    timed = [n for n in named_so if axes.time in dataset[n].dims]
    if asked.columns is not None:
        names = [named_so[place(source, named_so, word, "variable")] for word in asked.columns]
        if odd := [n for n in names if n not in timed]:
            raise InputError(f"{odd[0]!r} of {source} has no dimension {axes.time!r}")
    else:
        names = [n for n in timed if n in _OURS] or timed
    if not names:
        raise InputError(f"{source} is empty: it must hold a variable along {axes.time!r}")
    known = {axes.time, axes.segment}
    for name in names:
        rest = [str(dim) for dim in dataset[name].dims if dim not in known]
        if len(rest) > 1:
            raise InputError(
                f"{name!r} of {source} has the dimensions {', '.join(rest)} beside time: say with "
                "segment= which one numbers segments, or select from the others"
            )
    notes = []
    if axes.times is not None:
        notes.append(f"times are those of {printable(axes.times)!r}")
    if left := [n for n in named_so if n not in names]:
        notes.append(f"{printable(', '.join(left))} is left out")
    return names, tuple(notes)


def _words(source: str, dataset: "xarray.Dataset", variable: Any, name: str, axes: _Axes):
    """Names and units of a variable's columns, each a list."""
    rest = [dim for dim in variable.dims if dim not in (axes.time, axes.segment)]
    unit = variable.attrs.get("units", "")
    unit = printable(unit) if isinstance(unit, str) else ""
    if not rest:
        return [printable(name)], [unit]
    size = variable.sizes[rest[0]]
    labels, units = (_labels(dataset, word, rest[0]) for word in (str(rest[0]), "unit"))
    return (
        [None] * size if labels is None else labels,
        [unit] * size if units is None else units,
    )


def _labels(dataset: "xarray.Dataset", name: str, dim: Any) -> list[str] | None:
    """Words along a dimension, from a coordinate or, in files of trajectories, an attribute."""
    if name in dataset.coords and dataset[name].dims == (dim,):
        values = dataset[name].values.tolist()
        return [printable(v) for v in values] if all(isinstance(v, str) for v in values) else None
    try:
        values = json.loads(dataset.attrs.get(name, ""))
    except (TypeError, ValueError):
        return None
    is_list = isinstance(values, list) and len(values) == dataset.sizes[dim]
    if is_list and all(isinstance(value, str) for value in values):
        return [printable(value) for value in values]
    return None


def _together(parts: Sequence[list[Any]]) -> tuple[str, ...] | None:
    """Of all variables; None where one has none."""
    words = [word for part in parts for word in part]
    if any(word is None for word in words) or not any(words):
        return None
    return tuple(words)


def _chunks(
    source: str, dataset: "xarray.Dataset", variables: Sequence[Any], axes: _Axes
) -> Iterator[Chunk]:
    clock = Clock(source)
    T = dataset.sizes[axes.time]
    width = sum(v.size for v in variables) // max(1, T * dataset.sizes.get(axes.segment, 1))
    step = rows_at_once(width)
    M = 1 if axes.segment is None else dataset.sizes[axes.segment]
    for m in range(M):
        for first in range(0, T, step):
            part = slice(first, min(first + step, T))
            where: dict[Any, Any] = {axes.time: part}
            times = labels = None
            if axes.times is not None:
                times = clock.seconds(dataset[axes.times][where].values, first)
            if axes.labels is not None:
                labels = dataset[axes.labels][where].values
            if axes.segment is not None:
                where[axes.segment] = m
                labels = np.full(part.stop - first, m)
            columns = [_columns(source, v[{d: where[d] for d in v.dims if d in where}], axes.time)
                       for v in variables]  # fmt: skip
            yield Chunk(np.concatenate(columns, axis=1), times, labels)


def _columns(source: str, part: Any, time: str) -> np.ndarray:
    """Shape (t, k) of a variable's part."""
    array = numbers(f"{part.name!r} of {source}", part.transpose(time, ...).values)
    return array.reshape(len(array), -1)
