"""Symmetric connectivity: to the last bit, with an energy that never rises, of gradient flows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import driftmatch as dm
from driftmatch import Outcome
from driftmatch.activations import ACTIVATIONS
from driftmatch.errors import InputError
from driftmatch.evaluate import drifts
from driftmatch.matching.blocks import blocks
from driftmatch.matching.problem import MatchingProblem
from driftmatch.matching.readouts import FreeReadouts
from driftmatch.matching.symmetric import GradientMetric, SymmetricObjective
from driftmatch.network import Affine, LowRank, SymmetricConnectivity
from driftmatch.sampling.whitening import Whitening

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
G = np.array([[2.0, 0.9], [0.9, 1.0]])


def potential(z):
    return (z[0] ** 2 - 1) ** 2 / 4 + (z[1] - 0.5 * z[0]) ** 2 + 0.3 * jnp.sin(z[0] * z[1])


def flow(metric, turn=0.0, noise=None):
    """f = −(metric + turn J)∇V, by default with noise of the metric."""
    matrix = jnp.asarray(metric + turn * np.array([[0.0, 1.0], [-1.0, 0.0]]))
    noise = np.linalg.cholesky(metric) if noise is None else noise
    return dm.SDE(lambda z: -matrix @ jax.grad(potential)(z), noise, 2)


@pytest.fixture(scope="module")
def wells():
    sde = dm.systems.wells()
    return sde, dm.embed(sde, 64, connectivity=dm.Symmetric(), key=KEY)


def test_four_wells(wells):
    sde, found = wells
    W = found.network.W
    assert found.outcome is Outcome.SUCCESS
    assert np.array_equal(W, W.T)
    assert np.linalg.matrix_rank(W) == 2
    np.testing.assert_allclose(W, found.network.gamma @ found.network.readout, atol=1e-12)
    assert found.report.drift_error < 5e-2
    assert found.closed_loop.astray_fraction == 0
    assert dm.symmetry(found.network).asymmetry == 0
    free = dm.embed(sde, 32, method="least-squares", key=KEY, check=False).network.W  # the control
    assert not np.allclose(free, free.T, rtol=0.1)


def test_its_energy_never_rises(wells):
    """Along 1000 noise-free paths from all over, with a step that resolves them."""
    _, found = wells
    network = found.network
    still = dm.SDE(network.latent().drift, 0.0, 2)
    starts = np.random.default_rng(1).uniform(-4, 4, (1000, 2))
    run = dm.simulate(still, start=starts, num_trajectories=1000, dt=0.02, duration=6.0, key=KEY)
    energy = dm.symmetry(network).latent_energy(run.states)
    assert np.diff(energy, axis=1).max() < 1e-5 * np.ptp(energy)
    other = dm.embed(dm.systems.van_der_pol(noise=0.1), 48, key=KEY, check=False).network
    still = dm.SDE(other.latent().drift, 0.0, 2)  # the control: it turns
    run = dm.simulate(still, start=np.ones(2), dt=0.02, duration=20.0, key=KEY)
    energy = dm.symmetry(other).latent_energy(run.states)
    assert np.diff(energy, axis=1).max() > 1e-3 * np.ptp(energy)


def test_it_is_in_equilibrium(wells):
    """τf̂ = M∇(U − ½zᵀM⁻¹z): with D in proportion to M no current flows, and no entropy comes of it.

    What is left of proportion is 0.1 %, and the entropy production of its square.
    """
    _, found = wells
    root, S = found.network.connectivity.root, found.network.shared_noise.constant
    ratio = root @ root.T @ np.linalg.inv(0.5 * S @ S.T)
    np.testing.assert_allclose(ratio / ratio[0, 0], np.eye(2), atol=1e-3)


@pytest.mark.parametrize("noise", [None, np.eye(2), np.diag([0.1, 2.0])])
@pytest.mark.parametrize(("turn", "least", "most"), [(0.0, 0.0, 1e-6), (2.0, 0.02, 0.7)])
def test_the_metric_of_a_flow_is_found(turn, least, most, noise):
    """Whatever its noise is, which alone would say another one."""
    states = RNG.normal(size=(600, 2)) * [1.0, 1.5] + [0.3, 0.0]
    whitening = Whitening.of(states)
    metric = GradientMetric.of(flow(G, turn, noise), states, whitening)
    assert least <= metric.asymmetry < most
    if turn == 0:  # P = G⁻¹ in the target's coordinates, up to its size
        B = np.linalg.solve(whitening.factor.T, metric.root.T).T
        P = B.T @ B
        np.testing.assert_allclose(P @ G / (P @ G)[0, 0], np.eye(2), atol=2e-3)
    J = np.asarray(jax.vmap(jax.jacfwd(flow(G, turn).drift))(jnp.asarray(states)))
    change = np.linalg.solve(whitening.factor, J @ whitening.factor)
    inner = metric.root @ change @ np.linalg.inv(metric.root)
    even = (inner + np.swapaxes(inner, 1, 2)) / 2
    assert metric.steepest == pytest.approx(-np.linalg.eigvalsh(even).min(), rel=1e-3)


@pytest.mark.parametrize("seed", range(8))
def test_linear_drifts_of_real_eigenvalues_are_gradient_flows(seed):
    """P = Σ w_i w_iᵀ of the left eigenvectors, however far from normal; D⁻¹ need not be near."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(2, 2))
    A = vectors @ np.diag([-1.0, -3.0]) @ np.linalg.inv(vectors)
    sde = dm.SDE(lambda z: jnp.asarray(A) @ z, 1.0, 2)
    C = scipy.linalg.solve_continuous_lyapunov(A, -np.eye(2))
    states = rng.normal(size=(500, 2)) @ np.linalg.cholesky(C).T
    metric = GradientMetric.of(sde, states, Whitening.of(states))
    assert metric.asymmetry < 1e-4
    metric.check("linear")


