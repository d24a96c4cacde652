"""A model's file that is not as it was written, or says what no network is, is refused."""

import json

import jax
import numpy as np
import pytest
import safetensors.numpy

import driftmatch as dm
from driftmatch.storage.models import load, read_header, save

RNG = np.random.default_rng(0)
NET = dm.Network(
    RNG.normal(size=(5, 2)),
    RNG.normal(size=(2, 5)),
    RNG.normal(size=5),
    tau=0.3,
    time_scale=0.5,
    private_noise=0.125,
    start=[1.0, 2.0],
    name="fern",
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "net.safetensors"
    save(path, NET, seed=1, report={"drift_error": 1e-3})
    return path


def write(path, text, arrays=None, **metadata):
    """The file with another text for its header."""
    arrays = safetensors.numpy.load_file(path) if arrays is None else arrays
    metadata = {"format": "driftmatch", "header": text} | metadata
    path.write_bytes(safetensors.numpy.save(arrays, metadata))


def as_first_format(path, **changes):
    """The file as the first format had it, without a checksum, and with other values."""
    header = read_header(path) | {"format_version": 1} | changes
    header.pop("sha256", None)
    write(path, json.dumps(header))


def attempt(path):
    """The network, or the refusal."""
    try:
        return load(path)
    except dm.InputError as error:
        return error


def same(a, b):
    if jax.tree.structure(a) != jax.tree.structure(b):
        return False
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in leaves)


def test_of_1000_flipped_bits_none_makes_another_network(path):
    whole = path.read_bytes()
    noticed = 0
    for bit in np.random.default_rng(1).choice(8 * len(whole), 1000, replace=False):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        network = attempt(path)
        if isinstance(network, dm.InputError):
            assert "\n" not in str(network)
            noticed += 1
        else:
            assert same(network, NET), bit
            assert read_header(path)["report"] == {"drift_error": 1e-3}, bit
    assert noticed > 950


def test_nor_does_one_of_those_that_say_what_is_checked(path):
    """Every bit of the version and of the checksum and its name."""
    whole = path.read_bytes()
    for word in (b"format_version", b"sha256", b"driftmatch"):
        start = whole.index(word)
        for bit in range(8 * (start - 4), 8 * (start + len(word) + 80)):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << (bit % 8)
            path.write_bytes(damaged)
            network = attempt(path)
            assert isinstance(network, dm.InputError) or same(network, NET)


def test_swapped_bytes_are_noticed(path):
    arrays = safetensors.numpy.load_file(path)
    metadata = json.loads(path.read_bytes()[8:].split(b"}}")[0] + b"}}")["__metadata__"]
    for change in (
        {"bias": arrays["bias"][::-1]},
        {"readout": arrays["readout"][::-1]},
        {"bias": np.nextafter(arrays["bias"], 9)},
        {"extra": np.ones(2)},
    ):
        path.write_bytes(safetensors.numpy.save(arrays | change, metadata))
        with pytest.raises(dm.InputError, match="does not match its checksum"):
            load(path)


def test_a_file_of_the_first_format_is_read(path):
    as_first_format(path)
    assert same(load(path), NET)
    as_first_format(path, report={"drift_error": float("nan")})  # it wrote them so
    assert same(load(path), NET)


def test_one_of_the_second_without_a_checksum_is_not(path):
    header = read_header(path)
    header.pop("sha256")
    write(path, json.dumps(header))
    with pytest.raises(dm.InputError, match="checksum"):
        load(path)


@pytest.mark.parametrize("field", ["tau", "time_scale", "private_noise"])
@pytest.mark.parametrize(
    "value",
    [-1, "fast", [1.0], {"a": 1}, True, float("nan"), float("inf"), -float("inf"), 10**400, 1e999],
    ids=str,
)
def test_numbers_of_the_header_are_numbers(path, field, value):
    as_first_format(path)
    header = read_header(path) | {field: value}
    write(path, json.dumps(header))
    with pytest.raises(dm.InputError) as error:
        load(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("field", ["tau", "time_scale"])
def test_times_are_positive(path, field):
    as_first_format(path, **{field: 0})
    with pytest.raises(dm.InputError, match=f"{field} must be positive"):
        load(path)


@pytest.mark.parametrize("field", ["name", "activation", "class", "format_version"])
@pytest.mark.parametrize("value", [3.5, None, ["a"], {"a": 1}, True], ids=str)
def test_words_of_the_header_are_words(path, field, value):
    as_first_format(path, **{field: value})
    with pytest.raises(dm.InputError):
        load(path)


@pytest.mark.parametrize("field", ["name", "activation", "class", "tau", "time_scale", "format"])
def test_what_is_missing_is_missed(path, field):
    as_first_format(path)
    header = read_header(path)
    del header[field]
    write(path, json.dumps(header))
    with pytest.raises(dm.InputError):
        load(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
        ('{"format": "driftmatch", "format": "driftmatch"}', "a key comes twice"),
        ('{"format": "driftmatch", "n": ' + "1" * 5000 + "}", "5000 digits"),
        ('{"format": "driftmatch", "format_version": 2, "x": NaN}', "NaN is not a number"),
        ('{"format": "driftmatch", "format_version": 2, "x": -Infinity}', "not a number"),
        ("[1, 2]", "holds no object but a list"),
        ("null", "holds no object"),
        ("{half", "is not JSON"),
        ("", "is not JSON"),
    ],
)
def test_texts_that_are_no_header(path, text, words):
    write(path, text)
    for read in (load, read_header):
        with pytest.raises(dm.InputError, match=words) as error:
            read(path)
        assert "\n" not in str(error.value)


def test_deep_json_in_the_frame_itself(path):
    text = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(dm.InputError, match="truncated or not a safetensors file"):
        load(path)


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.uint8])
def test_weights_are_float64(path, dtype):
    as_first_format(path)
    arrays = safetensors.numpy.load_file(path)
    arrays = arrays | {"bias": arrays["bias"].astype(dtype)}
    write(path, json.dumps(read_header(path)), arrays)
    with pytest.raises(dm.InputError, match="instead of float64"):
        load(path)


def test_weights_are_finite(path):
    as_first_format(path)
    arrays = safetensors.numpy.load_file(path)
    for name in arrays:
        spoilt = arrays | {name: np.full_like(arrays[name], np.nan)}
        write(path, json.dumps(read_header(path)), spoilt)
        with pytest.raises(dm.InputError, match="finite"):
            load(path)
        write(path, json.dumps(read_header(path)), arrays)


@pytest.mark.parametrize("what", [None, 3, 0, 2.5, b"net", "nul\0", [], object(), "", "."])
def test_what_is_no_path(what):
    for read in (load, read_header):
        with pytest.raises(dm.InputError):
            read(what)


def test_what_is_saved_can_be_read(path):
    """Numbers that JSON lacks become null; what would be refused later is refused now."""
    save(path, NET, report={"a": float("nan"), "b": np.array([1.0, np.inf])})
    assert read_header(path)["report"] == {"a": None, "b": [1.0, None]}
    before = path.read_bytes()
    for report in (10**5000, 10**100, {1: 2, "1": 3}):
        with pytest.raises(dm.InputError, match="must consist of JSON values"):
            save(path, NET, report=report)
    assert path.read_bytes() == before
