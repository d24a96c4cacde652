"""Networks that an input steers: exact at constant inputs, behind by τ at others."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.sampling.families import InputsAsCoordinates, sample_family

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
RANGE = dm.InputRange(-1.0, 1.0)
PITCHFORK = dm.SDE(
    lambda z, u: jnp.array([u[0] * z[0] - z[0] ** 3]), 0.2, 1, input_dim=1, name="pitchfork"
)


def steered_network(n=40, k=2, p=1, tau=0.5, **options):
    readout = np.concatenate([RNG.normal(size=(k, n)) / n, np.zeros((p, n))])
    return dm.Network(
        RNG.normal(size=(n, k + p)), readout, RNG.normal(size=n), tau=tau,
        inputs=dm.InputRange(-np.ones(p), np.ones(p)), **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pitchfork():
    return dm.embed(PITCHFORK, 64, inputs=RANGE, key=KEY)


def follows(t):
    """Of dz = (cos t − z) dt from 0."""
    return 0.5 * (np.cos(t) + np.sin(t) - np.exp(-t))


def drifting(z, u):
    return u - z


@pytest.mark.parametrize(
    ("method", "order"), [("euler-maruyama", 1), ("heun", 2), (diffrax.Ralston(), 2)]
)
def test_a_target_is_steered_at_its_solvers_order(method, order):
    sde = dm.SDE(drifting, 0.0, 1, input_dim=1)

    def error(dt):
        run = dm.simulate(
            sde, duration=4, dt=dt, key=KEY, start=[0.0], input=jnp.cos, method=method
        )
        return np.abs(run.states[0, :, 0] - follows(run.times)).max()

    assert np.log2(error(0.1) / error(0.05)) > order - 0.2


def test_noise_follows_the_input():
    """Var z after a time t of dz = u(t) dB, u = t, is t³/3: 5 s.e. of 4000 paths."""
    sde = dm.SDE(lambda z, u: 0 * z, lambda z, u: u[:, None], 1, input_dim=1)
    run = dm.simulate(
        sde, duration=2, dt=0.01, key=KEY, input=lambda t: t, num_trajectories=4000, start=[0.0]
    )
    variance = run.states[:, -1, 0].var()
    assert abs(variance / (8 / 3) - 1) < 5 * np.sqrt(2 / 4000)


def test_a_constant_input_is_a_bias():
    net = steered_network(p=2)
    u = np.array([0.4, -0.7])
    fixed = net.at(u)
    assert (fixed.dim, fixed.input_dim, net.dim, net.input_dim) == (2, 0, 4, 2)
    np.testing.assert_array_equal(fixed.bias, net.bias + net.gamma[:, 2:] @ u)
    z = RNG.normal(size=2)
    with jax.enable_x64(True):
        whole = net.drift(jnp.concatenate([z, u]))
        np.testing.assert_allclose(fixed.drift(jnp.asarray(z)), whole[:2], rtol=1e-12)
        np.testing.assert_allclose(whole[2:], -u / net.tau, rtol=1e-12)
    run = {"duration": 5.0, "dt": 0.01, "key": KEY, "start": z}
    held = dm.simulate(net, input=lambda t: jnp.asarray(u), **run)
    np.testing.assert_allclose(held.states[..., :2], dm.simulate(fixed, **run).states, atol=1e-6)
    np.testing.assert_allclose(held.states[..., 2:], np.broadcast_to(u, (1, 501, 2)), atol=1e-6)


def test_neurons_filter_the_input():
    """ū = 1 − exp(−t/τ) after a step; and neurons agree with latent coordinates."""
    net = steered_network(tau=0.5)
    run = {"duration": 3.0, "dt": 0.01, "key": KEY, "input": dm.inputs.step(1.0, 0.0)}
    start = np.zeros(3)
    latent = dm.simulate(net, start=start, **run)
    filtered = 1 - np.exp(-latent.times / 0.5)
    np.testing.assert_allclose(latent.states[0, :, 2], filtered, atol=1e-4)
    neural = dm.simulate(net, start=net.lift(start), **run)
    np.testing.assert_allclose(neural.states, latent.states, atol=2e-5)
    begun = dm.simulate(net, start=np.zeros(2), **run)  # filtered from before on
    np.testing.assert_allclose(begun.states[0, :, 2], 1.0, atol=1e-6)


def test_one_network_holds_the_whole_family(pitchfork):
    assert pitchfork.outcome is dm.Outcome.SUCCESS, pitchfork.reason
    assert pitchfork.report.drift_error < 1e-2
    assert len(pitchfork.looks) == 5
    net = pitchfork.network
    for u in (-0.9, 0.3, 0.85):  # at inputs where nothing was sampled
        states = dm.sample(PITCHFORK.at(u), key=KEY).states[::10]
        assert dm.matching_errors(PITCHFORK.at(u), net.at(u), states).drift < 3e-2
    found = dm.fixed_points(net.at(0.8), key=KEY)
    np.testing.assert_allclose(found.points[:, 0], [-np.sqrt(0.8), 0, np.sqrt(0.8)], atol=0.02)


def test_its_fixed_points_fork(pitchfork):
    inputs = np.linspace(-0.95, 0.95, 20)
    for system in (PITCHFORK, pitchfork.network):
        diagram = dm.bifurcation(system, inputs, key=KEY)
        number = np.where(inputs > 0, 3, 1)
        off = diagram.number != number
        assert off.sum() <= 1
        assert np.all(np.abs(inputs[off]) < 0.06)
        far = np.abs(inputs) > 0.06
        np.testing.assert_array_equal(diagram.number_stable[far], np.where(inputs > 0, 2, 1)[far])
        assert np.all(np.abs(inputs[diagram.changes]) < 0.16)
    assert diagram.inputs.shape == (20, 1)


def test_a_ramp_crosses_the_fork(pitchfork):
    """The state leaves 0 for a branch, of which both are taken; the control stays."""
    net = pitchfork.network
    run = {"duration": 60.0, "dt": 0.02, "key": KEY, "num_trajectories": 64, "start": [0.0]}
    end = dm.simulate(net, input=dm.inputs.ramp(-1.0, 1.0, 0.0, 40.0), **run)
    assert end.outcome.ok
    size = np.abs(end.states[:, -1, 0])
    assert np.median(size) == pytest.approx(1.0, abs=0.1)
    assert 10 < np.sum(end.states[:, -1, 0] > 0) < 54
    stays = dm.simulate(net, input=dm.inputs.step(-1.0), **run)
    assert np.median(np.abs(stays.states[:, -1, 0])) < 0.3


def test_leaving_the_range_is_told(pitchfork):
    net, run = pitchfork.network, {"duration": 20.0, "dt": 0.02, "key": KEY}
    inside = dm.simulate(net, input=dm.inputs.step(1.0), **run)
    outside = dm.simulate(net, input=dm.inputs.ramp(0.0, 1.5, 0.0, 10.0), **run)
    assert inside.outcome is dm.Outcome.SUCCESS
    assert outside.outcome is dm.Outcome.OUTSIDE_INPUTS
    with pytest.warns(dm.ExtrapolationWarning, match=r"from \[-1.0\] to \[1.0\], and \[1.5\]"):
        net.at(1.5)


def test_it_is_kept_in_a_file(pitchfork, tmp_path):
    path = tmp_path / "net.safetensors"
    dm.save(path, pitchfork.network)
    again = dm.load(path)
    assert isinstance(again, dm.Network)
    assert again.inputs == RANGE
    assert again == pitchfork.network
    dm.save(path, pitchfork)
    assert dm.load(path).looks == pitchfork.looks


def test_a_scorecard_at_every_input(pitchfork):
    cards = dm.compare(
        PITCHFORK, pitchfork.network, inputs=[-0.5], key=KEY, duration=40.0, num_trajectories=32,
        num_starts=32,
    )  # fmt: skip
    assert cards.inputs.tolist() == [[-0.5]]
    assert cards.cards[0].drift_error < 3e-2


def test_neurons_need_their_input():
    net = steered_network()
    with pytest.raises(dm.InputError, match="pass input="):
        net.neural()
    with pytest.raises(dm.InputError, match="start must have shape"):
        dm.simulate(
            net, duration=1, dt=0.1, key=KEY, start=np.zeros(2), input=lambda t: jnp.ones(3)
        )


def test_it_may_be_traced():
    net, z = steered_network(), jnp.ones(2)
    drift = jax.jit(lambda net, u: net.at(u).drift(z))(net, jnp.array([0.3]))
    np.testing.assert_allclose(drift, net.at(0.3).drift(z), rtol=1e-5)


def test_names_of_the_input_are_kept():
    net = steered_network(coordinates=["V", "w", "I"], units=["mV", "", "nA"])
    assert net.inputs == dm.InputRange(-1.0, 1.0, ["I"], ["nA"])
    sde = dm.SDE(drifting, 0.1, 1, input_dim=1, coordinates=["V"], units=["mV"])
    joint = InputsAsCoordinates(sde, dm.InputRange(0.0, 1.0, ["I"], ["nA"]))
    assert (joint.coordinates, joint.units) == (("V", "I"), ("mV", "nA"))
    assert InputsAsCoordinates(sde, RANGE).coordinates == ("V", "u")


def test_a_family_is_sampled_all_over_its_range():
    family = sample_family(PITCHFORK, RANGE, KEY)
    for states in (family.visited, family.held_out):
        u = states[:, 1]
        assert u.min() < -0.95
        assert u.max() > 0.95
        assert np.histogram(u, 8, (-1, 1))[0].min() > 0.02 * len(u)
    few = {tuple(s) for s in np.round(family.held_out[:, 1:], 9)}
    assert not few & {tuple(s) for s in np.round(family.visited[:, 1:], 9)}  # other inputs


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: dm.embed(PITCHFORK, 64, key=KEY), r"say over which range .*InputRange"),
        (lambda: dm.embed(PITCHFORK.at(0.0), 64, inputs=RANGE, key=KEY), "takes no input"),
        (
            lambda: dm.embed(PITCHFORK, 64, inputs=dm.InputRange([0, 0], [1, 1]), key=KEY),
            r"2 dimensions, but pitchfork takes an input of shape \(1,\)",
        ),
        (
            lambda: dm.embed(PITCHFORK, 64, inputs=dm.InputRange(0, np.inf), key=KEY),
            "must be a finite range",
        ),
        (lambda: dm.simulate(PITCHFORK, duration=1, dt=0.1, key=KEY), "pass input="),
        (lambda: dm.sample(PITCHFORK, key=KEY), r"choose a value, by .at\(value\)"),
        (lambda: dm.lyapunov(steered_network(), duration=1, dt=0.1, key=KEY), r"\.at\(value\)"),
        (lambda: PITCHFORK.drift(jnp.zeros(1)), r"hold it at a value by .at\(value\)"),
        (lambda: PITCHFORK.at([0.0, 1.0]), r"must be a number or have shape \(1,\)"),
        (lambda: dm.systems.lorenz().at(1.0), "takes no input"),
        (lambda: dm.bifurcation(dm.systems.lorenz(), [0.0], key=KEY), "takes no input"),
        (lambda: dm.SDE(lambda z, u: -z, 0.1, 1), "say how many numbers it has by input_dim="),
        (lambda: dm.SDE(lambda z: -z, 0.1, 1, input_dim=1), "takes 1 argument, and is given"),
        (
            lambda: dm.SDE(lambda z, u: jnp.array([z[0], u]), 0.1, 2, input_dim=1),
            r"its numbers are u\[0\]",
        ),
        (lambda: dm.InputRange(1.0, 0.0), "each lower one below its upper one"),
        (
            lambda: dm.Network(np.eye(3, 2), np.ones((2, 3)), np.zeros(3), inputs=RANGE),
            "the last 1 rows of readout must be 0",
        ),
    ],
)  # fmt: skip
def test_bad_input(call, sentence):
    with pytest.raises(dm.InputError, match=sentence):
        call()


@pytest.mark.slow
def test_lorenz_while_its_parameter_moves():
    """ρ from 20, where points are stable, to 28, where there is chaos, in one network."""

    def flow(z, u):
        return jnp.array(
            [10 * (z[1] - z[0]), z[0] * (u[0] - z[2]) - z[1], z[0] * z[1] - 8 / 3 * z[2]]
        )

    lorenz = dm.SDE(flow, 0.1, 3, input_dim=1, name="lorenz")
    found = dm.embed(lorenz, 512, inputs=dm.InputRange(20.0, 30.0), key=KEY, check=False)
    assert found.report.drift_error < 3e-3
    exponents = dm.lyapunov(
        found.network.at(28.0), duration=300, dt=0.01, key=KEY, noise=False, num_trajectories=32,
        num_exponents=1, burn_in=50,
    )  # fmt: skip
    assert exponents.exponents[0] == pytest.approx(0.906, rel=0.05)
    points = dm.fixed_points(found.network.at(20.0), key=KEY)
    at = np.sqrt(8 / 3 * 19)
    stable = points.points[points.is_stable]
    np.testing.assert_allclose(np.abs(stable), [[at, at, 19.0]] * 2, atol=0.05)
