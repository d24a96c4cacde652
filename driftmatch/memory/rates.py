"""Rates of events in time, with intervals."""

import math

import numpy as np
from jaxtyping import Float, Int, Real
from scipy import special, stats

from driftmatch.outcomes import Outcome
from driftmatch.records import Record

FEW = 10  # events below which a rate says little


class Rate(Record):
    """Events per unit of time.

    - `events`: how many. - `time`: in how much time at risk.
    - `events_interval`: of the mean number of events, 95 %; without one it is Garwood's, at least
      95 % for a Poisson process that is watched for a fixed time.
    - `value`: events/time; NaN if there was no time at risk. - `interval`: of it.
    - `mean_time`, `mean_time_interval`: the inverse, the mean time between two events.
    - `outcome`: FEW_EVENTS for fewer than ten.

    Source: F. Garwood, Biometrika 28, 437 (1936).
    """

    events: int
    time: float
    events_interval: tuple[float, float] | None = None

    @property
    def value(self) -> float:
        return _ratio(self.events, self.time)

    @property
    def interval(self) -> tuple[float, float]:
        if not self.time > 0:
            return 0.0, math.inf
        low, high = self.events_interval or poisson_interval(self.events)
        return float(low) / self.time, float(high) / self.time

    @property
    def mean_time(self) -> float:
        return _ratio(self.time, self.events)

    @property
    def mean_time_interval(self) -> tuple[float, float]:
        low, high = self.interval
        return _ratio(1.0, high), _ratio(1.0, low)

    @property
    def outcome(self) -> Outcome:
        return Outcome.FEW_EVENTS if self.events < FEW else Outcome.SUCCESS


def poisson_interval(
    events: Int[np.ndarray, "..."] | int,
) -> tuple[Float[np.ndarray, "..."] | float, Float[np.ndarray, "..."] | float]:
    """Garwood's 95 % interval for the mean of a Poisson number."""
    n = np.asarray(events)
    low = np.where(n > 0, stats.chi2.ppf(0.025, 2 * np.maximum(n, 1)) / 2, 0.0)
    return low, stats.chi2.ppf(0.975, 2 * n + 2) / 2


def weighted_interval(
    weights: Float[np.ndarray, " J"], events: Real[np.ndarray, " J"]
) -> tuple[float, float]:
    """A 95 % interval for Σ w_j ⟨n_j⟩ of independent Poisson numbers, about Σ w_j n_j.

    The sums S of positive and of negative terms are each taken for w* times a Poisson number, with
    w* such that the variance is Σ w_j² n_j, and at the upper end with one more event of the largest
    weight: of one weight this is Garwood's interval. The two meet by squares of the distances to
    its ends. So it is as wide as it should be with hardly any events; weights without any count as
    the largest.

    Source: M. Fay, E. Feuer, Stat. Med. 16, 791 (1997); G. Zou, A. Donner, Stat. Med. 27, 1693
    (2008).
    """
    ends = []
    for sign in (1, -1):
        w = np.maximum(sign * weights, 0.0)
        S, variance, largest = float(w @ events), float(w**2 @ events), float(w.max(initial=0.0))
        low = _scaled_quantile(0.025, S, variance)
        high = _scaled_quantile(0.975, S + largest, variance + largest**2)
        ends.append((S - low, high - S))
    (below, above), (below_negative, above_negative) = ends
    value = float(weights @ events)
    return value - math.hypot(below, above_negative), value + math.hypot(above, below_negative)


def _scaled_quantile(p: float, mean: float, variance: float) -> float:
    """Of the gamma distribution of this mean and variance."""
    if not mean > 0:
        return 0.0
    return variance / mean * float(special.gammaincinv(mean**2 / variance, p))


def log_ratio(forward: int, backward: int) -> tuple[float, tuple[float, float]]:
    """ln(n₊/n₋) and its 95 % interval: given how many events there were in all, the number of
    forward ones is binomial if each is forward with the same probability, and Clopper and Pearson's
    interval is exact for it.

    Source: C. Clopper, E. Pearson, Biometrika 26, 404 (1934).
    """
    if forward + backward == 0:
        return math.nan, (-math.inf, math.inf)
    interval = stats.binomtest(forward, forward + backward).proportion_ci(0.95, "exact")
    value = _logit(forward / (forward + backward))
    return value, (_logit(interval.low), _logit(interval.high))


def _logit(p: float) -> float:
    if p <= 0:
        return -math.inf
    return math.inf if p >= 1 else math.log(p / (1 - p))


def _ratio(a: float, b: float) -> float:
    if b > 0:
        return a / b
    return math.inf if a > 0 else math.nan
