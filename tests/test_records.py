"""Records: compared by value, shown in a line, and plain numbers for files."""

import copy as copying
import dataclasses
import json

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from specimens import MADE, of

import driftmatch as dm
from driftmatch.records import Record, brief, plain

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


@pytest.fixture(params=MADE, ids=lambda kind: kind.__name__)
def record(request):
    return of(request.param)


def public_records():
    for home in (dm, dm.memory):
        for name in home.__all__:
            value = getattr(home, name)
            if isinstance(value, type) and dataclasses.is_dataclass(value):
                yield value


def test_all_that_is_returned_is_a_record():
    given = {dm.Activation, dm.Refined, dm.LeastSquares, dm.Backprop, dm.GridRoute, dm.LinearRoute,
             dm.PathRoute, dm.ScoreRoute, dm.memory.HopfieldNetwork, dm.RandomFeatures, dm.Features,
             dm.MatchingProblem, dm.Fitted, dm.Dale, dm.Sparse,
             dm.Symmetric}  # fmt: skip
    others = {value for value in public_records() if not issubclass(value, Record)}
    assert {v for v in others if not issubclass(v, eqx.Module)} <= given
    assert sum(issubclass(value, Record) for value in public_records()) > 25


def test_equal_to_a_copy_and_to_nothing_else(record):
    copy = copying.copy(record)
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
    assert table.count("<tr>") == len(record._shown())
    assert "<th>outcome</th>" in table or not hasattr(record, "outcome")


def names_in(told):
    if isinstance(told, dict):
        yield from told
        told = list(told.values())
    for inner in told if isinstance(told, list) else ():
        yield from names_in(inner)


def test_plain_numbers(record):
    told = json.loads(json.dumps(record.to_dict(), allow_nan=False))
    assert told == record.to_dict(), "lists, and nothing that JSON changes"
    assert not [name for name in names_in(told) if name.startswith("_")]
    shown = {f.name for f in dataclasses.fields(record) if not f.name.startswith("_")}
    if isinstance(record, dm.Analysis):  # a summary, as it says
        shown -= {"run", "system"}
    if not isinstance(record, dm.memory.Walk):  # the numbers of its records
        assert (set(record._told) or shown) <= set(told)
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


AXES = {
    dm.StationaryDensity: ({"density", "current", "drift"}, {"v": 16, "w": 16, "component": 2}),
    dm.HelmholtzHodge: ({"potential", "gradient", "rotational"}, {"z1": 16, "z2": 16}),
    dm.memory.GridFunction: ({"values"}, {"z": 64}),
    dm.LyapunovSpectrum: ({"exponents", "standard_error", "history"}, {"block": 20, "exponent": 2}),
    dm.Trajectory: ({"states"}, {"trajectory": 3, "component": 2}),
    dm.NetworkTrajectory: ({"latent"}, {"component": 2}),
    dm.memory.Recall: ({"states", "ended", "at_release"}, {"trajectory": 3}),
    dm.memory.Switching: ({"states", "commands", "ended", "forcings"}, {"command": 2}),
    dm.memory.Walk: ({"states", "region"}, {"time": 600}),
}


@pytest.mark.parametrize("kind", AXES, ids=lambda kind: kind.__name__)
def test_records_with_axes_are_data_sets(kind, tmp_path):
    names, sizes = AXES[kind]
    record = of(kind)
    dataset = record.to_xarray()
    assert set(dataset.data_vars) == names
    assert sizes.items() <= dict(dataset.sizes).items()
    for name in names & {f.name for f in dataclasses.fields(record)}:
        np.testing.assert_array_equal(dataset[name].values, getattr(record, name))
    if hasattr(record, "outcome"):
        assert dataset.attrs["outcome"] == str(record.outcome)
    dataset.to_netcdf(tmp_path / "dataset.nc", engine="h5netcdf")


def test_coordinates_of_a_grid_have_names_and_units():
    density = of(dm.StationaryDensity)
    dataset = density.to_xarray()
    assert dataset["v"].dims == ("v",)
    np.testing.assert_array_equal(dataset["w"], density.grid.axes[1])
    assert list(dataset["component"].values) == ["v", "w"]
    decomposition = of(dm.HelmholtzHodge).to_xarray()
    assert decomposition["z1"].attrs == {"units": "mV"}
    assert decomposition["z2"].attrs == {}
    sde = dm.SDE(lambda z: -z, 0.3, 2, coordinates=["density", "w"])
    assert dm.stationary(sde, of(dm.Grid)).to_xarray()["density"].dims == ("z1", "z2")
