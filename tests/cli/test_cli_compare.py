import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy
from commands import CARD, network, only_json

from driftmatch.storage.models import read_header, save

KEYS = (
    "drift_error noisy_drift_error local_error diffusion_error state_space_divergence "
    "state_space_divergence_floor spectrum_distance spectrum_distance_floor sliced_wasserstein "
    "sliced_wasserstein_floor lyapunov_target lyapunov_network spurious_fraction "
    "escaped_fraction outcome"
)


def test_json_has_the_keys_that_programs_rely_on(cli, model, judged):
    record = only_json(cli("compare", model, "--json"))
    assert set(record) >= set(KEYS.split())
    beside = {name: record.pop(name) for name in ("faults", "differences", "model", "target")}
    assert beside == {
        "faults": CARD.faults, "differences": CARD.differences, "model": str(model),
        "target": "van-der-pol",
    }  # fmt: skip
    assert (record.pop("seed"), record.pop("figure")) == (0, None)
    assert record == CARD.to_dict()
    assert record["drift_error"] == CARD.drift_error
    assert record["lyapunov_target"] == [None, -1.0]  # None was NaN


def test_the_target_comes_from_the_models_file(cli, model, judged):
    cli("compare", model)
    sde = judged[0]["sde"]
    assert sde.name == "van_der_pol"
    assert dict(sde.parameters) == {"mu": 2.0, "noise": 0.2}


def test_a_users_file_is_named_from_any_folder(
    cli, embedded, judged, user_file, tmp_path, monkeypatch
):
    cli("embed", "my_model.py:make", "--set", "rate=2", "--out", "mine.safetensors")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    target = f"{user_file}:make"
    cli("compare", tmp_path / "mine.safetensors", "--target", target, "--set", "rate=2")
    assert judged[0]["sde"].name == "mine"


def test_another_target_may_be_named(cli, model, judged):
    cli("compare", model, "--target", "limit-cycle")
    assert judged[0]["sde"].name == "limit_cycle"


def test_the_seed_arrives(cli, model, judged):
    for seed in (0, 0, 1):
        cli("compare", model, "--seed", seed)
    first, again, other = (str(call["key"]) for call in judged)
    assert first == again != other


def test_people_see_each_distance_beside_its_floor(cli, model, judged):
    lines = [line.split() for line in cli("compare", model).stdout.splitlines()]
    assert ["state-space", "divergence,", "nats", "0.011", "0.010", "1.10"] in lines
    assert ["drift", "error", "0.10", "%"] in lines
    assert ["Lyapunov", "exponent", "1", "–", "0.00", "±", "0.01"] in lines
    assert ["Lyapunov", "exponent", "2", "-1.00", "±", "0.02", "-1.01", "±", "0.02"] in lines
    assert any(line[:1] == ["faithful:"] for line in lines)


def test_the_table_fits_a_terminal_of_80_columns(cli, model, judged, monkeypatch):
    numbers = {name: getattr(CARD, name) * 1.2345e-3 for name in KEYS.split()[3:7]}
    numbers |= {"lyapunov_target": np.array([-1234.5, -12.3])}
    monkeypatch.setattr(
        "driftmatch.analysis.compare.compare", lambda *_, **__: replace(CARD, **numbers)
    )
    monkeypatch.setenv("COLUMNS", "80")
    table = cli("compare", model).stdout.split("far starts")[0]
    assert "state-space divergence, nats" in table
    assert "-1234.50 ± 0.01" in table
    assert max(map(len, table.splitlines())) <= 80


@pytest.mark.slow
def test_the_figure_is_drawn(cli, fails, model, judged, tmp_path, monkeypatch):
    monkeypatch.setattr("driftmatch.cli.compare.DRAWN", 20)
    cli("compare", model, "--figure", "both.png")
    assert (tmp_path / "both.png").read_bytes()[1:4] == b"PNG"
    assert "--force" in fails("compare", model, "--figure", "both.png")


def newer(model):
    header = read_header(model) | {"format_version": 99, "driftmatch_version": "9.0"}
    arrays = safetensors.numpy.load_file(model)
    metadata = {"format": "driftmatch", "header": json.dumps(header)}
    safetensors.numpy.save_file(arrays, model, metadata=metadata)


def truncated(model):
    model.write_bytes(model.read_bytes()[:-100])


def not_a_model(model):
    model.write_text("x, y\n1, 2\n")


def of_another_kind(model):
    safetensors.numpy.save_file(safetensors.numpy.load_file(model), model)


def without_target(model):
    save(model, network())


def with_odd_target(model):
    save(model, network(), target={"colour": "blue"})


def of_a_file_that_is_gone(model):
    target = {"system": "/gone/away.py:sde", "noise": None, "parameters": {}}
    save(model, network(), target=target)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (newer, "upgrade driftmatch"),
        (truncated, "truncated"),
        (not_a_model, "not a safetensors file"),
        (of_another_kind, "not a model of driftmatch"),
        (without_target, "add --target"),
        (with_odd_target, "add --target"),
        (of_a_file_that_is_gone, "it embeds away.py:sde; name it with --target"),
    ],
)
def test_a_bad_model_gets_one_line(fails, model, judged, spoil, message):
    spoil(model)
    assert message in fails("compare", model)
    assert judged == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lorenz"], "make one with driftmatch embed"),
        (["nat.safetensors"], "did you mean net.safetensors?"),
        (["net.safetensors", "--target", "lorens"], "did you mean 'lorenz'?"),
        (["net.safetensors", "--figure", "both.gif"], "--figure must end in .png"),
        (["net.safetensors", "--figure", "net.safetensors/a.png"], "cannot be written to"),
    ],
)
def test_bad_input_gets_one_line(fails, model, judged, arguments, message):
    assert message in fails("compare", *arguments)
    assert judged == []


def test_dimensions_must_agree(fails, model):
    assert "3 dimensions" in fails("compare", model, "--target", "lorenz")
