"""What users pass is checked at the door: nonsense becomes one sentence, at once."""

import inspect
import time
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from argument_rows import EXEMPT, ROWS

import driftmatch as dm
from driftmatch import arguments, export, inputs, memory, systems

SECONDS = 5.0  # that a single refusal may take on a busy machine: a simulation takes longer


def public_callables() -> dict[str, object]:
    """All that is exported and takes arguments, but for figures, which draw records."""
    found = {}
    for prefix, module, names in (
        ("", dm, [name for name in dm.__all__ if name not in ("figures", "__version__")]),
        ("export.", export, export.__all__),
        ("memory.", memory, memory.__all__),
        ("systems.", systems, systems.__all__),
        ("inputs.", inputs, ["pulse", "pulses", "ramp", "step"]),
    ):
        for name in names:
            value = getattr(module, name)
            if isinstance(value, types.ModuleType) or not callable(value):
                continue
            found[prefix + name] = value
            if inspect.isclass(value) and not issubclass(value, Exception):
                found |= {f"{prefix}{name}.{method}": f for method, f in methods(value).items()}
    return {name: value for name, value in found.items() if has_parameters(value)}


def methods(of: type) -> dict[str, object]:
    return {
        name: getattr(of, name)
        for each in of.__mro__
        if each.__module__.startswith("driftmatch")
        for name, value in vars(each).items()
        if isinstance(value, types.FunctionType | classmethod)
        and (not name.startswith("_") or name in ("__call__", "__getitem__"))
        and list(inspect.signature(getattr(of, name)).parameters) not in (["self"], [])
    }


def has_parameters(value) -> bool:
    try:
        return bool(inspect.signature(value).parameters)
    except ValueError:
        return True


def parameters_of(row) -> set[str]:
    return set(inspect.signature(row.call).parameters)


CASES = [
    pytest.param(row, parameter, id=f"{name}-{parameter}")
    for name, row in ROWS.items()
    for parameter in row.refuses
]


def test_every_public_callable_is_in_the_table():
    named = set(public_callables())
    known = set(ROWS) | set(EXEMPT)
    assert not named - known, "give these a row, or exempt them with a reason"
    assert not {name for name in ROWS if parameters_of(ROWS[name])} - named, "there is no such name"
    assert not set(ROWS) & set(EXEMPT)


@pytest.mark.parametrize("name", ROWS)
def test_every_parameter_is_in_its_row(name):
    row = ROWS[name]
    assert parameters_of(row) == set(row.refuses) | set(row.exempt)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.runs])
def test_the_right_call_is_accepted(name):
    ROWS[name].call(**ROWS[name].right)


@pytest.mark.parametrize(("row", "parameter"), CASES)
def test_nonsense_is_refused_in_a_sentence(row, parameter, monkeypatch):
    def integrate(*_, **__):
        raise AssertionError("simulated before the arguments were checked")

    monkeypatch.setattr("driftmatch.simulation.simulate.integrate", integrate)
    for bad in row.refuses[parameter]:
        began = time.perf_counter()
        with pytest.raises(dm.InputError) as caught:
            pytest.fail(f"{bad!r} gave {row.call(**{**row.right, parameter: bad})!r:.200}")
        sentence = str(caught.value)
        assert sentence
        assert "\n" not in sentence
        assert len(sentence) < 400
        assert time.perf_counter() - began < SECONDS


@pytest.mark.parametrize(
    "two",
    [2, 2.0, np.int64(2), np.float32(2), np.float64(2), np.array(2.0), np.array(2), jnp.array(2.0)],
)
def test_numbers_of_any_kind_are_numbers(two):
    for check in (arguments.check_number, arguments.check_positive, arguments.check_non_negative):
        value = check("it", two)
        assert type(value) is float
        assert value == 2
    assert dm.Network(np.eye(3, 2), np.eye(2, 3), np.zeros(3), tau=two).tau == 2
    if not isinstance(arguments.as_scalar(two), float):
        assert type(arguments.check_count("it", two)) is int


def test_flags_and_fractions():
    assert arguments.check_flag("it", np.True_) is True
    assert arguments.check_fraction("it", 1) == 1
    assert arguments.check_index("it", np.int8(3), 4) == 3


@pytest.mark.parametrize("make", [jax.random.key, jax.random.PRNGKey])
def test_keys_of_either_kind(make):
    key = arguments.check_key(make(0))
    assert jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    assert key.shape == ()


def test_a_seed_is_no_key_and_is_told_how_to_become_one():
    for seed in (3, np.int64(3)):
        with pytest.raises(dm.InputError, match=r"got 3: pass jax\.random\.key\(3\)"):
            arguments.check_key(seed)
    with pytest.raises(dm.InputError, match="got bool"):
        arguments.check_key(True)
    with pytest.raises(dm.InputError, match="dt must be a number"):
        arguments.check_number("dt", jax.random.key(0))


def test_arrays_of_many_shapes():
    check = arguments.check_array
    assert check("it", [[1, 2]], (2,), ("A", 2)).shape == (1, 2)
    assert check("it", jnp.ones(2), (..., 2)).dtype == np.float64
    assert check("it", 3, ()).shape == ()
    assert np.isnan(check("it", [np.nan], finite=False)).all()
    assert check("it", np.ones((0, 2)), (..., 2), empty=True).shape == (0, 2)
    with pytest.raises(dm.InputError, match=r"must be a number or have shape \(2,\), got \(3,\)"):
        check("it", np.ones(3), (), (2,))
    with pytest.raises(dm.InputError, match=r"it must be finite, got \[0\.0, inf\]"):
        check("it", [0, np.inf])


def test_what_was_given_is_shown_briefly():
    assert arguments.shown(np.float64(0.5)) == "0.5"
    assert arguments.shown(np.ones((3, 3))) == "an array of shape (3, 3)"
    assert arguments.shown(object()) == "object"
    assert len(arguments.shown(list(range(999)))) == 80
