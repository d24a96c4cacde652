"""Is the entropy production right by every route, for targets and for networks, and beside a peer?

Problems with closed forms (theirs, in `tests/problems.py`, are found again there by quadrature);
networks that embed them, judged against the target's exact value; long chains of beads; controls in
equilibrium; how often the standard error along paths covers; and StochasticForceInference on the
very trajectories that the routes along paths and by the score are given. The peer infers the drift
from the data, which it does not know; the routes here know it.
"""

import importlib.util
import time

import jax
import jax.numpy as jnp
import numpy as np

import driftmatch as dm
from benchmarks.tables import Result
from tests.problems import PROBLEMS, Problem, linear

ROUTES = ("linear", "grid", "score", "path")
NEURONS = {"five_beads": 512, "double_well_D=0.05": 64, "double_well_D=0.1": 64}
BOUNDS = {"linear": 1e-6, "grid": 0.01, "score": 0.03}
HAS_PEER = importlib.util.find_spec("SFI") is not None


def chain(n: int, coldest: float) -> Problem:
    """Beads between heat baths, of which σ̇ = 1.000."""
    B = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    return linear(f"chain_of_{n}", B, np.diag(np.linspace(coldest, 10, n)), 1.000)


def applies(route: str, problem: Problem, k: int) -> bool:
    if route == "linear":
        return problem.covariance is not None
    return route != "grid" or k <= 3


def measured(result: Result, problem: Problem, system, what: str, route, seed: int = 1):
    """One row: a route on a target or its network."""
    record = dm.irreversibility(system, method=route, key=jax.random.key(seed))
    exact, found = problem.entropy_production, record.entropy_production
    result.rows.append({
        "system": problem.name, "what": what, "route": record.method, "exact": exact,
        "found": found, "± s.e.": record.standard_error,
        "relative error": abs(found / exact - 1) if exact else float("nan"),
        "outcome": str(record.outcome),
    })  # fmt: skip
    return record


def routes_and_networks(result: Result, problems: list[Problem]) -> None:
    worst: dict[tuple[str, str], float] = {}
    for problem in problems:
        sde = problem.build()
        neurons = NEURONS.get(problem.name, 128)
        network = dm.embed(sde, num_neurons=neurons, key=jax.random.key(0), check=False).network
        for what, system in (("target", sde), ("network", network)):
            for route in ROUTES:
                if not applies(route, problem, sde.dim) or (what, route) == ("network", "linear"):
                    continue
                record = measured(result, problem, system, what, route)
                if problem.entropy_production == 0:
                    # A network's own σ̇ in one dimension is 0 too.
                    result.require(f"{problem.name}, {what}, {route}: σ̇, in equilibrium",
                                   record.entropy_production,
                                   3 * record.standard_error + 1e-9)  # fmt: skip
                    continue
                off = abs(record.entropy_production - problem.entropy_production)
                in_errors = (route, what) == ("path", "target")
                off /= record.standard_error if in_errors else problem.entropy_production
                worst[route, what] = max(worst.get((route, what), 0.0), off)
    for (route, what), off in worst.items():
        if (route, what) == ("path", "target"):
            result.require("path, target: standard errors off, worst system", off, 3)
            continue
        bound = BOUNDS[route] if what == "target" else 0.05
        result.require(f"{route}, {what}: relative error, worst system", off, bound)


def chains(result: Result, quick: bool) -> None:
    for n, coldest in ((32, 0.10358),) if quick else ((32, 0.10358), (64, 0.05171)):
        problem = chain(n, coldest)
        # The default's 256 paths of 64 beads would run for many minutes until all have relaxed.
        small = dm.ScoreRoute(num_features=32, num_samples=40_000, num_trajectories=32)
        score = "score" if n < 64 else small
        for route, bound in (("linear", 1e-3), (score, 0.10)):
            record = measured(result, problem, problem.build(), "target", route)
            result.require(f"chain of {n}, {record.method}: relative error",
                           abs(record.entropy_production - 1), bound)  # fmt: skip


def fields(result: Result, problems: list[Problem]) -> None:
    """f_irr = ωJz, root mean square under p."""
    for problem in problems:
        if not problem.name.startswith("limit_cycle"):
            continue
        for route in ("grid", "score"):
            record = dm.irreversibility(problem.build(), method=route, key=jax.random.key(2))
            density = dm.stationary(problem.build(), 128)
            states = density.grid.centres
            weights = density.density.ravel() / density.density.sum()
            kept = weights > 1e-6 * weights.max()
            exact = np.asarray(jax.vmap(problem.irreversible_drift)(jnp.asarray(states[kept])))
            off = np.sum((record.irreversible(states[kept]) - exact) ** 2, axis=1)
            size = weights[kept] @ np.sum(exact**2, axis=1)
            result.require(f"{problem.name}, {route}: error of f_irr, RMS under p",
                           float(np.sqrt(weights[kept] @ off / size)), 0.02)  # fmt: skip


