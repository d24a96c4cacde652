from functools import partial

import numpy as np
import pytest
from commands import only_json
from matplotlib.figure import Figure

import driftmatch as dm
from driftmatch.cli import paper_figures
from driftmatch.cli.memory_experiments import Experiment
from driftmatch.cli.paper_figures import FIGURES, FULL, QUICK, Drawn

TINY = QUICK._replace(systems=(("van-der-pol", 12), ("lorenz", 16)), steps=20, duration=4)


@pytest.fixture
def tiny(monkeypatch):
    """Even smaller networks than those of --quick."""
    monkeypatch.setattr("driftmatch.cli.paper.QUICK", TINY)


@pytest.fixture
def drawn(monkeypatch):
    """Pictures replaced by empty ones; returns what each was drawn from."""
    calls = {}

    def save(figure, path, overwrite=True):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"picture")

    def draw(name, *arguments):
        calls[name] = arguments

    for name in ("network_schematic", "compare_attractors", "symmetry_sheet", "subspace"):
        monkeypatch.setattr(f"driftmatch.figures.{name}", partial(draw, name))

    def recall(*arguments, **options):
        calls["recall"] = arguments, options
        return Experiment({"trials": 200}, ("recalled",), Figure, lambda path, meter: None)

    monkeypatch.setattr("driftmatch.cli.memory_experiments.recall", recall)
    monkeypatch.setattr("driftmatch.figures.save", save)
    return calls


@pytest.fixture
def empty(monkeypatch):
    """Figures that take no time."""
    done = []

    def figure(n):
        def draw(workshop):
            """An empty figure."""
            done.append((n, workshop.plan, workshop.seed))
            return Drawn(Figure(), {"n": n})

        return draw

    monkeypatch.setattr("driftmatch.cli.paper.FIGURES", {n: figure(n) for n in FIGURES})
    return done


@pytest.mark.slow
def test_a_real_picture_of_a_tiny_network(cli, tiny, tmp_path):
    (record,) = only_json(cli("paper", "--figure", 4, "--quick", "--json", "--out", "a/b"))[
        "figures"
    ]
    assert (record["figure"], record["file"]) == (4, "a/b/figure4.png")
    assert (tmp_path / record["file"]).read_bytes()[1:4] == b"PNG"
    quiet, *noisy = record["recoveries"]
    assert quiet["dimension"] == len(quiet["principal_angles"]) == 3
    assert max(quiet["principal_angles"]) < 1e-4
    assert [r["private_noise"] for r in noisy] == [0.01, 0.1]


@pytest.mark.slow
def test_all_figures_are_drawn_from_the_networks_that_they_show(cli, tiny, embedded, drawn):
    record = only_json(cli("paper", "--quick", "--json", "--seed", 3))
    assert [f["figure"] for f in record["figures"]] == list(FIGURES)
    assert (record["seed"], record["quick"]) == (3, True)
    (wells, noise, neurons, trials, seed, _), options = drawn["recall"]
    assert (wells, noise, neurons, trials, seed) == (4, 0.35, 64, 200, 3)
    assert options == {"quick": True}
    third = record["figures"][2]["systems"]
    assert [sum(system["motion"]) for system in third] == pytest.approx([1, 1])
    network, run = drawn["network_schematic"]
    assert (network.num_neurons, run.network.latent_dim) == (16, 3)
    assert [row[4] for row in drawn["compare_attractors"][0]] == ["Van der Pol", "Lorenz"]
    assert list(drawn["symmetry_sheet"][0]) == ["Van der Pol", "Lorenz"]
    noises = [row.run.network.private_noise for row in drawn["subspace"][0]]
    assert noises == list(paper_figures.PRIVATE_NOISE)
    # The default fit once a network, then back-propagation.
    fits = [call["method"] for call in embedded]
    assert fits == [TINY.fit] * 2 + [dm.Backprop(steps=TINY.steps)] * 2
    assert {str(call["key"]) for call in embedded} == {str(embedded[0]["key"])}


