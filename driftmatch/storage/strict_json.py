"""JSON as files may hold it: what Python would read in its own generous way is refused."""

import json
from typing import Any

_LONGEST = 30  # digits of a whole number; a float has less than 17


def parse(text: str | bytes, *, constants: bool = False) -> dict[str, Any]:
    """The object that a text holds; NaN and infinities only with `constants`.

    Raises ValueError, with a reason of a few words, for anything else, for keys that come twice,
    endless numbers and endless nesting.
    """

    def constant(word: str) -> float:
        if not constants:
            raise ValueError(f"{word} is not a number in JSON")
        return float(word)

    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=constant,
            parse_int=_short,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error.msg} at character {error.pos})") from None
    except UnicodeDecodeError:
        raise ValueError("it is not text") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"it holds no object but a {type(value).__name__}")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _short(digits: str) -> int:
    if len(digits) > _LONGEST:
        raise ValueError(f"a whole number has {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {digits[:_LONGEST]} is too large")
    return value
