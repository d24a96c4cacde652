"""Dwelling in memories and jumping between them: statistics of recorded walks."""

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int, Real
from numpy.typing import ArrayLike

from driftmatch.analysis.intervals import wilson_interval
from driftmatch.arguments import check_array, check_index, check_positive
from driftmatch.errors import InputError
from driftmatch.memory.landscape import Landscape
from driftmatch.memory.rates import FEW, Rate, log_ratio, weighted_interval
from driftmatch.memory.regions import Regions, cores
from driftmatch.outcomes import Outcome
from driftmatch.records import Record
from driftmatch.simulation.trajectory import Run
from driftmatch.words import spelled

if TYPE_CHECKING:
    import pandas

_Z = 1.96  # the normal quantile of 95 %
_TINY = np.finfo(float).tiny


class Dwell(Record):
    """The visits that trajectories paid to regions, in order.

    A trajectory is in the region whose core it touched last: so recrossings of a boundary are no
    jumps. A visit lasts from the first sample in a core to the first one in another core.

    - `regions`: the W regions.
    - `trajectory`, `region`: which trajectory, which region, shape (V,) each, for V visits.
    - `entered`, `left`: when, in units of time, shape (V,); `left` is the end of the recording
      where that cut the visit short.
    - `untouched_time`: the time before the first core was touched, summed over the trajectories.
    - `name`: of what was recorded.

    Intervals are of 95 %. Those of rates take the jumps for a Markov chain: the time until the next
    one must not depend on how long the visit has lasted, which holds for deep wells. Then the jumps
    out of one region are a Poisson number. Those of all together are not, unless all regions are
    left at the same rate: where one is slow, its few visits decide how many jumps there are. So
    each jump i → j of weight w_ij (1, or a step of the cycle) counts in the variance as

        w_ij + h_j − h_i,    Σ_j k_ij (w_ij + h_j − h_i) = g,    g = Σ w_ij N_ij / time,

    which makes it a martingale's (Poisson's equation of the chain). k_ij are those of the recording
    with every trajectory followed by the next one and the last by the first: every region is then
    left as often as entered, h exists whatever was visited, and what trajectories begin and end
    with counts too. Trajectories much shorter than the walk takes to forget its start tell rates of
    walks that begin like them.

    Source: C. Schütte et al., J. Chem. Phys. 134, 204105 (2011), for cores; P. Glynn, S. Meyn, Ann.
    Probab. 24, 916 (1996), for Poisson's equation.
    """

    regions: Regions
    trajectory: Int[np.ndarray, " V"]
    region: Int[np.ndarray, " V"]
    entered: Float[np.ndarray, " V"]
    left: Float[np.ndarray, " V"]
    untouched_time: float
    name: str

    @property
    def outcome(self) -> Outcome:
        """UNVISITED if a region was never visited, FEW_EVENTS for fewer than ten jumps."""
        if self.never_visited:
            return Outcome.UNVISITED
        return Outcome.FEW_EVENTS if len(self.jumps) < FEW else Outcome.SUCCESS

    @cached_property
    def never_visited(self) -> tuple[int, ...]:
        """The regions in which no trajectory ever was."""
        return tuple(sorted(set(range(len(self.regions))) - set(self.region.tolist())))

    @cached_property
    def is_last(self) -> Bool[np.ndarray, " V"]:
        """Whether the recording ended during the visit."""
        return np.append(np.diff(self.trajectory) != 0, True)

    @cached_property
    def is_first(self) -> Bool[np.ndarray, " V"]:
        """Whether the visit may have begun before the recording."""
        return np.append(True, self.is_last[:-1])

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

    def to_dataframe(self) -> "pandas.DataFrame":
        """A row for every visit: trajectory, region, when it was entered and left, how long the
        visit lasted, and whether it may have begun before the recording or ended after it."""
        import pandas  # here, for it is slow to import

        fields = ("trajectory", "region", "entered", "left", "is_first", "is_last")
        table = pandas.DataFrame({name: getattr(self, name) for name in fields})
        table.insert(4, "duration", self.left - self.entered)
        return table

    # Of a Markov chain of the regions:

    @cached_property
    def transition_matrix(self) -> Float[np.ndarray, "W W"]:
        """Where the jumps from each region go: rows with sum 1, NaN where there were none."""
        totals = self.counts.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            return self.counts / totals

    def transition_interval(self, source: int, target: int) -> tuple[float, float]:
        """Wilson's interval of an entry of the transition matrix."""
        source, target = self._checked(source), self._checked(target)
        return _fraction_interval(self.counts[source, target], self.counts[source].sum())

    @cached_property
    def generator(self) -> Float[np.ndarray, "W W"]:
        """The most likely rates, counts/occupied time, with the diagonal that makes rows sum to 0;
        NaN for regions without any time. `rate` gives their intervals."""
        with np.errstate(invalid="ignore"):
            rates = self.counts / self.occupied_time[:, None]
        return rates - np.diag(rates.sum(axis=1))

    def rate(self, source: int, target: int) -> Rate:
        """Of jumps from one region to another, per time in the first."""
        source, target = self._checked(source), self._checked(target)
        return Rate(int(self.counts[source, target]), float(self.occupied_time[source]))

    def leaving_rate(self, region: int | None = None) -> Rate:
        """Of jumps out of a region, or out of any. Its `mean_time` is the mean dwell time, in which
        visits count that the recording cut short, for as long as they were seen."""
        if region is None:
            return self._pooled(np.ones(len(self.jumps), bool))
        region = self._checked(region)
        return Rate(int(self.counts[region].sum()), float(self.occupied_time[region]))

    def duration_of(self, jumps: float) -> float:
        """A time in which a trajectory jumps about so often, at most that of the recording."""
        jumps, end = check_positive("jumps", jumps), float(self.left.max())
        return min(jumps * self.leaving_rate().mean_time, end) if len(self.jumps) else end

    def _pooled(self, chosen: Bool[np.ndarray, " J"]) -> Rate:
        """Of some jumps, per time in any region."""
        low, high = self._interval_of_sum(chosen.astype(float), np.ones(1))
        return Rate(int(chosen.sum()), self.total_time, (max(low, 0.0), high))

    def _interval_of_sum(
        self, weights: Float[np.ndarray, " J"], kinds: Float[np.ndarray, " A"]
    ) -> tuple[float, float]:
        """Of the jumps' summed weights, as the class says; `kinds` are weights that jumps can
        have, be there any or not."""
        w = np.zeros(len(self.region))
        w[~self.is_last] = weights
        visited, here = np.unique(self.region, return_inverse=True)
        there = np.roll(here, -1)
        flows = np.zeros((len(visited), len(visited)))
        np.add.at(flows, (here, there), 1.0)
        surplus = self.occupied_time[visited] * w.sum() / max(self.total_time, _TINY)
        surplus -= np.bincount(here, w)
        h = np.linalg.lstsq(flows - np.diag(flows.sum(axis=1)), surplus, rcond=None)[0]
        counted = np.append(w + h[there] - h[here], kinds)
        return weighted_interval(counted, np.append(np.ones(len(w)), np.zeros(len(kinds))))

    # Of visits, without a Markov chain:

    def dwell_times(self, region: int | None = None) -> Float[np.ndarray, " N"]:
        """The lengths of the visits that were recorded from beginning to end; long ones are
        missing among them, unless the recording is much longer."""
        return self._lengths(region, ~self.is_last)

    def survival(
        self, region: int | None = None
    ) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"], Float[np.ndarray, "N 2"]]:
        """The lengths that occurred, the probability of a visit to last longer than each, and its
        interval (Greenwood's, of ln(−ln S)).

        Visits that the recording cut short count up to then; those that may have begun before it
        do not count. Raises `InputError` if no visit is complete.

        Source: E. Kaplan, P. Meier, J. Am. Stat. Assoc. 53, 457 (1958).
        """
        complete, cut = self.dwell_times(region), self._lengths(region, self.is_last)
        if len(complete) == 0:
            raise InputError("no visit was recorded from beginning to end: record for longer")
        times, ended = np.unique(complete, return_counts=True)
        lengths = np.sort(np.append(complete, cut))
        lasting = len(lengths) - np.searchsorted(lengths, times)
        S = np.cumprod(1 - ended / lasting)
        some = S > 0  # if the longest visit ended S is 0 then, and its variance is not known
        terms = np.divide(ended, lasting * (lasting - ended), out=np.zeros(len(S)), where=some)
        size = -np.log(np.where(some, S, 0.5))
        power = np.exp(_Z * np.sqrt(np.cumsum(terms)) / size)
        upper = S ** (1 / power)
        upper = np.where(some, upper, np.append(1.0, upper[:-1]))
        return times, S, np.column_stack([S**power, upper])

    def _lengths(self, region, chosen):
        chosen = chosen & ~self.is_first
        if region is not None:
            chosen = chosen & (self.region == self._checked(region))
        return (self.left - self.entered)[chosen]

    def _checked(self, region: int) -> int:
        return check_index("a region", region, len(self.regions))

    # Of regions on a cycle 0 → 1 → … → W − 1 → 0:

    @cached_property
    def steps(self) -> Int[np.ndarray, " J"]:
        """How far each jump goes along the cycle, the shorter way; halfway round counts 0."""
        W = len(self.regions)
        if W < 3:
            raise InputError(f"an order of visits needs at least three regions, got {W}")
        steps = (self.jumps[:, 1] - self.jumps[:, 0]) % W
        return np.where(2 * steps > W, steps - W, np.where(2 * steps == W, 0, steps))

    @property
    def in_order_fraction(self) -> float:
        """Of jumps, those to the next region of the cycle; NaN without jumps."""
        return float(np.mean(self.steps == 1)) if len(self.steps) else math.nan

    @property
    def in_order_interval(self) -> tuple[float, float]:
        """Wilson's interval of `in_order_fraction`."""
        return _fraction_interval(np.sum(self.steps == 1), len(self.steps))

    @property
    def forward_rate(self) -> Rate:
        """k₊, of jumps to the next region of the cycle, per time in any region."""
        return self._pooled(self.steps == 1)

    @property
    def backward_rate(self) -> Rate:
        """k₋, of jumps to the one before."""
        return self._pooled(self.steps == -1)

    @property
    def log_rate_ratio(self) -> float:
        """ln(k₊/k₋)."""
        return self._log_ratio[0]

    @property
    def log_rate_ratio_interval(self) -> tuple[float, float]:
        """Clopper and Pearson's, infinite on a side where there were no jumps.

        It takes a jump to go forward with the same probability from every region, however slow;
        where that differs it is mostly too wide."""
        return self._log_ratio[1]

    @property
    def _log_ratio(self) -> tuple[float, tuple[float, float]]:
        return log_ratio(int(np.sum(self.steps == 1)), int(np.sum(self.steps == -1)))

    @property
    def net_turns(self) -> float:
        """Turns around the cycle, forward less backward ones, of all trajectories together."""
        return float(self.steps.sum() / len(self.regions))

    @property
    def net_turns_per_time(self) -> float:
        """`net_turns` over the time of all trajectories together."""
        return self.net_turns / self.total_time if self.total_time > 0 else math.nan

    @property
    def net_turns_interval(self) -> tuple[float, float]:
        """Of `net_turns_per_time`."""
        if not self.total_time > 0:
            return -math.inf, math.inf
        turn = 1 / len(self.regions)
        low, high = self._interval_of_sum(turn * self.steps, np.array([-turn, turn]))
        return low / self.total_time, high / self.total_time


