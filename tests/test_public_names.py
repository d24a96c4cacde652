"""The public names: all there, each where it says, and none imported before it is asked for."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import driftmatch as dm


@pytest.mark.parametrize("name", dm.__all__)
def test_every_public_name_is_there(name):
    assert getattr(dm, name) is not None
    assert name in dir(dm)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(dm.__file__).read_text())
    imported = {a.asname for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    assert imported - {None} == set(dm.__all__)


def test_importing_the_package_does_not_load_jax():
    code = "import driftmatch, sys; print('jax' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'imbed'"):
        dm.imbed  # noqa: B018
