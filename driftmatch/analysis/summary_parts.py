"""The parts of an analysis, worked on one after the other, of which none can spoil the others."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from jaxtyping import PRNGKeyArray

from driftmatch.abstract_sde import AbstractSDE
from driftmatch.analysis.fixed_points import fixed_points
from driftmatch.analysis.flux import as_stationary_sde, flux_drifts
from driftmatch.analysis.fokker_planck.stationary import stationary
from driftmatch.analysis.irreversibility.by_grid import GridRoute
from driftmatch.analysis.irreversibility.by_score import ScoreRoute
from driftmatch.analysis.irreversibility.irreversibility import irreversibility
from driftmatch.analysis.irreversibility.record import Irreversibility
from driftmatch.analysis.lyapunov import lyapunov
from driftmatch.analysis.neural_lyapunov import neural_lyapunov
from driftmatch.analysis.subspace import subspace
from driftmatch.analysis.summary_run import chosen_states, recording, thinned
from driftmatch.analysis.symmetry import symmetry
from driftmatch.analysis.symmetry_roles import symmetry_roles
from driftmatch.errors import ComputationError, InputError
from driftmatch.meters import AbstractMeter, NoteMeter
from driftmatch.network import Network
from driftmatch.outcomes import Outcome
from driftmatch.randomness import split
from driftmatch.sampling.samples import Samples

PARTS = (
    "run",
    "fixed_points",
    "lyapunov",
    "neural_lyapunov",
    "irreversibility",
    "grid_irreversibility",
    "stationary",
    "symmetry",
    "symmetry_roles",
    "subspace",
    "alignment",
)
LEFT_OUT = "left out, as asked for"

_LYAPUNOV_TRAJECTORIES = 32
_FINER = {1: 8000, 2: 512}  # cells along each axis, where the default ones are too coarse
_ON_GRIDS = "grid_irreversibility", "stationary"


class Work:
    """The parts, one after the other: what is done, and why the rest is not."""

    def __init__(self, name: str, skip: Collection[str], meter: AbstractMeter):
        self.name, self.meter = name, meter
        self.done: dict[str, Any] = {}
        self.skipped = {part: LEFT_OUT for part in PARTS if part in skip}
        meter.start("analysing", len(PARTS))

    def part(self, name: str, compute: Callable[..., Any], *needs: str) -> None:
        """Compute a part from those that it needs, unless one of these is not there."""
        self.meter.advance(0, name.replace("_", " "))
        missing = next((other for other in needs if other in self.skipped), None)
        if name in self.skipped:
            pass
        elif missing is not None:
            reason = self.skipped[missing]
            is_wanted = reason == LEFT_OUT
            self.skipped[name] = f"needs {missing}, which is left out" if is_wanted else reason
        else:
            try:
                self.done[name] = compute(*(self.done[other] for other in needs))
            except (InputError, ComputationError) as error:
                self.skipped[name] = str(error)
            except Exception as error:
                self.skipped[name] = f"failed ({type(error).__name__}: {error})"
        self.meter.advance(1)

    def failed(self, name: str) -> bool:
        """Whether a part was tried, in vain."""
        return name in self.skipped and self.skipped[name] != LEFT_OUT

    def leave(self, names: Sequence[str], reason: str) -> None:
        """Parts that do not apply."""
        for name in names:
            self.skipped.setdefault(name, reason)
            self.meter.advance(1)


class Task:
    """What is to be analysed, and how."""

    def __init__(
        self,
        sde: AbstractSDE,
        network: Network | None,
        key: PRNGKeyArray,
        *,
        samples: Samples,
        duration: float,
        dt: float | None,
        route: ScoreRoute,
        meter: AbstractMeter,
    ):
        self.sde, self.network = sde, network
        self.samples, self.route = samples, route
        self.duration, self.dt = duration, dt
        self.meter = meter
        # By place in this list, so that a new part at its end changes no other.
        names: list[str] = ["starts", *PARTS]
        self.keys = dict(zip(names, split(key, len(names)), strict=True))
        self.is_quiet = network is None or network.stays_on_subspace

    def run(self):
        system = self.sde if self.network is None else self.network
        run = recording(system, self.samples, self.duration, self.dt, self.keys["run"])
        if not run.outcome.ok:
            raise ComputationError(run.reason or str(run.outcome))
        return run

    def fixed_points(self):
        return fixed_points(self.sde, key=self.keys["fixed_points"], samples=self.samples)

    def lyapunov(self, run):
        return lyapunov(self.sde, **self._along(run, "lyapunov"))

    def neural_lyapunov(self, run):
        # Without private noise the latent ones are among them, and are not computed again.
        name = "lyapunov" if self.is_quiet else "neural_lyapunov"
        return neural_lyapunov(_of(self.network), **self._along(run, name))

    def _along(self, run, name: str) -> dict[str, Any]:
        start = chosen_states(self.sde, run.states, _LYAPUNOV_TRAJECTORIES, self.keys["starts"])
        key, number = self.keys[name], len(start)
        return {"duration": self.duration, "dt": run.dt, "key": key, "start": start,
                "num_trajectories": number}  # fmt: skip

    def irreversibility(self):
        self._require_noise()
        return irreversibility(
            self.sde,
            key=self.keys["irreversibility"],
            method="score" if self.sde.periodic else self.route,
            samples=self.samples,
            meter=self._notes("irreversibility"),
        )

    def grid_irreversibility(self) -> Irreversibility:
        """On the default grid, or on a finer one if need be."""
        self._require_noise()
        told = {"samples": self.samples, "meter": self._notes("grid irreversibility")}
        record = irreversibility(self.sde, method=GridRoute(), **told)
        if record.outcome is Outcome.COARSE:
            finer = GridRoute(_FINER[self.sde.dim])
            record = irreversibility(self.sde, method=finer, **told)
        return record

    def stationary(self):
        meter = self._notes("stationary")
        return stationary(self.sde, samples=self.samples, meter=meter)

    def _notes(self, part: str) -> AbstractMeter:
        """Of the tasks within a part."""
        return NoteMeter(self.meter, part)

    def _require_noise(self) -> None:
        """Refuse at once what would be refused after a long run."""
        flux_drifts(as_stationary_sde(self.sde), self.samples.starts)

    def symmetry(self):
        return symmetry(_of(self.network))

    def symmetry_roles(self, parts, run):
        return symmetry_roles(parts, run.states)

    def subspace(self, run):
        return subspace(thinned(run))

    def alignment(self, found, run):
        return found.align(run.network, thinned(run))


def work_through(task: Task, work: Work) -> None:
    """All parts that apply."""
    sde, network = task.sde, task.network
    work.part("run", task.run)
    work.part("fixed_points", task.fixed_points)
    if network is not None:
        work.part("neural_lyapunov", task.neural_lyapunov, "run")
    if "neural_lyapunov" in work.done and task.is_quiet:
        work.part("lyapunov", lambda neural: neural.within, "neural_lyapunov")
    else:
        work.part("lyapunov", task.lyapunov, "run")
    work.part("irreversibility", task.irreversibility)
    if sde.dim in _FINER:
        work.part("grid_irreversibility", task.grid_irreversibility)
        if work.failed("grid_irreversibility"):  # a density may exist without entropy production
            work.part("stationary", task.stationary)
        else:
            work.part("stationary", lambda record: record.stationary, "grid_irreversibility")
    elif sde.dim == 3:
        work.leave(_ON_GRIDS, "a grid of three dimensions takes long: call stationary for it")
    else:
        work.leave(_ON_GRIDS, f"{sde.name} has {sde.dim} dimensions, too many for a grid")
    if network is None:
        names = "neural_lyapunov", "symmetry", "symmetry_roles", "subspace", "alignment"
        work.leave(names, f"{sde.name} has no neurons")
        return
    work.part("symmetry", task.symmetry)
    work.part("symmetry_roles", task.symmetry_roles, "symmetry", "run")
    work.part("subspace", task.subspace, "run")
    work.part("alignment", task.alignment, "subspace", "run")


def _of(network: Network | None) -> Network:
    assert network is not None
    return network
