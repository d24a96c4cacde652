"""What a run may cost, how that is told, and that values and errors stay right, on slow systems."""

from dataclasses import replace
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.analysis.irreversibility import samples as stationary_samples
from driftmatch.analysis.irreversibility.budget import FEW_PATHS, affordable, leak_step, neurons_of
from driftmatch.analysis.irreversibility.samples import on_stationary_paths, stationary_ensemble
from driftmatch.network import Network
from driftmatch.outcomes import Outcome

KEY = jax.random.key(0)
OU = dm.systems.ornstein_uhlenbeck()
SAMPLES = dm.sample(OU, key=KEY)


def network(n, tau=1.0, **noise):
    """A leak, and a rotation of what is fed back."""
    rng = np.random.default_rng(0)
    gamma = rng.normal(size=(n, 2))
    readout = np.linalg.pinv(gamma) * 0.5 + gamma[:, ::-1].T * [[1 / n], [-1 / n]]
    return dm.Network(gamma, readout, np.zeros(n), tau=tau, **noise)


@pytest.mark.parametrize(
    ("work", "paths", "steps"),
    [(1.0, 256, 1000), (0.5, 128, 1000), (0.25, 64, 1000), (0.1, 64, 400), (0.0, 64, 40)],
)
def test_first_fewer_paths_and_then_shorter_ones(work, paths, steps):
    wanted = 256 * 1000 * neurons_of(OU)
    run = affordable(OU, 256, 1000, least=40, work=work * wanted)
    assert run == (paths, pytest.approx(steps), work < 1)


def test_few_paths_that_were_asked_for_stay():
    run = affordable(OU, 16, 1000, least=40, work=8 * 1000 * neurons_of(OU))
    assert run == (16, pytest.approx(500), True)


def test_what_a_step_costs():
    net = network(100, private_noise=0.1)
    assert neurons_of(net.latent()) == 100
    assert neurons_of(net.neural()) == 200
    assert neurons_of(OU) < neurons_of(dm.systems.lorenz()) < 32


ensemble = partial(
    stationary_ensemble, OU, KEY, SAMPLES, num_trajectories=256, burn_in=None, dt=None,
    steps_per_time_scale=20, longest=np.inf,
)  # fmt: skip


def test_the_budget_binds_unless_a_duration_is_given():
    whole = ensemble(duration=None)
    assert not whole.is_cut
    work = 0.1 * 256 * whole.steps * neurons_of(OU)
    cut = ensemble(duration=None, work=work)
    assert cut.is_cut
    assert len(cut.starts) == FEW_PATHS
    assert cut.steps == pytest.approx(0.4 * whole.steps, abs=2)
    given = ensemble(duration=whole.steps * whole.dt, work=work)
    assert (len(given.starts), given.steps, given.is_cut) == (256, whole.steps, False)


def test_paths_that_are_cut_set_out_from_runs_of_their_own():
    """Runs that stay where they are: by chance alone, some of 64 would be of the same one."""
    still = np.arange(64.0)[:, None, None] + np.zeros((64, 5, 2))
    samples = replace(SAMPLES, runs=still)
    options = ensemble.keywords | {"num_trajectories": 64, "duration": None}
    cut = stationary_ensemble(OU, KEY, samples, **options, work=1.0)
    assert len(np.unique(cut.starts[:, 0])) == 64
    whole = stationary_ensemble(OU, KEY, samples, **options)
    assert len(np.unique(whole.starts[:, 0])) < 60


def test_refinements_together_cost_no_more_than_twice_as_much(monkeypatch):
    monkeypatch.setattr(stationary_samples, "WORK", 1e6)
    costs = []

    def use(ensemble, key):
        costs.append(len(ensemble.starts) * ensemble.steps * neurons_of(OU))
        return None, True, Outcome.SUCCESS

    options = {"num_trajectories": 64, "duration": None, "burn_in": None, "dt": None}
    on_stationary_paths(use, OU, KEY, SAMPLES, steps_per_time_scale=20, **options)
    np.testing.assert_allclose(costs, [1e6, 5e5, 2.5e5], rtol=0.02)


@pytest.mark.slow
def test_a_network_of_small_tau_runs_in_steps_that_its_leak_can_follow():
    """Of its latent SDE, whose states move more slowly than that: longer ones are refused."""
    net = network(12, tau=0.02, shared_noise=0.1)
    assert leak_step(net.latent()) == leak_step(net.neural()) == 0.01
    assert leak_step(OU) == np.inf
    slow = replace(dm.sample(net, key=KEY), time_scale=1.0, longest_step=0.5)
    run = {"num_trajectories": 8, "duration": 10.0}
    for route in (dm.PathRoute(**run), dm.ScoreRoute(16, num_samples=2000, **run)):
        record = dm.irreversibility(net, key=KEY, method=route, samples=slow)
        assert isinstance(record.sde, Network)  # of 2 coordinates, not 12 neurons
        assert np.isfinite(record.entropy_production)
    with pytest.raises(dm.InputError, match="too large for a network with tau"):
        dm.irreversibility(net, key=KEY, method=dm.PathRoute(dt=0.5), samples=slow)


SLOW = 1e3
QUICK = {
    "score": dm.ScoreRoute(num_features=16, num_samples=40_000, num_trajectories=64),
    "path": dm.PathRoute(),
}
routes = pytest.mark.parametrize("method", QUICK)


@cache
def rotation(slow):
    """BS + SBᵀ = 2D with S = ½: σ̇ = 1 in units of the time scale `slow`."""
    B = np.array([[2.0, -1.0], [1.0, 2.0]]) / slow
    sde = dm.systems.ornstein_uhlenbeck(B, np.eye(2) / slow)
    return sde, dm.sample(sde, key=KEY)


