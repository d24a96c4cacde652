"""A network that is wrong in one respect is told from one that is right, by that respect."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch import Outcome
from driftmatch.embedding.closed_loop import closed_loop
from driftmatch.embedding.verdict import why
from driftmatch.matching.fits import Fitted
from driftmatch.sampling.angles import OnCircles

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def cycle():
    sde = dm.systems.van_der_pol(noise=0.1)
    return sde, dm.sample(sde, key=KEY)


@pytest.fixture(scope="module")
def embedded(cycle):
    sde, samples = cycle
    return dm.embed(sde, 64, key=KEY, samples=samples)


def with_tau(network, tau):
    """The same attractor, run through at another speed; its noise is left out."""
    return dm.Network(network.gamma, network.readout, network.bias, tau=tau)


def looked_at(sde, network, samples):
    return closed_loop(sde, network, samples, samples.runs, KEY)


def test_a_faithful_network_passes(embedded):
    assert embedded.outcome is Outcome.SUCCESS
    assert embedded.reason is None
    loop = embedded.closed_loop
    assert loop.state_space_divergence < 1.5 * loop.state_space_divergence_floor + 0.05
    assert loop.frequency_ratio == pytest.approx(1, abs=0.02)
    assert np.isnan(loop.exponent_target)  # no chaos is claimed
    assert loop.to_dict()["exponent_target"] is None


def test_no_check_no_closed_loop(cycle):
    sde, samples = cycle
    found = dm.embed(sde, 64, key=KEY, samples=samples, check=False)
    assert found.closed_loop is None


@pytest.mark.parametrize("slower", [pytest.param(0.9, marks=pytest.mark.slow), 1.05])
def test_another_speed_is_noticed(slower):
    """Noise-free cycles have one density at every speed: the rhythm alone tells them apart."""
    sde = dm.systems.van_der_pol(noise=0.0)
    samples = dm.sample(sde, key=KEY)
    network = dm.embed(sde, 64, key=KEY, samples=samples, check=False).network
    assert looked_at(sde, network, samples).outcome is Outcome.SUCCESS
    loop = looked_at(sde, with_tau(network, slower * network.tau), samples)
    assert loop.outcome is Outcome.OTHER_SPECTRUM
    assert loop.frequency_ratio == pytest.approx(1 / slower, rel=0.01)


def test_another_density_is_noticed(cycle):
    """A network of the same oscillator with half of the noise."""
    sde, samples = cycle
    calm = dm.embed(dm.systems.van_der_pol(noise=0.05), 64, key=KEY, check=False).network
    assert looked_at(sde, calm, samples).outcome is Outcome.OTHER_DENSITY


def test_what_leaves_is_noticed():
    """A network of the growing spiral ends far from the damped one's states."""
    damped = dm.SDE(lambda z: jnp.stack([-z[0] - z[1], z[0] - z[1]]), 0.1, 2)
    samples = dm.sample(damped, key=KEY)
    grows = dm.SDE(lambda z: jnp.stack([z[0] - z[1], z[0] + z[1]]), 0.1, 2)
    network = dm.embed(grows, 64, key=KEY, box=([-1, -1], [1, 1]), check=False).network
    assert looked_at(damped, network, samples).outcome is Outcome.ESCAPES


@pytest.mark.slow
def test_another_exponent_is_noticed():
    """Chaos slowed down by a third: its density stays, λ does not."""
    sde = dm.systems.lorenz(noise=0.0)
    samples = dm.sample(sde, key=KEY)
    network = dm.embed(sde, 256, key=KEY, samples=samples, check=False).network
    right = looked_at(sde, network, samples)
    assert right.outcome is Outcome.SUCCESS
    assert right.exponent_network == pytest.approx(0.906, rel=0.1)
    slow = looked_at(sde, with_tau(network, 1.5 * network.tau), samples)
    assert slow.exponent_network == pytest.approx(0.906 / 1.5, rel=0.1)
    assert not slow.outcome.ok
    only = replace(right, exponent_network=slow.exponent_network)
    assert only.outcome is Outcome.OTHER_EXPONENT


def test_far_starts_that_stray_are_noticed():
    """A network with wells at 0 and ±2 for a target with one at 0, where both are alike."""
    one = dm.SDE(lambda z: -z, 0.1, 1)
    three = dm.SDE(lambda z: -z * (z**2 - 1) * (z**2 - 4) / 4, 0.1, 1)
    samples = dm.sample(one, key=KEY)
    network = dm.embed(three, 64, key=KEY, box=([-2.5], [2.5]), check=False).network
    loop = looked_at(one, network, samples)
    assert loop.astray_fraction > 0.5
    assert loop.outcome is Outcome.STRAYS


