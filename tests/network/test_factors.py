"""Connectivity that comes as a matrix: the same network, whatever the coordinates."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import driftmatch as dm
from driftmatch.network.factors import spectrum

N, K = 40, 3
RNG = np.random.default_rng(0)


def low_rank(n=N, k=K, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k)) @ rng.normal(size=(k, n)) / n


def cycle():
    """A network of 60 neurons that holds a limit cycle, by linear regression on random features.

    ż = z (1 − |z|²) + ωJz, and b ≠ 0.
    """
    rng = np.random.default_rng(4)
    states = rng.uniform(-1.6, 1.6, size=(2000, 2))
    field = states * (1 - (states**2).sum(1, keepdims=True)) + states @ [[0.0, 2.0], [-2.0, 0.0]]
    gamma, bias = rng.normal(size=(60, 2)), rng.uniform(-2, 2, size=60)
    rates = np.tanh(states @ gamma.T + bias)
    ridge = 1e-4 * len(states) * np.eye(60)
    readout = np.linalg.solve(rates.T @ rates + ridge, rates.T @ (states + 0.5 * field)).T
    return dm.Network(gamma, readout, bias, tau=0.5, start=(1.0, 0.0), time_scale=1.0)


CYCLE = cycle()
ORDER = np.random.default_rng(5).permutation(60)


@pytest.fixture(scope="module")
def imported():
    """The same neurons in another order, from nothing but the matrix and the biases."""
    W = CYCLE.W[np.ix_(ORDER, ORDER)]
    x = CYCLE.lift(CYCLE.starts)[:, ORDER]
    return dm.Network.from_connectivity(
        W, bias=CYCLE.bias[ORDER], tau=0.5, start=x, time_scale=1.0, name="imported"
    )


def gauge(imported):
    """A with z' = A z for the coordinates z of the original: Γ' A = Γ."""
    return np.linalg.lstsq(imported.gamma, CYCLE.gamma[ORDER])[0]


def test_the_matrix_and_the_rank_come_back(imported):
    assert imported.latent_dim == 2
    np.testing.assert_allclose(imported.W, CYCLE.W[np.ix_(ORDER, ORDER)], atol=1e-12)
    np.testing.assert_allclose(imported.eigenvalues()[:2], CYCLE.eigenvalues()[:2], rtol=1e-9)


def test_the_coordinates_are_those_promised(imported):
    np.testing.assert_allclose(imported.gamma.T @ imported.gamma, 60 * np.eye(2), atol=1e-10)
    squares = imported.readout @ imported.readout.T
    np.testing.assert_allclose(squares, np.diag(np.diag(squares)), atol=1e-10)
    assert squares[0, 0] > squares[1, 1]
    assert (imported.gamma[np.abs(imported.gamma).argmax(0), [0, 1]] > 0).all()
    z = np.array([0.3, -0.4])
    outside = imported.lift(z) - imported.bias
    assert np.sqrt(np.mean(outside**2)) == pytest.approx(0.5)


def test_neurons_as_a_start_become_latent(imported):
    np.testing.assert_allclose(
        imported.lift(imported.starts), CYCLE.lift(CYCLE.starts)[:, ORDER], atol=1e-12
    )


def test_paths_agree(imported):
    A = gauge(imported)
    options = {"duration": 5.0, "dt": 0.01, "key": jax.random.key(0)}
    with jax.enable_x64(True):
        ours, theirs = (dm.simulate(net, **options).latent[0] for net in (imported, CYCLE))
    np.testing.assert_allclose(ours, theirs @ A.T, atol=1e-9)
    radius = np.linalg.norm(theirs[-300:], axis=1)
    assert np.ptp(theirs[-300:, 0]) > 1.5  # it does go round
    assert (radius > 0.8).all()
    assert (radius < 1.2).all()


def test_fixed_points_agree(imported):
    A, key = gauge(imported), jax.random.key(1)
    ours = dm.fixed_points(imported, ([-3, -3], [3, 3]), key=key)
    theirs = dm.fixed_points(CYCLE, ([-0.5, -0.5], [0.5, 0.5]), key=key)
    assert len(theirs.points) == 1
    distance = np.linalg.norm(ours.points - A @ theirs.points[0], axis=1)
    nearest = distance.argmin()
    assert distance[nearest] < 1e-6
    np.testing.assert_allclose(
        np.sort_complex(ours.eigenvalues[nearest]), np.sort_complex(theirs.eigenvalues[0]),
        rtol=1e-5,
    )  # fmt: skip


def test_exponents_and_symmetry_agree(imported):
    options = {"duration": 20.0, "dt": 0.01, "key": jax.random.key(2), "burn_in": 5.0}
    ours = dm.lyapunov(imported, start=imported.starts[0], **options).exponents
    theirs = dm.lyapunov(CYCLE, start=CYCLE.starts[0], **options).exponents
    np.testing.assert_allclose(ours, theirs, atol=2e-2)
    assert theirs[1] < -1
    one, other = dm.symmetry(imported), dm.symmetry(CYCLE)
    assert one.asymmetry == pytest.approx(other.asymmetry, rel=1e-9)


def test_it_is_another_network_if_the_biases_stay_behind(imported):
    """The control."""
    wrong = dm.Network.from_connectivity(imported.W, bias=CYCLE.bias, tau=0.5)
    z = jnp.array([0.5, 0.5])
    assert not np.allclose(wrong.drift(z), imported.drift(z), rtol=1e-2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, jnp.bfloat16])
def test_rounding_is_no_rank(dtype):
    """In single precision W of rank 3 has 40 singular values, 37 of them rounding."""
    W = low_rank().astype(np.float32).astype(dtype)
    exact = low_rank() if dtype is np.float64 else W
    assert dm.Network.from_connectivity(exact).latent_dim == K
    if dtype is not np.float64:  # the control: read as if it were exact
        assert spectrum(np.asarray(W, float)).rank > K


@pytest.mark.parametrize("size", [1e-200, 1e-20, 1e20])
def test_units_do_not_matter(size):
    """The rank and what lies outside of a cut are those of the shape of W."""
    W = size * low_rank()
    assert dm.Network.from_connectivity(W).latent_dim == K
    assert spectrum(W).outside(1) == pytest.approx(spectrum(low_rank()).outside(1))


@pytest.mark.parametrize("of", [list, jnp.asarray, lambda W: (1000 * W).astype(int)])
def test_numbers_of_any_kind(of):
    with jax.enable_x64(True):
        W = of(low_rank())
    dense = np.asarray(W, float)
    net = dm.Network.from_connectivity(W, rank=1 if dense.max() > 100 else None)
    assert net.num_neurons == N
    np.testing.assert_allclose(net.W, spectrum(dense).cut(net.dim)[0] @ net.readout, atol=1e-9)


def test_a_single_neuron_hears_itself():
    net = dm.Network.from_connectivity([[2.0]], rank=1)
    np.testing.assert_allclose(net.W, [[2.0]])


def test_vectors_are_kept_as_they_come():
    m, n = RNG.normal(size=(N, K)), RNG.normal(size=(K, N))
    net = dm.Network.from_connectivity(m=m, n=n, coordinates=["a", "b", "c"])
    assert np.array_equal(net.gamma, m)
    assert np.array_equal(net.readout, n)
    assert not net.bias.any()
    assert net.coordinates == ("a", "b", "c")


def test_dependent_vectors_span_less():
    m, n = RNG.normal(size=(N, K)), RNG.normal(size=(K, N))
    m[:, 2] = m[:, 0] + m[:, 1]
    net = dm.Network.from_connectivity(m=m, n=n)
    assert net.latent_dim == 2
    np.testing.assert_allclose(net.W, m @ n, atol=1e-10)


def test_a_rank_cuts_the_product_as_it_cuts_the_matrix():
    m, n = RNG.normal(size=(N, K)), RNG.normal(size=(K, N))
    with pytest.warns(dm.TruncationWarning, match=r"rank 2 leaves out \S+ % of"):
        one = dm.Network.from_connectivity(m=m, n=n, rank=2)
    with pytest.warns(dm.TruncationWarning):
        other = dm.Network.from_connectivity(m @ n, rank=2)
    np.testing.assert_allclose(one.gamma, other.gamma, atol=1e-9)
    np.testing.assert_allclose(one.readout, other.readout, atol=1e-9)


def test_little_may_be_left_out_without_a_word():
    W = low_rank()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dm.Network.from_connectivity(W + 1e-5 * RNG.normal(size=(N, N)), rank=K).dim == K


def test_what_is_not_low_rank_is_told_with_its_spectrum():
    W = low_rank() + 0.01 * RNG.normal(size=(N, N))
    with pytest.raises(dm.InputError) as caught:
        dm.Network.from_connectivity(W)
    found = spectrum(W)
    shares = np.cumsum(found.values**2) / np.sum(found.values**2)
    for share in (0.9, 0.99):
        count = int((shares < share).sum()) + 1
        assert count == found.components(share)
        assert f"{count} " in str(caught.value)
    assert "rank=" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"W": np.ones((3, 2))}, "W must be square"),
        ({"W": [[1.0, np.nan], [0.0, 1.0]]}, "W must be finite"),
        ({"W": np.zeros((4, 4))}, "W is zero"),
        ({"W": low_rank(), "rank": N + 1}, "rank must be at most 40"),
        ({"W": low_rank(), "rank": K + 1}, "rank must be at most 3"),
        ({"W": low_rank(), "rank": 0}, "rank must be a whole number"),
        ({"W": low_rank(), "m": np.ones((N, 1))}, "got W and m"),
        ({"m": np.ones((N, 1))}, "got m"),
        ({}, "got none"),
        ({"m": np.ones((N, 2)), "n": np.ones((N, 2))}, r"pass n=n\.T / N"),
        ({"m": np.ones((N, 2)), "n": np.ones((3, N))}, r"n must have shape \(2, 40\)"),
        ({"W": low_rank(), "bias": np.ones(3)}, r"bias must have shape \(40,\)"),
        ({"W": low_rank(), "tau": np.ones(N)}, "tau must be one number for all neurons"),
        ({"W": low_rank(), "activation": "tan"}, "did you mean 'tanh'"),
        ({"W": low_rank(), "start": np.ones(7)}, "start must have shape"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments, sentence):
    with pytest.raises(dm.InputError, match=sentence):
        dm.Network.from_connectivity(**arguments)
