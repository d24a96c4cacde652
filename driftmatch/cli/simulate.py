"""``driftmatch simulate``: paths of a network or of a system, to a file."""

import importlib.util
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from driftmatch.cli.options import (
    AsJson,
    Force,
    ModelOrSystem,
    Noise,
    Quiet,
    Seed,
    Settings,
    check_output,
)
from driftmatch.cli.room import check_room
from driftmatch.cli.tables import number, plain_table, verdict
from driftmatch.cli.targets import Target, check_model, check_settings
from driftmatch.cli.terminal import Terminal
from driftmatch.errors import ComputationError, InputError

if TYPE_CHECKING:
    from driftmatch.abstract_sde import AbstractSDE
    from driftmatch.simulation.trajectory import NetworkTrajectory, Trajectory

Solver = Literal["heun", "euler-maruyama"]

# Defaults, in the time scale of the system.
DURATION = 1000
STEPS = 50


def simulate(
    system: ModelOrSystem,
    duration: Annotated[
        float | None,
        typer.Option("--duration", "-T", metavar="X", help="Default: 1000 time scales."),
    ] = None,
    dt: Annotated[
        float | None,
        typer.Option(metavar="X", help="Time step. Default: a 50th of the time scale."),
    ] = None,
    trajectories: Annotated[
        int, typer.Option("--trajectories", "-m", metavar="N", min=1, help="How many paths.")
    ] = 1,
    seed: Seed = 0,
    save_every: Annotated[
        int, typer.Option(metavar="N", min=1, help="Keep one step out of so many.")
    ] = 1,
    method: Annotated[
        Solver, typer.Option(metavar="NAME", help="heun or euler-maruyama.")
    ] = "heun",
    noise: Noise = None,
    settings: Settings = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Save to run.nc or run.zarr."),
    ] = None,
    with_neurons: Annotated[
        bool,
        typer.Option("--with-neurons", metavar="", help="Save every neuron too: a large file."),
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a network, or a system itself.

    Stop it with Ctrl-C: what was computed until then is saved.
    """
    model = check_settings(system, noise, settings)
    _check(system, model, out, with_neurons, force)
    with Terminal(as_json=as_json, quiet=quiet) as terminal:
        import jax

        from driftmatch.outcomes import Outcome
        from driftmatch.simulation.simulate import simulate as simulate_sde
        from driftmatch.storage.models import load
        from driftmatch.storage.trajectories import save_trajectory

        sde = (
            load(check_model(Path(system)))
            if model
            else Target.given(system, noise, settings).build()
        )
        key, key_scale = jax.random.split(jax.random.key(seed))
        if duration is None or dt is None:
            scale = _time_scale(sde, key_scale)
            duration = float(f"{DURATION * scale:.0e}") if duration is None else duration
            dt = float(f"{scale / STEPS:.0e}") if dt is None else dt
        if out is not None:
            _check_room(out, sde, duration, dt, trajectories, save_every, with_neurons)
        began = time.perf_counter()
        run = simulate_sde(
            sde, duration=duration, dt=dt, key=key, num_trajectories=trajectories,
            save_every=save_every, method=method, meter=terminal.meter, throw=False,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        if run.outcome is Outcome.INTERRUPTED and len(run.times) == 1:
            raise KeyboardInterrupt
        if out is not None:
            save_trajectory(out, run, neurons=with_neurons, overwrite=force)
        if run.outcome is Outcome.NON_FINITE:
            kept = "" if out is None else f"; the samples before that are in {out}"
            raise ComputationError(f"{run.reason}{kept}")
        record = {"system": system, **_told(run), "method": method, "seed": seed}
        record |= {"seconds": seconds, "out": None if out is None else str(out)}
        terminal.result(record, *_shown(run, record))
    if run.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt


def _told(run: "Trajectory | NetworkTrajectory") -> dict[str, Any]:
    """Of a run, in numbers."""
    return {
        "trajectories": len(run.states),
        "samples": len(run.times),
        "duration": float(run.times[-1]),
        "dt": run.dt,
        "outcome": run.reason or str(run.outcome),
        "mean": run.states.mean(axis=(0, 1)),
        "standard_deviation": run.states.std(axis=(0, 1)),
    }


def _check(system, model, out, with_neurons, force) -> None:
    """That the options fit together, before anything slow."""
    if out is not None:
        from driftmatch.storage.stores import is_own_store

        owned = is_own_store if out.suffix == ".zarr" else None
        check_output(out, "--out", (".nc", ".zarr"), force=force, owned=owned)
        if out.suffix == ".zarr" and importlib.util.find_spec("zarr") is None:
            raise InputError("a .zarr needs: pip install 'driftmatch[zarr]'; or save to a .nc file")
    elif with_neurons:
        raise InputError("--with-neurons says what to save: add --out run.nc")
    if with_neurons and not model:
        raise InputError(f"--with-neurons is for saved models: {system} has no neurons")


def _check_room(out, sde, duration, dt, trajectories, save_every, with_neurons) -> None:
    """That the run will fit; what is no duration or step is left to `simulate` to refuse."""
    import jax.numpy as jnp

    from driftmatch.network import Network

    if not (0 < dt <= duration < math.inf):
        return
    dim = sde.dim
    dim += sde.num_neurons if with_neurons and isinstance(sde, Network) else 0
    samples = duration / dt / save_every + 1
    check_room(out, samples, trajectories * dim, jnp.result_type(float).itemsize)


def _time_scale(system: "AbstractSDE", key) -> float:
    """The system's own, or else what short runs of it show."""
    from driftmatch.sampling.steps import time_scale_of

    return time_scale_of(system, key)


def _shown(run: "Trajectory | NetworkTrajectory", record: dict):
    """How much was simulated, and where the states lie."""
    from rich.markup import escape

    paths = "one path" if record["trajectories"] == 1 else f"{record['trajectories']} paths"
    yield (
        f"[b]{escape(record['system'])}[/b]: {paths} of {record['samples']} samples "
        f"until t = {record['duration']:g}"
    )
    table = plain_table("coordinate", "mean", "st. dev.", "min", "max")
    states = run.states.reshape(-1, run.states.shape[-1])
    for i, column in enumerate(states.T):
        values = (column.mean(), column.std(), column.min(), column.max())
        table.add_row(str(i + 1), *(number(float(v), 3) for v in values))
    yield table
    yield ""
    yield verdict(record["outcome"], good=run.outcome.ok)
    yield f"took   {record['seconds']:.1f} s with steps of {record['dt']:g}"
    if record["out"] is not None:
        yield f"saved  {escape(record['out'])}"
