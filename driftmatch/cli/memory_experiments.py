"""The experiments behind ``driftmatch memory``: run, told in a table, ready to be drawn."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from driftmatch import figures
from driftmatch.cli.tables import number, percent, plain_table, verdict
from driftmatch.embedding.embed import Embedding, embed
from driftmatch.matching.errors import matching_errors
from driftmatch.memory.associative import associative_memory
from driftmatch.memory.capacity import capacity
from driftmatch.memory.curves import RecallCurve, recall_curve
from driftmatch.memory.regions import Regions
from driftmatch.memory.sequential import Walk, walk, walk_curve
from driftmatch.memory.steps import time_scale_of
from driftmatch.memory.switching import Switching, surroundings, switch
from driftmatch.memory.tilt import Tilt
from driftmatch.memory.trials import pooled
from driftmatch.meters import AbstractMeter
from driftmatch.systems.blend import blend
from driftmatch.systems.chaos import lorenz
from driftmatch.systems.linear import ornstein_uhlenbeck
from driftmatch.systems.oscillators import van_der_pol
from driftmatch.systems.ring import log_rate_ratio, ring_of_wells
from driftmatch.systems.wells import on_a_circle
from driftmatch.systems.wells import wells as wells_at

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

TORQUES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the one asked for
NOISES = (0.8, 0.9, 1.0, 1.1, 1.2)  # of the one asked for
KINDS = ("fixed point", "limit cycle", "chaos")
AMPLITUDES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)  # of the tilt
CUE_TIMES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # time scales
NOISE_FACTORS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)  # of the noise asked for
COMMANDS = (0, 1, 2, 1, 0, 2, 0)
_PLACE = 2.4  # of the three attractors, from the middle, in radii


@dataclass(frozen=True)
class Experiment:
    """What came out: for programs, for people, as a picture and as a film."""

    record: dict[str, Any]
    shown: "tuple[RenderableType, ...]"
    draw: "Callable[[], Figure]"
    animate: Callable[[Path, AbstractMeter], Any]


def associative(
    num_wells: int,
    noise: float,
    neurons: int,
    trials: int,
    seed: int,
    meter: AbstractMeter,
    *,
    quick: bool = False,
) -> Experiment:
    """Wells on a circle, each recalled by its tilt."""
    sde = wells_at(on_a_circle(num_wells), noise=noise)
    keys = jax.random.split(jax.random.key(seed), 4)
    embedding = embed(sde, num_neurons=neurons, key=keys[0], check=False, meter=meter)
    found = associative_memory(sde, embedding.network, key=keys[1], num_trials=trials, meter=meter)
    record: dict[str, Any] = {"wells": num_wells, "noise": noise, "neurons": neurons, "seed": seed}
    table = plain_table("recall from random states", "success", "95 % interval", "trials")
    for who in ("target", "network", "hopfield"):
        success = pooled(getattr(found, who))
        record[who] = {
            "success": success.success,
            "success_interval": success.success_interval,
            "trials": success.trials,
        }
        table.add_row(
            who if who != "hopfield" else "Hopfield", f"{100 * success.success:.1f} %",
            _percents(success.success_interval), str(success.trials),
        )  # fmt: skip
    record["tilts"] = [tilt.forcing for tilt in found.tilts]
    drawn: dict[str, Any] = {"memory": found}
    if not quick:
        systems = {"target": sde, "network": embedding.network}
        drawn["curves"] = curves = {
            who: _recall_curves(system, found.tilts[0], key)
            for (who, system), key in zip(systems.items(), jax.random.split(keys[2]), strict=True)
        }
        drawn["capacity"] = held = capacity(key=keys[3], num_neurons=neurons, noise=noise)
        record["curves"] = {who: [_curve_record(c) for c in cs] for who, cs in curves.items()}
        record["capacity"] = {
            "wells": held.num_wells, "trials": held.num_wells * held.trials,
            "success": held.success, "success_interval": held.intervals,
            "hopfield_success": held.hopfield_success,
            "hopfield_success_interval": held.hopfield_intervals,
        }  # fmt: skip
    record |= _embedding_record(embedding)
    strengths = [tilt.strength for tilt in found.tilts]
    words = f"tilts  |c| = {number(min(strengths))} to {number(max(strengths))}, in units of drift"
    return Experiment(
        record,
        (table, words, *_embedded(embedding)),
        lambda: figures.associative(found.tilts[0], found.target[0], found.network[0], **drawn),
        lambda path, meter: figures.animate_recall(
            found.network[0], found.tilts[0], path, meter=meter
        ),
    )


def _recall_curves(system, tilt: Tilt, key) -> list[RecallCurve]:
    """Against the strength of the cue, its length, and the noise."""
    scale = time_scale_of(system, key)
    varied: tuple[dict[str, Any], ...] = (
        {"amplitudes": AMPLITUDES},
        {"cue_times": [scale * time for time in CUE_TIMES]},
        {"noises": NOISE_FACTORS},
    )
    return [
        recall_curve(
            system, tilt, duration=40 * scale, release=20 * scale, key=key, num_trials=300, **one
        )
        for one, key in zip(varied, jax.random.split(key, len(varied)), strict=True)
    ]


def _curve_record(curve: RecallCurve) -> dict[str, Any]:
    return {
        "varied": curve.varied, "values": curve.values, "trials": curve.trials,
        "success": curve.success, "success_interval": curve.intervals,
    }  # fmt: skip


def sequential(
    num_wells: int, torque: float, noise: float, neurons: int, seed: int, meter, *, quick: bool
) -> Experiment:
    """A ring of wells, walked by the target and by the network."""
    sde = ring_of_wells(num_wells, torque, noise)
    keys = jax.random.split(jax.random.key(seed), 5)
    embedding = embed(sde, num_neurons=neurons, key=keys[0], check=False, meter=meter)
    walks = {
        who: walk(system, key=key, meter=meter)
        for who, system, key in (
            ("target", sde, keys[1]),
            ("network", embedding.network, keys[2]),
        )
    }
    theory = log_rate_ratio(sde)
    record: dict[str, Any] = {
        "wells": num_wells, "torque": torque, "noise": noise, "neurons": neurons, "seed": seed,
    }  # fmt: skip
    record |= {who: walk_record(one) for who, one in walks.items()}
    record["log_rate_ratio_theory"] = theory
    record |= _embedding_record(embedding)
    curves = {}
    if not quick:
        curves["torque"] = walk_curve(
            lambda F: ring_of_wells(num_wells, F, noise),
            [share * torque for share in TORQUES] if torque else [-0.2, -0.1, 0.0, 0.1, 0.2],
            key=keys[3], num_neurons=neurons, meter=meter,
        )  # fmt: skip
        curves["noise"] = walk_curve(
            lambda s: ring_of_wells(num_wells, torque, s), [share * noise for share in NOISES],
            key=keys[4], parameter="noise", num_neurons=neurons, meter=meter,
        )  # fmt: skip
        record["curves"] = {
            name: {
                "values": curve.values,
                "target": [walk_record(w) for w in curve.targets],
                "network": [walk_record(w) for w in curve.networks],
            }
            for name, curve in curves.items()
        }
    return Experiment(
        record,
        (*_walks_shown(walks, theory), *_embedded(embedding)),
        lambda: figures.sequential(walks, curves=curves),
        lambda path, meter: figures.animate_walk(walks["network"], path, meter=meter),
    )


def walk_record(one: Walk) -> dict[str, Any]:
    """The numbers of a walk."""
    d, flow = one.dwell, one.irreversibility
    return {
        "in_order_fraction": d.in_order_fraction,
        "in_order_interval": d.in_order_interval,
        "net_turns_per_time": d.net_turns_per_time,
        "net_turns_interval": d.net_turns_interval,
        "forward_rate": d.forward_rate.value,
        "forward_rate_interval": d.forward_rate.interval,
        "backward_rate": d.backward_rate.value,
        "backward_rate_interval": d.backward_rate.interval,
        "log_rate_ratio": d.log_rate_ratio,
        "log_rate_ratio_interval": d.log_rate_ratio_interval,
        "mean_dwell_time": d.leaving_rate().mean_time,
        "mean_dwell_time_interval": d.leaving_rate().mean_time_interval,
        "entropy_production": None if flow is None else flow.entropy_production,
        "entropy_production_error": None if flow is None else flow.standard_error,
        "jumps": len(d.jumps),
        "never_visited": d.never_visited,
        "outcome": str(d.outcome),
    }


def _walks_shown(walks: Mapping[str, Walk], theory: float | None) -> "Iterable[RenderableType]":
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
        if one.dwell.never_visited:
            places = ", ".join(map(str, one.dwell.never_visited))
            yield verdict(f"? {who}: {one.dwell.outcome} (wells {places})", good=False)
        elif not one.dwell.outcome.ok:
            yield verdict(f"? {who}: {one.dwell.outcome}", good=False)
        for direction in ("forward", "backward"):
            rate = getattr(one.dwell, f"{direction}_rate")
            if one.dwell.outcome.ok and not rate.outcome.ok:
                yield verdict(f"? {who}, jump rate {direction}: {rate.outcome}", good=False)
        if one.irreversibility is not None and not one.irreversibility.outcome.ok:
            yield verdict(f"? {who}, entropy: {one.irreversibility.outcome}", good=False)


def _embedding_record(embedding: Embedding) -> dict[str, Any]:
    return {
        "drift_error": embedding.report.drift_error, "embedding_outcome": str(embedding.outcome),
    }  # fmt: skip


def _embedded(embedding: Embedding) -> "Iterable[RenderableType]":
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


def switching(neurons: int, trials: int, seed: int, meter) -> Experiment:
    """Ornstein and Uhlenbeck's, van der Pol's and Lorenz' attractors in one state space."""
    angles = 2 * np.pi * np.arange(3) / 3
    centres = _PLACE * np.column_stack([np.cos(angles), np.sin(angles), np.zeros(3)])
    sde = blend([ornstein_uhlenbeck(), van_der_pol(), lorenz()], centres)
    keys = jax.random.split(jax.random.key(seed), 5)
    states = surroundings(sde, key=keys[0])
    embedding = embed(sde, num_neurons=neurons, key=keys[1], states=states, meter=meter)
    visited = surroundings(sde, key=keys[4], number=10_000, share=0.0)
    error = matching_errors(sde, embedding.network, visited).drift
    regions = Regions(centres, 1.3)
    runs = {
        who: switch(system, regions, COMMANDS, key=key, num_trials=trials, meter=meter)
        for who, system, key in (
            ("target", sde, keys[2]),
            ("network", embedding.network, keys[3]),
        )
    }
    record: dict[str, Any] = {
        "attractors": KINDS, "commands": [KINDS[c] for c in COMMANDS], "neurons": neurons,
        "seed": seed, "drift_error": error, "drift_error_around": embedding.report.drift_error,
    }  # fmt: skip
    record |= {who: switching_record(run) for who, run in runs.items()}
    table = plain_table("found on the commanded attractor", *runs)
    for i, command in enumerate(COMMANDS):
        table.add_row(
            f"{i + 1}  {KINDS[command]}",
            *(percent(run.successes[i] / run.trials) for run in runs.values()),
        )
    table.add_row("all", *(percent(run.success) for run in runs.values()))
    table.add_row("  95 % interval", *(_percents(run.success_interval) for run in runs.values()))
    around = percent(embedding.report.drift_error)
    words = (
        f"network  {neurons} neurons, drift error {percent(error)} on the attractors, "
        f"{around} with what lies around them"
    )
    return Experiment(
        record,
        (table, words),
        lambda: figures.switching(runs["target"], runs["network"], names=KINDS),
        lambda path, meter: figures.animate_switching(
            runs["network"], path, names=KINDS, meter=meter
        ),
    )


def switching_record(run: Switching) -> dict[str, Any]:
    """The numbers of a switching experiment."""
    return {
        "success": run.success,
        "success_interval": run.success_interval,
        "trials": run.trials,
        "success_by_command": run.successes / run.trials,
    }


def _percents(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"
