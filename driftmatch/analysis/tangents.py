"""A state and its tangents, moved together by one step of one scheme.

A flow is an SDE, whose tangents are vectors at the state, or `WithinSubspace`.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.compilation import compiled
from driftmatch.flows import CLASSICAL, runge_kutta
from driftmatch.network import Network, NeuralSDE
from driftmatch.precision import like
from driftmatch.simulation.integrators import heun
from driftmatch.simulation.noise import block_of_normals, trajectory_keys
from driftmatch.wrappers import unforced

_FEW = 6


class Pair(NamedTuple):
    """A state and p tangents at it, as columns.

    The state is in double precision while it moves, the tangents in that of the drift.
    """

    state: Float[Array, " d"]
    tangents: Float[Array, "k p"]


def pairs_at(states: Float[np.ndarray, "M d"], frames: Float[np.ndarray, "M k p"]) -> Pair:
    """M pairs in double precision, whatever JAX is set to."""
    with jax.enable_x64(True):
        return Pair(*(jax.device_put(np.array(a, np.float64)) for a in (states, frames)))


class WithinSubspace(eqx.Module):
    """A network in its n neurons, with tangents v = Γc that are given by their c ∈ R^k."""

    neural: NeuralSDE

    @property
    def name(self) -> str:
        return self.neural.name

    @property
    def noise_dim(self) -> int:
        return self.neural.noise_dim


Flow = AbstractSDE | WithinSubspace


def tangent_flow(flow: Flow) -> tuple[Callable, Callable]:
    """The drift (pair, t) ↦ (f + c, Df V) and the noise (pair, dB) ↦ (σ dB, D(σ dB) V)."""
    if isinstance(flow, WithinSubspace):
        return _flow_within_subspace(flow.neural)
    network = unforced(flow)
    if isinstance(network, Network):
        return _latent_flow(flow, network)

    def drift(pair, t):
        f, JV = _pushed(flow.drift, _alike(pair))
        return Pair(_forced(flow, f, t), JV)

    def noise(pair, dB):
        pair = _alike(pair)
        if flow.has_constant_diffusion:
            return Pair(flow.noise(pair.state, dB), jnp.zeros_like(pair.tangents))
        return Pair(*_pushed(lambda z: flow.noise(z, dB), pair))

    return drift, noise


def _alike(pair):
    """The state in the precision of the tangents."""
    return Pair(pair.state.astype(pair.tangents.dtype), pair.tangents)


def _pushed(function, pair):
    """The function's value at the state, and its derivative along every tangent."""
    value, tangent = jax.linearize(function, pair.state)
    return value, jax.vmap(tangent, in_axes=1, out_axes=1)(pair.tangents)


def _forced(sde, f, t):
    c = sde.forcing(t)
    return f if c is None else f + c


def _latent_flow(sde: AbstractSDE, net: Network):
    """In z: at x = Γz + b, with Df = τ⁻¹[−1 + W_s diag(φ') Γ]."""
    jacobian, kick = _network_terms(net)

    def drift(pair, t):
        z, V = _alike(pair)
        rates, J = jacobian(net.lift.spread(z))
        f = (like(net.readout, z) @ rates - z) / net.tau
        return Pair(_forced(sde, f, t), (J @ V - V) / net.tau)

    def noise(pair, dB):
        z, V = _alike(pair)
        return Pair(sde.noise(z, dB), kick(net.lift.spread(z), dB, V))

    return drift, noise


def _flow_within_subspace(sde: NeuralSDE):
    """In x, wherever noise has put it; tangents Γc obey dc = τ⁻¹[−1 + W_s diag(φ'(x)) Γ] c dt + …

    Private noise is the same at every x, so that it moves the state and no tangent.
    """
    net = sde.network
    m = net.shared_noise.constant.shape[1]
    jacobian, kick = _network_terms(net)

    def drift(pair, t):
        x, C = _alike(pair)
        rates, J = jacobian(x)
        f = (net.connectivity.step(rates, like(net.bias, x)) - x) / net.tau
        return Pair(_forced(sde, f, t), (J @ C - C) / net.tau)

    def noise(pair, dB):
        x, C = _alike(pair)
        return Pair(sde.noise(x, dB), kick(x, dB[:m], C))

    return drift, noise


