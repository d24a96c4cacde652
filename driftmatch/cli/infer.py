"""``driftmatch infer``: a recording in, the SDE behind it judged, and a network of it in a file."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from driftmatch.cli.completion import recordings
from driftmatch.cli.embed import report_table
from driftmatch.cli.options import PICTURES, AsJson, Force, Quiet, Seed, check_output
from driftmatch.cli.tables import number, percent, plain_table, verdict, with_error
from driftmatch.cli.targets import MODEL
from driftmatch.cli.terminal import Terminal
from driftmatch.errors import InputError

if TYPE_CHECKING:
    from driftmatch.embedding.embed import Embedding
    from driftmatch.inference.inference import Inference

_NUMBERS = (
    "outcome", "reason", "findings", "sampling", "stiffness", "measurement_noise",
    "measurement_noise_share", "drift_error", "diffusion_error", "forced", "entropy_production",
    "entropy_production_error", "lag", "num_functions",
)  # fmt: skip

Columns = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        help="The coordinates, by heading or by place from 0. Default: all that is left.",
    ),
]
TimeColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Times. Default: one called time, if there is one."),
]
SegmentColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="What numbers trials. Default: one called trial."),
]
Units = Annotated[
    str | None, typer.Option(metavar="A,B", help="Units of the coordinates, for figures.")
]
Periods = Annotated[
    str | None,
    typer.Option(metavar="X,-", help="Periods of the coordinates; - for what is no angle."),
]
Components = Annotated[
    int | None,
    typer.Option(metavar="K", min=1, help="Infer in K principal components, as of neurons."),
]
LagOption = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Samples of an increment. Default: found out."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="For the network, by default RECORDING.safetensors; without --neurons, for all "
        "that was inferred.",
    ),
]
Sheet = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Draw the sheet: .png, .pdf or .svg.")
]


def infer(
    recording: Annotated[
        Path,
        typer.Argument(
            metavar="RECORDING",
            autocompletion=recordings,
            help="A file of samples: .csv, .parquet, .npy, .nc, .nwb and others.",
        ),
    ],
    dt: Annotated[
        float | None,
        typer.Option(
            "--dt", metavar="X", help="Interval between samples, where the file has no times."
        ),
    ] = None,
    columns: Columns = None,
    time: TimeColumn = None,
    segment: SegmentColumn = None,
    units: Units = None,
    periodic: Periods = None,
    components: Components = None,
    lag: LagOption = None,
    neurons: Annotated[
        int | None,
        typer.Option("--neurons", "-n", metavar="N", min=1, help="Embed the SDE in N neurons."),
    ] = None,
    seed: Seed = 0,
    out: Out = None,
    figure: Sheet = None,
    chunks: Annotated[
        bool, typer.Option("--chunks", metavar="", help="Read the file in parts.")
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Infer the SDE behind a recording, say whether it holds, and embed it in a network."""
    if out is None and neurons is not None:
        out = Path(recording.stem + MODEL)
    if out is not None:
        check_output(out, "--out", (MODEL,), force=force)
    if figure is not None:
        check_output(figure, "--figure", PICTURES, force=force)
    read = {
        "columns": _columns(columns), "time": _column(time), "segment": _column(segment), "dt": dt,
        "units": None if units is None else units.split(","), "periodic": _periods(periodic),
        "in_memory": not chunks,
    }  # fmt: skip
    with Terminal(as_json=as_json, quiet=quiet) as terminal:
        import jax

        from driftmatch.inference.infer import infer as infer_sde
        from driftmatch.recordings.read import read_recording

        measured = read_recording(recording, **read)
        key, key_embed = jax.random.split(jax.random.key(seed))
        est = infer_sde(measured, key=key, components=components, lag=lag, meter=terminal.meter)
        embedding = None
        if neurons is not None:
            from driftmatch.embedding.embed import embed as embed_sde

            embedding = embed_sde(est.sde, neurons, key=key_embed, meter=terminal.meter)
        _save(out, est, embedding, seed=seed, overwrite=force)
        if figure is not None:
            from driftmatch import figures

            figures.save(figures.inference(est), figure, overwrite=force)
        record = _record(recording, est, embedding) | {
            "seed": seed, "out": out and str(out), "figure": figure and str(figure)
        }  # fmt: skip
        terminal.result(record, *_shown(record, est, embedding))


