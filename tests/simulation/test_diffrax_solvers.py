"""Diffrax's solvers: the same noise, and the Itô solution from all of them."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.randomness import split
from driftmatch.simulation.diffrax_solvers import BrownianStep
from driftmatch.simulation.noise import block_of_normals, trajectory_keys

KEY = jax.random.key(0)
MU, SIGMA = 0.5, 0.8


def geometric():
    return dm.SDE(lambda z: MU * z, lambda z: SIGMA * z[:, None], dim=1, start=[1.0], name="gbm")


def test_euler_is_euler():
    def drift(z):
        return jnp.array([z[1], -z[0] * z[1]])

    def diffusion(z):
        return 0.2 * jnp.stack([z, jnp.sin(z), z[::-1]], axis=1)

    sde = dm.SDE(drift, diffusion, dim=2, start=[1.0, 0.5])
    with jax.enable_x64(True):
        ours, theirs = (
            dm.simulate(
                sde,
                duration=3.0,
                dt=0.01,
                key=KEY,
                num_trajectories=3,
                input=lambda t: jnp.stack([jnp.sin(t), t]),
                save_every=7,
                method=solver,
            ).states
            for solver in ("euler-maruyama", diffrax.Euler())
        )
    assert np.allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize(
    "solver",
    [diffrax.ItoMilstein(), diffrax.EulerHeun(), diffrax.SPaRK()],
    ids=lambda value: type(value).__name__,
)
def test_all_find_the_ito_solution(solver):
    """Path by path: the Stratonovich solution would be larger by exp(σ²t/2), a third."""
    steps, dt, M = 128, 1 / 128, 100
    run = dm.simulate(
        geometric(),
        duration=1.0,
        dt=dt,
        key=KEY,
        num_trajectories=M,
        start=[1.0],
        save_every=steps,
        method=solver,
    )
    draws = block_of_normals(trajectory_keys(split(KEY)[1], M), 0, steps, 1)
    B = np.sqrt(dt) * np.asarray(draws).sum(axis=0).T
    found = np.log(run.states[:, -1]) - SIGMA * B
    assert np.max(abs(found - (MU - SIGMA**2 / 2))) < 0.05
    assert np.min(abs(found - MU)) > 0.05


def test_levy_areas_have_the_right_size():
    """H = h⁻¹ ∫ (B_s − s/h B_h) ds and K = h⁻² ∫ (B_s − s/h B_h)(h/2 − s) ds of drawn paths."""
    M, points, h = 20_000, 256, 0.3
    s = (np.arange(points) + 1) * h / points
    B = np.random.default_rng(0).normal(size=(M, points)).cumsum(axis=1) * np.sqrt(h / points)
    bridge = B - s / h * B[:, -1:]
    H = bridge.mean(axis=1)
    K = (bridge * (h / 2 - s)).mean(axis=1) / h
    step = BrownianStep(jnp.array(0.0), jnp.array(h), jnp.ones((3, 1)))
    area = step.evaluate(step.t0, step.t1, use_levy=True)
    # A variance from M paths has a relative standard error of 1 %: error rate below 1e-5.
    assert float(area.W[0] ** 2) == pytest.approx(h)
    assert float(area.H[0] ** 2) == pytest.approx(H.var(), rel=0.045)
    assert float(area.K[0] ** 2) == pytest.approx(K.var(), rel=0.045)


def test_a_solver_for_odes():
    def drift(z):
        return jnp.array([z[1], -z[0]])

    with jax.enable_x64(True):
        sde = dm.SDE(drift, 0.0, dim=2, start=[1.0, 0.0])
        run = dm.simulate(sde, duration=2.0, dt=0.01, key=KEY, method=diffrax.Tsit5())
    assert np.allclose(run.states[0, -1], [np.cos(2), -np.sin(2)], atol=1e-11)


def test_a_network_with_private_noise():
    net = dm.Network(
        np.eye(5, 2), np.zeros((2, 5)), np.ones(5), shared_noise=0.1, private_noise=0.2
    )
    ours, theirs = (
        dm.simulate(net, duration=1.0, dt=0.1, key=KEY, method=solver).neurons
        for solver in ("euler-maruyama", diffrax.Euler())
    )
    assert np.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("solver", "words"),
    [
        (diffrax.Tsit5(), "Tsit5 is for systems without noise, and gbm is noisy"),
        (diffrax.KenCarp4(), "wants the drift in parts"),
        (diffrax.ShARK(), "ShARK cannot integrate gbm: .*independent of y"),
        (diffrax.LeapfrogMidpoint(), "pass a one-step solver"),
        (diffrax.HalfSolver(diffrax.Euler()), "pass a one-step solver"),
        (diffrax.ALIGN(1.0), "ALIGN cannot integrate gbm"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_solvers_that_do_not_suit(solver, words):
    with pytest.raises(dm.InputError, match=words):
        dm.simulate(geometric(), duration=1.0, dt=0.1, key=KEY, method=solver)


def test_an_implicit_solver_must_be_given_tolerances():
    sde = dm.SDE(lambda z: -z, 0.0, dim=1, start=[1.0])
    with pytest.raises(dm.InputError, match=r"root_finder=diffrax\.VeryChord"):
        dm.simulate(sde, duration=1.0, dt=0.1, key=KEY, method=diffrax.ImplicitEuler())