def test_people_see_the_numbers_behind_the_figures(cli, tiny, embedded, drawn):
    shown = cli("paper", "--quick").stdout
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    for n in FIGURES:
        assert f"drawn figures/figure{n}.png" in lines
    assert "back-propagation van-der-pol lorenz" in lines
    assert lines.count("drift error 0.10 % 0.10 %") == 2
    assert "private noise s 0 0.01 0.1" in lines
    for name in ("outward", "restoring", "motion", "principal angle 1", "symmetric part descends"):
        assert any(name in line for line in lines), name
    # Random weights leave a signal so weak that the strongest noise hides it.
    assert f"s = 0.1: {dm.Outcome.OTHER_SUBSPACE}" in lines


def test_the_networks_of_the_paper():
    assert FULL.systems == (("van-der-pol", 64), ("lorenz", 512), ("dadras", 1024))
    assert (FULL.fit, FULL.steps) == ("refined", dm.Backprop().steps)


@pytest.mark.slow
def test_a_figure_does_not_depend_on_what_else_is_drawn(cli, tiny, embedded, drawn):
    def angles(*numbers):
        words = [word for n in numbers for word in ("--figure", n)]
        figures = only_json(cli("paper", "--quick", "--json", "--force", *words))["figures"]
        return figures[-1]["recoveries"]

    assert angles(4) == angles(1, 4)


def test_options_arrive(cli, empty):
    cli("paper", "--figure", 2, "--figure", 1, "--figure", 2, "--seed", 5, "--out", "here")
    assert empty == [(1, FULL, 5), (2, FULL, 5)]
    cli("paper", "--quick")
    assert [n for n, plan, _ in empty[2:] if plan is QUICK] == list(FIGURES)


def test_nothing_is_overwritten_unasked(cli, fails, empty, tmp_path):
    mine = tmp_path / "figures" / "figure2.png"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    message = fails("paper", "--figure", 1, "--figure", 2)
    assert "figure2.png exists already" in message
    assert "--force" in message
    assert (mine.read_bytes(), empty) == (b"mine", [])
    cli("paper", "--figure", 1)
    cli("paper", "--figure", 2, "--force")
    assert mine.read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--figure", "7"], "there is no figure 7 to draw; choose from 1, 2, 3, 4"),
        (["--figure", "1", "--figure", "-1"], "there is no figure -1"),
        (["--out", "net.safetensors"], "is a file"),
        (["--out", "net.safetensors/figures"], "cannot be written to"),
    ],
)
def test_bad_input_gets_one_line(fails, model, empty, tmp_path, arguments, message):
    assert message in fails("paper", *arguments)
    assert empty == []
    assert list(tmp_path.iterdir()) == [model]


@pytest.mark.parametrize("arguments", [["--figure", "three"], ["--seed", "-1"], ["--figur", "3"]])
def test_typer_refuses(rejects, empty, arguments):
    assert arguments[0] in rejects("paper", *arguments)
    assert empty == []


def test_an_interruption_keeps_what_is_done(cli, empty, monkeypatch, tmp_path):
    def interrupted(_):
        raise KeyboardInterrupt

    from driftmatch.cli import paper

    monkeypatch.setitem(paper.FIGURES, 2, interrupted)
    result = cli("paper", code=130)
    assert result.stderr == "interrupted\n"
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["figure1.png"]


def test_what_is_not_finite_is_null_for_programs(cli, tiny, embedded, drawn, monkeypatch):
    roles = dm.SymmetryRoles((np.nan,) * 2, (1.0, 2.0), (0.5, 0.5), (0.0, 0.0), (1.0, 1.0), 0.5, 9)
    monkeypatch.setattr("driftmatch.analysis.symmetry_roles.symmetry_roles", lambda *_: roles)
    record = only_json(cli("paper", "--quick", "--json", "--figure", 3))
    assert record["figures"][0]["systems"][0]["outward"] == [None, None]
    assert "–, –" in cli("paper", "--quick", "--figure", 3, "--force").stdout
