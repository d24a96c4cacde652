"""Meters that pass on to another what they are told, and those that write it."""

import io

from driftmatch.arguments import check_meter
from driftmatch.meters import SILENT, LineMeter, NoteMeter, PartMeter, SilentMeter, TerminalMeter


class Recorder(SilentMeter):
    def __init__(self):
        self.told = []

    def start(self, description, total):
        self.told.append(("start", description, total))

    def advance(self, steps, note=""):
        self.told.append((steps, note))

    def stop(self):
        self.told.append("stop")


def test_the_steps_of_a_part_are_steps_of_the_whole():
    whole = Recorder()
    part = PartMeter(whole)
    part.start("part", 3)
    part.advance(3, "t = 3")
    part.stop()
    assert whole.told == [(3, "t = 3")]


def test_tasks_within_a_step_leave_notes():
    whole = Recorder()
    within = NoteMeter(whole, "irreversibility")
    for _ in range(2):  # the second task counts from 0 again
        within.start("simulate", 8)
        within.advance(2, "t = 2")
        within.advance(2)
        within.stop()
    notes = [f"irreversibility: simulate, {share} %" for share in (0, 25, 50)]
    assert whole.told == [(0, note) for note in notes] * 2


def test_a_task_of_no_steps():
    whole = Recorder()
    NoteMeter(whole, "a").start("b", 0)
    assert whole.told == [(0, "a: b, 0 %")]


def test_true_is_a_meter_that_talks():
    assert isinstance(check_meter(True), TerminalMeter)
    assert check_meter(False) is SILENT


def test_a_line_is_written_again_and_wiped(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    file = io.StringIO()
    meter = LineMeter(file)
    meter.start("simulate lorenz", 4)
    for note in ("t = 1", "t = 2", "t = 3"):  # of which the second comes too soon after the first
        clock[0] += 0.6
        meter.advance(1, note)
    meter.stop()
    lines = file.getvalue().split("\r")
    assert [line.strip() for line in lines if line.strip()] == [
        "simulate lorenz: 0 %", "simulate lorenz: 50 %  t = 2"
    ]  # fmt: skip
    meter.start("at once", 1)  # too soon after the last one
    assert "at once" not in file.getvalue()
    assert lines[-1] == ""
    assert len(lines[-2]) == len("simulate lorenz: 50 %  t = 2")


def test_where_there_is_no_terminal_a_line_is_written(capsys):
    meter = TerminalMeter()
    meter.start("sample", 2)
    meter.advance(1)
    meter.stop()
    assert "sample: 0 %" in capsys.readouterr().err


def test_a_line_in_ascii_spells_out_what_it_cannot_write(monkeypatch):
    monkeypatch.setattr("time.monotonic", lambda: 10.0)
    file = io.TextIOWrapper(io.BytesIO(), "ascii")
    meter = LineMeter(file)
    meter.start("fit \u03c3\u00b2", 4)
    meter.stop()
    file.seek(0)
    assert "fit sigma^2: 0 %" in file.read()
