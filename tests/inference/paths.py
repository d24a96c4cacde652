"""Recordings of systems that are known, and how far an estimate is from them."""

import jax
import numpy as np
import scipy.linalg

import driftmatch as dm

KEY = jax.random.key(1)


def linear(A, D, times, seed=0):
    """dz = Az dt + √(2D) dB at these times, exactly, from its stationary density; shape (T, k)."""
    A, D = np.asarray(A, float), np.asarray(D, float)
    k, rng, flows = len(A), np.random.default_rng(seed), {}
    S = scipy.linalg.solve_continuous_lyapunov(A, -2 * D)
    z = [np.linalg.cholesky(S) @ rng.standard_normal(k)]
    for dt in np.diff(times).round(12):
        if dt not in flows:
            F = scipy.linalg.expm(A * dt)
            flows[dt] = F, np.linalg.cholesky(S - F @ S @ F.T)
        F, root = flows[dt]
        z.append(F @ z[-1] + root @ rng.standard_normal(k))
    return np.array(z)


def recorded(sde, number, dt, *, seed=0, substeps=20):
    """So many samples, dt apart, of one trajectory in finer steps; shape (T, k)."""
    run = dm.simulate(sde, duration=(number - 0.5) * dt, dt=dt / substeps, save_every=substeps,
                      key=jax.random.key(seed))  # fmt: skip
    return np.asarray(run.states[0], float)


def fields(sde, z):
    """f and D at states of shape (N, k), in float64."""
    with jax.enable_x64(True):
        f = np.asarray(jax.vmap(sde.drift)(z))
        sigma = np.asarray(jax.vmap(sde.diffusion)(z))
    return f, sigma @ np.swapaxes(sigma, 1, 2) / 2


def errors(sde, estimate, z):
    """Mean squares of the errors of f and D over those of f and D."""
    pairs = zip(fields(sde, z), fields(estimate, z), strict=True)
    return tuple(float(np.mean((a - b) ** 2) / np.mean(a**2)) for a, b in pairs)
