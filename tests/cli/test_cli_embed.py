import errno
import json
import os
import shlex

import numpy as np
import pytest
from commands import REPORT, network, only_json

import driftmatch as dm
from driftmatch.cli.embed import ActivationName, Method
from driftmatch.embedding.embed import Embedding
from driftmatch.errors import ComputationError
from driftmatch.outcomes import Outcome
from driftmatch.storage.models import load, read_header

KEYS = (
    "system neurons latent_dim method seed seconds drift_error noisy_drift_error local_error "
    "diffusion_error outcome model"
)


def test_json_has_the_keys_that_programs_rely_on(cli, embedded):
    record = only_json(cli("embed", "lorenz", "--json", "--seed", 7, "--method", "backprop"))
    assert set(record) >= set(KEYS.split())
    assert {name: record[name] for name in REPORT.to_dict()} == REPORT.to_dict()
    assert (record["reason"], record["closed_loop"]) == (None, None)
    assert record["system"] == "lorenz"
    assert (record["neurons"], record["latent_dim"], record["seed"]) == (512, 3, 7)
    assert record["method"] == "backprop"
    assert record["drift_error"] == REPORT.drift_error
    assert record["diffusion_error"] is None  # it was NaN
    assert record["outcome"] == "the drift error is above 10 %: use more neurons"
    assert load(record["model"]).num_neurons == 512


def test_people_are_told_how_good_it_is_and_what_to_do_next(cli, embedded):
    shown = cli("embed", "van-der-pol", "--out", "net.safetensors").stdout
    assert "van-der-pol in 128 neurons, 2 latent dimensions" in shown
    assert "0.10 %" in shown
    assert "the drift error is above 10 %: use more neurons" in shown
    assert "driftmatch compare net.safetensors" in shown


def test_an_error_stands_for_a_number_of_neurons(cli, embedded):
    cli("embed", "van_der_pol", "--error", 0.02)
    (call,) = embedded
    assert (call["num_neurons"], call["error"]) == (None, 0.02)


def test_the_smallest_that_will_do(cli, embedded):
    cli("embed", "van_der_pol", "--neurons", "auto")
    cli("embed", "van_der_pol", "--neurons", "auto", "--error", 0.02, "--out", "other.safetensors")
    assert [(c["num_neurons"], c["error"]) for c in embedded] == [(None, 0.01), (None, 0.02)]


def test_connectivity_arrives(cli, embedded):
    choices = [], ["--dale", 0.7], ["--in-degree", 50, "--dale", 0.8], ["--symmetric"]
    for number, options in enumerate(choices):
        cli("embed", "van_der_pol", *options, "--out", f"{number}.safetensors")
    free, dale, sparse, symmetric = (call["connectivity"] for call in embedded)
    assert (free, dale, symmetric) == (None, dm.Dale(0.7), dm.Symmetric())
    assert (sparse.in_degree, sparse.excitatory) == (50, 0.8)


def test_options_arrive(cli, embedded):
    import jax

    cli(
        "embed", "van_der_pol", "--neurons", 20, "--tau", 0.25, "--activation", "erf",
        "--private-noise", 0, "--method", "least-squares", "--noise", 0.5, "--set", "mu=3",
        "--seed", 5,
    )  # fmt: skip
    (call,) = embedded
    assert call["num_neurons"] == 20
    assert (call["tau"], call["activation"], call["method"]) == (0.25, "erf", "least-squares")
    assert call["private_noise"] == 0
    assert dict(call["sde"].parameters) == {"mu": 3.0, "noise": 0.5}
    assert np.array_equal(jax.random.key_data(call["key"]), jax.random.key_data(jax.random.key(5)))


@pytest.mark.parametrize(
    ("system", "neurons", "file"),
    [
        ("double-well", 64, "double_well"),
        ("Van-der-Pol", 128, "Van_der_Pol"),
        ("dadras", 512, "dadras"),
        ("my_model.py:sde", 128, "my_model"),
        ("my_model.py", 128, "my_model"),
    ],
)
def test_defaults_depend_on_the_system(cli, embedded, user_file, system, neurons, file):
    record = only_json(cli("embed", system, "--json"))
    assert record["neurons"] == neurons
    assert record["model"] == f"{file}.safetensors"


def test_the_file_says_how_it_was_made(cli, embedded, user_file):
    cli("embed", "my_model.py:make", "--noise", 0.3, "--set", "rate=2", "--seed", 3)
    header = read_header("my_model.safetensors")
    assert header["target"] == {
        "system": "my_model.py:make",
        "noise": 0.3,
        "parameters": {"rate": 2},
    }
    assert (header["method"], header["seed"]) == ("refined", 3)
    assert header["report"]["tau"] == REPORT.tau


def test_what_a_users_file_prints_stays_off_standard_output(cli, embedded, user_file):
    user_file.write_text("print('hello from the file')\n" + user_file.read_text())
    result = cli("embed", "my_model.py", "--json")
    only_json(result)
    assert "hello from the file" in result.stderr


