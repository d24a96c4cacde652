from dataclasses import replace

import numpy as np
import pytest
from commands import network, only_json

import driftmatch as dm
from driftmatch.analysis.summary_parts import PARTS
from driftmatch.cli.findings import findings
from driftmatch.storage.models import save

SLOW = ["lyapunov", "neural-lyapunov", "irreversibility", "grid-irreversibility", "fixed-points"]
SKIPPED = [word for part in SLOW for word in ("--skip", part)]

SPECTRUM = dm.LyapunovSpectrum(
    exponents=np.array([0.0, -1.0]),
    standard_error=np.array([0.001, 0.02]),
    sum=-1.0,
    sum_standard_error=0.01,
    dimension=1.0,
    duration=100.0,
    history=np.zeros((20, 2)),
    outcome=dm.Outcome.SUCCESS,
)
POINTS = dm.FixedPoints(
    points=np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.25]]),
    speed=np.zeros(3),
    jacobians=np.zeros((3, 2, 2)),
    eigenvalues=np.zeros((3, 2)),
    kind=["stable node", "saddle", "unstable focus"],
    unstable_dim=np.array([0, 1, 2]),
    slow_points=np.array([[3.0, 3.0]]),
    slow_speeds=np.array([0.02]),
    slow_eigenvalues=np.zeros((1, 2)),
    typical_speed=1.5,
    hits=np.ones(3),
    num_starts=512,
    box=np.array([[-2.0, -2.0], [2.0, 2.0]]),
    outcome=dm.Outcome.SUCCESS,
    name="van_der_pol",
)


def of_system(sde, skipped=None, **parts):
    """An analysis without any part but those given."""
    is_network = isinstance(sde, dm.Network)
    none = dict.fromkeys(PARTS)
    return dm.Analysis(
        system=sde,
        name="van_der_pol",
        dimension=2,
        num_neurons=sde.num_neurons if is_network else None,
        time_scale=0.7,
        skipped=skipped or {},
        seconds=1.5,
        **(none | {"fixed_points": POINTS, "lyapunov": SPECTRUM} | parts),
    )


def of_network(net):
    rate = dm.Irreversibility(8.25, 0.125, "score", dm.Outcome.UNRESOLVED, net.latent())
    return of_system(
        net,
        {"stationary": "the grid broke"},
        neural_lyapunov=dm.NeuralSpectrum(SPECTRUM, -2.0, 10, -21.0, 0.01, 1.0),
        # In another order than the target's.
        fixed_points=replace(POINTS, points=POINTS.points[::-1], kind=POINTS.kind[::-1]),
        irreversibility=rate,
        symmetry=dm.symmetry(net),
        symmetry_roles=dm.SymmetryRoles(
            (0.5, -0.5), (0.25, 1.0), (0.125, 0.875), (1.0, -2.0), (1.0, 1.0), 0.75, 100
        ),
    )


@pytest.fixture
def analysed(monkeypatch):
    """`analyse` replaced by a record of its calls."""
    calls = []

    def analyse(system, **options):
        calls.append({"system": system} | options)
        return of_network(system) if isinstance(system, dm.Network) else of_system(system)

    monkeypatch.setattr("driftmatch.analysis.summary.analyse", analyse)
    return calls


@pytest.fixture
def drawn(monkeypatch):
    """Pictures replaced by empty ones."""
    calls = []

    def save(figure, path, overwrite=True):
        path.write_bytes(b"picture")

    monkeypatch.setattr("driftmatch.figures.summary", lambda *a, **k: calls.append((a, k)))
    monkeypatch.setattr("driftmatch.figures.save", save)
    return calls


def rows(result):
    """The lines of a table, split at their columns."""
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_a_real_network_end_to_end(cli, model, tmp_path):
    arguments = ("--alone", "--duration", "4", "--no-figure", *SKIPPED)
    record = only_json(cli("analyse", model, "--json", *arguments))
    assert record["num_neurons"] == 12
    assert 0 <= record["symmetry"]["asymmetry"] <= 1
    assert max(record["alignment"]["principal_angles"]) < 1e-3
    assert record["lyapunov"] is None
    assert record["skipped"]["fixed_points"] == "left out, as asked for"
    assert (record["target"], record["figure"]) == (None, None)
    assert list(tmp_path.iterdir()) == [model]


