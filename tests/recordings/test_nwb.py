"""Files of Neurodata Without Borders, written by pynwb, read without it."""

import datetime

import h5py
import numpy as np
import pytest

import driftmatch as dm

pynwb = pytest.importorskip("pynwb")

RNG = np.random.default_rng(0)
T = 5.0 + 0.01 * np.arange(100)
X = RNG.normal(size=(100, 3))
LFP = RNG.integers(-1000, 1000, (100, 4)).astype(np.int16)
GAINS = np.array([1.0, 2.0, 1.0, 0.5])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file with one series of each kind."""
    from pynwb import ecephys, ophys

    file = pynwb.NWBFile("test", "id", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    position = pynwb.TimeSeries(name="position", data=X, unit="cm", timestamps=T)
    file.add_acquisition(position)
    file.add_acquisition(pynwb.TimeSeries(name="speed", data=X[:, 0], unit="cm/s", timestamps=T))
    file.add_acquisition(pynwb.TimeSeries(name="late", data=X, unit="cm", timestamps=T + 1))
    for begin in (5.5, 5.1, 5.8):
        file.add_trial(start_time=begin, stop_time=begin + 0.095)
    for begin in (5.5, 5.7):
        file.add_invalid_time_interval(begin, begin + 0.2)
    for begin in (5.5, 5.1):
        file.add_epoch(begin, begin + 0.6)
    device = file.create_device("probe")
    group = file.create_electrode_group("shank", "a", "b", device)
    for _ in range(4):
        file.add_electrode(group=group, location="CA1")
    series = ecephys.ElectricalSeries(
        name="lfp", data=LFP, electrodes=file.create_electrode_table_region([0, 1, 2, 3], "all"),
        starting_time=2.0, rate=200.0, conversion=1e-6, offset=0.5, channel_conversion=GAINS,
    )  # fmt: skip
    module = file.create_processing_module("ecephys", "filtered")
    module.add(ecephys.LFP(electrical_series=series))
    plane = file.create_imaging_plane(
        name="plane", optical_channel=ophys.OpticalChannel(
            name="green", description="g", emission_lambda=500.0
        ),
        description="a", device=device, excitation_lambda=600.0, indicator="GCaMP", location="V1",
    )  # fmt: skip
    segmentation = ophys.ImageSegmentation()
    cells = segmentation.create_plane_segmentation("cells", plane, "cells")
    for _ in range(3):
        cells.add_roi(image_mask=np.ones((2, 2)))
    imaging = file.create_processing_module("ophys", "cells")
    imaging.add(segmentation)
    imaging.add(
        ophys.Fluorescence(
            roi_response_series=ophys.RoiResponseSeries(
                name="dff", data=X, rois=cells.create_roi_table_region("all", region=[0, 1, 2]),
                unit="n.a.", timestamps=position,
            )
        )
    )  # fmt: skip
    path = tmp_path_factory.mktemp("nwb") / "session.nwb"
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(file)
    return path


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("numbers", [7, 2**21])
@pytest.mark.parametrize(
    ("series", "states", "times", "coordinates", "units"),
    [
        ("speed", X[:, :1], T, ("speed",), ("cm/s",)),
        ("position", X, T, ("position 1", "position 2", "position 3"), ("cm",) * 3),
        ("acquisition/position", X, T, ("position 1", "position 2", "position 3"), ("cm",) * 3),
        ("lfp", LFP * 1e-6 * GAINS + 0.5, 2 + np.arange(100) / 200,
         ("lfp 1", "lfp 2", "lfp 3", "lfp 4"), ("volts",) * 4),
        ("dff", X, T, ("dff 1", "dff 2", "dff 3"), None),
        (["speed", "dff"], np.column_stack([X[:, 0], X]), T, ("speed", "dff 1", "dff 2", "dff 3"),
         ("cm/s", "", "", "")),
    ],
)  # fmt: skip
def test_series(path, series, states, times, coordinates, units, numbers, in_memory, monkeypatch):
    monkeypatch.setattr("driftmatch.recordings.measured._NUMBERS", numbers)
    recording = dm.read_recording(path, columns=series, in_memory=in_memory)
    np.testing.assert_allclose(recording.states, states, rtol=1e-14)
    np.testing.assert_allclose(recording.times, times)
    assert (recording.coordinates, recording.units) == (coordinates, units)
    assert recording.name == "session"


@pytest.mark.parametrize("numbers", [7, 2**21])
def test_trials_are_segments(path, numbers, monkeypatch):
    monkeypatch.setattr("driftmatch.recordings.measured._NUMBERS", numbers)
    recording = dm.read_recording(path, columns="position", segment="trials")
    assert recording.num_segments == 3
    for (times, states), first in zip(recording.segments, [10, 50, 80], strict=True):
        np.testing.assert_allclose(times, T[first : first + 10])
        np.testing.assert_array_equal(states, X[first : first + 10])


def test_trials_without_a_break(path):
    recording = dm.read_recording(path, columns="speed", segment="invalid_times")
    np.testing.assert_array_equal(recording.starts, [0, 20])
    np.testing.assert_array_equal(recording.states[:, 0], X[50:91, 0])


def test_as_pynwb_reads_it(path):
    with pynwb.NWBHDF5IO(path, "r") as io:
        series = io.read().processing["ecephys"]["LFP"]["lfp"]
        data = series.get_data_in_units()
        recording = dm.read_recording(path, columns="lfp")
        np.testing.assert_allclose(recording.states, data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "holds several time series, acquisition/late, .*: name those to read with columns="),
        ({"columns": "lpf"}, "session.nwb has no time series 'lpf'; did you mean 'lfp'"),
        ({"columns": ["speed", "late"]}, "speed, late of session.nwb were not taken at the same"),
        ({"columns": ["speed", "lfp"]}, "not taken at the same times: read them one by one"),
        ({"columns": "speed", "time": "t"}, "times of every series in it: leave out time"),
        ({"columns": "speed", "segment": "trial"}, "no table of intervals 'trial'; did you mean"),
        ({"columns": "speed", "segment": "epochs"}, "'epochs' of session.nwb must not overlap"),
        ({"columns": "speed", "dt": 0.1}, "session has times of its own: leave out dt"),
    ],
)
def test_what_cannot_be_used_is_refused(path, options, message):
    with pytest.raises(dm.InputError, match=message):
        dm.read_recording(path, **options)


def test_a_file_without_series(tmp_path):
    with h5py.File(tmp_path / "a.nwb", "w") as file:
        file["acquisition/images/data"] = np.ones((3, 4, 4))
    with pytest.raises(dm.InputError, match=r"a.nwb is empty: it must hold a time series"):
        dm.read_recording(tmp_path / "a.nwb")


def test_other_files_are_not_opened(path, tmp_path):
    with h5py.File(tmp_path / "a.nwb", "w") as file:
        file["acquisition/speed"] = h5py.ExternalLink(str(path), "acquisition/speed")
    with pytest.raises(dm.InputError, match=r"acquisition/speed lies in another file"):
        dm.read_recording(tmp_path / "a.nwb")
