import io
import json
import math
import sys

import numpy as np
import pytest

from driftmatch.cli.tables import number, percent, plain_table, verdict, with_error
from driftmatch.cli.terminal import Terminal
from driftmatch.meters import SILENT
from driftmatch.outcomes import Outcome
from driftmatch.records import plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (-math.inf, None),
        (np.float32(0.5), 0.5),
        (np.array([1.0, np.inf]), [1.0, None]),
        ({"a": (1, np.int64(2), None)}, {"a": [1, 2, None]}),
        (Outcome.SUCCESS, "success"),
        (True, True),
    ],
)
def test_json_holds_plain_values(value, expected):
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == expected


def test_only_the_result_reaches_standard_output(capsys):
    with Terminal(as_json=True) as terminal:
        print("chatter")
        terminal.show("for people")
        terminal.result({"x": math.nan}, "for people too")
    print("after")
    captured = capsys.readouterr()
    assert captured.out == '{"x": null}\nafter\n'
    assert captured.err == "chatter\n"


def test_people_get_text(capsys):
    with Terminal() as terminal:
        terminal.result({"x": 1}, "one", plain_table("two"))
    assert capsys.readouterr().out.split() == ["one", "two"]


@pytest.mark.parametrize(
    ("on_a_terminal", "options", "silent"),
    [
        (True, {}, False),
        (False, {}, True),
        (True, {"quiet": True}, True),
        (True, {"as_json": True}, True),
    ],
)
def test_who_sees_the_meter(monkeypatch, on_a_terminal, options, silent):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: on_a_terminal)
    assert (Terminal(**options).meter is SILENT) == silent


def test_a_failure_puts_standard_output_back():
    before = sys.stdout
    with pytest.raises(KeyboardInterrupt), Terminal():
        raise KeyboardInterrupt
    assert sys.stdout is before


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 2, "0"),
        (1.0, 3, "1.00"),
        (0.0123, 2, "0.012"),
        (0.9996, 3, "1.000"),
        (123.4, 2, "123"),
        (-0.5, 2, "-0.50"),
        (3.2e-9, 2, "3.2e-09"),
        (3.2e9, 2, "3.2e+09"),
        (None, 2, "–"),
        (math.nan, 2, "–"),
        (math.inf, 2, "–"),
    ],
)
def test_numbers(value, digits, text):
    assert number(value, digits) == text


def test_percent():
    assert percent(0.00123) == "0.12 %"
    assert percent(0.0) == "0 %"
    assert percent(None) == "–"


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.9061, 0.0032, "0.906 ± 0.003"),
        (-0.0001, 0.002, "0.000 ± 0.002"),
        (-14.57, 0.3, "-14.6 ± 0.3"),
        (120.0, 30.0, "120 ± 30"),
        (23474.0, 318.0, "23500 ± 300"),
        (1.0, 0.0, "1.000 ± 0.000"),
        (1.5e-11, 4e-12, "1.5e-11 ± 4e-12"),
        (math.nan, 0.1, "–"),
    ],
)
def test_numbers_with_errors(value, error, text):
    assert with_error(value, error) == text


def test_a_verdict_is_shown_as_it_is():
    assert verdict("[x]", good=True) == r"[green]\[x][/]"


def test_a_table_in_ascii_keeps_its_columns(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    table = plain_table("\u03c4", "\u2016W\u208b\u2016\u00b2 \u00b1")
    table.add_row("\u03c3\u00b2", "1.0 \u00b1 0.1")
    table.add_row("plain", "\u2013")
    with Terminal() as terminal:
        terminal.show(table, verdict("\u2713 \u03b5", good=True))
    stream.seek(0)
    lines = stream.read().splitlines()
    assert [line.split() for line in lines] == [
        ["tau", "||W-||^2", "+-"], ["sigma^2", "1.0", "+-", "0.1"], ["plain", "-"],
        ["ok", "epsilon"],
    ]  # fmt: skip
    assert len({len(line.rstrip()) for line in lines[:3]}) == 1
