from pathlib import Path

import pytest

from driftmatch.cli import room
from driftmatch.cli.room import available_memory, check_room
from driftmatch.errors import InputError


@pytest.mark.parametrize(("out", "copies"), [("run.nc", 3), ("run.zarr", 2)])
def test_a_run_must_fit_into_memory(tmp_path, monkeypatch, out, copies):
    monkeypatch.setattr(room, "available_memory", lambda: copies * 4000)
    check_room(tmp_path / out, 100, 10, 4)
    with pytest.raises(InputError, match=r"GB of memory.*raise --save-every"):
        check_room(tmp_path / out, 101, 10, 4)


def test_and_onto_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "available_memory", lambda: None)
    check_room(tmp_path / "run.nc", 100, 10, 4)
    with pytest.raises(InputError, match=r"run.nc needs some 4e\+09 GB of room on the disk"):
        check_room(tmp_path / "run.nc", 1e17, 10, 4)


def test_memory_is_known_here_and_may_be_unknown_elsewhere(monkeypatch):
    here = available_memory()
    assert here is None or 1e6 < here < 1e15

    def refuses(*_, **__):
        raise OSError

    monkeypatch.setattr("builtins.open", refuses)
    monkeypatch.setattr(room.os, "sysconf", refuses)
    assert available_memory() is None


@pytest.mark.parametrize("out", ["run.nc", "run.zarr"])
def test_simulate_asks_before_it_runs(fails, model, monkeypatch, out):
    def simulate(*_, **__):
        raise AssertionError("it ran")

    monkeypatch.setattr("driftmatch.simulation.simulate.simulate", simulate)
    arguments = ("simulate", model, "--dt", "0.01", "--out", out)
    assert "GB of memory" in fails(*arguments, "-T", "1e8", "-m", "1000")
    monkeypatch.setattr(room, "available_memory", lambda: 200_000)
    assert "GB of memory" in fails(*arguments, "-T", "100", "--with-neurons")
    assert not Path(out).exists()


def test_it_does_not_ask_when_nothing_is_saved_or_little(cli, model, monkeypatch):
    monkeypatch.setattr(room, "available_memory", lambda: 5000)
    cli("simulate", model, "--dt", "0.1", "-T", "100")
    cli("simulate", model, "--dt", "0.1", "-T", "100", "--save-every", "100", "--out", "run.nc")
