"""Chunks, compilations, and runs that end before their time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.meters import SilentMeter
from driftmatch.simulation import loop

KEY = jax.random.key(0)


def oscillator(name="oscillator", traces=None):
    def drift(z):
        if traces is not None:
            traces.append(name)
        return jnp.array([z[1], -z[0] - 0.1 * z[1] ** 3])

    return dm.SDE(drift, 0.3, dim=2, start=[1.0, 0.0], name=name)


class Recorder(SilentMeter):
    """Remembers what it is told, and interrupts after a number of advances."""

    def __init__(self, patience=10**9):
        self.total, self.steps, self.patience, self.stopped = 0, [], patience, False

    def start(self, description, total):
        self.total = total

    def advance(self, steps, note=""):
        self.steps.append(steps)
        if len(self.steps) == self.patience:
            raise KeyboardInterrupt

    def stop(self):
        self.stopped = True


def run(sde, *, duration=5.0, dt=0.01, M=3, **options):
    return dm.simulate(sde, duration=duration, dt=dt, key=KEY, num_trajectories=M, **options)


@pytest.mark.parametrize(
    "setting",
    [{"CHUNK_SECONDS": 1e-9}, {"BLOCK_STEPS": 7}, {"CHUNK_NUMBERS": 60}, {"BLOCK_NUMBERS": 1}],
    ids=str,
)
def test_chunks_and_blocks_do_not_show(monkeypatch, setting):
    sde = oscillator()
    whole = run(sde).states
    for name, value in setting.items():
        monkeypatch.setattr(loop, name, value)
    meter = Recorder()
    cut = run(sde, meter=meter).states
    assert np.allclose(cut, whole, rtol=0, atol=1e-6)
    assert sum(meter.steps) == meter.total == 500
    assert meter.stopped
    if "CHUNK_SECONDS" in setting or "CHUNK_NUMBERS" in setting:
        assert len(meter.steps) > 10


def test_save_every_only_leaves_samples_out(monkeypatch):
    sde = oscillator()
    whole = run(sde)
    for save_every in (7, 500):
        for seconds in (loop.CHUNK_SECONDS, 1e-9):  # rows that chunks cut in two
            monkeypatch.setattr(loop, "CHUNK_SECONDS", seconds)
            part = run(sde, save_every=save_every)
            assert np.array_equal(part.states, whole.states[:, ::save_every])
            assert np.allclose(part.times, whole.times[::save_every], rtol=1e-12)
    assert part.states.shape == (3, 2, 2)


def test_a_shorter_run_is_the_beginning_of_a_longer_one():
    sde = oscillator()
    assert np.array_equal(run(sde, duration=3.0).states, run(sde).states[:, :301])


def test_compiles_once(monkeypatch):
    traces = []
    sde = oscillator(traces=traces)
    run(sde)
    before = len(traces)
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 1e-9)
    meter = Recorder()
    dm.simulate(
        sde,
        duration=2.0,
        dt=0.005,
        key=jax.random.key(9),
        num_trajectories=3,
        start=np.ones(2),
        save_every=4,
        meter=meter,
    )
    assert len(meter.steps) > 10
    assert len(traces) == before
    # The negative twin: another shape has to be traced.
    run(sde, M=2)
    assert len(traces) > before


def test_a_system_that_diverges_is_told_from_a_step_that_is_too_large():
    diverging = dm.SDE(lambda z: z**2, 0.0, dim=1, start=[1.0], name="square")
    with pytest.raises(dm.ComputationError, match=r"trajectory 0 of square .* at t = 1\.\d+") as e:
        run(diverging, M=1)
    assert "system diverges" in str(e.value)
    stiff = dm.SDE(lambda z: -1000 * z, 0.0, dim=1, start=[1.0], name="stiff")
    with pytest.raises(dm.ComputationError, match=r"too large: with dt = 0.001 it stays finite"):
        run(stiff, dt=0.1, duration=10.0, M=1)


def test_the_trajectory_that_failed_is_named():
    sde = dm.SDE(lambda z: z**2, 0.0, dim=1, name="square")
    start = [[-1.0], [-2.0], [1.0]]
    with pytest.raises(dm.ComputationError, match="trajectory 2 of square became non-finite betw"):
        run(sde, start=start, save_every=20)
    kept = run(sde, start=start, save_every=20, throw=False)
    assert kept.outcome is dm.Outcome.NON_FINITE
    assert "trajectory 2 of square" in kept.reason
    assert np.all(np.isfinite(kept.states))
    assert kept.states.shape == (3, 6, 1)  # until t = 1, for z = 1 / (1 − t)
    assert len(kept.times) == 6


def test_an_interrupted_run_keeps_what_it_has(monkeypatch):
    sde = oscillator()
    whole = run(sde)
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 1e-9)
    meter = Recorder(patience=20)
    part = run(sde, meter=meter, throw=False)
    assert part.outcome is dm.Outcome.INTERRUPTED
    assert meter.stopped
    done = sum(meter.steps)
    assert 20 <= done < 500
    assert np.array_equal(part.states, whole.states[:, : done + 1])
    assert len(part.times) == done + 1
    with pytest.raises(KeyboardInterrupt):
        run(sde, meter=Recorder(patience=2))


def test_more_than_memory_is_refused():
    with pytest.raises(dm.InputError, match=r"would keep .* GB.*raise save_every"):
        run(oscillator(), duration=1e7, M=10**6)
