"""Any SDE, a network too, under JAX's transformations, in Equinox's surgery and in pickles."""

import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm

RNG = np.random.default_rng(0)
GAMMA, READOUT, BIAS = RNG.normal(size=(8, 2)), RNG.normal(size=(2, 8)), RNG.normal(size=8)
NETWORK = dm.Network(GAMMA, READOUT, BIAS, tau=0.5, shared_noise=0.1, start=[1.0, 2.0])


def spiral(z):
    return jnp.array([[-1.0, -2.0], [2.0, -1.0]]) @ z


def push(t):
    return jnp.stack([jnp.cos(t), jnp.sin(t)])


SDES = {
    "catalogue": dm.systems.van_der_pol(),
    "two noises": dm.systems.kubo_oscillator(),
    "function": dm.SDE(spiral, lambda z: z[:, None], 2, parameters={"B": np.eye(2)}),
    "stratonovich": dm.SDE(spiral, lambda z: jnp.diag(z), 2, interpretation="stratonovich"),
    "network": NETWORK,
    "neurons": NETWORK.with_private_noise(0.1).neural(),
    "driven": NETWORK.latent(input=push),
    "driven neurons": NETWORK.neural(input=push),
    "noisier": dm.with_noise(dm.systems.van_der_pol(), 2.0),
}
every_sde = pytest.mark.parametrize("sde", SDES.values(), ids=SDES)


def states(sde, *shape):
    return jnp.asarray(np.random.default_rng(1).normal(size=(*shape, sde.dim)), jnp.float32)


@every_sde
def test_methods_and_the_sde_itself_go_through_transformations(sde):
    z = states(sde, 3)
    expected = np.stack([sde.drift(one) for one in z])
    close = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(jax.jit(jax.vmap(sde.drift))(z), expected, **close)
    np.testing.assert_allclose(jax.jit(sde.drift)(z[0]), expected[0], **close)
    np.testing.assert_allclose(
        jax.jit(lambda sde, z: sde.drift(z))(sde, z[0]), expected[0], **close
    )
    np.testing.assert_allclose(jax.jit(sde.diffusion)(z[0]), sde.diffusion(z[0]), **close)


@every_sde
def test_copies_are_equal_and_others_are_not(sde):
    same = jax.tree.map(lambda leaf: leaf, sde)
    assert hash(same) == hash(sde)
    assert bool(same == sde)
    assert hash(dm.SDE(spiral, [0.0, 1.0], 2)) == hash(dm.SDE(spiral, [-0.0, 1.0], 2))
    assert hash(sde) not in {hash(other) for other in SDES.values() if other is not sde}


@pytest.mark.parametrize("name", ["catalogue", "two noises", "network", "neurons", "noisier"])
def test_pickles(name):
    back = pickle.loads(pickle.dumps(SDES[name]))
    z = states(back)
    np.testing.assert_array_equal(back.drift(z), SDES[name].drift(z))
    assert bool(back == SDES[name])


def test_an_activation_of_ones_own_pickles_by_what_it_is_made_of():
    mine = dm.Activation("mine", np.tanh, np.tanh, True)
    assert pickle.loads(pickle.dumps(mine)) == mine
    assert pickle.loads(pickle.dumps(dm.ACTIVATIONS["tanh"])) is dm.ACTIVATIONS["tanh"]


def test_the_slope_of_a_network_in_its_parameters():
    """By JAX, through construction, and by differences."""

    def speed(scale):
        z = jnp.array([0.3, -0.4])
        return jnp.sum(dm.Network(scale * GAMMA, READOUT, BIAS).drift(z) ** 2)

    with jax.enable_x64(True):
        slope = jax.jit(jax.grad(speed))(1.0)
        difference = (speed(1 + 1e-6) - speed(1 - 1e-6)) / 2e-6
    assert abs(difference) > 1e-2
    assert slope == pytest.approx(float(difference), rel=1e-6)
    slopes = jax.grad(lambda network: jnp.sum(network.drift(jnp.ones(2)) ** 2))(NETWORK)
    assert slopes.gamma.shape == (8, 2)


def test_many_networks_at_once():
    scales = jnp.array([0.5, 1.0, 2.0])
    z = jnp.array([0.3, -0.4])
    networks = eqx.filter_vmap(lambda scale: dm.Network(scale * GAMMA, READOUT, BIAS))(scales)
    drifts = eqx.filter_vmap(lambda network: network.drift(z))(networks)
    for scale, drift in zip(scales, drifts, strict=True):
        alone = dm.Network(float(scale) * GAMMA, READOUT, BIAS)
        np.testing.assert_allclose(drift, alone.drift(z), rtol=1e-5)


def test_nothing_derived_is_stale_after_surgery(shapes_unchecked):  # surgery wraps the leaves
    wider = eqx.tree_at(lambda network: network.gamma, NETWORK, 2 * GAMMA)
    rebuilt = dm.Network(2 * GAMMA, READOUT, BIAS, tau=0.5, shared_noise=0.1, start=[1.0, 2.0])
    z = np.array([0.3, -0.4])
    np.testing.assert_allclose(wider.drift(jnp.array(z)), rebuilt.drift(jnp.array(z)), rtol=1e-6)
    np.testing.assert_allclose(wider.project(wider.lift(z)), z, rtol=1e-5)
    arguments = {"duration": 2.0, "dt": 0.05, "key": jax.random.key(0)}
    for number in (1, 128):  # rows, columns
        runs = [dm.simulate(n, num_trajectories=number, **arguments) for n in (wider, rebuilt)]
        np.testing.assert_array_equal(runs[0].states, runs[1].states)
        assert np.ptp(runs[0].states) > 0.1


def test_an_sde_is_built_under_a_transformation():
    z = jnp.array([1.0, 2.0])

    def made(rate):
        return dm.SDE(lambda z: -rate * z, rate, 2, start=rate * jnp.ones(2))

    np.testing.assert_allclose(jax.jit(lambda rate: made(rate).drift(z))(3.0), [-3.0, -6.0])
    slope = jax.jacobian(lambda rate: made(rate).diffusion(z))(3.0)
    np.testing.assert_allclose(slope, np.eye(2))
    with pytest.raises(dm.InputError, match=r"start must have shape"):
        jax.jit(lambda rate: dm.SDE(spiral, 0.1, 2, start=rate * jnp.ones(3)).drift(z))(3.0)
    with pytest.raises(dm.InputError, match=r"readout must have shape \(2, 8\)"):
        jax.grad(lambda gamma: dm.Network(gamma, READOUT.T, BIAS).drift(z).sum())(GAMMA)


def test_the_eigenvalues_of_the_connectivity():
    dense = np.linalg.eigvals(NETWORK.W)
    found = NETWORK.eigenvalues()
    np.testing.assert_allclose(
        np.sort_complex(found[:2]),
        np.sort_complex(dense[np.argsort(-np.abs(dense))[:2]]),
        rtol=1e-10,
    )
    assert np.abs(found[2:]).max() == 0
    assert found.shape == (8,)


@pytest.mark.parametrize("name", ["catalogue", "function", "network", "driven", "neurons"])
def test_they_say_what_they_are_in_a_line(name):
    assert len(repr(SDES[name])) < 120
    assert SDES[name].name in repr(SDES[name])
