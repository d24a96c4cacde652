"""The command line in one process, with small networks in place of long computations."""

from dataclasses import replace

import pytest
from commands import CARD, REPORT, USER_FILE, network
from typer.testing import CliRunner

import driftmatch as dm
from driftmatch.cli.main import app
from driftmatch.embedding.embed import Embedding
from driftmatch.storage.models import save


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("DRIFTMATCH_TRACEBACK", raising=False)


@pytest.fixture
def cli():
    """Runs a command line and returns the result, with `.json` for what it printed."""

    def run(*arguments, code=0):
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def fails(cli):
    """Runs a command line that must fail: returns its error, one line, and nothing on stdout."""

    def run(*arguments, code=2):
        result = cli(*arguments, code=code)
        assert result.stdout == ""
        line = result.stderr.removesuffix("\n")
        assert line.startswith("error: "), result.stderr
        assert "\n" not in line
        return line.removeprefix("error: ")

    return run


@pytest.fixture
def rejects(cli):
    """Runs a command line that Typer itself must refuse: returns its message."""

    def run(*arguments):
        result = cli(*arguments, code=2)
        assert result.stdout == ""
        assert "Usage:" in result.stderr
        return " ".join(result.stderr.replace("│", " ").split())

    return run


@pytest.fixture
def user_file(tmp_path):
    path = tmp_path / "my_model.py"
    path.write_text(USER_FILE)
    return path


@pytest.fixture
def model(tmp_path):
    """A saved network that says that it embeds van der Pol's oscillator with other parameters."""
    path = tmp_path / "net.safetensors"
    target = {"system": "van-der-pol", "noise": 0.2, "parameters": {"mu": 2.0}}
    save(path, network(), target=target)
    return path


@pytest.fixture
def embedded(monkeypatch):
    """`embed` replaced by a record of its calls."""
    calls = []

    def embed(sde, num_neurons, **options):
        calls.append({"sde": sde, "num_neurons": num_neurons} | options)
        net = network(num_neurons or 64, sde.dim, name=sde.name)
        return Embedding(net, replace(REPORT), dm.Outcome.MORE_NEURONS, sde)

    monkeypatch.setattr("driftmatch.embedding.embed.embed", embed)
    return calls


@pytest.fixture
def judged(monkeypatch):
    """`compare` replaced by a record of its calls."""
    calls = []

    def compare(sde, network, **options):
        calls.append({"sde": sde, "network": network} | options)
        return CARD

    monkeypatch.setattr("driftmatch.analysis.compare.compare", compare)
    return calls
