"""Rates of events in time, with exact intervals."""

import math
from dataclasses import dataclass

from scipy import stats

from driftmatch.outcomes import Outcome

FEW = 10  # events below which a rate says little


@dataclass(frozen=True)
class Rate:
    """Events per unit of time.

    - `events`: how many. - `time`: in how much time at risk.
    - `value`: events/time; NaN if there was no time at risk.
    - `interval`: 95 %, exact for a Poisson process.
    - `outcome`: FEW_EVENTS for fewer than ten.

    Source: F. Garwood, Biometrika 28, 437 (1936).
    """

    events: int
    time: float

    @property
    def value(self) -> float:
        return self.events / self.time if self.time > 0 else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        if not self.time > 0:
            return 0.0, math.inf
        low = stats.chi2.ppf(0.025, 2 * self.events) / 2 if self.events > 0 else 0.0
        high = stats.chi2.ppf(0.975, 2 * self.events + 2) / 2
        return float(low / self.time), float(high / self.time)

    @property
    def outcome(self) -> Outcome:
        return Outcome.FEW_EVENTS if self.events < FEW else Outcome.SUCCESS


def log_ratio(forward: int, backward: int) -> tuple[float, tuple[float, float]]:
    """ln(n₊/n₋) and its 95 % interval: given how many events there were in all, the number of
    forward ones is binomial, and Clopper and Pearson's interval is exact for it."""
    if forward + backward == 0:
        return math.nan, (-math.inf, math.inf)
    interval = stats.binomtest(forward, forward + backward).proportion_ci(0.95, "exact")
    value = _logit(forward / (forward + backward))
    return value, (_logit(interval.low), _logit(interval.high))


def _logit(p: float) -> float:
    if p <= 0:
        return -math.inf
    return math.inf if p >= 1 else math.log(p / (1 - p))