@pytest.mark.parametrize(
    ("fitted", "lever"),
    [
        (dict(gain=0.05), "iterations="),
        (dict(), "more neurons"),
    ],
)
def test_the_reason_names_the_lever(embedded, fitted, lever):
    loop = replace(embedded.closed_loop, sliced_wasserstein=1.0)
    state = Fitted(None, None, **fitted)  # type: ignore[arg-type]
    reason = why(loop.outcome, embedded.report, loop, state, None)
    assert "standard deviations" in reason
    assert lever in reason


def test_what_was_not_mixed_is_no_success():
    """Two deep wells that noise does not pass between: weights are not known, and it is said."""
    sde = dm.SDE(lambda z: z - z**3, 0.15, 1, start=[[-1.0], [1.0]])
    found = dm.embed(sde, 32, key=KEY)
    assert found.outcome is Outcome.NOT_MIXING
    assert "raise the noise" in found.reason


@pytest.mark.parametrize("start", [[-1.0], [[-1.0], [1.0]]])
def test_what_comes_to_rest_is_judged_by_where_it_ends(start):
    sde = dm.SDE(lambda z: z - z**3, 0.0, 1, start=start)
    found = dm.embed(sde, 32, key=KEY)
    assert found.outcome is Outcome.SUCCESS
    assert np.isnan(found.closed_loop.sliced_wasserstein)
    assert found.closed_loop.astray_fraction == 0


@pytest.mark.slow
def test_a_fast_network_is_given_fine_steps(cycle):
    sde, samples = cycle
    found = dm.embed(sde, 64, key=KEY, samples=samples, tau=samples.time_scale / 200)
    assert found.closed_loop is not None


def test_a_network_that_diverges_has_not_the_right_exponent(embedded):
    loop = replace(embedded.closed_loop, exponent_target=0.9, exponent_target_error=0.01)
    assert loop.outcome is Outcome.OTHER_EXPONENT


def test_an_interrupt_ends_it(cycle, monkeypatch):
    sde, samples = cycle
    network = dm.embed(sde, 64, key=KEY, samples=samples, check=False).network

    def interrupted(*_, **__):
        return replace(run, outcome=Outcome.INTERRUPTED)

    run = dm.simulate(network, duration=0.1, dt=0.01, key=KEY)
    monkeypatch.setattr("driftmatch.embedding.closed_loop.simulate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        looked_at(sde, network, samples)


@pytest.mark.slow
def test_too_short_a_look_is_no_success(monkeypatch):
    """A slow coordinate beside a fast one: a look of a few fast turns says nothing of it."""
    slow = dm.SDE(
        lambda z: jnp.stack([-z[0] + 10 * z[1], -10 * z[1] - 10 * z[0], -0.01 * z[2]]),
        [1.0, 1.0, 0.1],
        3,
    )
    samples = dm.sample(slow, key=KEY)
    network = dm.embed(slow, 64, key=KEY, samples=samples, check=False).network
    assert looked_at(slow, network, samples).is_mixed
    monkeypatch.setattr("driftmatch.embedding.closed_loop._NEURON_STEPS", 1.0)
    loop = looked_at(slow, network, samples)
    assert not loop.is_mixed
    assert replace(loop, astray_fraction=0.0).outcome is Outcome.UNJUDGED


def test_noise_on_a_circle_is_judged_on_the_circle():
    """Runs of the angles lie on it exactly, a network's nearly; an Itô drift alone leaves it."""
    adler = dm.SDE(lambda z, u: u - jnp.sin(z), 0.3, 1, input_dim=1, periodic=[2 * np.pi])
    samples = dm.sample(adler.at(0.3), key=KEY)
    found = dm.embed(adler.at(0.3), 128, key=KEY, samples=samples)
    assert found.outcome is Outcome.SUCCESS
    assert found.closed_loop.astray_fraction == 0
    other = OnCircles(adler.at(0.5), samples.time_scale)  # the control
    own = dm.sample(adler.at(0.5), key=KEY)
    apart = closed_loop(other, found.network, own, other.laid_out(own.runs), KEY)
    assert apart.outcome is Outcome.OTHER_DENSITY
