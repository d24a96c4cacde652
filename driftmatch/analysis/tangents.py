"""A state and its tangents in one array, moved by one step of one scheme.

A pair is [z | V], shape (k, 1 + p): the state and p tangents at it.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from driftmatch.network import LatentSDE
from driftmatch.sde import AbstractSDE


def tangent_flow(sde: AbstractSDE) -> tuple[Callable, Callable]:
    """The drift (pair, t) ↦ [f + c | Df V] and the noise (pair, dB) ↦ [σ dB | D(σ dB) V]."""
    if isinstance(sde, LatentSDE):
        drift_and_tangents = _latent_tangents(sde)
    else:

        def drift_and_tangents(z, V):
            f, tangent = jax.linearize(sde.drift, z)
            return f, jax.vmap(tangent, in_axes=1, out_axes=1)(V)

    def drift(pair, t):
        f, JV = drift_and_tangents(pair[:, 0], pair[:, 1:])
        c = sde.forcing(t)
        return jnp.concatenate([(f if c is None else f + c)[:, None], JV], axis=1)

    def noise(pair, dB):
        kick, tangent = jax.linearize(lambda z: sde.noise(z, dB), pair[:, 0])
        kicks = jax.vmap(tangent, in_axes=1, out_axes=1)(pair[:, 1:])
        return jnp.concatenate([kick[:, None], kicks], axis=1)

    return drift, noise


def _latent_tangents(sde: LatentSDE):
    """f(z) and Df(z)V for a network, Df = τ⁻¹[−1 + Σ_i φ'(x_i) W_s,·i Γ_i·].

    The k×k sum over neurons is one product with a table of k² columns: several times fewer numbers
    pass through memory than with one tangent in every neuron for every column of V.
    """
    net = sde.network
    n, k = net.gamma.shape
    table = (net.readout.T[:, :, None] * net.gamma[:, None, :]).reshape(n, k * k)

    def drift_and_tangents(z, V):
        x = net.gamma @ z + net.bias
        rates, slopes = jax.jvp(net.activation.function, (x,), (jnp.ones_like(x),))
        jacobian = (slopes @ table).reshape(k, k)
        return (net.readout @ rates - z) / net.tau, (jacobian @ V - V) / net.tau

    return drift_and_tangents


def runge_kutta(drift, y, t, dt):
    """The classical scheme of order four."""
    a = drift(y, t)
    b = drift(y + 0.5 * dt * a, t + 0.5 * dt)
    c = drift(y + 0.5 * dt * b, t + 0.5 * dt)
    d = drift(y + dt * c, t + dt)
    return y + dt / 6 * (a + 2 * b + 2 * c + d)


def heun(drift, y, t, dt, noise):
    """The scheme of `simulate`, for pairs."""
    before = drift(y, t)
    after = drift(y + dt * before + noise, t + dt)
    return y + 0.5 * dt * (before + after) + noise
