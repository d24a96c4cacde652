"""Every route on every problem to which it applies, and what it is given at the door."""

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import PROBLEMS, knowing, quick

import driftmatch as dm
from driftmatch.outcomes import Outcome
from driftmatch.wrappers import Forced

KEY = jax.random.key(0)
KNOWN = knowing("entropy_production", "irreversible_drift", "log_density")
LINEAR = [p for p in KNOWN if p.covariance is not None]
PLANAR = [p for p in KNOWN if p.build().dim <= 2]
NAMES = {p.name: p for p in PROBLEMS}
ROUTES = {
    "linear": dm.LinearRoute(),
    "score": dm.ScoreRoute(num_features=128, num_samples=100_000, num_trajectories=64),
    "path": dm.PathRoute(),
}
# State-dependent noise takes steps that are four times as fine, and longer to simulate.
SHORT = dm.PathRoute(burn_in=20.0, duration=60.0, dt=0.01)


def box(problem):
    """A grid that the density fits in, and that resolves it."""
    if problem.covariance is not None:
        reach = 5.5 * np.sqrt(np.diag(problem.covariance))
        return dm.Grid(-reach, reach, 128)
    k = problem.build().dim
    return dm.Grid([-2.3] * k, [2.3] * k, 200 if k == 2 else 1000)


@cache
def found(name, method):
    problem = NAMES[name]
    if method == "grid":
        route = dm.GridRoute(box(problem))
    else:
        route = SHORT if (name, method) == ("kubo_oscillator", "path") else ROUTES[method]
    return dm.irreversibility(problem.build(), key=KEY, method=route)


def batched(function, states):
    with jax.enable_x64(True):
        return np.asarray(jax.vmap(function)(jnp.asarray(states)))


def rms(values):
    return np.sqrt(np.mean(np.sum(values**2, axis=-1)))


@pytest.mark.parametrize("problem", LINEAR, ids=str)
def test_closed_form(problem):
    record = found(problem.name, "linear")
    assert record.entropy_production == pytest.approx(problem.entropy_production, rel=1e-6)
    assert record.standard_error == 0
    assert record.outcome is Outcome.SUCCESS


@pytest.mark.parametrize("problem", quick(PLANAR), ids=str)
def test_grid(problem):
    record = found(problem.name, "grid")
    exact = problem.entropy_production
    assert record.entropy_production == pytest.approx(exact, rel=0.01, abs=1e-9)
    assert record.outcome is Outcome.SUCCESS
    assert record.standard_error <= 0.01 * exact + 1e-9


@pytest.mark.parametrize("problem", quick(KNOWN), ids=str)
def test_score(problem):
    """Within 3 %, and four standard errors, which are below 1.5 %: one seed in 6000, or in 20 where
    all of these 1.5 % are scatter; it is half of that or less."""
    record = found(problem.name, "score")
    exact = problem.entropy_production
    assert record.entropy_production == pytest.approx(exact, rel=0.03, abs=1e-6)
    assert abs(record.entropy_production - exact) < 4 * record.standard_error
    assert record.standard_error <= 0.015 * exact + 1e-6
    assert record.outcome is Outcome.SUCCESS


@pytest.mark.parametrize("problem", quick(KNOWN), ids=str)
def test_path(problem):
    """Four standard errors, from 64 trajectories each: by chance one seed in 6000 is off."""
    record = found(problem.name, "path")
    exact = problem.entropy_production
    assert abs(record.entropy_production - exact) < 4 * record.standard_error
    assert record.standard_error < 0.03 * exact + 1e-3
    assert record.outcome is Outcome.SUCCESS


@pytest.mark.parametrize("method", ["grid", "score", "path"])
def test_routes_tell_two_noises_apart(method):
    """The control of the tests above: what holds at one noise fails at the other."""
    record = found("limit_cycle_D=0.25", method)
    other = NAMES["limit_cycle_D=0.1"].entropy_production
    assert abs(record.entropy_production - other) > 20 * record.standard_error + 0.3 * other


