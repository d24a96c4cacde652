"""Records in files: every class comes back equal and of use, and what was altered is refused."""

import dataclasses
import importlib
import inspect
import json
import pkgutil

import jax.numpy as jnp
import numpy as np
import pytest
from specimens import MADE, NETWORK, OU, SHORT, of, score_route

import driftmatch as dm
from driftmatch.records import Record
from driftmatch.sampling.angles import OnCircles
from driftmatch.storage.records import CLASSES
from driftmatch.storage.sdes import SavedSDE
from driftmatch.storage.tensors import read, write


@pytest.fixture
def path(tmp_path):
    return tmp_path / "record.safetensors"


def again(path, content):
    dm.save(path, content)
    return dm.load(path)


def records_of(kind=Record):
    for child in kind.__subclasses__():
        yield child
        yield from records_of(child)


def test_every_record_can_be_saved():
    """A class that is new must be in the table, and have a specimen for the tests below."""
    for module in pkgutil.walk_packages(dm.__path__, "driftmatch."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    own = {kind for kind in records_of() if kind.__module__.startswith("driftmatch.")}
    assert own == set(CLASSES.values()) == set(MADE)


@pytest.mark.parametrize("kind", MADE, ids=lambda kind: kind.__name__)
def test_round_trip(kind, path):
    record = of(kind)
    assert type(record) is kind
    loaded = again(path, record)
    assert type(loaded) is kind
    assert loaded == record
    for name in (f.name for f in dataclasses.fields(kind)):
        before, after = getattr(record, name), getattr(loaded, name)
        if isinstance(before, np.ndarray):
            assert after.dtype == before.dtype
            assert after.tobytes() == np.ascontiguousarray(before).tobytes()
            assert after.flags.aligned


FIGURES = {
    "density": lambda: (of(dm.StationaryDensity), dm.figures.stationary),
    "decomposition": lambda: (of(dm.HelmholtzHodge), dm.figures.helmholtz_hodge),
    "by the closed form": lambda: (of(dm.Irreversibility), dm.figures.irreversibility),
    "by the score": lambda: (score_route(), dm.figures.irreversibility),
    "exponents": lambda: (of(dm.LyapunovSpectrum), dm.figures.lyapunov_history),
    "points": lambda: (of(dm.FixedPoints), dm.figures.fixed_points),
    "front": lambda: (of(dm.RobustnessFront), dm.figures.robustness_front),
    "run": lambda: (of(dm.NetworkTrajectory), dm.figures.attractor),
    "landscape": lambda: (of(dm.memory.Landscape), dm.figures.landscape),
    "tilt": lambda: (of(dm.memory.Tilt), dm.figures.tilted_minima),
    "capacity": lambda: (of(dm.memory.Capacity), dm.figures.capacity),
    "dwell": lambda: (of(dm.memory.Dwell), dm.figures.transitions),
    "symmetry": lambda: (
        of(dm.SymmetryDecomposition),
        lambda record: dm.figures.symmetry(record, of(dm.NetworkTrajectory)),
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_loaded_record_can_be_drawn(name, path):
    record, draw = FIGURES[name]()
    assert draw(again(path, record)) is not None


def test_fields_of_the_irreversible_drift_come_back(path):
    record = dm.irreversibility(OU, method=dm.GridRoute(dm.Grid((-4, -4), (4, 4), 16)))
    loaded = again(path, record)
    z = np.array([[0.1, 0.2], [-0.5, 1.0]])
    np.testing.assert_array_equal(loaded.irreversible(z), record.irreversible(z))
    assert loaded.has_fields
    _, arrays = read(path)
    assert sum(name.endswith("density") for name in arrays) == 1, "once, though two records have it"


@pytest.mark.parametrize(
    "make",
    [dm.systems.lorenz, lambda: dm.systems.wells([[1, 1], [-1, -1]], depths=[1.0, 1.5]),
     lambda: dm.systems.ring_of_wells(3, keep_density=True), lambda: NETWORK, NETWORK.neural,
     lambda: OnCircles(dm.systems.lorenz(noise=0.0), 0.5), lambda: of(dm.Inference).sde],
)  # fmt: skip
def test_systems_with_a_name_come_back_whole(make, path):
    sde = make()
    loaded = again(path, dm.Embedding(NETWORK, of(dm.EmbeddingReport), dm.Outcome.SUCCESS, sde))
    assert loaded.target == sde
    z = jnp.full(sde.dim, 0.3)
    np.testing.assert_array_equal(loaded.target.drift(z), sde.drift(z))


def closure(**options):
    return dm.SDE(lambda z: -jnp.sin(z), 0.1, 2, name="mine", start=[[0.0, 1.0], [2.0, 3.0]],
                  time_scale=2.0, lower=[-np.inf, 0.0], **options)  # fmt: skip


def test_functions_are_not_in_files(path):
    """Of an SDE made of functions there is what surrounds them; its drift says what to do."""
    sde = closure(coordinates=("V", "w"), units=("mV", ""))
    record = dataclasses.replace(of(dm.Embedding), target=sde)
    loaded = again(path, record)
    target = loaded.target
    assert isinstance(target, SavedSDE)
    for name in ("name", "dim", "noise_dim", "time_scale", "periodic", "coordinates", "units",
                 "has_constant_diffusion"):  # fmt: skip
        assert getattr(target, name) == getattr(sde, name)
    for name in ("starts", "lower"):
        np.testing.assert_array_equal(getattr(target, name), getattr(sde, name))
    for call in (target.drift, target.diffusion, lambda z: target.noise(z, z)):
        with pytest.raises(dm.InputError, match=r"of mine are code.*dataclasses\.replace"):
            call(jnp.ones(2))
    with pytest.raises(dm.InputError, match="of mine are code"):
        dm.simulate(target, **SHORT)
    assert loaded != record
    assert dataclasses.replace(loaded, target=sde) == record
    assert again(path, loaded) == loaded


def test_a_namesake_of_the_catalogue_is_not_taken_for_it(path):
    sde = dm.SDE(lambda z: -z, 1.0, 3, name="lorenz", parameters=dict(sigma=10.0))
    loaded = again(path, dataclasses.replace(of(dm.Embedding), target=sde))
    assert isinstance(loaded.target, SavedSDE)


def test_angles_come_back(path):
    sde = dm.SDE(lambda z: jnp.ones(1), 0.1, 1, periodic=2.0, coordinates=["phase"])
    record = dataclasses.replace(of(dm.Embedding), target=OnCircles(sde, 1.0))
    points = record.target.laid_out(np.array([[0.2], [1.5]]))
    assert record.target.coordinates == ("cos phase", "sin phase")
    np.testing.assert_allclose(again(path, record).coordinates(points), [[0.2], [1.5]])


def test_what_cannot_be_saved(path, shapes_unchecked):
    class Own(Record):
        value: float

    for content in (OU, 1.0, None, Own(1.0), {"a": 1}):
        with pytest.raises(dm.InputError, match="only a Network or a record"):
            dm.save(path, content)
    odd = dataclasses.replace(of(dm.Irreversibility), _score=lambda z: z)
    with pytest.raises(dm.InputError, match="_score is a function"):
        dm.save(path, odd)
    run = of(dm.Trajectory)
    for change in ({"times": np.arange(41)}, {"states": run.states[:, :-1]}, {"name": 3}):
        with pytest.raises(dm.InputError, match=r"this Trajectory cannot be saved: .* is not "):
            dm.save(path, dataclasses.replace(run, **change))
    with pytest.raises(dm.InputError, match="array of <U1"):
        dm.save(path, dataclasses.replace(of(dm.Trajectory), times=np.array(["a"])))
    assert not path.exists()


def test_the_header_tells_what_it_is(path):
    dm.save(path, of(dm.Scorecard), system="lorenz", seed=3)
    header, _ = read(path)
    assert header["class"] == "Scorecard"
    assert header["driftmatch_version"] == dm.__version__
    assert (header["system"], header["seed"]) == ("lorenz", 3)
    with pytest.raises(dm.InputError, match="has record already"):
        dm.save(path, of(dm.Scorecard), record=1)
    with pytest.raises(dm.InputError, match="exists already"):
        dm.save(path, of(dm.Scorecard), overwrite=False)


def test_every_flipped_byte_and_every_cut_is_noticed(path):
    dm.save(path, of(dm.memory.Regions))
    content = path.read_bytes()
    for place in range(len(content)):
        for bit in (0x01, 0x20):
            altered = bytearray(content)
            altered[place] ^= bit
            path.write_bytes(altered)
            with pytest.raises(dm.InputError, match=str(path)):
                dm.load(path)
    for end in range(0, len(content), 7):
        path.write_bytes(content[:end])
        with pytest.raises(dm.InputError, match=str(path)):
            dm.load(path)


def altered(path, change, record=None):
    """A file with a checksum of its own whose content was changed before."""
    dm.save(path, of(dm.memory.TiltedMinima) if record is None else record)
    header, arrays = read(path)
    fields = {"record": header["record"]}
    change(fields["record"], arrays)
    write(path, header["class"], fields, dict(arrays), {}, overwrite=True)


def put(**changes):
    return lambda fields, arrays: fields.update(changes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda fields, arrays: fields.pop("name"), "has no name"),
        (put(colour="red"), "no TiltedMinima has the field colour"),
        (put(name=3), "name of its TiltedMinima"),
        (put(amplitudes=[1.0]), "amplitudes of its"),
        (put(amplitudes=None), "amplitudes of its"),
        (put(amplitudes={"array": "minima", "dtype": "float64"}), "is not Float"),
        (put(amplitudes={"array": "nothing", "dtype": "float64"}), "no array 'nothing'"),
        (put(amplitudes={"array": "energies", "dtype": "int64"}), "instead of int64"),
        (put(amplitudes={"array": "energies"}), "stands for nothing"),
        (put(name={"record": "Trajectory", "fields": {}}), "its Trajectory has no times"),
        (put(name={"record": "Popen", "fields": {"args": "true"}}), "no record 'Popen'"),
        (put(name={"sde": "Popen", "fields": {}}), "no SDE of class 'Popen'"),
        (put(name={"sde": "Network", "fields": {}}), "has no bias and no gamma"),
        (put(name={"sde": "SDE", "fields": {"name": "lorenz"}}), "not one that driftmatch saved"),
        (put(name={"outcome": "BRILLIANT"}), "stands for nothing"),
        (put(name={"float": "1e3"}), "stands for nothing"),
        (put(name={"tuple": 1}), "stands for nothing"),
        (lambda fields, arrays: arrays.update(energies=arrays["energies"][:, :1]), "is not Float"),
        (lambda fields, arrays: arrays.update(energies=arrays["energies"].astype("f4")), "of type"),
    ],
)  # fmt: skip
def test_fields_are_checked(change, reason, path, shapes_unchecked):
    altered(path, change)
    with pytest.raises(dm.InputError, match=reason) as caught:
        dm.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"record": None}, "stands for nothing"),
        ({"record": {"a": [[[[]]]]}}, "no Scorecard has the field a"),
        ({}, "stands for nothing"),
    ],
)
def test_no_record_at_all(fields, reason, path):
    write(path, "Scorecard", fields, {}, {}, overwrite=True)
    with pytest.raises(dm.InputError, match=reason):
        dm.load(path)


