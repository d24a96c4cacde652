"""What is nonsense for each kind of argument."""

from typing import Any

import jax
import numpy as np

NAN, INF, TOO_LARGE = float("nan"), float("inf"), 1e300

NOT_NUMBERS = [None, True, np.True_, "x", b"x", 1j, np.array(1j), [], {}, np.ones(2), object()]
NUMBER = [*NOT_NUMBERS, NAN, INF, -INF, TOO_LARGE, 10**400, np.float32("nan"), np.array(NAN)]
NON_NEGATIVE = [*NUMBER, -1, -1e-9, np.array(-1.0)]
POSITIVE = [*NON_NEGATIVE, 0, 0.0, 1e-300]
FRACTION = [*NON_NEGATIVE, 1.1]
COUNT = [*POSITIVE, 1.5, 2.0, 2**31, np.array(2.0)]
WHOLE = [*NON_NEGATIVE, 1.5, 2**31]
INDEX = [*NON_NEGATIVE, 1.5, 99]

OBJECT = [*NUMBER, -1, 0]
FLAG = [bad for bad in OBJECT if not isinstance(bad, bool | np.bool_)]
TEXT = [bad for bad in OBJECT if not isinstance(bad, str)]
CHOICE = [*TEXT, "nonsense"]
METER = [*(bad for bad in OBJECT if bad is not True), type("Meter", (), {})()]
KEY = [
    *OBJECT,
    3,
    np.zeros(2),
    np.zeros(3, np.uint32),
    jax.random.split(jax.random.key(0)),
]


def shape(value: Any) -> tuple[int, ...] | None:
    """Of an array; None for others."""
    return value.shape if isinstance(value, np.ndarray) else None


def optional(bad: list[Any]) -> list[Any]:
    """The same where None means the default."""
    return [value for value in bad if value is not None]


# Of arrays: also as good as numbers, where one number will do
NUMBERS = [
    *[bad for bad in NOT_NUMBERS if not isinstance(bad, np.ndarray)],
    np.array(1j),
    np.full((64, 2), 1j),
    [[1.0, 2.0], [3.0]],
    ["a", "b"],
    [None, 1.0],
    [True, False],
    np.ones((2, 2, 2, 2, 2)),
    np.ones((3, 7)),
    np.ones((0, 2)),
]
# where any number of axes may come before the last
STATES = [
    *[bad for bad in NUMBERS if shape(bad) not in ((2,) * 5, (0, 2))],
    -1,
    0,
    NAN,
    INF,
    TOO_LARGE,
]
NOT_FINITE = [
    NAN,
    INF,
    TOO_LARGE,
    [NAN, 1.0],
    [[0.0, INF]],
    [TOO_LARGE, 0.0],
    np.full((64, 2), NAN),
]
FINITE_STATES = [*STATES, *NOT_FINITE, np.ones((0, 2))]
ARRAY = [*NUMBERS, *NOT_FINITE, -1, 0]
# where one number stands for a vector of one
VECTOR = [*NUMBERS, *NOT_FINITE]
# where rows may be of any number and length
PLACES = [bad for bad in ARRAY if shape(bad) != (3, 7)]
WORDS = [*optional(OBJECT), ["v"], ("v", 1), "vw"]  # one for each of two coordinates
MAPPING = [bad for bad in optional(OBJECT) if not isinstance(bad, dict)]
BOX = [
    *ARRAY,
    np.ones((64, 2)),
    ([0, 0], [-1, 1]),
    ([0, 0], [0, 1]),
    ([0, 0], [1, NAN]),
    ([0, 0, 0], [1, 1, 1]),
    ([0, 0], [1, 1], [2, 2]),
]
GRID = [*[bad for bad in OBJECT if not isinstance(bad, np.ndarray)], 3, 5.0, [8, 8.0], (8, 8, 8, 8)]
AXES = [*OBJECT, [0, 0], [2], [-1], [0.5], [True], (None,)]
