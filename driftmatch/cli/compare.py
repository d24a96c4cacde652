"""``driftmatch compare``: is a saved network faithful to its target?"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftmatch.cli.completion import models
from driftmatch.cli.options import (
    PICTURES,
    AsJson,
    Force,
    Noise,
    Quiet,
    Seed,
    Settings,
    TargetName,
    check_output,
)
from driftmatch.cli.tables import number, percent, plain_table, verdict, with_error
from driftmatch.cli.targets import Target, check_model, check_target
from driftmatch.cli.terminal import Terminal
from driftmatch.meters import AbstractMeter

if TYPE_CHECKING:
    from driftmatch.abstract_sde import AbstractSDE
    from driftmatch.analysis.compare import Scorecard
    from driftmatch.figures import Comparison
    from driftmatch.network import Network

DRAWN = 800  # time scales of the target
FAITHFUL = "faithful: it cannot be told from another run of its target"


def compare(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", autocompletion=models, help="A saved model.")
    ],
    target: TargetName = None,
    noise: Noise = None,
    settings: Settings = None,
    seed: Seed = 0,
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw both attractors to a .png, .pdf or .svg."),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge a saved network against its target, each distance beside its floor.

    --noise and --set change the system named by --target.
    """
    check_target(True, target, noise, settings)
    if figure is not None:
        check_output(figure, "--figure", PICTURES, force=force)
    check_model(model)
    with Terminal(as_json=as_json, quiet=quiet) as terminal:
        import jax
        from rich.markup import escape

        from driftmatch.analysis.compare import compare as judge
        from driftmatch.storage.models import load, read_header

        network = load(model)
        judged = (
            Target.recorded(read_header(model), model)
            if target is None
            else Target.given(target, noise, settings)
        )
        sde = judged.build()
        key, key_figure = jax.random.split(jax.random.key(seed))
        card = judge(sde, network, key=key, meter=terminal.meter)
        title = Path(judged.system).name
        if figure is not None:
            from driftmatch.figures import compare_attractors, save

            row = runs_to_draw(
                sde, network, title, key_figure, terminal.meter, drift_error=card.drift_error
            )
            save(compare_attractors([row]), figure, overwrite=force)
        record = card.to_dict() | {
            "faults": card.faults,
            "differences": card.differences,
            "model": str(model),
            "target": judged.system,
            "seed": seed,
            "figure": None if figure is None else str(figure),
        }
        terminal.result(record, *_shown(card, escape(title)))


def runs_to_draw(
    sde: "AbstractSDE",
    network: "Network",
    label: str,
    key,
    meter: AbstractMeter,
    *,
    drift_error: float,
    duration: float | None = None,
) -> "Comparison":
    """Eight paths of the target and of the network from the same starts, as a row for
    `compare_attractors`; `duration` in time scales."""
    from driftmatch.figures import Comparison
    from driftmatch.sampling.sample import sample
    from driftmatch.simulation.simulate import simulate

    samples = sample(sde, key=key)
    scale = samples.time_scale
    run = partial(
        simulate,
        duration=(duration or DRAWN) * scale,
        dt=samples.step,
        key=key,
        num_trajectories=8,
        start=samples.starts[:8],
        save_every=max(1, round(scale / 25 / samples.step)),
        meter=meter,
    )
    return Comparison(sde, network, run(sde), run(network), label, drift_error)


def _shown(card: "Scorecard", title: str):
    """The scorecard as a table, and its verdict."""
    from driftmatch.analysis.floors import in_floors

    table = plain_table(title, "target", "network", "floor", "ratio")

    def distance(label: str, name: str) -> None:
        value, floor = getattr(card, name), getattr(card, f"{name}_floor")
        table.add_row(label, "", number(value), number(floor), number(in_floors(value, floor), 3))

    table.add_row("drift error", "", percent(card.drift_error))
    table.add_row("  with neuronal noise 0.01", "", percent(card.noisy_drift_error))
    table.add_row("local error", "", percent(card.local_error))
    table.add_row("diffusion error", "", percent(card.diffusion_error))
    table.add_row()
    distance("state-space divergence, nats", "state_space_divergence")
    distance("spectrum distance, 0 to 1", "spectrum_distance")
    distance("sliced Wasserstein, st. dev.", "sliced_wasserstein")
    table.add_row()
    for i, columns in enumerate(_exponents(card), 1):
        table.add_row(f"Lyapunov exponent {i}", *columns)
    dimensions = card.kaplan_yorke_target, card.kaplan_yorke_network
    table.add_row("Kaplan–Yorke dimension", *(number(d, 3) for d in dimensions))
    table.add_row()
    far, noisy = card.spurious_fraction, card.escaped_fraction
    table.add_row(f"far starts astray, of {card.num_starts}", "", percent(far))
    table.add_row(f"noisy paths escaped, of {card.num_paths}", "", percent(noisy))
    yield table
    yield ""
    found = card.faults + card.differences
    for finding in found:
        yield verdict(finding, good=False)
    if card.outcome.ok:
        yield verdict(FAITHFUL, good=True)


def _exponents(card: "Scorecard"):
    """Target's and network's, each with its standard error."""
    target = zip(card.lyapunov_target, card.lyapunov_target_error, strict=True)
    network = zip(card.lyapunov_network, card.lyapunov_network_error, strict=True)
    for of_target, of_network in zip(target, network, strict=True):
        yield with_error(*of_target), with_error(*of_network)
