"""Sequential memory: an autonomous walk through the wells, and how it changes with a parameter."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from numpy.typing import ArrayLike

from driftmatch.abstract_sde import AbstractSDE, check_system
from driftmatch.analysis.irreversibility.by_grid import GridRoute
from driftmatch.analysis.irreversibility.by_score import ScoreRoute
from driftmatch.analysis.irreversibility.irreversibility import irreversibility
from driftmatch.analysis.irreversibility.record import Irreversibility
from driftmatch.arguments import (
    check_array,
    check_count,
    check_key,
    check_meter,
    check_positive,
    check_text,
    or_none,
)
from driftmatch.embedding.embed import embed
from driftmatch.errors import InputError
from driftmatch.memory.dwell import Dwell, as_cores, dwell
from driftmatch.memory.landscape import Landscape
from driftmatch.memory.regions import Regions
from driftmatch.meters import SILENT, AbstractMeter
from driftmatch.records import Record, plain
from driftmatch.sampling.steps import default_step, time_scale_of
from driftmatch.simulation.arguments import check_steps
from driftmatch.simulation.simulate import simulate
from driftmatch.simulation.trajectory import Run
from driftmatch.systems.ring import log_rate_ratio
from driftmatch.words import spelled

if TYPE_CHECKING:
    import xarray

_TIME_SCALES = 2000  # a run, by default
_SAMPLES = 5  # in a time scale: dwelling lasts for many
_GRID_DIM = 2


class Walk(Record):
    """A walk through memories.

    - `dwell`: visits, jumps, rates, order and turns.
    - `irreversibility`: of the system that walks, on a grid up to two dimensions, and by the score
      beyond; of a network's latent SDE, which leaves out the private noise that `dwell` has. None
      where it is not defined, as for a singular D: ``irreversibility(system)`` says why.
    - `trajectory`: what was simulated, several samples a time scale.
    """

    dwell: Dwell
    irreversibility: Irreversibility | None
    trajectory: Run

    def to_xarray(self) -> "xarray.Dataset":
        """The trajectory, with the `region` that each state lies in, −1 outside of all."""
        labels = self.dwell.regions.labels(self.trajectory.states)
        return self.trajectory.to_xarray().assign(region=(("trajectory", "time"), labels))

    @property
    def name(self) -> str:
        """Of the system."""
        return self.dwell.name

    @property
    def doubtful(self) -> dict[str, str]:
        """{part: a sentence} of what cannot be taken at its word."""
        d, flow, found = self.dwell, self.irreversibility, {}
        if not d.outcome.ok:
            wells = ", ".join(map(str, d.never_visited))
            found["dwell"] = f"{d.outcome} (wells {wells})" if wells else str(d.outcome)
        elif len(d.regions) > 2:
            rates = {"forward_rate": d.forward_rate, "backward_rate": d.backward_rate}
            found |= {name: str(r.outcome) for name, r in rates.items() if not r.outcome.ok}
        if flow is not None and not flow.outcome.ok:
            found["irreversibility"] = str(flow.outcome)
        return found

    def to_dict(self) -> dict[str, Any]:
        """The numbers of the walk, those of an order from three regions on."""
        d, flow = self.dwell, self.irreversibility
        numbers: dict[str, Any] = {}
        if len(d.regions) > 2:
            forward, backward = d.forward_rate, d.backward_rate
            numbers |= {
                "in_order_fraction": d.in_order_fraction,
                "in_order_interval": d.in_order_interval,
                "net_turns_per_time": d.net_turns_per_time,
                "net_turns_interval": d.net_turns_interval,
                "forward_rate": forward.value,
                "forward_rate_interval": forward.interval,
                "backward_rate": backward.value,
                "backward_rate_interval": backward.interval,
                "log_rate_ratio": d.log_rate_ratio,
                "log_rate_ratio_interval": d.log_rate_ratio_interval,
            }
        leaving = d.leaving_rate()
        numbers |= {
            "mean_dwell_time": leaving.mean_time,
            "mean_dwell_time_interval": leaving.mean_time_interval,
            "entropy_production": None if flow is None else flow.entropy_production,
            "entropy_production_error": None if flow is None else flow.standard_error,
            "jumps": len(d.jumps),
            "never_visited": d.never_visited,
            "outcome": d.outcome,
            "doubtful": self.doubtful,
        }
        return {name: plain(value) for name, value in numbers.items()}

    @property
    def expected_log_rate_ratio(self) -> float | None:
        """ln(k₊/k₋) by local detailed balance, of what is known to obey it: `ring_of_wells`."""
        return None if self.irreversibility is None else log_rate_ratio(self.irreversibility.sde)


@spelled
def walk(
    system: AbstractSDE,
    regions: Regions | Landscape | ArrayLike | None = None,
    *,
    key: PRNGKeyArray,
    duration: float | None = None,
    dt: float | None = None,
    num_trajectories: int = 32,
    meter: AbstractMeter | bool = SILENT,
) -> Walk:
    """Let a system walk on its own, and measure how it visits its memories.

    **Arguments**

    - `system`: an SDE or a network, such as `systems.ring_of_wells` or what embeds it.
    - `regions`: the memories in their cyclic order, a `Regions`, a `Landscape` or centres (W, k) of
      cores, as for `dwell`; by default those around the system's starts.
    - `key`: a random key.
    - `duration`: of every trajectory, by default 2000 time scales; of a system that names none, it
      is found by short runs. - `dt`: the step, by default a 50th of a time scale, and for a network
      at most a 20th of τ.
    - `num_trajectories`: which start in the regions in turn.

    **Raises** `InputError` for a system that names no starts, if no regions are given, and for
    arguments that do not fit.
    """
    system = check_system(system)
    if regions is None:
        if system.starts is None or len(system.starts) < 2:
            raise InputError(f"{system.name} names no starts to take for memories: pass regions")
        regions = system.starts
    regions = as_cores(regions)
    k = system.dim
    if regions.dim != k:
        raise InputError(f"the regions have {regions.dim} dimensions but {system.name} has {k}")
    M = check_count("num_trajectories", num_trajectories)
    key_run, key_rate, key_scale = jax.random.split(check_key(key), 3)
    duration = or_none(check_positive)("duration", duration)
    dt = or_none(check_positive)("dt", dt)
    meter = check_meter(meter)
    scale = time_scale_of(system, key_scale)
    duration = _TIME_SCALES * scale if duration is None else duration
    dt = default_step(system, scale) if dt is None else dt
    steps = check_steps(duration, dt, 1)
    dissipation = _irreversibility(system, k, key_rate, meter)
    run = simulate(
        system,
        duration=duration,
        dt=dt,
        key=key_run,
        num_trajectories=M,
        start=regions.centres[np.arange(M) % len(regions)],
        save_every=int(np.clip(round(scale / _SAMPLES / dt), 1, steps)),
        meter=meter,
    )
    return Walk(dwell(run, regions), dissipation, run)


def _irreversibility(
    system: AbstractSDE, dim: int, key: PRNGKeyArray, meter: AbstractMeter
) -> Irreversibility | None:
    method = GridRoute() if dim <= _GRID_DIM else ScoreRoute()
    try:
        return irreversibility(system, method=method, key=key, meter=meter)
    except InputError:  # the arguments are ours, so it is the system that has none
        return None


class WalkCurve(Record):
    """Walks of targets and of the networks that embed them, against a parameter.

    - `parameter`: its name. - `values`: shape (A,). - `targets`, `networks`: A walks each.
    - `drift_errors`: of the embeddings, shape (A,).
    """

    parameter: str
    values: Float[np.ndarray, " A"]
    targets: tuple[Walk, ...]
    networks: tuple[Walk, ...]
    drift_errors: Float[np.ndarray, " A"]


@spelled
def walk_curve(
    make: Callable[[float], AbstractSDE],
    values: Sequence[float],
    *,
    key: PRNGKeyArray,
    parameter: str = "torque",
    num_neurons: int = 256,
    meter: AbstractMeter | bool = SILENT,
    **options: Any,
) -> WalkCurve:
    """Walks against a parameter, each target beside a network trained for it.

    - `make`: from a value to an SDE that names its starts, such as
      ``lambda F: dm.systems.ring_of_wells(torque=F)``.
    - `values`: of the parameter. - `parameter`: its name, for figures.
    - `key`: a random key; target and network have noise of their own.
    - `num_neurons`: of the networks. - `options`: for `walk`.

    **Raises** `InputError` for values that are no list of numbers, and as `walk` does.
    """
    if not callable(make):
        raise InputError(
            "make must be a function from a value to an SDE, such as "
            f"lambda F: ring_of_wells(torque=F), got {type(make).__name__}"
        )
    numbers = check_array("values", values, ("A",))
    key, parameter = check_key(key), check_text("parameter", parameter)
    num_neurons = check_count("num_neurons", num_neurons)
    meter = check_meter(meter)
    targets, networks, errors = [], [], []
    for i, value in enumerate(numbers):
        keys = jax.random.split(jax.random.fold_in(key, i), 3)
        sde = make(float(value))
        embedding = embed(sde, num_neurons=num_neurons, key=keys[0], check=False, meter=meter)
        targets.append(walk(sde, key=keys[1], meter=meter, **options))
        networks.append(walk(embedding.network, key=keys[2], meter=meter, **options))
        errors.append(embedding.report.drift_error)
    return WalkCurve(parameter, numbers, tuple(targets), tuple(networks), np.array(errors))
