"""`sample`: where an SDE lives, how fast it is, and whether it is stationary."""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.arguments import check_key, check_meter
from driftmatch.errors import ComputationError, InputError
from driftmatch.evaluate import diffusion_matrices, drifts
from driftmatch.meters import SILENT, AbstractMeter, task
from driftmatch.network import as_sde
from driftmatch.outcomes import Outcome
from driftmatch.randomness import generator
from driftmatch.sampling.angles import laid_out, periods_of
from driftmatch.sampling.bounds import natural_bounds
from driftmatch.sampling.confinement import (
    ANY_SCALE,
    absorbed_reason,
    dependent_axes,
    explosion_reason,
    free_axes,
    growth_reason,
    leaving_reason,
    turning_axes,
)
from driftmatch.sampling.ensemble import BEYOND, ROWS
from driftmatch.sampling.reasons import diverges, goes_on_for_ever, last_look, stays_apart
from driftmatch.sampling.resting import ways_to_rest
from driftmatch.sampling.samples import NOWHERE, Samples
from driftmatch.sampling.starts import checked_starts, moved_off
from driftmatch.sampling.stationarity import ROUNDING, Stationarity, are_resting, slowest_relaxation
from driftmatch.sampling.time_scale import measured_time_scale
from driftmatch.sampling.windows import M, Paths, Window
from driftmatch.simulation.scatter import is_noise_free, scattered
from driftmatch.words import spelled

NUM_SAVES = 3456  # states of every path
STEPS_PER_TIME_SCALE = 50
_SAVES_PER_TIME_SCALE = 4
_PILOT_STEPS, _PILOTS = 250, 20
_BUDGET = 600_000  # steps of all windows together
_LONG_RUN = 3_000_000  # steps of the run that is kept, at most
_STUCK = 3  # windows, each twice as long as the last, in which trajectories mix no better
_FINER = 4
_AT_REST = 1e-12  # of what a coordinate had spanned
_STILL = 1e-3  # of what has been spanned, in one step
_WINDOWS_IN = 5
_SHRINKING = 0.9  # of the range, in a window of twice the length


@spelled
def sample(
    system: AbstractSDE,
    *,
    key: PRNGKeyArray,
    meter: AbstractMeter | bool = SILENT,
) -> Samples:
    r"""Find where an SDE lives: states that it visits, its time scale, a step, its bounds.

    An ensemble of 64 paths sets out from the SDE's starts (or 0), in steps that control their own
    error from the smallest number on, so that no unit is special. It runs for windows of twice the
    length until, twice running, in every coordinate the two halves of a window agree and the
    trajectories' means scatter little; then a run in steps of one size is kept. Without noise the
    paths are moved apart a little; if all come to rest, others set out from all around, in ever
    wider circles, and what is kept are their ways to the points of rest.

    **Arguments**

    - `system`: an SDE, a network among them.
    - `key`: a random key. - `meter`: told of the progress.

    **Returns** `Samples`. What is not stationary has an outcome that says so: nothing depends on a
    coordinate that wanders or turns for ever (an angle, a clock, an integrator), trajectories leave
    for infinity, or are absorbed where the noise vanishes; they still drift, or do not pass between
    attractors, after some 600,000 steps.

    **Raises** `InputError` for an SDE driven in time, and if drift or noise are not finite at a
    start; `ComputationError` if trajectories end in what is not finite however small the steps.
    """
    sde = as_sde(system, error="sample takes an SDE or a Network")
    if sde.is_driven:
        raise InputError(
            f"{sde.name} is driven by an input that depends on time, so it has no states that it "
            "visits at all times: leave the input out"
        )
    key = check_key(key)
    meter = check_meter(meter)
    rng = generator(key)
    with task(meter, f"sample {sde.name}", 1):
        return _Search(sde, key, rng, meter).samples()


