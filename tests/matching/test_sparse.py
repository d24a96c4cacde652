"""Sparse networks: their entries and signs are those that were asked for, and neurons stay."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

import driftmatch as dm
from driftmatch.activations import get_activation
from driftmatch.matching.sparse import RowFits
from driftmatch.network import Affine, SparseConnectivity
from driftmatch.storage.models import from_network, to_network

KEY = jax.random.key(0)
SDE = dm.systems.van_der_pol()


@pytest.fixture(scope="module")
def samples():
    return dm.sample(SDE, key=KEY)


@pytest.fixture(scope="module")
def embedded(samples):
    return dm.embed(SDE, 256, connectivity=dm.Sparse(in_degree=64), key=KEY, samples=samples)


def rows(n=30, d=10, k=2, signs=None):
    rng = np.random.default_rng(0)
    gamma = np.append(rng.normal(size=(n - 1, k)), np.zeros((1, k)), axis=0)
    lift = Affine(gamma, np.append(rng.normal(size=n - 1), 20.0))
    sources = np.stack([np.sort(rng.choice(n, d, replace=False)) for _ in range(n)])
    states = rng.normal(size=(400, k))
    rates, slopes, _ = get_activation("tanh").derivatives(lift(states))
    weights = np.full(400, 1 / 400)
    fits = RowFits(lift, sources, rates, slopes, states + np.sin(states), weights, signs)
    return fits, (lift, sources, rates, slopes, states + np.sin(states), weights)


def test_every_row_is_its_own_least_squares(monkeypatch):
    """Against a solve of each row's own stacked system, its ridge as rows of their own."""
    monkeypatch.setattr("driftmatch.matching.sparse._GIVEN_BACK", 0)
    fits, (lift, sources, rates, slopes, wanted, weights) = rows()
    W = fits.solve(0.1).toarray()
    r = np.sqrt(weights @ slopes**2)
    for i in (0, 7, 28):
        P = sources[i]
        A = np.concatenate([rates[:, P] * np.sqrt(weights)[:, None], 0.1 * np.diag(r[P])])
        y = np.append(np.sqrt(weights) * (wanted @ lift.gamma[i]), np.zeros(len(P)))
        np.testing.assert_allclose(W[i, P], np.linalg.lstsq(A, y)[0], rtol=1e-5, atol=1e-7)
        assert np.count_nonzero(W[i]) <= len(P)


def test_what_the_ridge_takes_is_given_back(monkeypatch):
    def error(times):
        monkeypatch.setattr("driftmatch.matching.sparse._GIVEN_BACK", times)
        fits, (lift, _, rates, _, wanted, _) = rows(n=120, d=40)
        return np.std(rates @ (fits.solve(0.3).T @ lift.inverse().T) - wanted)

    assert error(2) < 0.7 * error(0)


def test_signs_are_kept_and_are_the_best(monkeypatch):
    """Of rows of least squares with signs no small allowed move is downhill."""
    monkeypatch.setattr("driftmatch.matching.sparse._GIVEN_BACK", 0)
    signs = np.where(np.arange(30) % 4 == 0, -1.0, 1.0)
    fits, (lift, sources, _, slopes, _, weights) = rows(signs=signs)
    W = fits.solve(0.1).toarray()
    assert np.all(W * signs >= 0)
    shared = (slopes * weights[:, None]).T @ slopes
    gram = fits.gram + 0.01 * (np.diag(fits.noise) + shared)
    for i in (0, 11):
        P = sources[i]
        w = W[i, P]
        slope = gram[np.ix_(P, P)] @ w - fits.weighted[:, P].T @ (fits.wanted @ lift.gamma[i])
        at_zero = w == 0
        np.testing.assert_allclose(slope[~at_zero], 0, atol=1e-6)
        assert np.all(slope[at_zero] * signs[P][at_zero] > -1e-6)
        assert at_zero.any()


def test_neurons_stay_on_the_subspace(embedded):
    assert embedded.report.drift_error < 3e-2
    assert embedded.report.off_subspace < 0.05
    assert embedded.report.transverse_abscissa < 0
    net = embedded.network
    assert (net.W != 0).sum(axis=1).max() <= 64
    run = dm.simulate(net, duration=20.0, dt=0.02, key=KEY, num_trajectories=2)
    off = run.neurons - net.lift(np.asarray(run.states, float))
    assert np.sqrt(np.mean(off**2)) < 0.05 * np.sqrt(np.mean((run.neurons - net.bias) ** 2))
    assert embedded.outcome in (dm.Outcome.SUCCESS, dm.Outcome.UNJUDGED), embedded.reason


def test_all_that_a_connectivity_does(embedded):
    sparse, rng = embedded.network.connectivity, np.random.default_rng(0)
    W = embedded.network.W
    rates = rng.random((3, len(W)))
    np.testing.assert_allclose(sparse(rates), rates @ W.T, atol=1e-9)
    np.testing.assert_allclose(sparse.transposed(rates), rates @ W, atol=1e-9)
    np.testing.assert_allclose(sparse.readout, np.linalg.pinv(sparse.lift.gamma) @ W, atol=1e-9)
    inverse = np.linalg.pinv(sparse.lift.gamma)
    np.testing.assert_allclose(sparse.transposed_readout(), inverse @ W.T, atol=1e-9)
    plus, minus = (np.linalg.norm((W + s * W.T) / 2) for s in (1, -1))
    np.testing.assert_allclose(sparse.norms(), (plus, minus), rtol=1e-9)
    with jax.enable_x64(True):
        traced = jnp.asarray(rates)
        np.testing.assert_allclose(sparse(traced), rates @ W.T, atol=1e-9)
        np.testing.assert_allclose(sparse.transposed(traced), rates @ W, atol=1e-9)
        one = sparse.step(traced[0], jnp.ones(len(W)))
        np.testing.assert_allclose(one, W @ rates[0] + 1, atol=1e-9)
        for number in (3, 16):  # few and many side by side
            many = jnp.asarray(rng.random((number, len(W))))
            looped = jax.vmap(lambda r: sparse.for_loop().step(r, jnp.zeros(len(W))))(many)
            np.testing.assert_allclose(looped, np.asarray(many) @ W.T, atol=1e-9)
    twice = sparse.split(2)
    np.testing.assert_allclose(twice.block(slice(None), slice(None))[::2, ::2], W / 2, atol=1e-12)
    np.testing.assert_allclose(twice(np.repeat(rates, 2, axis=1))[:, ::2], rates @ W.T, atol=1e-9)