def test_where_many_metrics_do_noise_decides():
    sde = dm.SDE(lambda z: -(z**3), np.diag([1.0, 0.5]), 2)  # any diagonal one
    states = RNG.normal(size=(500, 2))
    metric = GradientMetric.of(sde, states, Whitening(np.zeros(2), np.eye(2)))
    P = metric.root.T @ metric.root
    np.testing.assert_allclose(P / P[0, 0], np.diag([1.0, 4.0]), atol=1e-4)  # D⁻¹


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_slopes_of_the_objective(activation):
    """Gradient and curvature against finite differences of the residuals."""
    N, n, k = 200, 7, 2
    problem = MatchingProblem(
        RNG.normal(size=(N, k)), RNG.normal(size=(N, k)), np.full(N, 1 / N),
        ACTIVATIONS[activation], 0.3, FreeReadouts(),
    )  # fmt: skip
    units, theta = RNG.normal(size=(k, k)), RNG.normal(size=(n, k + 1))
    with blocks(N) as shared:
        objective = SymmetricObjective(problem, 0.4, units, shared)
        point = objective.at(theta)
        gradient, own = objective.gradient(point)
        step = 1e-3
        for place in [(0, 0), (3, 1), (5, 2)]:
            e = np.zeros_like(theta)
            e[place] = step
            two = (objective.at(theta + e).objective - objective.at(theta - e).objective) / 2
            assert two / step == pytest.approx(2 * gradient[place], rel=2e-3, abs=2e-5)
        v, w = RNG.normal(size=(2, n, k + 1))
        one, other = objective.curvature(point, v), objective.curvature(point, w)
        assert np.sum(one * w) == pytest.approx(np.sum(other * v), rel=1e-4)  # it is symmetric

        def residuals(theta):
            point = objective.at(theta)
            noise = 0.3 * point.root_noise[:, None] * point.readout
            return np.concatenate([point.residual.ravel(), noise.ravel()])

        change = (residuals(theta + step * v) - residuals(theta - step * v)) / (2 * step)
        assert np.sum(v * one) == pytest.approx(np.sum(change**2), rel=1e-3)
        blockwise = np.stack([
            np.stack([objective.curvature(point, _unit(theta, 3, p))[3] for p in range(k + 1)])
        ])[0]  # fmt: skip
        floor = own[3] - blockwise
        np.testing.assert_allclose(floor, floor[0, 0] * np.eye(k + 1), atol=1e-4 * floor[0, 0])


def _unit(theta, i, p):
    e = np.zeros_like(theta)
    e[i, p] = 1.0
    return e


def test_one_interface():
    gamma, root = RNG.normal(size=(9, 2)), RNG.normal(size=(2, 2))
    lift = Affine(gamma, np.zeros(9))
    W = SymmetricConnectivity(lift, root)
    plain, rates = LowRank(lift, W.readout), RNG.normal(size=(5, 9))
    dense = W.block(slice(None), slice(None))
    np.testing.assert_allclose(dense, gamma @ root @ root.T @ gamma.T)
    np.testing.assert_array_equal(W.block([1, 4], [0, 3, 5]), dense[np.ix_([1, 4], [0, 3, 5])])
    np.testing.assert_allclose(W(rates), rates @ dense)
    np.testing.assert_allclose(W.transposed(rates), W(rates))
    np.testing.assert_allclose(W.transposed_readout(), plain.transposed_readout(), atol=1e-12)
    np.testing.assert_allclose(W.eigenvalues()[:2], plain.eigenvalues()[:2])
    np.testing.assert_allclose(W.norms(), plain.norms(), atol=1e-12)
    np.testing.assert_allclose(W.split(3).readout.sum(axis=1), W.readout.sum(axis=1))