@spelled
def dwell(trajectory: Run, regions: Regions | Landscape | ArrayLike) -> Dwell:
    """Visits of trajectories to regions: dwell times, jumps, rates, order, turns.

    **Arguments**

    - `trajectory`: from `simulate`, or any record with `times` (T,) and `states` (M, T, k); of a
      network, latent coordinates. The times may be uneven; samples should be much closer than the
      least dwell time, lest visits be missed.
    - `regions`: a `Regions` of at least two, or the centres (W, k) of cores: balls of a radius of
      0.1 √k, at most 0.3, of the least distance between two; a `Landscape` stands for its minima.
      Where an order matters they are taken to lie on a cycle in the order given.

    **Raises** `InputError` for states that do not fit the regions, that are not finite, or that
    never touch any region, and for times that do not increase.
    """
    regions = as_cores(regions)
    if len(regions) < 2:
        raise InputError("a visit ends in another region, so dwell needs at least two, got 1")
    times, states = _recorded(trajectory)
    name = getattr(trajectory, "name", "the recording")
    visits, untouched = [], 0.0
    for m, labels in enumerate(regions.labels(states)):
        touched = np.flatnonzero(labels >= 0)
        if len(touched) == 0:
            untouched += times[-1] - times[0]
            continue
        untouched += times[touched[0]] - times[0]
        labels = labels[touched]
        changes = np.append(0, 1 + np.flatnonzero(np.diff(labels)))
        entered = times[touched[changes]]
        left = np.append(entered[1:], times[-1])
        visits.append((np.full(len(changes), m), labels[changes].astype(int), entered, left))
    if not visits:
        raise InputError(
            f"{name} never comes into any region: give their centres in its coordinates, a larger "
            "radius, or record for longer"
        )
    which, region, entered, left = (np.concatenate(parts) for parts in zip(*visits, strict=True))
    return Dwell(regions, which, region, entered, left, float(untouched), name)


