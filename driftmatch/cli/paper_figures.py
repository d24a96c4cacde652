"""The paper's figures, one function each; `FIGURES` numbers them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from driftmatch.cli.compare import runs_to_draw
from driftmatch.cli.tables import number, pair, percent, plain_table, verdict
from driftmatch.cli.three_systems import LABELS, SYSTEMS, embedded
from driftmatch.meters import AbstractMeter

if TYPE_CHECKING:
    import jax
    from matplotlib.figure import Figure
    from rich.console import RenderableType

    from driftmatch.embedding.embed import Embedding
    from driftmatch.figures import Comparison
    from driftmatch.simulation.trajectory import NetworkTrajectory

PRIVATE_NOISE = (0.0, 0.01, 0.1)
ROLES = ("outward", "restoring", "motion", "divergence", "size")


class Plan(NamedTuple):
    """How much work the figures are given: networks, how the default fit and back-propagation
    run, and how long the networks then do, in time scales."""

    systems: tuple[tuple[str, int], ...]
    fit: str
    steps: int
    duration: float


FULL = Plan(SYSTEMS, "refined", 20_000, 800)
QUICK = Plan((("van-der-pol", 32), ("lorenz", 64)), "least-squares", 500, 60)


class Drawn(NamedTuple):
    """A figure, its numbers for programs, and what people are shown of them."""

    figure: "Figure"
    record: dict[str, Any]
    shown: "tuple[RenderableType, ...]" = ()


@dataclass
class Workshop:
    """What several figures need, made when the first of them asks for it."""

    plan: Plan
    seed: int
    meter: AbstractMeter
    _rows: "dict[str, Comparison]" = field(default_factory=dict)

    def key(self, system: str, figure: int) -> "jax.Array":
        """A random key, one for each system and figure whatever else is drawn."""
        import jax

        place = [name for name, _ in SYSTEMS].index(system)
        return jax.random.fold_in(jax.random.fold_in(jax.random.key(self.seed), figure), place)

    def row(self, system: str) -> "Comparison":
        """A target and the network of the default fit, with runs of each."""
        if system not in self._rows:
            neurons = dict(self.plan.systems)[system]
            sde, embedding = embedded(system, neurons, self.seed, self.meter, self.plan.fit)
            self._rows[system] = self.runs(sde, embedding, system, 2)
        return self._rows[system]

    def runs(self, sde, embedding: "Embedding", system: str, figure: int) -> "Comparison":
        """A target and a network with runs of each."""
        return runs_to_draw(
            sde,
            embedding.network,
            LABELS[system],
            self.key(system, figure),
            self.meter,
            drift_error=embedding.report.drift_error,
            duration=self.plan.duration,
        )


def network(workshop: Workshop) -> Drawn:
    """The Lorenz network, its connectivity and its activity."""
    from driftmatch.figures import network_schematic

    row = workshop.row("lorenz")
    return Drawn(network_schematic(row.network, row.network_run), _row_record("lorenz", row))


def attractors(workshop: Workshop) -> Drawn:
    """Targets beside the networks that embed them."""
    from driftmatch.figures import compare_attractors

    rows = {system: workshop.row(system) for system, _ in workshop.plan.systems}
    records = [_row_record(system, row) for system, row in rows.items()]
    return Drawn(compare_attractors(list(rows.values())), {"systems": records}, (_errors(records),))


def _row_record(system: str, row: "Comparison") -> dict[str, Any]:
    return {
        "system": system,
        "neurons": row.network.num_neurons,
        "drift_error": row.drift_error,
    }


def _errors(records: list[dict]) -> "RenderableType":
    table = plain_table("", *(r["system"] for r in records))
    table.add_row("neurons", *(str(r["neurons"]) for r in records))
    table.add_row("drift error", *(percent(r["drift_error"]) for r in records))
    return table


def symmetry(workshop: Workshop) -> Drawn:
    """The symmetric and the asymmetric part, in back-propagated networks."""
    from driftmatch.analysis.symmetry import symmetry as take_apart
    from driftmatch.analysis.symmetry_roles import symmetry_roles
    from driftmatch.figures import symmetry_sheet
    from driftmatch.matching.fits import Backprop

    rows, records = {}, []
    for system, neurons in workshop.plan.systems:
        fit = Backprop(steps=workshop.plan.steps)
        sde, embedding = embedded(system, neurons, workshop.seed, workshop.meter, fit)
        row = workshop.runs(sde, embedding, system, 3)
        parts = take_apart(embedding.network)
        roles = symmetry_roles(parts, row.network_run.latent)
        rows[row.label] = parts, row.network_run
        record = _row_record(system, row) | {"asymmetry": parts.asymmetry}
        records.append(record | roles.to_dict())
    return Drawn(symmetry_sheet(rows), {"systems": records}, (_roles(records),))


def _roles(records: list[dict]) -> "RenderableType":
    table = plain_table("back-propagation", *(r["system"] for r in records))

    def row(label: str, show: Callable[[Any], str], name: str) -> None:
        table.add_row(label, *(show(r[name]) for r in records))

    row("neurons", str, "neurons")
    row("drift error", percent, "drift_error")
    row("asymmetry ‖W₋‖²/‖W‖²", number, "asymmetry")
    row("symmetric part descends at", percent, "descending_fraction")
    for name in ROLES:
        row(f"sym., asym. part: {name}", pair, name)
    return table


def subspace(workshop: Workshop) -> Drawn:
    """The Lorenz network's subspace, found from its neurons at three private noises."""
    from driftmatch.analysis.subspace import subspace as find
    from driftmatch.figures import Recovery
    from driftmatch.figures import subspace as draw

    quiet = workshop.row("lorenz").network
    rows, records = [], []
    for s in PRIVATE_NOISE:
        run = _recorded(workshop, quiet.with_private_noise(s))
        found = find(run)
        alignment = found.align(run.network, run)
        rows.append(Recovery(run, found, alignment))
        records.append(
            {
                "private_noise": s,
                "dimension": found.dimension,
                "gap": found.gap,
                "principal_angles": alignment.principal_angles,
                "error": alignment.error,
                "outcome": str(alignment.outcome if found.outcome.ok else found.outcome),
            }
        )
    record = {"system": "lorenz", "neurons": quiet.num_neurons, "recoveries": records}
    words = [
        verdict(f"s = {row.run.network.private_noise:g}: {r['outcome']}", good=False)
        for row, r in zip(rows, records, strict=True)
        if not (row.subspace.outcome.ok and row.alignment.outcome.ok)
    ]
    return Drawn(draw(rows), record, (_recoveries(records), *words))


