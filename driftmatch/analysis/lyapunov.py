"""Lyapunov spectra by the QR method on the tangent flow."""

import math
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING

import jax
import numpy as np
from jaxtyping import ArrayLike, Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.lyapunov_plan import (
    BLOCKS,
    LyapunovPlan,
    check_plan,
    random_frames,
    starting_states,
)
from driftmatch.analysis.tangents import Flow, Pair, WithinSubspace, grow, pairs_at
from driftmatch.arguments import check_count, check_meter
from driftmatch.errors import ComputationError, InputError
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import as_sde
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.sampling.block_errors import mean_error, never_mix
from driftmatch.sampling.given import check_samples
from driftmatch.sampling.samples import Samples
from driftmatch.simulation.mixed import on_the_device, working_dtype
from driftmatch.words import spelled

if TYPE_CHECKING:
    import xarray

# Nats that a tangent must have grown by for trajectories 1 % apart to be strangers.
_PARTED = 20.0
_HARDLY_PARTED = 12.0
_CONTRACTING = -1.0  # below that they will not part


class LyapunovSpectrum(Record):
    """The Lyapunov exponents of an SDE, largest first.

    - `exponents`: λ, shape (p,), in nats per unit time; `standard_error`: shape (p,). That is the
      error of sampling; what the step dt adds shows when it is halved.
    - `sum`: of these exponents, with its `sum_standard_error`. When p is the dimension it is the
      mean rate at which volumes grow, known far better than its terms.
    - `dimension`: the Kaplan–Yorke dimension; NaN if it needs more exponents than were computed.
    - `duration`: the time averaged over, all trajectories together.
    - `history`: the estimates after each twentieth of the run, shape (20, p).
    - `outcome`: how the run ended. If it became non-finite, the numbers are NaN.
    """

    exponents: Float[np.ndarray, " p"]
    standard_error: Float[np.ndarray, " p"]
    sum: float
    sum_standard_error: float
    dimension: float
    duration: float
    history: Float[np.ndarray, "blocks p"] = field(repr=False)
    outcome: Outcome

    def to_xarray(self) -> "xarray.Dataset":
        """`exponents`, `standard_error` and `history` with the dimensions block and exponent, the
        rest as attributes."""
        import xarray  # here, for it is slow to import

        arrays = {
            "exponents": ("exponent", self.exponents),
            "standard_error": ("exponent", self.standard_error),
            "history": (("block", "exponent"), self.history),
        }
        return xarray.Dataset(arrays, attrs=self._attributes())


