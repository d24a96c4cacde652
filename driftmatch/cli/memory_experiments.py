"""The experiments behind ``driftmatch memory``: told in a table, ready to be drawn."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from driftmatch import figures, memory
from driftmatch.cli.tables import number, percent, plain_table, verdict
from driftmatch.embedding.embed import Embedding
from driftmatch.memory import RecallExperiment, SwitchingExperiment, Walk, WalkExperiment
from driftmatch.meters import AbstractMeter

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType


class Experiment(NamedTuple):
    """What came out: for programs, for people, as a picture and as a film."""

    record: dict[str, Any]
    shown: "tuple[RenderableType, ...]"
    draw: "Callable[[], Figure]"
    animate: Callable[[Path, AbstractMeter], Any]


def recall(
    wells: int,
    noise: float,
    neurons: int,
    trials: int,
    seed: int,
    meter: AbstractMeter,
    *,
    quick: bool = False,
) -> Experiment:
    """Wells on a circle, each recalled by its tilt."""
    done = memory.recall_experiment(
        wells, key=jax.random.key(seed), noise=noise, num_neurons=neurons, num_trials=trials,
        curves=not quick, meter=meter,
    )  # fmt: skip
    given = {"wells": wells, "noise": noise, "neurons": neurons, "seed": seed}
    one = done.memory
    return Experiment(
        given | done.to_dict(),
        (*_recalls(done), *_embedded(done.embedding)),
        lambda: figures.recall(
            one.tilts[0], one.target[0], one.network[0],
            memory=one, curves=done.curves, capacity=done.capacity,
        ),
        lambda path, meter: figures.animate_recall(one.network[0], one.tilts[0], path, meter=meter),
    )  # fmt: skip


def _recalls(done: RecallExperiment) -> "Iterator[RenderableType]":
    table = plain_table("recall from random states", "success", "95 % interval", "trials")
    for who in ("target", "network", "hopfield"):
        found = getattr(done, who)
        table.add_row(
            who if who != "hopfield" else "Hopfield", f"{100 * found.success:.1f} %",
            _percents(found.success_interval), str(found.trials),
        )  # fmt: skip
    yield table
    strengths = [tilt.strength for tilt in done.memory.tilts]
    yield f"tilts  |c| = {number(min(strengths))} to {number(max(strengths))}, in units of drift"


def walk(
    wells: int,
    torque: float,
    noise: float,
    neurons: int,
    seed: int,
    meter: AbstractMeter,
    *,
    quick: bool,
) -> Experiment:
    """A ring of wells, walked by the target and by the network."""
    done = memory.walk_experiment(
        wells, key=jax.random.key(seed), torque=torque, noise=noise, num_neurons=neurons,
        curves=not quick, meter=meter,
    )  # fmt: skip
    given = {"wells": wells, "torque": torque, "noise": noise, "neurons": neurons, "seed": seed}
    return Experiment(
        given | done.to_dict(),
        (*_walks(done), *_embedded(done.embedding)),
        lambda: figures.walk(done.walks, curves=done.curves),
        lambda path, meter: figures.animate_walk(done.network, path, meter=meter),
    )


def _walks(done: WalkExperiment) -> "Iterator[RenderableType]":
    walks, theory = done.walks, done.log_rate_ratio_theory
    table = plain_table("a walk through the wells", *walks, "theory")

    def row(label: str, text: Callable[[Walk], str], known: str = "") -> None:
        table.add_row(label, *(text(one) for one in walks.values()), known)

    row("jumps", lambda w: str(len(w.dwell.jumps)))
    row("in order", lambda w: percent(w.dwell.in_order_fraction))
    row("net turns per time", lambda w: number(w.dwell.net_turns_per_time, 3))
    row("  95 % interval", lambda w: _interval(w.dwell.net_turns_interval))
    row("jump rate forward", lambda w: number(w.dwell.forward_rate.value, 3))
    row("jump rate backward", lambda w: number(w.dwell.backward_rate.value, 3))
    row("ln of their ratio", lambda w: number(w.dwell.log_rate_ratio, 3),
        "" if theory is None else number(theory, 3))  # fmt: skip
    row("  95 % interval", lambda w: _interval(w.dwell.log_rate_ratio_interval))
    row("mean dwell time", lambda w: number(w.dwell.leaving_rate().mean_time, 3))
    row("entropy production, k_B per time", _dissipation)
    yield table
    if theory is None:
        yield verdict("? this torque leaves no wells: jumps are turns of a steady flow", good=False)
    for who, one in walks.items():
        for part, sentence in one.doubtful.items():
            yield verdict(f"? {who}'s {part.replace('_', ' ')}: {sentence}", good=False)


def switching(neurons: int, trials: int, seed: int, meter: AbstractMeter) -> Experiment:
    """Rest, a cycle and chaos in one state space, commanded in turn."""
    done = memory.switching_experiment(
        key=jax.random.key(seed), num_neurons=neurons, num_trials=trials, meter=meter
    )
    return Experiment(
        {"neurons": neurons, "seed": seed} | done.to_dict(),
        tuple(_commands(done)),
        lambda: figures.switching(done.target, done.network, names=done.attractors),
        lambda path, meter: figures.animate_switching(
            done.network, path, names=done.attractors, meter=meter
        ),
    )


def _commands(done: SwitchingExperiment) -> "Iterator[RenderableType]":
    runs = done.runs.values()
    table = plain_table("found on the commanded attractor", *done.runs)
    for i, command in enumerate(done.commands):
        table.add_row(f"{i + 1}  {command}", *(percent(r.success_by_command[i]) for r in runs))
    table.add_row("all", *(percent(r.success) for r in runs))
    table.add_row("  95 % interval", *(_percents(r.success_interval) for r in runs))
    yield table
    yield (
        f"network  {done.embedding.network.num_neurons} neurons, drift error "
        f"{percent(done.drift_error)} on the attractors, {percent(done.drift_error_around)} with "
        "what lies around them"
    )


def _embedded(embedding: Embedding) -> "Iterator[RenderableType]":
    """How well the network matches, and what is wrong with it if anything is."""
    error = percent(embedding.report.drift_error)
    yield f"network  {embedding.network.num_neurons} neurons, drift error {error}"
    if not embedding.outcome.ok:
        yield verdict(f"? {embedding.outcome}", good=False)


def _interval(interval: tuple[float, float]) -> str:
    low, high = (number(x, 3) if math.isfinite(x) else "∞" for x in interval)
    return f"{low} to {high}"


def _dissipation(one: Walk) -> str:
    flow = one.irreversibility
    return "none" if flow is None else number(flow.entropy_production, 3)


def _percents(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"