def _recorded(workshop: Workshop, network) -> "NetworkTrajectory":
    """One path in all neurons, from a state that the quiet network visits."""
    from driftmatch.simulation.simulate import simulate

    latent = workshop.row("lorenz").network_run.latent
    return simulate(
        network,
        duration=workshop.plan.duration / 4 * network.time_scale,
        dt=network.time_scale / 50,
        key=workshop.key("lorenz", 4),
        start=latent[0, -1],
        save_every=2,
        meter=workshop.meter,
    )


def _recoveries(records: list[dict]) -> "RenderableType":
    table = plain_table("private noise s", *(f"{r['private_noise']:g}" for r in records))

    def row(label: str, values: Iterable[str]) -> None:
        table.add_row(label, *values)

    row("dimension of the subspace", (str(r["dimension"]) for r in records))
    row("gap, in standard deviations", (number(r["gap"]) for r in records))
    angles = zip_longest(*(r["principal_angles"] for r in records))
    for i, values in enumerate(angles, 1):
        row(f"principal angle {i}, rad", map(number, values))
    row("error of recovered states", (number(r["error"]) for r in records))
    return table


# In the order of the paper.
def tilting(workshop: Workshop) -> Drawn:
    """A landscape of four wells, tilted by an input to recall one of them."""
    from driftmatch.cli.memory_experiments import recall

    is_small = workshop.plan.fit != FULL.fit
    neurons, trials = (64, 200) if is_small else (256, 1000)
    done = recall(4, 0.35, neurons, trials, workshop.seed, workshop.meter, quick=is_small)
    return Drawn(done.draw(), done.record, done.shown)


FIGURES: dict[int, Callable[[Workshop], Drawn]] = {
    1: network,
    2: attractors,
    3: symmetry,
    4: subspace,
    5: tilting,
}
