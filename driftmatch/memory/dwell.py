"""Dwelling in memories and jumping between them: statistics of recorded walks."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int
from scipy import stats

from driftmatch.analysis.intervals import wilson_interval
from driftmatch.errors import InputError
from driftmatch.memory.rates import FEW, Rate, log_ratio
from driftmatch.memory.regions import Regions, as_regions
from driftmatch.outcomes import Outcome
from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory


@dataclass(frozen=True)
class Dwell:
    """The visits that trajectories paid to regions, in order.

    A trajectory is in the region whose core it touched last: so recrossings of a boundary are no
    jumps. A visit lasts from the first sample in a core to the first one in another core.

    - `regions`: the W regions.
    - `trajectory`, `region`: which trajectory, which region, shape (V,) each, for V visits.
    - `entered`, `left`: when, in units of time, shape (V,).
    - `is_first`: whether the recording began during the visit; `is_last`: whether it ended then.
    - `untouched_time`: the time before the first core was touched, summed over the trajectories.
    - `name`: of what was recorded.
    - `outcome`: UNVISITED if a region was never visited, FEW_EVENTS for fewer than ten jumps.

    Source: C. Schütte et al., J. Chem. Phys. 134, 204105 (2011), for cores.
    """

    regions: Regions
    trajectory: Int[np.ndarray, " V"]
    region: Int[np.ndarray, " V"]
    entered: Float[np.ndarray, " V"]
    left: Float[np.ndarray, " V"]
    is_first: Bool[np.ndarray, " V"]
    is_last: Bool[np.ndarray, " V"]
    untouched_time: float
    name: str
    outcome: Outcome

    @cached_property
    def never_visited(self) -> tuple[int, ...]:
        """The regions in which no trajectory ever was."""
        return tuple(int(w) for w in np.flatnonzero(self.occupied_time + self._visits == 0))

    @cached_property
    def _visits(self) -> np.ndarray:
        return np.bincount(self.region, minlength=len(self.regions))

    @cached_property
    def jumps(self) -> Int[np.ndarray, "J 2"]:
        """From where to where, one jump a row, in order within each trajectory."""
        before = np.flatnonzero(~self.is_last)
        return np.column_stack([self.region[before], self.region[before + 1]])

    @cached_property
    def counts(self) -> Int[np.ndarray, "W W"]:
        """Jumps from the region of the row to that of the column."""
        W = len(self.regions)
        flat = self.jumps[:, 0] * W + self.jumps[:, 1]
        return np.bincount(flat, minlength=W * W).reshape(W, W)

    @cached_property
    def occupied_time(self) -> Float[np.ndarray, " W"]:
        """The time in each region, summed over the trajectories."""
        return np.bincount(self.region, self.left - self.entered, minlength=len(self.regions))

    @property
    def total_time(self) -> float:
        """The time in any region."""
        return float(self.occupied_time.sum())

    @cached_property
    def transition_matrix(self) -> Float[np.ndarray, "W W"]:
        """Where the jumps from each region go: rows with sum 1, NaN where there were none."""
        totals = self.counts.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            return self.counts / totals

    def transition_interval(self, source: int, target: int) -> tuple[float, float]:
        """Wilson's 95 % interval of an entry of the transition matrix."""
        total = int(self.counts[source].sum())
        return wilson_interval(int(self.counts[source, target]), total) if total else (0.0, 1.0)

    @cached_property
    def generator(self) -> Float[np.ndarray, "W W"]:
        """The rates of the Markov chain of the regions, most likely given the jumps:
        counts/occupied time, with the diagonal that makes rows sum to 0."""
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = self.counts / self.occupied_time[:, None]
        np.fill_diagonal(rates, 0.0)
        return rates - np.diag(rates.sum(axis=1))

    def rate(self, source: int, target: int) -> Rate:
        """Of jumps from one region to another, per time in the first."""
        self._check_region(source)
        self._check_region(target)
        return Rate(int(self.counts[source, target]), float(self.occupied_time[source]))

    def leaving_rate(self, source: int | None = None) -> Rate:
        """Of jumps out of a region, or out of any; its inverse is the mean dwell time, visits that
        the recording cut short included (as for exponential dwell times)."""
        if source is None:
            return Rate(len(self.jumps), self.total_time)
        self._check_region(source)
        return Rate(int(self.counts[source].sum()), float(self.occupied_time[source]))

    @property
    def mean_dwell_time(self) -> float:
        """Of all regions together; infinite if there were no jumps."""
        jumps = len(self.jumps)
        return self.total_time / jumps if jumps else math.inf

    def dwell_times(self, region: int | None = None) -> Float[np.ndarray, " N"]:
        """The lengths of the visits that were recorded from beginning to end."""
        return self._lengths(region, ~self.is_last)

    def survival(
        self, region: int | None = None
    ) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"], Float[np.ndarray, "N 2"]]:
        """Times, the probability of a visit to last longer, and its 95 % interval.

        Visits that the recording cut short count up to then. Raises `InputError` if no visit is
        complete.

        Source: E. Kaplan, P. Meier, J. Am. Stat. Assoc. 53, 457 (1958).
        """
        complete = self.dwell_times(region)
        if len(complete) == 0:
            raise InputError("no visit was recorded from beginning to end: record for longer")
        cut = self._lengths(region, self.is_last)
        curve = stats.ecdf(stats.CensoredData(uncensored=complete, right=cut)).sf
        interval = curve.confidence_interval(0.95, method="log-log")
        bounds = np.column_stack([interval.low.probabilities, interval.high.probabilities])
        return curve.quantiles, curve.probabilities, np.nan_to_num(bounds, nan=1.0)

    def _lengths(self, region, chosen):
        chosen = chosen & ~self.is_first
        if region is not None:
            self._check_region(region)
            chosen = chosen & (self.region == region)
        return (self.left - self.entered)[chosen]

    def _check_region(self, region: int) -> None:
        W = len(self.regions)
        if isinstance(region, bool) or region not in range(W):
            raise InputError(f"a region is a whole number from 0 to {W - 1}, got {region!r}")

    # Of regions on a cycle 0 → 1 → … → W − 1 → 0:

    @cached_property
    def _steps(self) -> Int[np.ndarray, " J"]:
        """How far each jump goes along the cycle, the shorter way; halfway round counts 0."""
        W = len(self.regions)
        if W < 3:
            raise InputError(f"an order of visits needs at least three regions, got {W}")
        steps = (self.jumps[:, 1] - self.jumps[:, 0]) % W
        return np.where(2 * steps > W, steps - W, np.where(2 * steps == W, 0, steps))

    @property
    def in_order_fraction(self) -> float:
        """Of jumps, those to the next region of the cycle; NaN without jumps."""
        return float(np.mean(self._steps == 1)) if len(self._steps) else math.nan

    @property
    def in_order_interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of `in_order_fraction`."""
        count, total = int(np.sum(self._steps == 1)), len(self._steps)
        return wilson_interval(count, total) if total else (0.0, 1.0)

    @property
    def forward_rate(self) -> Rate:
        """k₊, of jumps to the next region of the cycle, per time in any region."""
        return Rate(int(np.sum(self._steps == 1)), self.total_time)

    @property
    def backward_rate(self) -> Rate:
        """k₋, of jumps to the one before."""
        return Rate(int(np.sum(self._steps == -1)), self.total_time)

    @property
    def log_rate_ratio(self) -> float:
        """ln(k₊/k₋)."""
        return log_ratio(self.forward_rate.events, self.backward_rate.events)[0]

    @property
    def log_rate_ratio_interval(self) -> tuple[float, float]:
        """The exact 95 % interval of ln(k₊/k₋), infinite on a side where there were no jumps."""
        return log_ratio(self.forward_rate.events, self.backward_rate.events)[1]

    @property
    def net_turns(self) -> float:
        """Turns around the cycle, forward less backward ones, of all trajectories together."""
        return float(self._steps.sum() / len(self.regions))

    @property
    def net_turns_per_time(self) -> float:
        return self.net_turns / self.total_time if self.total_time > 0 else math.nan

    @property
    def net_turns_error(self) -> float:
        """The standard error of `net_turns_per_time`, for independent jumps."""
        squares = float(np.sum(self._steps**2))
        return math.sqrt(squares) / len(self.regions) / self.total_time


def dwell(trajectory: Trajectory | NetworkTrajectory, regions: Regions | ArrayLike) -> Dwell:
    """Visits of trajectories to regions: dwell times, jumps, rates, order, turns.

    **Arguments**

    - `trajectory`: from `simulate`, or any record with `times` (T,) and `states` (M, T, k); of a
      network, latent coordinates. Samples should be closer than the least dwell time.
    - `regions`: a `Regions`, or the centres (W, k) of balls of the default radius. Where an order
      matters they are taken to lie on a cycle in the order given.

    **Raises** `InputError` for states that do not fit the regions, that are not finite, or that
    never touch any region.
    """
    regions = as_regions(regions)
    try:
        times, states = np.asarray(trajectory.times), np.asarray(trajectory.states)
    except AttributeError:
        raise InputError(
            f"trajectory must have times and states, as simulate returns them, got "
            f"{type(trajectory).__name__}"
        ) from None
    if states.ndim != 3 or states.shape[1] != len(times) or len(times) < 2:
        raise InputError(
            "the trajectory must have states of shape (M, T, k) for T ≥ 2 times, got "
            f"{states.shape} for {len(times)}"
        )
    if not np.all(np.isfinite(states)):
        raise InputError("the trajectory holds states that are not finite: cut it before them")
    if not np.all(np.diff(times) > 0):
        raise InputError("the trajectory's times must increase")
    visits, untouched = [], 0.0
    for m, labels in enumerate(regions.labels(states)):
        touched = np.flatnonzero(labels >= 0)
        if len(touched) == 0:
            untouched += times[-1] - times[0]
            continue
        untouched += times[touched[0]] - times[0]
        cores = labels[touched]
        changes = np.concatenate([[0], 1 + np.flatnonzero(np.diff(cores))])
        entered = times[touched[changes]]
        visits.append((np.full(len(changes), m), cores[changes], entered,
                       np.append(entered[1:], times[-1])))  # fmt: skip
    if not visits:
        raise InputError(
            f"{trajectory.name} never comes into any region: give their centres in its "
            "coordinates, or a larger radius"
        )
    which, region, entered, left = (np.concatenate(parts) for parts in zip(*visits, strict=True))
    changed = np.diff(which) != 0
    is_first, is_last = np.append(True, changed), np.append(changed, True)
    unvisited = len(np.unique(region)) < len(regions)
    few = np.sum(~is_last) < FEW
    outcome = Outcome.SUCCESS
    if unvisited:
        outcome = Outcome.UNVISITED
    elif few:
        outcome = Outcome.FEW_EVENTS
    return Dwell(
        regions, which, region.astype(int), entered.astype(float), left.astype(float),
        is_first, is_last, float(untouched), trajectory.name, outcome,
    )  # fmt: skip
