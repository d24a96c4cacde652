"""Stationary samples, and the statistics that judge them."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import driftmatch as dm
from driftmatch.analysis.irreversibility.samples import (
    PathEnsemble,
    block_means,
    is_transient,
    on_stationary_paths,
    overshoots,
    pieces,
    simulate_exactly,
    standard_error,
    stationary_ensemble,
)
from driftmatch.arguments import check_positive
from driftmatch.outcomes import Outcome

KEY = jax.random.key(0)
SPACING = 0.1


def relaxing(rng, rates, start, num_trajectories, num_samples):
    """dz_i = −λ_i z_i dt + √(2λ_i) dB_i, sampled exactly; of variance 1 when stationary."""
    keep = np.exp(-np.asarray(rates) * SPACING)
    z = np.empty((num_trajectories, num_samples, len(keep)))
    z[:, 0] = start(rng, (num_trajectories, len(keep)))
    kicks = np.sqrt(1 - keep**2) * rng.standard_normal(z.shape)
    for t in range(1, num_samples):
        z[:, t] = keep * z[:, t - 1] + kicks[:, t]
    return z


def stationary_start(rng, shape):
    return rng.standard_normal(shape)


def narrow_start(rng, shape):
    return 0.1 * rng.standard_normal(shape)


def far_start(rng, shape):
    return np.full(shape, 3.0)


def verdicts(rates, start, num_trajectories, num_samples, number=100, error_rate=1e-3):
    return sum(
        is_transient(
            relaxing(np.random.default_rng(seed), rates, start, num_trajectories, num_samples),
            error_rate,
        )
        for seed in range(number)
    )


@pytest.mark.parametrize(("M", "T"), [(64, 400), (8, 400), (1, 4000), (4, 1000)])
def test_stationary_samples_pass(M, T):
    """At its error rate of 1e-3, more than two alarms in 100 come once in 6000 sets of seeds."""
    assert verdicts([1.0, 3.0], stationary_start, M, T) <= 2


def test_the_error_rate_is_kept():
    """Asked for 10 %, bounded by Bonferroni: more than 22 of 100 come once in 8000."""
    assert 1 <= verdicts([1.0, 3.0], stationary_start, 64, 400, error_rate=0.1) <= 22


@pytest.mark.parametrize(("start", "M"), [(far_start, 64), (narrow_start, 512)])
def test_relaxing_samples_are_found(start, M):
    """In their mean or, with more trajectories, only in their variance: over two relaxation times
    the excess is six standard errors or more, and the threshold 3.5."""
    assert verdicts([0.05, 3.0], start, M, 400, number=20) >= 18


def test_block_means():
    values = np.arange(2 * 45 * 3.0).reshape(2, 45, 3)
    means = block_means(values)
    assert means.shape == (40, 3)
    np.testing.assert_allclose(means[0], values[0, :2].mean(axis=0))
    np.testing.assert_allclose(means[-1], values[1, 38:40].mean(axis=0))
    values = np.arange(8 * 5 * 1.0).reshape(8, 5, 1)
    np.testing.assert_allclose(block_means(values)[:, 0], values[..., 0].mean(axis=1))


@pytest.mark.parametrize(("M", "T"), [(1, 800), (4, 400), (16, 100)])
def test_standard_errors_cover(M, T):
    """Blocks last at least eight correlation times; of 400 seeds 5 % are beyond the two-sided 95 %
    of Student's t, give or take 1.1 %, and more than 9.5 % would come once in 10⁴."""
    blocks = M if M >= 8 else 20 * M
    beyond, ratio = 0, []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        values = relaxing(rng, [4.0], stationary_start, M, T)[..., 0]
        error = standard_error(values)
        ratio.append(values.mean() / error)
        beyond += abs(ratio[-1]) > scipy.stats.t.isf(0.025, blocks - 1)
    assert beyond <= 0.095 * 400
    assert 0.8 < np.std(ratio) < 1.3
    naive = values.std() / np.sqrt(values.size)  # as if samples were independent
    assert error > 1.5 * naive


OU = dm.systems.ornstein_uhlenbeck()
SAMPLES = dm.sample(OU, key=KEY)
options = partial(
    stationary_ensemble, samples=SAMPLES, num_trajectories=256, duration=None, burn_in=None,
    dt=None, steps_per_time_scale=20, longest=np.inf,
)  # fmt: skip


