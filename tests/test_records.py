"""Records: compared by value, shown in a line, and plain numbers for files."""

import dataclasses
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.records import Record, brief, plain

KEY = jax.random.key(0)
RING = dm.systems.ring_of_wells(num_wells=3)


class Pair(Record):
    """A record of every kind of field."""

    numbers: np.ndarray
    value: float
    name: str
    outcome: dm.Outcome
    inner: "Pair | None" = None
    _hidden: object = None


def pair(**changes):
    fields = {"numbers": np.array([1.0, np.nan]), "value": np.nan, "name": "a",
              "outcome": dm.Outcome.SUCCESS}  # fmt: skip
    return Pair(**fields | changes)


OU = dm.systems.ornstein_uhlenbeck()
RNG = np.random.default_rng(0)
NETWORK = dm.Network(
    RNG.normal(size=(8, 2)), RNG.normal(size=(2, 8)) / 8, np.zeros(8), shared_noise=0.1
)
SHORT = {"duration": 4.0, "dt": 0.1, "key": KEY}
TIMES = np.arange(0, 60, 0.1)
WAVE = dm.Trajectory(TIMES, np.sin(TIMES)[None, :, None], dm.Outcome.SUCCESS, "wave", 0.1)
MADE = {
    dm.NetworkTrajectory: lambda: dm.simulate(NETWORK, **SHORT),
    dm.Trajectory: lambda: dm.simulate(OU, **SHORT),
    dm.Samples: lambda: dm.sample(OU, key=KEY),
    dm.StationaryDensity: lambda: dm.stationary(OU, dm.Grid((-4, -4), (4, 4), (16, 16))),
    dm.Irreversibility: lambda: dm.irreversibility(OU, method="linear"),
    dm.LyapunovSpectrum: lambda: dm.lyapunov(OU, **SHORT),
    dm.NeuralSpectrum: lambda: dm.neural_lyapunov(NETWORK, start=np.zeros(2), **SHORT),
    dm.FixedPoints: lambda: dm.fixed_points(OU, ((-1, -1), (1, 1)), key=KEY),
    dm.SymmetryDecomposition: lambda: dm.symmetry(NETWORK),
    dm.memory.Landscape: lambda: dm.memory.landscape(
        dm.systems.double_well(), starts=[[-1.0], [1.0]]
    ),
    dm.memory.Dwell: lambda: dm.memory.dwell(WAVE, [[-1.0], [1.0]]),
}


@functools.cache
def record_of(kind):
    return MADE[kind]()


@pytest.fixture(params=MADE, ids=lambda kind: kind.__name__)
def record(request):
    return record_of(request.param)


def public_records():
    for home in (dm, dm.memory):
        for name in home.__all__:
            value = getattr(home, name)
            if isinstance(value, type) and dataclasses.is_dataclass(value):
                yield value


def test_all_that_is_returned_is_a_record():
    given = {dm.Activation, dm.Refined, dm.LeastSquares, dm.Backprop, dm.GridRoute, dm.LinearRoute,
             dm.PathRoute, dm.ScoreRoute, dm.memory.HopfieldNetwork}  # fmt: skip
    others = {value for value in public_records() if not issubclass(value, Record)}
    assert {v for v in others if not issubclass(v, dm.AbstractSDE)} <= given
    assert sum(issubclass(value, Record) for value in public_records()) > 25


def test_equal_to_a_copy_and_to_nothing_else(record):
    copy = dataclasses.replace(record)
    assert copy == record
    assert hash(copy) == hash(record)
    assert record != pair()
    assert record != "something else"


@pytest.mark.parametrize(
    "change",
    [{"numbers": np.array([1.0, 2.0])}, {"numbers": np.array([1.0])}, {"value": 1.0}, {"name": "b"},
     {"outcome": dm.Outcome.DRIFTING}, {"inner": pair()}, {"_hidden": 1}],
)  # fmt: skip
def test_one_field_makes_a_difference(change):
    assert pair() == pair()
    assert pair(inner=pair()) == pair(inner=pair())
    assert pair(**change) != pair()


def test_frozen(record):
    name = dataclasses.fields(record)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, name, None)


def test_one_line_and_a_table(record):
    line = repr(record)
    assert "\n" not in line
    assert len(line) <= 300
    assert line.startswith(f"{type(record).__name__}(")
    table = record._repr_html_()
    assert table.count("<tr>") == len(record.to_dict())
    assert "<th>outcome</th>" in table or not hasattr(record, "outcome")


def test_plain_numbers(record):
    told = json.loads(json.dumps(record.to_dict(), allow_nan=False))
    shown = {f.name for f in dataclasses.fields(record) if not f.name.startswith("_")}
    assert shown <= set(told)
    if hasattr(record, "outcome"):
        assert told["outcome"] == str(record.outcome)


def test_what_plain_makes_of_things():
    given = {1: (np.float32(0.5), np.inf, 1 + 2j), "inner": pair(), "sde": RING, "none": None}
    assert plain(given) == {
        "1": [0.5, None, [1.0, 2.0]],
        "inner": {"numbers": [1.0, None], "value": None, "name": "a", "outcome": "success",
                  "inner": None},
        "sde": "ring_of_wells",
        "none": None,
    }  # fmt: skip


def test_what_is_brief():
    assert brief(np.arange(3)) == "[0, 1, 2]"
    assert brief(np.zeros((2, 50))) == "array(2, 50)"
    assert brief((0.123456, "a")) == "(0.1235, 'a')"
    assert brief(tuple("abcdefgh")) == "8 x str"
    assert brief(pair()) == "Pair(...)"
    assert brief(jnp.zeros((2, 50))) == "array(2, 50)"
    assert brief({"a": np.zeros((9, 9)), "b": 1}) == "{a, b}"
    assert brief(np.float32(0.123456)) == "0.1235"
    assert repr(pair(name="x" * 500)).endswith("...)")


def test_equality_of_what_is_odd():
    """Arrays of JAX, None beside an array, NaN in single precision, 1 and 1.0."""
    assert pair(numbers=jnp.ones(2)) == pair(numbers=np.ones(2))
    assert pair(numbers=jnp.ones(2)) != pair(numbers=jnp.zeros(2))
    assert pair(numbers=None) != pair()
    assert pair(numbers=np.array(["a"])) != pair()
    assert pair(value=np.float32("nan")) == pair(value=np.float32("nan"))
    assert hash(pair(value=1)) == hash(pair(value=1.0))
    assert pair(value=1) == pair(value=1.0)


def test_html_is_escaped():
    assert "<b>" not in pair(name="<b>")._repr_html_()
