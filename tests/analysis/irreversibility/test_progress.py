"""What a meter is told on every route, and how a run ends that is interrupted."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.analysis.irreversibility import by_path, by_score
from driftmatch.meters import AbstractMeter

KEY = jax.random.key(0)
OU = dm.systems.ornstein_uhlenbeck()
SAMPLES = dm.sample(OU, key=KEY)
RUN = {"num_trajectories": 32, "duration": 20.0}
ROUTES = {
    "score": dm.ScoreRoute(num_features=16, num_samples=4000, **RUN),
    "path": dm.PathRoute(**RUN),
    "grid": dm.GridRoute(32),
}
TASKS = {
    "score": ["simulate", "score", "simulate", "score"],
    "path": ["paths"],
    "grid": ["box", "density", "density"],
}
routes = pytest.mark.parametrize("method", ROUTES)


class Recorder(AbstractMeter):
    """What it is told, task by task; interrupts, or whatever it is to raise, when it is tired."""

    def __init__(self, patience=10**9, error=KeyboardInterrupt):
        self.patience, self.error = patience, error
        self.tasks, self.totals, self.done, self.open, self.advances = [], [], [], 0, 0

    def start(self, description, total):
        self.tasks.append(description.split()[0])
        self.totals.append(total)
        self.done.append(0)
        self.open += 1
        assert self.open == 1, "one task at a time"

    def advance(self, steps, note=""):
        assert self.open == 1, "a task was begun"
        self.done[-1] += steps
        self.advances += 1
        if self.advances >= self.patience:
            raise self.error

    def stop(self):
        self.open -= 1


def found(method, **options):
    return dm.irreversibility(OU, key=KEY, method=ROUTES[method], **options)


@routes
def test_the_meter_is_told_of_every_task(method):
    """All steps of all tasks, but for boxes, which are seldom widened eight times."""
    meter = Recorder()
    record = found(method, samples=SAMPLES, meter=meter)
    assert meter.tasks == TASKS[method]
    assert meter.open == 0
    for task, total, done in zip(meter.tasks, meter.totals, meter.done, strict=True):
        assert 0 < done <= total if task == "box" else done == total > 1
    silent = found(method, samples=SAMPLES)
    assert silent.entropy_production == record.entropy_production


@routes
def test_samples_that_are_made_are_told_too(method):
    meter = Recorder()
    found(method, meter=meter)
    assert meter.tasks == ["sample", *TASKS[method]]
    assert meter.open == 0


def test_long_loops_are_told_within(monkeypatch):
    """Of a path whose pieces are short, and of steps within a piece."""
    monkeypatch.setattr("driftmatch.analysis.irreversibility.samples._CHUNK", 4000)
    monkeypatch.setattr("driftmatch.simulation.loop.CHUNK_SECONDS", 1e-9)
    meter = Recorder()
    found("path", samples=SAMPLES, meter=meter)
    assert meter.advances > 50
    assert meter.done == meter.totals


def test_a_recording_is_told_as_well():
    run = dm.simulate(OU, duration=50.0, dt=0.02, key=KEY, num_trajectories=16, start=SAMPLES.pick(
        16, np.random.default_rng(0)))  # fmt: skip
    meter = Recorder()
    found("score", trajectory=run, meter=meter)
    assert meter.tasks == ["score"]
    assert (meter.open, meter.done) == (0, meter.totals)


@routes
@pytest.mark.parametrize("error", [KeyboardInterrupt, dm.ComputationError])
def test_interrupts_and_errors_end_cleanly_whenever_they_come(method, error):
    """In every task, at its first advance and its last; the control is not interrupted at all."""
    whole = Recorder()
    found(method, samples=SAMPLES, meter=whole)
    for patience in (1, 2, whole.advances // 2, whole.advances):
        meter = Recorder(patience, error("stop"))
        with pytest.raises(error):
            found(method, samples=SAMPLES, meter=meter)
        assert meter.open == 0
    meter = Recorder(2 * whole.advances + 99, error("stop"))
    found(method, samples=SAMPLES, meter=meter)


@pytest.mark.parametrize(
    ("method", "module", "name"),
    [("score", by_score, "fit_scores"), ("path", by_path, "_stratonovich_sums")],
)
def test_the_meter_is_stopped_by_what_fails(method, module, name, monkeypatch):
    def fails(*arguments):
        raise ValueError("what nobody expected")

    monkeypatch.setattr(module, name, fails)
    meter = Recorder()
    with pytest.raises(ValueError, match="nobody expected"):
        found(method, samples=SAMPLES, meter=meter)
    assert meter.tasks
    assert meter.open == 0
