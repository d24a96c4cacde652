"""Data sets of xarray: which dimension is time, which one segments, which variables count."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import driftmatch as dm

X = np.random.default_rng(0).normal(size=(3, 20, 2))
T = 0.1 * np.arange(20)
DATES = pd.date_range("2026", periods=20, freq="100ms")


@pytest.mark.parametrize("numbers", [7, 2**21])
@pytest.mark.parametrize(
    "data",
    [
        xr.DataArray(X, {"time": T}, ["trial", "time", "channel"]),
        xr.DataArray(X, {"t": T}, ["segment", "t", "channel"]),
        xr.DataArray(X.transpose(1, 2, 0), {"time": T}, ["time", "channel", "trajectory"]),
        xr.DataArray(X, {"when": DATES}, ["trial", "when", "channel"]),
        xr.DataArray(X, {"time": DATES - DATES[0]}, ["trial", "time", "channel"]),
        xr.DataArray(X, {"time": ("step", T)}, ["trial", "step", "channel"]),
        xr.Dataset({"x": (("trial", "time", "channel"), X)}, {"time": T}, {"name": "recording"}),
    ],
)
def test_dimensions_are_found(data, numbers, monkeypatch):
    monkeypatch.setattr("driftmatch.recordings.measured._NUMBERS", numbers)
    recording = dm.Recording.of(data)
    np.testing.assert_array_equal(recording.states, X.reshape(-1, 2))
    np.testing.assert_array_equal(recording.starts, [0, 20, 40])
    np.testing.assert_allclose(recording.times, np.tile(T, 3))
    assert recording.coordinates is None


def test_dimensions_that_are_named():
    data = xr.DataArray(X, {"a": [1, 2, 3], "b": T}, ["a", "b", "c"])
    recording = dm.read_recording(data, time="b", segment="a")
    np.testing.assert_array_equal(recording.states, X.reshape(-1, 2))
    with pytest.raises(dm.InputError, match=r"dimensions a, b, c, and none is called time"):
        dm.Recording.of(data)
    with pytest.raises(
        dm.InputError, match=r"has the dimensions a, c beside time: say with segment"
    ):
        dm.read_recording(data, time="b")
    with pytest.raises(dm.InputError, match=r"has no dimension 'd'; choose one of a, b, c"):
        dm.read_recording(data, time="d")


def test_names_and_units():
    labels = {"component": ["V", "w"], "unit": ("component", ["mV", ""])}
    data = xr.DataArray(X[0], {"time": T, **labels}, ["time", "component"])
    assert dm.Recording.of(data).coordinates == ("V", "w")
    assert dm.Recording.of(data).units == ("mV", "")
    plain = xr.DataArray(X[0], {"time": T}, ["time", "cell"], "rate", {"units": "Hz"})
    recording = dm.Recording.of(plain)
    assert (recording.coordinates, recording.units) == (None, ("Hz", "Hz"))
    assert recording.name == "rate"


def test_variables_side_by_side():
    data = xr.Dataset(
        {
            "V": (("trial", "time"), X[..., 0], {"units": "mV"}),
            "w": (("time", "trial"), X[..., 1].T),
            "gain": 3.0,
        },
        {"time": T},
    )
    recording = dm.Recording.of(data)
    np.testing.assert_array_equal(recording.states, X.reshape(-1, 2))
    assert (recording.coordinates, recording.units) == (("V", "w"), ("mV", ""))
    assert "gain is left out" in recording.notes
    assert dm.read_recording(data, columns="w").coordinates == ("w",)
    with pytest.raises(dm.InputError, match=r"'gain' of the data set has no dimension 'time'"):
        dm.read_recording(data, columns="gain")


@pytest.mark.parametrize("numbers", [7, 2**21])
def test_there_and_back(numbers, monkeypatch):
    monkeypatch.setattr("driftmatch.recordings.measured._NUMBERS", numbers)
    recording = dm.Recording.of(
        [X[0], X[1, :5], X[2]], dt=0.1, coordinates=["V", "w"], units=["mV", ""]
    )
    assert dm.Recording.of(recording.to_xarray()) == recording


def test_neurons_of_a_run_must_be_asked_for():
    network = dm.Network(np.eye(5, 2), np.zeros((2, 5)), np.zeros(5))
    run = dm.NetworkTrajectory(T, X, dm.Outcome.SUCCESS, network, 0.1)
    data = run.to_xarray(neurons=True)
    assert dm.Recording.of(data) == dm.Recording.of(run)
    neurons = dm.read_recording(data, columns="neurons")
    np.testing.assert_array_equal(neurons.states, run.neurons.reshape(-1, 5))


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (xr.DataArray(X[0]), {"dt": 0.1}, "and none is called time"),
        (xr.DataArray(X[0, :, 0]), {}, "pass dt, .* got neither"),
        (xr.DataArray(X[0], {"time": T}, ["time", "c"]), {"dt": 1}, "times of its own"),
        (xr.DataArray(X[0] * 1j, {"time": T}, ["time", "c"]), {}, "got complex"),
        (xr.DataArray(np.full(20, "a"), {"time": T}, ["time"]), {}, "must be real numbers"),
        (xr.Dataset({"a": 1.0}, {"time": T}), {}, "it must hold a variable along 'time'"),
        (xr.Dataset(), {}, "the data set has the dimensions"),
    ],
)
def test_what_cannot_be_used_is_refused(data, options, message):
    with pytest.raises(dm.InputError, match=message):
        dm.Recording.of(data, **options)