@spelled
def lyapunov(
    system: AbstractSDE,
    *,
    duration: float,
    dt: float,
    key: PRNGKeyArray,
    num_exponents: int | None = None,
    num_trajectories: int = 64,
    burn_in: float | None = None,
    start: Float[ArrayLike, "*M k"] | None = None,
    noise: bool = True,
    qr_every: int = 5,
    samples: Samples | None = None,
    meter: AbstractMeter | bool = SILENT,
    throw: bool = True,
) -> LyapunovSpectrum:
    r"""The Lyapunov exponents of an SDE along its own noise.

        dz = f dt + σ dB,    dV = Df(z) V dt + D[σ(z) dB] V,    V = QR,    λ_i = ⟨ln R_ii⟩ / time

    State and tangents take the same steps under the same noise: Runge–Kutta of order four without
    noise, Heun with it. Many trajectories run side by side. With eight or more the standard error
    comes from how they differ, with fewer from how 20 blocks of time do; either is widened if the
    trajectories turn out to move together (see `mean_error`).

    **Arguments**

    - `system`: any SDE: a target, a network in its latent coordinates, ``network.neural()``. All
      n exponents of a network as neurons are cheaper by `neural_lyapunov`.
    - `duration`: the time averaged over on every trajectory, so ``num_trajectories * duration`` in
      all, which is what accuracy depends on. At least 20 steps.
    - `dt`: the time step.
    - `num_exponents`: how many, the largest ones; all of them by default.
    - `burn_in`: the time given to the tangents to align and to trajectories that set out together
      to part. By default a fifth of the duration; unless tangents shrink, longer, until
      trajectories 1 % apart have become strangers, but no longer than the duration. Tangents of
      two exponents that are close take a time of several over their difference to align.
    - `start`: states on the attractor, shape (M, k), or one, shape (k,), which is spread a little.
    - `noise`: False leaves the noise out: the exponents of the drift alone.
    - `samples`: what `sample` found, to start from; made here without `start`.
    - `qr_every`: the number of steps between two QR factorisations; fewer in short runs.
    - `throw`: raise if the run becomes non-finite; otherwise the record's outcome says it.

    **Raises** `InputError` for an argument that does not fit and `ComputationError` if a trajectory
    becomes non-finite.

    **Source**: G. Benettin et al., Meccanica 15, 9 (1980); with noise, L. Arnold, *Random Dynamical
    Systems* (1998).
    """
    sde = as_sde(system, error="lyapunov takes an SDE or a Network")
    meter = check_meter(meter)
    plan = check_plan(sde, duration, dt, key, num_trajectories, burn_in, start, noise, qr_every,
                      throw)  # fmt: skip
    p = sde.dim if num_exponents is None else check_count("num_exponents", num_exponents)
    if p > sde.dim:
        raise InputError(f"{sde.name} has {sde.dim} Lyapunov exponents, not {p}")
    check_samples(sde, samples)
    starts = starting_states(sde, start, plan, samples)
    if starts is None:
        return non_finite(sde.name, p, plan)
    pairs = pairs_at(starts, random_frames(plan, sde.dim, p))
    return follow(sde, pairs, plan, meter, complete=p == sde.dim)


def follow(
    flow: Flow, pairs: Pair, plan: LyapunovPlan, meter: AbstractMeter, *, complete: bool
) -> LyapunovSpectrum:
    """The spectrum along the flow; `complete` if no exponent is left out."""
    p = pairs.tangents.shape[2]
    least = math.ceil(plan.burn_in / plan.block_time)
    most = max(least, BLOCKS) if plan.may_burn_longer else least
    blocks = _grown(flow, pairs, plan)
    rates, burnt, growth = [], 0, 0.0
    meter.start("Lyapunov exponents", most + BLOCKS)
    try:
        while burnt < least or (burnt < most and _CONTRACTING < growth < _PARTED):
            growth += next(blocks)[:, 0].mean()
            burnt += 1
            meter.advance(1)
        meter.advance(most - burnt)
        for _ in range(BLOCKS):
            rates.append(next(blocks) / plan.block_time)
            meter.advance(1)
    except FloatingPointError:
        return non_finite(flow.name, p, plan)
    finally:
        meter.stop()
    eps = float(np.finfo(_dtype(flow)).eps)
    since_together = plan.head_start + burnt * plan.block_time
    return _summary(np.array(rates), plan, since_together, complete=complete, eps=eps)


def _grown(flow: Flow, pairs: Pair, plan: LyapunovPlan) -> Iterator[Float[np.ndarray, "M p"]]:
    """What the tangents grow by, in nats, block after block."""
    dtype = _dtype(flow)
    if isinstance(flow, WithinSubspace):
        flow = WithinSubspace(on_the_device(flow.neural, dtype))
    else:
        flow = on_the_device(flow, dtype)
    with jax.enable_x64(True):
        pairs = Pair(pairs.state, jax.device_put(np.asarray(pairs.tangents, dtype)))
    first, dt = 0, np.float64(plan.dt)
    while True:
        with jax.enable_x64(True):
            pairs, grown = grow(
                flow, pairs, plan.keys[1], np.int64(first), dt, plan.num_qr, plan.qr_every,
                plan.steady,
            )  # fmt: skip
        grown = np.asarray(grown, dtype=np.float64)
        if not (np.isfinite(grown).all() and np.isfinite(np.asarray(pairs.state)).all()):
            raise FloatingPointError
        yield grown
        first += plan.num_qr * plan.qr_every


