"""Meters that pass on to another what they are told."""

from driftmatch.meters import NoteMeter, PartMeter, SilentMeter


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
