"""First passage times by simulation, against grids and exact formulas."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from passages import LINE, beyond, exit_of_a_disc, multiplicative, off_centre, passage, well

import driftmatch as dm
from driftmatch.memory.first_passage import mean_first_passage
from driftmatch.memory.passage_times import passage_times
from driftmatch.memory.regions import Regions
from driftmatch.meters import AbstractMeter
from driftmatch.outcomes import Outcome


@pytest.mark.slow
def test_simulation_agrees_with_the_grid():
    """In one and in two dimensions, to three standard errors (a false alarm once in 370 times)."""
    D = 0.1
    T = mean_first_passage(well(D), beyond(0.5), grid=LINE)
    p = passage_times(
        well(D), [-1.0], beyond(0.5), duration=2000.0, dt=0.05, key=jax.random.key(0),
        num_trajectories=4000,
    )  # fmt: skip
    assert p.outcome is Outcome.SUCCESS
    assert p.mean == pytest.approx(p.times.mean())
    assert p.standard_error == pytest.approx(p.times.std(ddof=1) / 4000**0.5, rel=1e-6)
    assert p.standard_error < 0.02 * p.mean
    assert abs(p.mean - T([-1.0])) < 3 * p.standard_error
    sde = dm.systems.ring_of_wells(torque=0.2, noise=0.6)
    goal = Regions(sde.starts[[2]], 0.3)
    T = mean_first_passage(sde, goal, grid=dm.Grid([-2.2, -2.2], [2.2, 2.2], 120))
    p = passage_times(
        sde, sde.starts[0], goal, duration=1000.0, dt=0.02, key=jax.random.key(1),
        num_trajectories=500,
    )  # fmt: skip
    assert abs(p.mean - T(sde.starts[0])) < 3 * p.standard_error
    assert p.standard_error < 0.06 * p.mean


def plain(sde, start, dt, number, key):
    """The mean time of the first sample with |z| ≥ 1: the way without a bridge."""
    run = dm.simulate(sde, duration=25.0, dt=dt, key=key, num_trajectories=number, start=start)
    out = np.linalg.norm(run.states, axis=2) >= 1
    return dt * np.where(out.any(axis=1), out.argmax(axis=1), out.shape[1]).mean()


@pytest.mark.parametrize("dim", [1, 2])
def test_large_steps_are_right_where_plain_sampling_is_far_off(dim):
    """A trap in a disc, left after some 1.4 or 0.7: steps of 0.1."""
    sde, start = dm.SDE(lambda z: -z, 1.0, dim), np.zeros(dim)
    exact = exit_of_a_disc(0, 1, 1.0, 0.5, dim)
    p = passage_times(
        sde,
        start,
        off_centre,
        duration=50.0,
        dt=0.1,
        key=jax.random.key(2),
        num_trajectories=40_000,
    )
    assert p.mean == pytest.approx(exact, abs=3 * p.standard_error + 0.004 * exact)
    assert plain(sde, start, 0.1, 4000, jax.random.key(3)) > 1.5 * exact


@pytest.mark.slow
def test_first_order_in_the_step():
    """dx = (1 + 0.8x) dB, whose bridges have the noise of their beginnings only. A quarter of the
    step leaves a quarter of the error; plain sampling would leave half of it at best."""
    sde = dm.SDE(lambda z: 0 * z, lambda z: (1 + 0.8 * z)[:, None], 1)
    exact = float(multiplicative(0.0, 0.8))
    errors, plain_errors = [], []
    for dt in (0.2, 0.05):
        p = passage_times(
            sde, [0.0], off_centre, duration=50.0, dt=dt, key=jax.random.key(4),
            num_trajectories=100_000,
        )  # fmt: skip
        errors.append(p.mean / exact - 1)
        assert p.standard_error / exact < 0.003
        plain_errors.append(plain(sde, np.zeros(1), dt, 4000, jax.random.key(5)) / exact - 1)
    assert 0.75 < np.log(errors[0] / errors[1]) / np.log(4) < 1.3
    assert np.log(plain_errors[0] / plain_errors[1]) / np.log(4) < 0.65


def test_standard_errors_are_honest_when_many_have_not_arrived():
    """60 runs of 100, of which some 40 have arrived: nearly exponential, so the mean is right, and
    95 % of the intervals hold it (fewer than 52 of 60 once in 80 times). The mean of those that
    arrived is not."""
    D = 0.1
    exact = passage(-1.0, 0.0, D)
    key = jax.random.key(6)
    held, naive = 0, []
    for _ in range(60):
        key, now = jax.random.split(key)
        p = passage_times(
            well(D),
            [-1.0],
            beyond(0.0),
            duration=0.5 * exact,
            dt=0.05,
            key=now,
            num_trajectories=100,
        )
        assert p.outcome is Outcome.CENSORED
        assert 20 < len(p.times) < 60
        held += abs(p.mean - exact) < 1.96 * p.standard_error
        naive.append(p.times.mean())
    assert held >= 52
    assert np.mean(naive) < 0.5 * exact


def test_arrivals_after_the_duration_do_not_count():
    """Noise belongs to a step, so a shorter run is the beginning of a longer one, wherever its end
    lies in a block of steps."""
    D, dt = 0.2, 0.05
    run = lambda steps: passage_times(  # noqa: E731
        well(D), [-1.0], beyond(0.0), duration=steps * dt, dt=dt, key=jax.random.key(7),
        num_trajectories=64,
    )  # fmt: skip
    whole = run(20_000)
    assert len(whole.times) == 64
    for steps in (1, 100, 255, 256, 257, 300):
        part = run(steps)
        assert part.duration == pytest.approx(steps * dt)
        np.testing.assert_array_equal(part.times, whole.times[whole.times < steps * dt])
        if len(part.times):
            at_risk = part.times.sum() + (64 - len(part.times)) * steps * dt
            assert part.mean == pytest.approx(at_risk / len(part.times))


def test_few_arrivals():
    p = passage_times(
        well(0.1), [-1.0], beyond(0.0), duration=1.0, dt=0.05, key=jax.random.key(8),
        num_trajectories=20,
    )  # fmt: skip
    assert p.outcome is Outcome.FEW_EVENTS
    assert p.num_trajectories == 20
    p = passage_times(well(0.01), [-1.0], beyond(0.0), duration=1.0, dt=0.05, key=jax.random.key(8))
    assert len(p.times) == 0
    assert p.mean == p.standard_error == math.inf
    assert p.outcome is Outcome.FEW_EVENTS


def test_many_starts():
    starts = np.array([[-1.0], [0.9]] * 50)
    p = passage_times(
        well(0.05), starts, beyond(1.0), duration=0.5, dt=0.01, key=jax.random.key(9),
        num_trajectories=100,
    )  # fmt: skip
    assert 25 < len(p.times) <= 50


def test_what_comes_after_the_arrival_does_not_matter():
    """Over the barrier of x²/2 − x³/3, beyond which the state diverges in no time."""
    sde = dm.SDE(lambda z: -z + z**2, 0.6, 1)
    p = passage_times(sde, [0.0], beyond(2.0), duration=200.0, dt=0.02, key=jax.random.key(10))
    assert p.outcome is Outcome.SUCCESS
    with pytest.raises(dm.ComputationError, match=r"non-finite before t = .* lower dt = 0.02"):
        passage_times(sde, [0.0], beyond(1e30), duration=2000.0, dt=0.02, key=jax.random.key(10))


def test_without_noise_arrivals_are_those_of_the_flow():
    """dx = 1 dt reaches 1 after 1, to half a step."""
    sde = dm.SDE(lambda z: jnp.ones(1), 0.0, 1)
    p = passage_times(sde, [0.0], beyond(1.0), duration=5.0, dt=0.01, key=jax.random.key(11))
    np.testing.assert_allclose(p.times, 1.0, atol=0.0101)


def test_private_noise_counts():
    """A linear neuron with shared and private noise, dz = −z/2 dt + dB + s√2 dξ; the latent SDE
    alone would take longer."""
    network = dm.Network(
        [[1.0]], [[0.5]], [0.0], activation="identity", shared_noise=1.0, private_noise=1.0
    )
    ask = lambda network: passage_times(  # noqa: E731
        network, [0.0], off_centre, duration=30.0, dt=0.05, key=jax.random.key(12),
        num_trajectories=4000,
    )  # fmt: skip
    sde = dm.SDE(lambda z: -z / 2, 3.0**0.5, 1)
    exact = float(mean_first_passage(sde, off_centre, grid=dm.Grid([-2], [2], 400))([0.0]))
    noisy, quiet = ask(network), ask(network.with_private_noise(0.0))
    assert abs(noisy.mean - exact) < 3 * noisy.standard_error
    assert quiet.mean > 2 * noisy.mean


@pytest.mark.slow
def test_single_precision_is_enough():
    """The same mean in both, to three standard errors, with steps of 5·10⁻⁴, whose drift is four
    digits below the state."""
    sde = dm.SDE(lambda z: -z, 1.0, 1)
    ask = lambda: passage_times(  # noqa: E731
        sde, [0.5], off_centre, duration=20.0, dt=5e-4, key=jax.random.key(13),
        num_trajectories=1000,
    )  # fmt: skip
    single = ask()
    with jax.enable_x64(True):
        double = ask()
    exact = exit_of_a_disc(0.5, 1, 1.0, 0.5, dim=1)
    for p in (single, double):
        assert abs(p.mean - exact) < 3 * p.standard_error
        assert p.standard_error < 0.05 * exact


class Counting(AbstractMeter):
    """Counts what it is told, and may interrupt."""

    def __init__(self, interrupt=False):
        self.total, self.steps, self.stopped, self.interrupt = 0, 0, 0, interrupt

    def start(self, description, total):
        self.total = total

    def advance(self, steps, note=""):
        self.steps += steps
        if self.interrupt:
            raise KeyboardInterrupt

    def stop(self):
        self.stopped += 1


def test_the_run_ends_with_the_last_arrival_or_an_interrupt():
    meter = Counting()
    p = passage_times(
        well(0.2), [-1.0], beyond(0.0), duration=1e6, dt=0.05, key=jax.random.key(14), meter=meter
    )
    assert meter.total == 20_000_000
    assert p.times.max() / 0.05 <= meter.steps < p.times.max() / 0.05 + 300
    assert meter.stopped == 1
    meter = Counting(interrupt=True)
    with pytest.raises(KeyboardInterrupt):
        passage_times(
            well(0.01), [-1.0], beyond(0.0), duration=1e6, dt=0.05, key=jax.random.key(14),
            meter=meter,
        )  # fmt: skip
    assert meter.steps < 1000
    assert meter.stopped == 1


def test_compiles_once():
    """For runs of any length and step, and for other regions of the same number."""
    traced = []

    def drift(z):
        traced.append(1)
        return -z

    sde = dm.SDE(drift, 1.0, 1)
    counts = []
    for duration, dt, centre in ((1.0, 0.05, 2.0), (3.0, 0.05, 2.0), (60.0, 0.1, 1.5)):
        passage_times(
            sde, [0.0], Regions([[centre]], 0.5), duration=duration, dt=dt, key=jax.random.key(0)
        )
        counts.append(len(traced))
    assert counts[0] == counts[1] == counts[2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": [1.0]}, "start lies inside the target"),
        ({"start": [0.0, 1.0]}, "start must have shape"),
        ({"start": [np.nan]}, "start must be finite"),
        ({"target": Regions([[0.0, 0.0]], 1.0)}, "target has 2 dimensions"),
        ({"target": 3.0}, "Regions or a function"),
        ({"duration": -1.0}, "duration must be a positive number"),
        ({"dt": 20.0}, "dt must not exceed the duration"),
        ({"key": 0}, "key must be one random key"),
        ({"num_trajectories": 0}, "num_trajectories must be a whole number"),
        ({"system": lambda z: z}, "must be an SDE"),
        ({"system": dm.Network([[1.0]], [[0.5]], [0.0], tau=0.01)}, "too large for a network"),
    ],
)
def test_bad_input_of_simulations(changes, words):
    arguments = {
        "system": well(0.1), "start": [-1.0], "target": beyond(0.5), "duration": 10.0, "dt": 0.05,
        "key": jax.random.key(0), "num_trajectories": 4,
    }  # fmt: skip
    with pytest.raises(dm.InputError, match=words):
        passage_times(**(arguments | changes))
