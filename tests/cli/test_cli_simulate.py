from typing import get_args

import numpy as np
import pytest
from commands import network, only_json

import driftmatch as dm
from driftmatch.cli.simulate import Solver
from driftmatch.simulation.trajectory import Trajectory
from driftmatch.storage.models import save
from driftmatch.storage.trajectories import load_trajectory


def test_a_model_is_simulated_and_saved(cli, model):
    shown = cli(
        "simulate", model, "--duration", 10, "--dt", 0.1, "--trajectories", 3, "--save-every", 5,
        "--out", "run.nc", "--with-neurons",
    ).stdout  # fmt: skip
    assert "3 paths of 21 samples until t = 10" in shown
    assert "success" in shown
    run = load_trajectory("run.nc")
    assert run.states.shape == (3, 21, 2)
    assert run.neurons.shape == (3, 21, 12)


def test_the_same_seed_gives_the_same_numbers(cli, model):
    key = ("simulate", model, "-T", 5, "--dt", 0.1, "--json", "--seed")
    first, again, other = (only_json(cli(*key, seed)) for seed in (0, 0, 1))
    assert first["mean"] == again["mean"] != other["mean"]
    assert first["out"] is None


def test_the_summary_is_of_the_run(cli, model):
    record = only_json(cli("simulate", model, "-T", 5, "--dt", 0.1, "--out", "run.nc", "--json"))
    states = load_trajectory("run.nc").states
    assert record["samples"] == states.shape[1] == 51
    assert np.allclose(record["mean"], states.mean(axis=(0, 1)), rtol=1e-5)
    assert np.allclose(record["standard_deviation"], states.std(axis=(0, 1)), rtol=1e-5)


def test_duration_and_step_come_from_the_time_scale(cli, model):
    record = only_json(cli("simulate", model, "--save-every", 1000, "--json"))
    assert record["dt"] == 0.02
    assert record["duration"] == 1000.0


def test_a_time_scale_that_is_not_known_is_found(cli, tmp_path):
    """Relaxation at rate 4 under noise has the time scale ¼."""
    (tmp_path / "fast.py").write_text(
        "import driftmatch as dm\nsde = dm.SDE(lambda z: -4 * z, 0.1, 1)\n"
    )
    record = only_json(cli("simulate", "fast.py", "--save-every", 100, "--json"))
    assert 0.25 / 50 / 2 < record["dt"] < 0.25 / 50 * 2


def test_a_system_takes_noise_and_settings(cli):
    """Without noise and at ω = 2 the limit cycle is traversed at that speed."""
    cli(
        "simulate", "limit-cycle", "--noise", 0, "--set", "omega=2", "-T", 3, "--dt", 0.01,
        "--out", "run.nc",
    )  # fmt: skip
    x, y = load_trajectory("run.nc").states[0].T
    angle = np.unwrap(np.arctan2(y, x))
    assert np.isclose(angle[-1] - angle[0], 6, atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lorens"], "did you mean 'lorenz'?"),
        (["nett.safetensors"], "did you mean net.safetensors?"),
        (["lorenz", "--dt", "-1"], "dt must be a positive number"),
        (["lorenz", "--duration", "-1"], "duration must be a positive number"),
        (["lorenz", "--dt", "nan"], "dt must be a positive number"),
        (["lorenz", "--duration", "1", "--dt", "2"], "dt must not exceed the duration"),
        (["lorenz", "--out", "run.csv"], "--out must end in .nc or .zarr"),
        (["lorenz", "--with-neurons"], "add --out run.nc"),
        (["lorenz", "--with-neurons", "--out", "run.nc"], "lorenz has no neurons"),
        (["net.safetensors", "--noise", "1"], "--noise and --set are for systems"),
        (["net.safetensors", "--set", "mu=1"], "--noise and --set are for systems"),
    ],
)
def test_bad_input_gets_one_line(fails, model, arguments, message):
    assert message in fails("simulate", *arguments)
    assert list(model.parent.iterdir()) == [model]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--trajectories", "0"],
        ["--save-every", "0"],
        ["--method", "hune"],
        ["--dt", "small"],
        ["--trajectoris", "2"],
    ],
)
def test_typer_refuses(rejects, arguments):
    assert arguments[0] in rejects("simulate", "lorenz", *arguments)


def test_a_step_that_is_too_large_says_so_and_keeps_the_rest(fails):
    message = fails("simulate", "lorenz", "--dt", 0.2, "-T", 20, "--out", "run.nc", code=1)
    assert "non-finite" in message
    assert "the step is too large" in message
    assert "run.nc" in message
    run = load_trajectory("run.nc")
    assert np.isfinite(run.states).all()
    assert 1 < run.times.size < 100


def test_nothing_is_overwritten_unasked(cli, fails, model, tmp_path):
    out = tmp_path / "run.zarr"
    arguments = ("simulate", model, "-T", 1, "--dt", 0.1, "--out", out)
    cli(*arguments)
    assert "--force" in fails(*arguments)
    cli(*arguments, "--force", "--save-every", 2)
    assert load_trajectory(out).times.size == 6


@pytest.mark.parametrize("samples", [1, 4])
def test_an_interrupted_run_is_kept_if_there_is_anything_to_keep(
    cli, monkeypatch, tmp_path, samples
):
    def interrupted(sde, *, throw, **_):
        assert not throw
        times = np.arange(samples, dtype=float)
        outcome = dm.Outcome.INTERRUPTED
        return Trajectory(times, np.ones((1, samples, 3)), outcome, "lorenz", 1.0, "it was stopped")

    monkeypatch.setattr("driftmatch.simulation.simulate.simulate", interrupted)
    result = cli("simulate", "lorenz", "--out", "run.nc", code=130)
    if samples == 1:
        assert (result.stdout, result.stderr) == ("", "interrupted\n")
        assert list(tmp_path.iterdir()) == []
    else:
        assert "it was stopped" in result.stdout
        assert load_trajectory("run.nc").times.size == samples


def test_a_long_name_is_shown_as_it_is(cli, tmp_path):
    """Brackets are markup to Rich."""
    path = tmp_path / "net[bold].safetensors"
    save(path, network())
    assert "[bold]" in cli("simulate", path.name, "-T", 1, "--dt", 0.1).stdout


def test_solvers_are_those_of_the_library():
    from driftmatch.simulation.integrators import SCHEMES

    assert set(get_args(Solver)) == set(SCHEMES)


@pytest.mark.parametrize("name", ["run.nc", "run.zarr"])
def test_folders_of_others_are_not_overwritten_even_when_asked(fails, model, tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "precious").touch()
    assert "is a folder" in fails("simulate", model, "-T", 1, "--out", name, "--force")
    assert (tmp_path / name / "precious").exists()


@pytest.mark.parametrize("name", ["run.nc", "run.zarr"])
def test_what_appeared_meanwhile_is_not_overwritten(fails, model, monkeypatch, tmp_path, name):
    def simulate(sde, **_):
        (tmp_path / name).write_text("theirs")
        times = np.arange(4.0)
        return Trajectory(times, np.ones((1, 4, 2)), dm.Outcome.SUCCESS, "vine", 1.0)

    monkeypatch.setattr("driftmatch.simulation.simulate.simulate", simulate)
    message = fails("simulate", model, "-T", 1, "--dt", 0.1, "--out", name)
    assert "exists already" in message or "is a file" in message
    assert (tmp_path / name).read_text() == "theirs"