def test_an_ensemble_is_stationary():
    """Variances of ½ from 256 states: four standard errors of 0.044 each, one seed in 8000."""
    ensemble = options(OU, KEY)
    assert ensemble.outcome is Outcome.SUCCESS
    assert ensemble.steps % 2 == 0
    assert ensemble.steps * ensemble.dt > 100
    np.testing.assert_allclose(ensemble.starts.var(axis=0), 0.5, atol=0.18)


def on_paths(use, dt=None):
    return on_stationary_paths(
        use,
        OU,
        KEY,
        None,
        num_trajectories=4,
        duration=20.0,
        burn_in=1.0,
        dt=dt,
        steps_per_time_scale=20,
    )


def test_steps_are_made_finer_until_none_overshoots():
    steps = []

    def use(ensemble, key):
        steps.append(ensemble.dt)
        if len(steps) == 1:
            raise dm.ComputationError("it became non-finite")
        return "done", len(steps) == 2, Outcome.SUCCESS

    assert on_paths(use) == ("done", Outcome.SUCCESS)
    np.testing.assert_allclose(np.divide(steps[0], steps), [1, 4, 16])


def test_a_step_that_was_given_is_kept():
    def diverges(ensemble, key):
        raise dm.ComputationError("it became non-finite")

    with pytest.raises(dm.ComputationError, match="non-finite"):
        on_paths(diverges, dt=0.02)
    found = on_paths(lambda ensemble, key: (ensemble.dt, True, Outcome.SUCCESS), dt=0.02)
    assert found == (0.02, Outcome.SUCCESS)


def test_what_overshoots():
    """A drift of −3z: steps of ½ lead from the outermost states beyond the spread."""
    states = np.random.default_rng(0).standard_normal((1000, 2))
    assert overshoots(-3 * states, states, 0.5)
    assert not overshoots(-3 * states, states, 0.05)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Outcome.SUCCESS, Outcome.SUCCESS),
        (Outcome.DRIFTING, Outcome.TRANSIENT),
        (Outcome.NOT_MIXING, Outcome.SEVERAL_ATTRACTORS),
    ],
)
def test_samples_that_are_not_stationary_are_told(found, told):
    samples = replace(SAMPLES, outcome=found)
    assert options(OU, KEY, samples=samples).outcome is told


def test_steps_are_no_longer_than_samples_allow():
    usual = options(OU, KEY).dt
    assert usual == pytest.approx(SAMPLES.time_scale / 20)
    assert options(OU, KEY, longest=usual / 3).dt == pytest.approx(usual / 3)


def test_paths_last_four_relaxations():
    slow = replace(SAMPLES, relaxation_time=1000 * SAMPLES.time_scale)
    ensemble = options(OU, KEY, samples=slow)
    assert ensemble.steps * ensemble.dt == pytest.approx(4000 * SAMPLES.time_scale, rel=1e-3)


def test_pieces_join_to_one_path(monkeypatch):
    monkeypatch.setattr("driftmatch.analysis.irreversibility.samples._CHUNK", 200)
    ensemble = PathEnsemble(np.zeros((4, 2)), 0.01, 70, Outcome.SUCCESS)
    parts = list(pieces(OU, ensemble, KEY))
    assert [part.shape[1] - 1 for part in parts] == [24, 24, 22]
    np.testing.assert_array_equal(parts[0][:, -1], parts[1][:, 0])
    np.testing.assert_array_equal(parts[1][:, -1], parts[2][:, 0])
    assert parts[0].dtype == np.float64
    assert np.all(parts[0][:, 1] != parts[1][:, 1])


