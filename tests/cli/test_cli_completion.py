"""What the shell offers: true to what there is, and at once."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from driftmatch.analysis.summary_parts import PARTS
from driftmatch.cli import completion
from driftmatch.cli.completion import models, models_and_systems, parts, recordings, systems
from driftmatch.cli.main import app
from driftmatch.recordings.read import _READERS
from driftmatch.systems import CATALOGUE, flow_names


def test_the_names_are_those_that_there_are():
    assert sorted(completion.SYSTEMS) == sorted(name.replace("_", "-") for name in CATALOGUE)
    assert sorted(completion.PARTS) == sorted(part.replace("_", "-") for part in PARTS)
    assert sorted(_READERS) == sorted(completion.RECORDINGS)
    pytest.importorskip("dysts")
    assert systems("dysts:") == [f"dysts:{name}" for name in flow_names()]


def test_flows_are_offered_where_dysts_is(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert systems("d") == ["dadras", "double-well"]
    assert systems("dysts:") == []


def test_names_and_files(tmp_path):
    for name in (
        "lo.py",
        "lo.safetensors",
        "lo.txt",
        "sub/mine.py",
        "sub/net.safetensors",
        ".l.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert systems("lo") == ["lorenz", "lo.py"]
    assert models("") == ["lo.safetensors", "sub/"]
    assert recordings("lo") == ["lo.txt"]
    assert models_and_systems("sub/") == ["sub/mine.py", "sub/net.safetensors"]
    assert systems(f"{tmp_path}/l") == [f"{tmp_path}/lo.py"]
    assert systems("van_d") == ["van-der-pol"]
    assert parts("grid_") == ["grid-irreversibility"]
    assert systems("gone/") == []


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("embed lor", "lorenz"),
        ("simulate ring", "ring-of-wells"),
        ("compare net.safetensors --target dou", "double-well"),
        ("analyse lorenz --skip sub", "subspace"),
    ],
)
def test_every_command_offers_them(monkeypatch, line, offered):
    words = line.split()
    variables = {"COMP_WORDS": f"driftmatch {line}", "COMP_CWORD": str(len(words))}
    variables["_DRIFTMATCH_COMPLETE"] = "complete_bash"
    result = CliRunner().invoke(app, [], prog_name="driftmatch", env=variables)
    assert result.stdout.split() == [offered]


def test_nothing_heavy_is_loaded_for_it():
    code = """if True:
        import sys
        from driftmatch.cli.completion import models_and_systems
        print(len(models_and_systems("dysts:R")), "jax" in sys.modules, "dysts" in sys.modules)
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.split()[1:] == ["False", "False"], run.stderr
