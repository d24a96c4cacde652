import json

import pytest
from commands import CARD, only_json

from driftmatch.cli.demo import FULL, LABELS, QUICK
from driftmatch.figures import Comparison
from driftmatch.storage.models import load, read_header


@pytest.fixture
def drawn(monkeypatch):
    """Runs and pictures replaced by empty ones."""
    rows = []

    def runs(sde, network, label, key, meter, *, drift_error):
        return Comparison(sde, network, None, None, label, drift_error)  # pyright: ignore

    def save(figure, path, overwrite=True):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"picture")

    monkeypatch.setattr("driftmatch.cli.demo.runs_to_draw", runs)
    monkeypatch.setattr("driftmatch.figures.network_schematic", lambda *_: None)
    monkeypatch.setattr("driftmatch.figures.compare_attractors", rows.extend)
    monkeypatch.setattr("driftmatch.figures.save", save)
    return rows


@pytest.mark.parametrize(("option", "plan"), [([], FULL), (["--quick"], QUICK)])
def test_the_main_job(cli, embedded, judged, drawn, tmp_path, option, plan):
    record = only_json(cli("demo", "--json", *option))
    folder = tmp_path / "driftmatch-demo"
    assert [(s["system"], s["neurons"]) for s in record["systems"]] == list(plan.systems)
    assert all(
        s["state_space_divergence"] == CARD.state_space_divergence for s in record["systems"]
    )
    assert [row.label for row in drawn] == [LABELS[name] for name, _ in plan.systems]
    for (_, neurons), call in zip(plan.systems, judged, strict=True):
        assert call["network"].num_neurons == neurons
        assert call["num_starts"] == plan.num_starts
    assert json.loads((folder / "demo.json").read_text()) == record
    assert "| neurons | 64 |" in (folder / "scorecard.md").read_text()
    for figure in record["figures"]:
        assert (tmp_path / figure).read_bytes() == b"picture"
    for system in record["systems"]:
        assert load(tmp_path / system["model"]).num_neurons == system["neurons"]
    assert read_header(folder / "lorenz.safetensors")["target"]["system"] == "lorenz"


def test_people_see_progress_and_where_things_are(cli, embedded, judged, drawn):
    shown = cli("demo", "--out", "here").stdout
    assert "✓ dadras, 1024 neurons" in shown
    for name in ("figure1.png", "figure2.png", "scorecard.md", "demo.json", "here"):
        assert name in shown


def test_the_systems_of_the_paper():
    assert FULL.systems == (("van-der-pol", 64), ("lorenz", 512), ("dadras", 1024))


def test_an_earlier_demo_is_overwritten_but_nothing_else(
    cli, fails, embedded, judged, drawn, tmp_path
):
    mine = tmp_path / "lorenz.safetensors"
    mine.write_bytes(b"mine")
    assert "--force" in fails("demo", "--out", tmp_path)
    assert (mine.read_bytes(), embedded) == (b"mine", [])
    cli("demo", "--out", "new")
    cli("demo", "--out", "new")
    cli("demo", "--out", tmp_path, "--force")
    assert load(mine).num_neurons == 512


def test_an_interruption_keeps_what_is_done(cli, embedded, judged, drawn, monkeypatch, tmp_path):
    def interrupted(sde, *_, drift_error):
        if sde.name == "lorenz":
            raise KeyboardInterrupt
        return Comparison(sde, None, None, None, "", drift_error)  # pyright: ignore

    monkeypatch.setattr("driftmatch.cli.demo.runs_to_draw", interrupted)
    result = cli("demo", code=130)
    assert result.stderr == "interrupted\n"
    record = json.loads((tmp_path / "driftmatch-demo" / "demo.json").read_text())
    assert [s["system"] for s in record["systems"]] == ["van-der-pol"]
    monkeypatch.setattr(
        "driftmatch.cli.demo.runs_to_draw",
        lambda *_, drift_error: Comparison(*[None] * 6),  # pyright: ignore
    )
    cli("demo")


def test_out_must_be_a_folder(fails, model):
    assert "is a file" in fails("demo", "--out", model)


def test_no_folder_no_matter(cli, embedded, judged, drawn, tmp_path):
    cli("demo", "--out", "a/b", "--quiet")
    assert (tmp_path / "a" / "b" / "demo.json").is_file()
