"""Numbers in the types that JSON has."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.analysis.summary_numbers import numbers_of
from driftmatch.outcomes import Outcome


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        ("name", "name"),
        (3, 3),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.nan, None),
        (-np.inf, None),
        (1 + 2j, [1.0, 2.0]),
        (complex(np.nan, 1), [None, 1.0]),
        (np.array([1.0, np.nan]), [1.0, None]),
        (np.array([[1 + 2j], [3 - 4j]]), [[[1.0, 2.0]], [[3.0, -4.0]]]),
        (np.array(["stable", "saddle"]), ["stable", "saddle"]),
        (np.array(2.0), 2.0),
        (jnp.arange(2), [0, 1]),
        ((1, (2.0, np.nan)), [1, [2.0, None]]),
        ({"a": np.ones(1), 2: None}, {"a": [1.0], "2": None}),
        (Outcome.COARSE, str(Outcome.COARSE)),
        ([], []),
    ],
)
def test_plain_types(value, expected):
    found = numbers_of(value)
    assert found == expected
    assert type(found) is type(expected)
    assert json.loads(json.dumps(found, allow_nan=False)) == expected


def test_records_tell_their_numbers():
    record = dm.irreversibility(dm.systems.ornstein_uhlenbeck(), method="linear")
    assert numbers_of({"rate": record})["rate"] == {
        "entropy_production": pytest.approx(1.0),
        "standard_error": 0.0,
        "method": "linear",
        "outcome": "success",
    }


def test_fields_of_fields_lose_their_path():
    density = dm.stationary(dm.systems.double_well(), dm.Grid(-2, 2, 64))
    found = numbers_of(density)
    assert found["lower"] == [-2.0]
    assert found["upper"] == [2.0]
    assert found["shape"] == [64]
    assert "density" not in found