def as_cores(regions: Regions | Landscape | ArrayLike) -> Regions:
    """Regions, or cores around centres or a landscape's minima."""
    if isinstance(regions, Regions):
        return regions
    return cores(regions.minima if isinstance(regions, Landscape) else regions)


def _recorded(trajectory) -> tuple[Float[np.ndarray, " T"], Real[np.ndarray, "M T k"]]:
    try:
        times = check_array("the trajectory's times", trajectory.times, finite=False)
        states = np.asarray(trajectory.states)
    except AttributeError:
        raise InputError(
            "trajectory must have times and states, as simulate returns them, got "
            f"{type(trajectory).__name__}"
        ) from None
    if times.ndim != 1 or states.ndim != 3 or states.shape[1] != len(times) or states.size == 0:
        raise InputError(
            "the trajectory must have times of shape (T,) and states of shape (M, T, k), got "
            f"{times.shape} and {states.shape}"
        )
    if states.dtype.kind not in "fiu":
        raise InputError(f"the trajectory's states must be numbers, got {states.dtype}")
    if len(times) < 2:
        raise InputError("the recording is a single sample: record for longer")
    if not (np.all(np.isfinite(times)) and np.all(np.diff(times) > 0)):
        raise InputError("the trajectory's times must be finite and increase: sort or mend them")
    if not np.all(np.isfinite(states)):
        raise InputError("the trajectory holds states that are not finite: cut it before them")
    return times, states


def _fraction_interval(count, total) -> tuple[float, float]:
    return wilson_interval(int(count), int(total)) if total else (0.0, 1.0)