@pytest.mark.slow
def test_routes_agree_where_nothing_is_known():
    """A relaxation oscillator; four standard errors of the path, one in 6000, and 1 % of steps."""
    sde = dm.systems.van_der_pol(noise=0.5)
    routes = {"grid": dm.GridRoute(300), "score": ROUTES["score"], "path": ROUTES["path"]}
    records = {m: dm.irreversibility(sde, key=KEY, method=route) for m, route in routes.items()}
    rate = records["grid"].entropy_production
    assert all(r.outcome is Outcome.SUCCESS for r in records.values())
    assert records["score"].entropy_production == pytest.approx(rate, rel=0.03)
    path = records["path"]
    assert abs(path.entropy_production - rate) < 4 * path.standard_error + 0.01 * rate
    assert path.standard_error < 0.02 * rate


@pytest.mark.parametrize("method", ["grid", "score"])
@pytest.mark.parametrize(
    ("name", "scatter"),
    [
        pytest.param("limit_cycle_D=0.05", 0.02, marks=pytest.mark.slow),
        ("limit_cycle_D=0.1", 0.03),
        ("kubo_oscillator", 0.05),
    ],
)
def test_irreversible_drift(name, scatter, method):
    """f_irr = ωJz under p, with ∇·D where D depends on the state; the reversed turn is far off.
    By the score it scatters, the less the more samples there are: a quarter of the default's here.
    """
    record, problem = found(name, method), NAMES[name]
    states = found(name, "score").states[:5000]
    exact, got = batched(problem.irreversible_drift, states), record.irreversible(states)
    known = np.isfinite(got[:, 0])
    assert known.mean() > 0.999
    assert rms(got[known] - exact[known]) < (0.02 if method == "grid" else scatter) * rms(exact)
    assert rms(got[known] + exact[known]) > 1.9 * rms(exact)


@pytest.mark.parametrize("problem", quick(LINEAR), ids=str)
def test_irreversible_drift_of_linear_systems(problem):
    states = found(problem.name, "score").states[:5000]
    exact = batched(problem.irreversible_drift, states)
    closed = found(problem.name, "linear").irreversible(states)
    np.testing.assert_allclose(closed, exact, atol=1e-9 * rms(exact))
    assert rms(found(problem.name, "score").irreversible(states) - exact) < 0.1 * rms(exact)


def test_the_divergence_of_D_is_not_left_out():
    """Without it f_irr of Kubo's oscillator would differ by ∇·D = −η²z/2."""
    record, problem = found("kubo_oscillator", "score"), NAMES["kubo_oscillator"]
    states = record.states[:5000]
    wrong = record.irreversible(states) - 0.5 * 0.7**2 * states
    exact = batched(problem.irreversible_drift, states)
    assert rms(wrong - exact) > 0.1 * rms(exact)


@pytest.mark.parametrize("problem", quick(KNOWN), ids=str)
def test_scores(problem):
    record = found(problem.name, "score")
    states = record.states[:5000]
    exact = batched(jax.grad(problem.log_density), states)
    assert rms(record.score(states) - exact) < 0.1 * rms(exact)
    if problem in LINEAR:
        closed = found(problem.name, "linear").score(states)
        np.testing.assert_allclose(closed, exact, atol=1e-9 * rms(exact))


@pytest.mark.parametrize("method", ["grid", "score"])
@pytest.mark.parametrize("name", ["limit_cycle_D=0.1", "kubo_oscillator", "two_beads"])
def test_the_irreversible_part_is_orthogonal_to_gradients(name, method):
    """⟨f_irr · ∇φ⟩ = 0 for φ = x², xy, y⁴ under 20000 states, two thirds of them independent or
    fewer: six standard errors of independent ones. The whole drift is orthogonal to none."""
    record = found(name, method)
    states = found(name, "score").states
    x, y = states.T
    f_irr = record.irreversible(states)
    keep = np.isfinite(f_irr[:, 0])
    f = f_irr + record.reversible(states)
    for slopes in ([2 * x, 0 * x], [y, x], [0 * y, 4 * y**3]):
        products = np.sum(f_irr * np.stack(slopes, axis=1), axis=1)[keep]
        error = products.std() / np.sqrt(len(products))
        assert abs(products.mean()) < 6 * error
    squares = np.sum(f * np.stack([x, y], axis=1), axis=1)[keep]  # ⟨f · z⟩ = −⟨tr D⟩
    assert abs(squares.mean()) > 6 * squares.std() / np.sqrt(len(squares))


@pytest.mark.parametrize("name", ["limit_cycle_D=0.1", "kubo_oscillator"])
@pytest.mark.parametrize("method", ["grid", "score"])
def test_the_parts_add_up_to_the_drift(name, method):
    record = found(name, method)
    states = found(name, "score").states[:100]
    total = record.reversible(states) + record.irreversible(states)
    np.testing.assert_allclose(total, batched(record.sde.drift, states), rtol=1e-12, atol=1e-12)


