"""What calls return: frozen records that are compared by value and shown in a line."""

import html
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, dataclass_transform

import numpy as np

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.outcomes import Outcome

_FEW = 6  # numbers of an array that are shown
_LONG = 300  # characters of a line


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
class Record:
    """A frozen dataclass without a decorator; arrays may be among its fields.

    Two are equal if they are of one class and all their fields are, arrays entry by entry, with NaN
    equal to itself. Fields that begin with an underscore are how a record works, and not shown.
    """

    def __init_subclass__(cls, *, told: str = "", **options: Any) -> None:
        """`told`: names of attributes for `to_dict`, in place of the fields, where these hold
        recordings that no reader of numbers could use."""
        super().__init_subclass__(**options)
        cls._told = tuple(told.split())
        dataclass(frozen=True, eq=False, repr=False)(cls)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(
            _equal(getattr(self, f.name), getattr(other, f.name))
            for f in fields(self)  # pyright: ignore[reportArgumentType]
            if f.compare
        )

    def __hash__(self) -> int:
        # By what can be hashed: equal records have equal hashes.
        own = (getattr(self, f.name) for f in fields(self) if f.compare)  # pyright: ignore[reportArgumentType]
        told = (v for v in own if isinstance(v, str | int | float) and v == v)
        return hash((type(self), *told))

    def __repr__(self) -> str:
        parts = (f"{name}={brief(value)}" for name, value in self._shown().items())
        line = f"{type(self).__name__}({', '.join(parts)})"
        return line if len(line) <= _LONG else f"{line[: _LONG - 4]}...)"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(brief(value))}</td></tr>"
            for name, value in self._shown().items()
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"

    def to_dict(self) -> dict[str, Any]:
        """The fields and the outcome, or of a record of recordings the numbers that it comes to,
        as JSON has them; see `plain`."""
        numbers = {name: getattr(self, name) for name in self._told} or self._shown()
        return {name: plain(value) for name, value in numbers.items()}

    def _attributes(self) -> dict[str, str | int | float]:
        """Of the fields the single numbers and words, as data sets of xarray carry them."""
        shown = self._shown().items()
        single = {name: v for name, v in shown if isinstance(v, str | int | float | Outcome)}
        return {name: str(v) if isinstance(v, Outcome) else v for name, v in single.items()}

    def _shown(self) -> dict[str, Any]:
        """The fields by name, and the outcome of those that find it out themselves."""
        names = [f.name for f in fields(self)]  # pyright: ignore[reportArgumentType]
        if hasattr(type(self), "outcome") and "outcome" not in names:
            names.append("outcome")
        return {name: getattr(self, name) for name in names if not name.startswith("_")}


def plain(value: Any, *, strict: bool = False) -> Any:
    """In the types that JSON has.

    Records, mappings and sequences keep their form, arrays become lists, complex numbers [re, im],
    an outcome its sentence, an SDE its name; what is not finite becomes None. Of anything else, and
    of keys, there is the text; if `strict` keys stay and anything else raises TypeError.
    """
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, AbstractSDE):
        return value.name
    if isinstance(value, Mapping):
        return {
            name if strict else str(name): plain(inner, strict=strict)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(inner, strict=strict) for inner in value]
    if hasattr(value, "tolist"):  # NumPy and JAX arrays and scalars
        return plain(value.tolist(), strict=strict)
    if isinstance(value, complex):
        return [plain(value.real), plain(value.imag)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if strict:
        raise TypeError(f"{type(value).__name__} is none")
    return str(value)


def brief(value: Any) -> str:
    """A value in a few characters: of large arrays and nested records only what they are."""
    if isinstance(value, Outcome):
        return value.name
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    if hasattr(value, "tolist") and getattr(value, "ndim", 0) > 0:
        if 0 < value.size <= _FEW and value.ndim == 1 and value.dtype.kind in "fiub":
            return f"[{', '.join(brief(number) for number in value.tolist())}]"
        return f"array{value.shape}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(map(str, value))}}}"
    if isinstance(value, Record):
        return f"{type(value).__name__}(...)"
    if isinstance(value, tuple | list):
        if len(value) > _FEW:
            return f"{len(value)} x {type(value[0]).__name__}"
        return f"({', '.join(map(brief, value))})"
    return " ".join(repr(value).split())


def _equal(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    if hasattr(a, "__array__") or hasattr(b, "__array__"):
        a, b = np.asarray(a), np.asarray(b)
        both = a.dtype.kind in "fc" and b.dtype.kind in "fc"
        return bool(a.shape == b.shape and np.array_equal(a, b, equal_nan=both))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, tuple | list) and type(a) is type(b):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_equal(a[name], b[name]) for name in a)
    return bool(a == b)