@cache
def rate_and_cost(method, slow):
    """The record, and the steps of all paths of every run."""
    sde, samples = rotation(slow)
    steps = []
    with pytest.MonkeyPatch.context() as patch:

        def noted(*arguments, **options):
            found = stationary_ensemble(*arguments, **options)
            steps.append(len(found.starts) * found.steps)
            return found

        patch.setattr(stationary_samples, "stationary_ensemble", noted)
        record = dm.irreversibility(sde, key=KEY, method=QUICK[method], samples=samples)
    return record, steps


@routes
def test_a_slow_rotation_dissipates_what_it_should(method):
    """Four standard errors, one seed in 6000; the control is the rate of the fast one."""
    record, _ = rate_and_cost(method, SLOW)
    assert record.outcome is Outcome.SUCCESS
    assert abs(record.entropy_production - 1 / SLOW) < 4 * record.standard_error
    assert record.standard_error < 0.03 / SLOW


@routes
def test_the_unit_of_time_changes_the_rate_and_nothing_else(method):
    """A thousand times slower: σ̇ a thousandth of it, within five errors of the difference though
    both have much the same noise, in as many steps."""
    (fast, cost), (slow, slow_cost) = (rate_and_cost(method, s) for s in (1.0, SLOW))
    error = np.hypot(fast.standard_error, SLOW * slow.standard_error)
    assert abs(SLOW * slow.entropy_production - fast.entropy_production) < 5 * error
    assert abs(slow.entropy_production - fast.entropy_production) > 20 * error  # the control
    np.testing.assert_allclose(slow_cost, cost, rtol=0.1)


@pytest.mark.slow
def test_a_slow_network_dissipates_as_much_in_its_own_time():
    """The same network with τ a thousand times as long, and noise that fits."""
    rates, errors = [], []
    for tau in (1.0, SLOW):
        net = network(12, tau=tau, shared_noise=0.3 / tau**0.5)
        record = dm.irreversibility(net, key=KEY, method=dm.PathRoute(num_trajectories=8))
        assert record.outcome is Outcome.SUCCESS
        rates.append(tau * record.entropy_production)
        errors.append(tau * record.standard_error)
    assert abs(rates[0] - rates[1]) < 4 * np.hypot(*errors)
    assert rates[0] > 10 * errors[0]


@routes
def test_what_the_budget_cuts_short_is_told(method, monkeypatch):
    """Values stay within four errors, which are larger; a duration, as the sentence says, is the
    remedy."""
    sde, samples = rotation(SLOW)
    whole, steps = rate_and_cost(method, SLOW)
    monkeypatch.setattr(stationary_samples, "WORK", 0.2 * sum(steps) * neurons_of(sde))
    cut = dm.irreversibility(sde, key=KEY, method=QUICK[method], samples=samples)
    assert cut.outcome is Outcome.CUT_SHORT
    assert "with a duration" in str(cut.outcome)
    assert abs(cut.entropy_production - 1 / SLOW) < 4 * cut.standard_error
    assert cut.standard_error > 1.3 * whole.standard_error
    route = replace(QUICK[method], duration=400 * samples.time_scale)
    record = dm.irreversibility(sde, key=KEY, method=route, samples=samples)
    assert record.outcome is Outcome.SUCCESS


def test_what_is_worse_is_told_instead(monkeypatch):
    """A cut run of the route by the score that has too few features for its well."""
    monkeypatch.setattr(stationary_samples, "WORK", 3e6)
    route = dm.ScoreRoute(num_features=1, num_samples=4000)
    sde = dm.systems.double_well(0.2**0.5)
    assert dm.irreversibility(sde, key=KEY, method=route).outcome is Outcome.UNRESOLVED


def swinging(z):
    """A rotation of a velocity that swings slowly, ω = 2 + s/2, which no density shows: x, y and s
    are normal, of variance 1, and independent. So f_irr = ωJ(x, y) and σ̇ = ⟨ω²⟩⟨x² + y²⟩ = 8.5.
    """
    x, y, s = z
    omega = 2 + s / 2
    return jnp.stack([-x - omega * y, -y + omega * x, -0.01 * s])


SWINGING = dm.SDE(swinging, np.sqrt([2.0, 2.0, 0.02]), 3)
RATE = 8.5


def off_by_errors(distinct: int, seeds: int = 40) -> np.ndarray:
    """(σ̇ found − σ̇) / SE of paths of a twentieth of the slow relaxation time, from exact samples:
    of as many different ones as said, the rest copies."""
    off = []
    for seed in range(seeds):
        states = np.resize(np.random.default_rng(seed).normal(size=(distinct, 3)), (64, 3))
        samples = replace(
            SAMPLES, runs=np.repeat(states[:, None], 4, axis=1), time_scale=0.5,
            longest_step=0.0125, relaxation_time=100.0, periods=(None,) * 3,
            bounds=np.array([[-np.inf] * 3, [np.inf] * 3]),
        )  # fmt: skip
        key = jax.random.key(seed)
        record = dm.irreversibility(SWINGING, key=key, method="path", samples=samples)
        assert not record.outcome.ok
        off.append((record.entropy_production - RATE) / record.standard_error)
    return np.array(off)


def test_errors_of_runs_that_are_cut_short_cover(monkeypatch):
    """Of 40 seeds at most 9 are more than two errors off, by chance one set in 48 000 at 5 %; the
    control, whose paths set out from four states only, does not cover."""
    monkeypatch.setattr(stationary_samples, "WORK", 64 * 400 * neurons_of(SWINGING))
    off = off_by_errors(64)
    assert np.sum(np.abs(off) > 2) <= 9
    assert 0.6 < np.sqrt(np.mean(off**2)) < 1.5
    assert np.sum(np.abs(off_by_errors(4)) > 2) > 9