@pytest.mark.slow
def test_a_real_network_end_to_end(cli):
    arguments = (
        "embed",
        "ornstein-uhlenbeck",
        "--neurons",
        24,
        "--method",
        "least-squares",
        "--json",
    )
    record = only_json(cli(*arguments))
    again = only_json(cli(*arguments, "--out", "again.safetensors"))
    assert record["drift_error"] < 0.1
    assert record["drift_error"] == again["drift_error"]
    assert np.array_equal(load(record["model"]).gamma, load(again["model"]).gamma)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lorens"], "did you mean 'lorenz'?"),
        (["dysts:Rosler"], "did you mean 'Rossler'?"),
        (["missing.py:sde"], "there is no file missing.py"),
        (["my_model.py:sdee"], "did you mean 'sde'?"),
        (["lorenz", "--set", "rh=28"], "did you mean 'rho'?"),
        (["lorenz", "--set", "rho"], "--set takes name=number"),
        (["lorenz", "--set", "rho=high"], "--set takes name=number"),
        (["lorenz", "--set", "rho=[1]"], "rho must be a number"),
        (["my_model.py:sde", "--noise", "1"], "set it in the file"),
        (["lorenz", "--neurons", "3"], "at least 4 neurons"),
        (["lorenz", "--tau", "0"], "tau must be a positive number"),
        (["lorenz", "--tau", "nan"], "tau must be a positive number"),
        (["lorenz", "--out", "net.txt"], "--out must end in .safetensors"),
        (["lorenz", "--out", "my_model.py/net.safetensors"], "cannot be written to"),
    ],
)
def test_bad_input_gets_one_line(fails, user_file, arguments, message):
    before = sorted(user_file.parent.rglob("*.safetensors"))
    assert message in fails("embed", *arguments)
    assert sorted(user_file.parent.rglob("*.safetensors")) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--neurons", "many"],
        ["--neurons", "0"],
        ["--seed", "-1"],
        ["--seed", str(2**32)],
        ["--method", "refind"],
        ["--activation", "tnh"],
        ["--noise", "-0.1"],
        ["--private-noise", "-0.1"],
        ["--tau", "long"],
        ["--neurns", "64"],
    ],
)
def test_typer_refuses(rejects, embedded, arguments):
    assert arguments[0] in rejects("embed", "lorenz", *arguments)
    assert embedded == []


def test_a_syntax_error_in_a_file_says_where(fails, tmp_path):
    (tmp_path / "bad.py").write_text("x = 1\ndef drift(z:\n")
    message = fails("embed", "bad.py:sde")
    assert "bad.py, line 2" in message


def test_nothing_is_overwritten_unasked(cli, fails, embedded, model):
    before = model.read_bytes()
    assert "--force" in fails("embed", "lorenz", "--out", model)
    assert (model.read_bytes(), embedded) == (before, [])
    cli("embed", "lorenz", "--out", model, "--force")
    assert load(model).latent_dim == 3


def test_a_failed_computation_ends_with_1(fails, monkeypatch):
    def diverges(*_, **__):
        raise ComputationError("it diverges:\n  start elsewhere")

    monkeypatch.setattr("driftmatch.embedding.embed.embed", diverges)
    assert fails("embed", "lorenz", code=1) == "it diverges: start elsewhere"


def test_a_full_disk_leaves_what_was_there(fails, embedded, model, monkeypatch):
    before = model.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert "no space left" in fails("embed", "lorenz", "--out", model, "--force", code=1)
    assert model.read_bytes() == before
    assert list(model.parent.iterdir()) == [model]


def test_an_interruption_leaves_nothing(cli, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("driftmatch.embedding.embed.embed", interrupted)
    result = cli("embed", "lorenz", code=130)
    assert (result.stdout, result.stderr) == ("", "interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_choices_are_those_of_the_library():
    from typing import get_args

    from driftmatch.activations import ACTIVATIONS
    from driftmatch.matching.fits import FITS

    assert set(get_args(Method)) == set(FITS)
    assert set(get_args(ActivationName)) == set(ACTIVATIONS)


def test_the_header_is_json(cli, embedded):
    cli("embed", "ornstein-uhlenbeck", "--set", "B=[[1,0],[0,2]]")
    target = read_header("ornstein_uhlenbeck.safetensors")["target"]
    assert json.loads(json.dumps(target))["parameters"] == {"B": [[1, 0], [0, 2]]}


def test_a_folder_is_not_a_file_to_overwrite(fails, embedded, tmp_path):
    (tmp_path / "x.safetensors").mkdir()
    (tmp_path / "x.safetensors" / "precious").touch()
    assert "is a folder" in fails("embed", "lorenz", "--out", "x.safetensors", "--force")
    assert embedded == []
    assert (tmp_path / "x.safetensors" / "precious").exists()


def test_a_file_that_appeared_meanwhile_is_not_overwritten(fails, monkeypatch, tmp_path):
    path = tmp_path / "lorenz.safetensors"

    def embed(sde, num_neurons, **_):
        path.write_bytes(b"mine")
        return Embedding(network(num_neurons, sde.dim), REPORT, Outcome.SUCCESS, sde)

    monkeypatch.setattr("driftmatch.embedding.embed.embed", embed)
    assert "--force" in fails("embed", "lorenz", "--neurons", 12)
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


def test_the_next_command_can_be_pasted(cli, embedded):
    shown = cli("embed", "lorenz", "--out", "new folder/it's.safetensors").stdout
    (line,) = (line for line in shown.splitlines() if line.startswith("next "))
    words = shlex.split(line.removeprefix("next "))
    assert words == ["driftmatch", "compare", "new folder/it's.safetensors"]
