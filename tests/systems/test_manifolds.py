"""Brownian motion on manifolds against its exact decays, at 5 standard errors (an error rate below
1e-6 a number), and how well networks hold manifolds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.systems import on_manifold, ring_attractor, sphere_diffusion, torus_diffusion

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
D, PATHS = 0.5, 4000
FULL_TURN = 2 * np.pi / 10  # a turn in ten time constants


def unit(z):
    return z / jnp.sqrt(z @ z)


def wheel(z):
    """The nearest point of a torus in R³, of radii 2 and ½."""
    axis = 2 * jnp.stack([z[0], z[1], 0 * z[2]]) / jnp.sqrt(z[0] ** 2 + z[1] ** 2)
    return axis + 0.5 * (z - axis) / jnp.sqrt((z - axis) @ (z - axis))


def drift(sde, z, *u):
    with jax.enable_x64(True):
        return np.array(jax.jit(sde.drift)(jnp.array(z), *[jnp.array(one) for one in u]))


def sigma(sde, z):
    with jax.enable_x64(True):
        return np.array(jax.jit(sde.diffusion)(jnp.array(z)))


def ended(sde, duration=1.0, number=PATHS, dt=0.005, start=None):
    run = dm.simulate(
        sde, duration=duration, dt=dt, key=KEY, num_trajectories=number, start=start,
        save_every=round(duration / dt),
    )  # fmt: skip
    return np.asarray(run.states[:, -1], float)


def errors_off(values, exact):
    """By how many standard errors the mean of independent values, in rows, is off."""
    error = values.std(axis=0) / len(values) ** 0.5
    return np.abs(values.mean(axis=0) - exact) / error


def without_correction(sde):
    """The control: Stratonovich's drift read as Itô's."""
    size, m = sde.dim, {2: 2, 3: 3, 4: 2}[sde.dim]

    def drift(z):
        blocks = z.reshape(size // m, m)
        return (blocks / jnp.linalg.norm(blocks, axis=1, keepdims=True) - blocks).ravel()

    return dm.SDE(drift, sde.diffusion, sde.dim, start=sde.start)


@pytest.mark.parametrize("scale", [1.0, 0.7, 1.6])
def test_formulas_on_spheres_are_the_general_construction(scale):
    """On the manifold and off it, drift with the Itô correction and noise."""
    z = scale * np.array([2.0, 3.0, 6.0]) / 7
    general = on_manifold(unit, 3, diffusivity=D, pull=2.0)
    np.testing.assert_allclose(drift(general, z), drift(sphere_diffusion(D, 2.0), z), atol=1e-6)
    np.testing.assert_allclose(sigma(general, z), sigma(sphere_diffusion(D, 2.0), z), atol=1e-6)
    ring = on_manifold(
        unit, 2, drift=lambda y, u: u[0] * jnp.stack([-y[1], y[0]]) + 9 * y, diffusivity=D,
        input_dim=1,
    )  # fmt: skip
    own, u = ring_attractor(D), np.array([0.3])
    np.testing.assert_allclose(drift(ring, z[1:], u), drift(own, z[1:], u), atol=1e-6)
    z = np.array([0.6, 0.8, 0.0, -1.0])
    both = on_manifold(lambda z: jnp.concatenate([unit(z[:2]), unit(z[2:])]), 4, diffusivity=D)
    np.testing.assert_allclose(drift(both, z), drift(torus_diffusion(D), z), atol=1e-6)
    np.testing.assert_allclose(drift(both, z), -D * z, atol=1e-6)


def test_ito_drift_is_the_mean_curvature_of_a_users_manifold():
    """D Δz = −D(1/r + cos φ/(R + r cos φ)) n, on a torus in R³."""
    sde = on_manifold(wheel, 3, diffusivity=D, start=[2.0, 0.0, 0.5])
    for phi in (0.3, 2.0, 4.0):
        n = np.array([np.cos(phi), 0.0, np.sin(phi)])
        z = np.array([2.0, 0, 0]) + 0.5 * n
        exact = -D * (1 / 0.5 + np.cos(phi) / (2 + 0.5 * np.cos(phi))) * n
        np.testing.assert_allclose(drift(sde, z), exact, atol=1e-6)
        assert np.abs(n @ sigma(sde, z)).max() < 1e-6


@pytest.mark.slow
def test_states_stay_on_a_users_manifold():
    """Not so without the Itô correction."""
    sde = on_manifold(wheel, 3, diffusivity=D, start=[2.0, 0.0, 0.5])
    states = ended(sde, dt=0.004, number=50)
    off = np.asarray(jax.vmap(wheel)(jnp.asarray(states))) - states
    assert np.sqrt(np.mean(off**2)) < 0.1  # of steps
    ito = dm.SDE(lambda z: wheel(z) - z, sde.diffusion, 3, start=sde.start)
    states = ended(ito, dt=0.004, number=50)
    assert np.sqrt(np.mean((np.asarray(jax.vmap(wheel)(jnp.asarray(states))) - states) ** 2)) > 0.15


@pytest.mark.parametrize(
    ("sde", "correlation", "exact"),
    [
        (ring_attractor(D).at(0.0), lambda z: z, [np.exp(-D), 0.0]),
        (sphere_diffusion(D), lambda z: z, [np.exp(-2 * D), 0.0, 0.0]),
        (
            torus_diffusion(D),
            lambda z: np.column_stack([z, z[:, 0] * z[:, 2] - z[:, 1] * z[:, 3]]),
            [np.exp(-D), 0.0, np.exp(-D), 0.0, np.exp(-2 * D)],
        ),
    ],
    ids=["circle", "sphere", "torus"],
)
def test_decays_are_exact(sde, correlation, exact):
    states = ended(sde)
    assert np.all(errors_off(correlation(states), exact) < 5)
    radius = np.linalg.norm(states[:, :3] if sde.dim == 3 else states[:, :2], axis=1)
    assert radius.mean() == pytest.approx(1, abs=0.01)  # but for steps of 0.005
    wrong = ended(without_correction(sde))
    assert errors_off(correlation(wrong), exact).max() > 10
    assert np.linalg.norm(wrong, axis=1).mean() > 1.1 * np.linalg.norm(states, axis=1).mean()


def test_density_is_uniform():
    """First and second moments of the sphere, after six decay times; not so with a drift."""

    def off(sde):
        z = ended(sde, 6.0, 2000, 0.02)
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        products = np.column_stack([z[:, 0] ** 2, z[:, 1] ** 2, z[:, 0] * z[:, 1]])
        return errors_off(np.column_stack([z, products]), [0, 0, 0, 1 / 3, 1 / 3, 0])

    assert np.all(off(sphere_diffusion(D)) < 5)
    tilted = on_manifold(unit, 3, drift=lambda y: jnp.array([0.0, 0.0, 0.3]), diffusivity=D)
    assert off(tilted)[2] > 10


def test_distance_decays_at_the_pull_and_the_input_turns():
    end = ended(ring_attractor(0.0, 2.0).at(0.4), 1.0, 1, 0.001, [1.5, 0.0])[0]
    assert np.hypot(*end) - 1 == pytest.approx(0.5 * np.exp(-2), abs=1e-3)
    assert 0 < np.arctan2(end[1], end[0]) < 0.4  # an arc of 0.4 is less further out
    end = ended(ring_attractor(0.0).at(0.4), 1.0, 1, 0.001, [1.0, 0.0])[0]
    assert np.arctan2(end[1], end[0]) == pytest.approx(0.4, abs=1e-3)
    assert np.all(np.isfinite(drift(ring_attractor(), np.zeros(2), np.ones(1))))


def test_what_is_no_nearest_point_map_is_refused():
    with pytest.raises(dm.InputError, match="leave points of the manifold where they are"):
        on_manifold(lambda z: 2 * z, 2)
    with pytest.raises(dm.InputError, match="orthogonal projector"):
        on_manifold(lambda z: jnp.stack([z[0] + z[1], 0 * z[1]]), 2)
    with pytest.raises(dm.InputError, match="not finite at the start"):
        on_manifold(unit, 2, start=[0.0, 0.0])
    with pytest.raises(dm.InputError, match="an input steers the drift"):
        on_manifold(unit, 2, input_dim=1)


def test_report_of_a_target():
    """It rests, but for the radius 1 − D/λ of the Itô drift, at which turns are D/λ too fast; one
    with wells does not."""
    report = dm.manifold_report(
        ring_attractor(0.01), unit, key=KEY, num_points=8, duration=30.0, inputs=[0.3, -0.6, 9.0]
    )
    assert report.outcome is dm.Outcome.SUCCESS
    assert report.max_moved < 1e-9
    radius = (1 + np.sqrt(1 - 4 * 0.01)) / 2  # λ(1 − r) = D/r
    assert report.offset == pytest.approx(1 - radius, rel=1e-3)
    # But for the second in which it begins at the radius 1
    np.testing.assert_allclose(report.turn_error, 0.01, rtol=0.1)
    assert report.width < 0.1 * report.isotropic_width
    assert report.isotropic_width == pytest.approx(0.1, rel=0.02)
    assert report.diffusivity == pytest.approx(0.01)
    # Half a turn between two looks, and a pull much quicker than the whole.
    half = dm.manifold_report(
        ring_attractor(0.01, pull=20), unit, key=KEY, num_points=4, duration=100.0, inputs=[6.2]
    )
    np.testing.assert_allclose(half.turn_error, 0.01 / 20, rtol=0.1)
    assert half.outcome is dm.Outcome.SUCCESS
    away = dm.manifold_report(dm.SDE(lambda z: z**3, 0.1, 2), unit, key=KEY, num_points=4)
    assert away.outcome is dm.Outcome.NON_FINITE
    wells = on_manifold(unit, 2, drift=lambda y: 0.1 * jnp.stack([y[1], 0 * y[0]]))
    report = dm.manifold_report(wells, unit, key=KEY, num_points=8, duration=30.0)
    assert report.moved > 0.2
    assert report.turn_error is None


def ring_states(number=20_000, width=0.05):
    """(z, u), evenly around the ring and near it; inputs around 0 count most."""
    rng = np.random.default_rng(0)
    theta = 2 * np.pi * np.arange(number) / number
    radius = 1 + width * rng.standard_normal(number)
    inputs = FULL_TURN * rng.uniform(-1, 1, number)
    inputs[rng.random(number) < 0.6] *= 0.1
    return np.column_stack([radius * np.cos(theta), radius * np.sin(theta), inputs])


def rate(network, lag, duration, number, start, dt=0.02):
    """Of the decay of ⟨z(0)·z(t)⟩ to t = lag, and its standard error over paths."""
    run = dm.simulate(
        network, duration=duration, dt=dt, key=KEY, num_trajectories=number,
        start=start[:number], save_every=round(1 / dt),
    )  # fmt: skip
    states = np.asarray(run.states, float)
    after = round(lag)
    each = np.sum(states[:, after:] * states[:, :-after], axis=2).mean(axis=1)
    mean = each.mean() / np.mean(np.sum(states**2, axis=2))
    return -np.log(mean) / lag, each.std() / number**0.5 / mean / lag


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sde", "neurons", "exact"),
    [(ring_attractor(0.1).at(0.0), 128, 0.1), (sphere_diffusion(0.1), 256, 0.2)],
    ids=["circle", "sphere"],
)
def test_networks_diffuse_at_the_right_rate(sde, neurons, exact):
    """Within 3 %, measured to 1 %."""
    states = RNG.standard_normal((20_000, sde.dim))
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    near = states * (1 + 0.05 * RNG.standard_normal((len(states), 1)))
    network = dm.embed(sde, neurons, states=near, tau=1.0, key=KEY).network
    found, error = rate(network, 5, 40.0, 4000, states)
    assert error < 0.01 * exact
    assert found == pytest.approx(exact, rel=0.03)


@pytest.mark.slow
def test_a_network_of_128_neurons_integrates_velocity():
    embedding = dm.embed(
        ring_attractor(), 128, inputs=dm.InputRange(-FULL_TURN, FULL_TURN), tau=1.0, key=KEY,
        states=ring_states(), private_noise=1e-4, confine=False,
        method=dm.Refined(iterations=(150, 10)),
    )  # fmt: skip
    report = dm.manifold_report(
        embedding.network, unit, key=KEY, inputs=FULL_TURN * np.array([-1, -0.5, 0.1, 0.25, 1])
    )
    assert report.duration == 100
    assert report.turn_error.max() < 0.01
    assert report.moved < 0.01  # radians in 100 τ
    assert report.max_moved < 0.01
    assert report.width < 0.3 * report.isotropic_width
