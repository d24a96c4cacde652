"""``driftmatch demo``: the main job from end to end on three systems."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from driftmatch.cli.compare import runs_to_draw
from driftmatch.cli.embed import embedding_record, save_embedding
from driftmatch.cli.options import AsJson, Force, Quiet, check_folder
from driftmatch.cli.tables import number, percent, plain_table
from driftmatch.cli.targets import Target
from driftmatch.cli.terminal import Terminal
from driftmatch.cli.three_systems import LABELS, SYSTEMS, embedded
from driftmatch.errors import InputError
from driftmatch.meters import AbstractMeter

if TYPE_CHECKING:
    from driftmatch.figures import Comparison


class Plan(NamedTuple):
    """What is embedded in how many neurons, and how much work judging is given: `duration` in
    time scales, and the numbers that `driftmatch.compare` takes."""

    systems: tuple[tuple[str, int], ...]
    duration: float
    num_trajectories: int
    num_starts: int


FULL = Plan(SYSTEMS, 300, 32, 64)
QUICK = Plan((("van-der-pol", 64), ("lorenz", 256)), 100, 32, 16)

RECORD, TABLE = "demo.json", "scorecard.md"
FIGURES = ("figure1.png", "figure2.png")
SEED = 0


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the files go.")
    ] = Path("driftmatch-demo"),
    quick: Annotated[
        bool, typer.Option("--quick", metavar="", help="Two smaller networks, judged less well.")
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Embed three systems, simulate and judge the networks, and draw them.

    Van der Pol's oscillator in 64 neurons, Lorenz' in 512 and Dadras' in 1024.

    It takes about a minute on two cores. An earlier demo there is overwritten.
    """
    plan = QUICK if quick else FULL
    _check_folder(out, plan, force)
    began = time.perf_counter()
    with Terminal(as_json=as_json, quiet=quiet) as terminal:
        import jax

        records, drawn = [], []
        for (system, neurons), key in zip(
            plan.systems, jax.random.split(jax.random.key(SEED), len(plan.systems)), strict=True
        ):
            record, row = _one(system, neurons, plan, out, key, terminal.meter)
            records.append(record)
            drawn.append(row)
            _write(out / RECORD, _json({"systems": records}))
            terminal.show(_line(record))
        _write(out / TABLE, _markdown(records))
        terminal.meter.start("drawing", 1)
        _draw(drawn, out)
        record = {
            "systems": records,
            "folder": str(out),
            "figures": [str(out / name) for name in FIGURES],
            "seconds": time.perf_counter() - began,
        }
        _write(out / RECORD, _json(record))
        terminal.result(record, *_shown(record))


def _check_folder(folder: Path, plan: Plan, force: bool) -> None:
    """Files are overwritten only if they come from an earlier demo."""
    check_folder(folder, "--out")
    if force or (folder / RECORD).exists():
        return
    for name in (*(_model(system) for system, _ in plan.systems), TABLE, *FIGURES):
        if (folder / name).exists():
            raise InputError(
                f"{folder / name} exists already and is not from a demo: pass --force to "
                "overwrite it, or choose another --out"
            )


def _model(system: str) -> str:
    return f"{Target.given(system).stem}.safetensors"


def _one(
    system: str, neurons: int, plan: Plan, out: Path, key, meter: AbstractMeter
) -> "tuple[dict, Comparison]":
    """One system from name to scorecard: its record, and what to draw."""
    import jax

    from driftmatch.analysis.compare import compare

    target = Target.given(system)
    sde, embedding = embedded(system, neurons, SEED, meter)
    network = embedding.network
    path, fitted = out / _model(system), {"method": "refined", "seed": SEED}
    save_embedding(path, embedding, target, **fitted)
    key_judge, key_draw = jax.random.split(key)
    began = time.perf_counter()
    card = compare(
        sde,
        network,
        key=key_judge,
        duration=plan.duration * (network.time_scale or 1.0),
        num_trajectories=plan.num_trajectories,
        num_starts=plan.num_starts,
        meter=meter,
    )
    record = embedding_record(embedding, target, path=path, **fitted)
    judged = card.to_dict()
    record |= judged | {"outcome": record["outcome"], "scorecard_outcome": judged["outcome"]}
    record |= {"seconds_to_judge": time.perf_counter() - began, "faults": card.faults}
    row = runs_to_draw(sde, network, LABELS[system], key_draw, meter, drift_error=card.drift_error)
    return record, row


def _draw(rows: "Sequence[Comparison]", out: Path) -> None:
    """Figure 1: the Lorenz network. Figure 2: targets beside their networks."""
    from driftmatch.figures import compare_attractors, network_schematic, save

    save(network_schematic(rows[1].network, rows[1].network_run), out / FIGURES[0])
    save(compare_attractors(rows), out / FIGURES[1])


def _write(path: Path, text: str) -> None:
    from driftmatch.atomic import atomic

    with atomic(path) as new:
        new.write_text(text + "\n", encoding="utf-8")


def _line(record: dict) -> str:
    """One system, as soon as it is done."""
    return (
        f"[green]✓[/] {record['system']}, {record['neurons']} neurons: drift error "
        f"{percent(record['drift_error'])}, embedded in {record['seconds']:.0f} s, "
        f"judged in {record['seconds_to_judge']:.0f} s"
    )


def _rows(records: list[dict]) -> list[list[str]]:
    """The scorecards side by side, a system a column."""
    from driftmatch.analysis.floors import in_floors

    def per_floor(r: dict, name: str) -> str:
        return number(in_floors(r[name], r[f"{name}_floor"]), 3)

    return [
        [label, *map(show, records)]
        for label, show in (
            ("neurons", lambda r: str(r["neurons"])),
            ("drift error", lambda r: percent(r["drift_error"])),
            ("  with neuronal noise 0.01", lambda r: percent(r["noisy_drift_error"])),
            ("local error", lambda r: percent(r["local_error"])),
            ("diffusion error", lambda r: percent(r["diffusion_error"])),
            ("state-space divergence / floor", lambda r: per_floor(r, "state_space_divergence")),
            ("spectrum distance / floor", lambda r: per_floor(r, "spectrum_distance")),
            ("Lyapunov exponent 1, target", lambda r: number(r["lyapunov_target"][0])),
            ("  network (per unit of time)", lambda r: number(r["lyapunov_network"][0])),
            ("far starts astray", lambda r: percent(r["spurious_fraction"])),
            ("noisy paths escaped", lambda r: percent(r["escaped_fraction"])),
            ("time to embed", lambda r: f"{r['seconds']:.1f} s"),
        )
    ]


def _markdown(records: list[dict]) -> str:
    rows = [["", *(r["system"] for r in records)], ["---"] + ["--:"] * len(records)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows + _rows(records))


def _shown(record: dict):
    from rich.markup import escape

    records = record["systems"]
    table = plain_table("", *(r["system"] for r in records))
    for row in _rows(records):
        table.add_row(*row)
    yield table
    yield ""
    yield "a distance as small as its floor, a ratio near 1, is as good as it gets"
    for r in records:
        for fault in r["faults"]:
            yield f"[yellow]{r['system']}: {fault}[/]"
    yield f"{record['seconds']:.0f} s in all; in {escape(record['folder'])}:"
    yield "  figure1.png       the Lorenz network: neurons, connectivity, activity"
    yield "  figure2.png       targets beside the networks that embed them"
    yield f"  {TABLE}      this table"
    yield f"  {RECORD}         all numbers"
    yield "  *.safetensors     the networks: driftmatch compare, driftmatch simulate"


def _json(record) -> str:
    from driftmatch.records import plain

    return json.dumps(plain(record), indent=1)