def heated_chain(k=32):
    """Beads between baths of linearly rising temperature, whose entropy production is 1."""
    B = 2 * np.eye(k) - np.eye(k, k=1) - np.eye(k, k=-1)
    return dm.systems.ornstein_uhlenbeck(B, np.diag(np.linspace(0.10358, 10, k)))


@pytest.mark.slow
def test_thirty_two_beads():
    sde = heated_chain()
    exact = dm.irreversibility(sde, method="linear").entropy_production
    assert exact == pytest.approx(1.0, abs=5e-5)
    route = dm.ScoreRoute(num_features=64, num_samples=10_000, num_trajectories=64)
    record = dm.irreversibility(sde, key=KEY, method=route)
    assert record.entropy_production == pytest.approx(exact, rel=0.1)
    assert record.outcome is Outcome.SUCCESS


@pytest.mark.slow
def test_a_network_dissipates_what_its_target_does():
    """Within 5 %, as far as its drift is that of the target; and in the same directions."""
    target = NAMES["limit_cycle_D=0.1"].build()
    network = dm.embed(target, 32, key=KEY, check=False, method="least-squares").network
    exact = NAMES["limit_cycle_D=0.1"].entropy_production
    for record in (
        dm.irreversibility(network, method=dm.GridRoute(box(NAMES["limit_cycle_D=0.1"]))),
        dm.irreversibility(network, key=KEY, method=ROUTES["score"]),
    ):
        assert record.entropy_production == pytest.approx(exact, rel=0.05)
        states = found("limit_cycle_D=0.1", "score").states[:2000]
        turn = batched(NAMES["limit_cycle_D=0.1"].irreversible_drift, states)
        assert rms(record.irreversible(states) - turn) < 0.05 * rms(turn)
    run = dm.simulate(network, duration=100.0, dt=0.01, key=KEY, num_trajectories=16,
                      start=states[:16])  # fmt: skip
    record = dm.irreversibility(network, method="path", trajectory=run)
    assert abs(record.entropy_production - exact) < 4 * record.standard_error + 0.05 * exact


OU = dm.systems.ornstein_uhlenbeck()


@cache
def recording(num_trajectories=16):
    """Stationary, of `OU`, whose covariance is ½ and whose entropy production is 1."""
    start = np.random.default_rng(0).normal(size=(num_trajectories, 2)) * 0.5**0.5
    return dm.simulate(OU, duration=50.0, dt=0.02, key=KEY, num_trajectories=num_trajectories,
                       start=start)  # fmt: skip


SMALL = dm.ScoreRoute(num_features=32)


@pytest.mark.parametrize("method", [SMALL, "path"], ids=["score", "path"])
@pytest.mark.parametrize("num_trajectories", [1, 2, 16])
def test_given_recordings(method, num_trajectories):
    """Four standard errors, from at least 20 blocks: one seed in 1000; no key is needed."""
    record = dm.irreversibility(OU, method=method, trajectory=recording(num_trajectories))
    assert record.outcome is Outcome.SUCCESS
    assert abs(record.entropy_production - 1) < 4 * record.standard_error
    assert record.standard_error < 1.0 / num_trajectories**0.5


@pytest.mark.parametrize("method", [SMALL, "path"], ids=["score", "path"])
def test_a_recording_of_another_system_gives_another_rate(method):
    """The control: B = [[2, 1], [−1, 2]] turns the other way, so that work is done against it."""
    reverse = dm.systems.ornstein_uhlenbeck([[2.0, 1.0], [-1.0, 2.0]])
    record = dm.irreversibility(reverse, method="path", trajectory=recording())
    assert record.entropy_production == pytest.approx(-1, abs=4 * record.standard_error)
    louder = dm.systems.ornstein_uhlenbeck(D=4.0)
    record = dm.irreversibility(louder, method=method, trajectory=recording())
    assert not record.outcome.ok


@pytest.mark.parametrize("method", [SMALL, "path"], ids=["score", "path"])
def test_transient_recordings_are_told(method):
    run = dm.simulate(OU, duration=5.0, dt=0.02, key=KEY, num_trajectories=16, start=[20.0, 0.0])
    record = dm.irreversibility(OU, method=method, trajectory=run)
    assert record.outcome is Outcome.TRANSIENT