def test_divergence_is_an_error():
    with pytest.raises(dm.ComputationError, match="non-finite"):
        simulate_exactly(dm.SDE(lambda z: z**3, 0.1, 1), np.full((2, 1), 9.0), 100, 0.1, KEY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration": 1e-6}, "duration = 1e-06 is too short .* at least 40 steps of dt"),
        ({"duration": 1.0, "dt": 0.5}, "duration = 1 is too short"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(dm.InputError, match=message):
        options(OU, KEY, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_trajectories": 0}, "num_trajectories must be a whole number"),
        ({"duration": -1}, "duration must be a positive number"),
        ({"duration": "long"}, "duration must be a positive number"),
        ({"duration": np.nan}, "duration must be a positive number"),
        ({"burn_in": 0}, "burn_in must be a positive number"),
        ({"burn_in": True}, "burn_in must be a positive number"),
        ({"dt": "x"}, "dt must be a positive number"),
        ({"dt": np.inf}, "dt must be a positive number"),
    ],
)
@pytest.mark.parametrize("route", [dm.ScoreRoute, dm.PathRoute])
def test_bad_options_of_a_run(change, message, route):
    with pytest.raises(dm.InputError, match=message):
        route(**change)


def test_a_key_that_is_none_and_samples_of_something_else():
    def refused(key=KEY, samples=SAMPLES):
        return on_stationary_paths(
            None, OU, key, samples, num_trajectories=4, duration=20.0, burn_in=1.0, dt=None,
            steps_per_time_scale=20,
        )  # fmt: skip

    with pytest.raises(dm.InputError, match="key must be one random key"):
        refused(key=0)
    with pytest.raises(dm.InputError, match=r"samples must be what driftmatch\.sample returned"):
        refused(samples=SAMPLES.states)
    with pytest.raises(dm.InputError, match=r"samples are of .* with 1 dimensions"):
        refused(samples=replace(SAMPLES, runs=SAMPLES.runs[:, :, :1], bounds=SAMPLES.bounds[:, :1]))
    with pytest.raises(dm.ComputationError, match="goes on for ever"):
        refused(samples=replace(SAMPLES, outcome=Outcome.FREE, reason="it goes on for ever"))


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, True, "1", None, [1.0], 1j])
def test_what_is_no_positive_number(value):
    with pytest.raises(dm.InputError, match="width must be a positive number"):
        check_positive("width", value)


@pytest.mark.parametrize("dt", [1.5, 10.0])
def test_steps_that_are_too_long_end_in_words(dt):
    with pytest.raises(dm.ComputationError, match="non-finite"):
        options(OU, KEY, dt=dt, burn_in=1e4)


@pytest.mark.parametrize("method", [dm.ScoreRoute, dm.PathRoute])
def test_a_burn_in_that_is_too_short_is_told(method):
    """Of a slow coordinate, whose samples are away from its mean: a burn-in of 1 is no help."""
    slow = dm.SDE(lambda z: -jnp.array([0.02, 1.0]) * z, 0.2, 2, start=[20.0, 0.0], time_scale=1.0)
    samples = dm.sample(slow, key=KEY)
    away = replace(samples, runs=samples.runs + np.array([20.0, 0.0]))
    options = {"num_trajectories": 32, "duration": 20.0, "burn_in": 1.0}
    if method is dm.ScoreRoute:
        options |= {"num_features": 16, "num_samples": 4000}
    record = dm.irreversibility(slow, method=method(**options), key=KEY, samples=away)
    assert record.outcome is Outcome.TRANSIENT
    record = dm.irreversibility(slow, method=method(**options), key=KEY, samples=samples)
    assert record.outcome is Outcome.SUCCESS


@pytest.mark.parametrize("method", [dm.ScoreRoute(num_features=16, num_samples=4000, dt=1.5),
                                    dm.PathRoute(dt=1.5)])  # fmt: skip
def test_steps_that_overshoot_are_told(method):
    """Steps of 1.5 relaxation times of dx = −x dt + √2 dB give a third of its variance."""
    sde = dm.SDE(lambda z: -z, 2**0.5, 1)
    record = dm.irreversibility(sde, method=method, key=KEY)
    assert record.outcome is Outcome.OVERSHOT


def test_private_noise_is_not_of_the_latent_sde():
    net = dm.Network([[1.0], [0.5]], [[0.3, 0.1]], [0.0, 0.0], shared_noise=1.0, private_noise=0.1)
    run = dm.simulate(net, duration=20.0, dt=0.05, num_trajectories=8, key=KEY)
    with pytest.raises(dm.InputError, match=r"with_private_noise\(0\)"):
        dm.irreversibility(net, method="path", trajectory=run)
    assert dm.irreversibility(net.neural(), method="path", trajectory=run).sde.dim == 2