def test_a_real_system_end_to_end(cli, tmp_path):
    skipped = ("run", "irreversibility", "grid-irreversibility")
    shown = rows(cli("analyse", "double-well", *(w for s in skipped for w in ("--skip", s))))
    assert "fixed points 3" in shown
    assert shown.count("at (0.00)") == 1
    assert "2 unstable node" in shown
    assert "– lyapunov: needs run, which is left out" in shown
    assert any("double_well has no neurons" in line for line in shown)
    assert shown[-1] == "drawn double_well-analysis.png"
    assert (tmp_path / "double_well-analysis.png").read_bytes()[1:4] == b"PNG"


def test_json_is_the_record_with_the_target_beside_it(cli, model, analysed, drawn):
    record = only_json(cli("analyse", model, "--json"))
    target = record.pop("target")
    assert record.pop("figure") == "net-analysis.png"
    assert list(record) == list(target) == list(of_system(dm.systems.van_der_pol()).to_dict())
    assert (record["num_neurons"], target["num_neurons"]) == (12, None)
    assert dict(analysed[1]["system"].parameters) == {"mu": 2.0, "noise": 0.2}


def test_the_target_stands_beside_the_network(cli, model, analysed, drawn):
    result = cli("analyse", model)
    shown = rows(result)
    assert shown[0] == "net.safetensors target network"
    assert "neurons 12" in shown
    assert "Lyapunov exponent 2 -1.00 ± 0.02 -1.00 ± 0.02" in shown
    assert "entropy production, by score 8.2 ± 0.1 ?" in shown
    assert "sym., asym. part: motion +0.12, +0.88" in shown
    assert "symmetric part descends at 75 %" in shown
    assert "all neurons: leak −1/τ, how often -2.00, 10×" in shown
    assert "drawn net-analysis.png" in shown
    ((analysis,), options) = drawn[0]
    assert analysis.num_neurons == 12
    assert options["target"].num_neurons is None


def test_fixed_points_stand_beside_those_they_correspond_to(cli, model, analysed, drawn):
    shown = rows(cli("analyse", model))
    first = shown.index("1 stable node stable node")
    assert shown[first - 1] == "fixed points 3 3"
    assert shown[first + 1] == "at (-1.00, 0.00) (-1.00, 0.00)"
    assert shown[first + 2] == "2 saddle saddle"
    assert shown[first + 5] == "at (1.00, 0.25) (1.00, 0.25)"
    assert shown[first + 6] == "slow points 1 1"
    assert shown[first + 7] == "slowest |f|, root mean square 0.020, 1.5 0.020, 1.5"


def test_what_is_doubtful_or_missing_is_said(cli, model, analysed, drawn):
    shown = rows(cli("analyse", model))
    assert f"? network's irreversibility: {dm.Outcome.UNRESOLVED}" in shown
    assert "– network's stationary: the grid broke" in shown
    assert not any("neurons" in line for line in shown if line.startswith("– target"))


@pytest.mark.parametrize(("size", "said"), [((5.0, 4.5), True), ((1.5, 0.9), False)])
def test_parts_that_cancel_are_not_taken_at_their_word(size, said):
    net = network()
    analysis = of_network(net)
    analysis = replace(analysis, symmetry_roles=replace(analysis.symmetry_roles, size=size))
    _, _, *words = findings("net", {"network": analysis})
    assert any("mostly cancel" in sentence for sentence in words) == said


