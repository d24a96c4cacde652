"""Everything in one call."""

import json
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.analysis import summary_parts
from driftmatch.analysis.summary_parts import LEFT_OUT, PARTS
from driftmatch.meters import AbstractMeter
from driftmatch.outcomes import Outcome
from driftmatch.wrappers import Forced

KEY = jax.random.key(0)
ROUTE = dm.ScoreRoute(
    num_features=64, num_samples=10_000, num_trajectories=64, burn_in=20.0, duration=40.0
)
OF_NETWORKS = {"neural_lyapunov", "symmetry", "symmetry_roles", "subspace", "alignment"}
ON_GRIDS = {"grid_irreversibility", "stationary"}
CYCLE = dm.systems.limit_cycle(2.0, 0.2**0.5)
RATE = 40.5932  # its entropy production


def analysed(system, *, skip=(), duration=20.0, **options):
    options = {"key": KEY, "method": ROUTE, "duration": duration} | options
    return dm.analyse(system, skip=skip, **options)


@pytest.fixture(autouse=True, scope="module")
def _coarser_grids():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("driftmatch.analysis.fokker_planck.stationary._CELLS", {1: 400, 2: 128})
        yield


def all_but(*parts):
    return tuple(part for part in PARTS if part not in parts)


@cache
def network():
    return dm.embed(CYCLE, 32, key=KEY, check=False, method="least-squares").network


@cache
def of_a_well():
    return analysed(dm.systems.double_well(), duration=40.0)


@cache
def of_a_cycle():
    return analysed(CYCLE)


@cache
def of_a_network():
    return analysed(network())


@cache
def of_a_noisy_network():
    skip = ("irreversibility", "grid_irreversibility", "fixed_points")
    return analysed(network().with_private_noise(0.05), skip=skip)


@cache
def in_three_dimensions():
    return analysed(dm.systems.lorenz(), skip=("irreversibility", "fixed_points"), duration=2.0)


ALL = [of_a_well, of_a_cycle, of_a_network, of_a_noisy_network, in_three_dimensions]


def computed(analysis):
    return {part for part in PARTS if getattr(analysis, part) is not None}


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(b, marks=[pytest.mark.slow] if b in (of_a_well, of_a_noisy_network) else [])
        for b in ALL
    ],
)
def test_a_part_is_there_or_its_absence_explained(build):
    analysis = build()
    assert computed(analysis) | set(analysis.skipped) == set(PARTS)
    assert not computed(analysis) & set(analysis.skipped)
    assert all(len(reason) > 10 for reason in analysis.skipped.values())
    assert analysis.seconds > 0


def test_one_dimension():
    analysis = of_a_well()
    assert set(analysis.skipped) == OF_NETWORKS
    assert "no neurons" in analysis.skipped["symmetry"]
    assert analysis.doubtful == {}
    assert (analysis.name, analysis.dimension, analysis.num_neurons) == ("double_well", 1, None)
    assert analysis.irreversibility.entropy_production == pytest.approx(0, abs=1e-2)
    assert analysis.grid_irreversibility.entropy_production == pytest.approx(0, abs=1e-9)
    assert abs(analysis.most_probable_state[0]) == pytest.approx(1, abs=0.01)
    found = np.sort(analysis.fixed_points.points[:, 0])
    np.testing.assert_allclose(found, [-1, 0, 1], atol=1e-6)
    assert analysis.lyapunov.exponents[0] < -4 * analysis.lyapunov.standard_error[0]


def test_two_dimensions():
    """Two routes to one number; of its exponents the sum is ⟨2 − 4r²⟩, near −2."""
    analysis = of_a_cycle()
    assert set(analysis.skipped) == OF_NETWORKS
    assert analysis.doubtful == {}
    assert analysis.grid_irreversibility.entropy_production == pytest.approx(RATE, rel=1e-3)
    assert analysis.irreversibility.entropy_production == pytest.approx(RATE, rel=0.05)
    assert analysis.stationary is analysis.grid_irreversibility.stationary
    assert np.linalg.norm(analysis.most_probable_state) == pytest.approx(1, abs=0.02)
    radius = np.sum(analysis.run.states**2, axis=-1)
    expected = np.mean(2 - 4 * radius)
    assert analysis.lyapunov.sum == pytest.approx(expected, abs=0.3)
    assert analysis.sde is CYCLE


