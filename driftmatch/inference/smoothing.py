r"""What can be known of the states behind noisy samples y = z + η, η ~ N(0, Σ).

A Kalman filter forwards and a Rauch–Tung–Striebel smoother backwards, with the transitions of an
estimate in the Gaussian closure; in overlapping pieces, which are run side by side.

Source: S. Särkkä, *Bayesian Filtering and Smoothing* (2013), ch. 5, 6, 9.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from driftmatch.compilation import compiled
from driftmatch.inference.closure import (
    cholesky,
    over,
    over_transposed,
    times,
    transition,
    transposed,
)
from driftmatch.inference.estimate import Estimate, diffusions, uniform
from driftmatch.inference.transitions import Transitions, block_numbers, median_interval

Matrix = np.ndarray

_SOME = 1000  # states that tell how large D is
_OVERLAPS = 32, 128, 512  # samples
_WIDTHS = 8.0  # of overlap, in memories of the filter


class Smoothed(NamedTuple):
    """Of all transitions: posterior means, covariances and what lies between.

    - `mean`, `covariance`: of z_t, shapes (N, k), (N, k, k); `next_mean`, `next_covariance`: of
      z_{t+1}; `between`: Cov(z_t, z_{t+1}), shape (N, k, k).
    - `innovation`: y_{t+1} less its prediction, in its standard deviations, shape (N, k).
    - `log_likelihood`: of y_{t+1} given all before, shape (N,).
    """

    mean: Matrix
    covariance: Matrix
    next_mean: Matrix
    next_covariance: Matrix
    between: Matrix
    innovation: Matrix
    log_likelihood: Matrix


def smooth(
    pieces: list[Float[Matrix, "t k"]],
    times: list[Float[Matrix, " t"]],
    estimate: Estimate,
    noise: Float[Matrix, "k k"],
    substeps: int,
) -> Smoothed:
    """Of all transitions within these pieces, one after the other."""
    k = noise.shape[0]
    interval = median_interval(times)
    some = np.concatenate([piece[:: 1 + len(piece) // _SOME] for piece in pieces])[:_SOME]
    D = np.trace(diffusions(estimate, some)[0].mean(axis=0)) / k
    memory = np.sqrt(np.trace(noise) / k / max(2 * D * interval, 1e-300))
    # Of few sizes, lest every width is compiled for.
    overlap = next((o for o in _OVERLAPS if o >= _WIDTHS * memory), _OVERLAPS[-1])
    length = max(128, overlap)
    width = length + 2 * overlap + 1
    states, steps, own = [], [], []
    for piece, time in zip(pieces, times, strict=True):
        N = len(piece) - 1
        # A piece that is too short is filled up with samples that say nothing.
        count = -(-N // length)
        for number in range(count):
            first = max(min(number * length - overlap, N + 1 - width), 0)
            index = np.minimum(first + np.arange(width), N)
            at = first + np.arange(width - 1)
            states.append(piece[index])
            steps.append(np.diff(time[index]))
            own.append((at >= number * length) & (at < min((number + 1) * length, N)))
    known = [np.concatenate([[True], step > 0]) for step in steps]
    out = _smooth(*map(jnp.asarray, (np.stack(states), np.stack(steps), np.stack(known))),
                  uniform(estimate, sum(map(len, pieces))), jnp.asarray(noise),
                  np.int64(substeps))  # fmt: skip
    chosen = np.stack(own)
    return Smoothed(*(np.asarray(part)[chosen] for part in out))


def expected_transitions(
    smoothed: Smoothed, intervals: Float[Matrix, " N"], blocks: Matrix | None = None
) -> Transitions:
    """Weighted transitions with the moments of the posterior: 2k cubature points for each z_t, with
    the mean of Δz given z_t, and its covariance as spread."""
    m, P, X = smoothed.mean, smoothed.covariance, smoothed.between
    N, k = m.shape
    L = np.asarray(cholesky(jnp.moveaxis(jnp.asarray(P), 0, -1)))
    offsets = k**0.5 * L.T
    offsets = np.concatenate([offsets, -offsets], axis=1)
    P = P + 1e-14 * np.eye(k)
    forward = np.swapaxes(np.linalg.solve(P, X), 1, 2)  # E[z_{t+1} | z_t] = ... + forward (z_t − m)
    spread = smoothed.next_covariance - forward @ X
    steps = (smoothed.next_mean - m)[:, None] + offsets @ np.swapaxes(forward - np.eye(k), 1, 2)
    return Transitions(
        states=(m[:, None] + offsets).reshape(-1, k),
        steps=steps.reshape(-1, k),
        intervals=np.repeat(intervals, 2 * k),
        weights=np.full(2 * k * N, 1 / (2 * k)),
        blocks=np.repeat(block_numbers(N) if blocks is None else blocks, 2 * k),
        spreads=np.repeat(spread, 2 * k, axis=0),
    )


@compiled
def _smooth(y, intervals, known, estimate, noise, substeps):
    # Without LAPACK, whose batches may wait for each other for ever in a loop.
    k, count = y.shape[-1], len(y)
    noise = noise[..., None]
    prior = jnp.broadcast_to(4 * jnp.eye(k, dtype=y.dtype)[..., None], (k, k, count))

    def update(m, P, sample, is_known):
        L = cholesky(P + noise)
        gain, error = over(P, L), sample - m
        whitened = over_transposed(error[None], L)[0]
        diagonal = jnp.stack([L[i, i] for i in range(k)])
        likelihood = -0.5 * jnp.sum(whitened**2, 0) - jnp.sum(jnp.log(diagonal), 0)
        m_new, P_new = m + times(gain, error[:, None])[:, 0], P - times(gain, P)
        m_new = jnp.where(is_known, m_new, m)
        P_new = jnp.where(is_known, (P_new + transposed(P_new)) / 2, P)
        return m_new, P_new, whitened, likelihood

    def forwards(carry, now):
        sample, interval, is_known = now
        m, P = carry
        ahead, spread, slope = transition(estimate.fields, m, P, interval, substeps)
        m_new, P_new, whitened, likelihood = update(ahead, spread, sample, is_known)
        return (m_new, P_new), (m, P, ahead, spread, slope, whitened, likelihood)

    def backwards(carry, then):
        m_next, P_next = carry
        m, P, ahead, spread, slope = then
        gain = over(times(P, transposed(slope)), cholesky(spread))
        m_now = m + times(gain, (m_next - ahead)[:, None])[:, 0]
        P_now = P + times(times(gain, P_next - spread), transposed(gain))
        P_now = (P_now + transposed(P_now)) / 2
        return (m_now, P_now), (m_now, P_now, m_next, P_next, times(gain, P_next))

    # Pieces last, samples first.
    y, intervals, known = jnp.transpose(y, (1, 2, 0)), intervals.T, known.T
    first = update(y[0], prior, y[0], known[0])[:2]
    last, (m, P, ahead, spread, slope, whitened, likelihood) = jax.lax.scan(
        forwards, first, (y[1:], intervals, known[1:])
    )
    _, smoothed = jax.lax.scan(backwards, last, (m, P, ahead, spread, slope), reverse=True)
    outputs = (*smoothed, whitened, likelihood)
    return jax.tree.map(lambda a: jnp.moveaxis(jnp.swapaxes(a, 0, -1), -1, 1), outputs)
