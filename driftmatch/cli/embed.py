"""``driftmatch embed``: a system in, a network in a file out."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from driftmatch.cli.completion import systems
from driftmatch.cli.options import AsJson, Force, Noise, Quiet, Seed, Settings, check_output
from driftmatch.cli.tables import percent, plain_table, verdict
from driftmatch.cli.targets import MODEL, Target
from driftmatch.cli.terminal import Terminal
from driftmatch.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from driftmatch.embedding.embed import Embedding
    from driftmatch.embedding.verdict import EmbeddingReport
    from driftmatch.matching.wiring import AbstractWiring

Method = Literal["refined", "least-squares", "backprop"]
ActivationName = Literal["tanh", "logistic", "erf", "softplus", "relu", "identity"]

# Neurons by dimension of the target, which bring the default fit well below one per cent.
NEURONS = {1: 64, 2: 128, 3: 512}
NEURONS_BEYOND = 1024


_AUTO, _AUTO_ERROR = "auto", 0.01


def _neurons(value: str) -> int | str:
    if value == _AUTO:
        return value
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise typer.BadParameter(f"{value!r} is neither a number of neurons nor {_AUTO!r}")
    return number


Neurons = Annotated[
    Any,
    typer.Option(
        "--neurons",
        "-n",
        metavar="N|auto",
        parser=_neurons,
        help="Default: 64, 128, 512 for 1, 2, 3 dimensions, 1024 beyond; auto: as few as come to "
        "--error, or to 0.01.",
    ),
]
WantedError = Annotated[
    float | None,
    typer.Option(
        "--error",
        metavar="X",
        help="Instead of --neurons: the drift error wanted, such as 0.01, by as few neurons as "
        "come to it.",
    ),
]


Excitatory = Annotated[
    float | None,
    typer.Option(
        "--dale",
        metavar="X",
        help="Dale's law: this fraction of neurons excites, such as 0.8, and the others inhibit. "
        "Needs --activation logistic.",
    ),
]
InDegree = Annotated[
    int | None,
    typer.Option(
        "--in-degree",
        metavar="D",
        min=1,
        help="Sparse: every neuron listens to so many others, chosen at random; with --dale, of "
        "that fraction excitatory.",
    ),
]


SymmetricFlag = Annotated[
    bool,
    typer.Option("--symmetric", help="Symmetric connectivity, for what descends a potential."),
]


def embed(
    system: Annotated[
        str,
        typer.Argument(
            metavar="SYSTEM",
            autocompletion=systems,
            help="A name from [b]driftmatch list[/b], dysts:Flow, or file.py:attribute.",
        ),
    ],
    neurons: Neurons = None,
    error: WantedError = None,
    dale: Excitatory = None,
    in_degree: InDegree = None,
    symmetric: SymmetricFlag = False,
    seed: Seed = 0,
    noise: Noise = None,
    settings: Settings = None,
    method: Annotated[
        Method,
        typer.Option(metavar="METHOD", help="How to fit: refined, least-squares or backprop."),
    ] = "refined",
    activation: Annotated[
        ActivationName,
        typer.Option(
            metavar="NAME",
            help="Rate function: tanh, logistic, erf, softplus, relu or identity.",
        ),
    ] = "tanh",
    tau: Annotated[
        float | None,
        typer.Option(metavar="X", help="Neural time constant. Default: the system's time scale."),
    ] = None,
    private_noise: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0,
            help="Noise in every neuron that the network must withstand. "
            "Default: 0.01, and 0.003 for a system without noise.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Default: SYSTEM.safetensors."),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Embed a system in a network and save it.

    The file remembers its target, so that [b]driftmatch compare[/b] needs nothing else.
    """
    target = Target.given(system, noise, settings)
    path = check_output(out or Path(target.stem + MODEL), "--out", (MODEL,), force=force)
    with Terminal(as_json=as_json, quiet=quiet) as terminal:
        import jax

        from driftmatch.embedding.embed import embed as embed_sde

        sde = target.build()
        if neurons == _AUTO:
            neurons, error = None, _AUTO_ERROR if error is None else error
        elif neurons is None and error is None:
            neurons = NEURONS.get(sde.dim, NEURONS_BEYOND)
        embedding = embed_sde(
            sde,
            neurons,
            key=jax.random.key(seed),
            error=error,
            method=method,
            tau=tau,
            activation=activation,
            private_noise=private_noise,
            connectivity=_connectivity(dale, in_degree, symmetric),
            meter=terminal.meter,
        )
        save_embedding(path, embedding, target, method=method, seed=seed, overwrite=force)
        record = embedding_record(embedding, target, method=method, seed=seed, path=path)
        terminal.result(record, *_shown(embedding, record))


def _connectivity(
    dale: float | None, in_degree: int | None, symmetric: bool
) -> "AbstractWiring | None":
    from driftmatch.matching.wiring import Dale, Sparse, Symmetric

    if symmetric:
        if dale is not None or in_degree is not None:
            raise InputError("--symmetric goes with neither --dale nor --in-degree")
        return Symmetric()
    if in_degree is not None:
        return Sparse(in_degree=in_degree, excitatory=dale)
    return None if dale is None else Dale(dale)


def save_embedding(
    path: Path,
    embedding: "Embedding",
    target: Target,
    *,
    method: str,
    seed: int,
    overwrite: bool = True,
) -> None:
    """The network, with all that is needed to make it or its target again."""
    from driftmatch.storage.models import save

    save(
        path,
        embedding.network,
        overwrite=overwrite,
        target=target.to_dict(),
        method=method,
        seed=seed,
        report=embedding.report.to_dict(),
    )


def embedding_record(
    embedding: "Embedding", target: Target, *, method: str, seed: int, path: Path
) -> dict:
    """What ``--json`` prints."""
    found = embedding.to_dict()
    return {
        "system": target.system,
        "neurons": embedding.network.num_neurons,
        "latent_dim": embedding.network.latent_dim,
        "method": method,
        "seed": seed,
        **found["report"],
        **{name: found[name] for name in ("outcome", "reason", "closed_loop")},
        "model": str(path),
    }


def _shown(embedding: "Embedding", record: dict):
    """The record as a small table, its outcome and what to do next."""
    from rich.markup import escape

    report, path = embedding.report, escape(record["model"])
    yield (
        f"[b]{escape(record['system'])}[/b] in {record['neurons']} neurons, "
        f"{record['latent_dim']} latent dimensions, τ = {report.tau:g}"
    )
    yield report_table(report)
    yield ""
    yield verdict(embedding.reason or str(embedding.outcome), good=embedding.outcome.ok)
    yield f"saved  {path}"
    yield f"next   driftmatch compare {escape(shlex.quote(record['model']))}"


def report_table(report: "EmbeddingReport") -> "Table":
    """Errors of a network, as a small table."""
    table = plain_table("", "")
    table.add_row("drift error", percent(report.drift_error))
    table.add_row("  with neuronal noise 0.01", percent(report.noisy_drift_error))
    table.add_row("local error", percent(report.local_error))
    table.add_row("diffusion error", percent(report.diffusion_error))
    if report.off_subspace > 0:
        table.add_row("off the subspace", percent(report.off_subspace))
    table.add_row("time", f"{report.seconds:.1f} s")
    return table
