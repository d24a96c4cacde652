"""``driftmatch memory``: what it is asked, what it answers, what it leaves on the disk."""

import io
from dataclasses import replace

import jax
import pytest
from commands import REPORT, network, only_json
from matplotlib.figure import Figure
from rich.console import Console

import driftmatch as dm
from driftmatch.cli import memory_experiments
from driftmatch.cli.memory_experiments import Experiment
from driftmatch.embedding.embed import Embedding
from driftmatch.meters import SILENT


@pytest.fixture
def asked(monkeypatch):
    """Experiments that take no time; returns what was asked of each."""
    calls = {}

    def experiment(name):
        def run(*arguments, **options):
            calls[name] = [a for a in arguments if a is not SILENT], options
            film = calls.setdefault("films", [])
            return Experiment(
                {"ran": name}, ("shown",), Figure,
                lambda path, meter: film.append(path.name),
            )  # fmt: skip

        return run

    for name in ("recall", "walk", "switching"):
        monkeypatch.setattr(memory_experiments, name, experiment(name))
    return calls


def test_options_reach_the_experiment(cli, asked, tmp_path):
    cli("memory", "recall", "--wells", 5, "--noise", 0.3, "-n", 100, "--trials", 50)
    assert asked["recall"] == ([5, 0.3, 100, 50, 0], {"quick": False})
    cli("memory", "walk", "--wells", 7, "--torque", -0.2, "--seed", 4, "--quick")
    assert asked["walk"] == ([7, -0.2, 0.45, 256, 4], {"quick": True})
    cli("memory", "switching", "--trials", 9)
    assert asked["switching"] == ([512, 9, 0], {})
    assert asked["films"] == ["recall.gif", "switching.gif"]
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        "recall.png", "walk.png", "switching.png",
    }  # fmt: skip


def test_one_json_object(cli, asked):
    record = only_json(cli("memory", "switching", "--json", "--out", "a/b"))
    assert record == {"ran": "switching", "figures": ["a/b/switching.png", "a/b/switching.gif"]}


def test_files_are_kept_unless_forced(cli, asked):
    cli("memory", "walk")
    assert "exists already" in cli("memory", "walk", code=2).stderr
    cli("memory", "walk", "--force")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recall", "--wells", 1], "--wells must be at least 2"),
        (["recall", "--wells", 4, "--trials", 3], "at least one a well"),
        (["walk", "--wells", 2], "at least 3 to have an order"),
        (["walk", "--noise", 0], "--noise must be above 0"),
    ],
)
def test_bad_input(cli, asked, arguments, message):
    assert message in cli("memory", *arguments, code=2).stderr
    assert not asked


def test_a_typo_is_answered(cli):
    assert "No such command" in cli("memory", "recal", code=2).stderr


@pytest.fixture
def quick_walk(monkeypatch):
    """A walk of a ring, for which no network is trained: the target walks in its place, shortly."""
    ring = dm.systems.ring_of_wells(3, 0.3, 0.6)
    one = dm.memory.walk(ring, key=jax.random.key(0), duration=200.0, num_trajectories=3)
    embedding = Embedding(network(), REPORT, dm.Outcome.MORE_NEURONS, ring)
    done = dm.memory.WalkExperiment(embedding, one, replace(one, irreversibility=None), {})
    monkeypatch.setattr("driftmatch.memory.walk_experiment", lambda *_, **__: done)
    return done


def test_a_walk_as_json_is_its_record(cli, quick_walk):
    record = memory_experiments.walk(3, 0.3, 0.6, 12, 7, SILENT, quick=True).record
    given = {"wells": 3, "torque": 0.3, "noise": 0.6, "neurons": 12, "seed": 7}
    assert record == given | quick_walk.to_dict()


def test_a_walk_as_a_table(quick_walk):
    console = Console(width=100, file=io.StringIO())
    for part in memory_experiments.walk(3, 0.3, 0.6, 12, 0, SILENT, quick=True).shown:
        console.print(part)
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]
    jumps = len(quick_walk.target.dwell.jumps)
    assert f"jumps {jumps} {jumps}" in lines
    assert any(line.startswith("entropy production") and "none" in line for line in lines)
    assert f"? {dm.Outcome.MORE_NEURONS}" in lines
