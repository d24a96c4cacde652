"""What every public call checks at its door: numbers, arrays, keys, meters and names.

Each check returns what was given as a plain value, and raises one sentence for what cannot be used.
A number may come as one of Python, NumPy or JAX, also as an array without dimensions; True is none.
"""

import numbers
from collections.abc import Callable, Iterable
from types import EllipsisType
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.errors import InputError
from driftmatch.meters import SILENT, AbstractMeter, TerminalMeter
from driftmatch.words import did_you_mean

# Single precision, in which JAX computes by default, ends at 3e38; there must be room to compute.
LARGEST = 1e30
_LARGEST_COUNT = 2**31 - 1
_PLAIN = (bool, int, float, complex, str, bytes, tuple, list, dict, np.generic)

if TYPE_CHECKING:
    Checked = np.ndarray
else:
    Checked = np.ndarray | jax.Array  # what is traced stays so

T = TypeVar("T")
Shape = tuple[int | str | EllipsisType, ...]


def check_number(what: str, value: Any) -> float:
    """A finite number."""
    number = as_scalar(value)
    if number is None:
        raise InputError(f"{what} must be a number, got {shown(value)}")
    if not abs(number) < float("inf"):
        raise InputError(f"{what} must be finite, got {shown(value)}")
    if abs(number) > LARGEST:
        raise InputError(f"{what} must be at most {LARGEST:g} in size, got {shown(value)}")
    return float(number)


def check_positive(what: str, value: Any) -> float:
    """A finite number above 0."""
    number = as_scalar(value)
    if number is None or not 0 < number < float("inf"):
        raise InputError(f"{what} must be a positive number, got {shown(value)}")
    if not 1 / LARGEST <= number <= LARGEST:
        raise InputError(f"{what} must be from {1 / LARGEST:g} to {LARGEST:g}, got {shown(value)}")
    return float(number)


def check_non_negative(what: str, value: Any) -> float:
    """A finite number of at least 0."""
    number = check_number(what, value)
    if number < 0:
        raise InputError(f"{what} must not be negative, got {shown(value)}")
    return number


def check_fraction(what: str, value: Any) -> float:
    """A number from 0 to 1."""
    number = as_scalar(value)
    if number is None or not 0 <= number <= 1:
        raise InputError(f"{what} must be a number from 0 to 1, got {shown(value)}")
    return float(number)


def check_count(what: str, value: Any, *, least: int = 1, most: int = _LARGEST_COUNT) -> int:
    """A whole number of at least `least`."""
    number = as_scalar(value)
    wanted = f"a whole number of at least {least}"
    if not isinstance(number, numbers.Integral) or number < least:
        raise InputError(f"{what} must be {wanted}, got {shown(value)}")
    if number > most:
        raise InputError(f"{what} must be at most {most}, got {shown(value)}")
    return int(number)


def check_index(what: str, value: Any, number: int) -> int:
    """Which one of so many."""
    which = as_scalar(value)
    if not (isinstance(which, numbers.Integral) and 0 <= which < number):
        raise InputError(
            f"{what} must be a whole number from 0 to {number - 1}, got {shown(value)}"
        )
    return int(which)


def check_flag(what: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{what} must be True or False, got {shown(value)}")
    return bool(value)


def check_text(what: str, value: Any) -> str:
    """Words."""
    if not isinstance(value, str):
        raise InputError(f"{what} must be a string, got {shown(value)}")
    return value


def check_choice(what: str, value: Any, choices: Iterable[str]) -> str:
    """One of the names."""
    choices = list(choices)
    if not (isinstance(value, str) and value in choices):
        raise InputError(f"there is no {what} {shown(value)}{did_you_mean(value, choices)}")
    return value


def check_key(key: Any) -> PRNGKeyArray:
    """A random key of either kind, as a typed one."""
    try:
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.shape == ():
            return key
        if key.dtype == np.uint32:
            key = jax.random.wrap_key_data(jnp.asarray(key))
            if key.shape == ():
                return key
    except (AttributeError, TypeError, ValueError):
        pass
    number = as_scalar(key)
    if isinstance(number, int) and 0 <= number < 2**32:
        raise InputError(f"key must be one random key, got {number}: pass jax.random.key({number})")
    raise InputError(
        f"key must be one random key, such as jax.random.key(0), got {type(key).__name__}"
    )


def check_meter(meter: Any) -> AbstractMeter:
    """What is told of the progress: True for the terminal or the notebook, False for nobody."""
    if isinstance(meter, bool):
        return TerminalMeter() if meter else SILENT
    if not isinstance(meter, AbstractMeter):
        raise InputError(
            "meter must be True or a meter such as driftmatch.TerminalMeter(), got "
            f"{shown(meter)}; leave it out for none"
        )
    return meter


def is_traced(value: Any) -> bool:
    """Whether JAX is tracing the value, so that it has a shape and no numbers yet."""
    return isinstance(value, jax.core.Tracer)


def check_array(
    what: str, value: Any, *shapes: Shape, finite: bool = True, empty: bool = False
) -> Float[Checked, "..."]:
    """Real numbers in float64, not always a copy, of one of the shapes.

    A shape names its axes: by a length, by a word for any length of at least 1, or by a leading
    ``...`` for any number of axes. Without `finite` numbers may be NaN or of any size, and with
    `empty` the axes of ``...`` may hold nothing. What is traced passes by its shape alone.
    """
    if is_traced(value):
        if shapes and not any(_fits(value.shape, shape, empty) for shape in shapes):
            raise InputError(f"{what} must {_have_shape(shapes)}, got {value.shape}")
        return value
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):  # rows of different lengths, or what is no array at all
        array = np.asarray(None)
    if not (jnp.issubdtype(array.dtype, np.floating) or array.dtype.kind in "iu"):
        raise InputError(f"{what} must be {_numbers(shapes)}, got {shown(value)}")
    array = array.astype(np.float64, copy=False)
    if shapes and not any(_fits(array.shape, shape, empty) for shape in shapes):
        raise InputError(f"{what} must {_have_shape(shapes)}, got {array.shape}")
    if finite and array.size and not (array.min() >= -LARGEST and array.max() <= LARGEST):
        worst = array[~(np.abs(array) <= LARGEST)][0]
        limit = f"at most {LARGEST:g} in size" if np.isfinite(worst) else "finite"
        raise InputError(f"{what} must be {limit}, got {shown(array.tolist())}")
    return array