def _network_terms(net: Network):
    """x ↦ (φ(x), W_s diag(φ') Γ), and (x, dB, C) ↦ the same with the readout of S dB, times C.

    The k×k sum over neurons is one product with a table of k² columns: several times fewer numbers
    pass through memory than with one tangent in every neuron for every column of C.
    """
    given = net.gamma.dtype if isinstance(net.gamma, jax.Array) else None
    one = jnp.ones((), given)
    gamma, readout = like(net.gamma, one), like(net.readout, one)
    n, k = gamma.shape
    table = (readout.T[:, :, None] * gamma[:, None, :]).reshape(n, k * k)

    def rates_and_slopes(x):
        return jax.jvp(net.activation.function, (x,), (jnp.ones_like(x),))

    def jacobian(x):
        rates, slopes = rates_and_slopes(x)
        return rates, (slopes @ table).reshape(k, k)

    def kick(x, dB, C):
        if net.shared_noise.readout is None:
            return jnp.zeros_like(C)
        along = jnp.einsum("kmn,m->kn", like(net.shared_noise.readout, x), dB)
        return (along * rates_and_slopes(x)[1]) @ gamma @ C

    return jacobian, kick


def orthonormalised(V: Float[Array, "M k p"]) -> tuple[Array, Array]:
    """Q and ln |R_ii|, shape (M, p), of V = QR.

    Few tangents go through Gram and Schmidt's procedure in its stable form, all trajectories at
    once, which for small matrices is several times faster than LAPACK's one after the other.
    """
    p = V.shape[2]
    if p > _FEW:
        Q, R = jnp.linalg.qr(V)
        return Q, jnp.log(jnp.abs(jnp.diagonal(R, axis1=1, axis2=2)))
    columns, logs = [V[:, :, i] for i in range(p)], []
    for i in range(p):
        length = jnp.linalg.norm(columns[i], axis=1, keepdims=True)
        logs.append(jnp.log(length[:, 0]))
        q = columns[i] = columns[i] / length
        for j in range(i + 1, p):
            columns[j] -= jnp.sum(q * columns[j], axis=1, keepdims=True) * q
    return jnp.stack(columns, axis=2), jnp.stack(logs, axis=1)


@compiled
def grow(
    flow: Flow,
    pairs: Pair,
    key: PRNGKeyArray,
    first_step,
    dt,
    num_qr: int,
    qr_every: int,
    steady: bool,
):
    """The pairs, M of them, after `num_qr` intervals, and the sums of ln |R_ii|, shape (M, p).

    `steady`: leave the noise out and take classical Runge–Kutta steps instead of Heun's. Steps are
    counted in whole numbers: the time of one is its number times dt.
    """
    drift, noise = tangent_flow(flow)
    M, _, p = pairs.tangents.shape
    dtype = pairs.tangents.dtype
    noise_dim = 0 if steady else flow.noise_dim
    keys = trajectory_keys(key, M)

    def move(pair, t, normal):
        if steady:
            return runge_kutta(lambda pair, s: drift(pair, t + s), pair, dt, CLASSICAL)[0]
        return heun(drift, pair, t, dt, noise(pair, jnp.sqrt(dt).astype(dtype) * normal))

    def step(pairs, x):
        index, normal = x
        return jax.vmap(move, (0, None, 1))(pairs, index * dt, normal.astype(dtype)), None

    def interval(carry, index):
        pairs, grown = carry
        first = first_step + index * qr_every
        normal = block_of_normals(keys, first, qr_every, noise_dim)
        (state, V), _ = jax.lax.scan(step, pairs, (first + jnp.arange(qr_every), normal))
        Q, logs = orthonormalised(V)
        return (Pair(state, Q), grown + logs), None

    grown = jnp.zeros((M, p), dtype)
    return jax.lax.scan(interval, (pairs, grown), jnp.arange(num_qr))[0]