def test_the_table_fits_a_terminal_of_80_columns(cli, model, analysed, drawn, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    table = cli("analyse", model).stdout.split("? network")[0]
    assert max(map(len, table.splitlines())) <= 80
    assert "…" not in table


def test_alone(cli, model, analysed, drawn):
    assert only_json(cli("analyse", model, "--alone", "--json"))["target"] is None
    assert len(analysed) == 1
    assert "--alone" in cli("analyse", "--help").stdout


def test_options_arrive(cli, analysed, drawn, tmp_path):
    cli(
        "analyse", "van-der-pol", "--set", "mu=3", "--noise", 0.5, "--skip", "fixed-points",
        "--skip", "run", "--duration", 40, "--dt", 0.01, "--figure", "a.svg",
    )  # fmt: skip
    (call,) = analysed
    assert dict(call["system"].parameters) == {"mu": 3.0, "noise": 0.5}
    assert call["skip"] == ["fixed_points", "run"]
    assert (call["duration"], call["dt"]) == (40, 0.01)
    assert (tmp_path / "a.svg").exists()


def test_the_seed_arrives_and_the_target_changes_nothing(cli, model, analysed):
    for arguments in (["--seed", 0], ["--seed", 0, "--alone"], ["--seed", 1, "--alone"]):
        cli("analyse", model, "--no-figure", *arguments)
    first, target, alone, other = (str(call["key"]) for call in analysed)
    assert first == alone
    assert len({first, target, other}) == 3


def test_nothing_is_overwritten_unasked(cli, fails, model, analysed, drawn, tmp_path):
    picture = tmp_path / "net-analysis.png"
    picture.write_bytes(b"mine")
    assert "--force" in fails("analyse", model)
    assert (picture.read_bytes(), analysed) == (b"mine", [])
    cli("analyse", model, "--force")
    assert picture.read_bytes() == b"picture"


def test_numbers_come_without_a_figure_when_there_is_nothing_to_draw(
    cli, model, analysed, monkeypatch, tmp_path
):
    def nothing(*_, **__):
        raise dm.InputError("there is nothing to draw")

    monkeypatch.setattr("driftmatch.figures.summary", nothing)
    assert "no figure: there is nothing to draw" in cli("analyse", model).stdout
    assert only_json(cli("analyse", model, "--json"))["figure"] is None
    assert list(tmp_path.iterdir()) == [model]


def test_a_network_without_a_target_stands_alone(cli, tmp_path, analysed, drawn):
    save(tmp_path / "made.safetensors", network())
    shown = cli("analyse", "made.safetensors").stdout
    assert "does not say what the network embeds" in shown
    assert len(analysed) == 1


def test_a_target_that_would_have_to_be_run_can_be_left_out(cli, fails, model, analysed, drawn):
    save(model, network(), target={"system": "/gone/away.py:sde", "noise": None, "parameters": {}})
    message = fails("analyse", model)
    assert "it embeds away.py:sde" in message
    assert "--alone" in message
    cli("analyse", model, "--alone")


def test_a_truncated_model_gets_one_line(fails, model, analysed):
    model.write_bytes(model.read_bytes()[:-100])
    assert "truncated" in fails("analyse", model)
    assert analysed == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lorens"], "did you mean 'lorenz'?"),
        (["nat.safetensors"], "did you mean net.safetensors?"),
        (["missing.py:sde"], "there is no file missing.py"),
        (["lorenz", "--set", "rh=28"], "did you mean 'rho'?"),
        (["net.safetensors", "--noise", "1"], "--noise and --set are for systems"),
        (["lorenz", "--alone"], "--alone is for saved models"),
        (["lorenz", "--figure", "a.gif"], "--figure must end in .png"),
        (["lorenz", "--figure", "net.safetensors/a.png"], "cannot be written to"),
        (["lorenz", "--figure", "a.png", "--no-figure"], "exclude each other"),
        (["lorenz", "--skip", "lyapunow"], "did you mean 'lyapunov'?"),
        (["lorenz", "--duration", "-1"], "duration"),
        (["net.safetensors", "--dt", "2"], "too large for a network with tau"),
    ],
)
def test_bad_input_gets_one_line(fails, model, tmp_path, arguments, message):
    assert message in fails("analyse", *arguments)
    assert list(tmp_path.iterdir()) == [model]


def test_a_failed_computation_ends_with_1(fails, monkeypatch):
    def diverges(*_, **__):
        raise dm.ComputationError("lorenz diverges: lower its noise")

    monkeypatch.setattr("driftmatch.analysis.summary.analyse", diverges)
    assert fails("analyse", "lorenz", code=1) == "lorenz diverges: lower its noise"


def test_an_interruption_leaves_nothing(cli, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("driftmatch.analysis.summary.analyse", interrupted)
    result = cli("analyse", "lorenz", code=130)
    assert (result.stdout, result.stderr) == ("", "interrupted\n")
    assert list(tmp_path.iterdir()) == []
