import os
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
from commands import network, only_json

from driftmatch.cli.export import Framework
from driftmatch.export.files import SCRIPTS
from driftmatch.storage.models import save


def test_the_frameworks_are_those_of_the_library():
    assert get_args(Framework) == SCRIPTS


@pytest.mark.parametrize("framework", SCRIPTS)
def test_a_model_is_exported_into_a_folder(cli, model, framework):
    shown = cli("export", model, "--to", framework).stdout
    assert "12 neurons of rank 2" in shown
    assert sorted(os.listdir(model.with_name(f"net-{framework}"))) == ["run.py", "weights.npz"]


def test_the_program_runs_beside_its_weights(cli, model):
    record = only_json(cli("export", model, "--to", "numpy", "--out", "a/there.npz", "--json"))
    assert record == {
        "model": str(model), "to": "numpy", "weights": "a/there.npz", "program": "a/there.py"
    }  # fmt: skip
    command = [sys.executable, "a/there.py", "--duration", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["z1", "z2"]
    with np.load("a/there.npz") as file:
        assert file["gamma"].shape == (12, 2)


def test_what_is_there_stays_without_force(cli, fails, model):
    cli("export", model, "--to", "numpy", "--out", "net")
    assert "net/weights.npz exists already" in fails("export", model, "--to", "torch", "-o", "net")
    os.remove("net/weights.npz")
    assert "net/run.py exists already" in fails("export", model, "--to", "torch", "-o", "net")
    assert os.listdir("net") == ["run.py"]
    cli("export", model, "--to", "torch", "--out", "net", "--force")
    assert "import torch" in open("net/run.py").read()  # noqa: SIM115


def test_what_cannot_be_exported(fails, rejects, model, tmp_path):
    assert "there is no file nat.safetensors; did you mean" in fails(
        "export", "nat.safetensors", "--to", "numpy"
    )
    assert "--to" in rejects("export", model)
    assert "'matlab'" in rejects("export", model, "--to", "matlab")
    (tmp_path / "file").write_text("")
    assert "--out must be a folder" in fails("export", model, "--to", "numpy", "--out", "file")


def test_names_steer_no_terminal(cli, tmp_path):
    save(tmp_path / "evil.safetensors", network(name="a\x1b[31mb[red]c"))
    shown = cli("export", "evil.safetensors", "--to", "numpy").stdout
    assert "\x1b[31m" not in shown
    assert "[red]c" in shown
