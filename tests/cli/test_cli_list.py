import re

import pytest
from commands import only_json

from driftmatch.systems import CATALOGUE, flow_names


def test_json_describes_every_system(cli):
    systems = only_json(cli("list", "--json"))["systems"]
    assert [s["name"] for s in systems] == list(CATALOGUE)
    for record in systems:
        sde = CATALOGUE[record["name"]]()
        assert record["dimension"] == sde.dim
        assert record["equation"] == sde.equation
        assert record["parameters"].keys() == dict(sde.parameters).keys()
        assert record["description"]


@pytest.mark.parametrize("columns", [80, 120])
def test_people_see_names_that_they_can_type(cli, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = cli("list").stdout
    for name in CATALOGUE:
        assert re.search(rf"^{name.replace('_', '-')} ", shown, re.MULTILINE)
    assert "rho=28" in shown
    assert "dysts:Rossler" in shown
    assert "my_model.py:sde" in shown
    assert max(map(len, shown.splitlines())) <= columns


@pytest.mark.parametrize("columns", [80, 120])
def test_equations_are_not_broken(cli, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = cli("list").stdout
    for system in CATALOGUE.values():
        for part in system().equation.split(",  "):
            assert part in shown


def test_flows_of_dysts(cli):
    pytest.importorskip("dysts")
    assert only_json(cli("list", "--dysts", "--json")) == {
        "flows": [f"dysts:{name}" for name in flow_names()]
    }
    assert "Rossler" in cli("list", "--dysts").stdout.split()


def test_without_dysts_it_says_how_to_get_it(fails, monkeypatch):
    monkeypatch.setattr("driftmatch.systems.dysts.flow_names", list)
    assert "pip install 'driftmatch[dysts]'" in fails("list", "--dysts")
