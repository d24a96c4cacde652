import errno
import json
import os
from pathlib import Path

import jax
import numpy as np
import pytest
import safetensors.numpy

import driftmatch as dm
from driftmatch.activations import Activation
from driftmatch.storage.models import load, read_header, save


def network(readout_noise=True, **options):
    rng = np.random.default_rng(0)
    noise = dm.SharedNoise(
        rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 9)) if readout_noise else None
    )
    return dm.Network(
        rng.normal(size=(9, 2)),
        rng.normal(size=(2, 9)),
        rng.normal(size=9),
        tau=0.1 + 0.2,
        shared_noise=noise,
        name="fern",
        **options,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


def rewrite(path, arrays=None, **changes):
    """The file with other values in its header, or with other arrays, as the first format had it,
    without a checksum."""
    header = read_header(path) | {"format_version": 1} | changes
    header.pop("sha256", None)
    metadata = {"format": "driftmatch", "header": json.dumps(header)}
    arrays = safetensors.numpy.load_file(path) if arrays is None else arrays
    path.write_bytes(safetensors.numpy.save(arrays, metadata))


@pytest.mark.parametrize(
    "original",
    [
        network(activation="erf", start=[1 / 3, 2.0], time_scale=0.7, private_noise=0.01),
        network(start=[[1 / 3, 2.0], [0.1, 0.2], [4.0, 5.0]]),
        network(readout_noise=False),
    ],
    ids=["everything", "several starts", "little"],
)
def test_comes_back_bit_for_bit(path, original):
    save(path, original)
    again = load(path)
    assert jax.tree.structure(again) == jax.tree.structure(original)  # static fields as well
    for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(original), strict=True):
        assert a.dtype == np.float64
        assert np.array_equal(a, b)


def test_a_file_with_a_single_start_as_it_was_once_written(path):
    save(path, network(start=[1 / 3, 2.0]))
    arrays = safetensors.numpy.load_file(path)
    rewrite(path, arrays | {"start": np.array([1 / 3, 2.0])})
    assert np.array_equal(load(path).starts, [[1 / 3, 2.0]])
    rewrite(path, arrays | {"start": np.array([1 / 3])})
    with pytest.raises(dm.InputError, match=r"start must have shape \(2,\)"):
        load(path)


def test_the_header_tells_where_it_comes_from(path):
    save(
        path,
        network(),
        seed=np.int64(3),
        system="lorenz",
        report={"drift_error": np.float32(0.5), "exponents": np.arange(2.0), "file": Path("a")},
    )
    header = read_header(path)
    assert header["system"] == "lorenz"
    assert header["seed"] == 3
    assert header["report"] == {"drift_error": 0.5, "exponents": [0.0, 1.0], "file": "a"}
    assert header["class"] == "Network"
    assert header["driftmatch_version"] == dm.__version__
    assert header["name"] == "fern"
    assert header["date"].startswith("20")


def test_truncated_anywhere(path):
    save(path, network())
    whole = path.read_bytes()
    for length in (0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        path.write_bytes(whole[:length])
        for read in (load, read_header):
            with pytest.raises(dm.InputError, match="truncated or not a safetensors file"):
                read(path)
    path.write_bytes(whole)
    load(path)


@pytest.mark.parametrize(
    "garbage", [b"hello", bytes(1000), b"\xff" * 1000, b"\x80\x04\x95pickle" * 50]
)
def test_garbage(path, garbage):
    path.write_bytes(garbage)
    with pytest.raises(dm.InputError, match="truncated or not a safetensors file"):
        load(path)


def test_not_there(path, tmp_path):
    for missing in (path, tmp_path):
        with pytest.raises(dm.InputError, match="there is no file"):
            load(missing)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_safetensors_of_others(path, metadata):
    path.write_bytes(safetensors.numpy.save({"weight": np.ones(3)}, metadata))
    with pytest.raises(dm.InputError, match="is not a model of driftmatch"):
        load(path)


def test_newer_version(path):
    save(path, network())
    rewrite(path, format_version=3, driftmatch_version="9.1")
    with pytest.raises(dm.InputError, match=r"written by driftmatch 9.1 in format 3.*upgrade"):
        load(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class": "os.system"}, "holds a 'os.system', and only a Network can be used here"),
        ({"activation": "tanhh"}, "did you mean 'tanh'"),
        ({"tau": -1.0}, "tau must be positive"),
        ({"tau": "fast"}, "is damaged: tau must be positive, got 'fast'"),
    ],
    ids=str,
)
def test_a_header_that_asks_for_the_impossible(path, changes, words):
    save(path, network())
    rewrite(path, **changes)
    with pytest.raises(dm.InputError, match=words):
        load(path)


def test_damaged_content(path):
    save(path, network())
    arrays = safetensors.numpy.load_file(path)
    rewrite(path, {name: a for name, a in arrays.items() if name != "bias"})
    with pytest.raises(dm.InputError, match="is damaged: it has no bias"):
        load(path)
    rewrite(path, arrays | {"bias": np.ones(4)})
    with pytest.raises(dm.InputError, match=r"bias must have shape \(9,\), got \(4,\)"):
        load(path)
    path.write_bytes(safetensors.numpy.save(arrays, {"format": "driftmatch", "header": "{half"}))
    with pytest.raises(dm.InputError, match="damaged header"):
        load(path)


def test_full_disk(path, monkeypatch):
    save(path, network(), seed=1)
    before = path.read_bytes()

    def write_bytes(self, content):
        self.open("wb").write(content[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(dm.ComputationError, match="no space left on device"):
        save(path, network(), seed=2)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_saved(path):
    def square(x):
        return x * x

    own = Activation("square", square, lambda x: (x * x, 2 * x, 2 + 0 * x), False)
    disguised = Activation("tanh", square, own.derivatives, False)
    for activation in (own, disguised):
        with pytest.raises(dm.InputError, match="not one that a file can name; choose one of tanh"):
            save(path, network(activation=activation))
    with pytest.raises(dm.InputError, match="the header has tau already"):
        save(path, network(), tau=1.0)
    with pytest.raises(dm.InputError, match="must consist of JSON values"):
        save(path, network(), report=object())
    assert not path.exists()


def test_names_and_units_of_coordinates_come_back(path):
    net = network()
    words = {"coordinates": tuple("xyzuvw"[: net.dim]), "units": ("mV",) * net.dim}
    named = dm.Network(net.gamma, net.readout, net.bias, **words)
    save(path, named)
    assert load(path) == named
    for change in ({"coordinates": "xy"}, {"coordinates": [1, 2]}, {"units": ["mV"] * 9}):
        save(path, named)
        rewrite(path, **change)
        with pytest.raises(dm.InputError, match="must be"):
            load(path)