def changed(**fields):
    run = recording()
    fields = {name: change(getattr(run, name)) for name, change in fields.items()}
    return replace(run, **fields)


def with_nan(states):
    states = states.copy()
    states[3, 100] = np.nan
    return states


BAD_RECORDINGS = [
    (lambda: changed(states=with_nan), r"not finite: path 3 at t = 2; cut it"),
    (lambda: changed(times=lambda t: t**2), "not evenly spaced.*resample"),
    (lambda: changed(times=lambda t: -t), "not evenly spaced"),
    (lambda: changed(times=lambda t: 0 * t), "not evenly spaced"),
    (lambda: changed(times=lambda t: t * np.nan), "times must be finite"),
    (lambda: changed(times=lambda t: t[:30], states=lambda z: z[:, :30]), "30 samples, too few"),
    (lambda: changed(times=lambda t: t[:0], states=lambda z: z[:, :0]), "0 samples, too few"),
    (lambda: changed(times=lambda t: t[:-1]), "2500 times but 2501 samples"),
    (lambda: changed(times=lambda t: "now"), "times must be numbers"),
    (lambda: changed(states=lambda z: "here"), "states must be numbers"),
    (lambda: changed(states=lambda z: z[0]), "has 2 dimensions: pass a trajectory of this"),
    (lambda: changed(states=lambda z: z[..., :1]), "has 2 dimensions: pass a trajectory of this"),
    (lambda: changed(states=lambda z: z[:0]), "no paths"),
    (lambda: changed(states=lambda z: z * np.array([1, 0])), "coordinate 1 .* never changes"),
    (lambda: recording().states, "what simulate or load_trajectory returned, got ndarray"),
    (lambda: "run.nc", "what simulate or load_trajectory returned, got str"),
]


@pytest.mark.parametrize("method", ["score", "path"])
@pytest.mark.parametrize(("build", "message"), BAD_RECORDINGS)
def test_bad_recordings(build, message, method, shapes_unchecked):
    with pytest.raises(dm.InputError, match=message):
        dm.irreversibility(OU, method=method, trajectory=build())


NET = dm.Network([[1.0], [0.5]], [[0.1, 0.1]], [0.0, 0.0], tau=0.1, shared_noise=1.0)


def test_a_network_and_recordings_of_other_dimension():
    with pytest.raises(dm.InputError, match="has 1 dimensions: pass a trajectory of this"):
        dm.irreversibility(NET, method="path", trajectory=recording())
    run = dm.simulate(NET, duration=10.0, dt=0.01, key=KEY)
    with pytest.raises(dm.InputError, match="has 2 dimensions: pass a trajectory of this"):
        dm.irreversibility(OU, method="path", trajectory=run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sde": lambda z: -z}, "must be an SDE or a Network, got function; .*SDE"),
        ({"sde": "van_der_pol"}, "must be an SDE or a Network, got str"),
        ({"sde": dm.SDE}, "must be an SDE or a Network"),
        ({"sde": Forced(OU, lambda t: jnp.zeros(2))}, "depends on time"),
        ({"method": "scor"}, "no method 'scor'; did you mean 'score'"),
        ({"method": "GRID"}, "did you mean 'grid'"),
        ({"method": None}, "must be one of score, grid, path, linear or a route"),
        ({"method": dm.ScoreRoute}, r"a route such as ScoreRoute\(\)"),
        ({"method": ["score"]}, "must be one of"),
        ({"key": None}, "pass key=jax.random.key"),
        ({"key": None, "method": "path"}, "pass key=jax.random.key"),
        ({"key": 0}, "key must be one random key"),
        ({"key": "a", "method": "path"}, "key must be one random key"),
        ({"key": 0, "method": "linear"}, "key must be one random key"),
        ({"key": jax.random.split(KEY), "method": "grid"}, "key must be one random key"),
    ],
)
def test_bad_input(change, message):
    arguments = {"sde": OU, "key": KEY} | change
    with pytest.raises(dm.InputError, match=message):
        dm.irreversibility(arguments.pop("sde"), **arguments)


@pytest.mark.parametrize("method", ["score", "path", "grid"])
def test_noise_that_is_missing_is_told_before_a_long_run(method):
    with pytest.raises(dm.InputError, match=r"singular at .* no noise along .* give every"):
        dm.irreversibility(dm.systems.van_der_pol(noise=0.0), key=KEY, method=method)
