"""``driftmatch memory``: what it is asked, what it answers, what it leaves on the disk."""

import numpy as np
import pytest
from commands import only_json
from matplotlib.figure import Figure

from driftmatch.cli import memory_experiments
from driftmatch.cli.memory_experiments import Experiment
from driftmatch.meters import SILENT

WALK = {
    "in_order_fraction", "net_turns_per_time", "forward_rate", "backward_rate", "log_rate_ratio",
    "log_rate_ratio_interval", "mean_dwell_time", "entropy_production",
}  # fmt: skip


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
                lambda path, meter: (film.append(path.name), path.write_bytes(b"GIF")),
            )  # fmt: skip

        return run

    for name in ("associative", "sequential", "switching"):
        monkeypatch.setattr(memory_experiments, name, experiment(name))
    return calls


def test_options_reach_the_experiment(cli, asked, tmp_path):
    cli("memory", "associative", "--wells", 5, "--noise", 0.3, "-n", 100, "--trials", 50)
    assert asked["associative"] == ([5, 0.3, 100, 50, 0], {"quick": False})
    cli("memory", "sequential", "--wells", 7, "--torque", -0.2, "--seed", 4, "--quick")
    assert asked["sequential"] == ([7, -0.2, 0.45, 256, 4], {"quick": True})
    cli("memory", "switching", "--trials", 9)
    assert asked["switching"] == ([512, 9, 0], {})
    assert asked["films"] == ["associative.gif", "switching.gif"]
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        "associative.png", "associative.gif", "sequential.png", "switching.png", "switching.gif",
    }  # fmt: skip


def test_one_json_object(cli, asked):
    record = only_json(cli("memory", "switching", "--json", "--out", "a/b"))
    assert record == {"ran": "switching", "figures": ["a/b/switching.png", "a/b/switching.gif"]}


def test_files_are_kept_unless_forced(cli, asked):
    cli("memory", "sequential")
    assert "exists already" in cli("memory", "sequential", code=2).stderr
    cli("memory", "sequential", "--force")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["associative", "--wells", 1], "--wells must be at least 2"),
        (["associative", "--wells", 4, "--trials", 3], "at least one a well"),
        (["sequential", "--wells", 2], "at least 3 to have an order"),
        (["sequential", "--noise", 0], "--noise must be above 0"),
    ],
)
def test_bad_input(cli, asked, arguments, message):
    assert message in cli("memory", *arguments, code=2).stderr
    assert not asked


def test_a_typo_is_answered(cli):
    assert "No such command" in cli("memory", "asociative", code=2).stderr


@pytest.mark.slow
def test_a_real_walk():
    """Small and short, but the real thing: every number that is promised is there."""
    done = memory_experiments.sequential(4, 0.3, 0.5, 48, 0, SILENT, quick=True)
    for who in ("target", "network"):
        assert set(done.record[who]) >= WALK
        assert done.record[who]["jumps"] > 500
    # σ²/2 = 1/8, m = 4, R = 1
    theory = done.record["log_rate_ratio_theory"]
    assert theory == pytest.approx(2 * np.pi * 0.3 / (4 / 8))
    low, high = done.record["target"]["log_rate_ratio_interval"]
    assert low - 0.5 * (high - low) < theory < high + 0.5 * (high - low)


@pytest.mark.slow
def test_a_real_recall():
    done = memory_experiments.associative(3, 0.35, 48, 90, 0, SILENT, quick=True)
    for who in ("target", "network", "hopfield"):
        assert {"success", "success_interval", "trials"} <= set(done.record[who])
        assert done.record[who]["trials"] == 90
    assert done.record["target"]["success"] > 0.95
    assert len(done.record["tilts"]) == 3
