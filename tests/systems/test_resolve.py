import os
import sys
import textwrap
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.systems import resolve
from driftmatch.systems.resolve import resolve_name


@pytest.fixture
def write(tmp_path):
    def write(text, name="my_model.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return write


MODEL = """
    import jax.numpy as jnp
    import driftmatch as dm

    sde = dm.SDE(lambda x: -x, 0.5, dim=1, name="first")
    other = dm.SDE(lambda x: -2 * x, 0.5, dim=2, name="second")
    number = 3

    def make(rate=1.0, noise=0.2):
        return dm.SDE(lambda x: -rate * x, noise, dim=1, parameters={"rate": rate, "noise": noise})

    def needy(rate):
        return make(rate)

    def wrong():
        return 3
"""


@pytest.mark.parametrize("spec", ["limit-cycle", "limit_cycle", "Limit-Cycle", " LIMIT_CYCLE "])
def test_catalogue_names(spec):
    assert resolve(spec).name == "limit_cycle"


def test_catalogue_noise_and_parameters():
    assert dict(resolve("lorenz", 0.25, {"rho": 20}).parameters) == {
        "sigma": 10.0, "rho": 20.0, "beta": 8 / 3, "noise": 0.25,
    }  # fmt: skip
    assert dict(resolve("lorenz", 0).parameters)["noise"] == 0
    assert resolve("ornstein-uhlenbeck", parameters={"B": [[1, 0], [0, 2]], "D": 2}).dim == 2
    settings = {"centres": [[0, 0, 0], [3, 0, 0]], "depths": [1, 2]}
    assert resolve("wells", 0.3, settings).starts.shape == (2, 3)
    ring = resolve("ring-of-wells", parameters={"num_wells": 4, "keep_density": True})
    assert ring.starts.shape == (4, 2)


def test_dysts_names():
    pytest.importorskip("dysts")
    sde = resolve("dysts:rossler", 0.1, {"c": 4.0})
    assert sde.name == "dysts:Rossler"
    assert resolve(sde.name).name == sde.name
    assert dict(sde.parameters)["noise"] == 0.1


def test_files(write):
    path = write(MODEL)
    assert resolve(path).name == "first"
    assert resolve(f"{path}:other").name == "second"
    assert dict(resolve(f"{path}:make").parameters) == {"rate": 1.0, "noise": 0.2}
    assert dict(resolve(f"{path}:make", 0.3, {"rate": 2}).parameters) == {"rate": 2, "noise": 0.3}
    assert dict(resolve(f"{path}:needy", parameters={"rate": 4}).parameters)["rate"] == 4


def test_the_only_sde_of_a_file(write):
    path = write("import driftmatch as dm\nmodel = dm.SDE(lambda x: -x, 0.5, dim=1, name='only')")
    assert resolve(path).name == "only"


def test_a_file_may_import_its_neighbours_and_define_classes(write):
    write("def drift(x):\n    return -x\n", "neighbour_of_my_model.py")
    path = write("""
        from dataclasses import dataclass
        import driftmatch as dm
        from neighbour_of_my_model import drift

        @dataclass
        class Rates:
            rate: float = 1.0

        class Mine(dm.AbstractSDE):
            dim: int = 1
            noise_dim: int = 1

            def drift(self, z):
                return drift(z)

            def diffusion(self, z):
                return 0.1 * z[:, None]

        sde = Mine()
    """)
    sde = resolve(path)
    np.testing.assert_array_equal(sde.drift(jnp.array([2.0])), [-2.0])
    assert resolve(f"{path}:Mine").dim == 1


def test_a_relative_path_and_odd_names(write, monkeypatch, tmp_path):
    write(MODEL, "my odd-name.v2.py")
    monkeypatch.chdir(tmp_path)
    assert resolve("my odd-name.v2.py:sde").name == "first"


@pytest.mark.parametrize(
    ("attribute", "sentence"),
    [
        ("othr", r"my_model\.py has no attribute 'othr'; did you mean 'other'\?"),
        ("qqq", r"has no attribute 'qqq'; choose one of make, needy, other, sde, wrong"),
        ("number", r"number of my_model\.py is no SDE but something of type int: use"),
        ("wrong", r"wrong\(\) of my_model\.py returned no SDE but something of type int"),
        ("needy", r"needy of my_model\.py must be an SDE, or a function .* but it needs rate"),
        ("jnp", r"jnp of my_model\.py is no SDE but something of type module"),
    ],
)
def test_bad_attributes(write, attribute, sentence):
    with pytest.raises(dm.InputError, match=sentence):
        resolve(f"{write(MODEL)}:{attribute}")


def test_what_is_made_cannot_be_set(write):
    path = write(MODEL)
    with pytest.raises(dm.InputError, match=r"already made, so noise cannot be set .* in the file"):
        resolve(f"{path}:sde", 0.1)
    with pytest.raises(dm.InputError, match="so mu and noise cannot be set"):
        resolve(path, 0.1, {"mu": 2})
    with pytest.raises(dm.InputError, match="has no parameter 'rat'; did you mean 'rate'"):
        resolve(f"{path}:make", parameters={"rat": 2})
    with pytest.raises(dm.InputError, match="has no parameter 'noise'; it has none"):
        resolve(f"{path}:wrong", 0.1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1\ny = x / 0\n", r"line 2: ZeroDivisionError: division by zero"),
        ("def f(:\n", r"line 1: SyntaxError: "),
        ("import driftmatc\n", r"line 1: ModuleNotFoundError: No module named 'driftmatc'"),
        ("import sys\n\nsys.exit(3)\n", r"line 3: it ends the program \(exit status 3\)"),
        ("import os\nos._exit(0)\n", r"line 2: it ends the program \(exit status 0\)"),
        ("import os\n\ndef sde():\n    os._exit(4)\n", r"line 4: it ends the program"),
        (
            "import os\nimport driftmatch as dm\nsde = dm.SDE(lambda x: os._exit(0), 1.0, dim=2)\n",
            r"line 3: it ends the program",
        ),
        (
            "import driftmatch as dm\nsde = dm.SDE(lambda x: x[:1], 1.0, dim=2)\n",
            r"line 2: the drift must return shape \(2,\)",
        ),
        ("x = 1\n", r"defines no SDE: add a line such as sde = driftmatch\.SDE"),
        (
            "import driftmatch as dm\na = dm.systems.lorenz()\nb = dm.systems.dadras()\n",
            r"defines 2 SDEs \(a, b\): name one, as in my_model\.py:a",
        ),
        ("def sde():\n    return [][0]\n", r"line 2: IndexError: list index out of range"),
    ],
)
def test_bad_files(write, text, sentence):
    path = write(text)
    with pytest.raises(dm.InputError, match=sentence) as raised:
        resolve(path)
    assert "my_model.py" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["x = 1\ny = x / 0\n", "x = 1\ndef f(:\n"])
