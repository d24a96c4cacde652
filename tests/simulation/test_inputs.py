"""Inputs: their values in time, what they do to a network on and off its subspace, bad ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.simulation import inputs

KEY = jax.random.key(0)


def values(input, times):
    return np.stack([np.asarray(input(jnp.asarray(t))) for t in times])


def network(n=30, k=2, tau=0.5, **options):
    rng = np.random.default_rng(0)
    return dm.Network(
        rng.normal(size=(n, k)), rng.normal(size=(k, n)) / n**0.5, rng.normal(size=n), tau=tau,
        **options,
    )  # fmt: skip


def off_subspace(net, vectors):
    """The part of directions in R^n that is orthogonal to the columns of Γ."""
    return vectors - (vectors @ np.linalg.pinv(net.gamma).T) @ net.gamma.T


def test_a_pulse_includes_its_beginning_and_not_its_end():
    found = values(inputs.pulse([2.0, -1.0], 0.5, 1.5), [0.0, 0.49, 0.5, 1.0, 1.49, 1.5, 9.0])
    assert np.array_equal(found, np.outer([0, 0, 1, 1, 1, 0, 0], [2.0, -1.0]))


def test_a_step_lasts_and_is_constant_by_default():
    assert np.array_equal(values(inputs.step([3.0], 2.0), [0.0, 1.9, 2.0, 1e6])[:, 0], [0, 0, 3, 3])
    assert np.array_equal(values(inputs.step([3.0]), [0.0, 5.0])[:, 0], [3, 3])


def test_a_ramp_is_linear_between_its_times_and_stays():
    found = values(inputs.ramp([0.0, 0.0], [4.0, 0.0], 1.0, 3.0), [0.0, 1.0, 1.5, 2.0, 3.0, 7.0])
    assert np.allclose(found, np.outer([0, 0, 0.25, 0.5, 1, 1], [4.0, 0.0]))


def test_pulses_add_up_where_they_overlap():
    both = inputs.pulses([([1.0], 2.0, 4.0), ([10.0], 1.0, 3.0), ([100.0], 5.0, np.inf)])
    found = values(both, [0.5, 1.5, 2.5, 3.5, 4.5, 6.0])[:, 0]
    assert np.array_equal(found, [0, 10, 11, 1, 0, 100])


@pytest.mark.parametrize("solver", ["heun", "euler-maruyama"])
def test_a_pulse_gives_the_momentum_that_it_should(solver):
    """dz = c(t) dt: what is left behind is value × length, whatever it sees of the edges."""
    still = dm.SDE(jnp.zeros_like, 0.0, dim=2)
    c = inputs.pulses([([1.0, 0.0], 0.3, 1.1), ([0.5, -2.0], 0.7, 1.4)])
    with jax.enable_x64(True):
        run = dm.simulate(still, duration=2.0, dt=0.1, key=KEY, input=c, method=solver)
    assert np.allclose(run.states[0, -1], [0.8 + 0.35, -1.4])


def test_times_that_are_whole_steps_are_met_in_single_precision():
    """i·dt and the times of a pulse are rounded apart; a step lost would show as 1/100."""
    still = dm.SDE(jnp.zeros_like, 0.0, dim=1)
    for begin in np.arange(1, 40) * 0.1:
        run = dm.simulate(
            still, duration=5.0, dt=0.01, key=KEY, input=inputs.pulse([1.0], begin, begin + 1),
            save_every=500,
        )  # fmt: skip
        assert run.states[0, -1, 0] == pytest.approx(1.0, abs=1e-4)


def test_pulses_of_other_values_and_times_share_a_compilation():
    traces = []

    def drift(z):
        traces.append(1)
        return -z

    sde = dm.SDE(drift, 0.1, dim=1)

    def run(input):
        traces.clear()
        dm.simulate(sde, duration=1.0, dt=0.1, key=KEY, input=input)
        return len(traces)

    assert run(inputs.pulse([1.0], 0.1, 0.5)) > 0
    assert run(inputs.pulse([-3.0], 0.2, 0.9)) == 0
    assert run(lambda t: jnp.ones(1)) > 0  # the control: a function is compiled in
    assert run(inputs.ramp([0.0], [1.0], 0.1, 0.5)) > 0
    assert run(inputs.ramp([0.0], [2.0], 0.0, 0.7)) == 0


def test_a_neural_input_of_gamma_u_is_the_latent_input_u():
    """With shared noise too: both see the same Brownian path."""
    net = network(shared_noise=0.3)
    u = np.array([0.7, -0.4])
    options = {"duration": 3.0, "dt": 0.01, "key": KEY, "num_trajectories": 3, "start": [0.2, 0.1]}
    with jax.enable_x64(True):
        latent = dm.simulate(net, input=inputs.pulse(u, 0.5, 2.0), **options)
        neural = dm.simulate(net, input=inputs.pulse(net.gamma @ u, 0.5, 2.0), **options)
        other = dm.simulate(net, input=inputs.pulse(net.gamma @ u * 1.01, 0.5, 2.0), **options)
    assert neural.stored_neurons is not None
    assert latent.stored_neurons is None
    assert np.abs(neural.latent - latent.latent).max() < 1e-10
    assert np.abs(neural.neurons - latent.neurons).max() < 1e-9
    assert np.abs(other.latent - latent.latent).max() > 1e-4  # the control


def test_what_an_input_adds_off_the_subspace_obeys_its_own_linear_equation():
    """τ dx⊥ = (−x⊥ + I⊥) dt: I⊥(1 − e^{−t/τ}) while it lasts, e^{−t/τ} after it, and no noise; at
    half the step a fourth of the error, but for the step in which the input ends."""
    tau, begin, end = 0.5, 0.0, 1.0
    net = network(tau=tau, shared_noise=0.5)
    I = np.random.default_rng(1).normal(size=net.num_neurons)
    off = off_subspace(net, I)
    assert 0.5 * np.linalg.norm(I) < np.linalg.norm(off) < np.linalg.norm(I)

    def largest_error(dt):
        with jax.enable_x64(True):
            run = dm.simulate(
                net, duration=3.0, dt=dt, key=KEY, start=[0.2, 0.1],
                input=inputs.pulse(I, begin, end),
            )  # fmt: skip
        x = off_subspace(net, run.neurons[0] - net.bias)
        # Heun's rule gives the step in which the input ends half of it.
        until = np.minimum(run.times, end - dt / 2)
        built = 1 - np.exp(-until / tau)
        expected = np.outer(built * np.exp(-(run.times - until) / tau), off)
        on = np.abs(x @ net.gamma).max()
        assert on < 1e-10
        late = run.times > end + 0.1
        decay = np.log(np.linalg.norm(x[late], axis=1))
        slope = np.polyfit(run.times[late], decay, 1)[0]
        assert slope == pytest.approx(-1 / tau, rel=3 * (dt / tau) ** 2)
        return np.abs(x - expected).max()

    coarse, fine = largest_error(0.02), largest_error(0.01)
    assert coarse < 1e-3 * np.abs(off).max()
    assert 3 < coarse / fine < 5


def test_the_latent_state_feels_only_what_the_rates_make_of_it():
    """An input off the subspace drives z through W_s φ(x): a linear network does not feel it where
    W_s I⊥ = 0, another one does."""
    rng = np.random.default_rng(2)
    gamma, readout = rng.normal(size=(30, 2)), rng.normal(size=(2, 30)) / 30
    rows = np.vstack([gamma.T, readout])
    I = rng.normal(size=30)
    I -= np.linalg.pinv(rows) @ (rows @ I)

    def moved(activation):
        net = dm.Network(gamma, readout, np.zeros(30), activation=activation, start=[1.0, 0.5])
        with jax.enable_x64(True):
            runs = [
                dm.simulate(net, duration=4.0, dt=0.02, key=KEY, input=input).latent
                for input in (inputs.step(I), None)
            ]
        return np.abs(runs[0] - runs[1]).max()

    assert moved("identity") < 1e-12
    assert moved("tanh") > 1e-3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: inputs.pulse([1.0], 2.0, 1.0), "must end after it begins, got from 2 to 1"),
        (lambda: inputs.pulse([1.0], 1.0, 1.0), "must end after it begins"),
        (lambda: inputs.pulse([1.0], np.nan, 1.0), "must begin and end at times, got nan and 1.0"),
        (lambda: inputs.pulse([1.0], -np.inf, 1.0), "must begin and end at times"),
        (lambda: inputs.pulse([1.0], "now", 1.0), "must begin and end at times, got 'now'"),
        (lambda: inputs.pulse([np.nan, 1.0], 0.0, 1.0), "must be finite, got"),
        (
            lambda: inputs.pulse(np.ones((2, 2)), 0.0, 1.0),
            r"must be a vector, .* got shape \(2, 2\)",
        ),
        (lambda: inputs.pulse([[1.0]], 0.0, 1.0), r"got shape \(1, 1\)"),
        (lambda: inputs.pulse([], 0.0, 1.0), r"got shape \(0,\)"),
        (lambda: inputs.pulse("up", 0.0, 1.0), "must be numbers, got 'up'"),
        (lambda: inputs.step([1.0], np.inf), "must begin and end at times"),
        (lambda: inputs.ramp([0.0], [1.0], 0.0, np.inf), "must end at a finite time"),
        (lambda: inputs.ramp([0.0], [1.0], 3.0, 2.0), "the ramp must end after it begins"),
        (lambda: inputs.pulses([]), "at least one"),
        (lambda: inputs.pulses(3), "a sequence of"),
        (lambda: inputs.pulses([([1.0], 0.0)]), "a sequence of"),
        (
            lambda: inputs.pulses([([1.0], 0.0, 1.0), ([1.0, 2.0], 1.0, 2.0)]),
            r"one shape, got \(1,\) for pulse 0 and \(2,\) for pulse 1",
        ),
        (
            lambda: inputs.pulses([([1.0], 0.0, 1.0), ([2.0], 3.0, 2.0)]),
            "pulse 1 must end after it begins",
        ),
    ],
)
def test_bad_inputs(make, words):
    with pytest.raises(dm.InputError, match=words):
        make()


def test_an_input_of_another_dimension_is_refused_by_the_simulation():
    with pytest.raises(dm.InputError, match=r"\(2,\) or \(30,\), got \(3,\)"):
        dm.simulate(
            network(), duration=1.0, dt=0.1, key=KEY, input=inputs.pulse(np.ones(3), 0.0, 1.0)
        )