def test_constructors_check_what_is_in_a_file(path):
    """Regions that overlap are refused as they are when they are made."""

    def far(fields, arrays):
        arrays["radii"] = 9 * np.ones(2)

    altered(path, far, of(dm.memory.Regions))
    with pytest.raises(dm.InputError, match=r"cannot be loaded: regions 0 and 1 overlap"):
        dm.load(path)


def test_a_system_is_looked_up_and_no_file_is_run(path, tmp_path):
    script = tmp_path / "evil.py"
    script.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")

    def change(fields, arrays):
        fields["target"]["fields"]["name"] = str(script)

    altered(path, change, of(dm.Embedding))
    with pytest.raises(dm.InputError, match="there is no system"):
        dm.load(path)
    assert not (tmp_path / "ran").exists()


def test_what_a_file_holds_decides(path):
    assert again(path, NETWORK) == NETWORK
    assert isinstance(again(path, of(dm.Grid)), dm.Grid)
    write(path, "Spell", {}, {}, {}, overwrite=True)
    with pytest.raises(dm.InputError, match="holds a 'Spell'"):
        dm.load(path)


def test_the_table_has_the_classes_by_their_names():
    assert all(name == kind.__name__ for name, kind in CLASSES.items())
    for kind in CLASSES.values():  # positional, as loading calls them
        names = [f.name for f in dataclasses.fields(kind)]
        assert len(inspect.signature(kind).parameters) == len(names)


def test_json_of_a_loaded_record_is_that_of_the_record(path):
    record = of(dm.Scorecard)
    assert json.dumps(again(path, record).to_dict()) == json.dumps(record.to_dict())