def test_three_dimensions():
    analysis = in_three_dimensions()
    assert set(analysis.skipped) == OF_NETWORKS | ON_GRIDS | {"irreversibility", "fixed_points"}
    assert "three dimensions" in analysis.skipped["stationary"]
    assert analysis.most_probable_state is None
    assert analysis.run.states.shape[2] == 3
    assert len(analysis.lyapunov.exponents) == 3


def test_four_dimensions_have_no_grid():
    sde = dm.systems.ornstein_uhlenbeck(np.eye(4))
    analysis = analysed(sde, skip=("run", "fixed_points", "irreversibility"))
    assert "4 dimensions, too many for a grid" in analysis.skipped["grid_irreversibility"]


def test_networks():
    analysis = of_a_network()
    assert analysis.skipped == {}
    assert analysis.doubtful == {}
    assert analysis.num_neurons == 32
    assert analysis.dimension == 2
    assert analysis.grid_irreversibility.entropy_production == pytest.approx(RATE, rel=0.05)
    assert analysis.neural_lyapunov.within is analysis.lyapunov
    assert analysis.subspace.dimension == 2
    assert np.all(analysis.alignment.principal_angles < 0.01)
    assert analysis.sde.dim == 2


def test_networks_with_private_noise():
    """The latent SDE has no private noise, so its exponents are another measurement."""
    analysis = of_a_noisy_network()
    assert set(analysis.skipped) == ON_GRIDS | {"irreversibility", "fixed_points"}
    assert analysis.run.stored_neurons is not None
    latent, within = analysis.lyapunov, analysis.neural_lyapunov.within
    assert within is not latent
    assert not np.array_equal(within.exponents, latent.exponents)
    error = np.hypot(within.standard_error, latent.standard_error)
    assert np.all(np.abs(within.exponents - latent.exponents) < 4 * error + 0.1)
    assert analysis.subspace.dimension == 2


@pytest.mark.parametrize("build", ALL)
def test_numbers_are_ready_for_strict_json(build):
    analysis = build()
    record = analysis.to_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["name"] == analysis.name
    assert record["skipped"] == analysis.skipped
    for part in set(PARTS) - {"run"}:
        assert (record[part] is None) == (part in analysis.skipped)
    assert "run" not in record


def test_what_is_not_finite_is_none_in_json():
    analysis = of_a_cycle()
    spoilt = replace(analysis.irreversibility, standard_error=np.nan)
    record = replace(analysis, irreversibility=spoilt).to_dict()
    assert record["irreversibility"]["standard_error"] is None
    json.dumps(record, allow_nan=False)


def test_doubts():
    analysis = of_a_cycle()
    other = replace(analysis.irreversibility, entropy_production=2 * RATE)
    found = replace(analysis, irreversibility=other).doubtful
    assert found == {"irreversibility": "the score and the grid disagree on it"}
    unsure = replace(other, outcome=Outcome.UNDERSAMPLED)
    found = replace(analysis, irreversibility=unsure).doubtful
    assert found == {"irreversibility": str(Outcome.UNDERSAMPLED)}
    near = replace(analysis.irreversibility, entropy_production=1.04 * RATE)
    assert replace(analysis, irreversibility=near).doubtful == {}
    doubtful = replace(analysis, irreversibility=unsure).to_dict()["doubtful"]
    assert doubtful == found


def test_skipping_parts_changes_no_other():
    """Also exponents that come from the latent SDE if those of all neurons are skipped."""
    whole = of_a_network()
    skip = "neural_lyapunov", "symmetry", "irreversibility", "grid_irreversibility"
    part = analysed(network(), skip=skip)
    needing = {"symmetry_roles": "symmetry", "stationary": "grid_irreversibility"}
    assert part.skipped == {name: LEFT_OUT for name in skip} | {
        name: f"needs {other}, which is left out" for name, other in needing.items()
    }
    np.testing.assert_array_equal(part.run.states, whole.run.states)
    np.testing.assert_array_equal(part.fixed_points.points, whole.fixed_points.points)
    np.testing.assert_allclose(part.lyapunov.exponents, whole.lyapunov.exponents, rtol=1e-5)
    np.testing.assert_array_equal(part.alignment.principal_angles, whole.alignment.principal_angles)