@dataclass
class _Search:
    """What is known so far."""

    sde: AbstractSDE
    key: PRNGKeyArray
    rng: np.random.Generator
    meter: AbstractMeter
    reach: Float[np.ndarray, " k"] = field(default_factory=lambda: np.zeros(0))
    windows: list[Window] = field(default_factory=list)
    verdicts: list[Stationarity] = field(default_factory=list)
    free: tuple[int, ...] = ()
    taken: int = 0
    longest_step: float = np.inf

    def samples(self) -> Samples:
        sde = self.sde
        self.is_quiet = is_noise_free(sde)
        self.periods = periods_of(sde)
        self.starts = starts = checked_starts(sde)
        self.begun = moved_off(sde, starts, self.is_quiet)
        self.paths = Paths(sde, self.key, self.begun)
        for axis, period in turning_axes(sde, starts, self.periods).items():
            self.paths.period[axis] = period  # an angle that nobody named: steps must resolve it
        self.paths.record(np.inf, most_steps=_PILOT_STEPS)
        for _ in range(_PILOTS):
            before = self.paths.dt
            pilot = self.paths.record(np.inf, most_steps=_PILOT_STEPS)
            if pilot.limited == 0 or self.paths.dt < 10 * before:
                break
        if not pilot.is_finite:
            raise self._diverges()
        self.reach = self.paths.spanned
        if pilot.limited == 0 and self._rests_already():
            self.windows.append(pilot)
            return self._resting()
        if pilot.limited == 0:
            return self._timeless(starts)
        if self.is_quiet:
            self._move_apart(0.01 * self.reach)
        spacing = 4 * self.paths.dt
        while True:
            outcome, reason = self._settle(spacing)
            if outcome is None:
                return self._resting()
            samples, verdict = self._kept(outcome, reason)
            if outcome is not Outcome.SUCCESS or (
                verdict.halves_agree and (verdict.is_mixed or self.is_quiet)
            ):
                return samples
            if self.taken >= _BUDGET:
                outcome, reason = last_look(sde.name, verdict, _BUDGET)
                return replace(samples, outcome=outcome, reason=reason)
            # The longer run shows what the windows did not: on with windows as long.
            spacing = samples.spacing * samples.runs.shape[1] / ROWS
            del self.windows[:-1], self.verdicts[:-1]

    def _settle(self, spacing: float) -> tuple[Outcome | None, str | None]:
        """Windows until one is long enough; no outcome if all has come to rest."""
        paths = self.paths
        while True:
            window = paths.record(spacing, most_steps=max(_BUDGET - self.taken, 1))
            self.taken += window.steps
            self.meter.advance(0, f"{self.taken} steps")
            if not window.is_finite:
                if (reason := explosion_reason(self.sde, self.windows, paths.states)) is None:
                    raise self._diverges()
                return Outcome.UNCONFINED, reason
            if not window.is_complete:
                return self._out_of_budget()
            self.reach = np.maximum(self.reach, window.range)
            self.windows.append(window)
            if self.is_quiet and (self._rests() or self._spirals_in()):
                return None, None
            self.verdicts.append(self._verdict(window.runs))
            if (end := self._end()) is not None:
                return end
            if self.is_quiet:
                self._spread_phases(window)
            paths.forget(window.runs)
            spacing *= 2

    def _rests(self) -> bool:
        """Whether two windows moved next to nothing, the second less: a small cycle does not rest,
        however far away it was started."""
        if len(self.windows) < 2:
            return False
        before, now = self.windows[-2:]
        rounding = ROUNDING * np.abs(now.runs).max(axis=(0, 1))
        hardly_move = [are_resting(w.runs, self.reach).all() for w in (before, now)]
        less = np.all(now.moved <= np.maximum(_SHRINKING * before.moved, rounding))
        return all(hardly_move) and bool(less)

    def _spirals_in(self) -> bool:
        """Whether paths moved half as far in every window of late."""
        ranges = np.array([w.moved for w in self.windows[-1 - _WINDOWS_IN :]])
        if len(ranges) <= _WINDOWS_IN:
            return False
        return bool(np.all(ranges[1:] <= 0.5 * ranges[:-1]))

    def _end(self) -> tuple[Outcome, str | None] | None:
        """Whether the windows so far are enough, and what they say."""
        sde, windows, verdicts = self.sde, self.windows, self.verdicts
        if len(windows) < 3:
            return None
        if not self.is_quiet and (reason := absorbed_reason(sde, windows)) is not None:
            return Outcome.ABSORBED, reason
        if (reason := explosion_reason(sde, windows, self.paths.states)) is not None:
            return Outcome.UNCONFINED, reason
        if self.is_quiet and np.all(windows[-1].moved <= _SHRINKING * windows[-2].moved):
            return None  # on its way to rest
        if not verdicts[-1].halves_agree:
            found = free_axes(sde, windows[-1].runs, self.free, self.periods)
            if found != self.free:
                self.free = found
                if len(found) == sde.dim:
                    return self._freely()
                verdicts[:] = [self._verdict(w.runs) for w in windows]
            elif (reason := growth_reason(sde, windows, self.paths.period)) is not None:
                return Outcome.UNCONFINED, reason
        if all(v.halves_agree and v.is_mixed for v in verdicts[-2:]):
            return self._freely() if self.free else (Outcome.SUCCESS, None)
        recent = verdicts[-1 - _STUCK :]
        apart = [v.apart for v in recent]
        enough = 2 if self.is_quiet else 1 + _STUCK
        if (
            len(recent) >= enough
            and all(v.halves_agree for v in recent[-enough:])
            and apart[-1] > 0.8 * apart[-enough]
        ):
            if self.is_quiet:
                return Outcome.SUCCESS, None  # attractors of their own
            return Outcome.NOT_MIXING, stays_apart(sde.name)
        return None

    def _verdict(self, runs) -> Stationarity:
        kept = [a for a in range(self.sde.dim) if a not in self.free]
        return Stationarity.of(runs[:, :, kept], [self.periods[a] for a in kept])

    def _out_of_budget(self) -> tuple[Outcome, str | None]:
        sde, windows = self.sde, self.windows
        if not windows:
            raise self._diverges()
        first = np.maximum(windows[0].range, np.finfo(float).tiny)
        grown = np.abs(self.paths.states).max(axis=0) > ANY_SCALE * first
        if grown.any():
            reason = leaving_reason(sde, int(np.argmax(grown)), "grows without bound")
            return Outcome.UNCONFINED, reason
        reason = growth_reason(sde, windows, self.paths.period, at_the_end=True)
        if reason is not None:
            return Outcome.UNCONFINED, reason
        if self.free:
            return self._freely()
        return last_look(sde.name, self.verdicts[-1], _BUDGET)

    def _freely(self) -> tuple[Outcome, str]:
        return goes_on_for_ever(self.sde.name, self.free[0])

    def _kept(self, outcome: Outcome, reason: str | None) -> tuple[Samples, Stationarity]:
        """The run that is kept, in steps of one size."""
        paths, window = self.paths, self.windows[-1]
        time_scale = self._time_scale(window.runs)
        least = min(w.least for w in self.windows[-2:])
        self.longest_step = 0.5 * least
        step = min(self.longest_step, time_scale / STEPS_PER_TIME_SCALE)
        duration = window.runs.shape[1] * window.spacing
        spacing = duration / NUM_SAVES
        if outcome not in NOWHERE:
            spacing = max(spacing, time_scale / _SAVES_PER_TIME_SCALE)
        if self.is_quiet:
            self._spread_phases(window)
            self._move_apart(1e-3 * np.ptp(window.runs, axis=(0, 1)))
        for _ in range(4):
            begin = paths.states
            every = max(1, round(spacing / step))
            if every * NUM_SAVES > _LONG_RUN:  # so rarely are steps that small needed
                paths.forget(window.runs)
                paths.move(begin, 2 * step)
                run = paths.record(spacing, NUM_SAVES, most_steps=_LONG_RUN)
            else:
                run = paths.record(every * step, NUM_SAVES, step=step)
            if run.is_finite and run.runs.shape[1] >= ROWS and self._stays_inside(run):
                break
            step /= _FINER
            self.longest_step = step
            paths.move(begin, step)
        else:
            if outcome is not Outcome.UNCONFINED:
                raise self._diverges()
            run = window
        verdict = self._verdict(run.runs)
        return self._record(run.runs, run.spacing, step, outcome, reason, verdict), verdict

    def _spread_phases(self, window: Window) -> None:
        """Go on from where the paths were at other times of late, each on its own attractor."""
        late = window.runs[:, window.runs.shape[1] // 2 :]
        at = self.rng.integers(late.shape[1], size=M)
        self.paths.move(late[np.arange(M), at])

    def _stays_inside(self, run: Window) -> bool:
        """Whether steps of one size do not lead across bounds that the SDE names."""
        low, high = self.paths.bounds
        beyond = np.maximum(low - run.runs, run.runs - high).max(axis=(0, 1))
        return bool(np.all(beyond <= BEYOND * np.maximum(run.range, np.finfo(float).tiny)))

    def _record(self, runs, spacing, step, outcome, reason, verdict, *, is_resting=False):
        sde = self.sde
        # What has decayed to nothing is nothing: the last of its digits have no meaning.
        gone = np.abs(runs).max(axis=(0, 1)) <= _AT_REST * self.reach
        runs = np.where(gone, 0.0, runs)
        time_scale = self._time_scale(runs)
        kept = [a for a in range(sde.dim) if a not in self.free]
        moving = laid_out(runs[:, :, kept], [self.periods[a] for a in kept]) if kept else runs
        return Samples(
            runs=runs,
            spacing=spacing,
            time_scale=sde.time_scale or time_scale,
            step=step,
            longest_step=self.longest_step,
            bounds=natural_bounds(sde, runs.reshape(-1, sde.dim)),
            relaxation_time=slowest_relaxation(moving, spacing) if kept else np.inf,
            effective_number=verdict.effective_number,
            is_resting=is_resting,
            outcome=outcome,
            reason=reason,
            name=sde.name,
            periods=self.periods,
        )

    def _time_scale(self, runs) -> float:
        """Of the coordinates that neither run away nor have come to rest."""
        is_still = np.ptp(runs, axis=(0, 1)) <= _AT_REST * self.reach
        ignored = [a for a in range(self.sde.dim) if is_still[a] or a in self.free]
        return measured_time_scale(self.sde, runs.reshape(-1, self.sde.dim), ignored)

    def _resting(self) -> Samples:
        """Of what comes to rest, the ways there from all around."""
        runs, spacing, least = ways_to_rest(
            self.sde, self.paths, self.windows, self.starts, self.reach, self.rng, self.meter
        )
        time_scale = measured_time_scale(self.sde, runs.reshape(-1, self.sde.dim))
        self.longest_step = 0.5 * least
        step = min(self.longest_step, time_scale / STEPS_PER_TIME_SCALE)
        verdict = Stationarity(0.0, 0.0, 0, float(runs.shape[0]))
        return self._record(runs, spacing, step, Outcome.SUCCESS, None, verdict, is_resting=True)

    def _rests_already(self) -> bool:
        """Whether steps grew without limit since nothing moves any more: a clock's moves grow."""
        move = np.abs(drifts(self.sde, self.paths.states)) * self.paths.dt
        moved = np.any(self.paths.states != self.begun)
        return self.is_quiet and bool(moved and np.all(move <= _STILL * self.reach))

    def _timeless(self, starts) -> Samples:
        """Where nothing sets a time: drift and noise are the same wherever the paths go."""
        sde = self.sde
        moves = np.any(drifts(sde, starts)) or np.any(diffusion_matrices(sde, starts))
        depends = dependent_axes(sde, starts)
        self.free = tuple(range(sde.dim))
        outcome, reason = self._freely()
        if moves and depends:  # near the start, though no longer where the paths have gone
            outcome = Outcome.UNCONFINED
            reason = leaving_reason(sde, depends[0], "spreads or drifts on without bound")
        elif not moves:
            reason = (
                f"{sde.name} has neither drift nor noise at its start {starts[0].tolist()}: "
                "nothing moves; pass another start= to the SDE"
            )
        verdict = Stationarity(np.inf, 1.0, 0, 0.0)
        runs = np.repeat(starts[:, None], 2, axis=1)
        return Samples(
            runs, np.inf, sde.time_scale or np.inf, np.inf, np.inf,
            np.stack([np.full(sde.dim, -np.inf), np.full(sde.dim, np.inf)]), np.inf,
            verdict.effective_number, not moves, outcome, reason, sde.name, self.periods,
        )  # fmt: skip

    def _move_apart(self, reach) -> None:
        self.paths.move(scattered(self.sde, self.paths.states, reach, self.rng))

    def _diverges(self) -> ComputationError:
        return ComputationError(diverges(self.sde.name, self.starts, self.paths.states))