def _columns(text: str | None) -> list[str | int] | None:
    return None if text is None else [_named(one) for one in text.split(",")]


def _column(text: str | None) -> str | int | None:
    return None if text is None else _named(text)


def _named(text: str) -> str | int:
    """A heading, or a place if it is a number."""
    return int(text) if text.isdecimal() else text


def _periods(text: str | None) -> list[float | None] | None:
    try:
        return None if text is None else [
            None if one.strip() in ("", "-") else float(one) for one in text.split(",")
        ]  # fmt: skip
    except ValueError:
        raise InputError(
            f"--periodic must be periods, and - for what is no angle, such as 360,-, got {text}"
        ) from None


def _save(
    out: Path | None,
    est: "Inference",
    embedding: "Embedding | None",
    *,
    seed: int,
    overwrite: bool,
) -> None:
    """The network, with what is known of the SDE that it embeds, or else that as it is."""
    if out is None:
        return
    from driftmatch.records import plain
    from driftmatch.storage.files import save

    if embedding is None:
        save(out, est, overwrite=overwrite, seed=seed)
        return
    inferred = {name: plain(getattr(est, name)) for name in _NUMBERS}
    save(
        out, embedding.network, overwrite=overwrite, seed=seed, recording=est.recording.name,
        inference=inferred, report=embedding.report.to_dict(),
    )  # fmt: skip


def _record(path: Path, est: "Inference", embedding: "Embedding | None") -> dict[str, Any]:
    """What ``--json`` prints."""
    recording = est.recording
    found = None if embedding is None else embedding.to_dict()
    return {
        "recording": str(path),
        "coordinates": recording.labels,
        "samples": recording.num_samples,
        "pieces": len(recording.pieces),
        "dt": recording.dt,
        "notes": recording.notes,
        **{name: getattr(est, name) for name in _NUMBERS},
        "embedding": found and {
            "neurons": embedding.network.num_neurons,  # pyright: ignore[reportOptionalMemberAccess]
            **{name: found[name] for name in ("outcome", "reason", "report", "closed_loop")},
        },
    }  # fmt: skip


def _shown(record: dict, est: "Inference", embedding: "Embedding | None") -> Iterator[Any]:
    """The numbers, what speaks against them, and what to do next."""
    from rich.markup import escape

    names, pieces = ", ".join(map(escape, est.recording.labels)), record["pieces"]
    yield (
        f"[b]{escape(est.recording.name)}[/b]: {record['samples']} samples of {names}, every "
        f"{number(record['dt'], 3)}, in {pieces} piece{'' if pieces == 1 else 's'}"
    )
    for note in est.recording.notes:
        yield f"– {escape(note)}"
    noise = percent(est.measurement_noise_share) + " of the s.d."
    table = plain_table("", "")
    table.add_row("expected drift error", percent(est.drift_error))
    table.add_row("expected diffusion error", percent(est.diffusion_error))
    table.add_row("sampling, Δt‖∇f‖", f"{est.sampling}, {number(est.stiffness)}")
    table.add_row("measurement noise", noise if est.has_measurement_noise else "none seen")
    production = with_error(est.entropy_production, est.entropy_production_error)
    table.add_row("entropy production, k_B per unit time", production)
    yield table
    yield ""
    yield verdict(est.reason or str(est.outcome), good=est.outcome.ok)
    for finding in est.findings:
        if not (est.reason or "").endswith(finding):
            yield f"– {escape(finding)}"
    if embedding is not None:
        yield ""
        yield f"in {embedding.network.num_neurons} neurons, τ = {embedding.report.tau:g}"
        yield report_table(embedding.report)
        yield verdict(embedding.reason or str(embedding.outcome), good=embedding.outcome.ok)
    if record["out"] is not None:
        yield f"saved  {escape(record['out'])}"
    if record["figure"] is not None:
        yield f"drawn  {escape(record['figure'])}"
    path = shlex.quote(record["recording"])
    command = (
        f"driftmatch infer {path} --neurons 128"
        if embedding is None
        else f"driftmatch analyse {shlex.quote(str(record['out']))}"
    )
    yield f"next   {escape(command)}"
