"""What a model's file may make the command line do: build a target from a table of names."""

import json

import pytest
import safetensors.numpy
from commands import network

from driftmatch.storage.models import read_header, save

MARK = "__import__('pathlib').Path('ran').touch()\n"
COMMANDS = pytest.mark.parametrize("command", [("compare",), ("analyse", "--no-figure")])


@pytest.fixture
def analysed(monkeypatch):
    """`analyse` replaced by a failure that says that it was reached."""

    def analyse(system, **_):
        raise AssertionError("reached")

    monkeypatch.setattr("driftmatch.analysis.summary.analyse", analyse)


def recorded(path, **target):
    save(path, network(), target={"system": "lorenz", "noise": None, "parameters": {}} | target)
    return path


def printable(text):
    return all(c.isprintable() or c == "\n" for c in text)


@COMMANDS
@pytest.mark.parametrize("written", ["evil.py:make", "./evil.py", "{folder}/evil.py:make"])
def test_no_file_is_run_because_a_model_names_it(
    fails, model, judged, analysed, tmp_path, command, written
):
    text = MARK + "def make(rate=1.0):\n    " + MARK
    (tmp_path / "evil.py").write_text(text)
    recorded(model, system=written.format(folder=tmp_path), parameters={"rate": 2.0})
    message = fails(command[0], model, *command[1:])
    assert not (tmp_path / "ran").exists()
    assert judged == []
    assert "it embeds evil.py" in message
    assert "--target evil.py" in message
    assert "which runs that file" in message


@COMMANDS
def test_nor_one_of_the_standard_library(fails, model, judged, analysed, tmp_path, command):
    import os

    recorded(model, system=f"{os.__file__}:system", parameters={"command": "touch ran"})
    fails(command[0], model, *command[1:])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"system": "lorenz", "parameters": {"rho": "28"}}, "must be numbers"),
        ({"system": "lorenz", "parameters": {"rho": {"a": 1}}}, "must be numbers"),
        ({"system": "lorenz", "parameters": {"rho": None}}, "must be numbers"),
        ({"system": "lorenz", "parameters": {"colour": 1}}, "has no parameter 'colour'"),
        ({"system": "lorenz", "parameters": [1]}, "does not say what it embeds"),
        ({"system": "lorenz", "noise": "loud"}, "must be numbers"),
        ({"system": 3}, "does not say what it embeds"),
        ({"system": "lorens"}, "there is no system 'lorens'"),
        ({"system": "dysts:os"}, "dysts has no flow 'os'"),
        ({"system": "dysts:Rossler", "parameters": {"a": [[1]]}}, "a must be a number"),
        ({"system": "evil.py:x;touch ran"}, "it embeds"),
    ],
)
def test_targets_in_files_are_names_with_numbers(fails, model, judged, target, words):
    recorded(model, **target)
    assert words in fails("compare", model)
    assert judged == []


def test_deep_lists_are_refused(fails, model, judged):
    deep = 1.0
    for _ in range(20):
        deep = [deep]
    recorded(model, system="ornstein-uhlenbeck", parameters={"B": deep})
    assert "must be numbers" in fails("compare", model)


def test_matrices_and_switches_are_numbers(cli, model, judged):
    recorded(model, system="ornstein_uhlenbeck", parameters={"B": [[2, -1], [1, 2.5]]})
    cli("compare", model)
    recorded(model, system="ring-of-wells", noise=0.4, parameters={"keep_density": True})
    cli("compare", model)
    assert [call["sde"].name for call in judged] == ["ornstein_uhlenbeck", "ring_of_wells"]


def test_a_file_named_on_the_command_line_is_run(cli, embedded, judged, user_file):
    cli("embed", "my_model.py:make", "--set", "rate=2", "--out", "mine.safetensors")
    assert read_header("mine.safetensors")["target"]["system"] == "my_model.py:make"
    cli("compare", "mine.safetensors", "--target", "my_model.py:make", "--set", "rate=2")
    assert judged[0]["sde"].name == "mine"


def test_the_message_is_the_whole_remedy(fails, embedded, cli, user_file):
    cli("embed", "my_model.py:make", "--set", "rate=2", "--noise", 0.3)
    message = fails("compare", "my_model.safetensors")
    assert (
        "it embeds my_model.py:make; name it with --target my_model.py:make --noise 0.3 "
        "--set rate=2, which runs that file" in message
    )


def test_settings_go_with_a_target(cli, fails, model, judged):
    cli("compare", model, "--target", "van-der-pol", "--set", "mu=3", "--noise", "0.1")
    assert dict(judged[0]["sde"].parameters) == {"mu": 3.0, "noise": 0.1}
    assert "--target" in fails("compare", model, "--set", "mu=3")
    assert "--target" in fails("analyse", model, "--set", "mu=3")
    assert "--target" in fails("analyse", "lorenz", "--target", "lorenz")
    assert "--alone" in fails("analyse", model, "--target", "lorenz", "--alone")


NASTY = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e[bold]x"


@COMMANDS
def test_control_sequences_do_not_reach_the_terminal(cli, judged, tmp_path, command, monkeypatch):
    path = tmp_path / "net.safetensors"
    for target in ({"system": NASTY}, {"system": f"{NASTY}.py:x"}, {"system": "lorenz\x1b[2J"}):
        save(path, network(name=NASTY), target=target | {"noise": None, "parameters": {}})
        result = cli(command[0], path, *command[1:], code=2)
        assert printable(result.stdout + result.stderr)
    header = read_header(path) | {"class": NASTY, "driftmatch_version": NASTY}
    for change in ({"format_version": 99}, {"format_version": 1}, {"activation": NASTY}):
        metadata = {"format": "driftmatch", "header": json.dumps(header | change)}
        safetensors.numpy.save_file({}, tmp_path / "odd.safetensors", metadata)
        result = cli(command[0], "odd.safetensors", *command[1:], code=2)
        assert printable(result.stdout + result.stderr)


def test_nor_do_those_of_a_files_name(cli, model, judged, tmp_path):
    path = model.rename(tmp_path / "\x1b[2Jnet\x9b.safetensors")
    assert printable(cli("compare", path.name).stdout)
    result = cli("simulate", path.name, "-T", 1, "--dt", 0.1)
    assert printable(result.stdout + result.stderr)
    assert "net.safetensors" in result.stdout
