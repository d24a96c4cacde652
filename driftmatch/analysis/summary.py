"""`analyse`: all that applies to a network or an SDE, in one call."""

import time
from collections.abc import Collection
from dataclasses import field
from typing import Any

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.fixed_points import FixedPoints
from driftmatch.analysis.fokker_planck.stationary import StationaryDensity
from driftmatch.analysis.irreversibility.by_score import ScoreRoute
from driftmatch.analysis.irreversibility.record import Irreversibility
from driftmatch.analysis.lyapunov import LyapunovSpectrum
from driftmatch.analysis.neural_lyapunov import NeuralSpectrum
from driftmatch.analysis.subspace import Alignment, Subspace
from driftmatch.analysis.summary_numbers import numbers_of
from driftmatch.analysis.summary_parts import PARTS, Task, Work, work_through
from driftmatch.analysis.summary_run import TIMES
from driftmatch.analysis.symmetry import SymmetryDecomposition
from driftmatch.analysis.symmetry_roles import SymmetryRoles
from driftmatch.arguments import (
    check_choice,
    check_key,
    check_meter,
    check_positive,
    or_none,
    shown,
)
from driftmatch.errors import ComputationError, InputError
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.network import Network, as_sde
from driftmatch.outcomes import Outcome
from driftmatch.randomness import split
from driftmatch.records import Record
from driftmatch.sampling.given import check_samples, samples_of, undriven
from driftmatch.sampling.samples import Samples
from driftmatch.simulation.arguments import check_leak, check_steps
from driftmatch.simulation.trajectory import Run
from driftmatch.words import spelled

_CANCEL = 2.0  # times the drift, above which the parts of the connectivity mostly cancel
_DIFFER = 0.05  # by more than that, and four standard errors, two routes disagree


class Analysis(Record):
    """What there is to know of a network or an SDE, part by part. `analyse` makes it.

    A part that does not apply or did not succeed is None, and `skipped` says why.

    - `system`: what was analysed, and its `name`; `dimension`: k.
    - `num_neurons`: n; None for what is no network.
    - `time_scale`: in which the state changes by about its own size.
    - `run`: a simulation on the attractor.
    - `fixed_points`: of the drift.
    - `lyapunov`: the k exponents along its own noise; `neural_lyapunov`: all n of a network.
    - `irreversibility`: by the score; `grid_irreversibility`: on a grid, up to two dimensions.
    - `stationary`: density and current on that grid.
    - `symmetry`, `symmetry_roles`: of a network's connectivity, and over the run.
    - `subspace`, `alignment`: of a network, found from its recorded neurons, and whether it is the
      network's own.
    - `skipped`: {part: a sentence}.
    - `seconds`: how long it took.
    """

    system: AbstractSDE
    name: str
    dimension: int
    num_neurons: int | None
    time_scale: float
    run: Run | None
    fixed_points: FixedPoints | None
    lyapunov: LyapunovSpectrum | None
    neural_lyapunov: NeuralSpectrum | None
    irreversibility: Irreversibility | None
    grid_irreversibility: Irreversibility | None
    stationary: StationaryDensity | None
    symmetry: SymmetryDecomposition | None
    symmetry_roles: SymmetryRoles | None
    subspace: Subspace | None
    alignment: Alignment | None
    skipped: dict[str, str]
    seconds: float = field(compare=False)

    @property
    def sde(self) -> AbstractSDE:
        """What was analysed, a network in its latent coordinates."""
        return as_sde(self.system, error="analyse takes an SDE or a Network")

    @property
    def doubtful(self) -> dict[str, str]:
        """{part: a sentence} of what was computed but cannot be taken at its word."""
        found = {}
        for part in PARTS:
            outcome = getattr(getattr(self, part), "outcome", Outcome.SUCCESS)
            if not outcome.ok:
                found[part] = str(outcome)
        if (roles := self.symmetry_roles) is not None and min(roles.size) > _CANCEL:
            found["symmetry_roles"] = (
                "the two parts mostly cancel, as guard neurons or a state at rest make them, and "
                "say little of the dynamics"
            )
        by_score, by_grid = self.irreversibility, self.grid_irreversibility
        if by_score and by_grid and by_grid.outcome.ok and not _agree(by_score, by_grid):
            found.setdefault("irreversibility", "the score and the grid disagree on it")
        return found

    @property
    def most_probable_state(self) -> Float[np.ndarray, " k"] | None:
        """The centre of the cell where the stationary density is largest."""
        if self.stationary is None:
            return None
        return self.stationary.grid.centres[int(np.argmax(self.stationary.density))]

    def to_dict(self) -> dict[str, Any]:
        """The numbers, ready for JSON: plain ones and lists, complex ones as [re, im], None for
        what is not finite and for parts that were skipped."""
        record = {name: getattr(self, name) for name in ("name", "dimension", "num_neurons",
                                                         "time_scale")}  # fmt: skip
        record |= {part: getattr(self, part) for part in PARTS if part != "run"}
        record["most_probable_state"] = self.most_probable_state
        record |= {"doubtful": self.doubtful, "skipped": self.skipped, "seconds": self.seconds}
        return {name: numbers_of(value) for name, value in record.items()}