def check_vector(what: str, value: Any, size: int) -> Any:
    """So many numbers, shape (size,); one number may come by itself."""
    array = check_array(what, value, (size,), *([()] if size == 1 else []))
    return array.reshape(size)


def check_box(box: Any, dim: int) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """The lower and the upper corner of a box, each of k numbers, or of one for all axes."""
    wanted = (
        f"box must be a lower and an upper corner of {dim} finite numbers each, the lower one "
        "below in every coordinate"
    )
    corners = as_list(box)
    if corners is None or len(corners) != 2:
        raise InputError(f"{wanted}, got {shown(box)}")
    try:
        low, high = (check_array("box", corner, (dim,), ()) for corner in corners)
    except InputError:
        raise InputError(f"{wanted}, got {shown(box)}") from None
    low, high = (np.array(np.broadcast_to(corner, (dim,))) for corner in (low, high))
    if not np.all(low < high):
        raise InputError(f"{wanted}, got {low.tolist()} and {high.tolist()}")
    return low, high


def clean_fields(record: Any, **checks: Callable[[str, Any], Any]) -> None:
    """Check fields of a frozen record, and keep the plain values."""
    for name, check in checks.items():
        object.__setattr__(record, name, check(name, getattr(record, name)))


def or_none(check: Callable[[str, Any], T]) -> Callable[[str, Any], T | None]:
    """The same check where None stands for the default."""
    return lambda what, value: None if value is None else check(what, value)


def as_scalar(value: Any) -> int | float | None:
    """The Python number that is meant, or None for what is not one real number."""
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        # Not by its `kind`, which the type of a random key has not
        is_real = any(jnp.issubdtype(value.dtype, real) for real in (np.floating, np.integer))
        if value.ndim > 0 or not is_real:
            return None
        return value.item()
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def as_list(value: Any) -> list[Any] | None:
    """What a list, a tuple or an array holds, or None for what is none of them."""
    is_array = isinstance(value, np.ndarray | jax.Array) and value.ndim > 0
    return list(value) if is_array or isinstance(value, tuple | list | range) else None


def shown(value: Any) -> str:
    """What was given, in a few words for the end of a sentence."""
    if isinstance(value, np.ndarray | jax.Array) and value.ndim > 0:
        return f"an array of shape {value.shape}"
    number = as_scalar(value)
    if number is not None:
        value = number
    if value is None or isinstance(value, _PLAIN):
        text = " ".join(repr(value).split())
        return text if len(text) <= 80 else f"{text[:77]}..."
    return type(value).__name__


def _fits(given: tuple[int, ...], shape: Shape, empty: bool) -> bool:
    if shape and shape[0] is ...:
        rest = shape[1:]
        if len(given) < len(rest) or (0 in given and not empty):
            return False
        given, shape = given[len(given) - len(rest) :], rest
    return len(given) == len(shape) and all(
        n == wanted if isinstance(wanted, int) else n > 0
        for n, wanted in zip(given, shape, strict=True)
    )


def _numbers(shapes: tuple[Shape, ...]) -> str:
    parts = ["a number"] if () in shapes else []
    if any(shapes):
        parts.append(f"numbers of shape {_words(shapes)}")
    return " or ".join(parts) or "numbers"


def _have_shape(shapes: tuple[Shape, ...]) -> str:
    return f"{'be a number or ' if () in shapes else ''}have shape {_words(shapes)}"


def _words(shapes: tuple[Shape, ...]) -> str:
    def word(shape: Shape) -> str:
        inside = ", ".join("..." if axis is ... else str(axis) for axis in shape)
        return f"({inside},)" if len(shape) == 1 else f"({inside})"

    return " or ".join(word(shape) for shape in shapes if shape)
