"""The run that an analysis rests on."""

import jax
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.analysis import summary_run
from driftmatch.analysis.summary_run import chosen_states, recording, thinned
from driftmatch.outcomes import Outcome
from driftmatch.sampling.samples import Samples

KEY = jax.random.key(0)
STARTS = np.random.default_rng(0).normal(size=(3, 2))


def sampled(starts):
    """Samples that end there, of a time scale of 1."""
    runs = np.repeat(starts[:, None], 2, axis=1)
    bounds = np.array([[-np.inf] * 2, [np.inf] * 2])
    return Samples(runs, spacing=1.0, time_scale=1.0, step=1 / 50, longest_step=1 / 50,
                   bounds=bounds, relaxation_time=1.0, effective_number=3.0, is_resting=False,
                   outcome=Outcome.SUCCESS, reason=None, name="sde",
                   periods=(None, None))  # fmt: skip


SAMPLES = sampled(STARTS)
NET = dm.Network(
    np.random.default_rng(1).normal(size=(6, 2)), np.zeros((2, 6)), np.zeros(6), tau=0.01,
    shared_noise=1.0,
)  # fmt: skip


def test_eight_trajectories_in_float64():
    run = recording(dm.systems.limit_cycle(), SAMPLES, 10.0, None, KEY)
    assert run.states.shape == (8, 251, 2)
    assert run.states.dtype == np.float64
    assert run.dt == pytest.approx(1 / 50)
    np.testing.assert_allclose(run.states[:, 0], STARTS[[0, 1, 2, 0, 1, 2, 0, 1]])


def test_the_step_is_refined_where_it_must_be():
    """dz = −150z dt, of which the step of 1/50 makes z grow; one that is given is kept."""
    stiff = dm.SDE(lambda z: -150 * z - z**3, 0.1, 2)
    given = recording(stiff, sampled(1e4 + STARTS), 5.0, 1 / 50, KEY)
    assert given.outcome is Outcome.NON_FINITE
    assert given.reason
    milder = dm.SDE(lambda z: -150 * z, 0.1, 2)
    run = recording(milder, SAMPLES, 20.0, None, KEY)
    assert run.outcome is Outcome.SUCCESS
    assert run.dt == pytest.approx(1 / 200)
    assert run.times[1] == pytest.approx(1 / 25)


def test_the_leak_of_a_fast_network_is_followed():
    assert recording(NET, SAMPLES, 1.0, None, KEY).dt == pytest.approx(0.001)


def test_runs_in_neurons_are_as_short_as_memory_demands(monkeypatch):
    monkeypatch.setattr(summary_run, "_STORED", 8 * 6 * 25 * 20)
    noisy = NET.with_private_noise(0.1)
    assert recording(noisy, SAMPLES, 50.0, None, KEY).times[-1] == pytest.approx(20, abs=0.1)
    assert recording(NET, SAMPLES, 50.0, None, KEY).times[-1] == pytest.approx(50, abs=0.1)


def test_chosen_states_are_late_and_a_little_apart():
    states = np.full((8, 100, 2), np.nan)
    states[:, 25:] = [[0.0, 5.0]]
    states[::2, 25:, 0] = 2.0
    chosen = chosen_states(dm.SDE(lambda z: -z, 0.1, 2), states, 64, KEY)
    assert chosen.shape == (64, 2)
    off = np.minimum(np.abs(chosen[:, 0]), np.abs(chosen[:, 0] - 2))
    assert 0 < off.max() < 0.05
    np.testing.assert_array_equal(chosen[:, 1], 5.0)
    assert len(np.unique(chosen[:, 0])) == 64


@pytest.mark.parametrize(("private_noise", "wanted"), [(0.0, 500), (0.1, 500)])
def test_thinned_runs_keep_as_much_as_is_needed(private_noise, wanted):
    net = NET.with_private_noise(private_noise)
    run = recording(net, SAMPLES, 50.0, None, KEY)
    few = thinned(run)
    number = few.latent.shape[0] * few.latent.shape[1]
    assert wanted <= number < 2 * wanted
    every = round((few.times[1] - few.times[0]) / (run.times[1] - run.times[0]))
    np.testing.assert_array_equal(few.latent, run.latent[:, ::every])
    np.testing.assert_array_equal(few.neurons, run.neurons[:, ::every])
