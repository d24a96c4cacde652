"""Weights and programs on the disk, which need driftmatch no more."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from networks import installed, network, path

import driftmatch as dm
from driftmatch.export.files import SCRIPTS

MINE = dm.Activation("mine", lambda x: x, lambda x: (x, x, x), False)


def run(script: Path, *options: object) -> list[str]:
    """The lines that a program prints, in a process that cannot import driftmatch."""
    (script.parent / "driftmatch.py").write_text("raise ImportError('not here')")
    command = [sys.executable, str(script), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("noise", ["none", "multiplicative", "private"])
def test_the_weights_are_those_of_the_network(tmp_path, noise):
    net = network(noise=noise)
    dm.export.numpy(tmp_path / "net.npz", net)
    with np.load(tmp_path / "net.npz", allow_pickle=False) as file:
        w = dict(file)
    for name in ("gamma", "readout", "bias"):
        assert np.array_equal(w[name], getattr(net, name))
    assert np.array_equal(w["noise_constant"], net.shared_noise.constant)
    assert ("noise_readout" in w) == (noise == "multiplicative")
    assert w["tau"] == net.tau
    assert w["private_noise"] == net.private_noise
    assert str(w["activation"]) == "tanh"
    assert w["coordinates"].tolist() == ["u", "v"]
    assert np.array_equal(w["start"], net.starts)
    assert not any(array.dtype == object for array in w.values())


@pytest.mark.parametrize("framework", SCRIPTS)
def test_the_program_runs_the_network(tmp_path, framework):
    """Without noise its last state is ours, to all twelve digits that it prints."""
    installed(framework)
    net = network()
    dm.export.numpy(tmp_path / "net.npz", net)
    dm.export.script(tmp_path / "go.py", framework, weights="net.npz")
    lines = run(tmp_path / "go.py", "--duration", 2.0, "--dt", 0.01)
    dt, steps = (0.5 * -np.expm1(-0.01 / 0.5), 199) if framework == "nengo" else (0.01, 200)
    z = net.project(path(net, dt, steps)[0])
    assert len(lines) == 2
    for j, line in enumerate(lines):
        name, _, mean, _, _, deviation, _, last = line.split()
        assert name == f"z{j + 1}"
        assert float(last) == pytest.approx(z[-1, j], rel=1e-9)
        assert float(mean) == pytest.approx(z[:, j].mean(), rel=1e-4)
        assert float(deviation) == pytest.approx(z[:, j].std(), rel=1e-4)


@pytest.mark.parametrize("framework", SCRIPTS)
def test_the_program_makes_noise_by_its_seed(tmp_path, framework):
    installed(framework)
    dm.export.numpy(tmp_path / "weights.npz", network(noise="private"))
    dm.export.script(tmp_path / "run.py", framework)
    options = ("--duration", 0.5, "--dt", 0.01, "--seed")
    first, again, other = (run(tmp_path / "run.py", *options, seed) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("framework", SCRIPTS)
def test_the_program_needs_its_framework_alone(tmp_path, framework):
    dm.export.script(tmp_path / "run.py", framework)
    tree = ast.parse((tmp_path / "run.py").read_text())
    roots = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else
                     [alias.name for alias in node.names])
    }  # fmt: skip
    assert roots - set(sys.stdlib_module_names) == {"numpy", framework}


def test_what_is_there_can_be_kept(tmp_path):
    dm.export.numpy(tmp_path / "net.npz", network())
    dm.export.script(tmp_path / "run.py", "numpy")
    before = (tmp_path / "net.npz").read_bytes()
    with pytest.raises(dm.InputError, match="exists already"):
        dm.export.numpy(tmp_path / "net.npz", network(seed=1), overwrite=False)
    with pytest.raises(dm.InputError, match="exists already"):
        dm.export.script(tmp_path / "run.py", "torch", overwrite=False)
    assert (tmp_path / "net.npz").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["net.npz", "run.py"]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: dm.export.numpy("net.txt", network()), r"path must end in \.npz"),
        (lambda: dm.export.numpy("net.npz", dm.systems.lorenz()), "network must be a Network"),
        (lambda: dm.export.numpy("net.npz", network(MINE)), "'mine' is not one"),
        (lambda: dm.export.script("run.txt", "torch"), r"path must end in \.py"),
        (lambda: dm.export.script("run.py", "torhc"), "did you mean 'torch'"),
        (lambda: dm.export.script("run.py", "torch", weights="a/b.npz"), "in the same folder"),
    ],
)
def test_what_cannot_be_written_is_refused(call, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dm.InputError, match=sentence):
        call()
    assert os.listdir(tmp_path) == []


def test_a_strange_name_stays_a_name(tmp_path):
    """And is no part of the program."""
    name = '")+print("x.npz'
    dm.export.script(tmp_path / "run.py", "numpy", weights=name)
    tree = ast.parse((tmp_path / "run.py").read_text())
    assert [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value == name]
