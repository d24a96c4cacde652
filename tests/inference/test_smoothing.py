"""The smoother against a plain one of NumPy, for an Ornstein-Uhlenbeck process seen with noise."""

import jax
import numpy as np
import pytest
import scipy.linalg

from driftmatch.inference.basis import Basis, monomials
from driftmatch.inference.estimate import Estimate
from driftmatch.inference.smoothing import expected_transitions, smooth

ANGLES = (False, False)
A = np.array([[-1.0, 1.5], [-1.5, -1.0]])
D = np.array([[1.0, 0.3], [0.3, 0.8]])
NOISE = np.array([[0.1, 0.02], [0.02, 0.05]])
PRIOR = 4 * np.eye(2)


def estimate():
    """f = Az, D."""
    bases = (
        Basis(np.zeros((0, 2)), np.zeros(0), np.asarray(99.0), monomials(ANGLES, degree), ANGLES)
        for degree in (1, 0)
    )
    drift, diffusion = bases
    unit = np.array(drift.exponents)
    c = np.stack([A @ e for e in unit])  # of 1, z₁ and z₂ in any order
    return Estimate(drift, c, diffusion, D[np.triu_indices(2)][None], np.asarray(1.0),
                    np.asarray(1e-3))  # fmt: skip


def flow(dt):
    """exp(A dt) and the covariance of a step."""
    double = scipy.linalg.expm(dt * np.block([[-A, 2 * D], [np.zeros((2, 2)), A.T]]))
    F = double[2:, 2:].T
    return F, F @ double[:2, 2:]


def recorded(times, seed=0):
    rng = np.random.default_rng(seed)
    z = [rng.standard_normal(2)]
    for dt in np.diff(times):
        F, Q = flow(dt)
        z.append(F @ z[-1] + np.linalg.cholesky(Q) @ rng.standard_normal(2))
    z = np.array(z)
    return z, z + rng.standard_normal(z.shape) @ np.linalg.cholesky(NOISE).T


def kalman(y, times):
    """Means, covariances, those of neighbours together, and the likelihoods, as in a textbook."""
    m, P, filtered, predicted, likelihood = np.zeros(2), PRIOR, [], [], []
    m = y[0]  # the prior of the first sample is centred on it
    for t in range(len(y)):
        if t:
            F, Q = flow(times[t] - times[t - 1])
            m, P = F @ m, F @ P @ F.T + Q
            predicted.append((m, P, F))
        S, error = P + NOISE, y[t] - m
        K = P @ np.linalg.inv(S)
        likelihood.append(-0.5 * (error @ np.linalg.solve(S, error) + np.linalg.slogdet(S)[1]))
        m, P = m + K @ error, P - K @ P
        filtered.append((m, P))
    smoothed, together = [filtered[-1]], []
    for (m, P), (ahead, spread, F) in zip(filtered[-2::-1], predicted[::-1], strict=True):
        G = P @ F.T @ np.linalg.inv(spread)
        then, covariance = smoothed[-1]
        together.append(G @ covariance)
        smoothed.append((m + G @ (then - ahead), P + G @ (covariance - spread) @ G.T))
    means, covariances = zip(*smoothed[::-1], strict=True)
    return (
        np.array(means),
        np.array(covariances),
        np.array(together[::-1]),
        np.array(likelihood[1:]),
    )


TIMES = {
    "even": 0.05 * np.arange(701),
    "uneven": np.cumsum(np.random.default_rng(5).uniform(0.02, 0.08, 701)),
}


@pytest.fixture(scope="module", params=TIMES)
def both(request):
    times = TIMES[request.param]
    z, y = recorded(times)
    with jax.enable_x64(True):
        found = smooth([y], [times], estimate(), NOISE, 4)
    return z, y, times, found, kalman(y, times)


def test_against_a_plain_smoother(both):
    _, _, _, found, (m, P, between, likelihood) = both
    np.testing.assert_allclose(found.mean, m[:-1], atol=2e-5)
    np.testing.assert_allclose(found.next_mean, m[1:], atol=2e-5)
    np.testing.assert_allclose(found.covariance, P[:-1], atol=2e-5)
    np.testing.assert_allclose(found.next_covariance, P[1:], atol=2e-5)
    np.testing.assert_allclose(found.between, between, atol=2e-5)
    np.testing.assert_allclose(found.log_likelihood, likelihood, atol=2e-4)


def test_it_is_nearer_to_the_states_than_the_samples_are(both):
    """And as near as it says: mean squares within five standard errors of 700 about two in three
    of which are independent."""
    z, y, _, found, _ = both
    off = z[:-1] - found.mean
    assert np.mean(off**2) < 0.5 * np.mean((y - z) ** 2)
    whitened = np.linalg.solve(np.linalg.cholesky(found.covariance), off[..., None])
    assert np.mean(whitened**2) == pytest.approx(1.0, abs=0.25)
    assert np.mean(found.innovation**2) == pytest.approx(1.0, abs=5 * np.sqrt(2 / 1400))


def test_pieces_do_not_know_of_each_other(both):
    _, y, times, _, _ = both
    cuts = slice(0, 150), slice(150, 153), slice(153, 701)
    with jax.enable_x64(True):
        found = smooth([y[c] for c in cuts], [times[c] for c in cuts], estimate(), NOISE, 4)
    wanted = [kalman(y[c], times[c]) for c in cuts]
    for part, which in (("mean", 0), ("covariance", 1)):
        plain = np.concatenate([one[which][:-1] for one in wanted])
        np.testing.assert_allclose(getattr(found, part), plain, atol=2e-5)
    assert len(found.mean) == 701 - 3


def test_expected_transitions_have_the_moments_of_the_posterior(both):
    _, _, times, found, _ = both
    expected = expected_transitions(found, np.diff(times))
    z, steps, weights = (
        part.reshape(700, 4, -1) for part in (expected.states, expected.steps, expected.weights)
    )
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    mean = np.sum(weights * z, axis=1)
    np.testing.assert_allclose(mean, found.mean, atol=1e-10)
    centred = z - mean[:, None]
    covariance = np.einsum("nw,nwi,nwj->nij", weights[..., 0], centred, centred)
    np.testing.assert_allclose(covariance, found.covariance, atol=1e-8)
    step = np.sum(weights * steps, axis=1)
    np.testing.assert_allclose(step, found.next_mean - found.mean, atol=1e-10)
    moved = steps - step[:, None]
    spread = expected.spreads.reshape(700, 4, 2, 2)[:, 0]
    total = np.einsum("nw,nwi,nwj->nij", weights[..., 0], moved, moved) + spread
    P, Q, X = found.covariance, found.next_covariance, found.between
    np.testing.assert_allclose(total, P + Q - X - np.swapaxes(X, 1, 2), atol=1e-8)
