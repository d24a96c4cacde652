"""Every figure there is, drawn from records small enough to draw in no time."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np
import test_curves_figure
import test_fixed_points_figure
import test_helmholtz_hodge_figure
import test_lyapunov_figure
import test_robustness_figure
import test_scorecard_figure
import test_subspace_figure
import test_summary_figure
import test_symmetry_figure
import test_walk_figure
from drawing import density, network, network_run, on_grid, sde, target_run
from linear_inference import inferred
from memories import dwelt, hopfield, recall, switching, tilt, walk

import driftmatch as dm
from driftmatch import figures
from driftmatch.memory.capacity import Capacity
from driftmatch.memory.first_passage import GridFunction
from driftmatch.memory.landscape import Landscape
from driftmatch.outcomes import Outcome


class Entry(NamedTuple):
    """A figure and what it is drawn from."""

    function: Callable[..., Any]
    make: Callable[[], tuple[Any, ...]]
    options: Mapping[str, Any] = {}

    def draw(self, **where: Any):
        return self.function(*self.make(), **self.options, **where)


def both(make: Callable[..., Any], *args: Any) -> dict[str, Any]:
    return {"target": make(*args), "network": make(*args, of_network=True)}


def runs(k: int):
    return target_run(k), network_run(k)


@cache
def grid_function(k: int) -> GridFunction:
    grid = density(k).grid
    values = np.linalg.norm(grid.centres, axis=1).reshape(grid.shape)
    return GridFunction(grid, values, 0.0, Outcome.SUCCESS, "my_own", "mean first-passage time")


@cache
def fork() -> dm.Bifurcation:
    sde = dm.SDE(lambda z, u: u[0] * z - z**3, 0.2, 1, input_dim=1, name="fork")
    inputs = np.linspace(-1, 1, 16)
    return dm.bifurcation(sde, inputs, key=jax.random.key(0), box=([-2], [2]), num_starts=32)


def asymmetric(largest: float) -> dm.AsymmetryFront:
    """A front of eight networks."""
    errors, net = np.geomspace(1e-3, 0.8, 8), network(2)
    readouts = np.repeat(np.asarray(net.readout)[None], 8, axis=0)
    asymmetry = largest * (1 - errors**2)
    return dm.AsymmetryFront(errors, asymmetry, errors, 1.1 * errors, readouts, net)


def landscape(k: int) -> Landscape:
    return tilt(k).landscape


def held() -> Capacity:
    W = np.array([2, 4, 8])
    successes = [np.linspace(worst, 20, n).astype(int) for worst, n in ((20, 2), (18, 4), (1, 8))]
    others = [np.linspace(worst, 20, n).astype(int) for worst, n in ((20, 2), (12, 4), (0, 8))]
    return Capacity(W, 2, 32, tuple(successes), tuple(others), 20, np.zeros(3))


SPECTRA = partial(test_lyapunov_figure.spectrum, test_lyapunov_figure.LORENZ)


def lyapunov():
    return SPECTRA(), test_lyapunov_figure.neural((0.9, 0.001, -8.0))


def curves():
    return {
        "target": [test_curves_figure.curve([10, 40, 50], v) for v in ("amplitude", "cue time")],
        "network": [test_curves_figure.curve([9, 30, 50], v) for v in ("amplitude", "cue time")],
    }


PANELS: dict[str, Entry] = {
    **{f"attractor {k}": Entry(figures.attractor, partial(lambda k: (network_run(k),), k))
       for k in (1, 2, 3, 5)},
    "capacity": Entry(figures.capacity, lambda: (held(),)),
    "densities": Entry(figures.densities, lambda: runs(3)),
    "eigenvalues": Entry(
        figures.eigenvalues, lambda: (test_fixed_points_figure.record(2, of_network=True),)
    ),
    **{f"fixed_points {k}": Entry(
        figures.fixed_points, partial(lambda k: (test_fixed_points_figure.record(k),), k),
        {"sde": sde(1)} if k == 1 else {},
    ) for k in (1, 2, 3)},
    **{f"first_passage {k}": Entry(figures.first_passage,
       partial(lambda k: (grid_function(k),), k)) for k in (1, 2, 3)},
    "jump_rates": Entry(figures.jump_rates, lambda: (both(dwelt),), {"theory": 1.0}),
    **{f"landscape {k}": Entry(
        figures.landscape, partial(lambda k: (landscape(k), tilt(k), target_run(k)), k)
    ) for k in (1, 2, 3)},
    "lyapunov": Entry(figures.lyapunov, lyapunov),
    "lyapunov_history": Entry(figures.lyapunov_history, lyapunov),
    "neuron_traces": Entry(figures.neuron_traces, lambda: (network_run(2),)),
    **{f"potential {k}": Entry(figures.potential, partial(lambda k: (density(k),), k))
       for k in (1, 2, 3)},
    "recall_curve": Entry(
        figures.recall_curve, lambda: ({name: one[0] for name, one in curves().items()},)
    ),
    "spectra": Entry(figures.spectra, lambda: runs(3)),
    **{f"stationary {k}": Entry(figures.stationary, partial(lambda k: (density(k),), k))
       for k in (1, 2, 3)},
    "success": Entry(figures.success, lambda: (both(recall, 2) | {"Hopfield": hopfield()},)),
    "survival": Entry(figures.survival, lambda: (both(dwelt),)),
    "asymmetry_front": Entry(
        figures.asymmetry_front, lambda: ({"free": asymmetric(0.5), "symmetric": asymmetric(0.3)},)
    ),
    "bifurcation": Entry(figures.bifurcation, lambda: (fork(),)),
    "tilted_minima": Entry(figures.tilted_minima, lambda: (tilt(2),)),
    "transitions": Entry(figures.transitions, lambda: (dwelt(),), {"name": "network"}),
    "turns": Entry(figures.turns, lambda: (both(dwelt),)),
    "visits": Entry(figures.visits, lambda: (both(dwelt),)),
}  # fmt: skip


def recalls(k: int):
    return tilt(k), recall(k), recall(k, of_network=True), hopfield()


def comparisons():
    return [
        figures.Comparison(sde(k), network(k), *runs(k), f"system {k}", 0.0123) for k in (1, 2, 3)
    ]


SHEETS: dict[str, Entry] = {
    **{f"associative {k}": Entry(
        figures.recall, partial(recalls, k), {"curves": curves(), "capacity": held()}
    ) for k in (1, 2, 3)},
    "compare_attractors": Entry(figures.compare_attractors, lambda: (comparisons(),)),
    "compare_irreversibility": Entry(
        figures.compare_irreversibility, lambda: (on_grid(2), on_grid(2))
    ),
    **{f"helmholtz_hodge {k}": Entry(
        figures.helmholtz_hodge,
        partial(lambda n, k: (test_helmholtz_hodge_figure.split(n, k, 24),), name, k),
    ) for name, k in (("double_well", 1), ("limit_cycle", 2), ("lorenz", 3))},
    **{f"inference {k}": Entry(figures.inference, partial(lambda k: (inferred(k),), k))
       for k in (1, 2, 6, 3)},
    **{f"irreversibility {k}": Entry(
        figures.irreversibility, partial(lambda k: (on_grid(k),), k)
    ) for k in (1, 2)},
    "network_schematic": Entry(
        figures.network_schematic, lambda: (net := network(3), network_run(3, net))
    ),
    "balance": Entry(figures.balance, lambda: (net := network(3), network_run(3, net))),
    "robustness_front": Entry(
        figures.robustness_front, lambda: (test_robustness_figure.front(),)
    ),
    "scorecard": Entry(
        figures.scorecard, lambda: (test_scorecard_figure.card(3), *runs(3))
    ),
    "sequential": Entry(
        figures.walk, lambda: (both(walk),), {"curves": test_walk_figure.curve()}
    ),
    "subspace": Entry(
        figures.subspace,
        lambda: ([test_subspace_figure.recovery(3, s) for s in (0.0, 0.01, 0.1)],),
    ),
    **{f"summary {k}{' network' if n else ''}": Entry(
        figures.summary,
        partial(lambda k, n: (test_summary_figure.analysis(k, of_network=n),), k, n),
    ) for k, n in ((1, False), (2, False), (2, True), (3, True))},
    **{f"switching {k}": Entry(
        figures.switching,
        partial(lambda k: (switching(k), switching(k, of_network=True)), k),
        {"names": ("fixed point", "limit cycle", "Lorenz")},
    ) for k in (2, 3)},
    **{f"symmetry {k}": Entry(
        figures.symmetry, partial(test_symmetry_figure.taken_apart, k)
    ) for k in (1, 2, 3)},
    "symmetry_sheet": Entry(
        figures.symmetry_sheet,
        lambda: ({f"system {k}": test_symmetry_figure.taken_apart(k) for k in (1, 2)},),
    ),
    "walk_curve": Entry(figures.walk_curve, lambda: (test_walk_figure.curve(),)),
}  # fmt: skip
