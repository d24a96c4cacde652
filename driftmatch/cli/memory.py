"""``driftmatch memory``: memories recalled by inputs, walked through, and switched between."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftmatch.cli.failures import reported
from driftmatch.cli.options import AsJson, Force, Quiet, Seed, check_folder, check_output
from driftmatch.cli.terminal import Terminal
from driftmatch.errors import InputError

if TYPE_CHECKING:
    from driftmatch.cli.memory_experiments import Experiment

app = typer.Typer(no_args_is_help=True, help="Memories: recalled, walked through, switched.")

Wells = Annotated[int, typer.Option(metavar="N", help="How many memories.")]
Neurons = Annotated[int, typer.Option("--neurons", "-n", metavar="N", help="Of the network.")]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the pictures go.")]
Quick = Annotated[
    bool,
    typer.Option("--quick", metavar="", help="One picture: no curves, no animation."),
]


def recall(
    wells: Wells = 4,
    noise: Annotated[float, typer.Option(metavar="X", min=0, help="σ of the wells.")] = 0.35,
    neurons: Neurons = 256,
    trials: Annotated[int, typer.Option(metavar="N", min=1, help="Of each system.")] = 1000,
    out: Out = Path("figures"),
    quick: Quick = False,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Recall every well of a landscape by the input that tilts it.

    The target, the network that embeds it, and a Hopfield network that stores the same patterns,
    all from random states.
    """
    if wells < 2:
        raise InputError(f"--wells must be at least 2, got {wells}")
    if trials < wells:
        raise InputError(f"--trials must be at least one a well, {wells}, got {trials}")

    def experiment(terminal: Terminal) -> "Experiment":
        from driftmatch.cli.memory_experiments import recall

        return recall(wells, noise, neurons, trials, seed, terminal.meter, quick=quick)

    _run("recall", experiment, out, quick, force, as_json, quiet)


def walk(
    wells: Wells = 6,
    torque: Annotated[float, typer.Option(metavar="X", help="F; negative turns back.")] = 0.4,
    noise: Annotated[float, typer.Option(metavar="X", help="σ, above 0.")] = 0.45,
    neurons: Neurons = 256,
    out: Out = Path("figures"),
    quick: Quick = False,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Walk through the wells of a ring, driven by a torque.

    Order, turns, jump rates, dwell times and entropy production, of the target and of the network
    that embeds it; against torque and noise, too, unless --quick.
    """
    if wells < 3:
        raise InputError(f"--wells must be at least 3 to have an order, got {wells}")
    if not noise > 0:
        raise InputError(f"--noise must be above 0, or nothing ever jumps; got {noise:g}")

    def experiment(terminal: Terminal) -> "Experiment":
        from driftmatch.cli.memory_experiments import walk

        return walk(wells, torque, noise, neurons, seed, terminal.meter, quick=quick)

    _run("walk", experiment, out, quick, force, as_json, quiet)


def switching(
    neurons: Neurons = 512,
    trials: Annotated[int, typer.Option(metavar="N", min=1, help="Of each system.")] = 100,
    out: Out = Path("figures"),
    quick: Quick = False,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Switch between a fixed point, a limit cycle and chaos by pulses of input."""

    def experiment(terminal: Terminal) -> "Experiment":
        from driftmatch.cli.memory_experiments import switching

        return switching(neurons, trials, seed, terminal.meter)

    _run("switching", experiment, out, quick, force, as_json, quiet)


def _run(name: str, experiment, out: Path, quick: bool, force: bool, as_json: bool, quiet: bool):
    """Do it, draw it, and say what came out."""
    check_folder(out, "--out")
    picture, film = out / f"{name}.png", out / f"{name}.gif"
    check_output(picture, "--out", (".png",), force=force)
    if not quick:
        check_output(film, "--out", (".gif",), force=force)
    with Terminal(as_json=as_json, quiet=quiet) as terminal:
        from rich.markup import escape

        from driftmatch.figures import save

        done = experiment(terminal)
        terminal.meter.start("drawing", 1)
        save(done.draw(), picture, overwrite=force)
        files = [picture]
        if not quick:
            done.animate(film, terminal.meter)
            files.append(film)
        record = done.record | {"figures": [str(path) for path in files]}
        drawn = (f"drawn  {escape(str(path))}" for path in files)
        terminal.result(record, *done.shown, "", *drawn)


for _command in (recall, walk, switching):
    app.command(_command.__name__)(reported(_command))