def coverage(result: Result, problems: list[Problem], seeds: int) -> None:
    """In how many of the seeds two standard errors, by Student's t 95 %, hold the exact value."""
    for problem in problems:
        sde, z = problem.build(), []
        for seed in range(seeds):
            record = dm.irreversibility(sde, method="path", key=jax.random.key(seed))
            z.append((record.entropy_production - problem.entropy_production)
                     / record.standard_error)  # fmt: skip
        result.rows.append({
            "system": problem.name, "what": f"target, {seeds} seeds", "route": "path",
            "exact": problem.entropy_production, "found": float("nan"), "± s.e.": float("nan"),
            "relative error": float("nan"),
            "outcome": f"deviations {np.mean(z):+.2f} ± {np.std(z, ddof=1):.2f} standard errors",
        })  # fmt: skip
        covered = float(np.mean(np.abs(z) < 1.998))  # 63 degrees of freedom
        result.require(f"{problem.name}: share of {seeds} seeds that path ± 2 s.e. covers", covered,
                       0.90, at_least=True)  # fmt: skip


def peer(states, dt: float, order: int) -> tuple[float, float]:
    """σ̇ and its error by StochasticForceInference, bias subtracted."""
    from SFI import OverdampedLangevinInference, TrajectoryCollection
    from SFI.bases import monomials_up_to

    data = TrajectoryCollection.from_arrays(X=np.swapaxes(states, 0, 1), dt=dt)
    inference = OverdampedLangevinInference(data)
    inference.compute_diffusion_constant()
    basis = monomials_up_to(order=order, dim=states.shape[-1], rank="vector")
    inference.infer_force_linear(basis)
    found = inference.compute_entropy_production()
    return found["Sdot_debiased"], found["Sdot_error"]


def beside_peer(result: Result, problems: list[Problem]) -> None:
    """The same recording for all: 64 paths of 18 000 samples."""
    for problem in problems:
        sde, order = problem.build(), 1 if problem.covariance is not None else 3
        exact = problem.entropy_production
        run = dm.simulate(sde, duration=200.0, dt=0.005, num_trajectories=64, save_every=2,
                          key=jax.random.key(3))  # fmt: skip
        cut = dm.Trajectory(run.times[2000:] - run.times[2000], run.states[:, 2000:], run.outcome,
                            run.name, run.dt)  # fmt: skip
        spacing = float(cut.times[1] - cut.times[0])
        found = {}
        for route in ("path", "score"):
            for _ in range(2):  # the second time it is compiled
                began = time.perf_counter()
                record = dm.irreversibility(sde, method=route, trajectory=cut)
                seconds = time.perf_counter() - began
            found[route] = record.entropy_production, record.standard_error, seconds
        if HAS_PEER:
            states = np.asarray(cut.states, np.float64)
            for _ in range(2):
                began = time.perf_counter()
                rate, error = peer(states, spacing, order)
                seconds = time.perf_counter() - began
            found[f"StochasticForceInference, order {order}"] = rate, error, seconds
        for route, (rate, error, seconds) in found.items():
            result.rows.append({
                "system": problem.name, "what": "one recording", "route": route, "exact": exact,
                "found": rate, "± s.e.": error, "relative error": abs(rate / exact - 1),
                "seconds": seconds,
            })  # fmt: skip
        result.require(f"{problem.name}, one recording, score: relative error",
                       abs(found["score"][0] / exact - 1), 0.03)  # fmt: skip
        result.require(f"{problem.name}, one recording, path: standard errors off",
                       abs(found["path"][0] - exact) / found["path"][1], 3)  # fmt: skip


def peers(quick: bool = False) -> Result:
    """Beside a peer, on the same recording; the second time each is compiled."""
    result = Result("What do entropy production routes make of a recording, beside a peer?")
    by_name = {p.name: p for p in PROBLEMS}
    names = ("rotation", "five_beads", "limit_cycle_D=0.1")
    beside_peer(result, [by_name[name] for name in (names[:1] if quick else names)])
    return result


def run(quick: bool = False) -> Result:
    """All of it."""
    result = Result("Is the entropy production right by every route, and for networks?")
    by_name = {p.name: p for p in PROBLEMS if p.entropy_production is not None}
    three = [by_name[name] for name in ("rotation", "five_beads", "limit_cycle_D=0.1")]
    routes_and_networks(result, [by_name["rotation"]] if quick else list(by_name.values()))
    chains(result, quick)
    fields(result, three if quick else list(by_name.values()))
    coverage(result, three[:1] if quick else three, 20 if quick else 100)
    return result
