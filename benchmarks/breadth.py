"""Is every system right, or refused with the true reason?

Systems of all kinds with known answers (`benchmarks.bank`), one question to each with default
settings. "right": within the tolerance, which is told, and 5 standard errors from 64 independent
paths where the answer is a statistic (a false alarm in 1e-5 of comparisons); "right, in doubt": the
outcome is not success; "true reason": refused, in words that name it; all else is WRONG. A
statistic of which 5 standard errors are more than 0.3 of the right value answers nothing and is
WRONG too.
"""

import time

import jax
import numpy as np

import driftmatch as dm
from benchmarks.answers import moments
from benchmarks.bank import Case, Refused
from benchmarks.cases import CASES
from benchmarks.tables import Result

KEY = jax.random.key(0)
QUICKLY = 4  # with --quick every fourth
ERRORS = 5.0
VAGUE = 0.3


class NotStationaryError(Exception):
    """What `sample` says where there is nothing to average over."""


def stationary_runs(sde):
    s = dm.sample(sde, key=KEY)
    if not s.outcome.ok:
        raise NotStationaryError(f"{s.outcome.name}: {s.reason}")
    return s


def sample(sde, of=moments):
    """Averages over the samples; their errors from the means of the 64 paths."""
    s = stationary_runs(sde)
    means = of(s.runs).mean(axis=1)
    return means.mean(axis=0), means.std(axis=0, ddof=1) / len(means) ** 0.5, s.outcome


def turning(sde):
    """Mean speeds of angles, from their windings."""
    s = stationary_runs(sde)
    speeds = (s.runs[:, -1] - s.runs[:, 0]) / (s.spacing * (s.runs.shape[1] - 1))
    return speeds.mean(axis=0), speeds.std(axis=0, ddof=1) / len(speeds) ** 0.5, s.outcome


def staying(sde, low, high):
    """How far samples lie beyond bounds."""
    s = stationary_runs(sde)
    beyond = np.maximum(np.array(low) - s.extent[0], s.extent[1] - np.array(high))
    return np.maximum(beyond, 0.0), 0.0, s.outcome


def stationary(sde, of=moments):
    """Averages under the density on the default grid."""
    p = dm.stationary(sde)
    values = of(p.grid.centres).T.reshape(-1, *p.grid.shape)
    return np.array([p.mean(v) for v in values]), 0.0, p.outcome


def fixed_points(sde, scale=1.0):
    found = dm.fixed_points(sde, key=KEY)
    return found.points / scale, 0.0, found.outcome


def first_point(sde):
    """That of the points which is nearest to 0, for which there may be others."""
    found = dm.fixed_points(sde, key=KEY)
    return found.points[np.argmin(np.abs(found.points).sum(axis=1))], 0.0, found.outcome


def lyapunov(sde, duration, dt, num=None, sum_only=False, noise=True):
    found = dm.lyapunov(sde, duration=duration, dt=dt, key=KEY, num_exponents=num, noise=noise)
    if sum_only:
        return found.sum, found.sum_standard_error, found.outcome
    return found.exponents, found.standard_error, found.outcome


def embed(sde, neurons=128):
    """ε_f."""
    found = dm.embed(sde, neurons, key=KEY)
    return found.report.drift_error, 0.0, found.outcome


def irreversibility(sde, method="score"):
    found = dm.irreversibility(sde, key=KEY, method=method)
    return found.entropy_production, found.standard_error, found.outcome


def simulate(sde, duration, dt, paths=1, deviation=False):
    """The last state, or how far that of many paths scatters."""
    ends = dm.simulate(sde, duration=duration, dt=dt, key=KEY, num_trajectories=paths,
                       save_every=round(duration / dt)).states[:, -1]  # fmt: skip
    if not deviation:
        return ends[0], 0.0, dm.Outcome.SUCCESS
    spread = ends.std(axis=0, ddof=1)
    return spread, spread / (2 * paths) ** 0.5, dm.Outcome.SUCCESS


ASKS = {f.__name__: f for f in (sample, turning, staying, stationary, fixed_points, first_point,
                                lyapunov, embed, irreversibility, simulate)}  # fmt: skip


def verdict(case: Case) -> dict:
    """The row of a case."""
    began = time.perf_counter()
    right = case.right() if callable(case.right) else case.right
    row = {"system": case.name, "asked": case.ask, "right": "", "got": "", "within": "",
           "because": case.why, "verdict": "WRONG"}  # fmt: skip
    refusable = isinstance(right, Refused)
    try:
        value, error, outcome = ASKS[case.ask](case.build(), **case.options)
    except (dm.InputError, dm.ComputationError, NotStationaryError) as refusal:
        said = str(refusal)
        row["got"] = said[:140]
        if refusable and any(word in said for word in right.words):
            row["verdict"] = "true reason"
    except Exception as error:
        row["got"] = f"{type(error).__name__}: {error}"[:140]
    else:
        row["got"] = shown(value) + ("" if outcome.ok else f" ({outcome.name})")
        if refusable:
            said = f"{outcome.name}: {outcome}"
            if not outcome.ok and any(word in said for word in right.words):
                row["verdict"] = "true reason"
        else:
            row |= judged(case, np.asarray(right, float), np.asarray(value, float), error, outcome)
    row["right"] = " / ".join(right.words) if refusable else shown(right)
    row["seconds"] = time.perf_counter() - began
    return row


def judged(case: Case, right, value, error, outcome) -> dict:
    tolerance = case.tolerance + ERRORS * np.asarray(error)
    is_vague = np.max(ERRORS * np.asarray(error)) > VAGUE * np.abs(right).max() > 0
    within = {"within": shown(np.broadcast_to(tolerance, value.shape))}
    if right.shape != value.shape:
        return within
    if is_vague or not np.all(np.abs(value - right) <= tolerance):
        return within
    return within | {"verdict": "right" if outcome.ok else "right, in doubt"}


def shown(values) -> str:
    flat = np.ravel(values)
    more = " …" if len(flat) > 6 else ""
    return ", ".join(f"{v:.5g}" for v in flat[:6]) + more


def run(quick: bool = False) -> Result:
    """All cases, and how many came out how."""
    result = Result("Is every system right, or refused with the true reason?")
    cases = CASES[::QUICKLY] if quick else CASES
    for case in cases:
        result.rows.append(verdict(case))
        jax.clear_caches()  # a hundred compiled programs would fill the memory
    for kind in ("right", "right, in doubt", "true reason"):
        count = sum(row["verdict"] == kind for row in result.rows)
        result.verdicts.append({"requirement": f"systems: {kind}", "measured": float(count),
                                "bound": float(len(cases)), "met": True})  # fmt: skip
    wrong = sum(row["verdict"] == "WRONG" for row in result.rows)
    result.require(f"systems of {len(cases)}: WRONG", float(wrong), 0)
    return result