@spelled
def analyse(
    system: AbstractSDE,
    *,
    key: PRNGKeyArray,
    duration: float | None = None,
    dt: float | None = None,
    method: ScoreRoute = ScoreRoute(),
    skip: Collection[str] = (),
    samples: Samples | None = None,
    meter: AbstractMeter | bool = SILENT,
) -> Analysis:
    r"""Analyse a network, or any SDE, with settings that fit it.

        dz = f(z) dt + σ(z) dB

    Of every SDE: its time scale, a run, the fixed points of f, the Lyapunov exponents along its
    own noise, and its entropy production with the fields f_rev and f_irr, by the score and, up to
    two dimensions, on a grid too, which also gives the stationary density. Of a network moreover:
    the exponents of all n neurons, the symmetric and asymmetric part of W and what they do to the
    states of the run, and the subspace that principal components of its neurons find, which must be
    its own.

    **Arguments**

    - `system`: an SDE, or a network.
    - `key`: a random key; every part has one of its own, so that skipping one changes no other.
    - `duration`: of every trajectory of the run and of the Lyapunov exponents, by default 200 time
      scales.
    - `dt`: their step, by default a 50th of the time scale.
    - `method`: how irreversibility is found, such as ``ScoreRoute(num_features=1000)``.
    - `skip`: names of parts to leave out, fields of `Analysis`; what needs them goes too.
    - `samples`: what `sample` found, which all parts share; made here if they are not given.
    - `meter`: told which part is being worked on, and how far it is.

    **Returns** an `Analysis`. No part can spoil the others: what does not apply, or fails, is None
    and its reason is in `skipped`; what cannot be trusted is named in `doubtful`.

    **Raises** `InputError` for an argument that does not fit and `ComputationError` if the system
    diverges, of which nothing can be said.
    """
    began = time.perf_counter()
    network = system if isinstance(system, Network) else None
    sde = as_sde(
        system,
        error="analyse takes an SDE or a Network",
        hint="an embedding has a network in its field .network",
    )
    if not isinstance(method, ScoreRoute):
        raise InputError(f"method must be a ScoreRoute, got {type(method).__name__}")
    if isinstance(skip, str):
        skip = (skip,)
    if not isinstance(skip, Collection) or isinstance(skip, np.ndarray):
        raise InputError(f"skip must be a list of names of parts, got {shown(skip)}")
    skip = [check_choice("part to skip", name, PARTS) for name in skip]
    duration = or_none(check_positive)("duration", duration)
    dt = or_none(check_positive)("dt", dt)
    meter = check_meter(meter)
    check_samples(sde, samples)
    if network is not None and dt is not None:
        check_leak(dt, network.tau)
    key_sample, key_parts = split(check_key(key))
    samples = samples_of(undriven(sde), samples, key_sample, meter)
    time_scale = samples.time_scale
    if not np.isfinite(time_scale):
        raise ComputationError(samples.reason or f"{sde.name} does not move")
    duration = TIMES * time_scale if duration is None else duration
    check_steps(duration, samples.step if dt is None else dt, 1)
    work = Work(sde.name, skip, meter)
    try:
        task = Task(sde, network, key_parts, samples=samples,
                    duration=duration, dt=dt, route=method, meter=meter)  # fmt: skip
        work_through(task, work)
    finally:
        meter.stop()
    return Analysis(
        system=system,
        name=sde.name,
        dimension=sde.dim,
        num_neurons=network.num_neurons if network else None,
        time_scale=time_scale,
        **{part: work.done.get(part) for part in PARTS},
        skipped={part: work.skipped[part] for part in PARTS if part in work.skipped},
        seconds=time.perf_counter() - began,
    )


def _agree(one: Irreversibility, other: Irreversibility) -> bool:
    off = abs(one.entropy_production - other.entropy_production)
    error = np.hypot(one.standard_error, other.standard_error)
    return bool(off <= 4 * error + _DIFFER * abs(other.entropy_production))