def test_a_network_far_from_zero_is_the_same_network():
    shift = np.array([1e3, -50.0])
    near, far = flow(G), flow(G)
    far = dm.SDE(lambda z: near.drift(z - shift), np.linalg.cholesky(G), 2, start=shift)
    options = {"connectivity": dm.Symmetric(), "activation": "logistic", "key": KEY, "check": False}
    found = dm.embed(far, 64, **options)
    W = found.network.W
    assert np.array_equal(W, W.T)
    states = dm.sample(far, key=KEY).runs[:, -1]
    errors = drifts(found.network, states) - drifts(far, states)
    assert np.sqrt(np.mean(errors**2)) < 0.3 * drifts(far, states).std()
    assert found.report.drift_error < 0.2


def test_on_disk(wells, tmp_path):
    _, found = wells
    dm.save(tmp_path / "net.safetensors", found.network)
    back = dm.load(tmp_path / "net.safetensors")
    assert isinstance(back.connectivity, SymmetricConnectivity)
    assert np.array_equal(back.W, found.network.W)


@pytest.mark.parametrize(
    ("sde", "options", "said"),
    [
        (dm.systems.van_der_pol(), {}, "no gradient flow.* 4[0-9].* % of its Jacobian"),
        (dm.systems.wells(), {"activation": "relu"}, "use 'tanh' or 'logistic'"),
        (dm.systems.wells(), {"method": "backprop"}, "method='refined', not 'backprop'"),
        (dm.systems.wells(), {"tau": 3.0}, "take at most 0.5"),
        (dm.systems.wells(), {"confine": True}, "not with symmetric"),
    ],
)
def test_what_cannot_be_is_refused(sde, options, said):
    with pytest.raises(InputError, match=said):
        dm.embed(sde, 48, connectivity=dm.Symmetric(), key=KEY, **options)


def test_the_front_is_the_optimum():
    """λ‖W₋‖² and the error are what is told; no other readout does better at any λ."""
    sde = dm.systems.van_der_pol(noise=0.1)
    samples = dm.sample(sde, key=KEY)
    options = {"key": KEY, "samples": samples}
    network = dm.embed(sde, 24, confine=False, check=False, **options).network
    front = dm.asymmetry_front(sde, network, **options)
    assert np.all(np.diff(front.drift_errors[2:]) > 0)
    assert front.asymmetry[-1] < 1e-3 < 0.4 < front.asymmetry[0]
    assert np.all(np.diff(front.asymmetry[6:]) < 0)
    z = samples.runs.reshape(-1, 2)
    rates, slopes, _ = network.activation.derivatives(network.lift(z))
    f = drifts(sde, z)

    def objective(readout, penalty):
        W = network.gamma @ readout
        errors = ((rates @ readout.T - z) / network.tau - f) / f.std(axis=0)
        ridge = (readout / network.tau / f.std(axis=0)[:, None]) ** 2
        noise = 1e-4 * np.sum(ridge.sum(axis=0) * np.mean(slopes**2, axis=0)) / 2
        return np.mean(errors**2) + noise + penalty * np.sum((W - W.T) ** 2) / 4

    for i in (0, 6, 12):
        best = objective(front.readouts[i], front.penalties[i])
        for j in (i - 1, i + 1):
            if 0 <= j < 13:  # what is best at another λ is not at this one
                assert objective(front.readouts[j], front.penalties[i]) > best
        aside = front.readouts[i] * (1 + 0.02 * RNG.normal(size=front.readouts[i].shape))
        assert objective(aside, front.penalties[i]) > best
        W = front.network.gamma @ front.readouts[i]
        odd = (W - W.T) / 2
        assert front.asymmetry[i] == pytest.approx(np.sum(odd**2) / np.sum(W**2), rel=1e-6)
    good = front.least_asymmetric(0.1)
    assert dm.matching_errors(sde, good, samples.runs[:, 0]).drift < 0.2
    with pytest.raises(InputError, match="reaches"):
        front.least_asymmetric(1e-9)
    nearest = dm.embed(
        sde, 24, connectivity=dm.Symmetric(closest=True), check=False, **options
    ).network
    assert dm.symmetry(nearest).asymmetry == 0
    assert dm.matching_errors(sde, nearest, samples.runs[:, 0]).drift > 0.5  # it turns
