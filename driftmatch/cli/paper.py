"""``driftmatch paper``: the figures of the paper, drawn anew."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftmatch.cli.options import AsJson, Force, Quiet, Seed, check_folder, check_output
from driftmatch.cli.paper_figures import FIGURES, FULL, QUICK, Workshop
from driftmatch.cli.terminal import Terminal
from driftmatch.errors import InputError

if TYPE_CHECKING:
    from driftmatch.cli.paper_figures import Drawn


def paper(
    figure: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N", help=f"Of {', '.join(map(str, FIGURES))}; repeatable. Default: all."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the pictures go.")
    ] = Path("figures"),
    quick: Annotated[
        bool, typer.Option("--quick", metavar="", help="Small networks, hardly trained: a trial.")
    ] = False,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Draw figures of the paper, with the numbers behind them.

    1 the Lorenz network, 2 three targets beside their networks, 3 the symmetric and the asymmetric
    part of networks trained by back-propagation, 4 the subspace found from recorded neurons, 5 a
    landscape of memories tilted by an input.
    """
    numbers = _numbers(figure)
    check_folder(out, "--out")
    files = {n: out / f"figure{n}.png" for n in numbers}
    for path in files.values():
        check_output(path, "--out", (".png",), force=force)
    began = time.perf_counter()
    with Terminal(as_json=as_json, quiet=quiet) as terminal:
        from driftmatch.figures import save

        workshop = Workshop(QUICK if quick else FULL, seed, terminal.meter)
        records = []
        for n, path in files.items():
            drawn = FIGURES[n](workshop)
            save(drawn.figure, path, overwrite=force)
            records.append({"figure": n, "file": str(path)} | drawn.record)
            terminal.show(*_shown(n, drawn, path))
        seconds = time.perf_counter() - began
        record = {"figures": records, "quick": quick, "seed": seed, "seconds": seconds}
        terminal.result(record, f"took   {seconds:.0f} s")


def _numbers(wanted: list[int] | None) -> list[int]:
    """Those that were asked for, each once, in the paper's order."""
    for n in wanted or ():
        if n not in FIGURES:
            choices = ", ".join(map(str, FIGURES))
            raise InputError(f"there is no figure {n} to draw; choose from {choices}")
    return [n for n in FIGURES if not wanted or n in wanted]


def _shown(n: int, drawn: "Drawn", path: Path):
    """A figure, as soon as it is done."""
    from rich.markup import escape

    title = (FIGURES[n].__doc__ or "").splitlines()[0].rstrip(".")
    yield f"[green]✓[/] [b]figure {n}[/b]: {title}"
    yield from drawn.shown
    yield f"drawn  {escape(str(path))}"
    yield ""
