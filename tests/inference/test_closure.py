"""The Gaussian closure: exact where it should be, of its order elsewhere; its small matrices."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from numpy.polynomial import Polynomial

from driftmatch.inference.closure import cholesky, over_triangle, transition

A = np.array([[-1.0, 2.0], [-1.5, -0.7]])
D = np.array([[0.5, 0.2], [0.2, 0.4]])


def after(drift, diffusion, z, dt, substeps):
    """Mean and covariance an interval after the state z, and the slope of the mean."""
    with jax.enable_x64(True):
        parts = transition(
            lambda z: (drift(z), diffusion(z)), jnp.asarray(z)[:, None],
            jnp.zeros((len(z), len(z), 1)), jnp.asarray([dt]), substeps,
        )  # fmt: skip
        return tuple(np.asarray(part[..., 0]) for part in parts)


def constant(D):
    return lambda z: jnp.broadcast_to(jnp.asarray(D), (*z.shape, z.shape[-1]))


def linear_moments(A, D, z, t):
    """exp(At) z and ∫ exp(As) 2D exp(Aᵀs) ds, by Van Loan's exponential."""
    k = len(A)
    double = scipy.linalg.expm(t * np.block([[-A, 2 * D], [np.zeros((k, k)), A.T]]))
    flow = double[k:, k:].T
    return flow @ z, flow @ double[:k, k:], flow


@pytest.mark.parametrize("t", [0.01, 0.3, 1.0])
def test_exact_for_linear_drift(t):
    z = np.array([1.0, -2.0])
    m, P, slope = after(lambda z: z @ jnp.asarray(A).T, constant(D), z, t, 64)
    mean, covariance, flow = linear_moments(A, D, z, t)
    np.testing.assert_allclose(m, mean, rtol=1e-7)
    np.testing.assert_allclose(P, covariance, rtol=1e-7)
    np.testing.assert_allclose(slope, flow, rtol=0, atol=1e-7)


def test_steps_are_of_fourth_order():
    z, t = np.array([1.0, -2.0]), 1.0
    mean, covariance, _ = linear_moments(A, D, z, t)
    errors = []
    for substeps in (2, 4, 8):
        m, P, _ = after(lambda z: z @ jnp.asarray(A).T, constant(D), z, t, substeps)
        errors.append(np.abs(m - mean).max() + np.abs(P - covariance).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders - 4) < 0.5), orders


def exact_moments(f, D, z, t):
    """Mean and variance from z in one dimension, by E g = Σ tⁿ/n! 𝓛ⁿg(z), 𝓛g = f g' + D g'', of
    polynomials; to (Δt)⁹."""
    values = []
    for g in (Polynomial([-z, 1.0]), Polynomial([-z, 1.0]) ** 2):
        total = 0.0
        for n in range(9):
            total += t**n / math.factorial(n) * g(z)
            g = f * g.deriv() + D * g.deriv(2)
        values.append(total)
    return z + values[0], values[1] - values[0] ** 2


def traced(polynomial):
    return lambda z: jnp.polyval(jnp.asarray(polynomial.coef[::-1]), z)


CUBIC = Polynomial([0.0, 1.0, 0.0, -1.0])


@pytest.mark.parametrize(
    ("D", "least_mean", "least_variance"),
    [(Polynomial([0.1]), 3.8, 2.8), (Polynomial([0.1, 0.0, 0.1]), 2.8, 2.8)],
)
def test_order_for_a_nonlinear_drift(D, least_mean, least_variance):
    """The errors of m and P fall with (Δt)³, and of m with (Δt)⁴ where D is constant."""
    z, intervals = 0.3, (0.04, 0.02, 0.01)
    errors, euler = [], []
    for t in intervals:
        m, P, _ = after(traced(CUBIC), lambda z: traced(D)(z)[..., None], np.array([z]), t, 8)
        mean, variance = exact_moments(CUBIC, D, z, t)
        errors.append([abs(m[0] - mean), abs(P[0, 0] - variance)])
        euler.append([abs(z + t * CUBIC(z) - mean), abs(2 * t * D(z) - variance)])
    orders, of_euler = (np.log2(np.array(e[:-1]) / e[1:]) for e in (errors, euler))
    assert np.all(orders[:, 0] > least_mean), orders
    assert np.all(orders[:, 1] > least_variance), orders
    assert np.all(np.abs(of_euler[:, 1] - 2) < 0.3), "the control: Euler's is of second order"


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_triangles_of_many_matrices(k):
    rng = np.random.default_rng(k)
    root = rng.standard_normal((7, k, k))
    P, B = root @ np.swapaxes(root, 1, 2), rng.standard_normal((7, k, k))
    with jax.enable_x64(True):
        last = [jnp.moveaxis(jnp.asarray(each), 0, -1) for each in (P, B)]
        L = cholesky(last[0])
        product = np.moveaxis(np.asarray(over_triangle(last[1], L)), -1, 0)
        L = np.moveaxis(np.asarray(L), -1, 0)
    np.testing.assert_allclose(L, np.linalg.cholesky(P), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(product @ L, B, atol=1e-8)


def test_a_singular_matrix_has_a_triangle():
    v = np.array([1.0, -2.0, 0.5])
    P = np.stack([np.outer(v, v), np.zeros((3, 3))])
    with jax.enable_x64(True):
        L = np.moveaxis(np.asarray(cholesky(jnp.moveaxis(jnp.asarray(P), 0, -1))), -1, 0)
    np.testing.assert_allclose(L @ np.swapaxes(L, 1, 2), P, atol=1e-8)
    assert np.isfinite(L).all()
