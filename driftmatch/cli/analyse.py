"""``driftmatch analyse``: all there is to know of a network or a system, in one call."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftmatch.cli.completion import parts
from driftmatch.cli.findings import findings
from driftmatch.cli.options import (
    PICTURES,
    AsJson,
    Force,
    ModelOrSystem,
    Noise,
    Quiet,
    Seed,
    Settings,
    TargetName,
    check_output,
)
from driftmatch.cli.tables import verdict
from driftmatch.cli.targets import Target, check_model, check_target, is_model
from driftmatch.cli.terminal import Terminal
from driftmatch.errors import InputError

if TYPE_CHECKING:
    from driftmatch.abstract_sde import AbstractSDE
    from driftmatch.analysis.summary import Analysis
    from driftmatch.network import Network

UNKNOWN_TARGET = "the file does not say what the network embeds, so no target stands beside it"


def analyse(
    system: ModelOrSystem,
    alone: Annotated[
        bool, typer.Option("--alone", metavar="", help="Leave out the target of a saved model.")
    ] = False,
    target: TargetName = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            autocompletion=parts,
            help="Leave a part out, such as irreversibility; repeatable.",
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration", "-T", metavar="X", help="Of every trajectory. Default: 200 time scales."
        ),
    ] = None,
    dt: Annotated[
        float | None,
        typer.Option(metavar="X", help="Time step. Default: a 50th of the time scale."),
    ] = None,
    seed: Seed = 0,
    noise: Noise = None,
    settings: Settings = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A .png, .pdf or .svg. Default: MODEL-analysis.png, right here."
        ),
    ] = None,
    no_figure: Annotated[
        bool, typer.Option("--no-figure", metavar="", help="Draw nothing.")
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Analyse a network beside its target, or a system itself: one table, one figure.

    Fixed points, Lyapunov exponents, entropy production; of a network also its symmetric and
    asymmetric part, and the subspace that recordings of its neurons show.
    """
    model = is_model(system)
    check_target(model, target, noise, settings)
    if alone and target is not None:
        raise InputError("--alone and --target exclude each other: give one of them")
    if alone and not model:
        raise InputError(f"--alone is for saved models: {system} has no target")
    path = None if no_figure else figure or Path(f"{_stem(system, model)}-analysis.png")
    if path is not None:
        check_output(path, "--figure", PICTURES, force=force)
    elif figure is not None:
        raise InputError("--figure and --no-figure exclude each other: give one of them")
    if model:
        check_model(Path(system))
    with Terminal(as_json=as_json, quiet=quiet) as terminal:
        import jax

        from driftmatch.analysis.summary import analyse as analyse_sde

        remarks = []
        if model:
            given = None if target is None else Target.given(target, noise, settings)
            one, aim = _load(Path(system), alone, given)
            if aim is None and not alone:
                remarks.append(UNKNOWN_TARGET)
        else:
            one, aim = Target.given(system, noise, settings).build(), None
        key, key_target = jax.random.split(jax.random.key(seed))
        parts = [part.replace("-", "_") for part in skip or ()]
        options = {"duration": duration, "dt": dt, "skip": parts, "meter": terminal.meter}
        analysis = analyse_sde(one, key=key, **options)
        beside = None if aim is None else analyse_sde(aim, key=key_target, **options)
        if path is not None and (reason := _undrawn(analysis, beside, path, force)):
            path = None
            remarks.append(f"no figure: {reason}")
        record = analysis.to_dict() | {
            "figure": None if path is None else str(path),
            "target": None if beside is None else beside.to_dict(),
        }
        terminal.result(record, *_shown(system, analysis, beside, path, remarks))


def _stem(system: str, model: bool) -> str:
    return Path(system).stem if model else Target.given(system).stem


def _load(path: Path, alone: bool, given: Target | None) -> "tuple[Network, AbstractSDE | None]":
    """A model and its target: the one given, or else the one that its file records."""
    from driftmatch.storage.models import load, read_header

    network = load(path)
    if given is not None:
        return network, given.build()
    header = read_header(path)
    if alone or "target" not in header:
        return network, None
    try:
        return network, Target.recorded(header, path).build()
    except InputError as error:
        raise InputError(f"{error}; or leave the target out with --alone") from None


def _undrawn(
    analysis: "Analysis", target: "Analysis | None", path: Path, overwrite: bool
) -> str | None:
    """Draw the figure, or else say why there is none: the numbers are worth having without it."""
    from driftmatch.figures import save, summary

    try:
        sheet = summary(analysis, target=target)
    except InputError as error:
        return str(error)
    save(sheet, path, overwrite=overwrite)
    return None


def _shown(
    system: str,
    analysis: "Analysis",
    target: "Analysis | None",
    path: Path | None,
    remarks: list[str],
):
    """The table, what to think of it, and where the figure is."""
    from rich.markup import escape

    what = "system" if analysis.num_neurons is None else "network"
    columns = {what: analysis} if target is None else {"target": target, what: analysis}
    yield from findings(escape(Path(system).name), columns)
    for remark in remarks:
        yield verdict(remark, good=False)
    seconds = sum(a.seconds for a in columns.values())
    yield "rates are per unit of the system's time, entropy in k_B, angles in radians"
    yield f"took   {seconds:.0f} s"
    if path is not None:
        yield f"drawn  {escape(str(path))}"