def test_a_connectome_and_its_signs(samples):
    rng = np.random.default_rng(1)
    mask = scipy.sparse.random(200, 200, 0.4, rng=rng) != 0
    signs = np.where(np.arange(200) < 150, 1, -1)
    found = dm.embed(
        SDE, 200, connectivity=dm.Sparse(mask=mask, signs=signs), activation="logistic", key=KEY,
        samples=samples, check=False,
    )  # fmt: skip
    W = found.network.W
    assert not np.any(W[~mask.toarray()])
    assert np.all(W * signs >= 0)


def test_the_largest_exponent_of_its_neurons(embedded):
    """Near to that of the SDE on the subspace, by tangents in all neurons."""
    net = embedded.network
    options = {"duration": 40.0, "dt": 0.05, "key": KEY, "num_exponents": 1, "num_trajectories": 8}
    neural = dm.lyapunov(net.neural(), start=net.lift(net.starts[0]), **options)
    latent = dm.lyapunov(net, start=net.starts[0], **options)
    error = np.hypot(neural.standard_error[0], latent.standard_error[0])
    assert abs(neural.exponents[0] - latent.exponents[0]) < 4 * error + 0.05


@pytest.mark.parametrize("change", ["lost", "beyond", "between", "both"])
def test_a_damaged_one_is_refused(change, embedded):
    arrays, words = from_network(embedded.network)
    if change == "lost":
        del arrays["weights"]
    elif change == "both":
        arrays["common"] = np.zeros(256)
    else:
        arrays["sources"] = arrays["sources"] + (1000 if change == "beyond" else 0.5)
    with pytest.raises(ValueError, match="are no connectivity of its neurons"):
        to_network(arrays, words)


def test_it_is_kept_in_a_file(embedded, tmp_path):
    dm.save(tmp_path / "net.safetensors", embedded.network)
    again = dm.load(tmp_path / "net.safetensors")
    assert isinstance(again.connectivity, SparseConnectivity)
    assert again == embedded.network
    with pytest.raises(dm.InputError, match="is sparse, and of no low rank"):
        dm.export.numpy(tmp_path / "net.npz", embedded.network)


EYE = np.eye(64)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: dm.Sparse(), "either in_degree, such as 200, or a mask"),
        (lambda: dm.Sparse(in_degree=5, mask=EYE), "either in_degree"),
        (lambda: dm.Sparse(in_degree=5, excitatory=0.8, signs=np.ones(64)), "either excitatory"),
        (lambda: dm.Sparse(in_degree=5, excitatory=1.0), "a fraction below 1"),
        (lambda: dm.Sparse(mask=np.ones((3, 4))), "mask must be square"),
        (lambda: dm.Sparse(in_degree=5, signs=[2.0]), "signs must be 1, -1, or 0"),
    ],
)
def test_bad_options(make, sentence):
    with pytest.raises(dm.InputError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("connectivity", "sentence"),
    [
        (dm.Sparse(in_degree=3), "in_degree must be at least 4, for 2 dimensions"),
        (dm.Sparse(in_degree=64), "below the 64 neurons, got 64"),
        (dm.Sparse(mask=EYE), "neuron 0 of the mask listens to 1 others, and 4 are needed"),
        (dm.Sparse(mask=np.ones((9, 9))), r"mask must have shape \(64, 64\)"),
        (dm.Sparse(in_degree=9, excitatory=0.8), "use activation='logistic'"),
        ("sparse", "connectivity must be driftmatch.Dale"),
    ],
)
def test_what_does_not_fit_is_refused(connectivity, sentence, samples):
    with pytest.raises(dm.InputError, match=sentence):
        dm.embed(SDE, 64, connectivity=connectivity, key=KEY, samples=samples)


@pytest.mark.slow
def test_few_entries_cost_little_faithfulness(samples):
    found = dm.embed(
        SDE, 1024, connectivity=dm.Sparse(in_degree=100), key=jax.random.key(1), samples=samples
    )
    assert found.outcome is dm.Outcome.SUCCESS, found.reason
    assert found.report.off_subspace < 0.03
    loop = found.closed_loop
    assert loop.state_space_divergence < 1.3 * loop.state_space_divergence_floor


@pytest.mark.slow
def test_signs_of_few_entries_cost_little_faithfulness(samples):
    """Unless noise that all share is withstood neurons leave along 1 (tried with this seed)."""
    found = dm.embed(
        SDE, 1024, connectivity=dm.Sparse(in_degree=200, excitatory=0.8), activation="logistic",
        key=KEY, samples=samples,
    )  # fmt: skip
    assert found.outcome is dm.Outcome.SUCCESS, found.reason
    assert found.report.off_subspace < 0.03
    W = found.network.W
    assert not np.any((W > 0).any(axis=0) & (W < 0).any(axis=0))
    loop = found.closed_loop
    assert loop.state_space_divergence < 1.5 * loop.state_space_divergence_floor
