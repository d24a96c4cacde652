"""What connectivity loses with the components that a low rank leaves out."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import scipy.optimize
from jaxtyping import Array, Float, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.activations import Activation, get_activation
from driftmatch.arguments import LARGEST, check_array, check_key, check_positive
from driftmatch.network.factors import check_rank, spectrum
from driftmatch.outcomes import Outcome
from driftmatch.precision import like
from driftmatch.randomness import generator
from driftmatch.records import Record
from driftmatch.sde import SDE
from driftmatch.simulation.simulate import simulate
from driftmatch.words import spelled

Matrix = np.ndarray

_PATHS = 8
_DURATION = 50  # of τ
_SAMPLES = 200
_LARGE = 0.1  # of the drift
_APART = 0.5  # of the scatter


class Truncation(Record):
    """What W of a rank that is too high loses if k components are kept: W_k = Γ W_s.

    - `rank`: k.
    - `singular_values`: of W, shape (N,), the largest first.
    - `fraction`: ‖W − W_k‖²_F/‖W‖²_F.
    - `rest_norm`: the spectral norm of W − W_k, which is the next singular value.
    - `drift_error`: RMS of (W − W_k) φ(x) over RMS of −x + W φ(x) + b, on the paths of the whole
      network, from their beginning on.
    - `abscissa`, `kept_abscissa`: the largest real part of an eigenvalue at the rest state, of the
      whole network and at its counterpart of what was kept, per unit time; NaN where none was
      found. Rest is stable below 0.
    - `times`, `distance`: shape (T,): how far apart their paths from the same states are, RMS over
      neurons and paths, as a fraction of how much the neurons of the whole network vary.
    - `outcome`: whether drift, stability and paths are kept.
    """

    rank: int
    singular_values: Float[np.ndarray, " N"]
    fraction: float
    rest_norm: float
    drift_error: float
    abscissa: float
    kept_abscissa: float
    times: Float[np.ndarray, " T"]
    distance: Float[np.ndarray, " T"]
    outcome: Outcome


@spelled
def truncation(
    W: ArrayLike,
    rank: int,
    *,
    bias: ArrayLike | None = None,
    tau: float = 1.0,
    activation: str | Activation = "tanh",
    key: PRNGKeyArray | None = None,
) -> Truncation:
    r"""What  τ dx = [−x + W φ(x) + b] dt  loses if W is cut to its k largest components.

    Both networks run for 50 τ from 8 states that are drawn around b, as far away as W takes neurons
    whose rates are ±1. Where W is dense this costs 8 N² operations a step.

    - `W`: shape (N, N). - `rank`: k. - `bias`: b, shape (N,), or None for 0.
    - `tau`: τ. - `activation`: φ.
    - `key`: of the states; ``jax.random.key(0)`` by default.

    Raises `InputError` as `Network.from_connectivity` does.
    """
    found = spectrum(W)
    k = check_rank(found, rank)
    W = check_array("W", W)
    n = len(W)
    bias = np.zeros(n) if bias is None else check_array("bias", bias, (n,))
    tau, activation = check_positive("tau", tau), get_activation(activation)
    key = jax.random.key(0) if key is None else check_key(key)
    kept = found.cut(k)
    cut = kept.gamma @ kept.readout

    spread = np.linalg.norm(W) / np.sqrt(n)
    starts = bias + spread * generator(key).normal(size=(_PATHS, n))
    steps = _DURATION * max(20, int(4 * np.abs(np.linalg.eigvals(W)).max()))
    run, other = (_run(V, bias, tau, activation, starts, steps, key) for V in (W, cut))
    T = min(_within(run.states), _within(other.states))
    states, others = run.states[:, :T], other.states[:, :T]
    grows = 1 + steps // _every(steps) > T

    rates = activation.derivatives(states)[0]
    drift_error = _rms(rates @ (W - cut).T) / _rms(rates @ W.T + bias - states)
    scatter = max(_rms(states - states.mean((0, 1))), np.finfo(float).tiny)
    distance = np.sqrt(np.mean((states - others) ** 2, axis=(0, 2))) / scatter
    rest = _rest(W, bias, activation, bias)
    abscissa = _abscissa(W, rest, activation, tau)
    kept_rest = _rest(cut, bias, activation, rest)
    kept_abscissa = _abscissa(cut, kept_rest, activation, tau)
    return Truncation(
        k,
        found.values,
        found.outside(k),
        float(found.values[k]) if k < n else 0.0,
        drift_error,
        abscissa,
        kept_abscissa,
        run.times[:T],
        distance,
        Outcome.NON_FINITE if grows else _judged(drift_error, abscissa, kept_abscissa, distance),
    )


class _Drift(eqx.Module):
    """(−x + W φ(x) + b)/τ, compiled once for every W of a size."""

    W: Matrix
    bias: Matrix
    tau: float
    activation: Activation = eqx.field(static=True)

    def __call__(self, x: Float[Array, " N"]) -> Float[Array, " N"]:
        return (like(self.W, x) @ self.activation(x) + like(self.bias, x) - x) / self.tau


def _run(W, bias, tau, activation, starts, steps, key):
    sde = SDE(_Drift(W, bias, tau, activation), 0.0, len(W))
    return simulate(
        sde, duration=_DURATION * tau, dt=_DURATION * tau / steps, key=key, start=starts,
        num_trajectories=_PATHS, save_every=_every(steps), throw=False,
    )  # fmt: skip


def _every(steps: int) -> int:
    return max(1, steps // _SAMPLES)


def _within(states: Matrix) -> int:
    """How many samples there are before any state is too large to compute with."""
    beyond = ~(np.abs(states).max(axis=(0, 2)) <= LARGEST)
    return int(beyond.argmax()) if beyond.any() else len(beyond)


def _rest(W: Matrix, bias: Matrix, activation: Activation, start: Matrix) -> Matrix:
    """The rest state that Newton's method finds from there, or NaN."""

    def residual(x):
        rate, slope, _ = activation.derivatives(x)
        return W @ rate + bias - x, W * slope - np.eye(len(x))

    with np.errstate(all="ignore"):
        found: Any = scipy.optimize.root(residual, np.nan_to_num(start), jac=True)
        left = np.abs(residual(found.x)[0]).max()
    scale = 1 + np.abs(found.x).max()
    return found.x if left < 1e-8 * scale else np.full(len(bias), np.nan)


def _abscissa(W: Matrix, rest: Matrix, activation: Activation, tau: float) -> float:
    if not np.isfinite(rest).all():
        return float("nan")
    slope = activation.derivatives(rest)[1]
    return float((np.linalg.eigvals(W * slope).real.max() - 1) / tau)


def _judged(drift_error, abscissa, kept_abscissa, distance) -> Outcome:
    if drift_error > _LARGE:
        return Outcome.OTHER_DRIFT
    if abscissa * kept_abscissa < 0:
        return Outcome.OTHER_STABILITY
    return Outcome.PATHS_PART if distance[-1] > _APART else Outcome.SUCCESS


def _rms(values: Matrix) -> float:
    return float(np.sqrt(np.mean(values**2)))