def test_the_line_is_known_however_the_file_is_named(write, text, monkeypatch):
    folder = Path(write(text)).parent
    (folder / "sub").mkdir()
    (folder / "link.py").symlink_to("my_model.py")
    monkeypatch.chdir(folder)
    for name in ("my_model.py", "./sub/../my_model.py:sde", "link.py"):
        with pytest.raises(dm.InputError, match=r"\w\.py, line 2: "):
            resolve(name)
    monkeypatch.chdir(folder / "sub")
    with pytest.raises(dm.InputError, match=r"^\.\./my_model\.py, line 2: "):
        resolve("../my_model.py")


def test_exits_are_exits_again_afterwards(write):
    before = os._exit
    with pytest.raises(dm.InputError, match="it ends the program"):
        resolve(write("import os\nos._exit(3)\n"))
    assert os._exit is before


def test_a_failing_file_leaves_the_import_path_alone(write):
    before = list(sys.path)
    with pytest.raises(dm.InputError):
        resolve(write("1 / 0"))
    assert sys.path == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("lorentz",), "there is no system 'lorentz'; did you mean 'lorenz'?"),
        (("xyz",), "there is no system 'xyz'; choose one of dadras, double_well"),
        (("",), "a system is named by text such as 'lorenz'.* got ''"),
        ((3,), "a system is named by text"),
        (("nowhere.py:sde",), "there is no file nowhere.py"),
        (("nowhere.py",), "there is no file nowhere.py"),
        (("lorenz", -1), "noise must not be negative, got -1"),
        (("lorenz", None, {"roh": 2}), "lorenz has no parameter 'roh'; did you mean 'rho'?"),
        (("ornstein-uhlenbeck", 0.3), "has no parameter 'noise'; choose one of B, D"),
        (("dysts:Roessler",), "did you mean 'Rossler'?"),
        (("rossler",), "there is no system 'rossler'; did you mean 'dysts:Rossler'?"),
    ],
)
def test_bad_names(arguments, sentence):
    pytest.importorskip("dysts")
    with pytest.raises(dm.InputError, match=sentence):
        resolve(*arguments)


def test_names_alone_run_no_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    for spec in (str(path), f"{path}:sde"):
        with pytest.raises(dm.InputError, match="there is no system"):
            resolve_name(spec)
    assert not (tmp_path / "ran").exists()
    assert resolve_name("Limit-Cycle", 0.5).name == "limit_cycle"