def test_each_part_alone_is_what_it_is_among_all():
    whole = of_a_well()
    alone = analysed(dm.systems.double_well(), skip=all_but("irreversibility"))
    assert computed(alone) == {"irreversibility"}
    rates = (a.irreversibility.entropy_production for a in (whole, alone))
    assert next(rates) == next(rates)
    alone = analysed(dm.systems.double_well(), skip=all_but("fixed_points"))
    np.testing.assert_array_equal(alone.fixed_points.points, whole.fixed_points.points)


def test_keys_matter():
    skip = all_but("run", "lyapunov")
    one, other = (analysed(CYCLE, skip=skip, key=jax.random.key(seed)) for seed in (1, 2))
    assert not np.array_equal(one.run.states, other.run.states)
    assert not np.array_equal(one.lyapunov.exponents, other.lyapunov.exponents)


def failing(error):
    def part(*arguments, **options):
        raise error

    return part


def test_a_part_that_fails_spoils_no_other(monkeypatch):
    monkeypatch.setattr(summary_parts, "symmetry", failing(RuntimeError("boom")))
    monkeypatch.setattr(summary_parts, "fixed_points", failing(dm.ComputationError("in vain")))
    skip = ("irreversibility", "grid_irreversibility", "neural_lyapunov")
    analysis = analysed(network(), skip=skip)
    assert analysis.skipped["symmetry"] == "failed (RuntimeError: boom)"
    assert analysis.skipped["symmetry_roles"] == "failed (RuntimeError: boom)"
    assert analysis.skipped["fixed_points"] == "in vain"
    whole = of_a_network()
    np.testing.assert_allclose(analysis.lyapunov.exponents, whole.lyapunov.exponents, rtol=1e-5)
    assert analysis.alignment.outcome is whole.alignment.outcome


def test_a_run_that_fails_takes_along_what_needs_it(monkeypatch):
    monkeypatch.setattr(summary_parts, "recording", failing(dm.ComputationError("no run")))
    analysis = analysed(network(), skip=("fixed_points", "irreversibility", *ON_GRIDS))
    needing = {"run", "lyapunov", "neural_lyapunov", "symmetry_roles", "subspace", "alignment"}
    assert {part for part, reason in analysis.skipped.items() if reason == "no run"} == needing
    assert analysis.symmetry is not None


class Counting(AbstractMeter):
    def __init__(self):
        self.total, self.done, self.notes, self.starts, self.stops = 0, 0, [], 0, 0

    def start(self, description, total):
        self.total = total
        self.starts += 1

    def advance(self, steps, note=""):
        self.done += steps
        self.notes += [note] if note else []

    def stop(self):
        self.stops += 1


@pytest.mark.parametrize("build", [network, lambda: CYCLE, dm.systems.lorenz])
def test_the_meter_is_told_of_every_part(build):
    meter = Counting()
    analysed(build(), skip=all_but("symmetry"), meter=meter)
    assert meter.done == meter.total == len(PARTS)
    assert meter.starts == meter.stops == 2  # of the samples, and of the parts
    assert "fixed points" in meter.notes


def test_within_its_longest_part_the_meter_is_told_how_far_it_is():
    """By notes, which move no bar: the parts are still counted one by one."""
    meter = Counting()
    analysed(CYCLE, skip=all_but("irreversibility", "grid_irreversibility"), meter=meter)
    assert (meter.done, meter.starts, meter.stops) == (len(PARTS), 2, 2)
    assert f"irreversibility: simulate {CYCLE.name}, 100 %" in meter.notes
    assert f"irreversibility: score of {CYCLE.name}, 50 %" in meter.notes
    assert f"grid irreversibility: density of {CYCLE.name}, 66 %" in meter.notes


def test_interrupts_are_not_swallowed(monkeypatch):
    monkeypatch.setattr(summary_parts, "fixed_points", failing(KeyboardInterrupt()))
    meter = Counting()
    with pytest.raises(KeyboardInterrupt):
        analysed(CYCLE, skip=all_but("fixed_points"), meter=meter)
    assert meter.starts == meter.stops == 2


