"""Words that were typed wrongly are answered with the right ones, and all can be shown."""

import ast
import inspect
import io
import pickle
from pathlib import Path

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.storage.models import read_header
from driftmatch.words import encodable, printable, spelled

KEY = jax.random.key(0)
SDE = dm.systems.lorenz()


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (lambda: dm.embed(SDE, 64, seed=0), "key"),
        (lambda: dm.embed(SDE, neurons=64, key=KEY), "num_neurons"),
        (lambda: dm.simulate(SDE, T=1.0, dt=0.01, key=KEY), "duration"),
        (lambda: dm.simulate(SDE, duration=1.0, dt=0.01, key=KEY, x0=0.0), "start"),
        (lambda: dm.systems.lorenz(rh=3.0), "rho"),
        (lambda: dm.systems.van_der_pol(sigma=0.1), "noise"),
        (lambda: dm.memory.recall(SDE, trials=3), "num_trials"),
        (lambda: dm.inputs.pulse(1.0, 0.0, ennd=1.0), "end"),
    ],
)
def test_an_unknown_keyword_is_answered_with_what_was_meant(call, meant):
    with pytest.raises(TypeError, match=f"has no argument .* did you mean '{meant}'"):
        call()


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        (lambda: dm.simulte, "simulate"),
        (lambda: dm.lyapunow, "lyapunov"),
        (lambda: dm.systems.lorentz, "lorenz"),
        (lambda: dm.memory.recal, "recall"),
        (lambda: dm.figures.atractor, "attractor"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(read, meant):
    with pytest.raises(AttributeError, match=f"did you mean '{meant}'"):
        read()


def test_names_that_python_asks_for_are_not_guessed():
    with pytest.raises(AttributeError) as raised:
        _ = dm.systems.__wrapped__
    assert "did you mean" not in str(raised.value)
    assert not hasattr(dm, "__path_of_nothing__")


def test_functions_keep_their_signature_and_pickle():
    for function in (dm.embed, dm.systems.lorenz, dm.memory.walk):
        assert "key" in inspect.signature(function).parameters or function is dm.systems.lorenz
        assert function.__doc__
        assert pickle.loads(pickle.dumps(function)) is function


def test_functions_that_take_any_keyword_still_do(tmp_path):
    net = dm.Network(np.ones((4, 1)), np.ones((1, 4)), np.zeros(4))
    dm.save(tmp_path / "net.safetensors", net, seed=3)
    assert read_header(tmp_path / "net.safetensors")["seed"] == 3


def test_known_keywords_pass_and_other_errors_stay():
    @spelled
    def power(base, /, exponent=2):
        return base**exponent

    assert power(3, exponent=3) == 27
    with pytest.raises(TypeError, match="missing 1 required positional"):
        power()
    with pytest.raises(TypeError, match="has no argument 'base'"):  # it has no name to be given by
        power(base=3)


@pytest.mark.parametrize(
    ("text", "spelled_out"),
    [
        ("\u03c3\u00b2/2 \u00b1 0.1", "sigma^2/2 +- 0.1"),
        ("\u0393z\u2081 \u2212 \u2026", "Gammaz1 - ..."),
        ("L\u207b\u00b9\u1d40", "L^-1T"),
        ("\u2713 \u221e \u2016W\u208b\u2016\u00b2", "ok inf ||W-||^2"),
        ("\u00e9\u4e2d.py", "\\xe9\\u4e2d.py"),
        ("\udcff.py", "\\xff.py"),
    ],
)
def test_what_a_terminal_has_no_characters_for_is_spelled_out(text, spelled_out):
    ascii_only = io.TextIOWrapper(io.BytesIO(), "ascii")
    assert encodable(text, ascii_only) == spelled_out
    utf8 = text if "\udcff" not in text else spelled_out
    assert encodable(text, io.TextIOWrapper(io.BytesIO(), "utf-8")) == utf8
    assert encodable(text, io.StringIO()) == utf8


def sentences(tree):
    """The texts in a module, but for its docstrings."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Constant) and not isinstance(node, ast.Expr):
                yield str(child.value)


def test_no_sign_that_is_shown_goes_without_a_name():
    """All of the package's own sentences, tables and equations can be read in ASCII."""
    ascii_only, signs = io.TextIOWrapper(io.BytesIO(), "ascii"), 0
    for path in Path(dm.__file__).parent.rglob("*.py"):
        if path.parent.name != "figures":
            for text in sentences(ast.parse(path.read_text(encoding="utf-8"))):
                own = "".join(c for c in text if not c.isascii() and c.isprintable())
                signs += len(own)
                assert "\\" not in encodable(own, ascii_only), f"{path.name}: {text}"
    assert signs > 50


def test_what_steers_a_terminal_is_left_out():
    assert printable("\x1b[2Ja\tb\u202e\udcff\n") == "[2Ja b\\xff\n"