def _dtype(flow: Flow) -> np.dtype:
    """The precision of the tangents."""
    return working_dtype(flow.neural if isinstance(flow, WithinSubspace) else flow)


def kaplan_yorke(exponents: Float[np.ndarray, " p"], tolerance: float = 0.0) -> float:
    """The Kaplan–Yorke dimension  D = j + (λ_1 + … + λ_j) / |λ_{j+1}|,  of sorted exponents.

    j is the largest number of exponents with a sum that is not negative. Exponents within
    `tolerance` of zero count as zero: or else the dimension of a limit cycle would be 0, not 1,
    whenever its first exponent comes out negative. NaN when the sum of all is still positive.
    """
    exponents = np.where(np.abs(exponents) <= tolerance, 0.0, exponents)
    sums = np.cumsum(exponents)
    negative = np.flatnonzero(sums < 0)
    if len(negative) == 0:
        return float("nan")
    j = negative[0]
    return float(j + (sums[j - 1] if j > 0 else 0.0) / -exponents[j])


def zero_tolerance(
    exponents: Float[np.ndarray, " p"], error: Float[np.ndarray, " p"], plan: LyapunovPlan
) -> float:
    """Up to what size an exponent counts as zero in the Kaplan–Yorke dimension: three standard
    errors, or growth by one nat in the whole of a trajectory."""
    return max(3 * error[np.argmin(np.abs(exponents))], 1 / (BLOCKS * plan.block_time))


def _summary(
    rates, plan: LyapunovPlan, since_together: float, *, complete: bool, eps: float
) -> LyapunovSpectrum:
    """The record of growth rates of shape (blocks, M, p)."""
    mean = rates.mean(axis=(0, 1))
    order = np.argsort(-mean)
    rates, exponents = rates[:, :, order], mean[order]
    error, together = mean_error(rates)
    dimension = kaplan_yorke(exponents, zero_tolerance(exponents, error, plan))
    if complete and np.isnan(dimension):
        dimension = float(len(exponents))  # volumes do not shrink: the attractor fills the space
    outcome = Outcome.SUCCESS
    together &= error > 1e-3 * np.abs(exponents).max()
    chaotic = exponents[0] > 3 * error[0]
    if np.any(together) or (chaotic and exponents[0] * since_together < _HARDLY_PARTED):
        outcome = Outcome.MOVING_TOGETHER
    if np.any(never_mix(rates) & (error > 1e-3 * np.abs(exponents).max())):
        outcome = Outcome.SEVERAL_ATTRACTORS
    if np.ptp(exponents) * plan.qr_every * plan.dt > -0.7 * np.log(eps):
        outcome = Outcome.PARALLEL_TANGENTS
    history = np.cumsum(rates.mean(axis=1), axis=0) / np.arange(1, BLOCKS + 1)[:, None]
    return LyapunovSpectrum(
        exponents=exponents,
        standard_error=error,
        sum=float(exponents.sum()),
        sum_standard_error=float(mean_error(rates.sum(axis=2))[0]),
        dimension=dimension,
        duration=float(plan.num_trajectories * BLOCKS * plan.block_time),
        history=history,
        outcome=outcome,
    )


def non_finite(name: str, p: int, plan: LyapunovPlan) -> LyapunovSpectrum:
    """The record of a run that became non-finite, unless that is to raise."""
    if plan.throw:
        raise ComputationError(
            f"the tangent flow of {name} became non-finite: use a smaller dt than {plan.dt:g} or "
            "start on the attractor"
        )
    nan = np.full(p, np.nan)
    return LyapunovSpectrum(
        nan, nan, np.nan, np.nan, np.nan, 0.0, np.full((BLOCKS, p), np.nan), Outcome.NON_FINITE
    )