def test_noise_that_is_missing():
    quiet = dm.systems.limit_cycle(noise=0.0)
    analysis = analysed(quiet, skip=all_but("irreversibility", *ON_GRIDS))
    for part in ("irreversibility", *ON_GRIDS):
        assert "is singular" in analysis.skipped[part]


def test_inputs_that_depend_on_time():
    driven = Forced(dm.systems.double_well(), lambda t: jnp.sin(t)[None])
    analysis = analysed(driven, skip=all_but("run", "fixed_points", "irreversibility", *ON_GRIDS))
    assert computed(analysis) == {"run"}
    for part in ("fixed_points", "irreversibility", *ON_GRIDS):
        assert "depends on time" in analysis.skipped[part]


def test_divergence_is_an_error():
    with pytest.raises(dm.ComputationError, match="of boom run away from its start"):
        analysed(dm.SDE(lambda z: z**3, 0.1, 1, start=[1.0], name="boom"))


def test_a_step_that_is_given_is_taken():
    analysis = analysed(CYCLE, skip=all_but("run", "lyapunov"), dt=0.004, duration=10.0)
    assert analysis.run.dt == 0.004
    assert analysis.run.times[-1] == pytest.approx(10.0, abs=0.1)


def test_one_name_to_skip_may_stand_alone():
    """Not letter by letter."""
    sde = dm.SDE(lambda z: -z, 0.0, 1, start=[1.0])
    analysis = analysed(sde, skip="run")
    assert analysis.skipped["run"] == LEFT_OUT
    assert analysis.skipped["lyapunov"] == "needs run, which is left out"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"system": "van_der_pol"}, "takes an SDE or a Network, got str"),
        ({"system": lambda z: -z}, "takes an SDE or a Network, got function"),
        ({"system": dm.SDE}, "takes an SDE or a Network"),
        ({"key": 0}, "key must be one random key"),
        ({"key": None}, "key must be one random key"),
        ({"duration": "long"}, "duration must be a positive number"),
        ({"duration": 0}, "duration must be a positive number"),
        ({"duration": True}, "duration must be a positive number"),
        ({"dt": "0.1"}, "dt must be a positive number"),
        ({"dt": True}, "dt must be a positive number"),
        ({"dt": np.nan}, "dt must be a positive number"),
        ({"dt": -1.0}, "dt must be a positive number"),
        ({"dt": 50.0}, "dt must not exceed the duration"),
        ({"method": "score"}, "method must be a ScoreRoute, got str"),
        ({"method": dm.GridRoute()}, "method must be a ScoreRoute, got GridRoute"),
        ({"method": dm.ScoreRoute}, "method must be a ScoreRoute"),
        ({"method": None}, "method must be a ScoreRoute"),
        ({"skip": "rum"}, "no part to skip 'rum'; did you mean 'run'"),
        ({"skip": ["run", "lyapunv"]}, "did you mean 'lyapunov'"),
        ({"skip": [3]}, "no part to skip 3"),
        ({"skip": 3}, "skip must be a list of names of parts, got 3"),
        ({"skip": None}, "skip must be a list of names of parts, got None"),
        ({"meter": None}, "meter must be True or a meter .* got None; leave it out"),
        ({"meter": print}, "meter must be True or a meter"),
    ],
)
def test_bad_input(change, message):
    arguments = {"system": CYCLE} | change
    with pytest.raises(dm.InputError, match=message):
        analysed(arguments.pop("system"), **arguments)


@pytest.mark.parametrize(
    ("dt", "message"),
    [
        ("0.1", "dt must be a positive number"),
        (10.0, "too large for a network with tau"),
        (np.nan, "dt must be a positive number"),
    ],
)
def test_steps_of_networks(dt, message):
    net = dm.Network([[1.0], [0.5]], [[0.1, 0.1]], [0.0, 0.0], tau=0.1, shared_noise=1.0)
    with pytest.raises(dm.InputError, match=message):
        analysed(net, dt=dt)
    with pytest.raises(dm.InputError, match=r"field \.network"):
        analysed(object())
